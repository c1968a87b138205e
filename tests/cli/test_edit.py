# SPDX-License-Identifier: BSD-2-Clause
"""`edit`: one node's metadata in place. What a power cut leaves: tests/faults/test_edit_cut.py."""
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import time
import zipfile
import zlib

import pytest
from corpus.recipe import Entry, image, pattern, served
from kit.change import (OME, add, comment_of, contents, edit, edited, findings, group, make,
                        packed)
from kit.info import OZXFS, run, write

MAGIC, END = b'ozxfs+\r\n', b'PK\5\6'
GROUP = {
    'zarr_format': 3, 'node_type': 'group',
    'attributes': {'a.b': 1, 'list': [{'x': 1.10}, 2], 'ome': {'version': '0.5'},
                   'last': 18446744073709551615}
}
TEXT = json.dumps(GROUP).encode()
DATA = b'PK\5\6 and PK\3\4 ' + bytes(range(256)) * 300


@pytest.fixture
def archive(tmp_path):
    """As pack makes it."""
    return packed(tmp_path, {'zarr.json': TEXT, 'n/zarr.json': TEXT, 'n/other': DATA})


def text_of(path, name='zarr.json'):
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        return opened.read(name).decode()


# --- the text -------------------------------------------------------------------------------------


@pytest.mark.parametrize('assignment, old, new', [
    ('attributes.list.0.x=2', '"x": 1.1', '"x": 2'),
    (r'attributes.a\.b="t"', '"a.b": 1', '"a.b": "t"'),
    (r'attributes.a\.b=', '"a.b": 1, ', ''),
    ('attributes.last=', ', "last": 18446744073709551615', ''),
    ('attributes.list.1=', '}, 2]', '}]'),
    ('attributes.last=[18446744073709551614]', '18446744073709551615', '[18446744073709551614]'),
    ('attributes.p.q=[]', '18446744073709551615', '18446744073709551615, "p": {"q": []}'),
])
def test_every_other_byte_stays(archive, assignment, old, new):
    before = text_of(archive)
    assert before.count(old) == 1
    edited(archive, '/', assignment)
    assert text_of(archive) == before.replace(old, new) == run('cat', archive, 'zarr.json').stdout
    assert text_of(archive, 'n/zarr.json') == before
    with zipfile.ZipFile(archive) as opened:
        assert opened.read('n/other') == DATA


@pytest.mark.parametrize('assignment, status', [
    ('zarr_format=2', 2), ('node_type="array"', 2), ('attributes.x=nonsense', 64),
    ('attributes', 64), ('attributes..x=1', 64), ('attributes.missing=', 66),
    ('attributes.none.0.x=1', 66), ('attributes.ome.none.-=1', 66), ('attributes.list.7=1', 66),
    ('attributes.last.x=1', 66), ('attributes.ome.multiscales=1', 2)])
def test_refused_before_a_byte_is_written(archive, assignment, status):
    before = archive.read_bytes()
    done = edit(archive, '/', 'attributes.first=1', assignment)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert archive.read_bytes() == before


def test_a_key_that_is_there_twice(tmp_path):
    """Which of them counts is up to readers; removing one would let the other appear."""
    text = b'{"zarr_format": 3, "node_type": "group", "attributes": {"a": 1, "a": 2}}'
    path = write(tmp_path / 'x.ozx', {'zarr.json': text})
    for assignment in ('attributes.a=', 'attributes.a=3'):
        assert edit(path, '/', assignment).returncode == 2
    assert text_of(path).encode() == text


def block(**nodes):
    return {'kind': 'inline', 'must_understand': False, 'metadata': nodes}


