# SPDX-License-Identifier: BSD-2-Clause
"""What metadata say of what pack and repack leave out: consolidated metadata lose it, byte for
byte, or the command says that it is named."""
import json
import zipfile

import checker
import pytest
from conftest import ARRAY, GROUP, names, ome, pack, run, write

AXES = [dict(name=n, type='space') for n in 'yx']


def multiscales(*paths):
    scale = [dict(type='scale', scale=[1, 1])]
    return [
        dict(axes=AXES, datasets=[dict(path=p, coordinateTransformations=scale) for p in paths])
    ]


def block(**nodes):
    return dict(kind='inline', must_understand=False, metadata=nodes)


NODES = {
    '': ome(multiscales=multiscales('s0', 's1')), 's0': ARRAY, 's1': ARRAY,
    'labels': ome(labels=['cells', 'nuclei']), 'labels/cells': ome(multiscales=multiscales('0')),
    'labels/cells/0': ARRAY, 'labels/nuclei': ome(multiscales=multiscales('0')),
    'labels/nuclei/0': ARRAY
}


def below(nodes, group):
    """What the block of a group lists."""
    start = group + '/' if group else ''
    return {n[len(start):]: m for n, m in nodes.items() if n.startswith(start) and n != group}


def files_of(nodes, groups=('', 'labels'), **dump):
    """{path: text} of a hierarchy; `groups` have a block."""
    files = {}
    for node, metadata in nodes.items():
        if node in groups:
            metadata = dict(metadata, consolidated_metadata=block(**below(nodes, node)))
        files[(node + '/' if node else '') + 'zarr.json'] = json.dumps(metadata, **dump)
        if metadata['node_type'] == 'array':
            files[node + '/c/0/0'] = bytes([7]) * 16
    return files


def text_of(archive, path='zarr.json'):
    with zipfile.ZipFile(archive) as z:
        return z.read(path)


def listed(archive, path='zarr.json'):
    return list(json.loads(text_of(archive, path))['consolidated_metadata']['metadata'])


def said_by(done):
    return done.stderr.decode().splitlines()


@pytest.fixture
def tree(tmp_path):
    return write(tmp_path / 'in', files_of(NODES))


# --- consolidated metadata lose what is left out --------------------------------------------------


@pytest.mark.parametrize(
    'dump', ({}, {'indent': 2}, {'indent': '\t', 'sort_keys': True}, {'separators': (',', ':')}))
@pytest.mark.parametrize(
    'glob,gone',
    (('s1', ['s1']), ('/s0', ['s0']),
     ('labels', ['labels', 'labels/cells', 'labels/cells/0', 'labels/nuclei', 'labels/nuclei/0']),
     ('cells', ['labels/cells', 'labels/cells/0']), ('0', ['labels/cells/0', 'labels/nuclei/0']),
     ('/labels/*/', ['labels/cells', 'labels/cells/0', 'labels/nuclei', 'labels/nuclei/0'])))
def test_as_if_written_without(tmp_path, out, dump, glob, gone):
    """The text is what the writer would have made of a hierarchy without these nodes, in its own
    layout; one line says so."""
    root = write(tmp_path / 'in', files_of(NODES, **dump))
    notes = [line for line in said_by(pack(root, out, '--exclude', glob)) if 'consolidated' in line]
    wanted = files_of(NODES, **dump)
    for path, group in (('zarr.json', ''), ('labels/zarr.json', 'labels')):
        metadata = dict(
            NODES[group],
            consolidated_metadata=block(**below({n: m
                                                 for n, m in NODES.items()
                                                 if n not in gone}, group)))
        wanted[path] = json.dumps(metadata, **dump)
    if glob != 'labels':
        assert text_of(out, 'labels/zarr.json').decode() == wanted['labels/zarr.json']
    assert text_of(out).decode() == wanted['zarr.json']
    assert len(notes) == 1 and 'removed' in notes[0] and 'warning' not in notes[
        0] and "'%s'" % gone[0] in notes[0]
    checker.check(out)


