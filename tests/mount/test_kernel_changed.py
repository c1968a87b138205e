# SPDX-License-Identifier: BSD-2-Clause
"""backend=kernel, and the archive changes: what is read then is the archive's as it was, or an
error, and no name is missing. Skipped where the kernel cannot serve.

The long form, a line for each round: OZXFS_CHANGE_ROUNDS=1000."""
import contextlib
import errno
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from kit.harness import check_view, wait_until
from stored import KERNEL, make

ROUNDS = int(os.environ.get('OZXFS_CHANGE_ROUNDS', '0'))
WRITTEN = 0xEE  # bytes of the change
READERS = 4
FILES = {'extents': (600, 9000, None), 'chunks': (300, 70_000, 4096)}  # count, size, alignment

# How long who wants to write may wait: no byte is wrong for it, but it is a bound of its own. Any
# thread of the machine that may be reading and does not get the processor is waited for, up to 36 s
# (watch.c); after lease-break-time, 45 s, the kernel waits no longer, and what is read then is
# anybody's guess.
WAIT_S, WAIT_STARVED_S = 5, 40
BUSY = 4 * os.cpu_count()  # more threads than that, and others starve, too


def overwrite(path):
    with open(path, 'r+b') as file:
        yield
        file.write(bytes([WRITTEN]) * os.path.getsize(path))


def cut(path):
    os.truncate(path, 100)
    yield


def touch(path):
    subprocess.run(['touch', path], check=True)
    yield


def append(path):
    with open(path, 'ab') as file:
        yield
        file.write(bytes([WRITTEN]))


def open_only(path):
    with open(path, 'r+b'):
        yield


CHANGES = [overwrite, cut, touch, append, open_only]


def difference(data, wanted):
    """In words."""
    if len(data) != len(wanted):
        return '%d bytes for %d' % (len(data), len(wanted))
    at = [i for i, (a, b) in enumerate(zip(data, wanted)) if a != b]
    return '%d of %d bytes are wrong, from %d on: %s (%d as written, %d zeros)' % (
        len(at), len(wanted), at[0], data[at[0]:at[0] + 8].hex(' '),
        sum(data[i] == WRITTEN for i in at), sum(data[i] == 0 for i in at))


class Reader:
    """A process that reads files which nobody read before, one after the other."""

    def __init__(self, where, content, part, shared, starved):
        self.found = os.path.join(os.path.dirname(where), 'found.%d' % part)
        self.pid = os.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                if starved:
                    os.nice(19)
                found = self.read(where, content, part, shared)
                with open(self.found, 'w', encoding='utf-8') as file:
                    json.dump(found, file)
            os._exit(0)

    @staticmethod
    def read(where, content, part, shared):
        found = {'right': 0, 'errors': 0, 'wrong': [], 'missing': []}
        for name in list(content)[part::READERS]:
            before, shared[1 + part] = shared[0], shared[1 + part] + 1
            try:
                with open(os.path.join(where, name), 'rb') as file:
                    data = file.read()
            except OSError as error:
                if error.errno == errno.ENOENT:
                    found['missing'].append(name)
                found['errors'] += 1
                if shared[0]:
                    break
                continue
            if data == content[name]:
                found['right'] += 1
            else:
                found['wrong'].append('%s, begun %s: %s' % (
                    name, 'after the change' if before else 'before its end',
                    difference(data, content[name])))
        return found

    def join(self):
        _, status = os.waitpid(self.pid, 0)
        assert status == 0 and os.path.exists(self.found), 'a reader ended with %d' % status
        with open(self.found, encoding='utf-8') as file:
            return json.load(file)


def change_under(where, path, content, change, starved, progress):
    """Changes the archive once so many files are begun. (How long who wanted to write waited, what
    the readers found.)"""
    shared = mmap.mmap(-1, 1 + READERS)  # 1 once the change is over; files that each has begun
    busy = [
        subprocess.Popen([sys.executable, '-c', 'while True: pass'])
        for _ in range(2 * os.cpu_count() * starved)
    ]
    try:
        readers = [Reader(where, content, part, shared, starved) for part in range(READERS)]
        end = time.monotonic() + 5
        while sum(shared[1:]) < progress and time.monotonic() < end:
            time.sleep(0.0002)
        start = time.monotonic()
        changing = change(path)
        next(changing)
        waited = time.monotonic() - start
        list(changing)
        start = time.monotonic()
        with open(path, 'r+b') as file:  # touch(1) does not wait (O_NONBLOCK)
            waited += time.monotonic() - start
            file.write(bytes([WRITTEN]) * 5_000_000)
    finally:
        shared[0] = 1
        for process in busy:
            process.kill()
            process.wait()
    found = [reader.join() for reader in readers]
    return waited, {key: sum((one[key] for one in found), start=type(found[0][key])())
                    for key in found[0]}


def judge(right, verdict, words, found=()):
    """With a verdict that can be told from the others, and without a traceback in front of it."""
    if not right:
        pytest.fail('\n    '.join(['%s: %s' % (verdict, words), *found[:5]]), pytrace=False)


