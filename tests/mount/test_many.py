# SPDX-License-Identifier: BSD-2-Clause
"""Several archives in one mount: one directory each, none merged, each with its own words."""
import errno
import os
import shutil
import subprocess
import time

import pytest

from kit.harness import check_lines, check_view, mount_of, read, wait_until


@pytest.fixture
def place(archives, folder):
    """place(NAME, RECIPE='plain_zip64'): a copy of an archive in the test's folder; its path."""
    def put(name, recipe='plain_zip64'):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy2(archives(recipe)[0], path)
        return path
    return put


def mount(ozxfs, *arguments):
    where = ozxfs.directory()
    done = ozxfs.run('mount', *arguments, where)
    assert done.returncode == 0, done.stderr
    return where, done


def test_each_is_a_directory(ozxfs, place, archives):
    where, done = mount(ozxfs, place('a.ozx'), place('b.ome.zarr.zip', 'duplicate_zarr_json'))
    assert done.stdout == b''
    assert sorted(os.listdir(where)) == ['a.ome.zarr', 'b.ome.zarr']
    check_view(where + '/a.ome.zarr', archives('plain_zip64')[1])
    check_view(where + '/b.ome.zarr', archives('duplicate_zarr_json')[1])
    assert mount_of(where)['source'].endswith(b'/a.ozx and 1 more')
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


def test_equal_names_get_a_number(ozxfs, place):
    where, _ = mount(ozxfs, place('x.ozx'), place('one/x.ozx'), place('x-2.ozx'),
                     place('two/x.zarr.zip'), place('y.ome.zarr.ozx'))
    assert sorted(os.listdir(where)) == [
        'x-2-2.ome.zarr', 'x-2.ome.zarr', 'x-3.ome.zarr', 'x.ome.zarr', 'y.ome.zarr'
    ]
    numbers = {os.stat(os.path.join(where, name)).st_ino for name in os.listdir(where)}
    assert len(numbers) == 5


def test_numbers_and_ways_up(ozxfs, place):
    """Inodes of two archives never meet, and '..' leads to where one came from."""
    where, _ = mount(ozxfs, place('a.ozx'), place('b.ozx'))
    seen = {}
    for folder, folders, files in os.walk(where):
        for name in folders + files:
            path = os.path.join(folder, name)
            assert seen.setdefault(os.stat(path).st_ino, path) == path
    assert len(seen) > 10
    root = os.stat(where)
    assert os.stat(where + '/a.ome.zarr/..').st_ino == os.stat(
        where + '/b.ome.zarr/s0/../..').st_ino == root.st_ino == 1
    with os.scandir(where + '/b.ome.zarr') as listing:
        assert {entry.inode() for entry in listing} <= set(seen)
    found = subprocess.run(['find', where, '-type', 'f'], capture_output=True, check=True).stdout
    assert found.count(b'\n') == sum(os.path.isfile(path) for path in seen.values())
    with pytest.raises(FileNotFoundError):
        os.stat(where + '/c.ome.zarr')


def test_a_refused_one_is_named(ozxfs, place):
    """Given by name, all must be right: nothing is mounted."""
    where = ozxfs.directory()
    done = ozxfs.run('mount', place('a.ozx'), place('cut.ozx', 'end_text'), where)
    assert done.returncode == 2 and not mount_of(where)
    [(rule, _, line)] = check_lines(done.stderr)
    assert rule == 'no-end' and b'/cut.ozx: ' in line
    done = ozxfs.run('mount', place('a.ozx'), ozxfs.folder + '/none.ozx', where)
    assert done.returncode == 66 and b'/none.ozx: ' in done.stderr and not mount_of(where)
    assert ozxfs.nothing_left()


def test_warnings_are_named(ozxfs, place):
    _, done = mount(ozxfs, place('a.ozx'), place('twice.ozx', 'duplicate_zarr_json'))
    [(rule, _, line)] = check_lines(done.stderr)
    assert rule == 'duplicate' and b'/twice.ozx: ' in line


def test_errors_are_of_each(ozxfs, place):
    """The first of each kind, of each archive."""
    paths = [place('a.ozx'), place('b.ozx'), place('c.ozx')]
    log = ozxfs.folder + '/log'
    where, _ = mount(ozxfs, '-o', 'xattr,log=' + log, *paths)
    for path in paths[:2]:
        os.utime(path, (1, 1))
    for _ in range(2):
        for name in ('a', 'b'):
            with pytest.raises(OSError) as caught:
                read('%s/%s.ome.zarr/s0/c/0/0' % (where, name))
            assert caught.value.errno == errno.EIO
    assert read(where + '/c.ome.zarr/s0/c/0/0')
    assert wait_until(lambda: read(log).count(b'rule changed') == 2), read(log)
    assert b'/a.ozx: ' in read(log) and b'/b.ozx: ' in read(log) and b'/c.ozx: ' not in read(log)
    assert os.getxattr(where, 'user.ozx.state').startswith(b'changed: ')
    assert os.listxattr(where) == ['user.ozx.state'] and not os.listxattr(where + '/c.ome.zarr')
    assert os.getxattr(where + '/c.ome.zarr', 'user.ozx.version') == b'0.5'


def test_memory_is_given_back_and_comes_again(ozxfs, place, archives):
    where, _ = mount(ozxfs, '-o', 'timeout=1', place('a.ozx'), place('b.ozx'))
    for _ in range(2):
        check_view(where + '/a.ome.zarr', archives('plain_zip64')[1])
        time.sleep(2.2)
        check_view(where + '/b.ome.zarr', archives('plain_zip64')[1])


def test_one_process_opens_them_all(ozxfs, place):
    """zarr-python with two images of one mount, and a copy of the whole."""
    zarr = pytest.importorskip('zarr')
    where, _ = mount(ozxfs, place('a.ozx'), place('b.ozx'))
    images = [zarr.open_group(where + name, mode='r') for name in ('/a.ome.zarr', '/b.ome.zarr')]
    assert [(image['s0'][:] == images[0]['s0'][:]).all() for image in images] == [True, True]
    subprocess.run(['cp', '-r', where, ozxfs.folder + '/copy'], check=True)
    assert subprocess.run(['diff', '-r', where, ozxfs.folder + '/copy'],
                          check=False).returncode == 0
    assert int(
        subprocess.run(['du', '-sb', where], capture_output=True, check=True).stdout.split()[0]) > 0


def test_two_operands_are_an_archive_and_a_directory(ozxfs, place):
    done = ozxfs.run('mount', place('a.ozx'), place('b.ozx'))
    assert done.returncode == 73 and b'not a directory: give a directory' in done.stderr
    done = ozxfs.run('mount', os.path.dirname(place('a.ozx')))
    assert done.returncode == 66 and b'to mount the archives in it, give one' in done.stderr
