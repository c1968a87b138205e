# SPDX-License-Identifier: BSD-2-Clause
"""Tiles and what the page is told of an image, against numpy."""
import io
import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / 'image'))
from images import image, made, random, zarr  # noqa: E402
from rendering import CODECS, Image, numpy, rgba_of, rounded, shrink, window_of  # noqa: E402
from viewer import needs_view, viewing  # noqa: E402

from kit.info import pack_directory  # noqa: E402

pytestmark = [needs_view, pytest.mark.filterwarnings('ignore')]
SIDE = 256
STYLES = [(0, 'FF8000', 10, 180), (1, '00FF40', -5.5, 90), (2, '0000FF', 0, 255)]


def colour(planes, styles):
    """The light of planes (one for each style)."""
    light = 0
    for plane, (_, color, start, end) in zip(planes, styles):
        values = plane.astype(float)
        with numpy.errstate(invalid='ignore', divide='ignore'):
            share = (values / 2 - start / 2) / (end / 2 - start / 2)
        share = numpy.where(numpy.isfinite(values), numpy.clip(numpy.nan_to_num(share), 0, 1), 0)
        light = light + share[..., None] * [int(color[i:i + 2], 16) for i in (0, 2, 4)]
    return light


def cut(plane, x, y):
    return plane[y * SIDE:(y + 1) * SIDE, x * SIDE:(x + 1) * SIDE]


def address(level, z, t, x, y, styles, labels=None, node=0):
    query = 'c=' + ','.join('%d:%s:%r:%r' % style for style in styles)
    more = '' if labels is None else '&l=%d' % labels
    return 'tile/%d/%d/%d/%d/%d/%d.png?%s%s' % (node, level, z, t, x, y, query, more)


def picture(viewer, path):
    headers, body = viewer.get(path)
    assert headers['content-type'] == 'image/png'
    return numpy.array(Image.open(io.BytesIO(body)).convert('RGB')).astype(int)


def check(viewer, path, expected):
    got = picture(viewer, path)
    assert got.shape == expected.shape, path
    assert numpy.abs(got - expected).max() <= 1, path  # a sum may be rounded in another order
    assert (got != expected).mean() < 0.01, path


def planes_of(data, axes, z, t, channels):
    """Of an array with any order of axes, each as y, x."""
    order = [axes.index(a) for a in 'tczyx' if a in axes]
    data = data.transpose(order)
    for position, axis in enumerate('tcz'):
        if axis not in axes:
            data = numpy.expand_dims(data, position)
    return [data[t, channel, z] for channel in channels]


@pytest.mark.parametrize('axes,dtype', [('yx', 'uint16'), ('cyx', 'uint8'), ('czyx', 'int16'),
                                        ('tczyx', 'float32'), ('zyx', 'int64'), ('yxc', 'uint32'),
                                        ('ycx', 'float16'), ('tzyx', 'bool'), ('ctyx', 'float64'),
                                        ('zcyx', 'int8')])
def test_axes_and_types(tmp_path, axes, dtype):
    sizes = {'t': 2, 'c': 3, 'z': 3, 'y': 270, 'x': 300}
    data = random(*(sizes[a] for a in axes), dtype='int64').astype(dtype)
    if data.dtype.kind == 'f':
        data[data > 190], data[data < 5] = numpy.nan, numpy.inf
    styles = STYLES if 'c' in axes else STYLES[:1]
    z, t = 2 * ('z' in axes), int('t' in axes)
    with viewing(made(tmp_path, [data], axes=axes)) as viewer:
        planes = planes_of(data, axes, z, t, range(len(styles)))
        for x, y in itertools.product((0, 1), (0, 1)):
            expected = rounded(colour([cut(plane, x, y) for plane in planes], styles))
            check(viewer, address(0, z, t, x, y, styles), expected)
        for wrong in ((0, z, t, 2, 0), (0, z, t, 0, 2), (1, z, t, 0, 0), (0, 3, t, 0, 0), (0, z, 2,
                                                                                           0, 0)):
            assert viewer.request(address(*wrong, styles))[0] == 404, wrong
        assert viewer.request(address(0, z, t, 0, 0, [(3, 'FFFFFF', 0, 1)]))[0] == 404


