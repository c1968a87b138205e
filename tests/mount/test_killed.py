# SPDX-License-Identifier: BSD-2-Clause
"""`mount` and `umount` themselves killed, at any moment of them: the mount is there and right, or
gone; what is left of it is taken away by the next `umount` or `mount`, the made directory too. That
is also all that a power cut can leave of a mount, which lives in memory: an empty directory
(test_crash.py has it alone)."""
import os
import random
import signal
import time

import pytest

from kit.harness import check_view, mount_of, wait_until

TRIES = 300 if os.environ.get('OZXFS_LONG') == '1' else 30
SERVED, REMOVED, NONE = 0, 0, 66


def took(run):
    start = time.monotonic()
    run()
    return time.monotonic() - start


def killed_after(ozxfs, seconds, *arguments):
    """True if it was still there to be killed."""
    process = ozxfs.start(*arguments)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    ozxfs.started.remove(process)
    return process.returncode < 0


def check_clean(ozxfs, made):
    assert ozxfs.nothing_left(10), (ozxfs.processes(), ozxfs.own_mounts())
    assert wait_until(lambda: not os.path.exists(made)), 'the made directory is left'


def is_served(where):
    try:
        return mount_of(where) and os.listdir(where)
    except OSError:  # not yet, or dead
        return False


def has_mount(pid):
    """True of the daemons of a mount: they have its name."""
    try:
        with open('/proc/%d/comm' % pid, encoding='utf-8') as file:
            return file.read().startswith('ozxfs:')
    except OSError:
        return True  # gone


def made_by(ozxfs, image):
    done = ozxfs.run('mount', image)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def made_in(ozxfs, image):
    """The directory that a mount makes, which is gone again, and the seconds that it takes."""
    made = []
    span = took(lambda: made.append(made_by(ozxfs, image)))
    ozxfs.umount(made[0])
    check_clean(ozxfs, made[0])
    return made[0], span


@pytest.mark.parametrize('options', [[], ['-z']], ids=['plain', 'lazy'])
def test_umount_killed(ozxfs, image, image_view, figure, options):
    choose, kills, served = random.Random(1), 0, 0
    made = made_by(ozxfs, image)
    span = took(lambda: ozxfs.run('umount', *options, made))
    check_clean(ozxfs, made)
    for _ in range(TRIES):
        made = made_by(ozxfs, image)
        kills += killed_after(ozxfs, choose.uniform(0, 1.2 * span), 'umount', *options, made)
        if mount_of(made) and ozxfs.processes():
            check_view(made, image_view)
            served += 1
        done = ozxfs.run('umount', *options, made)
        assert done.returncode in (REMOVED, NONE), done.stderr
        check_clean(ozxfs, made)
    assert kills
    figure(kills=kills, served=served)


def test_mount_killed(ozxfs, image, image_view, figure):
    choose, kills, served = random.Random(2), 0, 0
    made, span = made_in(ozxfs, image)
    for _ in range(TRIES):
        kills += killed_after(ozxfs, choose.uniform(0, 1.2 * span), 'mount', image)
        # The daemon may be on its way yet: it comes to serve, or ends.
        assert wait_until(lambda: not ozxfs.processes() or is_served(made)
                          ), 'a daemon that neither serves nor ends'
        if ozxfs.processes():
            check_view(made, image_view)
            served += 1
        if mount_of(made):
            ozxfs.umount(made)
        assert made_by(ozxfs, image) == made
        ozxfs.umount(made)
        check_clean(ozxfs, made)
    assert kills
    figure(kills=kills, served=served)


def test_mount_killed_with_its_supervisor(ozxfs, image, image_view, figure):
    """As `timeout -s KILL` does: until the tree is served they are one process group. A directory,
    or a mount that is dead, does not even stay until the next `mount`."""
    served, count = 0, TRIES // 3
    made, span = made_in(ozxfs, image)
    for number in range(count):
        process = ozxfs.start('mount', image, start_new_session=True)
        time.sleep(span * number / count)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        ozxfs.started.remove(process)
        assert wait_until(lambda: all(map(has_mount, ozxfs.processes()))), 'it still starts'
        assert is_served(made) or not (mount_of(made) or os.path.exists(made)), 'something is left'
        if mount_of(made):
            check_view(made, image_view)
            served += 1
            ozxfs.umount(made)
        check_clean(ozxfs, made)
    figure(kills=count - served, served=served)
