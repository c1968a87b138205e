# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of faults share: an archive of every kind of entry, ozxfs with one call that
fails, and what is right then.

Role: mechanics. A fault is `CALL:N:ACTION` (see inject.c); the count of all processes of a command
stands in a page that they share.
"""
import os
import random
import struct
import zipfile

from kit import launch
from kit.launch import LONG, OZXFS, SANITIZED  # noqa: F401

HERE = os.path.dirname(os.path.abspath(__file__))
FAULTS = os.environ.get('OZXFS_FAULTS')
SAMPLE = os.path.join(HERE, '../data/sample.ozx')
TIMEOUT = 60
SHORT_FORM = 8 if SANITIZED else 24  # of all places where a fault can be, so many are tried


class Page:
    """How often the call was made, and how often it failed, in all processes of a command."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'page')
        self.clear()

    def clear(self):
        with open(self.path, 'wb') as page:
            page.truncate(4096)
        os.chmod(self.path, 0o666)

    def __getattr__(self, name):
        with open(self.path, 'rb') as page:
            return dict(zip(('calls', 'fired', 'process'), struct.unpack('<III',
                                                                         page.read(12))))[name]


class Faulty:
    """The environment in which one call fails."""

    def __init__(self, folder):
        self.page = Page(folder)

    def environment(self, fault):
        assert FAULTS, 'OZXFS_FAULTS does not name the preloaded library: use meson test'
        self.page.clear()
        sanitizer = os.environ.get('ASAN_OPTIONS')
        return {
            'LC_ALL': 'C', 'LD_PRELOAD': FAULTS, 'OZXFS_FAULT': fault,
            'OZXFS_FAULT_PAGE': self.page.path,
            'ASAN_OPTIONS': (sanitizer + ':' if sanitizer else '') +
            'verify_asan_link_order=0:allocator_may_return_null=1'
        }

    def run(self, fault, *arguments, **options):
        return launch.run(*arguments, env=self.environment(fault),
                          **{'timeout': TIMEOUT, **options})


def numbers(count):
    """Which of `count` calls are to fail: all, or in the short form some of each stretch; one more
    than there are, too."""
    if LONG or count <= SHORT_FORM:
        return list(range(1, count + 2))
    step = count / SHORT_FORM
    return sorted({1, 2, count, count + 1} | {int(i * step) + 1 for i in range(SHORT_FORM)})


def compressible(size, seed):
    data = random.Random(seed)
    words = [data.randbytes(9) for _ in range(50)]
    out = b''.join(data.choice(words) + data.randbytes(3) for _ in range(size // 12 + 1))
    return out[:size]


def make_archive(path):
    """The sample picture, and entries that take several reads, stored and deflated; returns {name:
    bytes}."""
    with zipfile.ZipFile(SAMPLE) as sample:
        contents = {i.filename: sample.read(i) for i in sample.infolist()}
        comment = sample.comment
    contents.update({
        's0/extra/stored': random.Random(1).randbytes(300_000),
        's0/extra/packed': compressible(400_000, 2), 's1/small': b'small and packed ' * 20,
        's1/empty': b'', 's1/zeros': bytes(100_000)
    })
    with zipfile.ZipFile(path, 'w') as archive:
        archive.comment = comment
        for name, data in contents.items():
            packed = name in ('s0/extra/packed', 's1/small')
            archive.writestr(zipfile.ZipInfo(name), data,
                             zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return contents


def error_lines(stderr):
    """What was said besides warnings; every line is ozxfs's own."""
    lines = stderr.decode().splitlines()
    assert all(line.startswith('ozxfs: ') for line in lines), stderr
    return [line for line in lines if ': warning: ' not in line]
