# SPDX-License-Identifier: BSD-2-Clause
"""`mounts`, and a second `mount` of what is mounted already."""
import errno
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile

import pytest
from corpus import Unreadable
from kit.harness import TIMEOUT, mount_of, read, wait_until
from kit.shape import MOUNTS, check

RUNNING_AS = os.geteuid()


def listed(ozxfs, where):
    """What is said of one mount; other tests may have theirs."""
    done = ozxfs.run('mounts', '--json')
    assert done.returncode == 0 and not done.stderr, done
    found = [m for m in json.loads(done.stdout)['mounts'] if m['mount_point'] == where]
    assert len(found) <= 1
    return found[0] if found else None


def rows(ozxfs, where):
    """The lines of one mount: its row, and what is indented below it."""
    lines = ozxfs.run('mounts').stdout.decode().splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith(' on ' + where))
    end = next((i for i in range(at + 1, len(lines)) if not lines[i].startswith(' ')), len(lines))
    return lines[at:end]


def test_what_is_told(ozxfs, image, image_view):
    began = time.time()
    where = ozxfs.mount(image)
    first = listed(ozxfs, where)
    supervisor, _ = ozxfs.daemons()
    size = len(read(where + '/zarr.json'))
    second = listed(ozxfs, where)
    assert size == len(image_view.view[b'zarr.json'])
    assert second['read_bytes'] == first['read_bytes'] + size
    assert second['requests'] > first['requests'] > 0
    assert second['file'] == os.path.realpath(image) and second['state'] == 'serving'
    assert second['uid'] == RUNNING_AS and second['supervisor'] == supervisor
    assert second['backend'] == 'fuse' and second['subdir'] is None and second['detail'] is None
    since = time.mktime(time.strptime(second['since'], '%Y-%m-%dT%H:%M:%SZ')) - time.timezone
    assert began - 2 <= since <= time.time() + 2
    [row] = rows(ozxfs, where)
    assert row.startswith('serving ') and os.path.realpath(image) + ' on ' in row
    ozxfs.umount(where)
    assert listed(ozxfs, where) is None


def test_names(ozxfs, image):
    """One mount is one row, whatever its name; JSON has the name itself or, if it is not UTF-8,
    null: an escaped one would be the name of something else."""
    odd = os.path.join(os.fsencode(ozxfs.folder), b'a\xff.ozx')
    shutil.copy(image, odd)
    for name, shown in ((b'a\x1b[2J\ndead', 'a\x1b[2J\ndead'), (b'm\xff', None)):
        where = ozxfs.mount(odd, where=ozxfs.directory(name))
        said = json.loads(ozxfs.run('mounts', '--json').stdout)
        check(said, MOUNTS)
        supervisor = ozxfs.daemons()[0]
        [own] = [m for m in said['mounts'] if m['supervisor'] == supervisor]
        assert own['file'] is None
        assert own['mount_point'] == (shown and os.path.join(ozxfs.folder, shown))
        row, = [line for line in ozxfs.run('mounts').stdout.splitlines()
                if os.fsencode(ozxfs.folder) in line]
        assert row.startswith(b'serving ') and b'a\\xFF.ozx on ' in row
        assert all(0x20 <= byte < 0x7f for byte in row)
        ozxfs.umount(where)


def test_a_part_of_an_archive(ozxfs, archives):
    where = ozxfs.mount(archives('plain_zip64')[0], '-o', 'subdir=s0')
    assert listed(ozxfs, where)['subdir'] == 's0'


def test_an_archive_that_was_changed(ozxfs, image):
    where = ozxfs.mount(image)
    os.utime(image, (1, 1))
    assert listed(ozxfs, where)['state'] == 'changed'
    row, why = rows(ozxfs, where)
    assert row.startswith('changed ') and 'mount it again' in why


def test_an_entry_that_cannot_be_read(ozxfs, archives):
    path, made = archives('local_name')
    where = ozxfs.mount(path)
    bad = [name for name, contents in made.view.items() if isinstance(contents, Unreadable)]
    for name in bad:
        with pytest.raises(OSError):
            read(os.path.join(os.fsencode(where), name))
    assert bad
    said = listed(ozxfs, where)
    assert said['state'] == 'error' and said['detail']
    row, why = rows(ozxfs, where)
    assert row.startswith('error ') and said['detail'] in why