def test_consolidated_copies_change_with_the_node(tmp_path):
    """Of all groups above, also where a copy lists the node once more; what it consolidates itself
    and every other byte stay."""
    inner = dict(GROUP, consolidated_metadata=block(z=GROUP))
    files = {
        '': dict(GROUP, consolidated_metadata=block(
            other=GROUP, **{'a/n': inner, 'a': dict(GROUP, consolidated_metadata=block(n=GROUP))})),
        'a/': dict(GROUP, consolidated_metadata=block(n=GROUP)), 'a/n/': inner, 'a/n/z/': GROUP}
    path = write(tmp_path / 'x.ozx', {'chunk': DATA} | {
        name + 'zarr.json': json.dumps(one, indent=1).encode() for name, one in files.items()})
    before = findings(path)
    edited(path, 'a/n', 'attributes.x=1')
    files = json.loads(json.dumps(files))
    root, above = (files[name]['consolidated_metadata']['metadata'] for name in ('', 'a/'))
    for one in (files['a/n/'], above['n'], root['a/n'],
                root['a']['consolidated_metadata']['metadata']['n']):
        one['attributes']['x'] = 1
    assert {name: json.loads(text_of(path, name + 'zarr.json')) for name in files} == files
    assert findings(path) <= before | {'json-first'}


def test_consolidated_metadata_that_do_not_list_the_node(tmp_path):
    group = dict(GROUP, consolidated_metadata=block(n2=GROUP))
    path = write(tmp_path / 'x.ozx', {'zarr.json': json.dumps(group).encode(), 'n/zarr.json': TEXT,
                                      'chunk': DATA})
    edited(path, 'n', 'attributes.x=1')
    assert json.loads(text_of(path)) == group


@pytest.mark.parametrize('consolidated', [{'kind': 'elsewhere'}, [], block(**{'n': GROUP}) | {
    'metadata': 7}])
def test_consolidated_metadata_of_another_kind(consolidated, tmp_path):
    group = dict(GROUP, consolidated_metadata=consolidated)
    path = write(tmp_path / 'x.ozx', {'zarr.json': json.dumps(group).encode(), 'n/zarr.json': TEXT,
                                      'chunk': DATA})
    before = path.read_bytes()
    done = edit(path, 'n', 'attributes.x=1')
    assert done.returncode == 2 and 'consolidated_metadata=' in done.stderr
    assert path.read_bytes() == before
    edited(path, '/', 'consolidated_metadata=')
    edited(path, 'n', 'attributes.x=1')


def test_too_many_copies(tmp_path):
    """The mark that undoes an edit has room for four files."""
    files = {'/'.join('abcd'[:i]): dict(GROUP, consolidated_metadata=block(
        **{'/'.join('abcd'[i:]): GROUP})) for i in range(4)}
    files['a/b/c/d'] = GROUP
    path = write(tmp_path / 'x.ozx', {'chunk': DATA} | {
        (name + '/zarr.json').lstrip('/'): json.dumps(one).encode() for name, one in files.items()})
    before = path.read_bytes()
    done = edit(path, 'a/b/c/d', 'attributes.x=1')
    assert done.returncode == 2 and 'too many' in done.stderr
    assert path.read_bytes() == before
    edited(path, 'a', 'consolidated_metadata=')
    edited(path, 'a/b/c/d', 'attributes.x=1')
    assert [text_of(path, f'{name}zarr.json').count('"x": 1}') for name in (
        '', 'a/', 'a/b/', 'a/b/c/', 'a/b/c/d/')] == [1, 0, 1, 1, 1]


@pytest.mark.parametrize('files', [{'zarr.json': TEXT}, {
    'zarr.json': json.dumps(dict(GROUP, consolidated_metadata=block(n=GROUP))).encode(),
    'n/zarr.json': TEXT}])
def test_an_archive_of_which_nothing_would_stay(files, tmp_path):
    """Its old end record would be the first thing in it, which no reader takes."""
    path = write(tmp_path / 'x.ozx', files)
    before = path.read_bytes()
    done = edit(path, 'n' if len(files) > 1 else '/', 'attributes.x=1')
    assert done.returncode == 2 and "'ozxfs pack'" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize('node, status', [('none', 66), ('n/other', 66), ('n/', 0), ('/n', 0)])