def test_streamed_repeated_aligned(tree, tmp_path, out):
    """Same bytes to a stream, by any number of threads, from the directory or from an archive of
    it; read back."""
    pack(tree, out, '--exclude', 'cells', '-j', 1)
    assert pack(tree, '-', '--exclude', 'cells', '-j', 8).stdout == out.read_bytes()
    pack(tree, tmp_path / 'all.ozx')
    done = run('repack', '--exclude', 'cells', tmp_path / 'all.ozx', tmp_path / 'again.ozx')
    assert done.returncode == 0 and (tmp_path / 'again.ozx').read_bytes() == out.read_bytes()
    with zipfile.ZipFile(tmp_path / 'all.ozx') as old, zipfile.ZipFile(
            tmp_path / 'deflated.zip', 'w', zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry, old.read(entry), zipfile.ZIP_DEFLATED)
    done = run('repack', '--exclude', 'cells', tmp_path / 'deflated.zip',
               tmp_path / 'from_deflated.ozx')
    assert done.returncode == 0 and text_of(tmp_path / 'from_deflated.ozx') == text_of(out)
    pack(tree, tmp_path / 'aligned.ozx', '--exclude', 'cells', '--align', 4096)
    assert text_of(tmp_path / 'aligned.ozx') == text_of(out)
    assert run('verify', tmp_path / 'aligned.ozx').returncode == 0


def test_dry_run_has_the_new_size(tree, out):
    said = pack(tree, '--exclude', 'cells', '-n').stdout.decode()
    pack(tree, out, '--exclude', 'cells')
    assert f'{len(text_of(out)):12d}  zarr.json\n' in said


def test_summary(tree, out):
    assert json.loads(pack(tree, out, '--exclude', 'labels',
                           '--json').stdout)['consolidated_removed'] == 5


def test_not_json(tmp_path, out):
    """NaN, a byte order mark, NUL escapes, a key in escapes, odd forms of it, the same key again:
    each byte that stays, stays."""
    rest = b'"mean": NaN, "max": 1e400, "s": "a\\u0000\\ud800"'
    head = (b'\xef\xbb\xbf{"zarr_format": 3, "node_type": "group", '
            b'"attributes": {"ome": {"version": "0.5"}, ' + rest +
            b'},\n "consolidated_metadata": {"metadata": {')
    kept, tail = b'"b": {"x": [1,2 , {"}": "\\"{"}]}', b'}\t}, "consolidated_metadata" : null}\n'
    keys = (b's0', b's\\u0030', b'/s0', b's0/', b'./s0', b's0/.')
    root = write(tmp_path / 'in', {'zarr.json': GROUP, 's0/zarr.json': ARRAY, 'b/zarr.json': GROUP})
    (root / 'zarr.json').write_bytes(head + b', '.join(b'"%s": NaN' % k for k in keys) + b',  ' +
                                     kept + b' , "s0":3' + tail)
    pack(root, out, '--exclude', 's0', '--ome-version', '0.5', code=None)
    if out.exists():  # tolerant readers of JSON pack it
        assert text_of(out) == head + kept + tail


def test_blocks_inside(tmp_path, out):
    """A listed group may list what is below it itself."""
    inner = dict(NODES['labels'], consolidated_metadata=block(**below(NODES, 'labels')))
    root = write(tmp_path / 'in', files_of(NODES, groups=()))
    text = json.dumps(dict(NODES[''], consolidated_metadata=block(s0=ARRAY, labels=inner)))
    (root / 'zarr.json').write_text(text)
    pack(root, out, '--exclude', 'cells')
    assert list(
        json.loads(text_of(out))['consolidated_metadata']['metadata']['labels']
        ['consolidated_metadata']['metadata']) == ['nuclei', 'nuclei/0']


def test_all_below_a_group(tree, out):
    """Nothing is left below it that readers could miss."""
    said = said_by(pack(tree, out, '--exclude', 'labels/**'))
    assert listed(out) == ['s0', 's1'] and not any('not what is below' in line
                                                   for line in said), said


def test_group_without_its_zarr_json(tree, out):
    """No group leads to what is below any more: neither do the consolidated metadata, which
    zarr-python could not open."""
    said = said_by(pack(tree, out, '--exclude', 'labels/zarr.json'))
    assert listed(out) == ['s0', 's1'] and 'labels/cells/0/zarr.json' in names(out)
    assert sum("'labels/zarr.json' is left out" in line for line in said) == 1


def test_subdir(tree, tmp_path, out):
    pack(tree, tmp_path / 'all.ozx')
    assert run('repack', '--subdir', 'labels', '--exclude', 'cells', tmp_path / 'all.ozx',
               out).returncode == 0
    assert listed(out) == ['nuclei', 'nuclei/0']


