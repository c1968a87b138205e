# SPDX-License-Identifier: BSD-2-Clause
"""The life of a mount: how it starts and says so, what it refuses to start on, how it ends, and
what is seen when a part of it dies."""
import ctypes
import errno
import os
import signal
import socket
import subprocess
import time

import pytest
from corpus import RECIPES
from kit.harness import (
    TIMEOUT, check_lines, check_view, mount_of, mounts, read, sanitized, wait_until)
from kit.proc import descriptors_of, kib_of

MESSAGES = {}  # what was said for each kind of bad archive or mount point: no two alike


# --- starting -------------------------------------------------------------------------------------

def test_served_when_it_returns(ozxfs, image, image_view):
    """No waiting after return, ten times."""
    for _ in range(10):
        where = ozxfs.mount(image)
        assert read(where + '/zarr.json') == image_view.view[b'zarr.json']
        ozxfs.umount(where)


def test_two_daemons_and_who_holds_what(ozxfs, image, as_root):
    """A supervisor and a worker; only the worker holds /dev/fuse and the archive. Nobody keeps the
    caller's descriptors."""
    where = ozxfs.mount(image)
    supervisor, worker = ozxfs.daemons()
    held = {pid: list(descriptors_of(pid).values()) for pid in (supervisor, worker)}
    assert '/dev/fuse' in held[worker] and '/dev/fuse' not in held[supervisor]
    assert os.path.realpath(image) in held[worker] and os.path.realpath(
        image) not in held[supervisor]
    for pid in (supervisor, worker):
        assert os.readlink('/proc/%d/cwd' % pid) == '/'
        assert [os.readlink('/proc/%d/fd/%d' % (pid, n)) for n in range(3)] == ['/dev/null'] * 3
        assert os.getsid(pid) != os.getsid(0)
    ozxfs.umount(where)


def test_stdout_and_stderr_pipes_are_not_kept_open(ozxfs, image):
    """`ozxfs mount ... | cat` ends: the daemon holds no end of the pipe."""
    where = ozxfs.directory()
    done = subprocess.run(
        ['sh', '-c', '"$1" mount "$2" "$3" 2>&1 | cat', 'sh', ozxfs.binary, image, where],
        env=ozxfs.environment, timeout=10, capture_output=True, check=False)
    assert done.returncode == 0 and mount_of(where)
    assert ozxfs.processes()


def test_other_descriptors_are_not_kept_open(ozxfs, image):
    """An inherited pipe (as a lock or a log of the caller) is closed by the daemon."""
    ours, theirs = os.pipe()
    ozxfs.mount(image, pass_fds=[theirs])
    os.close(theirs)
    os.set_blocking(ours, False)
    assert wait_until(lambda: end_of(ours)), 'the daemon keeps a descriptor of its caller'
    os.close(ours)


def end_of(descriptor):
    try:
        return os.read(descriptor, 1) == b''
    except BlockingIOError:
        return False


def test_ready_fd(ozxfs, image):
    """A newline, and the end, once it serves; in the foreground too."""
    ours, theirs = os.pipe()
    where = ozxfs.directory()
    process = ozxfs.start('mount', '-f', '--ready-fd', str(theirs), image, where, pass_fds=[theirs])
    os.close(theirs)
    assert os.read(ours, 10) == b'\n' and os.read(ours, 10) == b''
    assert sorted(os.listdir(where)) == ['s0', 'zarr.json']
    process.terminate()
    assert process.wait(10) == 0
    os.close(ours)


def test_ready_fd_of_a_refused_archive(ozxfs):
    path, (ours, theirs) = ozxfs.folder + '/bad.ozx', os.pipe()
    RECIPES['end_text'].build().write(path)
    assert ozxfs.run('mount', '--ready-fd', str(theirs), path, ozxfs.directory(),
                     pass_fds=[theirs]).returncode == 2
    os.close(theirs)
    assert os.read(ours, 10) == b''
    os.close(ours)