def test_nodes(archive, node, status):
    assert edit(archive, node, 'attributes.x=1').returncode == status


# --- the archive ----------------------------------------------------------------------------------


def test_verify_knows_what_edits_left(archive):
    """Gaps and leading bytes are explained; the order in the file is told."""
    before = findings(archive)
    for number, node in enumerate(('n', '/', 'n', '/', '/')):
        edited(archive, node, f'attributes.number={number}')
        assert findings(archive) == before | {'json-first'}
        assert findings(archive, '--quick') == findings(archive)
        assert findings(archive, '--rules', 'draft') == before - {'json-first'}
        assert 'changed in place; repack' in run('verify', archive).stdout
    assert json.loads(text_of(archive))['attributes']['number'] == 4
    assert json.loads(text_of(archive, 'n/zarr.json'))['attributes']['number'] == 2


def test_verify_explains_nothing_else(archive):
    """A byte that the edit did not leave, a mark that is not right."""
    edited(archive, 'n', 'attributes.x=1')
    good = archive.read_bytes()
    mark = good.rindex(MAGIC)
    for at, rules in ((mark - 1, {'gap'}), (mark - 60000, {'gap'}), (mark + 9, {'gap'})):
        changed = bytearray(good)
        changed[at] ^= 1
        archive.write_bytes(changed)
        assert rules <= findings(archive), at


def test_what_others_left_in_front(tmp_path):
    """An entry that is not listed, in front of all others once the root's is replaced."""
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as opened:
        for name in ('zarr.json', 'gone', 'n/zarr.json', 'n/other'):
            opened.writestr(name, TEXT)
        opened.filelist = [e for e in opened.filelist if e.filename != 'gone']
    before = path.read_bytes()
    done = edit(path, '/', 'attributes.last=1')
    assert done.returncode == 2 and 'repack' in done.stderr and path.read_bytes() == before
    edited(path, 'n', 'attributes.last=1')
    assert run('verify', path).returncode == 0


def test_repack_reclaims(archive, tmp_path):
    size = archive.stat().st_size
    edited(archive, '/', 'attributes.last=1')
    edited(archive, 'n', 'attributes.last=1')
    assert archive.stat().st_size > size + 2 * 131072
    assert run('repack', '-q', archive, tmp_path / 'new.ozx').returncode == 0
    assert (tmp_path / 'new.ozx').stat().st_size < size
    assert findings(tmp_path / 'new.ozx') == set()
    assert json.loads(text_of(tmp_path / 'new.ozx'))['attributes']['last'] == 1


@pytest.mark.parametrize('late', [False, True])
def test_json_first(late, tmp_path):
    """The directory's order stays, and the flag says what is true of it."""
    names = ['zarr.json', 'n/zarr.json', 'n/other']
    if late:
        names = [names[0], names[2], names[1]]
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as made:
        for name in names:
            made.writestr(name, TEXT)
        made.comment = (b'{"ome":{"zipFile":{"centralDirectory":{"jsonFirst":true}},'
                        b'"version":"0.5"}}')
    edited(path, 'n', 'attributes.x=1')
    with zipfile.ZipFile(path) as opened:
        assert opened.namelist() == names
    assert comment_of(path) == {'version': '0.5',
                                'zipFile': {'centralDirectory': {'jsonFirst': not late}}}


def test_the_comment_follows_the_version(archive):
    edited(archive, 'n', 'attributes.ome.version="0.6"')
    assert comment_of(archive)['version'] == '0.5'
    edited(archive, '/', 'attributes.ome.version="0.6"')
    assert comment_of(archive)['version'] == '0.6'
    assert 'comment' not in findings(archive)


