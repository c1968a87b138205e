# SPDX-License-Identifier: BSD-2-Clause
"""`info` reads every version of OME-Zarr by its own rules, and tells an array at the root."""
import json

import pytest

from kit.info import array, group, info, info_text, write

ZARRAY = {
    'zarr_format': 2, 'dtype': '|u1', 'order': 'C', 'fill_value': None, 'compressor': None,
    'filters': None
}


def image_v2(shape, *multiscales, **attributes):
    """The files of an image of Zarr v2."""
    attributes['multiscales'] = [{'datasets': [{'path': '0'}], **m} for m in multiscales]
    return {
        '.zgroup': {'zarr_format': 2}, '.zattrs': attributes,
        '0/.zarray': {**ZARRAY, 'shape': shape, 'chunks': shape}
    }


def told(tmp_path, files):
    """(the first multiscale, the defects) as info tells them."""
    root = info(write(tmp_path / 'x.zip', files, comment=b''))['root']
    return root['multiscales'][0], [d['where'] + ' ' + d['text'] for d in root['defects']]


@pytest.mark.parametrize('version', ['0.1', '0.2', None])
@pytest.mark.parametrize('shape, axes', [([1, 1, 1, 4, 4], 'tczyx'), ([4, 4], 'yx'),
                                         ([3, 4, 4], 'zyx')])
def test_no_axes_are_t_c_z_y_x(tmp_path, version, shape, axes):
    files = image_v2(shape, {'version': version} if version else {})
    multiscale, defects = told(tmp_path, files)
    assert defects == []
    assert ''.join(a['name'] for a in multiscale['axes']) == axes
    assert multiscale['axes'][-1]['type'] == 'space'
    text = info_text(tmp_path / 'x.zip')
    assert 'problem' not in text
    assert f"axes       {', '.join(axes)} (implied)" in text


@pytest.mark.parametrize('version', ['0.3', None])
def test_axes_of_0_3_are_letters(tmp_path, version):
    named = {'version': version} if version else {}
    multiscale, defects = told(tmp_path, image_v2([2, 4, 4], {**named, 'axes': ['c', 'y', 'x']}))
    assert defects == []
    assert [(a['name'], a['type']) for a in multiscale['axes']] == [('c', 'channel'),
                                                                    ('y', 'space'), ('x', 'space')]
    assert 'problem' not in info_text(tmp_path / 'x.zip')


@pytest.mark.parametrize('axes, defect', [
    (None, 'multiscales[0].axes is missing'),
    (['x', 'y'], 'multiscales[0].axes are not in the order t, c, z, y, x'),
    (['y', 'y'], 'multiscales[0].axes are not in the order t, c, z, y, x'),
    (['y', 'w'], "multiscales[0].axes[1] is 'w', which is not one of t, c, z, y and x"),
    (['y', 7], 'multiscales[0].axes[1] is not an object'),
])
def test_wrong_axes_of_0_3(tmp_path, axes, defect):
    files = image_v2([4, 4], {'version': '0.3', **({'axes': axes} if axes else {})})
    assert told(tmp_path, files)[1] == [defect]


def test_0_4_asks_for_objects_and_a_scale(tmp_path):
    assert told(tmp_path, image_v2([4, 4], {'version': '0.4', 'axes': ['y', 'x']}))[1] == [
        'multiscales[0].axes[0] is not an object', 'multiscales[0].axes[1] is not an object',
        'multiscales[0].datasets[0].coordinateTransformations is missing']


def test_each_multiscale_has_its_version(tmp_path):
    new = {
        'version': '0.4', 'axes': [{'name': n, 'type': 'space'} for n in 'yx'], 'datasets': [{
            'path': '0', 'coordinateTransformations': [{'type': 'scale', 'scale': [1, 1]}]
        }]
    }
    assert told(tmp_path,
                image_v2([4, 4], new, {'version': '0.2'},
                         {'version': '0.3', 'axes': ['y', 'x']}))[1] == []


SCALE, MOVE = {'type': 'scale', 'scale': [2, 2]}, {'type': 'translation', 'translation': [1, 1]}
HERE = 'attributes.ome.multiscales[0].datasets[0].coordinateTransformations'


@pytest.mark.parametrize('transforms, defects', [
    ([SCALE], []),
    ([SCALE, MOVE], []),
    ([MOVE, SCALE], [HERE + '[1] is a scale after the translation; the scale must come first']),
    ([SCALE, SCALE], [HERE + '[1] is a second scale']),
    ([SCALE, MOVE, MOVE], [HERE + '[2] is a second translation']),
    ([{'type': 'identity'}, SCALE
      ], [HERE + "[0].type is 'identity', neither 'scale' nor 'translation'"]),
    ([MOVE], [HERE + ' has no scale']),
    ([], [HERE + ' has no scale']),
    ([{'type': 'scale', 'path': 'numbers'}], []),
])
def test_transformations_of_0_5(tmp_path, transforms, defects):
    multiscale = {
        'axes': [{'name': n, 'type': 'space'} for n in 'yx'],
        'datasets': [{'path': '0', 'coordinateTransformations': transforms}]
    }
    assert told(
        tmp_path,
        {'zarr.json': group(multiscales=[multiscale]), '0/zarr.json': array()})[1] == defects


