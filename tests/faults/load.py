# SPDX-License-Identifier: BSD-2-Clause
"""Readers that work on one mount at once: each reads files of its own choice, piece by piece, and
compares SHA-256 of all that it reads.

Role: mechanics of `kills` and `readers`. A reader is a process; it writes what it saw into its pipe
when it is told to end.
"""
import contextlib
import errno
import hashlib
import os
import pickle
import random
import signal
import zlib

DEAD = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ENODEV}


def make_image(path, megabytes, seed=1):
    """An archive with chunks of 1 KiB to 1 MiB, every third one deflated; {name: (size, SHA-256 of
    each 256 KiB)}."""
    import zipfile
    data, sums, total = random.Random(seed), {}, 0
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(
            'zarr.json',
            b'{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5"}}}')
        number = 0
        while total < megabytes << 20:
            name, size = 's0/c/%d/%d' % (number // 50, number % 50), data.choice(
                (1 << 10, 5000, 1 << 16, 200_000, 1 << 18, 1 << 20))
            content = data.randbytes(size)
            if number % 3 == 0:  # repeats, so that deflate has something to do
                content = b''.join(content[i:i + 64] * 4
                                   for i in range(0, size // 4, 64)).ljust(size, b'x')[:size]
            archive.writestr(zipfile.ZipInfo(name), content,
                             zipfile.ZIP_DEFLATED if number % 3 == 0 else zipfile.ZIP_STORED)
            sums[name] = size, [
                hashlib.sha256(content[at:at + PIECE]).digest() for at in range(0, size, PIECE)
            ]
            total += size
            number += 1
    os.chmod(path, 0o644)
    return sums


PIECE = 256 << 10


class Seen:
    """What a reader saw."""

    def __init__(self):
        self.files = self.bytes = 0
        self.errors = {}   # errno: how often
        self.wrong = []    # what must never be

    def error(self, code):
        self.errors[code] = self.errors.get(code, 0) + 1

    def add(self, other):
        self.files, self.bytes = self.files + other.files, self.bytes + other.bytes
        self.wrong = self.wrong + other.wrong
        for code, count in other.errors.items():
            self.errors[code] = self.errors.get(code, 0) + count


def read_one(where, name, sums, seen, forget):
    """One file, whole: SHA-256 of each piece."""
    size, wanted = sums[name]
    handle = os.open(os.path.join(where, name), os.O_RDONLY)
    try:
        for n, digest in enumerate(wanted):
            data, length = b'', min(PIECE, size - n * PIECE)
            while len(data) < length:
                more = os.pread(handle, length - len(data), n * PIECE + len(data))
                if not more:
                    break
                data += more
            if hashlib.sha256(data).digest() != digest:
                seen.wrong.append('%s: piece %d has other bytes (%d of %d, CRC-32 %08x)' %
                                  (name, n, len(data), length, zlib.crc32(data)))
            seen.bytes += len(data)
        if os.pread(handle, 1, size):
            seen.wrong.append('%s: bytes behind its end' % name)
        if forget:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        seen.files += 1
    finally:
        os.close(handle)


def list_root(where, below, seen):
    """The root is whole or an error, as long as it is our file system and not the directory `below`
    (its device) that shows."""
    handle = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if os.fstat(handle).st_dev != below:
            listed = sorted(os.listdir(handle))
            if listed != ['s0', 'zarr.json']:
                seen.wrong.append('the root lists %s' % listed)
    finally:
        os.close(handle)


class Reader:
    def __init__(self, where, below, sums, seed, forget=True):
        self.pipe, theirs = os.pipe()
        # it may be told to end before it has a handler
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            self.work(theirs, where, below, sums, seed, forget)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.close(theirs)

    @staticmethod
    def work(pipe, where, below, sums, seed, forget):
        ends = []
        signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        seen, choice, names = Seen(), random.Random(seed), list(sums)
        try:
            while not ends:
                try:
                    if choice.random() < 0.1:
                        list_root(where, below, seen)
                    read_one(where, choice.choice(names), sums, seen, forget)
                except OSError as error:
                    seen.error(error.errno)
        except BaseException as error:  # noqa: BLE001
            seen.wrong.append(repr(error))
        with os.fdopen(pipe, 'wb') as out:
            pickle.dump(seen, out)
        os._exit(0)

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        with os.fdopen(self.pipe, 'rb') as pipe:
            seen = pickle.load(pipe)
        os.waitpid(self.pid, 0)
        self.pid = None
        return seen


@contextlib.contextmanager
def reading(where, below, sums, seeds):
    """Readers, one for each seed. Whoever was not ended is killed: a test that fails must not leave
    them at work, nor its output open."""
    readers = []
    try:
        for seed in seeds:
            readers.append(Reader(where, below, sums, seed))
        yield readers
    finally:
        for reader in readers:
            if reader.pid:
                os.kill(reader.pid, signal.SIGKILL)
                os.waitpid(reader.pid, 0)
