# SPDX-License-Identifier: BSD-2-Clause
"""`add`: a tree into an archive, in place. A power cut: tests/faults/test_edit_cut.py."""
import json
import os
import pathlib
import shutil
import subprocess
import zipfile

import pytest
from kit.change import (ARRAY, OME, add, added, comment_of, contents, findings, group, make, ome_of,
                        packed)
from kit.info import OZXFS, run, write

LARGE = b'PK\5\6 and PK\3\4 ' + os.urandom(700000)
TREE = {'zarr.json': group(ome=OME), 's0/zarr.json': ARRAY, 's0/c/0/0': bytes(8),
        's0/c/1/0': bytes(range(8)), 'table/zarr.json': group(), 'table/empty/': b'',
        'table/large': LARGE}


@pytest.fixture
def tree(tmp_path):
    return make(tmp_path / 'added', TREE)


@pytest.fixture
def archive(tmp_path):
    """As pack makes it."""
    return packed(tmp_path, {'zarr.json': group(ome=OME, note=1), 's0/zarr.json': ARRAY,
                             's0/c/0/0': bytes(8), 'z/zarr.json': group()})


def below(path, files):
    return {f'{path}/{name}': data for name, data in files.items()}


def labels_of(path, name='labels/zarr.json'):
    return ome_of(path, name)


# --- what is there then ---------------------------------------------------------------------------


@pytest.mark.parametrize('path', ['labels/cells', '/tables/a/b/', 'z/new'])
def test_the_tree_and_what_was_there(path, archive, tree, tmp_path):
    old = contents(archive)
    added(archive, tree, path)
    new, path = contents(archive), path.strip('/')
    made = {name: data for name, data in new.items()
            if name not in old and not name.startswith(path + '/')}
    assert new == {**old, **made, **below(path, TREE)}
    wanted = {'labels/cells': {'labels/zarr.json'}, 'z/new': set(),
              'tables/a/b': {'tables/zarr.json', 'tables/a/zarr.json'}}
    assert set(made) == wanted[path]
    assert all(json.loads(data)['node_type'] == 'group' for data in made.values())
    for name in ('s0/c/1/0', 'table/large'):
        done = subprocess.run([OZXFS, 'cat', archive, f'{path}/{name}'], capture_output=True,
                              check=True)
        assert done.stdout == TREE[name]
    # the order of the directory is still RFC-9's, and the comment may say so
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        assert json.loads(opened.comment)['ome']['zipFile']['centralDirectory']['jsonFirst']
    first = [name for name in names if name.split('/')[-1] == 'zarr.json']
    assert names[:len(first)] == first
    assert first == sorted(first, key=lambda name: (name.count('/'), name.encode()))
    assert findings(archive, '--rules', 'draft') == findings_of_packed(tmp_path, contents(archive))
    assert run('repack', '-q', archive, tmp_path / 'new.ozx').returncode == 0
    assert contents(tmp_path / 'new.ozx') == new
    assert (tmp_path / 'new.ozx').stat().st_size < archive.stat().st_size - 132000


def findings_of_packed(tmp_path, files):
    """Of the same tree, packed."""
    shutil.rmtree(tmp_path / 'tree')
    make(tmp_path / 'tree', files)
    assert run('pack', '-q', tmp_path / 'tree', tmp_path / 'same.ozx').returncode == 0
    return findings(tmp_path / 'same.ozx', '--rules', 'draft')


def test_labels_are_listed(archive, tree):
    """As ome-zarr expects; what else is in the group stays."""
    added(archive, tree, 'labels/a')
    assert labels_of(archive) == {'version': '0.5', 'labels': ['a']}
    added(archive, tree, 'labels/"b"')
    added(archive, tree, 'labels/a/labels/c')
    assert labels_of(archive) == {'version': '0.5', 'labels': ['a', '"b"']}
    assert labels_of(archive, 'labels/a/labels/zarr.json')['labels'] == ['c']
    assert json.loads(contents(archive)['zarr.json'])['attributes']['note'] == 1


@pytest.mark.parametrize('attributes, wanted', [
    ({'ome': {'version': '0.5', 'labels': ['b']}}, ['b', 'a']),
    ({'ome': {'version': '0.5', 'labels': ['a']}}, ['a']),
    ({'ome': {'version': '0.5', 'labels': []}}, ['a']), ({'x': 1}, ['a'])])
