# SPDX-License-Identifier: BSD-2-Clause
"""Mounts of URLs, and reading in them."""
import contextlib
import os

from kit.launch import LONG, SANITIZED, run_text

from processes import wait_until

DEADLINE = 8 if SANITIZED or LONG else 3  # seconds
IN_USE = 72


def unmount(where):
    """A program that another thread starts has our open files until it is executed."""
    wait_until(lambda: run_text('umount', where).returncode != IN_USE)
    assert not os.path.ismount(where)


@contextlib.contextmanager
def mounted(where, *archives, options=(), env=()):
    where.mkdir(parents=True, exist_ok=True)
    ended = run_text('mount', *options, *archives, where,
                     env={'OZXFS_DEADLINE': str(DEADLINE), **dict(env)})
    assert ended.returncode == 0, ended.stderr
    try:
        yield where
    finally:
        unmount(where)


def read(path):
    """(bytes, 0), or what came and the errno behind it."""
    got = b''
    with open(path, 'rb', buffering=0) as file:
        try:
            while part := file.read(1 << 16):
                got += part
            return got, 0
        except OSError as error:
            return got, error.errno
