# SPDX-License-Identifier: BSD-2-Clause
"""Row `changed`: the archive is truncated, appended to, rewritten, touched, renamed over or
unlinked while it is mounted. Whatever a read returns is right, or it is EIO; never short, never
mixed, never made up."""
import os
import shutil
import threading
import time

import pytest
from corpus import EIO, RECIPES, SERVE
from kit.harness import check_lines, check_view, read_or_eio

CHANGED = [r.name for r in RECIPES.values() if r.id == 'changed']


@pytest.fixture
def own(archives, folder):
    """name -> (a copy that may be spoilt, Made)."""
    def copy(name):
        path, made = archives(name)
        return shutil.copy2(path, os.path.join(folder, 'archive.ozx')), made
    return copy


def read_in_pieces(handle, content, piece=100_000):
    """How many reads were right and how many EIO; anything else fails."""
    right = failed = 0
    for offset in range(0, len(content), piece):
        length = min(piece, len(content) - offset)
        data = read_or_eio(handle, length, offset)
        assert data is None or data == content[offset:offset +
                                               len(data)], 'bytes that are not the archive\'s'
        right, failed = right + (data is not None), failed + (data is None)
    return right, failed


@pytest.mark.parametrize('name', CHANGED)
def test_nothing_cached(ozxfs, own, name):
    """Not a byte was read before the change: all is EIO, or all is served."""
    path, made = own(name)
    where = ozxfs.mount(path)
    made.change(path)
    for file in (b'big', b'packed', b'zarr.json', b's0/c/0/1'):
        handle = os.open(os.path.join(os.fsencode(where), file), os.O_RDONLY)
        right, failed = read_in_pieces(handle, made.view[file])
        os.close(handle)
        assert (right == 0) if RECIPES[name].mount == EIO else (failed == 0), (file, right, failed)
    assert set(os.listdir(where)) == {'zarr.json', 's0', 'big', 'packed'}, 'names stay visible'
    ozxfs.umount(where)


@pytest.mark.parametrize('name', [n for n in CHANGED if RECIPES[n].mount == EIO])
def test_partly_cached(ozxfs, own, name):
    """What the kernel has may be served; what it has not is EIO, and stays so when the change is
    taken back."""
    path, made = own(name)
    before = os.stat(path)
    where = ozxfs.mount(path)
    handle, content = os.open(where + '/big', os.O_RDONLY), made.view[b'big']
    os.pread(handle, 4096, 0)
    made.change(path)
    assert read_in_pieces(handle, content)[1] > 0
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.truncate(path, before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_in_pieces(handle, content)[0] == 0, 'served again after a change'
    os.close(handle)
    ozxfs.umount(where)


@pytest.mark.parametrize('name', [n for n in CHANGED if RECIPES[n].mount == SERVE])
def test_old_file_is_served_on(ozxfs, own, name):
    path, made = own(name)
    where = ozxfs.mount(path)
    made.change(path)
    check_view(where, made)
    ozxfs.umount(where)


@pytest.mark.parametrize('name', [n for n in CHANGED if RECIPES[n].mount == EIO])
def test_change_is_reported_once(ozxfs, own, name):
    path, made = own(name)
    process, where = ozxfs.foreground(path)
    at_start = len(ozxfs.said())
    made.change(path)
    for file in (b'big', b'zarr.json', b'packed'):
        handle = os.open(os.path.join(os.fsencode(where), file), os.O_RDONLY)
        read_in_pieces(handle, made.view[file])
        os.close(handle)
    process.terminate()
    assert process.wait(10) == 0
    assert [rule for rule, _, _ in check_lines(ozxfs.said(since=at_start))] == ['changed']


def test_mmap_of_a_truncated_archive_raises_no_bus_error_in_the_daemon(ozxfs, own):
    path, made = own('changed_truncate_to_zero')
    where = ozxfs.mount(path)
    handle = os.open(where + '/big', os.O_RDONLY)
    os.truncate(path, 0)
    assert read_in_pieces(handle, made.view[b'big'])[0] == 0
    os.close(handle)
    assert len(ozxfs.daemons()) == 2
    ozxfs.umount(where)


@pytest.mark.parametrize('name', ['changed_truncate', 'changed_rewrite', 'changed_append'])
def test_readers_race_with_the_change(ozxfs, own, name):
    """Eight readers run while the archive changes; pages are dropped all the time, so that they
    come from the file."""
    path, made = own(name)
    where, content, wrong, counts = ozxfs.mount(path), made.view[b'big'], [], []
    stop = threading.Event()

    def reader():
        handle = os.open(where + '/big', os.O_RDONLY)
        try:
            while not stop.is_set():
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                counts.append(read_in_pieces(handle, content, 300_000))
        except AssertionError as error:
            wrong.append(error)
        finally:
            os.close(handle)
    threads = [threading.Thread(target=reader) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    made.change(path)
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert not wrong, wrong[0]
    assert any(right for right, _ in counts) and any(failed for _, failed in counts)
    ozxfs.umount(where)


def test_truncation_at_every_4_kib(ozxfs, archives, folder):
    """The archive is cut at every 4 KiB in turn, each time after a mount: no byte is made up."""
    source, made = archives('leading_100000')
    size = os.path.getsize(source)
    for cut in range(0, size, 4096):
        path = shutil.copy2(source, os.path.join(folder, 'cut.ozx'))
        where = ozxfs.mount(path)
        os.truncate(path, cut)
        for file, content in made.view.items():
            handle = os.open(os.path.join(os.fsencode(where), file), os.O_RDONLY)
            assert read_in_pieces(handle, content)[0] == 0, (cut, file)
            os.close(handle)
        ozxfs.umount(where)


def test_archive_that_changes_while_it_is_mounted_again_and_again(ozxfs, own):
    """A writer appends without end: a mount is refused, or right, or EIO."""
    path, made = own('changed_append')
    original = os.path.getsize(path)
    for i in range(20):
        process = ozxfs.start('mount', path, ozxfs.directory())
        if i % 2:
            time.sleep(0.002 * i)
        with open(path, 'ab') as out:
            out.write(b'x' * 10)
        process.communicate(timeout=10)
        assert process.returncode in (0, 2, 74)
        if process.returncode == 0:
            handle = os.open(ozxfs.folder + '/mnt/big', os.O_RDONLY)
            read_in_pieces(handle, made.view[b'big'])
            os.close(handle)
            ozxfs.umount(ozxfs.folder + '/mnt')
        os.truncate(path, original)