@pytest.mark.parametrize('change', ['edit', 'add'])
def test_a_comment_that_hides_the_end_from_libarchive(change, tmp_path):
    """It looks into the last 16 KiB; else it goes from header to header, and stops where one was
    replaced, without an error."""
    tree = make(tmp_path / 'tree', {'zarr.json': TEXT})
    for size in (16342, 16343):
        path = write(tmp_path / f'{size}.ozx', {'zarr.json': TEXT, 'other': DATA},
                     comment=b'c' * size)
        before = path.read_bytes()
        done = edit(path, '/', 'attributes.x=1') if change == 'edit' else add(path, tree, 'new')
        if size == 16343:
            assert (done.returncode, path.read_bytes()) == (2, before), done.stderr
            assert done.stderr.count('\n') == 1 and 'repack' in done.stderr
        else:
            assert done.returncode == 0, done.stderr
            listed = subprocess.run(['bsdtar', '-tf', path], capture_output=True, text=True,
                                    check=True).stdout.split()
            assert set(listed) == {'zarr.json', 'other'} | (
                {'new/zarr.json'} if change == 'add' else set())


@pytest.mark.parametrize('node', ['/', 'n', 'added'])
def test_data_that_reach_into_what_becomes_a_gap(node, tmp_path):
    """They are EIO, and would be made of what was there."""
    path = tmp_path / 'x.ozx'
    beyond = Entry(b'x', pattern(40), local={'extra_size': 60})
    served(image(*[beyond] if node != 'n' else [beyond, Entry(b'n/zarr.json', TEXT)]),
           eio=[b'x']).write(path)
    before = path.read_bytes()
    done = (add(path, make(tmp_path / 'tree', {'zarr.json': TEXT}), node) if node == 'added' else
            edit(path, node, 'attributes.x=1'))
    assert (done.returncode, path.read_bytes()) == (2, before), done.stderr
    assert done.stderr.count('\n') == 1 and "'x'" in done.stderr and 'verify' in done.stderr


def test_two_entries_of_the_name(tmp_path):
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as made, pytest.warns(UserWarning):
        made.writestr('zarr.json', TEXT)
        made.writestr('zarr.json', TEXT)
    before = path.read_bytes()
    done = edit(path, '/', 'attributes.x=1')
    assert done.returncode == 2 and 'repack' in done.stderr and path.read_bytes() == before


@pytest.mark.parametrize('node', ['/', 'n'])
def test_readers_agree(node, archive):
    """Whoever reads from the end, and 7-Zip, which looks for the beginning, too."""
    name = 'zarr.json' if node == '/' else 'n/zarr.json'
    edited(archive, node, 'attributes.last=1')
    edited(archive, node, 'attributes.last=2')
    wanted = text_of(archive, name)
    assert json.loads(wanted)['attributes']['last'] == 2
    for command in (('unzip', '-p', archive, name), ('7z', 'e', '-so', archive, name),
                    ('bsdtar', '-xOf', archive, name), (OZXFS, 'cat', archive, name)):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.stdout == wanted, command[0]
    # nobody may take the old tree's beginning for an archive
    assert archive.read_bytes()[:4] == (bytes(4) if node == '/' else b'PK\3\4')


def test_zarr_python(tmp_path):
    zarr, numpy = pytest.importorskip('zarr'), pytest.importorskip('numpy')
    group = zarr.open_group(tmp_path / 'tree', mode='w', zarr_format=3)
    group.attrs['ome'] = {'version': '0.5'}
    array = group.create_array('a', shape=(40, 40), chunks=(16, 16), dtype='u2')
    array[:] = numpy.arange(1600).reshape(40, 40)
    path = tmp_path / 'x.ozx'
    assert run('pack', '-q', tmp_path / 'tree', path).returncode == 0
    edited(path, '/', 'attributes.note="one"', 'attributes.other=[1,2]')
    edited(path, 'a', 'attributes.note="two"')
    store = zarr.storage.ZipStore(path, read_only=True)
    found = zarr.open_group(store, mode='r')
    assert dict(found.attrs) == {'ome': {'version': '0.5'}, 'note': 'one', 'other': [1, 2]}
    assert found['a'].attrs['note'] == 'two'
    assert (found['a'][:] == array[:]).all()
    store.close()


