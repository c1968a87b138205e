# SPDX-License-Identifier: BSD-2-Clause
"""Metadata never promise what is not there: after every verb that leaves something out, each node
that the metadata of the result name is there, or the command said that it is not. Read from the
result by Python's json alone; what the archive held before is known as well."""
import json
import os
import zipfile

import pytest
from conftest import pack, run, write
from test_left_out import NODES, PLATE, SERIES, damage, files_of

SHAPES = {
    'image': (NODES, ('', 'labels')), 'image_without': (NODES, ()),
    'plate': (PLATE, ('', 'A', 'A/1')), 'series': (SERIES, ('', ))
}


def consolidated_of(metadata, base):
    """(path, how it is named) of all that a block names, also inside of what it lists."""
    block = metadata.get('consolidated_metadata') or {}
    for key, value in (block.get('metadata') or {}).items():
        path = os.path.normpath(os.path.join(base, key))
        yield path, path
        yield from consolidated_of(value, path)


def ome_of(metadata, base):
    block = metadata.get('attributes', {}).get('ome', {})
    paths = [d['path'] for m in block.get('multiscales', ()) for d in m['datasets']]
    paths += [w['path'] for w in block.get('plate', {}).get('wells', ())
              ] + [i['path'] for i in block.get('well', {}).get('images', ())]
    paths += block.get('labels', [])
    yield from ((os.path.normpath(os.path.join(base, p)), p) for p in paths)
    yield from ((os.path.normpath(os.path.join(base, '..', p)), p) for p in block.get('series', ()))


def named(texts):
    """(kind, path, name) of each node that these metadata name; {path of a zarr.json: text}."""
    for path, text in texts.items():
        metadata, base = json.loads(text), os.path.dirname(path)
        yield from (('consolidated', *n) for n in consolidated_of(metadata, base))
        yield from (('ome', *n) for n in ome_of(metadata, base))


def metadata_of(result):
    if result.is_dir():
        files = {str(p.relative_to(result)): p.read_text() for p in result.rglob('zarr.json')}
    else:
        with zipfile.ZipFile(result) as z:
            files = {
                n: z.read(n).decode()
                for n in z.namelist()
                if n.rsplit('/', 1)[-1] == 'zarr.json'
            }
    return files


def is_told(kind, said):
    """Each kind of thing is told in one line that counts them."""
    return any(('consolidated metadata of' in line and 'still list' in line
                ) if kind == 'consolidated' else ('OME metadata of' in line and 'left out' in line)
               for line in said)


def check(result, said, numbers):
    texts = metadata_of(result)
    there = {os.path.dirname(n) or '.' for n in texts}
    missing = {'consolidated': [], 'ome': []}
    for kind, path, _ in named(texts):
        numbers['named'] += 1
        if path not in there:
            missing[kind].append(path)
    for kind, paths in missing.items():
        if paths:
            assert is_told(kind, said), (kind, paths, said)
            numbers['told'] += len(paths)
    numbers['runs'] += 1
    return missing


@pytest.mark.parametrize('keep', (False, True))
@pytest.mark.parametrize('shape', SHAPES)
def test_promises(tmp_path, shape, keep, record_property):
    """Every node left out in every way: by its name, by its zarr.json, by all below it; by pack,
    repack, unpack; lost by --recover."""
    nodes, groups = SHAPES[shape]
    root = write(tmp_path / 'in', files_of(nodes, groups=groups))
    pack(root, tmp_path / 'all.ozx', lines=None)
    numbers = {'named': 0, 'told': 0, 'runs': 0}
    more = ['--keep-consolidated'] if keep else []
    for node in filter(None, nodes):
        for glob in ('/' + node, f'/{node}/zarr.json', f'/{node}/*'):
            for verb, source in (('pack', root), ('repack', tmp_path / 'all.ozx')):
                done = run(verb, '-f', '--ome-version', '0.5', '--exclude', glob, *more, source,
                           tmp_path / 'out.ozx')
                assert done.returncode == 0, done.stderr
                missing = check(tmp_path / 'out.ozx', done.stderr.decode().splitlines(), numbers)
                assert keep or not missing['consolidated']
        others = ['zarr.json', *(f'{n}/zarr.json' for n in nodes if n and n != node)]
        done = run('unpack', '-f', *more, tmp_path / 'all.ozx', tmp_path / 'u', *others)
        assert done.returncode == 0, done.stderr
        missing = check(tmp_path / 'u', done.stderr.decode().splitlines(), numbers)
        assert keep or not missing['consolidated']
        (tmp_path / 'bad.ozx').write_bytes((tmp_path / 'all.ozx').read_bytes())
        damage(tmp_path / 'bad.ozx', node + '/zarr.json')
        done = run('repack', '-f', '--recover', '--ome-version', '0.5', *more, tmp_path / 'bad.ozx',
                   tmp_path / 'out.ozx')
        assert done.returncode == 2, done.stderr
        missing = check(tmp_path / 'out.ozx', done.stderr.decode().splitlines(), numbers)
        assert keep or not missing['consolidated']
    for name, value in numbers.items():
        record_property(name, value)