@pytest.mark.parametrize('codec', ['shards', 'transpose', 'v2', *CODECS])
def test_codecs(tmp_path, codec):
    data = random(2, 300, 520)
    more = {'chunks': (1, 64, 100), 'compressors': None}
    if codec == 'shards':
        more['shards'] = (2, 128, 200)
    elif codec == 'transpose':
        more['filters'] = [zarr.codecs.TransposeCodec(order=(2, 0, 1))]
    elif codec == 'v2':
        more['zarr_format'] = 2
    elif codec != 'zlib':
        kind = {'gzip': 'GzipCodec', 'zstd': 'ZstdCodec', 'blosc': 'BloscCodec'}[codec]
        more['compressors'] = getattr(zarr.codecs, kind)()
    zarr.create_array(tmp_path / 's', shape=data.shape, dtype=data.dtype, fill_value=7,
                      **more)[:, :, :400] = data[:, :, :400]
    data[:, :, 400:] = 7
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        for x, y in ((0, 0), (1, 1), (2, 0)):
            plane = cut(data[0], x, y)
            check(viewer, address(0, 0, 0, x, y, STYLES[:1]), rounded(colour([plane], STYLES[:1])))


def test_levels(tmp_path):
    levels = [random(1, 3, 600, 500), random(1, 2, 300, 250), random(1, 1, 150, 125)]
    with viewing(made(tmp_path, levels, axes='czyx')) as viewer:
        said = viewer.json('image/0.json')
        assert [(v['width'], v['height'], v['depth'], v['scale_x'])
                for v in said['levels']] == [(500, 600, 3, 1.0), (250, 300, 2, 2.0),
                                             (125, 150, 1, 4.0)]
        for number, data in enumerate(levels):
            z = data.shape[1] - 1
            for x, y in itertools.product(range((data.shape[3] + 255) // 256),
                                          range((data.shape[2] + 255) // 256)):
                expected = rounded(colour([cut(data[0, z], x, y)], STYLES[:1]))
                check(viewer, address(number, z, 0, x, y, STYLES[:1]), expected)


def test_levels_that_are_not_stored(tmp_path):
    """Those of an image without small levels are made of its last one; rule 2 of thumbnails."""
    data = random(1, 2300, 5000)
    data[0, 300:900, 1000:4000] = 190
    zarr.create_array(tmp_path / 's', shape=(2300, 5000), chunks=(128, 256), shards=(1024, 1024),
                      dtype='uint16', compressors=None)[...] = data[0]
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        levels = viewer.json('image/0.json')['levels']
        assert [(v['width'], v['height'], v['scale_x']) for v in levels
                ] == [(5000, 2300, 1), (2500, 1150, 2), (1250, 575, 4), (625, 288, 8)]
        for number, x, y in ((1, 9, 4), (1, 0, 0), (2, 4, 2), (3, 0, 0), (3, 2, 1)):
            side, shown = SIDE << number, (levels[number]['height'], levels[number]['width'])
            window = data[0, y * side:(y + 1) * side, x * side:(x + 1) * side]
            sizes = [min(SIDE, size - at * SIDE) for size, at in zip(shown, (y, x))]
            expected = rounded(colour([shrink(window, *sizes)], STYLES[:1]))
            check(viewer, address(number, 0, 0, x, y, STYLES[:1]), expected)
        for wrong in ((4, 0, 0), (3, 3, 0), (3, 0, 2)):
            path = address(wrong[0], 0, 0, *wrong[1:], STYLES[:1])
            assert viewer.request(path)[0] == 404, wrong


def test_labels_over_an_image(tmp_path):
    data = random(1, 520, 700)
    numbers = numpy.random.default_rng(1).integers(0, 9, (260, 350)).astype('uint32')
    colors = [{'label-value': 3, 'rgba': [255, 0, 10, 128]}]
    image(tmp_path / 's', [data])
    zarr.create_group(tmp_path / 's/labels',
                      attributes={'ome': {
                          'version': '0.5',
                          'labels': ['half', 'same', 'odd']
                      }})
    masks = {'half': numbers, 'same': numbers.repeat(2, 0).repeat(2, 1), 'odd': numbers[:100, :90]}
    for name, mask in masks.items():
        image(tmp_path / 's/labels' / name, [mask],
              axes='yx',
              **{'image-label': {
                  'version': '0.5',
                  'colors': colors
              }})
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        ids = {label['name']: label['id'] for label in viewer.json('image/0.json')['labels']}
        assert list(ids) == ['half', 'same', 'odd']
        assert viewer.json('image/%d.json' % ids['same'])['label'] is True
        for name, (x, y) in itertools.product(masks, ((0, 0), (1, 1), (2, 2))):
            mask = masks[name]
            rows = numpy.arange(520) * mask.shape[0] // 520
            columns = numpy.arange(700) * mask.shape[1] // 700
            rgba = rgba_of(cut(mask[numpy.ix_(rows, columns)], x, y), {3: [255, 0, 10, 128]})
            light = numpy.minimum(colour([cut(data[0], x, y)], STYLES[:1]), 255)
            expected = rounded(light + (rgba[..., :3] - light) * rgba[..., 3:] / 510)
            check(viewer, address(0, 0, 0, x, y, STYLES[:1], labels=ids[name]), expected)
        alone = rgba_of(cut(masks['same'], 0, 0), {3: [255, 0, 10, 128]})
        check(viewer,
              address(0, 0, 0, 0, 0, [], node=ids['same']).replace('?c=', ''),
              rounded(alone[..., :3] * alone[..., 3:] / 255))
        assert viewer.request(address(0, 0, 0, 0, 0, STYLES[:1], labels=99999))[0] == 404


def test_channels_and_their_histograms(tmp_path):
    omero = [{
        'label': 'DNA </script>',
        'color': 'FF8000',
        'active': True,
        'window': {
            'start': 20,
            'end': 150
        }
    }, {
        'active': False
    }]
    small = random(2, 3, 64, 50, dtype='float32')
    small[1, 1, 0, 0] = numpy.nan
    levels = [random(2, 3, 128, 100, dtype='float32'), small]
    with viewing(made(tmp_path, levels, axes='czyx', omero=omero)) as viewer:
        said = viewer.json('image/0.json')
        assert (said['axes'], said['c'], said['z'], said['t'],
                said['data_type']) == (list('czyx'), 2, 3, 1, 'float32')
        first, second = said['channels']
        assert [first[k] for k in ('label', 'color', 'active', 'start', 'end')
                ] == ['DNA </script>', 'FF8000', True, 20, 150]
        assert (second['label'], second['active']) == ('', False)
        plane = small[1, 1].astype(float)
        assert (second['start'], second['end']) == window_of(plane, plane.dtype, False)
        for channel, values in ((first, small[0, 1]), (second, small[1, 1])):
            values = values[numpy.isfinite(values)].astype(float)
            counts = numpy.histogram(values, 256, (values.min(), values.max()))[0]
            assert channel['histogram'] == counts.tolist()
            assert channel['min'] == min(values.min(), channel['start'])
            assert channel['max'] == max(values.max(), channel['end'])


def test_chunk_that_cannot_be_decoded(tmp_path):
    zarr.create_array(tmp_path / 's',
                      shape=(300, 600),
                      chunks=(300, 300),
                      dtype='uint8',
                      compressors=zarr.codecs.GzipCodec())[...] = 5
    chunk = tmp_path / 's/c/0/1'
    chunk.write_bytes(chunk.read_bytes()[:-20] + os.urandom(20))
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        assert viewer.request(address(0, 0, 0, 0, 0, STYLES[:1]))[0] == 200
        status, headers, body = viewer.request(address(0, 0, 0, 2, 0, STYLES[:1]))
        assert (status, headers['content-type']) == (422, 'application/json')
        assert b"chunk 'c/0/1'" in body
        channel, = viewer.json('image/0.json')['channels']  # the page shows the rest
        assert [channel[k] for k in ('histogram', 'start', 'end')] == [[], 0, 255]


def test_histogram_of_the_smallest_level_that_can_be_decoded(tmp_path):
    levels = [random(128, 100), random(64, 50), random(32, 25)]
    image(tmp_path / 's', levels, axes='yx')
    for level in '12':
        chunk = tmp_path / 's' / level / 'c/0/0'
        chunk.write_bytes(chunk.read_bytes()[:-1])
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        channel, = viewer.json('image/0.json')['channels']
        assert sum(channel['histogram']) == levels[0].size
        assert channel['max'] == levels[0].max()
        assert viewer.request(address(1, 0, 0, 0, 0, STYLES[:1]))[0] == 422


def test_image_whose_codec_is_unknown(tmp_path):
    image(tmp_path / 's', [random(32, 25)], axes='yx')
    metadata = tmp_path / 's/0/zarr.json'
    metadata.write_text(metadata.read_text().replace('"bytes"', '"unheard-of"'))
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        assert 'unheard-of' in viewer.json('image/0.json')['message']
