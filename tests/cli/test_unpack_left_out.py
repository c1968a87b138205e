# SPDX-License-Identifier: BSD-2-Clause
"""unpack of a part of an archive: what the metadata that are unpacked say of what is not."""
import json
import os
import zipfile

import pytest

from kit.trees import ok, run

GROUP = {'zarr_format': 3, 'node_type': 'group'}
ARRAY = {
    'zarr_format': 3, 'node_type': 'array', 'shape': [4, 4], 'data_type': 'uint8', 'fill_value': 0,
    'codecs': [{'name': 'bytes'}],
    'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [4, 4]}},
    'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '/'}}
}
MTIME = 1_600_000_000


def ome(**block):
    return {**GROUP, 'attributes': {'ome': {'version': '0.5', **block}}}


def image(*paths):
    axes = [{'name': n, 'type': 'space'} for n in 'yx']
    return ome(multiscales=[{
        'axes': axes,
        'datasets': [{'path': p, 'coordinateTransformations': [{'type': 'scale', 'scale': [1, 1]}]}
                     for p in paths]
    }])


NODES = {
    '': image('s0', 's1'), 's0': ARRAY, 's1': ARRAY, 'labels': ome(labels=['cells']),
    'labels/cells': image('0'), 'labels/cells/0': ARRAY
}


def consolidated(group, nodes):
    start = group + '/' if group else ''
    below = {n[len(start):]: m for n, m in nodes.items() if n.startswith(start) and n != group}
    return json.dumps(
        {
            **NODES[group], 'consolidated_metadata': {
                'kind': 'inline', 'must_understand': False, 'metadata': below
            }
        }, indent=1)


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp('left_out') / 'a'
    for node, metadata in NODES.items():
        (path / node).mkdir(parents=True, exist_ok=True)
        text = consolidated(node, NODES) if node in ('', 'labels') else json.dumps(metadata)
        (path / node / 'zarr.json').write_text(text)
        os.utime(path / node / 'zarr.json', (MTIME, MTIME))
        if metadata['node_type'] == 'array':
            (path / node / 'c/0').mkdir(parents=True)
            (path / node / 'c/0/0').write_bytes(b'\7' * 16)
    ok('pack', path, str(path) + '.ozx')
    return str(path) + '.ozx'


def lines(done):
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    'paths,gone',
    ((['zarr.json', 's0', 's1'], {'labels', 'labels/cells', 'labels/cells/0'}),
     (['zarr.json', 's0', 'labels'], {'s1'}),
     (['zarr.json', 's0', 's1', 'labels/zarr.json'], {'labels/cells', 'labels/cells/0'}),
     (['zarr.json', 's0', 's1', 'labels/cells'], {'labels', 'labels/cells', 'labels/cells/0'}),
     (['zarr.json'], set(NODES) - {''})))
def test_consolidated(archive, tmp_path, paths, gone):
    """As if written without what is not there, with the time that the archive states; one line."""
    done = ok('unpack', archive, tmp_path / 'u', *paths)
    left = {n: m for n, m in NODES.items() if n not in gone}
    assert (tmp_path / 'u/zarr.json').read_text() == consolidated('', left)
    assert (tmp_path / 'u/zarr.json').stat().st_mtime == MTIME
    if 'labels/zarr.json' in paths:
        assert (tmp_path / 'u/labels/zarr.json').read_text() == consolidated('labels', left)
    assert sum('removed' in line and 'warning' not in line for line in lines(done)) == 1
    assert not ok('unpack', '-q', archive, tmp_path / 'v', *paths).stderr
    ok('pack', '--ome-version', '0.5', tmp_path / 'u', tmp_path / 'u.ozx')
    assert ' consolidated  ' not in run('verify', tmp_path / 'u.ozx').stdout


def test_all_of_it(archive, tmp_path):
    for paths in ((), ('.',), ('zarr.json', 's0', 's1', 'labels')):
        done = ok('unpack', '-f', archive, tmp_path / 'u', *paths)
        assert not done.stderr and (tmp_path / 'u/zarr.json').read_text() == consolidated('', NODES)


def test_keep(archive, tmp_path):
    done = ok('unpack', '--keep-consolidated', archive, tmp_path / 'u', 'zarr.json', 's0', 's1')
    assert (tmp_path / 'u/zarr.json').read_text() == consolidated('', NODES)
    assert sum('warning' in line and 'still list 3 nodes' in line for line in lines(done)) == 1


def test_subdir(archive, tmp_path):
    ok('unpack', '--subdir', 'labels', archive, tmp_path / 'u', 'zarr.json')
    assert (tmp_path / 'u/zarr.json').read_text() == consolidated('labels', {})


def test_a_part_that_names_nothing_else(archive, tmp_path):
    for paths in (('s0',), ('labels/cells',), ('labels', 's1')):
        assert not ok('unpack', '-f', archive, tmp_path / paths[0].replace('/', '-'), *paths).stderr


def test_references(archive, tmp_path):
    done = ok('unpack', archive, tmp_path / 'u', 'zarr.json', 's0', 'labels/zarr.json')
    assert sum("the dataset 's1', which is left out" in line for line in lines(done)) == 1
    assert sum("the label image 'cells', which is left out" in line for line in lines(done)) == 1


def test_chunks(archive, tmp_path):
    done = ok('unpack', archive, tmp_path / 'u', 's0/zarr.json')
    assert len(lines(done)) == 1 and 'chunks are left out' in done.stderr and "'s0'" in done.stderr


def test_zarr_v2(tmp_path):
    with zipfile.ZipFile(tmp_path / 'v2.zip', 'w') as z:
        for name, data in (('.zgroup', {'zarr_format': 2}), ('.zattrs', {
                'multiscales': [{'version': '0.4', 'datasets': [{'path': '0'}, {'path': '1'}]}]
        }), ('.zmetadata', {
                'zarr_consolidated_format': 1,
                'metadata': {'.zgroup': {}, '0/.zarray': {}, '1/.zarray': {}}
        }), ('0/.zarray', {'zarr_format': 2}), ('1/.zarray', {'zarr_format': 2})):
            z.writestr(name, json.dumps(data))
    done = run('unpack', '-q', tmp_path / 'v2.zip', tmp_path / 'all')
    assert done.returncode == 0 and not done.stderr
    done = run('unpack', tmp_path / 'v2.zip', tmp_path / 'u', '.zgroup', '.zattrs', '.zmetadata',
               '0')
    assert done.returncode == 0
    assert sum("'.zmetadata'" in line and 'kept unchanged' in line for line in lines(done)) == 1
    assert sum("the dataset '1', which is left out" in line for line in lines(done)) == 1
