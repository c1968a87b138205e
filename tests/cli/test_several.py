# SPDX-License-Identifier: BSD-2-Clause
"""Several archives for one verb, and patterns inside archives."""
import fnmatch
import json
import os
import re

import pytest

from kit.info import image, on_terminal, run, write
from kit.trees import tree

FILES = {
    'zarr.json': b'{"a":1}', 's0/zarr.json': b'{"b":2}', 's0/c/0/0': b'00', 's0/c/0/1': b'01',
    's0/c/1/0': b'10', 's1/zarr.json': b'{"c":3}', 's1/c/0/0': b'1',
    'labels/ü/zarr.json': b'{"d":4}', 'odd/a*b': b'star', 'odd/axb': b'x', 'odd/[z]': b'bracket',
    'odd/z': b'z'
}
DIRECTORIES = {
    '/'.join(name.split('/')[:n])
    for name in FILES
    for n in range(1,
                   name.count('/') + 1)
}


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / 'x.ozx', FILES)


@pytest.fixture
def three(tmp_path):
    """Two sound ones and one between them that is none."""
    (tmp_path / 'b.ozx').write_bytes(b'no archive')
    return write(tmp_path / 'a.ozx',
                 image()), tmp_path / 'b.ozx', write(tmp_path / 'c.zarr.zip',
                                                     {**image(), '0/c/0/0': b'y' * 1024})


# --- patterns -------------------------------------------------------------------------------------

def meant(pattern):
    """What Python's words for a pattern match."""
    words = []
    for part in pattern.strip('/').split('/'):
        words.append(
            '**' if part == '**' else fnmatch.translate(part)[4:-3].replace('.*', '[^/]*').
            replace('.', '[^/]') if '*' in part or '?' in part or '[' in part else re.escape(part))
    regular = '/'.join(words).replace('**/', '(?:[^/]+/)*').replace('/**', '/.+')
    return sorted((n for n in {*FILES, *DIRECTORIES}
                   if re.fullmatch('.+' if regular == '**' else regular, n)),
                  key=lambda n: [c.encode() for c in n.split('/')])


@pytest.mark.parametrize('pattern,expected', [
    ('s0/*', ['s0/c', 's0/zarr.json']),
    ('/s?/zarr.json', ['s0/zarr.json', 's1/zarr.json']),
    ('s[0-9]/c/*/0', ['s0/c/0/0', 's0/c/1/0', 's1/c/0/0']),
    ('s[!0]/*', ['s1/c', 's1/zarr.json']),
    ('*/', ['labels', 'odd', 's0', 's1']),
    ('**/zarr.json', ['labels/ü/zarr.json', 's0/zarr.json', 's1/zarr.json', 'zarr.json']),
    ('**/**/zarr.json', ['labels/ü/zarr.json', 's0/zarr.json', 's1/zarr.json', 'zarr.json']),
    ('s0/**', ['s0/c', 's0/c/0', 's0/c/0/0', 's0/c/0/1', 's0/c/1', 's0/c/1/0', 's0/zarr.json']),
    ('**/c/**/0/', ['s0/c/0', 's1/c/0']),
    ('**/0', ['s0/c/0', 's0/c/0/0', 's0/c/1/0', 's1/c/0', 's1/c/0/0']),
    ('labels/?', ['labels/ü']),
    ('./s0/./z*', ['s0/zarr.json']),
    ('odd/a*b', ['odd/a*b']),          # there is an entry of that name
    (r'odd/a\*b', ['odd/a*b']),
    ('odd/a*', ['odd/a*b', 'odd/axb']),
    ('odd/[z]', ['odd/[z]']),
    ('odd/[yz]', ['odd/z']),
])
def test_pattern(archive, pattern, expected):
    done = run('ls', archive, pattern, env={'LC_ALL': 'C.UTF-8'})
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, expected, '')


@pytest.mark.parametrize('pattern',
                         ['*', '**', '*/*', '**/*', '**/z*', 's*/c/**', '**/c/*', '**/1', '*/**/0'])
def test_pattern_is_what_python_makes_of_it(archive, pattern):
    assert run('ls', archive, pattern).stdout.splitlines() == meant(pattern) != []


def test_pattern_recursive_and_json(archive):
    assert run('ls', '-R', archive,
               's1*').stdout.splitlines() == ['s1', 's1/c', 's1/c/0', 's1/c/0/0', 's1/zarr.json']
    said = json.loads(run('ls', '--json', archive, '**/zarr.json').stdout)
    assert said['path'] == '**/zarr.json' and [e['path']
                                               for e in said['entries']] == meant('**/zarr.json')


@pytest.mark.parametrize('verb', ['ls', 'cat', 'unpack'])
@pytest.mark.parametrize(
    'pattern', ['nope*', 'zarr.json/*', '*/*/*/*/*/*', '**/nope', '[', 'x[', '**/' * 3 + 'q'])
def test_pattern_that_matches_nothing(archive, tmp_path, verb, pattern):
    out = [tmp_path / 'out'] if verb == 'unpack' else []
    done = run(verb, archive, *out, pattern)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (66, '', 1), done
    assert os.listdir(tmp_path) == ['x.ozx']


@pytest.mark.parametrize('verb', ['ls', 'cat', 'unpack'])
def test_pattern_of_too_many_stars(archive, tmp_path, verb):
    out = [tmp_path / 'out'] if verb == 'unpack' else []
    done = run(verb, archive, *out, '/a/'.join(['**'] * 8))
    assert done.returncode in (64, 66) and '**' in done.stderr and len(
        done.stderr.splitlines()) == 1


