# SPDX-License-Identifier: BSD-2-Clause
"""`ls` and `cat`: the archive's tree and bytes without a mount."""
import json
import os
import random
import signal
import subprocess
import warnings
import zipfile
import zlib

import pytest

from kit.info import OZXFS, image, on_terminal, run, write

FILES = {'zarr.json': b'{}', 'a/b/c': b'hello', 'a/x': b'', 'a/ü': b'12345678', 'b': b'\n'}


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / 'x.ozx', FILES)


# --- ls -------------------------------------------------------------------------------------------

def test_ls_root(archive):
    assert run('ls', archive).stdout == 'a\nb\nzarr.json\n'


@pytest.mark.parametrize('path', ['a', 'a/', '/a', '/a//', 'a///'])
def test_ls_directory(archive, path):
    assert run('ls', archive, path).stdout == 'b\nx\nü\n'


@pytest.mark.parametrize('alike', ['', 'a prefix of more than eight bytes '])
@pytest.mark.parametrize('order', ['numbers', 'shuffled', 'sorted', 'one name'])
def test_ls_large_directory(tmp_path, order, alike):
    """65,536 names are sorted in parts: in the order of bytes all the same, and of equal names the
    last one is there, once."""
    names = [f'{alike}{i}' for i in range(70_000)]
    if order == 'one name':
        names = [f'{alike}5'] * 66_000 + names[:100]
    elif order != 'numbers':
        names += 20 * [names[7]] + names[::9]
        random.Random(6).shuffle(names) if order == 'shuffled' else names.sort()
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of names that are there already
        for i, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(f'd/{name}'), b'%d' % i)
    assert run('ls', path, 'd').stdout.splitlines() == sorted(set(names))
    last = {name: i for i, name in enumerate(names)}
    for name in (names[7], names[-1], max(last), min(last)):
        assert run('cat', path, f'd/{name}').stdout == str(last[name])


def test_ls_file_is_listed_by_its_path(archive):
    assert run('ls', archive, 'a/b/c').stdout == 'a/b/c\n'


def test_ls_recursive(archive):
    assert run('ls', '-R', archive).stdout == 'a\na/b\na/b/c\na/x\na/ü\nb\nzarr.json\n'
    assert run('ls', '-R', archive, 'a').stdout == 'b\nb/c\nx\nü\n'


def test_ls_long(tmp_path):
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(zipfile.ZipInfo('d/f', (2024, 2, 29, 12, 34, 56)), b'12345')
        archive.writestr(zipfile.ZipInfo('g', (1980, 1, 1, 0, 0, 0)), b'')
    lines = run('ls', '-lR', path, env={**os.environ, 'TZ': 'America/New_York'}).stdout.splitlines()
    assert lines[1].split() == ['-r--r--r--', '5', '2024-02-29T12:34:56Z', 'd/f']
    assert lines[2].split() == ['-r--r--r--', '0', '1980-01-01T00:00:00Z', 'g']
    assert lines[0].split()[:2] == ['dr-xr-xr-x', '0'] and lines[0].split()[3] == 'd'


def test_ls_long_compressed(tmp_path):
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(zipfile.ZipInfo('z'), bytes(10000), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo('s'), b'123')
        size = archive.getinfo('z').compress_size
    first, second = (line.split() for line in run('ls', '-l', path).stdout.splitlines())
    assert first[:4] == ['-r--r--r--', '3', '3', 'stored']
    assert second[:4] == ['-r--r--r--', '10000', str(size), 'deflate']


def test_ls_null(archive):
    assert run('ls', '-R0', archive, text=False).stdout.split(b'\0') == [
        b'a', b'a/b', b'a/b/c', b'a/x', 'a/ü'.encode(), b'b', b'zarr.json', b'']


def test_ls_json(archive):
    said = json.loads(run('ls', '-R', '--json', archive, 'a').stdout)
    assert (said['schema'], said['path']) == (1, 'a')
    assert [e['path'] for e in said['entries']] == ['a/b', 'a/b/c', 'a/x', 'a/ü']
    assert said['entries'][0]['type'] == 'directory'
    assert said['entries'][1] == {
        'path': 'a/b/c', 'type': 'file', 'mtime': '1980-01-01T00:00:00Z', 'size_bytes': 5,
        'compressed_size_bytes': 5, 'method': 'stored', 'crc32': f'{zlib.crc32(b"hello"):08x}',
        'unreadable': None
    }


def test_ls_json_of_nothing(tmp_path):
    path = tmp_path / 'x.zip'
    zipfile.ZipFile(path, 'w').close()
    assert json.loads(run('ls', '--json', path).stdout)['entries'] == []