@pytest.mark.parametrize('closed', [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_standard_descriptors_closed(ozxfs, image, image_view, closed):
    where = ozxfs.directory()
    shell = '"$1" mount "$2" "$3" ' + ' '.join('%d%s&-' % (n, '<' if n == 0 else '>')
                                               for n in closed)
    done = subprocess.run(['sh', '-c', shell, 'sh', ozxfs.binary, image, where],
                          env=ozxfs.environment, timeout=TIMEOUT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    check_view(where, image_view)
    ozxfs.umount(where)


@pytest.mark.parametrize('closed', [(0, 1, 2), (2,)])
def test_refused_with_standard_descriptors_closed(ozxfs, closed):
    """The message must not be written into the archive or anything else that got the number."""
    path = ozxfs.folder + '/bad.ozx'
    RECIPES['end_text'].build().write(path)
    before = read(path)
    shell = '"$1" mount "$2" "$3" ' + ' '.join('%d%s&-' % (n, '<' if n == 0 else '>')
                                               for n in closed)
    done = subprocess.run(['sh', '-c', shell, 'sh', ozxfs.binary, path,
                           ozxfs.directory()], env=ozxfs.environment, timeout=TIMEOUT,
                          capture_output=True, check=False)
    assert done.returncode == 2 and read(path) == before


def test_relative_paths(ozxfs, image, image_view):
    """They hold after the daemon has left the directory."""
    ozxfs.directory()
    done = ozxfs.run('mount', './image.ozx', 'mnt/../mnt/', cwd=ozxfs.folder)
    assert done.returncode == 0, done.stderr
    where = ozxfs.folder + '/mnt'
    assert mount_of(where)['source'] == os.fsencode(os.path.realpath(image))
    check_view(where, image_view)
    assert ozxfs.run('umount', 'mnt/', cwd=ozxfs.folder).returncode == 0
    assert ozxfs.nothing_left()


def test_mount_point_through_a_symlink(ozxfs, image, image_view):
    where, link = ozxfs.directory(), ozxfs.folder + '/link'
    os.symlink('mnt', link)
    assert ozxfs.run('mount', image, link).returncode == 0
    check_view(where, image_view)
    assert ozxfs.run('umount', link).returncode == 0
    assert not mount_of(where) and ozxfs.nothing_left()


def test_archive_through_a_symlink(ozxfs, image, image_view):
    os.symlink('image.ozx', ozxfs.folder + '/link.ozx')
    check_view(ozxfs.mount(ozxfs.folder + '/link.ozx'), image_view)


def test_mount_point_as_descriptor(ozxfs, image, image_view, as_root):
    """/dev/fd/N: somebody else mounted, we serve."""
    where = ozxfs.directory()
    device = os.open('/dev/fuse', os.O_RDWR)
    options = 'fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions' % device
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b'handed', os.fsencode(where), b'fuse.ozxfs', 1 | 2 | 4,
                      options.encode()) == 0, os.strerror(ctypes.get_errno())
    done = ozxfs.run('mount', image, '/dev/fd/%d' % device, pass_fds=[device])
    os.close(device)
    assert done.returncode == 0, done.stderr
    check_view(where, image_view)
    subprocess.run(['umount', where], timeout=TIMEOUT, check=True)
    assert ozxfs.nothing_left()


@pytest.mark.parametrize('number', ['0', '99', '-1', 'x', ''])
def test_descriptor_that_is_none(ozxfs, image, number):
    done = ozxfs.run('mount', image, '/dev/fd/' + number)
    assert done.returncode in (64, 66, 69, 71, 73, 77) and len(check_lines(
        done.stderr)) == 1, (done.returncode, done.stderr)
    assert ozxfs.nothing_left()


# --- what it refuses to start on ------------------------------------------------------------------

def refused(ozxfs, kind, status, archive, where):
    start = time.monotonic()
    done = ozxfs.run('mount', archive, where, timeout=10)
    assert done.returncode == status, (done.returncode, done.stderr)
    assert time.monotonic() - start < 2
    lines = check_lines(done.stderr)
    assert len(lines) == 1 and done.stdout == b''
    said = lines[0][2].replace(os.fsencode(ozxfs.folder), b'')
    assert ozxfs.nothing_left()
    assert MESSAGES.setdefault(
        said, kind) == kind, 'the same words for %s and %s: %r' % (kind, MESSAGES[said], said)


def make_special(path, kind):
    if kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'socket':
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
    elif kind == 'directory':
        os.mkdir(path)
    elif kind == 'loop':
        os.symlink(path, path)
    elif kind == 'dangling':
        os.symlink('nowhere', path)
    elif kind == 'below_a_file':
        with open(os.path.dirname(path), 'wb'):
            pass


@pytest.mark.parametrize('kind', ['missing', 'fifo', 'socket', 'directory', 'loop', 'below_a_file'])
def test_archive_that_is_no_file(ozxfs, kind):
    path = ozxfs.folder + '/f/archive' if kind == 'below_a_file' else ozxfs.folder + '/archive'
    make_special(path, kind)
    # a Zarr store, which needs no mount; of any other, the archives are shown
    # (test_many_directory.py)
    if kind == 'directory':
        with open(path + '/.zgroup', 'wb'):
            pass
    refused(ozxfs, 'archive ' + kind, 66, path, ozxfs.directory())


def test_archive_that_dangles(ozxfs):
    make_special(ozxfs.folder + '/archive', 'dangling')
    done = ozxfs.run('mount', ozxfs.folder + '/archive', ozxfs.directory())
    assert done.returncode == 66 and len(check_lines(done.stderr)) == 1


@pytest.mark.parametrize('device', ['/dev/null', '/dev/zero', '/dev/tty', '/dev/stdin'])
def test_archive_that_is_a_device(ozxfs, device):
    done = ozxfs.run('mount', device, ozxfs.directory(), timeout=10)
    assert done.returncode == 66 and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                          done.stderr)


@pytest.mark.parametrize('kind,status', [('missing', 73), ('file', 73), ('not_empty', 73),
                                         ('fifo', 73)])
def test_bad_mount_point(ozxfs, image, kind, status):
    where = ozxfs.folder + '/point'
    if kind == 'file':
        make_special(where + '/x', 'below_a_file')
    elif kind == 'not_empty':
        os.makedirs(where + '/something')
    else:
        make_special(where, kind)
    refused(ozxfs, 'mount point ' + {'fifo': 'file'}.get(kind, kind), status, image, where)


def test_mount_point_in_use(ozxfs, image, image_view):
    where = ozxfs.mount(image)
    done = ozxfs.run('mount', image, where)
    assert done.returncode == 73 and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                          done.stderr)
    check_view(where, image_view)
    assert len([m for m in mounts() if m['path'] == os.fsencode(os.path.realpath(where))]) == 1
    ozxfs.umount(where)


