# SPDX-License-Identifier: BSD-2-Clause
"""An archive whose names and texts are a stranger's, and a viewer of it."""
import json

import pytest

from kit.info import write
from viewer import viewing

HOSTILE = ['<script>alert(1)', '"quoted"', "it's & <b>", '%2e%2e', 'ünï #?;=']
ARRAY = {
    'zarr_format': 3,
    'node_type': 'array',
    'shape': [300, 300],
    'data_type': 'uint8',
    'chunk_grid': {
        'name': 'regular',
        'configuration': {
            'chunk_shape': [100, 100]
        }
    },
    'chunk_key_encoding': {
        'name': 'default',
        'configuration': {
            'separator': '/'
        }
    },
    'fill_value': 9,
    'codecs': [{
        'name': 'bytes'
    }]
}
GROUP = {'zarr_format': 3, 'node_type': 'group', 'attributes': {'a': '</script>', 'n': 1e30}}


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp('view') / '<i>.ozx'
    files = {
        'zarr.json': json.dumps(GROUP),
        'a/zarr.json': json.dumps(ARRAY),
        'a/c/0/0': bytes(range(100)) * 100,
        'bad/zarr.json': '{"zarr_format": NaN}'
    }
    for name in HOSTILE:
        files[name + '/zarr.json'] = json.dumps(GROUP)
    write(path, files)
    return path


def array_in(viewer):
    return next(node['id'] for node in viewer.json('tree.json')['nodes'] if node['path'] == 'a')


@pytest.fixture(scope='module')
def viewer(archive):
    with viewing(archive) as viewer:
        yield viewer


__all__ = ['ARRAY', 'GROUP', 'HOSTILE', 'archive', 'array_in', 'viewer']