# --- somebody else --------------------------------------------------------------------------------


@pytest.mark.parametrize('mode', ['rb', 'r+b'])
def test_refused_while_open(archive, mode):
    before = archive.read_bytes()
    with open(archive, mode):
        done = edit(archive, '/', 'attributes.x=1')
    assert done.returncode == 72 and archive.read_bytes() == before
    assert len(done.stderr.splitlines()) == 1


def test_refused_while_it_is_edited(archive):
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    with open(archive, 'r+b') as other:
        fcntl.fcntl(other, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        done = edit(archive, '/', 'attributes.x=1')
        fcntl.fcntl(other, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    assert done.returncode == 72, done.stderr


def test_hard_links_need_force(archive):
    os.link(archive, str(archive) + '2')
    assert edit(archive, '/', 'attributes.x=1').returncode == 73
    edited('-f', archive, '/', 'attributes.x=1')


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write')
def test_read_only(archive):
    archive.chmod(0o444)
    assert edit(archive, '/', 'attributes.x=1').returncode == 77


@pytest.mark.parametrize('words', [('edit', 'n', 'attributes.x=1'), ('add', 'tree', 'n/new')],
                         ids=lambda words: words[0])
def test_damaged_metadata_do_not_become_sound(archive, words, tmp_path):
    """The entry would get the right CRC-32 for its wrong bytes, and verify had nothing to say."""
    if words[0] == 'add':  # the list of labels is changed by it
        (tmp_path / 'tree' / 'labels').mkdir()
        (tmp_path / 'tree' / 'labels' / 'zarr.json').write_bytes(TEXT)
        assert run('pack', '-qf', tmp_path / 'tree', archive).returncode == 0
        words, name = ('add', tmp_path / 'tree' / 'n', 'labels/new'), 'labels/zarr.json'
    else:
        name = 'n/zarr.json'
    with zipfile.ZipFile(archive) as opened:
        at = opened.getinfo(name).header_offset
    data = archive.read_bytes()
    data = data[:at] + data[at:].replace(b'1.1', b'1.7', 1)
    archive.write_bytes(data)
    done = run(words[0], archive, *words[1:])
    assert done.returncode == 2 and archive.read_bytes() == data, done
    said = [line for line in done.stderr.splitlines() if ': warning: ' not in line]
    assert len(said) == 1 and f"entry '{name}': CRC-32 mismatch" in said[0], done


# --- a change that was cut short, as others meet it -----------------------------------------------


def cut_short(archive, committed):
    """The archive with the mark at its end, and with or without the new end record."""
    old = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        at = opened.getinfo('n/zarr.json').header_offset
    edited(archive, 'n', 'attributes.x=1')
    new = archive.read_bytes()
    end = new.rindex(END)
    fields = MAGIC + struct.pack('<8Q', len(old), len(new), old.rindex(END), end, at,
                                 *[2**64 - 1] * 3)
    mark = fields + struct.pack('<I', zlib.crc32(fields))
    assert new.count(mark) == 1
    if not committed:
        archive.write_bytes(old + new[len(old):end] + bytes(4) + new[end + 4:])
    with open(archive, 'ab') as out:
        out.write(bytes(-len(new) % 4096) + mark)
    return new if committed else old


@pytest.mark.parametrize('committed', [False, True])
def test_cut_short(archive, committed, tmp_path):
    wanted = cut_short(archive, committed)
    for verb in ('ls', 'verify', 'info'):
        done = run(verb, archive)
        assert done.returncode == 2 and 'ozxfs edit FILE' in done.stderr + done.stdout
    done = run('repack', '--recover', archive, tmp_path / 'new.ozx')
    assert done.returncode == 0 and 'cut short' in done.stderr
    assert ('x' in json.loads(text_of(tmp_path / 'new.ozx',
                                      'n/zarr.json'))['attributes']) == committed
    done = edit(archive)
    assert done.returncode == 0 and 'cut short' in done.stderr
    assert archive.read_bytes() == wanted
    edited(archive)
    assert archive.read_bytes() == wanted


@pytest.mark.parametrize('lost', [10, 400])
def test_an_end_that_is_lost(archive, lost, tmp_path):
    """Recovery goes on behind the old directory, and takes the newest of each name."""
    for number in range(3):
        edited(archive, '/', f'attributes.last={number}')
        edited(archive, 'n', f'attributes.last={number}')
    os.truncate(archive, archive.stat().st_size - lost)
    done = run('repack', '--recover', archive, tmp_path / 'new.ozx')
    assert done.returncode in (0, 2) and (tmp_path / 'new.ozx').exists(), done.stderr
    for name in ('zarr.json', 'n/zarr.json'):
        assert json.loads(text_of(tmp_path / 'new.ozx', name))['attributes']['last'] == 2
    with zipfile.ZipFile(tmp_path / 'new.ozx') as opened:
        assert opened.read('n/other') == DATA


def test_padding_is_not_taken_for_a_change(archive):
    """Nor zeros that are no archive's end, nor a mark whose archive is not there."""
    whole = archive.read_bytes()
    mark = cut_short(archive, False) and archive.read_bytes()[-76:]
    for data, status in ((whole + bytes(5000), 0), (whole + b'x' + bytes(100000), 2),
                         (bytes(100000), 2), (bytes(len(whole) + 200000) + mark, 2)):
        archive.write_bytes(data)
        assert edit(archive).returncode == status
        assert archive.read_bytes() == data


@pytest.mark.parametrize('mark', [b'', MAGIC[:5], bytes(40)])
def test_a_mark_that_was_cut_short_behind_a_terabyte(mark, archive):
    """Of a tree that was to be added: zeros that were never written are not read."""
    old, place = archive.read_bytes(), 10**12 // 4096 * 4096
    with open(archive, 'r+b') as out:
        try:
            out.truncate(place)
        except OSError as e:
            pytest.skip(f'no file of a terabyte here: {e}')
        out.seek(place)
        out.write(mark)
    began = time.monotonic()
    done = edit(archive)
    took = time.monotonic() - began
    assert done.returncode == 0 and 'cut short' in done.stderr, done.stderr
    assert archive.read_bytes() == old and took < 20, took  # reading them would take minutes


def test_what_is_no_json_to_some_may_move(tmp_path):
    """NaN, which xarray writes, stays where it is; its line and column are others then."""
    text = group(ome=OME, x={}, y=0).replace(b'"y": 0', b'"y": NaN')
    path = packed(tmp_path, {'zarr.json': text, 'g/zarr.json': group()})
    edited(path, '/', 'attributes.x={"a": [1, 2, 3]}')
    assert b'"y": NaN' in contents(path)['zarr.json']
    assert json.loads(contents(path)['zarr.json'])['attributes']['x'] == {'a': [1, 2, 3]}


@pytest.mark.parametrize('had', [False, True])
def test_what_is_no_json_to_some_is_consolidated(had, tmp_path):
    """A tree with NaN goes into the copy above it, unless that is JSON to all and would not be."""
    root = json.loads(group(ome=OME, x=float('nan') if had else 0))
    root['consolidated_metadata'] = {'kind': 'inline', 'must_understand': False, 'metadata': {}}
    path = packed(tmp_path, {'zarr.json': json.dumps(root).encode(), 'x/zarr.json': group()},
                  '--keep-consolidated')
    before = path.read_bytes()
    tree = make(tmp_path / 'other', {'zarr.json': group(a=float('nan'))})
    done = add('-q', path, tree, 'new')
    if had:
        assert done.returncode == 0, done.stderr
        listed = json.loads(contents(path)['zarr.json'])['consolidated_metadata']['metadata']
        assert str(listed['new']['attributes']['a']) == 'nan'
    else:
        assert done.returncode == 2 and 'would not be valid: NaN is not JSON' in done.stderr
        assert path.read_bytes() == before