def test_mount_point_with_something_else_mounted(ozxfs, image, as_root):
    where = ozxfs.directory()
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', where], check=True, timeout=TIMEOUT)
    done = ozxfs.run('mount', image, where)
    assert done.returncode in (0, 73), done.stderr  # a tmpfs is an empty directory like any other
    while mount_of(where):
        subprocess.run(['umount', where], check=True, timeout=TIMEOUT)
    assert ozxfs.nothing_left()


def test_bad_archive_is_told_before_a_bad_mount_point_is_made(ozxfs):
    done = ozxfs.run('mount', ozxfs.folder + '/none.ozx', ozxfs.folder + '/nowhere')
    assert done.returncode in (66, 73) and len(check_lines(done.stderr)) == 1


# --- ending ---------------------------------------------------------------------------------------

@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_unmount(ozxfs, image, number):
    where = ozxfs.mount(image)
    os.kill(ozxfs.daemons()[0], number)
    assert ozxfs.nothing_left(), 'still there after signal %d' % number
    assert os.listdir(where) == []


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_in_the_foreground(ozxfs, image, number):
    process, _ = ozxfs.foreground(image)
    process.send_signal(number)
    assert process.wait(10) == 0 and ozxfs.nothing_left()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_worker_ignores_signals(ozxfs, image, image_view, number):
    where = ozxfs.mount(image)
    os.kill(ozxfs.daemons()[1], number)
    time.sleep(0.2)
    check_view(where, image_view)
    assert len(ozxfs.processes()) == 2


