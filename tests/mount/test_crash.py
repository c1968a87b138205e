# SPDX-License-Identifier: BSD-2-Clause
"""Two mounts at once, mounting over a dead mount, and what a crash leaves."""
import os
import signal
import stat
import subprocess
import time

import pytest
from kit.harness import TIMEOUT, check_view, mount_of, one_line, wait_until


def test_two_mounts_at_once(ozxfs, image, image_view):
    where = ozxfs.directory()
    for _ in range(10):
        both = [ozxfs.start('mount', image, where) for _ in range(2)]
        said = [process.communicate(timeout=TIMEOUT)[1] for process in both]
        assert sorted(process.returncode for process in both) == [0, 73], said
        assert len(ozxfs.own_mounts()) == 1
        check_view(where, image_view, contents=False)
        ozxfs.umount(where)
        assert ozxfs.nothing_left()


def test_locked_mount_point_is_answered(ozxfs, image):
    """Who may open the directory may lock it; that is no way to keep a mount waiting."""
    where = ozxfs.directory()
    with subprocess.Popen(['flock', where, 'sh', '-c', 'echo; exec cat'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as lock:
        lock.stdout.readline()
        start = time.monotonic()
        one_line(ozxfs.run('mount', image, where), 73)
        assert time.monotonic() - start < 5
        lock.stdin.close()
    assert ozxfs.nothing_left()


def abort(where):
    with open('/sys/fs/fuse/connections/%d/abort' % int(mount_of(where)['device'].split(b':')[1]),
              'w') as control:
        control.write('1')


@pytest.mark.parametrize('how', ['worker', 'supervisor first', 'worker, root cached', 'aborted'])
def test_mounting_over_a_dead_mount(ozxfs, image, how):
    where = ozxfs.mount(image)
    supervisor, worker = ozxfs.daemons()
    if 'cached' in how:
        os.stat(where)
    if how == 'aborted':
        if not os.path.isdir('/sys/fs/fuse/connections') or not os.listdir(
                '/sys/fs/fuse/connections'):
            pytest.skip('no fusectl here')
        abort(where)
    else:
        for pid in [supervisor, worker] if 'first' in how else [worker]:
            os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not ozxfs.processes())
    assert b'dead' in one_line(ozxfs.run('mount', image, where), 73)
    ozxfs.umount(where)


def test_made_directory_is_gone(ozxfs, image):
    for options in ([], ['-z']):
        made = ozxfs.run('mount', image).stdout.decode().strip()
        assert ozxfs.run('umount', *options, made).returncode == 0
        assert not os.path.exists(made)


def kill_both(ozxfs):
    for pid in ozxfs.daemons():
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not ozxfs.processes())


def test_made_directory_is_gone_after_a_crash(ozxfs, image):
    made = ozxfs.run('mount', image).stdout.decode().strip()
    kill_both(ozxfs)
    ozxfs.umount(made)
    assert not os.path.exists(made)


def test_made_directory_that_was_left(ozxfs, image, as_root):
    """The daemons died, and somebody else took the mount away: the next mount, or umount, removes
    it."""
    for again in (True, False):
        made = ozxfs.run('mount', image).stdout.decode().strip()
        kill_both(ozxfs)
        subprocess.run(['umount', made], check=True, timeout=TIMEOUT)
        assert os.path.isdir(made)
        if again:
            assert ozxfs.run('mount', image).returncode == 0
            ozxfs.umount(made)
        else:
            assert b'removed' in one_line(ozxfs.run('umount', made), 0)
        assert not os.path.exists(made)


def test_directory_of_the_user_stays(ozxfs, image):
    own = ozxfs.directory('image.ome.zarr')
    for arguments in ([image], [image, own]):
        assert ozxfs.run('mount', *arguments).returncode == 0
        ozxfs.umount(own)
        assert stat.S_ISDIR(os.stat(own).st_mode)
    assert ozxfs.run('umount', own).returncode == 66 and os.path.isdir(own)