def test_many_and_large(tmp_path, out):
    """Every other node of 4,000 goes, out of a text of more than a MiB: as many cuts."""
    nodes = {'n%04d' % i: dict(GROUP, attributes=dict(fill='x' * 200)) for i in range(4000)}
    text = json.dumps(dict(ome(), consolidated_metadata=block(**nodes)))
    root = write(tmp_path / 'in', {'zarr.json': text, **{n + '/zarr.json': '{}' for n in nodes}})
    pack(root, out, '--exclude', '*[13579]')
    left = {n: m for n, m in nodes.items() if int(n[1:]) % 2 == 0}
    assert text_of(out).decode() == json.dumps(dict(ome(), consolidated_metadata=block(**left)))


def test_zarr_python_sees_it(tree, out):
    zarr = pytest.importorskip('zarr')
    pack(tree, out, '--exclude', 'cells')
    group = zarr.open_group(zarr.storage.ZipStore(out, mode='r'), mode='r')
    assert group.metadata.consolidated_metadata is not None
    assert sorted(dict(group.members(max_depth=None))) == [
        'labels', 'labels/nuclei', 'labels/nuclei/0', 's0', 's1'
    ]


# --- or are kept, and told ------------------------------------------------------------------------

def test_keep_consolidated(tree, tmp_path, out):
    for verb, source in (('pack', tree), ('repack', tmp_path / 'all.ozx')):
        if verb == 'repack':
            pack(tree, source)
        done = run(verb, '-f', '--exclude', 'cells', '--keep-consolidated', source, out)
        warned = [line for line in said_by(done) if 'still list' in line]
        assert done.returncode == 0 and text_of(out) == (tree / 'zarr.json').read_bytes()
        assert len(warned) == 1 and 'warning' in warned[0] and "'labels/cells'" in warned[0]


def test_nothing_left_out_nothing_changed(tree, out):
    pack(tree, out, lines=0)
    assert text_of(out) == (tree / 'zarr.json').read_bytes()


def test_what_never_was_there(tree, out):
    """Stays listed (no command took it away) and is told, with or without --exclude."""
    text = json.dumps(dict(NODES[''], consolidated_metadata=block(ghost=ARRAY, s0=ARRAY, s1=ARRAY)))
    (tree / 'zarr.json').write_text(text)
    for args in ((), ('--exclude', 's1')):
        said = said_by(pack(tree, out, '-f', *args))
        assert sum("'ghost'" in line and 'not there' in line for line in said) == 1
    assert listed(out) == ['ghost', 's0']


@pytest.mark.parametrize('broken,word',
                         ((dict(kind='external', metadata=dict(s1={})), 'unknown kind'),
                          (dict(kind=1, metadata=dict(s1={})), 'unknown kind'), ([1], 'damaged'),
                          (dict(kind='inline', metadata=[]), 'damaged'),
                          (dict(kind='inline', metadata='s1'), 'damaged')))
def test_blocks_that_are_none(tree, out, broken, word):
    (tree / 'zarr.json').write_text(json.dumps(dict(NODES[''], consolidated_metadata=broken)))
    said = said_by(pack(tree, out, '--exclude', 's1'))
    assert sum(word in line
               for line in said) == 1 and text_of(out) == (tree / 'zarr.json').read_bytes()
    assert not any(word in line for line in said_by(pack(tree, out, '-f')))


def test_empty_blocks(tree, out):
    for empty in (None, dict(kind='inline', metadata=None), dict(kind='inline', metadata={})):
        (tree / 'zarr.json').write_text(json.dumps(dict(NODES[''], consolidated_metadata=empty)))
        said = said_by(pack(tree, out, '-f', '--exclude', 'labels'))
        assert not said and text_of(out) == (tree / 'zarr.json').read_bytes()


def test_zarr_v2_beside(tree, out):
    write(tree, {'.zmetadata': '{}', '.zgroup': '{}'})
    said = said_by(pack(tree, out, '--exclude', 'labels'))
    assert sum("'.zmetadata'" in line for line in said) == 1


# --- what OME metadata name -----------------------------------------------------------------------

PLATE = {
    '': ome(plate=dict(wells=[dict(path='A/1'), dict(path='A/2')])), 'A': GROUP,
    'A/1': ome(well=dict(images=[dict(path='0'), dict(path='1')])),
    'A/1/0': ome(multiscales=multiscales('0')), 'A/1/0/0': ARRAY,
    'A/1/1': ome(multiscales=multiscales('0')), 'A/1/1/0': ARRAY,
    'A/2': ome(well=dict(images=[dict(path='0')])), 'A/2/0': ome(multiscales=multiscales('0')),
    'A/2/0/0': ARRAY
}
SERIES = {
    '': ome(**{'bioformats2raw.layout': 3}), 'OME': ome(series=['0', '1']),
    '0': ome(multiscales=multiscales('0')), '0/0': ARRAY, '1': ome(multiscales=multiscales('0')),
    '1/0': ARRAY
}