def test_ls_escapes_only_on_a_terminal(tmp_path):
    """U+009B starts a control sequence in one character; names with others are refused."""
    path = write(tmp_path / 'x.ozx', {'evil\x9b2J': b''})
    assert run('ls', path).stdout == 'evil\x9b2J\n'
    assert on_terminal('ls', path) == (0, 'evil\\xC2\\x9B2J\n')
    assert on_terminal('ls', '-0', path) == (0, 'evil\x9b2J\0')


def test_ls_sees_what_info_and_zip_see(tmp_path):
    path = write(tmp_path / 'x.ozx', image())
    listed = json.loads(run('ls', '-R', '--json', path).stdout)['entries']
    assert {e['path']: e['size_bytes'] for e in listed if e['type'] == 'file'} == {
        i.filename: i.file_size for i in zipfile.ZipFile(path).infolist()}


@pytest.mark.parametrize('path', ['nope', 'a/nope', 'b/c', 'b/', '..', 'a/../b'])
def test_ls_nothing_there(archive, path):
    done = run('ls', archive, path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (66, '', 1)


@pytest.mark.parametrize('path', ['.', '/', './', './/.'])
def test_ls_the_root_in_other_words(archive, path):
    assert run('ls', archive, path).stdout == run('ls', archive).stdout != ''


@pytest.mark.parametrize('arguments', [[], ['x', 'y', 'z'], ['--nope'], ['--json', '-0', 'x']])
def test_ls_command_line(arguments):
    done = run('ls', *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (64, 1)


# --- cat ------------------------------------------------------------------------------------------

def test_cat(archive):
    done = run('cat', archive, 'a/b/c', 'a/x', '/b', 'a/b/c', text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b'hello\nhello', b'')


@pytest.mark.parametrize('size', [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_cat_sizes(tmp_path, size, method):
    data = os.urandom(size)
    path = write(tmp_path / 'x.ozx', {'f': data}, compression=method)
    done = run('cat', path, 'f', text=False)
    assert (done.returncode, done.stdout == data, done.stderr) == (0, True, b'')


def test_cat_goes_on_after_a_problem(archive):
    done = run('cat', archive, 'nope', 'a', 'a/b/c')
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (66, 'hello', 2)


def flip(path, data):
    """One bit of an entry's data."""
    contents = bytearray(path.read_bytes())
    contents[contents.index(data)] ^= 1
    path.write_bytes(contents)


def test_cat_wrong_crc(archive):
    flip(archive, b'hello')
    done = run('cat', archive, 'a/b/c')
    assert (done.returncode, done.stdout) == (74, 'iello')
    assert len(done.stderr.splitlines()) == 1
    assert "entry 'a/b/c'" in done.stderr and '(crc, at byte' in done.stderr


def test_cat_wrong_crc_of_several(archive):
    flip(archive, b'hello')
    done = run('cat', archive, 'b', 'a/b/c', 'a/ü')
    assert (done.returncode, done.stdout) == (74, '\niello12345678')


def test_cat_damaged_deflate(tmp_path):
    path = write(tmp_path / 'x.ozx', {'f': os.urandom(100000)}, compression=zipfile.ZIP_DEFLATED)
    contents = bytearray(path.read_bytes())
    contents[60000] ^= 1
    path.write_bytes(contents)
    done = run('cat', path, 'f', text=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (74, 1)


def test_cat_memory_is_bounded(tmp_path):
    """256 MiB of data with 128 MiB of address space."""
    if os.environ.get('OZXFS_SANITIZED') == '1':
        pytest.skip('sanitizers reserve terabytes of addresses')
    path = write(tmp_path / 'x.ozx', {'f': bytes(256 << 20)})
    script = '(ulimit -v 131072; exec "$0" cat "$1" f) | cksum; exit ${PIPESTATUS[0]}'
    done = subprocess.run(['bash', '-c', script, OZXFS, path], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stdout.split()[1:]) == (0, [str(256 << 20)])


def test_cat_into_a_closed_pipe(tmp_path):
    path = write(tmp_path / 'x.ozx', {'f': bytes(4 << 20)})
    script = '"$0" cat "$1" f | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}'
    done = subprocess.run(['bash', '-c', script, OZXFS, path], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, '')


def test_cat_into_a_closed_pipe_with_the_signal_ignored(tmp_path):
    path = write(tmp_path / 'x.ozx', {'f': bytes(4 << 20)})
    script = 'trap "" PIPE; "$0" cat "$1" f | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}'
    done = subprocess.run(['bash', '-c', script, OZXFS, path], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (74, '')


def test_cat_to_a_full_device(archive):
    if not os.path.exists('/dev/full'):
        pytest.skip('no /dev/full')
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([OZXFS, 'cat', archive, 'a/b/c'], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60)
    assert done.returncode == 74 and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize('arguments', [[], ['x'], ['--nope', 'x', 'y']])
def test_cat_command_line(arguments):
    done = run('cat', *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (64, 1)
