# SPDX-License-Identifier: BSD-2-Clause
"""Images to make pictures of."""
import pytest

from kit.info import pack_directory
from rendering import numpy

zarr = pytest.importorskip('zarr')


def image(folder, levels, axes='cyx', omero=None, **ome):
    types = {'t': 'time', 'c': 'channel'}
    attributes = {
        'version': '0.5', 'multiscales': [{
            'axes': [{'name': n, 'type': types.get(n, 'space')} for n in axes], 'datasets': [{
                'path': str(i),
                'coordinateTransformations': [{'type': 'scale', 'scale': [2.0**i] * len(axes)}]
            } for i in range(len(levels))]
        }], **ome
    }
    if omero:
        attributes['omero'] = {'channels': omero}
    zarr.create_group(folder, attributes={'ome': attributes}, overwrite=True)
    for number, data in enumerate(levels):
        zarr.create_array(folder, name=str(number), shape=data.shape,
                          chunks=[min(n, 20) for n in data.shape], dtype=data.dtype,
                          compressors=None)[...] = data


def random(*shape, dtype='uint16'):
    return numpy.random.default_rng(len(shape)).integers(0, 200, shape).astype(dtype)


def made(tmp_path, *arguments, **more):
    image(tmp_path / 's', *arguments, **more)
    return pack_directory(tmp_path / 's', tmp_path / 'x.ozx')