@pytest.mark.parametrize('nodes,glob,kind,first',
                         ((NODES, 's1', 'dataset', 's1'), (NODES, 'cells', 'label image', 'cells'),
                          (PLATE, 'A/2', 'well', 'A/2'), (PLATE, 'A/1/1', 'field', '1'),
                          (PLATE, 'A/*/0/0', 'dataset', '0'), (SERIES, '/1', 'series image', '1'),
                          (NODES, 's1/zarr.json', 'dataset', 's1')))
def test_references(tmp_path, out, nodes, glob, kind, first):
    root = write(tmp_path / 'in', files_of(nodes))
    said = said_by(pack(root, out, '--exclude', glob))
    assert sum(
        'warning: OME metadata' in line and f"the {kind} '{first}', which is left out" in line
        for line in said) == 1, said
    pack(root, out, '-fq', '--exclude', glob, lines=0)


def test_references_that_are_there(tmp_path, out):
    pack(write(tmp_path / 'in', files_of(PLATE, groups=())), out, lines=0)


# --- half an array --------------------------------------------------------------------------------


@pytest.mark.parametrize('glob,told',
                         (('s0/c', 1), ('c', 4), ('s0/c/0/0', 1), ('s0', 0), ('s0/README', 0)))
def test_chunks_only(tree, out, glob, told):
    """Chunks are left out, and the zarr.json that says that they are there is not."""
    write(tree, {'s0/README': 'x'})
    said = [
        line for line in said_by(pack(tree, out, '--exclude', glob))
        if 'chunks are left out' in line
    ]
    assert len(said) == (told > 0)
    assert told < 2 or 'and %d more' % (told - 1) in said[0]


def test_chunks_of_the_array_at_the_root(tmp_path, out):
    root = write(
        tmp_path / 'in', {
            'zarr.json': dict(ARRAY, attributes=dict(ome=dict(version='0.5'))), 'c/0/0': b'x' * 16,
            'c/0/1': b'x' * 16
        })
    assert "'/'" in said_by(pack(root, out, '--exclude', 'c/0/1'))[0]


# --- damaged archives -----------------------------------------------------------------------------

def damage(archive, name):
    """One bit of an entry's data."""
    with zipfile.ZipFile(archive) as z:
        info = z.getinfo(name)
    data = bytearray(archive.read_bytes())
    at = data.index(name.encode(), info.header_offset) + len(name) + 20  # its ZIP64 field
    data[at + 30] ^= 1
    archive.write_bytes(data)


def test_recovered(tree, tmp_path, out):
    """A node that is lost is not listed."""
    pack(tree, tmp_path / 'a.ozx')
    damage(tmp_path / 'a.ozx', 's1/zarr.json')
    done = run('repack', '--recover', tmp_path / 'a.ozx', out)
    assert done.returncode == 2 and "lost: " in done.stderr.decode()
    assert 's1' not in listed(out) and 's0' in listed(out)
    assert any("dataset 's1', which is left out" in line for line in said_by(done))


def test_recovered_from_local_headers(tree, tmp_path, out):
    """Of an archive that is cut off nobody knows what was there: what is listed and not there goes.
    """
    pack(tree, tmp_path / 'a.ozx')
    whole = (tmp_path / 'a.ozx').read_bytes()
    (tmp_path / 'a.ozx').write_bytes(whole[:whole.index(b's1/zarr.json') - 30])
    done = run('repack', '--recover', tmp_path / 'a.ozx', out)
    assert done.returncode == 2, done.stderr
    held = {n.rsplit('/', 1)[0] for n in names(out) if n.endswith('/zarr.json')}
    assert set(listed(out)) <= held


def test_wrong_crc_is_told(tree, tmp_path, out):
    """A zarr.json that would be rewritten, but its bytes are wrong: refused as any other entry."""
    pack(tree, tmp_path / 'a.ozx')
    damage(tmp_path / 'a.ozx', 'zarr.json')
    done = run('repack', '--exclude', 's1', '--ome-version', '0.5', tmp_path / 'a.ozx', out)
    assert done.returncode == 2 and not out.exists()
