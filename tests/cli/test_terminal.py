# SPDX-License-Identifier: BSD-2-Clause
"""What strangers wrote is shown, never obeyed: all verbs with one hostile archive, on a terminal
and as JSON."""
import json
import os
import re
import unicodedata

import pytest

from kit.info import array, group, image, on_terminal, run, write

# Unicode's Default_Ignorable_Code_Point where it is not of the category Cf
# (DerivedCoreProperties.txt).
IGNORABLE = (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x3164,
             *range(0xFE00, 0xFE10), 0xFFA0, *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))
NONCHARACTERS = (*range(0xFDD0, 0xFDF0), *(plane << 16 | end
                                           for plane in range(17)
                                           for end in (0xFFFE, 0xFFFF)))
HIDDEN = frozenset(
    map(chr,
        (*(c for c in range(0x110000) if unicodedata.category(chr(c)) in ('Cc', 'Cf', 'Zl', 'Zp')),
         *IGNORABLE, *NONCHARACTERS)))
ALL = ''.join(c for c in sorted(HIDDEN) if c != '\0' and not 0xE0080 < ord(c) < 0xE0F80)
# what an archive with it in a name is not refused for
IN_NAMES = ''.join(c for c in ALL if ord(c) > 0x7F)
ESCAPES = ('\x1b[2J\x1b]0;owned\x07\r\t\x7f\x9b31m\x85'
           '\u061c\u202egnp\u2066\u200b\ufeff\ufff9\U000e0041\\')
OWN_SEQUENCES = re.compile(r'\x1b\[(?:[0-9;]*m|K)|\r')  # colours and progress


def hidden_in(text):
    return sorted({hex(ord(c)) for c in text if c in HIDDEN and c != '\n'})


def check_terminal(*arguments, **environment):
    status, got = on_terminal(*arguments, **environment)
    assert hidden_in(OWN_SEQUENCES.sub('', got)) == [], (arguments, got)
    return status, got


def pieces(text, size=20):
    return [text[i:i + size] for i in range(0, len(text), size)]


