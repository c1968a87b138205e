# SPDX-License-Identifier: BSD-2-Clause
"""`umount` of several mounts, of all of them, and by an archive's name."""
import os
import shutil
import subprocess

from kit.harness import TIMEOUT, mount_of, one_line, wait_until


def three(ozxfs, image):
    return [ozxfs.mount(image, where=ozxfs.directory('mnt%d' % n)) for n in range(3)]


def test_several(ozxfs, image):
    places = three(ozxfs, image)
    names = [os.path.relpath(place, ozxfs.folder) for place in places]
    done = ozxfs.run('umount', *names, cwd=ozxfs.folder)
    assert done.returncode == 0 and not done.stderr
    assert not any(map(mount_of, places)) and ozxfs.nothing_left()


def test_several_from_inside_one(ozxfs, image):
    places = three(ozxfs, image)
    done = ozxfs.run('umount', '.', '../mnt1', '../mnt2', cwd=places[0])
    assert done.returncode == 0, done.stderr
    assert not any(map(mount_of, places)) and ozxfs.nothing_left()


def test_one_that_is_none_does_not_keep_the_others(ozxfs, image):
    places = three(ozxfs, image)
    empty = ozxfs.directory('empty')
    done = ozxfs.run('umount', places[0], empty, *places[1:])
    assert b'empty: nothing is mounted here' in done.stderr
    one_line(done, 66)
    assert not any(map(mount_of, places)) and ozxfs.nothing_left()


def test_by_the_name_of_the_archive(ozxfs, image):
    other = ozxfs.folder + '/other.ozx'
    shutil.copy(image, other)
    places, kept = three(ozxfs, image), ozxfs.mount(other, where=ozxfs.directory('kept'))
    link = ozxfs.folder + '/link.ozx'
    os.symlink(image, link)
    done = ozxfs.run('umount', link)
    assert done.returncode == 0, done.stderr
    assert not any(map(mount_of, places)) and mount_of(kept)
    assert b'you have not mounted it' in ozxfs.run('umount', image).stderr
    ozxfs.umount(kept)
    assert ozxfs.nothing_left()


# In a namespace of its own, where copies of what others have mounted are unmounted, and no more.
ALL = """set -e
cd "$1"
mkdir a b
"$OZXFS" mount image.ozx a
"$OZXFS" mount image.ozx b
"$OZXFS" umount --all 2>/dev/null
! findmnt a
! findmnt b
"$OZXFS" umount --all
"""

# Another user's mount, as the kernel shows it: of a daemon that is gone.
THEIRS = """set -e
cd "$1"
mkdir theirs own
exec 7<>/dev/fuse
mount -i -t fuse -o ro,rootmode=40000,user_id=12345,group_id=12345,fd=7,subtype=ozxfs x theirs
"$OZXFS" mount image.ozx own
"$OZXFS" umount --all 2>/dev/null
! findmnt own
findmnt -n -o FSTYPE theirs
umount -l theirs
"""


def apart(ozxfs, script):
    return subprocess.run(['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script,
                           'bash', ozxfs.folder], env=dict(ozxfs.environment, OZXFS=ozxfs.binary),
                          timeout=TIMEOUT, capture_output=True, text=True, check=False)


def test_all(ozxfs, image, as_root):
    done = apart(ozxfs, ALL)
    assert done.returncode == 0, done
    assert wait_until(ozxfs.nothing_left)


def test_all_are_the_callers_own(ozxfs, image, as_root):
    done = apart(ozxfs, THEIRS)
    assert done.returncode == 0 and done.stdout == 'fuse.ozxfs\n', done
    assert wait_until(ozxfs.nothing_left)


def test_wrong_command_lines(ozxfs):
    assert ozxfs.run('umount').returncode == 64
    assert ozxfs.run('umount', '-a', '/').returncode == 64
