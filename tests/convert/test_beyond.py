# SPDX-License-Identifier: BSD-2-Clause
"""Chunks wholly beyond an array's edge, which writers leave that made an array smaller: they are
packed as they are and counted in a warning, whatever their names, from a directory and from a ZIP,
with shards and without."""
import itertools
import json
import zipfile

import pytest

from conftest import convert, tree
from kit import launch

SHAPES = {1: ((10, ), (5, )), 2: ((10, 6), (5, 2)), 3: ((4, 4, 4), (2, 2, 2))}
ATTRIBUTES = dict(ome=dict(version='0.5'))


def indices(dimensions):
    """Those within the grid, and some beyond it."""
    shape, chunks = SHAPES[dimensions]
    grid = [s // c for s, c in zip(shape, chunks)]
    inside = list(itertools.product(*map(range, grid)))
    return inside, [tuple(grid), (grid[0], ) + inside[0][1:], inside[0][:-1] + (grid[-1] + 3, ),
                    (grid[0] + 9, ) * dimensions]


def write_node(path, zarr_format, dimensions):
    """Metadata of an array; of a group, without dimensions."""
    path.mkdir(parents=True)
    shape, chunks = SHAPES.get(dimensions, ((), ()))
    if zarr_format == 2 and dimensions:
        (path / '.zarray').write_text(json.dumps(dict(
            zarr_format=2, shape=shape, chunks=chunks, dtype='|u1', order='C', fill_value=0,
            compressor=None, filters=None)))
    elif zarr_format == 2:
        (path / '.zgroup').write_text('{"zarr_format": 2}')
        (path / '.zattrs').write_text(json.dumps(ATTRIBUTES))
    elif dimensions:
        (path / 'zarr.json').write_text(json.dumps(dict(
            zarr_format=3, node_type='array', shape=shape, data_type='uint8', fill_value=0,
            chunk_grid=dict(name='regular', configuration=dict(chunk_shape=chunks)),
            chunk_key_encoding=dict(name='default'), codecs=[dict(name='bytes')])))
    else:
        (path / 'zarr.json').write_text(
            json.dumps(dict(zarr_format=3, node_type='group', attributes=ATTRIBUTES)))


def write_store(root, zarr_format, separator, dimensions):
    """Two arrays, as the chunks of one must not be taken for the other's; {path in v3: bytes} of
    those beyond the edge."""
    write_node(root, zarr_format, 0)
    beyond = {}
    for name in 'ab':
        write_node(root / name, zarr_format, dimensions)
        inside, outside = indices(dimensions)
        for index in inside + outside:
            data = f'{name}{index}'.encode()
            key = separator.join(map(str, index))
            file = root / name / (key if zarr_format == 2 else 'c/' + key)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            if index in outside:
                beyond[f'{name}/c/' + '/'.join(map(str, index))] = data
    return beyond


def write_zip(path, root):
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(root.rglob('*')):
            if file.is_file():
                archive.write(file, file.relative_to(root))


KINDS = [(2, '.'), (2, '/'), (3, '/')]


@pytest.mark.parametrize('dimensions', SHAPES)
@pytest.mark.parametrize('zarr_format,separator', KINDS)
def test_beyond_the_edge(store, out, tmp_path, zarr_format, separator, dimensions):
    beyond = write_store(store, zarr_format, separator, dimensions)
    write_zip(tmp_path / 'in.zip', store)
    sources = ('pack', store), ('repack', tmp_path / 'in.zip')
    trees = {}
    for (verb, source), shard in itertools.product(sources, ([], ['--shard'])):
        how = ['--convert'] * (zarr_format == 2) + shard
        done = launch.run_text(verb, '-f', *how, source, out)
        assert done.returncode == 0, (verb, how, done.stderr)
        assert f'{len(beyond)} files are not chunks of any array' in done.stderr, done.stderr
        found = trees[verb, bool(shard)] = tree(out)
        assert {k: found.get(k) for k in beyond} == beyond, (verb, how)
        chunks = {name for name in found if '/c/' in name} - set(beyond)
        assert len(chunks) == 2 * (1 if shard else len(indices(dimensions)[0])), chunks
    assert trees['pack', True] == trees['repack', True]
    assert trees['pack', False] == trees['repack', False]


@pytest.mark.parametrize('zarr_format,separator', KINDS)
def test_left_out_by_name(store, out, zarr_format, separator):
    """As the warning says: what is no chunk is no reason to refuse."""
    beyond = write_store(store, zarr_format, separator, 2)
    excluded = [word for path in beyond for word in ('--exclude', '/' + path)]
    how = ['--convert'] * (zarr_format == 2) + ['--shard']
    done = launch.run_text('pack', *how, *excluded, store, out)
    assert done.returncode == 0 and 'chunk-key' not in done.stderr, done.stderr
    assert sorted(n for n in tree(out) if '/c/' in n and n[-1] != '/') == ['a/c/0/0', 'b/c/0/0']


def test_convert_again_is_the_same(store, out):
    write_store(store, 2, '.', 3)
    convert(store, out, '--shard')
    first = out.read_bytes()
    convert(store, out, '--shard')
    assert out.read_bytes() == first