@pytest.mark.parametrize('round_', range(ROUNDS or 10))
def test_changed_under_readers(kernel, folder, capfd, figure, round_):
    """Four readers of files that nobody read before, while somebody writes to the archive. In every
    second round they hardly get the processor: a read that looked up its bytes and was then kept
    from them is waited for by who wants to write."""
    change, starved = CHANGES[round_ % len(CHANGES)], bool(round_ % 2)
    layout = ('extents', 'chunks')[round_ // 2 % 2]
    count, size, align = FILES[layout]
    path = os.path.join(folder, 'image.ozx')
    content = make(path, [size] * count, align)
    where = kernel.mount(path, KERNEL)
    waited, found = change_under(where, path, content, change, starved, 1 + 5 * (round_ % 7))
    names = sorted(os.listdir(where + '/c'))
    load = os.getloadavg()[0]
    words = ('round %d, %s, %s%s: the writer waited %.3f s; %d files right, %d errors, %d wrong, '
             '%d missing; load %.1f' % (
                 round_, change.__name__, layout, ', starved' * starved, waited, found['right'],
                 found['errors'], len(found['wrong']), len(found['missing']), load))
    if ROUNDS:
        with capfd.disabled():
            print(words, flush=True)
    figure(right=found['right'], errors=found['errors'], most_waited_ms=round(waited * 1000))
    judge(not found['wrong'], 'WRONG BYTES', words, found['wrong'])
    judge(not found['missing'], 'NAMES MISSING', words, found['missing'])
    judge(names == sorted(n[2:] for n in content), 'NAMES MISSING in the directory', words)
    judge(all(os.stat(os.path.join(where, n)).st_size == size for n in content), 'SIZES', words)
    kernel.umount(where)
    judge(kernel.nothing_left(), 'SOMETHING IS LEFT', words)
    limit = WAIT_STARVED_S if starved or load > BUSY else WAIT_S
    judge(waited < limit, 'ONLY TOO SLOW (at most %d s), nothing wrong' % limit, words)


def open_zarr(path):
    import zarr
    return zarr.open_array(path, mode='r')


def open_tensorstore(path):
    import tensorstore
    return tensorstore.open({'driver': 'zarr3', 'kvstore': {'driver': 'file', 'path': path}},
                            open=True).result()


@pytest.mark.parametrize('reader', [open_zarr, open_tensorstore])
def test_changed_under_a_zarr_reader(kernel, folder, reader):
    """It raises for what is not cached (what the mount was proved by is): it is no background."""
    zarr = pytest.importorskip('zarr')
    if reader is open_tensorstore:
        pytest.importorskip('tensorstore')
    source, path = os.path.join(folder, 'a.zarr'), os.path.join(folder, 'a.ozx')
    array = zarr.create_array(source, shape=(300, 6400), chunks=(1, 6400), dtype='uint16',
                              fill_value=7, compressors=None,
                              attributes={'ome': {'version': '0.5'}})
    array[:] = 12345
    assert kernel.run('pack', source, path).returncode == 0
    where = kernel.mount(path, KERNEL)
    opened = reader(where)
    assert (numpy_of(opened[0]) == 12345).all()
    with open(path, 'r+b') as file:
        file.write(b'\xee' * os.path.getsize(path))
    raised = 0
    for row in range(0, 300, 5):
        try:
            assert (numpy_of(opened[row]) == 12345).all()
        except (OSError, ValueError, NotImplementedError):  # the last is EOPNOTSUPP
            raised += 1
    assert raised > 20
    kernel.umount(where)


def numpy_of(part):
    return part.read().result() if hasattr(part, 'read') else part


def test_not_changed(kernel, image, image_view):
    """What leaves the bytes alone leaves the mount alone."""
    where = kernel.mount(image, KERNEL)
    os.chmod(image, 0o600)
    os.utime(image, (1, 1))
    os.rename(image, image + '.moved')
    shutil.copy(image + '.moved', image)
    os.unlink(image + '.moved')
    check_view(where, image_view)
    kernel.umount(where)


@pytest.mark.parametrize('which', [0, 1])
def test_watcher_killed(kernel, folder, which):
    """One of the two that watch is killed: the other one goes on, with another."""
    path = os.path.join(folder, 'image.ozx')
    content = make(path, [20000] * 200)
    where = kernel.mount(path, KERNEL)
    for _ in range(3):
        pids = kernel.daemons()
        os.kill(pids[which], signal.SIGKILL)
        assert wait_until(lambda: pids[which] not in (now := kernel.processes()) and len(now) == 2)
    with open(path, 'r+b') as file:
        file.write(b'\xee' * os.path.getsize(path))
    wrong = failed = 0
    for name, data in content.items():
        try:
            wrong += open(os.path.join(where, name), 'rb').read() != data
        except OSError:
            failed += 1
            if failed > 20:  # each is a line in the kernel's log
                break
    assert not wrong and failed
    kernel.umount(where)
    assert kernel.nothing_left()