def systems(*transforms, **more):
    """A multiscale of the drafts of 0.6."""
    return {
        'coordinateSystems': [{
            'name': 'physical', 'axes': [{'name': n, 'type': 'space'} for n in 'yx']
        }], 'datasets': [{
            'path': '0', 'coordinateTransformations': [
                {**t, 'input': {'path': '0'}, 'output': {'name': 'physical'}} for t in transforms
            ]
        }], **more
    }


@pytest.mark.parametrize('transform, defect', [
    (SCALE, None),
    ({'type': 'identity'}, None),
    ({'type': 'sequence', 'transformations': [SCALE, MOVE]}, None),
    ({'type': 'sequence', 'transformations': [MOVE, SCALE]
      }, '[0].transformations[1] is a scale after the translation; the scale must come first'),
])
def test_transformations_of_0_6(tmp_path, transform, defect):
    files = {
        'zarr.json': group(version='0.6.dev4', multiscales=[systems(transform)]),
        '0/zarr.json': array()
    }
    assert told(tmp_path, files)[1] == ([HERE + defect] if defect else [])


def test_0_6_asks_for_coordinate_systems(tmp_path):
    files = {
        'zarr.json': group(version='0.6', multiscales=[{'datasets': []}]), '0/zarr.json': array()
    }
    assert 'attributes.ome.multiscales[0].coordinateSystems is missing' in told(tmp_path, files)[1]


TIME, SPACE = {'type': 'time'}, {'type': 'space'}


@pytest.mark.parametrize('axes, defect', [
    ([], 'is empty'),
    ([SPACE], 'are 1; an image has 2 to 5'),
    ([SPACE, {}], "of type 'space' are 1; an image has 2 or 3"),
    ([TIME, {'type': 'channel'}], "of type 'space' are 0; an image has 2 or 3"),
    ([TIME, {}], None),
    ([SPACE, TIME, SPACE], 'are not in the order time, channel, space'),
    ([SPACE, SPACE, SPACE, SPACE], "of type 'space' are 4; an image has 2 or 3"),
    ([{}, {}], None),
    ([{'type': 'array'}, {'type': 'array'}], None),
    ([{'type': 'custom'}, SPACE, SPACE], None),
])
@pytest.mark.parametrize('version', ['0.5', '0.6.dev4'])
def test_axes(tmp_path, version, axes, defect):
    named = [{'name': 'n%d' % i, **a} for i, a in enumerate(axes)]
    multiscale, where = {'axes': named, 'datasets': []}, 'axes'
    if version > '0.6':
        multiscale, where = {
            'coordinateSystems': [{'name': 'physical', 'axes': named}], 'datasets': []
        }, 'coordinateSystems[0].axes'
    told_of_axes = [
        d
        for d in told(tmp_path, {'zarr.json': group(version=version, multiscales=[multiscale])})[1]
        if '.axes ' in d
    ]
    assert told_of_axes == ([f'attributes.ome.multiscales[0].{where} {defect}'] if defect else [])


def test_array_at_the_root(tmp_path):
    files = {
        'zarr.json': array((100, 64),
                           codecs=['bytes', {'name': 'zstd', 'configuration': {'level': 3}}]),
        'c/0/0': bytes(1024)
    }
    path = write(tmp_path / 'x.ozx', files)
    assert info_text(path).split('\n\n')[1] == f"""\
/  array, {len(json.dumps(files['zarr.json'])) / 1024 + 1:.1f} KiB
   data       100 x 64 uint8; chunks 32 x 32; bytes, zstd(3); 1 of 8 chunks
"""
    root = info(path)['root']
    assert (root['shape'], root['data_type'], root['chunk_shape'],
            root['codecs']) == ([100, 64], 'uint8', [32, 32], ['bytes', 'zstd(3)'])


def test_array_of_zarr_v2_at_the_root(tmp_path):
    path = write(tmp_path / 'x.zip', {'.zarray': {**ZARRAY, 'shape': [9], 'chunks': [3]}},
                 comment=b'')
    assert '9 uint8; chunks 3; 0 of 3 chunks' in info_text(path)


def test_scene(tmp_path):
    transform = {
        'type': 'translation', 'translation': [0, 9], 'input': {'path': 't0', 'name': 'physical'},
        'output': {'name': 'world'}
    }
    block = {
        'coordinateSystems': [{
            'name': 'world', 'axes': [{'name': n, 'type': 'space'} for n in 'yx']
        }], 'coordinateTransformations': [transform]
    }
    files = {
        'zarr.json': group(version='0.6.dev3', scene=block),
        't0/zarr.json': group(version='0.6.dev3',
                              multiscales=[systems(SCALE)]), 't0/0/zarr.json': array()
    }
    root = info(write(tmp_path / 'x.ozx', files))['root']
    assert (root['kind'], root['defects']) == ('scene', [])
    assert root['scene'] == {
        'coordinate_systems': ['world'], 'transformations': [{
            'type': 'translation', 'input': {'path': 't0', 'name': 'physical'},
            'output': {'path': None, 'name': 'world'}
        }]
    }
    assert [c['kind'] for c in root['children']] == ['image']
    text = info_text(tmp_path / 'x.ozx')
    assert '/  scene, transformations: 1' in text and 'systems    world' in text
    assert '─ t0  image' in text