def test_signal_while_in_use(ozxfs, image, image_view):
    """An open file does not keep a signalled daemon from going."""
    where = ozxfs.mount(image)
    handle = os.open(where + '/zarr.json', os.O_RDONLY)
    try:
        os.kill(ozxfs.daemons()[0], signal.SIGTERM)
        gone = wait_until(lambda: not mount_of(where))
        assert gone, 'still mounted'
    finally:
        os.close(handle)
    assert ozxfs.nothing_left()


def test_fusermount_from_outside(ozxfs, image, need):
    need('fusermount3')
    where = ozxfs.mount(image)
    subprocess.run(['fusermount3', '-u', where], check=True, timeout=TIMEOUT)
    assert ozxfs.nothing_left(), 'the daemon survives its mount'


def test_umount8_from_outside(ozxfs, image, as_root):
    process, where = ozxfs.foreground(image)
    subprocess.run(['umount', where], check=True, timeout=TIMEOUT)
    assert process.wait(10) == 0 and ozxfs.nothing_left()


def test_umount_returns_when_the_daemon_is_gone(ozxfs, image):
    for _ in range(20):
        where = ozxfs.mount(image)
        ozxfs.umount(where)
        assert not ozxfs.processes()


def test_umount_of_a_busy_mount(ozxfs, image, image_view):
    where = ozxfs.mount(image)
    handle = os.open(where + '/zarr.json', os.O_RDONLY)
    done = ozxfs.run('umount', where)
    assert done.returncode not in (0, 70) and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                                   done.stderr)
    check_view(where, image_view)
    lazy = ozxfs.run('umount', '-z', where)
    assert lazy.returncode == 0 and not mount_of(where)
    assert os.pread(handle, 1, 0) == b'{'
    os.close(handle)
    assert ozxfs.nothing_left()


@pytest.mark.parametrize('kind', ['missing', 'plain directory', 'file'])
def test_umount_of_no_mount(ozxfs, image, kind):
    where = {
        'missing': ozxfs.folder + '/none', 'plain directory': ozxfs.directory(), 'file': image
    }[kind]
    done = ozxfs.run('umount', where)
    assert done.returncode not in (0, 70) and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                                   done.stderr)


def test_umount_refuses_foreign_mounts(ozxfs, as_root):
    where = ozxfs.directory()
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', where], check=True, timeout=TIMEOUT)
    for options in ([], ['-z']):
        done = ozxfs.run('umount', *options, where)
        assert done.returncode not in (0, 70) and len(check_lines(
            done.stderr)) == 1 and mount_of(where), done.stderr
    subprocess.run(['umount', where], check=True, timeout=TIMEOUT)


def test_umount_refuses_what_lies_above_ours(ozxfs, image, as_root):
    """A tmpfs on top of our mount: the topmost counts."""
    where = ozxfs.mount(image)
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', where], check=True, timeout=TIMEOUT)
    assert ozxfs.run('umount', where).returncode != 0
    assert mount_of(where)['type'] == b'tmpfs'
    subprocess.run(['umount', where], check=True, timeout=TIMEOUT)
    ozxfs.umount(where)


def test_umount_inside_a_mount_is_refused(ozxfs, image):
    where = ozxfs.mount(image)
    assert ozxfs.run('umount', where + '/s0').returncode != 0
    assert mount_of(where)
    ozxfs.umount(where)


def test_usage_of_umount(ozxfs):
    for arguments in ([], ['--all', 'a'], ['--no-such', 'a']):
        done = ozxfs.run('umount', *arguments)
        assert done.returncode == 64 and len(check_lines(done.stderr)) == 1


# --- dying ----------------------------------------------------------------------------------------

def assert_dead(where):
    """What the kernel has not cached fails."""
    for call in (lambda: os.listdir(where), lambda: os.stat(where + '/zarr.json')):
        with pytest.raises(OSError) as error:
            call()
        assert error.value.errno == errno.ENOTCONN


