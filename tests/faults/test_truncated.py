# SPDX-License-Identifier: BSD-2-Clause
"""An archive cut off at every 4 KiB and at every byte of its last 2 KiB: refused in one line. Its
end record is at its end, so there is nothing to serve; what was served would have to be the right
bytes."""
import os
import shutil

import pytest
from kit.faulty import LONG, error_lines
from mounted import apart, read_tree


def cuts(size, step):
    """Where the archive is cut; `step`: of the last 2 KiB in the short form."""
    return sorted(
        set(range(0, size, 4096)) | set(range(max(0, size - 2048), size, 1 if LONG else step))
        | {size - 1})


@pytest.fixture
def cut(archive, folder):
    """The archive's copy, cut to a size. Cut downwards, so that it is written once."""
    path = shutil.copy2(archive[0], os.path.join(folder, 'cut.ozx'))

    def to(size):
        os.truncate(path, size)
        return path
    return to


def test_mount(ozxfs, archive, cut, figure):
    size, tried = os.path.getsize(archive[0]), 0
    for at in reversed(cuts(size, 31)):
        where = ozxfs.directory()
        done = ozxfs.run('mount', cut(at), where)
        if done.returncode == 0:
            apart(read_tree, where, archive[1])
            ozxfs.umount(where)
        else:
            assert done.returncode == 2 and len(error_lines(done.stderr)) == 1, (at, done)
            assert ozxfs.nothing_left(), at
        assert done.returncode == 2, 'a cut archive has no end record: at %d' % at
        tried += 1
    figure(f'mount: {tried} cuts of {size} bytes, all refused, 0 other bytes', tried=tried)


@pytest.mark.parametrize('verb', ['verify', 'info', 'ls', 'unpack', 'repack'])
def test_verbs(verb, ozxfs, archive, cut, figure):
    size, out, tried = os.path.getsize(archive[0]), os.path.join(ozxfs.folder, 'out'), 0
    for at in reversed(cuts(size, 61)):
        done = ozxfs.run(verb, cut(at), *([out] if verb in ('unpack', 'repack') else []))
        assert done.returncode == 2 and len(error_lines(
            done.stderr)) == (0 if verb == 'verify' else 1), (at, done)
        assert not os.path.exists(out) and os.listdir(ozxfs.folder) == []
        tried += 1
    figure(f'{verb}: {tried} cuts of {size} bytes, all refused', tried=tried)


def test_cut_while_mounted(ozxfs, archive, folder):
    """Cut at every 4 KiB under a mount that has read nothing yet: EIO, or what the kernel had."""
    size = os.path.getsize(archive[0])
    for at in range(0, size, 4096 if LONG else 65536):
        path = shutil.copy2(archive[0], os.path.join(folder, 'mounted.ozx'))
        where = ozxfs.mount(path)
        os.truncate(path, at)
        seen = apart(read_tree, where, archive[1])
        assert seen and seen <= {5, 'early'}, (at, seen)
        ozxfs.umount(where)
