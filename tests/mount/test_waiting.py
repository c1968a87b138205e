# SPDX-License-Identifier: BSD-2-Clause
"""A request that waits for the disk keeps no other one waiting. The disk is slow_disk.c, preloaded.
"""
import os
import threading
import time

import zipfile

import pytest

from kit.harness import mount_of, sanitized

SLOW_S = 2.0
SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'sample.ozx')
CHUNKS = ['s0/c/0/0', 's0/c/0/1', 's0/c/1/0', 's0/c/1/1']


def preload(ozxfs, **environment):
    library = os.environ.get('OZXFS_SLOW_DISK')
    assert library, 'OZXFS_SLOW_DISK does not name the library: run the tests through meson'
    ozxfs.environment.update(LD_PRELOAD=library, **environment)
    if sanitized(ozxfs.binary):
        ozxfs.environment['ASAN_OPTIONS'] += ':verify_asan_link_order=0'


@pytest.fixture(params=['EAGAIN', 'EOPNOTSUPP'])
def slow(request, ozxfs):
    preload(ozxfs, OZXFS_SLOW_MS=str(int(SLOW_S * 1000)))
    if request.param == 'EOPNOTSUPP':
        ozxfs.environment['OZXFS_SLOW_CANNOT_SAY'] = '1'
    return ozxfs


def read(path, took):
    start = time.monotonic()
    with open(path, 'rb') as f:
        assert f.read()
    took.append(time.monotonic() - start)


def read_all(where, paths):
    """Starts a reader for each; returns (threads, seconds they took, once they have ended)."""
    took = []
    threads = [threading.Thread(target=read, args=(os.path.join(where, p), took)) for p in paths]
    for thread in threads:
        thread.start()
    return threads, took


def check_names_are_found(where, path, folder):
    """While `path` is read, what was never looked up in `folder`."""
    os.stat(os.path.join(where, path))
    threads, took = read_all(where, [path])
    time.sleep(SLOW_S / 6)
    start = time.monotonic()
    assert 'zarr.json' in os.listdir(os.path.join(where, folder))
    for i in range(50):
        assert not os.path.exists(os.path.join(where, folder, 'none%d' % i))
    answered = time.monotonic() - start
    assert not took, 'the read was not slow'
    threads[0].join()
    assert took[0] >= SLOW_S * 0.9 and answered < SLOW_S / 2, (took, answered)


def test_names_are_found_while_a_read_waits(slow):
    check_names_are_found(slow.mount(SAMPLE), CHUNKS[0], 's1')


def test_names_are_found_while_an_entry_is_inflated(ozxfs, folder):
    preload(ozxfs, OZXFS_SLOW_INFLATE_MS=str(int(SLOW_S * 1000)))
    path = os.path.join(folder, 'deflated.ozx')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('zarr.json', '{"zarr_format":3,"node_type":"group"}')
        archive.writestr('c/zarr.json', '{}')
        archive.writestr('c/0', bytes(3000), zipfile.ZIP_DEFLATED)
    check_names_are_found(ozxfs.mount(path), 'c/0', 'c')


def test_reads_wait_side_by_side(slow):
    where = slow.mount(SAMPLE)
    start = time.monotonic()
    threads, took = read_all(where, CHUNKS)
    for thread in threads:
        thread.join()
    assert len(took) == len(CHUNKS) and min(took) >= SLOW_S * 0.9
    assert time.monotonic() - start < 2 * SLOW_S, took


def test_one_thread_is_one_thread(slow):
    where = slow.mount(SAMPLE, '-s')
    threads, took = read_all(where, CHUNKS[:2])
    for thread in threads:
        thread.join()
    assert max(took) >= 2 * SLOW_S * 0.9, took


def test_slow_headers(ozxfs, folder):
    """The kernel's backend reads every local header at mount: where that takes too long, auto is
    served by FUSE, and who asked for the kernel waits."""
    path, where = os.path.join(folder, 'sparse.ozx'), ozxfs.directory()
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('zarr.json', '{"zarr_format":3,"node_type":"group"}')
        for i in range(200):
            archive.writestr('c/%d' % i, bytes([i]) * 70_000)
    os.chmod(path, 0o644)
    preload(ozxfs, OZXFS_SLOW_MS='12', OZXFS_SLOW_AT_ONCE='1')
    done = ozxfs.run('mount', '-obackend=kernel', path, where)
    if done.returncode in (69, 77):
        pytest.skip(done.stderr.decode().strip())
    for backend, kind in (None, b'erofs'), ('auto', b'fuse.ozxfs'):
        if backend:
            done = ozxfs.run('mount', '-v', '-obackend=' + backend, path, where)
            assert done.stderr.count(b'reading all 200 local headers would take about ') == 1
        assert done.returncode == 0 and mount_of(where)['type'] == kind, done.stderr
        for i in (0, 63, 199):
            with open('%s/c/%d' % (where, i), 'rb') as file:
                assert file.read() == bytes([i]) * 70_000
        ozxfs.umount(where)
    assert ozxfs.nothing_left()