def test_labels_that_are_there(attributes, wanted, tmp_path, tree):
    archive = packed(tmp_path, {'zarr.json': group(ome=OME),
                                'labels/zarr.json': group(**attributes)})
    added('-q', archive, tree, 'labels/a')
    assert labels_of(archive) == {'version': '0.5', 'labels': wanted}
    assert json.loads(contents(archive)['labels/zarr.json'])['attributes'].get('x') == \
        attributes.get('x')


def test_json_first_falls(tmp_path, tree):
    """A flag that is not true of the order does not stay."""
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as made:
        for name, data in (('zarr.json', group(ome=OME)), ('s0/c/0/0', b''),
                           ('s0/zarr.json', ARRAY)):
            made.writestr(name, data)
        made.comment = (b'{"ome":{"zipFile":{"centralDirectory":{"jsonFirst":true}},'
                        b'"version":"0.5"}}')
    added('-q', path, tree, 'labels/a')
    assert comment_of(path) == {'version': '0.5',
                                'zipFile': {'centralDirectory': {'jsonFirst': False}}}


@pytest.mark.parametrize('version', ['0.5\\', '0."5', '0.5\n', 'ü' * 40])
@pytest.mark.parametrize('has_labels', [False, True])
def test_versions_that_json_has_to_escape(version, has_labels, tmp_path, tree):
    """A group that is made, and one that is changed, states that of the image."""
    labels = {'image/labels/zarr.json': group()} if has_labels else {}
    path = tmp_path / 'x.ozx'
    write(path, {'zarr.json': group(), 'image/zarr.json': group(ome={'version': version}),
                 **labels})
    added('-q', path, tree, 'image/labels/a')
    made = json.loads(contents(path)['image/labels/zarr.json'])['attributes']['ome']
    assert made == {'version': version, 'labels': ['a']}


@pytest.mark.parametrize('consolidated', [False, True])
def test_zarr_python(consolidated, tmp_path):
    """Reads the added tree as it was, by consolidated metadata too."""
    zarr, numpy = pytest.importorskip('zarr'), pytest.importorskip('numpy')
    trees = {}
    for number, name in enumerate(('image', 'cells')):
        trees[name] = zarr.open_group(tmp_path / name, mode='w', zarr_format=3)
        trees[name].attrs['ome'] = {'version': '0.5', 'number': number}
        array = trees[name].create_array('s0', shape=(40, 40), chunks=(16, 16), dtype='u2')
        array[:] = numpy.arange(1600).reshape(40, 40) + number
        trees[name].create_group('deep').create_array('s"1', shape=(3,), dtype='i1')
        if consolidated:
            zarr.consolidate_metadata(tmp_path / name)
    path = tmp_path / 'x.ozx'
    assert run('pack', '-q', tmp_path / 'image', path).returncode == 0
    before = findings(path, '--rules', 'draft')
    for name in ('cells', 'more'):
        added('-q', path, tmp_path / 'cells', f'labels/{name}')
    assert findings(path, '--rules', 'draft') == before
    store = zarr.storage.ZipStore(path, read_only=True)
    found = zarr.open_group(store, mode='r')
    assert (found.metadata.consolidated_metadata is not None) == consolidated
    assert found['labels'].attrs['ome']['labels'] == ['cells', 'more']
    for name in ('cells', 'more'):
        part = found[f'labels/{name}']
        assert dict(part.attrs) == dict(trees['cells'].attrs)
        assert (part['s0'][:] == trees['cells']['s0'][:]).all()
        assert part['s0'].metadata == trees['cells']['s0'].metadata
        assert part['deep/s"1'].shape == (3,)
    assert (found['s0'][:] == trees['image']['s0'][:]).all()
    assert sorted(found.keys()) == ['deep', 'labels', 's0']
    store.close()


