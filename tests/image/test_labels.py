# SPDX-License-Identifier: BSD-2-Clause
"""Label images in colours, alone and over their image."""
import json

import pytest

from images import image, random, zarr
from kit.info import pack_directory
from rendering import check, needs_png, numpy, picture, render_labels, render_over, run

pytestmark = [needs_png, pytest.mark.filterwarnings('ignore')]
COLORS = {3: (255, 0, 0, 255), 0: (0, 0, 90, 128), 199: (1, 2, 3, 0), 2**30: (0, 255, 0, 60)}
STATED = [{'label-value': n, 'rgba': list(rgba)} for n, rgba in COLORS.items()]


def blobs(*shape, dtype='uint16'):
    """Numbers of squares, and some of no label."""
    data = random(*[(n + 4) // 5 for n in shape[-2:]]) % 7
    plane = data.repeat(5, 0).repeat(5, 1)[:shape[-2], :shape[-1]]
    made = numpy.broadcast_to(plane, shape).astype(dtype)
    made.reshape(-1)[[0, 7, 40]] = 3, 199, 2**30 if made.dtype.itemsize > 2 else 1
    return made


def pair(tmp_path, data, labels, axes='yx', names=('cells', ), label_axes=None, **image_label):
    """An image with label images of these levels, and what the group says of them."""
    image(tmp_path / 's', [data], axes=axes)
    zarr.create_group(tmp_path / 's' / 'labels',
                      attributes={'ome': {'version': '0.5', 'labels': list(names)}})
    for name in names:
        image(tmp_path / 's' / 'labels' / name, labels, axes=label_axes or axes,
              **{'image-label': {'version': '0.5', **image_label}})
    return pack_directory(tmp_path / 's', tmp_path / 'x.ozx')


@pytest.mark.parametrize('dtype', ['int32', 'uint8', 'uint64'])
def test_each_label_has_its_colour(tmp_path, dtype):
    data = blobs(60, 80, dtype=dtype)
    archive = pair(tmp_path, random(60, 80), [data])
    for size in (256, 33):
        expected = render_labels(data, size)
        assert (picture(archive, '--path', 'labels', '-s', str(size)) == expected).all()


def test_colours_that_are_stated(tmp_path):
    data = blobs(60, 80, dtype='uint32')
    wrong = [{'label-value': 1}, {'label-value': '1', 'rgba': [1, 2, 3, 4]}, None, 7,
             {'label-value': 1, 'rgba': [1, 2, 3]}, {'label-value': 1, 'rgba': [1, 2, 3, 256]},
             {'label-value': 1, 'rgba': [1, 2, 3, 4, 5]}, {'label-value': 1, 'rgba': [0, 0, 0, -1]}]
    archive = pair(tmp_path, random(60, 80), [data], colors=wrong + STATED)
    check(archive, render_labels(data, colors=COLORS), '--path', 'labels/cells')
    check(archive, render_over([random(60, 80)], data, colors=COLORS), '--labels')


@pytest.mark.parametrize('size', [256, 80, 50, 31])
def test_over_their_image(tmp_path, size):
    """From the image and from its label image; of several the first one."""
    data, labels = random(60, 80), [blobs(60, 80), blobs(60, 80)[::2, ::2]]
    archive = pair(tmp_path, data, labels, names=('a', 'b'))
    level = labels[1] if size <= 40 else labels[0]
    expected = render_over([data], level, size)
    for path in ('/', 'labels', 'labels/b'):
        check(archive, expected, '--labels', '--path', path, '-s', str(size))


def test_of_another_size_than_their_image(tmp_path):
    """Fewer pixels, fewer planes: those at the same place."""
    data, labels = random(2, 6, 60, 80), blobs(1, 3, 20, 28)
    labels[0, :, 5, 5] = 1, 2, 3
    archive = pair(tmp_path, data, [labels], axes='czyx')
    for z, plane in ((0, 0), (3, 1), (5, 2)):
        expected = render_over(list(data[:, z]), labels[0, plane])
        check(archive, expected, '--labels', '--z', str(z))
    expected = render_over(list(data.max(1)), labels[0].max(0))
    check(archive, expected, '--labels', '--z', 'max')


def test_image_that_the_labels_name(tmp_path):
    data, labels = random(60, 80), blobs(60, 80)
    image(tmp_path / 's', [random(20, 20)], axes='yx')
    image(tmp_path / 's' / 'picture', [data], axes='yx')
    image(tmp_path / 's' / 'found', [labels], axes='yx',
          **{'image-label': {'source': {'image': '../picture'}, 'colors': STATED}})
    archive = pack_directory(tmp_path / 's', tmp_path / 'x.ozx')
    expected = render_over([data], labels, colors=COLORS)
    check(archive, expected, '--labels', '--path', 'found')


def test_of_zarr_v2(tmp_path):
    labels = blobs(30, 40, dtype='int32')
    zarr.create_group(tmp_path / 's', zarr_format=2, attributes={
        'image-label': {'version': '0.4', 'colors': STATED},
        'multiscales': [{
            'version': '0.4', 'axes': [{'name': n, 'type': 'space'} for n in 'yx'],
            'datasets': [{'path': '0', 'coordinateTransformations': [{'type': 'scale',
                                                                      'scale': [1.0, 1.0]}]}]
        }]
    })
    zarr.create_array(tmp_path / 's', name='0', shape=labels.shape, chunks=(20, 20), dtype='int32',
                      zarr_format=2, compressors=None)[...] = labels
    archive = pack_directory(tmp_path / 's', tmp_path / 'x.ozx')
    check(archive, render_labels(labels, colors=COLORS))


def test_other_one_of_the_pair_is_missing(tmp_path):
    image(tmp_path / 's', [random(30, 40)], axes='yx')
    node = tmp_path / 's' / 'zarr.json'
    whole = json.loads(node.read_text())
    cases = [({}, 'has no label images')]
    for path in ('../..', '../../../../etc', 'none', 'a\u001b[2J', ''):
        cases.append(({'image-label': {'source': {'image': path}}}, 'missing' if path else None))
    for more, said in cases:
        changed = json.loads(json.dumps(whole))
        changed['attributes']['ome'].update(more)
        node.write_text(json.dumps(changed))
        archive = pack_directory(tmp_path / 's', tmp_path / 'x.ozx')
        done = run('thumbnail', '--force', '--labels', archive, tmp_path / 'x.png')
        if said is None:  # they are their own image
            assert done.returncode == 0, done
            continue
        assert done.returncode == 66 and done.stderr.count('\n') == 1, (more, done)
        assert said in done.stderr and '\u001b' not in done.stderr
