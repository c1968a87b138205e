# SPDX-License-Identifier: BSD-2-Clause
"""Stores by the writers that are installed: ngff-zarr in 0.4 mode, zarr-python with zarr_format 2.
"""
import itertools
import json
import re
import warnings

import ngff_zarr
import numpy
import zarr

from conftest import convert, metadata
from kit import launch

warnings.simplefilter('ignore')

DIMS = {
    'yx': (37, 41), 'zyx': (5, 37, 41), 'cyx': (2, 37, 41), 'czyx': (2, 3, 20, 21),
    'tczyx': (2, 2, 3, 20, 21), 'tyx': (3, 30, 31)
}
TYPES = ('u1', 'u2', '>u2', 'f4', 'i2')


def arrays(root, zarr_format):
    group = zarr.open_group(root, mode='r', zarr_format=zarr_format, use_consolidated=False)
    return {
        path: node
        for path, node in group.members(max_depth=None)
        if isinstance(node, zarr.Array)
    }


def same_everywhere(store, v3):
    before, after = arrays(store, 2), arrays(v3, 3)
    assert before and before.keys() == after.keys()
    for path, array in before.items():
        pixels = array[...]
        assert numpy.array_equal(pixels, after[path][...], equal_nan=pixels.dtype.kind
                                 in 'fcmM'), path
    return len(before)


def test_ngff_zarr(tmp_path):
    """30 images; the metadata are those of 0.5 that ngff-zarr reads."""
    compared = 0
    for number, (dims, dtype) in enumerate(itertools.product(DIMS, TYPES)):
        store, out, v3 = (tmp_path / f'{number}.{kind}' for kind in ('zarr', 'ozx', 'v3'))
        pixels = (numpy.arange(numpy.prod(DIMS[dims])) % 251).reshape(DIMS[dims]).astype(dtype)
        image = ngff_zarr.to_ngff_image(pixels, dims=list(dims),
                                        scale={d: 0.5
                                               for d in dims
                                               if d in 'zyx'}, name='image')
        ngff_zarr.to_ngff_zarr(
            str(store),
            ngff_zarr.Multiscales([image],
                                  ngff_zarr.to_multiscales(image, scale_factors=[],
                                                           chunks=16).metadata), version='0.4')
        stated = json.loads((store / '.zattrs').read_text())['multiscales'][0]
        convert(store, out, '-q')
        made = metadata(out)['attributes']['ome']
        assert made['version'] == '0.5' and made['multiscales'][0] == {
            k: v
            for k, v in stated.items()
            if k != 'version'
        }
        launch.ok('unpack', out, v3)
        compared += same_everywhere(store, v3)
        assert ngff_zarr.from_ngff_zarr(str(v3)).metadata.axes
        found = launch.run_text('verify', '--strict', out).stdout
        assert set(re.findall(r'^(?:warn|fail) +([a-z0-9-]+)', found, re.M)) <= {'sharding'}, found
    print(f'{compared} arrays compared')
    assert compared >= 30


def test_zarr_python(tmp_path):
    group = zarr.open_group(tmp_path / 'v2', mode='w', zarr_format=2)
    for dtype, separator, order in itertools.product(
        ('u1', '>i4', 'f8', 'c8', 'bool', 'U3', 'S4', 'M8[s]'), './', 'CF'):
        array = group.require_group('a b/ü').create_array(
            f'{dtype.strip(">")}-{ord(separator)}-{order}', shape=(7, 5), chunks=(3, 2),
            dtype=dtype, order=order, chunk_key_encoding={'name': 'v2', 'separator': separator})
        array[:4] = numpy.arange(20).reshape(4, 5).astype(dtype)
    zarr.consolidate_metadata(tmp_path / 'v2')
    said = convert(tmp_path / 'v2', tmp_path / 'v3.ozx', '--ome-version', '0.5')
    assert '.zmetadata' in said
    launch.ok('unpack', tmp_path / 'v3.ozx', tmp_path / 'v3')
    assert same_everywhere(tmp_path / 'v2', tmp_path / 'v3') == 32
