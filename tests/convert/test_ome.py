# SPDX-License-Identifier: BSD-2-Clause
"""OME-Zarr 0.1 to 0.4 as 0.5: what moves, what is written out, what stays as it is."""
import json

import numpy
import pytest
import zarr

import stores
from conftest import convert, metadata, tree
from kit import launch

AXES = [
    dict(name=n, type=t) for n, t in zip('tczyx', ['time', 'channel', 'space', 'space', 'space'])
]
LETTERS = ['t', 'c', 'z', 'y', 'x']


def scale(*numbers):
    return [dict(type='scale', scale=list(numbers))]


def image(path, multiscale, shapes=((1, 2, 3, 8, 8), (1, 2, 3, 4, 4)), **attributes):
    stores.group(path, dict(multiscales=[multiscale], **attributes))
    for number, shape in enumerate(shapes):
        stores.write_array(path / str(number), '<u2', shape, [max(1, s // 2) for s in shape],
                           separator='/', compressor=dict(id='blosc'))
    return path


def datasets(transforms=True):
    return [
        dict(
            path=str(n),
            **(dict(
                coordinateTransformations=scale(1, 1, 1, 2.0**n, 2.0**n)) if transforms else {}))
        for n in range(2)
    ]


def test_of_0_4_moves_below_ome(store, out):
    multiscale = dict(version='0.4', name='x', axes=AXES, datasets=datasets(), type='gaussian',
                      metadata=dict(method='a', version='1.2'))
    image(store, multiscale, omero=dict(version='0.4', channels=[]), mine=dict(a=1.50, version='7'))
    said = convert(store, out)
    attributes = metadata(out)['attributes']
    del multiscale['version']
    assert attributes == dict(
        ome=dict(version='0.5', multiscales=[multiscale], omero=dict(channels=[])),
        mine=dict(a=1.5, version='7'))
    assert metadata(out, '1')['dimension_names'] == LETTERS
    assert said == ''
    assert b'1.5,' in tree(out)['zarr.json']  # bytes, not values
    # sharding: of it, and the sum
    assert launch.run_text('verify', '--strict', out).stdout.count('warn') == 2


@pytest.mark.parametrize('version', ['0.1', '0.2', None])
def test_of_0_1_and_0_2_axes_and_scales_are_written_out(store, out, version):
    image(store, dict(datasets=datasets(False), **({'version': version} if version else {})))
    said = convert(store, out)
    block = metadata(out)['attributes']['ome']['multiscales'][0]
    assert block['axes'] == AXES and 'version' not in block
    assert [d['coordinateTransformations']
            for d in block['datasets']] == [scale(1, 1, 1, 1, 1),
                                            scale(1, 1, 1, 2, 2)]
    assert metadata(out, '0')['dimension_names'] == LETTERS
    assert 'no axes are stated' in said and "ratios of the levels' shapes" in said


def test_of_fewer_dimensions_the_last_axes(store, out):
    image(store, dict(version='0.1', datasets=datasets(False)), shapes=((3, 8, 6), (3, 4, 3)))
    convert(store, out)
    block = metadata(out)['attributes']['ome']['multiscales'][0]
    assert [a['name']
            for a in block['axes']] == ['z', 'y', 'x'] == metadata(out, '1')['dimension_names']
    assert block['datasets'][1]['coordinateTransformations'] == scale(1, 2, 2)


def test_of_0_3_letters_get_types(store, out):
    image(store, dict(version='0.3', axes=['c', 'y', 'x'], datasets=datasets(False)),
          shapes=((3, 9, 6), (3, 4, 3)))
    said = convert(store, out)
    block = metadata(out)['attributes']['ome']['multiscales'][0]
    assert block['axes'] == [AXES[1], AXES[3], AXES[4]]
    assert block['datasets'][1]['coordinateTransformations'] == scale(1, 9 / 4, 2)
    assert 'axes have types now' in said


def test_labels_plate_series(store, out):
    well = dict(images=[dict(path='0')], version='0.4')
    plate = dict(version='0.4', rows=[dict(name='A')], columns=[dict(name='1')],
                 wells=[dict(path='A/1', rowIndex=0, columnIndex=0)])
    stores.group(store, {'plate': plate, 'bioformats2raw.layout': 3})
    (store / 'A').mkdir()  # a row that has no metadata
    stores.group(store / 'A' / '1', dict(well=well))
    image(store / 'A' / '1' / '0', dict(version='0.4', axes=AXES, datasets=datasets()))
    stores.group(store / 'A' / '1' / '0' / 'labels', dict(labels=['cells']))
    image(store / 'A' / '1' / '0' / 'labels' / 'cells',
          dict(version='0.4', axes=AXES, datasets=datasets()),
          **{'image-label': dict(version='0.4', source=dict(image='../../'))})
    stores.group(store / 'OME', dict(series=['A/1/0']))
    (store / 'OME' / 'METADATA.ome.xml').write_text('<OME/>')
    (store / '.zmetadata').write_text('{"zarr_consolidated_format": 1, "metadata": {}}')
    said = convert(store, out)
    del plate['version'], well['version']
    assert metadata(out)['attributes'] == dict(
        ome={'version': '0.5', 'plate': plate, 'bioformats2raw.layout': 3})
    assert metadata(out, 'A') == dict(zarr_format=3, node_type='group', attributes={})
    assert metadata(out, 'A/1')['attributes'] == dict(ome=dict(version='0.5', well=well))
    assert metadata(out,
                    'A/1/0/labels')['attributes'] == dict(ome=dict(version='0.5', labels=['cells']))
    assert metadata(out, 'A/1/0/labels/cells')['attributes']['ome']['image-label'] == dict(
        source=dict(image='../../'))
    assert metadata(out, 'A/1/0/labels/cells/0')['dimension_names'] == LETTERS
    assert metadata(out, 'OME')['attributes'] == dict(ome=dict(version='0.5', series=['A/1/0']))
    assert 'OME/METADATA.ome.xml' in tree(out) and not any('.z' in name for name in tree(out))
    assert "'A': a directory above nodes is a group now" in said
    assert 'left out 1 file of consolidated metadata' in said
    found = launch.run_text('verify', '--strict', out).stdout
    assert found.count('warn  ') == 1 and 'warn  sharding' in found, found


def test_names_of_xarray(store, out):
    multiscale = dict(version='0.4', axes=AXES, datasets=datasets())
    image(store, multiscale)
    (store / '0' / '.zattrs').write_text('{"_ARRAY_DIMENSIONS": ["a", "b", "z", "y", "x"]}')
    stores.write_array(store / 'other', '<u2', (4, 4), (2, 2),
                       attributes=dict(_ARRAY_DIMENSIONS=['lat', 'lon'], more=[1]))
    stores.write_array(store / 'twice', '<u2', (4, 4), (2, 2),
                       attributes=dict(_ARRAY_DIMENSIONS=['x', 'x']))
    said = convert(store, out)
    assert metadata(out, '0')['dimension_names'] == LETTERS
    assert metadata(out, 'other')['dimension_names'] == ['lat', 'lon']
    assert metadata(out, 'other')['attributes'] == dict(_ARRAY_DIMENSIONS=['lat', 'lon'], more=[1])
    assert 'dimension_names' not in metadata(out, 'twice')
    assert 'not those of _ARRAY_DIMENSIONS' in said


def test_multiscales_of_others_stay_attributes(store, out):
    """ndpyramid and xarray-multiscale have groups below, and no axes."""
    stores.group(store, dict(multiscales=[dict(datasets=[dict(path='0')], type='reduce')]))
    stores.group(store / '0')
    stores.write_array(store / '0' / 'air', '<f4', (4, 4), (2, 2))
    said = convert(store, out, '--ome-version', '0.5')
    assert metadata(out)['attributes'] == dict(
        multiscales=[dict(datasets=[dict(path='0')], type='reduce')])
    assert 'stays an attribute' in said


def test_a_zip_with_one_folder_is_entered(store, out, tmp_path):
    import subprocess
    image(store, dict(version='0.4', axes=AXES, datasets=datasets()))
    (store / '.DS_Store').write_text('x')
    subprocess.run(['zip', '-qr', tmp_path / 'x.zarr.zip', store.name], cwd=tmp_path, check=True)
    convert(store, tmp_path / 'directory.ozx')
    launch.ok('repack', '--convert', tmp_path / 'x.zarr.zip', out)
    assert tree(out) == tree(tmp_path / 'directory.ozx')
    refused = launch.run_text('repack', '--convert', '--recover', tmp_path / 'x.zarr.zip',
                              tmp_path / 'no.ozx')
    assert refused.returncode == 64 and '--recover' in refused.stderr


def test_the_command_is_named_without_it(store, out):
    image(store, dict(version='0.4', axes=AXES, datasets=datasets()))
    done = launch.run_text('pack', store, out)
    assert done.returncode == 2 and 'ozxfs pack --convert' in done.stderr and not out.exists()


def test_v3_beside_v2(store, out):
    stores.group(store)
    stores.write_array(store / 'a', '<u2', (4, 4), (2, 2))
    v3 = dict(zarr_format=3, node_type='group', attributes=dict(ome=dict(version='0.5')))
    (store / 'zarr.json').write_text(json.dumps(v3))
    assert "'a' is of Zarr v2, in a hierarchy of Zarr v3" in convert(store, out, code=2)
    array = dict(zarr_format=3, node_type='array', shape=[4, 4], data_type='uint16', fill_value=0,
                 codecs=[dict(name='bytes', configuration=dict(endian='little'))],
                 chunk_grid=dict(name='regular', configuration=dict(chunk_shape=[2, 2])),
                 chunk_key_encoding=dict(name='v2', configuration=dict(separator='.')))
    (store / 'a' / 'zarr.json').write_text(json.dumps(array))
    assert 'left out 2 files of Zarr v2 metadata' in convert(store, out)
    assert metadata(out) == v3 and 'a/0.0' in tree(out)
    (store / 'zarr.json').unlink()
    assert "'a' has a zarr.json, in a hierarchy of Zarr v2" in convert(store, out, code=2)


def test_pixels_of_every_level(store, out, tmp_path):
    image(store, dict(version='0.4', axes=AXES, datasets=datasets()))
    convert(store, out)
    launch.ok('unpack', out, tmp_path / 'v3')
    for path in '01':
        before, after = (zarr.open_array(root / path, mode='r')[...]
                         for root in (store, tmp_path / 'v3'))
        assert before.any() and numpy.array_equal(before, after)