def test_convert_and_shard(archive, tmp_path):
    """As pack does."""
    make(tmp_path / 'v2', {
        '.zgroup': b'{"zarr_format": 2}', '.zattrs': b'{}', 'a/0.0': bytes(4), 'a/0.1': bytes(4),
        'a/.zarray': json.dumps({
            'zarr_format': 2, 'shape': [2, 4], 'chunks': [2, 2], 'dtype': '|u1', 'fill_value': 0,
            'order': 'C', 'compressor': None, 'filters': None}).encode()})
    done = add(archive, tmp_path / 'v2', 'tables/t')
    assert done.returncode == 2 and '--convert' in done.stderr
    added('-q', '--convert', '--shard=2,4', archive, tmp_path / 'v2', 'tables/t')
    names = set(contents(archive))
    assert {'tables/t/a/zarr.json', 'tables/t/a/c/0/0'} <= names
    assert 'tables/t/a/c/0/1' not in names


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize('path, status, words', [
    ('s0', 73, 'already'), ('z', 73, 'already'), ('s0/c', 2, 'group'), ('s0/c/0/0', 2, 'group'),
    ('s0/new', 2, 'group'), ('', 64, 'root'), ('/', 64, 'root'), ('a/../b', 64, 'path'),
    ('a//b', 64, 'path'), ('./a', 64, 'path'), ('zarr.json', 64, 'metadata'),
    ('zarr.json/a', 64, 'metadata'), ('.zgroup', 64, 'metadata'), ('a.OZX/b', 64, 'archive'),
    ('a\nb', 64, 'path'), ('x' * 256, 64, 'path'),
    ('/'.join(['x' * 255] * 15 + ['y' * 240]), 2, 'long')])
def test_paths_that_are_refused(path, status, words, archive, tree):
    before = archive.read_bytes()
    done = add('-q', archive, tree, path)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert words in done.stderr and archive.read_bytes() == before


@pytest.mark.parametrize('files, status', [
    ({'a': b''}, 2), ({'sub/zarr.json': group()}, 2), ({'zarr.json': b'{'}, 2),
    ({'zarr.json': group(), 'a/x.ozx': b''}, 2),
    ({'zarr.json': b'{"zarr_format": 2, "node_type": "group"}'}, 2)])
def test_trees_that_are_refused(files, status, archive, tmp_path):
    before = archive.read_bytes()
    done = add('-q', archive, make(tmp_path / 'bad', files), 'labels/a')
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert archive.read_bytes() == before


def test_the_archive_in_the_tree(archive, tree):
    inside = tree / 'x.zip'
    shutil.move(archive, inside)
    before = inside.read_bytes()
    assert add('-q', inside, tree, 'labels/a').returncode == 73
    assert inside.read_bytes() == before


@pytest.mark.parametrize('files', [
    {'a': b''}, {'.zgroup': b'{"zarr_format": 2}'},
    {'zarr.json': group(ome=OME), 'labels/.zgroup': b'{"zarr_format": 2}'},
    {'zarr.json': group(ome=OME), 'labels': b''}, {'zarr.json': ARRAY}])
def test_archives_that_are_refused(files, tmp_path, tree):
    path = write(tmp_path / 'x.ozx', files)
    before = pathlib.Path(path).read_bytes()
    done = add('-q', path, tree, 'labels/a')
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert pathlib.Path(path).read_bytes() == before


def test_consolidated_metadata_of_another_kind(tmp_path, tree):
    text = json.loads(group(ome=OME))
    text['consolidated_metadata'] = {'kind': 'other', 'metadata': {}}
    path = write(tmp_path / 'x.ozx', {'zarr.json': json.dumps(text).encode()})
    done = add('-q', path, tree, 'labels/a')
    assert done.returncode == 2 and 'consolidated_metadata=' in done.stderr


def test_a_directory_without_metadata_becomes_a_group(tmp_path, tree):
    path = write(tmp_path / 'x.ozx', {'zarr.json': group(ome=OME), 'tables/readme': b'x'})
    added('-q', path, tree, 'tables/a')
    assert json.loads(contents(path)['tables/zarr.json'])['node_type'] == 'group'


def test_refused_while_open(archive, tree):
    before = archive.read_bytes()
    with open(archive, 'rb'):
        assert add('-q', archive, tree, 'labels/a').returncode == 72
    os.link(archive, str(archive) + '2')
    assert add('-q', archive, tree, 'labels/a').returncode == 73
    assert archive.read_bytes() == before
    added('-q', '-f', archive, tree, 'labels/a')


def test_a_version_that_differs(archive, tmp_path):
    make(tmp_path / 'other', {'zarr.json': group(ome={'version': '0.6'})})
    assert 'another OME-Zarr version' in added(archive, tmp_path / 'other', 'z/a')


def test_no_room(archive, tree):
    """The old archive, byte for byte."""
    before = archive.read_bytes()
    limit = (len(before) + 400000) // 512
    done = subprocess.run(['bash', '-c', f'trap "" XFSZ; ulimit -f {limit // 2}; exec "$@"', '-',
                           OZXFS, 'add', '-q', archive, tree, 'labels/a'],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (74, 1), done.stderr
    assert archive.read_bytes() == before