def hostile_image():
    multiscale = image()['zarr.json']['attributes']['ome']['multiscales'][0]
    files = image(omero={'channels': [{'label': f'label{p}', 'color': p} for p in pieces(ALL)]},
                  labels=[f'labels{p}' for p in pieces(IN_NAMES)])
    root = files['zarr.json']
    root['attributes']['ome']['multiscales'][0] |= {'name': ALL, 'type': ALL}
    root['attributes']['ome']['multiscales'][0]['axes'][0] |= {'name': ESCAPES, 'unit': ESCAPES}
    root['attributes'][ALL] = ALL
    for i, piece in enumerate(pieces(IN_NAMES)):
        name = f'd{piece}'
        files[f'{name}/zarr.json'] = group(
            ome={'version': ESCAPES, 'multiscales': [dict(multiscale, name=ALL, version=ALL)]})
        files[f'{name}/broken/zarr.json'] = f'{{"zarr_format": 3, "{piece}'
        files[f'{name}/array/zarr.json'] = array(data_type=ESCAPES, codecs=[{'name': ESCAPES}],
                                                 dimension_names=[ALL] * 2, **{ESCAPES: 1})
        files[f'{name}/file{piece}'] = b'x'
    files[f'e{ESCAPES.translate(dict.fromkeys([*range(32), 0x7f, 0x5c]))}/x.ozx'] = b'PK'
    return files


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A folder with three archives (sound, refused, with a comment that is not a string) and three
    directories (sound, with a file that pack refuses, with JSON that is none)."""
    folder = tmp_path_factory.mktemp('hostile') / f'f{ESCAPES}\n'
    folder.mkdir()
    comment = json.dumps({
        'ome': {'version': ESCAPES, 'zipFile': {'centralDirectory': {'jsonFirst': True}}}, ALL: ALL
    })
    write(folder / f'a{ESCAPES}.ozx', hostile_image(), comment.encode()[:65535])
    write(folder / f'r{ESCAPES}.ozx', {'zarr.json': group(), f'r{ESCAPES}': b''})
    write(folder / f'c{ESCAPES}.ozx', {'zarr.json': group()}, b'\xff' + ESCAPES.encode())
    files = hostile_image()
    files['zarr.json']['attributes']['ome']['version'] = '0.5'
    trees = [(f't{ESCAPES}/{name}', data)
             for name, data in files.items()
             if not name.endswith(('.ozx', '/broken/zarr.json'))]
    trees += [(f'b{ESCAPES}/{name}', data)
              for name, data in files.items()
              if not name.endswith('.ozx')]
    trees += [(f'n{ESCAPES}/zarr.json', json.dumps(group())), (f'n{ESCAPES}/n{ESCAPES}', b'')]
    for name, data in trees:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else (
            data if isinstance(data, str) else json.dumps(data)).encode())
    return folder


def named(place, letter):
    return next(p for p in place.iterdir() if p.name.startswith(letter))


READING = (('ls', '-R'), ('ls', '-lR'), ('ls', '-R', '--json'), ('info', ), ('info', '--json'),
           ('verify', ), ('verify', '-v'), ('verify', '-q'), ('verify', '--json'), ('repack', '-n'),
           ('repack', '-nv'))


@pytest.mark.parametrize('verb', READING, ids=' '.join)
def test_archives_on_a_terminal(place, verb):
    told = [check_terminal(*verb, named(place, letter)) for letter in 'arc']
    assert all(said for status, said in told)
    assert '\\xE2\\x80\\xAE' in told[0][1] or '\\u202E' in told[0][1] or verb[1:] == ('-q',)


def test_writing_on_a_terminal(place, tmp_path):
    out = tmp_path / f'o{ESCAPES}'
    for letter in 'arc':
        for verb in ('unpack', 'repack'):
            for options in ((), ('-v',), ('-vf',)):
                check_terminal(verb, *options, named(place, letter), f'{out}-{verb}-{letter}.ozx')
    for options in (('-n', ), ('-nv', ), ('--json', ), ('-v', '--force'),
                    ('--exclude', ESCAPES, '-n'), ('-nv', '--exclude', 'file*')):
        for tree in 'tnb':
            check_terminal('pack', *options, named(place, tree), f'{out}.ozx')
    check_terminal('unpack', named(place, 'a'), f'{out}.part', f'd{ESCAPES}')


def test_arguments_on_a_terminal(place):
    archive = named(place, 'a')
    for verb in ('ls', 'cat', 'info', 'verify', 'unpack', 'pack', 'repack', 'mount', 'umount',
                 ESCAPES):
        for arguments in ((f'--{ESCAPES}', ), (f'-{ESCAPES}', ), (ESCAPES, ), (ESCAPES, ESCAPES),
                          (f'/{ESCAPES}/{ESCAPES}', ), (os.fsencode(ESCAPES).decode('latin-1'), )):
            status, said = check_terminal(verb, *arguments)
            assert status and said
    for arguments in (('ls', archive, ESCAPES), ('cat', archive, ESCAPES), ('unpack', '--subdir',
                                                                            ESCAPES, archive, 'x'),
                      ('pack', '--ome-version', ESCAPES, place, 'x'), ('pack', '--mtime', ESCAPES,
                                                                       place, 'x'),
                      ('verify', '-j', ESCAPES, archive), ('pack', '--align', ESCAPES, place, 'x'),
                      ('pack', '--exclude', ESCAPES, place, 'x'), ('mount', '-o', ESCAPES, archive),
                      ('mount', '-o', f'uid={ESCAPES}',
                       archive), ('mount', '-o', f'subdir={ESCAPES}', archive,
                                  '/nowhere'), ('mount', '-o', f'log=/nowhere/{ESCAPES}', archive),
                      ('mount', archive, f'/nowhere{ESCAPES}'), ('help', ESCAPES)):
        status, said = check_terminal(*arguments)
        assert status and said


def test_not_utf8_on_a_terminal(place, tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b'latin\xe9\x9b31m.ozx')
    os.link(named(place, 'a'), path)
    for verb in (('ls', '-R'), ('info', ), ('verify', ), ('info', '--json'), ('verify', '--json'),
                 ('repack', '-nv')):
        check_terminal(*verb, os.fsdecode(path))


# --- JSON -----------------------------------------------------------------------------------------

def said_json(verb, *arguments):
    done = run(verb, '--json', *arguments, text=False)
    text = done.stdout.decode()
    assert text, done.stderr.decode()
    assert hidden_in(text) == [], verb
    return json.loads(text)


def files_said(place, archive, tree, out):
    packed = said_json('pack', tree, out)
    return {
        'info': said_json('info', archive)['file'], 'ls': said_json('ls', archive)['file'],
        'verify': said_json('verify', archive)['files'][0]['file'], 'pack': packed['archive'],
        'input': packed['input']
    }


def test_json_names_the_file_as_it_was_given(place, tmp_path):
    archive, tree, out = named(place, 'a'), named(place, 't'), f'{tmp_path}/{ESCAPES}.ozx'
    said = files_said(place, archive, tree, out)
    assert said == {
        'info': str(archive), 'ls': str(archive), 'verify': str(archive), 'pack': out,
        'input': str(tree)
    }


def test_json_says_null_for_a_file_that_is_not_utf8(place, tmp_path):
    archive = os.path.join(os.fsencode(tmp_path), b'latin\xe9.ozx')
    tree = os.path.join(os.fsencode(tmp_path), b'latin\xe9')
    os.link(named(place, 'a'), archive)
    os.symlink(named(place, 't'), tree)
    said = files_said(place, os.fsdecode(archive), os.fsdecode(tree), os.fsdecode(archive + b'.2'))
    assert set(said.values()) == {None}
    missing = said_json('verify', os.fsdecode(archive + b'\xff'))['files'][0]
    assert missing['file'] is None and missing['verdict'] == 'error'


def test_json_means_the_same(place):
    archive = named(place, 'a')
    root = said_json('info', archive)['root']
    assert root['multiscales'][0]['name'] == ALL and root['multiscales'][0]['axes'][0][
        'unit'] == ESCAPES
    assert [c['label'] for c in root['channels']] == [f'label{p}' for p in pieces(ALL)]
    names = {e['path'] for e in said_json('ls', '-R', archive)['entries']}
    assert {f'd{p}/file{p}' for p in pieces(IN_NAMES)} < names


# --- once, and not elsewhere ----------------------------------------------------------------------

def test_a_problem_is_escaped_once(place):
    status, said = on_terminal('info', named(place, 'a'), columns=2000)
    told = [line for line in said.splitlines() if 'unreadable: ' in line]
    assert told and all('\\\\x' not in line for line in told)


def test_ls_in_a_pipe_is_raw(place):
    said = run('ls', '-R', named(place, 'a')).stdout
    assert all(c in said for c in IN_NAMES)


@pytest.mark.skipif(
    os.environ.get('OZXFS_HAVE_MOUNT') != '1' or not os.access('/dev/fuse', os.W_OK),
    reason='mounts are not to be had here')
def test_mount(place, tmp_path):
    folder = tmp_path / f'm{ESCAPES}'
    folder.mkdir()
    archive = folder / f'a{ESCAPES}.ozx'
    os.link(named(place, 'a'), archive)
    log = tmp_path / 'log'
    status, said = check_terminal('mount', '-v', '-o', f'log={log}', archive)
    point = folder / f'a{ESCAPES}.ome.zarr'
    assert status == 0 and os.path.ismount(point)
    try:
        assert check_terminal('mount', archive, point)[0]
        with open(os.path.join(point, 'zarr.json'), 'rb') as f:
            assert f.read(1) == b'{'
    finally:
        assert check_terminal('umount', point)[0] == 0
    assert hidden_in(log.read_text()) == []
    done = run('mount', archive, text=False)
    try:
        assert done.stdout == os.fsencode(point) + b'\n'  # in a pipe it is the path itself
    finally:
        run('umount', point)
