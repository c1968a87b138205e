# SPDX-License-Identifier: BSD-2-Clause
"""-o timeout=: the worker gives its memory back and the mount stays. A Zarr reader takes ENOENT,
ENOTDIR and EISDIR for a chunk that is not there, so none of them may ever be seen. (The moment
itself, tens of thousands of times: tests/unit/test_gate.c.)"""
import errno
import os
import random
import threading
import time
import zipfile

import pytest

from kit.harness import check_view, mount_of, read, sanitized, wait_until
from kit.proc import kib_of

ENTRIES = 50000


def read_again(handle, size):
    """Not what the kernel has kept."""
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    return os.pread(handle, size, 0)


@pytest.fixture
def large(folder):
    """An archive whose tree is worth a few MiB."""
    path = os.path.join(folder, 'large.ozx')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('zarr.json', '{"zarr_format":3,"node_type":"group"}')
        for i in range(ENTRIES):
            archive.writestr('c/%s%d' % ('long' * 20, i), b'')
    return path


def test_the_mount_stays(ozxfs, image, image_view):
    where = ozxfs.mount(image, '-o', 'timeout=1')
    numbers = {
        path: os.stat(os.path.join(os.fsencode(where), path)).st_ino
        for path in image_view.view
    }
    handle = os.open(where + '/s0/c/0/0', os.O_RDONLY)
    before = os.pread(handle, 1 << 20, 0)
    for _ in range(2):
        time.sleep(2.5)
        assert mount_of(where), 'unmounted'
        assert read_again(handle, 1 << 20) == before
    os.close(handle)
    check_view(where, image_view)
    assert {path: os.stat(os.path.join(os.fsencode(where), path)).st_ino
            for path in numbers} == numbers
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


def test_memory_is_given_back(ozxfs, large):
    if sanitized(ozxfs.binary):
        pytest.skip('a sanitizer keeps freed memory')
    where = ozxfs.mount(large, '-o', 'timeout=1')
    worker = ozxfs.daemons()[1]
    name = 'long' * 20
    for _ in range(2):
        assert os.stat('%s/c/%s%d' % (where, name, random.randrange(ENTRIES))).st_size == 0
        loaded = kib_of(worker, 'RssAnon')
        assert loaded > 4096
        assert wait_until(lambda: kib_of(worker, 'RssAnon') < loaded / 2,
                          8), 'still %d KiB of %d' % (kib_of(worker, 'RssAnon'), loaded)
    with pytest.raises(FileNotFoundError):
        os.stat('%s/c/none' % where)


def test_who_is_there_keeps_it(ozxfs, large):
    """Requests come faster than the time: nothing is read again."""
    where = ozxfs.mount(large, '-o', 'timeout=2')
    worker = ozxfs.daemons()[1]
    taken = []
    for i in range(20):
        assert not os.path.exists('%s/c/none%d' % (where, i))
        time.sleep(0.2)
        taken.append(kib_of(worker, 'RssAnon'))
    assert min(taken) > max(taken) / 2, taken


def test_at_just_that_moment(ozxfs, image):
    """Readers that come back after the time, a little more or less."""
    where = ozxfs.mount(image, '-o', 'timeout=1')
    paths = ['s0/c/0/0', 's0/c/0/1', 'zarr.json', 's0/zarr.json']
    right = {path: read(os.path.join(where, path)) for path in paths}
    wrong, reads, end = [], [], time.monotonic() + 12

    def come_back():
        while time.monotonic() < end:
            path = random.choice(paths)
            try:
                handle = os.open(os.path.join(where, path), os.O_RDONLY)
                if read_again(handle, 1 << 20) != right[path]:
                    wrong.append(path)
                os.close(handle)
                if os.path.exists(os.path.join(where, 'none%d' % random.getrandbits(60))):
                    wrong.append('a name that is none')
            except OSError as error:
                wrong.append(error)
            reads.append(path)
            barrier.wait()
            time.sleep(wait[0] + random.uniform(0, 0.01))

    def choose():
        wait[0] = random.uniform(0.95, 1.35)

    wait = [1.0]
    barrier = threading.Barrier(6, choose, timeout=60)
    threads = [threading.Thread(target=come_back) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [w for w in wrong if not isinstance(w, threading.BrokenBarrierError)
                ] and len(reads) >= 30


@pytest.mark.parametrize('how', ['touched', 'rewritten', 'truncated'])
def test_an_archive_that_changed_meanwhile(ozxfs, image, how):
    """EIO, also for names that were never asked for, and for good."""
    where = ozxfs.mount(image, '-o', 'timeout=1')
    handle = os.open(where + '/s0/c/0/0', os.O_RDONLY)
    assert os.pread(handle, 10, 0)
    time.sleep(2.5)
    state = os.stat(image)
    if how == 'touched':
        os.utime(image)
    elif how == 'truncated':
        os.truncate(image, state.st_size - 1)
    else:  # its names are others, and it does not show in size or time
        content = read(image)
        with open(image, 'r+b') as file:
            file.write(content.replace(b's0/c/0/0', b's0/c/0/9'))
        os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
    for _ in range(2):
        for ask in (lambda: read_again(handle, 1 << 20), lambda: os.stat(where + '/s0/c/7'),
                    lambda: os.listdir(where + '/s0/c')):
            with pytest.raises(OSError) as caught:
                ask()
            assert caught.value.errno == errno.EIO
        os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
    os.close(handle)


def test_the_directory_shown_is_gone(ozxfs, image):
    """Whatever else is there by now, it is another archive, and for good; the root says so."""
    where = ozxfs.mount(image, '-o', 'timeout=1,subdir=s0,xattr')
    time.sleep(2.5)
    state, content = os.stat(image), read(image)
    for text in (content.replace(b's0/', b't0/'), content):
        with open(image, 'r+b') as file:
            file.write(text)
        os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
        with pytest.raises(OSError) as caught:
            os.listdir(where + '/c')
        assert caught.value.errno == errno.EIO and os.getxattr(
            where, 'user.ozx.state').startswith(b'changed')


def test_verbose_says_so(ozxfs, image):
    done = ozxfs.run('mount', '-v', '-o', 'timeout=7', image, ozxfs.directory())
    assert b'frees its memory after 7 s without a request' in done.stderr
