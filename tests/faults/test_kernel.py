# SPDX-License-Identifier: BSD-2-Clause
"""backend=kernel, where one of the calls by which it mounts fails, or is the last one of who makes
it: FUSE serves, or nothing does and one line says so; what is served is right, and nothing is left.
"""
import errno
import os
import zipfile

import pytest
from kit.faulty import LONG, error_lines
from kit.harness import mount_of, wait_until
from mounted import Mount, apart, read_tree

ERRORS = [errno.ENOSYS, errno.EPERM] + [errno.EIO, errno.ENOMEM] * LONG
SAID = (69, 71, 73, 77)


@pytest.fixture(scope='module')
def stored(folder):
    """(path, {name: bytes}): an archive that the kernel can serve."""
    path, contents = os.path.join(folder, 'stored.ozx'), {}
    with zipfile.ZipFile(path, 'w') as out:
        for number in range(20):
            contents['c/%d' % number] = os.urandom(3000 * number)
            out.writestr('c/%d' % number, contents['c/%d' % number])
    os.chmod(path, 0o644)
    return path, contents


@pytest.fixture
def count(ozxfs, faulty, stored):
    """How many of these calls a mount by the kernel makes."""
    mount = Mount(ozxfs, stored[0], faulty.environment('mount:0:none'), '-obackend=kernel')
    by_kernel = mount.served and mount_of(mount.where)['type'] == b'erofs'
    code, said = mount.end()
    if not by_kernel:
        assert code in (69, 77), said
        pytest.skip(said.decode().strip())
    assert faulty.page.calls > 10
    return faulty.page.calls


@pytest.mark.parametrize('backend', ['kernel', 'auto'])
@pytest.mark.parametrize('code', ERRORS, ids=errno.errorcode.get)
def test_errors(ozxfs, faulty, stored, count, figure, backend, code):
    path, contents = stored
    by = {b'erofs': 0, b'fuse.ozxfs': 0, 'nobody': 0}
    for n in range(1, count + 1):
        mount = Mount(ozxfs, path, faulty.environment(f'mount:{n}:{code}'), '-obackend=' + backend)
        kind = mount_of(mount.where)['type'] if mount.served else 'nobody'
        seen = apart(read_tree, mount.where, contents) if mount.served else set()
        status, said = mount.end()
        lines = error_lines(said)
        where = (n, count, kind, seen, status, lines)
        assert not seen, where
        assert (status == 0 and not lines) if mount.served else (
            status in SAID and len(lines) == 1), where
        assert kind != b'fuse.ozxfs' or backend == 'auto', where
        by[kind] += 1
    assert by['nobody'] if backend == 'kernel' else by[b'fuse.ozxfs']
    figure(f'backend={backend}: {errno.errorcode[code]} at {count} places: by the kernel '
           f'{by[b"erofs"]}, by FUSE {by[b"fuse.ozxfs"]}, refused {by["nobody"]}', tried=count)


@pytest.mark.parametrize('action', ['kill', 'after'])
def test_kills(ozxfs, faulty, stored, count, figure, action):
    """Whoever makes the call is killed, before it or after: either the mount serves and is watched
    by two, or there is none."""
    path, contents = stored
    where, served = ozxfs.directory(), 0
    for n in range(1, 2 * count):
        environment = dict(ozxfs.environment, **faulty.environment(f'mount:{n}:{action}'))
        done = ozxfs.run('mount', '-obackend=kernel', path, where, env=environment)
        if done.returncode == 0:
            served += 1
            assert wait_until(lambda: len(ozxfs.processes()) == 2), n
            assert not apart(read_tree, where, contents), n
            ozxfs.umount(where)
        assert ozxfs.nothing_left(), (n, count, done, ozxfs.own_mounts(), ozxfs.processes())
        if not faulty.page.fired:
            break
    assert served and n > count - 5, (n, count)
    figure(f'backend=kernel: killed at {n - 1} places ({action}): {served} served, nothing left',
           tried=n - 1)
    assert wait_until(lambda: os.listdir(where) == [])