@pytest.mark.parametrize('broken', [False, True])
def test_opens_are_asked_for_where_they_may_fail(ozxfs, broken):
    """The kernel reads nothing of an empty file. Where one cannot be read every open of the mount
    is a request, and where all can none is."""
    path = os.path.join(ozxfs.folder, 'empty.ozx')
    with zipfile.ZipFile(path, 'w') as out:
        out.writestr('zarr.json', '{"zarr_format": 3, "node_type": "group"}')
        out.writestr('none', b'')
        start = out.getinfo('none').header_offset
    if broken:
        with open(path, 'r+b') as out:
            out.seek(start + 30)
            out.write(b'N')
    os.chmod(path, 0o644)
    where = ozxfs.mount(path)
    if broken:
        with pytest.raises(OSError) as caught:
            read(where + '/none')
        assert caught.value.errno == errno.EIO
    else:
        assert read(where + '/none') == b''
    read(where + '/zarr.json')
    before = listed(ozxfs, where)['requests']
    for _ in range(50):  # open() of Python asks whether it is a terminal, too
        os.close(os.open(where + '/zarr.json', os.O_RDONLY))
    assert (listed(ozxfs, where)['requests'] - before >= 50) == broken


def test_dead(ozxfs, image):
    where = ozxfs.mount(image)
    for pid in ozxfs.daemons():
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not ozxfs.processes())
    said = listed(ozxfs, where)
    assert said['state'] == 'dead' and said['supervisor'] is None and said['requests'] is None
    ozxfs.umount(where)


def test_one_that_does_not_answer(ozxfs, image):
    """It holds the list up for a second, or a few on a machine with much to do."""
    where = ozxfs.mount(image)
    pids = ozxfs.daemons()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert listed(ozxfs, where)['state'] == 'silent'
        assert time.monotonic() - began < 5
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    ozxfs.umount(where)


def test_another_users(ozxfs, image, as_root):
    """As the kernel shows it: hidden from all but its user, and no daemon is to be seen."""
    where = ozxfs.directory()
    script = """set -e
exec 7<>/dev/fuse
mount -i -t fuse -o ro,rootmode=40000,user_id=12345,group_id=12345,fd=7,subtype=ozxfs x \\
    "$1"
"$OZXFS" mounts --json
umount -l "$1"
"""
    done = subprocess.run(['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script,
                           'bash', where], env=dict(ozxfs.environment, OZXFS=ozxfs.binary),
                          timeout=TIMEOUT, capture_output=True, check=False)
    assert done.returncode == 0, done
    found = [m for m in json.loads(done.stdout)['mounts'] if m['mount_point'] == where]
    assert [(m['uid'], m['state'], m['user']) for m in found] == [(12345, 'dead', '12345')]


def test_wrong_command_lines(ozxfs):
    assert ozxfs.run('mounts', 'x').returncode == 64


# --- mounted already ------------------------------------------------------------------------------

def test_a_second_mount_prints_where_it_is(ozxfs, image):
    first = ozxfs.run('mount', image)
    second = ozxfs.run('mount', image)
    assert first.returncode == second.returncode == 0 and not second.stderr
    where = first.stdout.decode().strip()
    assert first.stdout == second.stdout and mount_of(where) and len(ozxfs.own_mounts()) == 1
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


def test_wherever_it_is(ozxfs, image):
    where = ozxfs.mount(image)
    os.symlink(image, ozxfs.folder + '/link.ozx')
    for name in (image, ozxfs.folder + '/link.ozx'):
        assert ozxfs.run('mount', name).stdout.decode().strip() == where
    ozxfs.umount(where)


@pytest.mark.parametrize('how', ['replaced', 'changed', 'part', 'options'])
def test_not_for_another_tree(ozxfs, image, how):
    """Of a file that is not the one that is mounted, or a part of it, or in another way."""
    subdir = ['-o', 'subdir=s0'] if how == 'part' else []
    where = ozxfs.mount(image, *subdir)
    if how == 'replaced':
        shutil.copy(image, image + '~')
        os.rename(image + '~', image)
    if how == 'changed':
        os.utime(image, (1, 1))
    done = ozxfs.run('mount', *(['-o', 'uid=1'] if how == 'options' else []), image)
    assert done.returncode == 0, done.stderr
    other = done.stdout.decode().strip()
    assert other != where and mount_of(other)
    ozxfs.umount(other)
    ozxfs.umount(where)