def test_pattern_takes_no_time(tmp_path):
    """Many ways lead to each entry; none is walked twice."""
    path = write(tmp_path / 'x.ozx', {'/'.join('a' * n): b'' for n in (1500,)})
    done = run('ls', path, '/a/'.join(['**'] * 7), timeout=30)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1500 - 6


def test_cat_of_a_pattern(archive):
    assert run('cat', archive, '**/zarr.json',
               'zarr.json').stdout == ''.join(FILES[n].decode()
                                              for n in meant('**/zarr.json')) + '{"a":1}'
    assert run('cat', archive, 's0/*').stdout == '{"b":2}', 'directories are left out'
    done = run('cat', archive, 's0/c/*', 'zarr.json')
    assert (done.returncode,
            done.stdout) == (66, '{"a":1}') and 'matches directories only' in done.stderr


def test_unpack_of_a_pattern(archive, tmp_path):
    assert run('unpack', '-q', archive, tmp_path / 'u', '**/zarr.json', 's1/*/',
               'odd/[z]').returncode == 0
    wanted = {n.encode() for n in meant('**/zarr.json')} | {b's1/c/0/0', b'odd/[z]'}
    assert {n for n, data in tree(tmp_path / 'u').items() if data is not None} == wanted


# --- several archives -----------------------------------------------------------------------------

def test_ls_of_several(three):
    a, b, c = three
    one = run('ls', a).stdout
    done = run('ls', a, b, c)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and str(b) in done.stderr
    assert done.stdout == f'{a}:\n{one}\n{c}:\n{one}'
    assert run('ls', a, c, '0/c').stdout == f'{a}:\n0\n1\n\n{c}:\n0\n1\n'
    assert run('ls', a, '0/c').stdout == '0\n1\n'


def test_ls_json_of_several(three):
    a, _, c = three
    decoder, text, said = json.JSONDecoder(), run('ls', '--json', a, c).stdout, []
    while text:
        value, end = decoder.raw_decode(text)
        said.append(value)
        text = text[end:].lstrip()
    assert [s['file'] for s in said] == [str(a), str(c)] and said[0]['entries'] and len(
        said[0]['entries']) == len(said[1]['entries'])


@pytest.mark.parametrize('operands', [['a.ozx', 'x', 'y'], ['-0', 'a.ozx', 'b.ozx'], []])
def test_ls_usage(operands):
    done = run('ls', *operands)
    assert (done.returncode, len(done.stderr.splitlines())) == (64, 1)


def test_ls_sizes_for_people(tmp_path):
    path = write(tmp_path / 'x.ozx',
                 {'zarr.json': b'{}', 'big': bytes(1536), 'huge': bytes(3 << 20)})
    lines = {
        line.split()[-1]: ' '.join(line.split()[1:3])
        for line in run('ls', '-lh', path).stdout.splitlines()
    }
    assert lines['big'] == '1.5 KiB' and lines['huge'] == '3.0 MiB' and lines[
        'zarr.json'].startswith('2 B')
    assert run('ls', '-h', path).stdout == run('ls', '-1', path).stdout == run(
        'ls', path).stdout == 'big\nhuge\nzarr.json\n'
    assert run('ls', '-l', '--json', path).stdout == run('ls', '--json', path).stdout


def test_info_of_several(three):
    a, b, c = three
    done = run('info', a, b, c)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stdout == run('info', a).stdout + '\n' + run('info', c).stdout
    assert done.stdout.startswith(str(a))
    assert run('info', a, a.with_name('none.ozx')).returncode == 66


def test_heading_on_a_terminal(tmp_path):
    path = write(tmp_path / 'e\x9b2J.ozx', {'f': b''})
    status, shown = on_terminal('ls', path, path, columns=300)
    assert status == 0 and shown.count('e\\xC2\\x9B2J.ozx:') == 2 and '\x9b' not in shown


def test_unpack_of_several(three, tmp_path):
    a, b, c = three
    done = run('unpack', '-q', a, b, c, tmp_path / 'out')
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert sorted(os.listdir(tmp_path / 'out')) == ['a.ome.zarr', 'c.ome.zarr']
    assert run('unpack', '-q', a, tmp_path / 'one').returncode == 0
    assert tree(tmp_path / 'out/a.ome.zarr') == tree(tmp_path / 'one')
    assert (tmp_path / 'out/c.ome.zarr/0/c/0/0').read_bytes() == b'y' * 1024
    again = run('unpack', '-q', a, c, tmp_path / 'out')
    assert again.returncode == 73 and len(again.stderr.splitlines()) == 2
    assert run('unpack', '-qf', a, c, tmp_path / 'out').returncode == 0
    assert run('unpack', '-q', a, c, tmp_path / 'part', '**/zarr.json').returncode == 0
    assert sorted(tree(tmp_path / 'part')) == [
        b'a.ome.zarr', b'a.ome.zarr/0', b'a.ome.zarr/0/zarr.json', b'a.ome.zarr/zarr.json',
        b'c.ome.zarr', b'c.ome.zarr/0', b'c.ome.zarr/0/zarr.json', b'c.ome.zarr/zarr.json'
    ]


def test_unpack_of_several_that_all_fail(three, tmp_path):
    assert run('unpack', three[1], tmp_path / 'none.ozx', tmp_path / 'out').returncode == 66
    assert not (tmp_path / 'out').exists()


def test_unpack_of_one_name_twice(three, tmp_path):
    (tmp_path / 'x').mkdir()
    os.rename(three[2], tmp_path / 'x/a.ZIP')
    done = run('unpack', three[0], tmp_path / 'x/a.ZIP', tmp_path / 'out')
    assert done.returncode == 64 and 'a.ome.zarr' in done.stderr and not (tmp_path / 'out').exists()
    assert run('unpack', three[0], tmp_path / 'x/a.ZIP').returncode == 64