def test_dead_worker_is_visible(ozxfs, image):
    """ENOTCONN, never an empty directory; umount ends the dead mount; mounting again works."""
    where = ozxfs.mount(image)
    os.kill(ozxfs.daemons()[1], signal.SIGKILL)
    assert wait_until(lambda: not ozxfs.processes()), 'the supervisor stays'
    assert_dead(where)
    ozxfs.umount(where)
    assert os.listdir(where) == []
    ozxfs.mount(image)
    ozxfs.umount(where)


def test_dead_worker_in_the_foreground(ozxfs, image):
    process, where = ozxfs.foreground(image)
    os.kill([p for p in ozxfs.processes() if p != process.pid][0], signal.SIGKILL)
    assert process.wait(10) not in (0, None)
    assert len(check_lines(ozxfs.said())) >= 1
    assert_dead(where)
    ozxfs.umount(where)


def test_worker_killed_at_random(ozxfs, image):
    """At any moment the tree is whole, dead, or not yet mounted: never an empty directory that
    looks like an image."""
    where = ozxfs.directory()
    for i in range(25):
        process = ozxfs.start('mount', '-f', image, where)
        time.sleep(0.002 * i)
        for pid in [p for p in ozxfs.processes() if p != process.pid]:
            os.kill(pid, signal.SIGKILL)
        try:
            listing = os.listdir(where)
        except OSError as error:
            # aborted: killed while it was asked
            assert error.errno in (errno.ENOTCONN, errno.ECONNABORTED)
        else:
            assert not mount_of(where) or sorted(listing) == [
                's0', 'zarr.json'
            ] or not wait_until(lambda: mount_of(where) and not os.listdir(where), 0.01)
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        process.communicate()
        if mount_of(where):
            assert ozxfs.run('umount', where).returncode == 0
        assert wait_until(lambda: not ozxfs.processes())


def test_dead_supervisor(ozxfs, image, image_view):
    """The worker serves on, and umount ends it."""
    where = ozxfs.mount(image)
    os.kill(ozxfs.daemons()[0], signal.SIGKILL)
    time.sleep(0.1)
    check_view(where, image_view)
    ozxfs.umount(where)
    assert ozxfs.nothing_left(), 'the worker survives the unmount'


def test_mounting_again_over_a_dead_mount_says_so(ozxfs, image):
    where = ozxfs.mount(image)
    os.kill(ozxfs.daemons()[1], signal.SIGKILL)
    assert wait_until(lambda: not ozxfs.processes())
    done = ozxfs.run('mount', image, where)
    assert done.returncode not in (0, 70) and len(check_lines(done.stderr)) == 1
    assert b'umount' in done.stderr
    ozxfs.umount(where)


def test_dead_mount_through_a_relative_path(ozxfs, image):
    where = ozxfs.mount(image)
    os.kill(ozxfs.daemons()[1], signal.SIGKILL)
    assert wait_until(lambda: not ozxfs.processes())
    assert ozxfs.run('umount', 'mnt', cwd=ozxfs.folder).returncode == 0
    assert not mount_of(where)


# --- resources ------------------------------------------------------------------------------------

def test_memory_of_100000_entries(ozxfs, archives):
    """At most 8 MiB of its own for the worker."""
    if sanitized(ozxfs.binary):
        pytest.skip('a sanitizer needs more')
    ozxfs.mount(archives('large_flat')[0])
    assert kib_of(ozxfs.daemons()[1], 'RssAnon') <= 8 * 1024


def test_no_descriptor_is_left_open_by_reads(ozxfs, archives, as_root):
    path, made = archives('compressed_deflate')
    where = ozxfs.mount(path)
    worker = ozxfs.daemons()[1]
    check_view(where, made)
    before = len(os.listdir('/proc/%d/fd' % worker))
    for _ in range(20):
        check_view(where, made)
    assert len(os.listdir('/proc/%d/fd' % worker)) == before


def test_daemons_have_no_terminal(ozxfs, image):
    ozxfs.mount(image)
    for pid in ozxfs.daemons():
        assert read('/proc/%d/stat' % pid).rsplit(b')', 1)[1].split()[4] == b'0'  # tty_nr
