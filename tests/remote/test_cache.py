# SPDX-License-Identifier: BSD-2-Clause
"""What was read is kept in memory or, by -o cache=DIR, in a file there: the same bytes come out,
nothing is left in the directory, and a disk that is full is no failure."""
import resource
import subprocess

import pytest

from kit.info import array, group, multiscale, write
from kit.launch import OZXFS, run

from server import serving

CHUNK, COUNT = 1 << 20, 24  # more than the smallest cache has room for
PATHS = [f'0/c/{n}/0' for n in range(COUNT)]


@pytest.fixture(scope='module')
def files():
    return {
        'zarr.json': group(multiscales=[multiscale()]), '0/zarr.json': array((COUNT, CHUNK),
                                                                             (1, CHUNK)),
        **{path: bytes([n]) + bytes(CHUNK - 2) + bytes([n])
           for n, path in enumerate(PATHS)}
    }


@pytest.fixture(scope='module')
def server(files, tmp_path_factory):
    with serving(write(tmp_path_factory.mktemp('a') / 'x.ozx', files).read_bytes()) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / 'a folder'
    made.mkdir()
    return made


def cat(server, options, paths=(), **more):
    return run('cat', '-o', options, server.url(), *(paths or PATHS + PATHS[::-1]), **more)


def twice(files):
    return b''.join(files[path] for path in PATHS + PATHS[::-1])


@pytest.mark.parametrize('size', ['', ',cache_size=16M', ',cache_size=2GiB'])
def test_the_same_bytes(server, files, folder, size):
    server.requests.clear()
    ended = cat(server, f'cache={folder}{size}')
    assert (ended.returncode, ended.stderr) == (0, b'') and ended.stdout == twice(files)
    assert not list(folder.iterdir())
    ranges = [tuple(map(int, told['Range'].removeprefix('bytes=').split('-')))
              for _, _, told in server.requests if not told['Range'].startswith('bytes=-')]
    fetched = sum(last - first + 1 for first, last in ranges)
    if '16M' in size:
        assert fetched > 1.2 * COUNT * CHUNK, 'what had no room was asked for again'
    else:
        assert fetched < 1.1 * COUNT * CHUNK, 'nothing was asked for twice'


def test_a_disk_that_is_full(server, files, folder):
    little = 1 << 20
    ended = cat(server, f'cache={folder}',
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (little, little)))
    assert (ended.returncode, ended.stderr) == (0, b'') and ended.stdout == twice(files)


def test_two_at_once(server, files, folder):
    running = [subprocess.Popen([OZXFS, 'cat', '-o', f'cache={folder}', server.url(), *PATHS],
                                stdout=subprocess.PIPE) for _ in range(2)]
    outs = [one.communicate(timeout=60)[0] for one in running]
    assert outs == [b''.join(files[path] for path in PATHS)] * 2 and not list(folder.iterdir())


@pytest.mark.parametrize('folder', ['/nonexistent/x', '/dev/null', '/proc/self'])
def test_no_folder(server, folder):
    server.requests.clear()
    ended = cat(server, f'cache={folder}', ['zarr.json'], text=True)
    assert ended.returncode != 0 and not server.requests
    assert 'cache directory' in ended.stderr and ended.stderr.count('\n') == 1


@pytest.mark.parametrize('size', ['', '0', '15M', '2T', '16X', '-1', '1e3M', '16777215',
                                  '99999999999999999999'])
def test_no_size(server, size):
    ended = cat(server, f'cache_size={size}', ['zarr.json'], text=True)
    assert ended.returncode == 64 and 'cache_size' in ended.stderr
