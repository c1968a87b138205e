# SPDX-License-Identifier: BSD-2-Clause
"""A mount that cannot be turned against its user, and processes that always end: planted links and
directories, false daemons, mounts that somebody else holds, signals that must end whatever is in
use. (Paths that change meanwhile: the program `swaps` beside this file.)"""
import ctypes
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest
from kit.harness import TIMEOUT, check_view, mount_of, one_line, read, wait_until

ATTACKER, PR_SET_NAME = 54321, 15
GONE_S = 6


@pytest.fixture
def attacked(folder, as_root):
    """A directory of another user, with root's archive beside it."""
    path = folder + '/user'
    os.mkdir(path)
    os.chown(path, ATTACKER, ATTACKER)
    return path


def plant(path, target):
    os.symlink(target, path)
    os.lchown(path, ATTACKER, ATTACKER)


# --- planted --------------------------------------------------------------------------------------

def test_planted_link_in_place_of_the_made_directory(ozxfs, image, attacked):
    os.rename(image, attacked + '/image.ozx')
    victim = ozxfs.directory('victim')
    plant(attacked + '/image.ome.zarr', victim)
    said = one_line(ozxfs.run('mount', attacked + '/image.ozx'), 73)
    assert b'user/image.ome.zarr cannot be used: the mount point is not a directory' in said
    assert not ozxfs.own_mounts() and ozxfs.nothing_left() and os.path.islink(attacked +
                                                                              '/image.ome.zarr')


def test_directory_of_another_in_place_of_the_made_one(ozxfs, image, attacked):
    os.rename(image, attacked + '/image.ozx')
    os.mkdir(attacked + '/image.ome.zarr')
    os.chown(attacked + '/image.ome.zarr', ATTACKER, ATTACKER)
    one_line(ozxfs.run('mount', attacked + '/image.ozx'), 73)
    assert ozxfs.nothing_left() and os.path.isdir(attacked + '/image.ome.zarr')


@pytest.mark.parametrize('below', ['', '/mnt'])
def test_link_of_another_as_mount_point(ozxfs, image, attacked, below):
    victim = ozxfs.directory('victim')
    ozxfs.directory('victim/mnt')
    plant(attacked + '/link', victim)
    said = one_line(ozxfs.run('mount', '-o', 'nonempty', image, attacked + '/link' + below), 77)
    assert b'symbolic link of user %d' % ATTACKER in said and ozxfs.nothing_left()


@pytest.mark.parametrize('options', [[], ['-z']])
def test_umount_through_the_link_of_another(ozxfs, image, attacked, options):
    where = ozxfs.mount(image)
    plant(attacked + '/link', where)
    one_line(ozxfs.run('umount', *options, attacked + '/link'), 77)
    assert mount_of(where)
    os.symlink(where, ozxfs.folder + '/own')
    assert ozxfs.run('umount', *options, ozxfs.folder + '/own').returncode == 0
    assert not mount_of(where)


def test_links_of_root_hold_everywhere(ozxfs, image, attacked, image_view):
    where = ozxfs.directory()
    os.symlink('../mnt', attacked + '/link')
    assert ozxfs.run('mount', image, attacked + '/link/').returncode == 0
    check_view(where, image_view)
    assert ozxfs.run('umount', attacked + '/./link').returncode == 0
    assert ozxfs.nothing_left()


def test_paths_with_dots(ozxfs, image):
    where = ozxfs.directory('a/mnt')
    for path, cwd in (('.', where), ('../../a/mnt', where), ('a/../a/./mnt//', ozxfs.folder),
                      (where + '/..//mnt', '/')):
        assert ozxfs.run('mount', image, path, cwd=cwd).returncode == 0, path
        assert mount_of(where)
        done = ozxfs.run('umount', path, cwd=cwd)
        assert done.returncode == 0 and not mount_of(where), (path, done.stderr)
    assert ozxfs.run('mount', image, '/').returncode == 73
    assert ozxfs.run('umount', '/').returncode == 66


def test_umount_from_inside(ozxfs, image):
    """Its own working directory and descriptors do not keep the mount busy; those of others do."""
    where = ozxfs.mount(image)
    shell = 'cd "$2" && exec "$1" umount . <zarr.json 7<s0/zarr.json'
    done = subprocess.run(['sh', '-c', shell, 'sh', ozxfs.binary, where], env=ozxfs.environment,
                          timeout=TIMEOUT, capture_output=True, check=False)
    assert done.returncode == 0 and not mount_of(where), done.stderr


@pytest.mark.parametrize('path', ['/proc/self/fd/7/mnt', '/dev/fd/7/mnt', '/proc/self/cwd/mnt'])
def test_path_through_a_descriptor(ozxfs, image, path):
    where = ozxfs.directory('a/mnt')
    for verb in (['mount', image, path.replace('/dev/', '/proc/self/')], ['umount', path]):
        shell = 'cd "$1" && shift && exec "$@" 7<.'
        done = subprocess.run(
            ['sh', '-c', shell, 'sh',
             os.path.dirname(where), ozxfs.binary, *verb], env=ozxfs.environment, timeout=TIMEOUT,
            capture_output=True, check=False)
        assert done.returncode == 0 and bool(mount_of(where)) == (verb[0] == 'mount'), done.stderr


def test_busy_is_72_and_names_who(ozxfs, image):
    where = ozxfs.mount(image)
    with open(where + '/zarr.json', 'rb'):
        said = one_line(ozxfs.run('umount', where), 72)
        assert b'(%d)' % os.getpid() in said
    ozxfs.umount(where)


def test_no_link_of_the_worker_is_followed(ozxfs, image, as_root):
    where = ozxfs.mount(image)
    assert {b'ro', b'nosuid', b'nodev', b'nosymfollow'} <= set(mount_of(where)['options'])


# --- false daemons, false programs ----------------------------------------------------------------

def test_process_of_another_with_the_daemons_name(ozxfs, image, as_root):
    where = ozxfs.mount(image)
    name = 'ozxfs:%d' % int(mount_of(where)['device'].split(b':')[1])
    false = os.fork()
    if false == 0:
        try:
            os.setresuid(ATTACKER, ATTACKER, ATTACKER)
            ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())
            time.sleep(60)
        finally:
            os._exit(0)
    try:
        assert wait_until(lambda: read('/proc/%d/comm' % false).strip() == name.encode())
        start = time.monotonic()
        ozxfs.umount(where)
        assert time.monotonic() - start < 5
    finally:
        os.kill(false, signal.SIGKILL)
        os.waitpid(false, 0)


def test_fusermount_of_the_path_is_not_run(ozxfs, image, need):
    """An ordinary user's PATH names a program of somebody else."""
    need('fusermount3')
    trap = ozxfs.folder + '/bin/fusermount3'
    os.makedirs(os.path.dirname(trap))
    with open(trap, 'w') as script:
        script.write('#!/bin/sh\n>%s/trapped\n' % ozxfs.folder)
    os.chmod(trap, 0o755)
    os.chmod(ozxfs.folder, 0o777)
    ozxfs.environment['PATH'] = os.path.dirname(trap)
    where = ozxfs.directory()
    user = {'user': 65534, 'group': 65534, 'extra_groups': []} if os.geteuid() == 0 else {}
    os.chown(where, os.geteuid() and -1 or 65534, -1)
    ozxfs.run('mount', image, where, **user)
    ozxfs.run('umount', where, **user)
    assert not os.path.exists(ozxfs.folder + '/trapped')


def read_and_keep(device, kept):
    """A daemon that answers INIT and keeps every other request to itself."""
    request = os.read(device, 1 << 18)
    unique = struct.unpack_from('<Q', request, 8)[0]
    answer = struct.pack('<IIIIHHIIHHI', 7, 31, 0, 0, 12, 10, 1 << 17, 1, 1, 0, 0)
    answer += bytes(64 - len(answer))
    os.write(device, struct.pack('<IiQ', 16 + len(answer), 0, unique) + answer)
    try:
        while True:
            kept.append(os.read(device, 1 << 18))
    except OSError:
        return


def test_daemon_that_keeps_a_request(ozxfs, image, as_root):
    """Who waits for its answer cannot even be killed: the mount is refused all the same."""
    where, kept = ozxfs.directory(), []
    device = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC)
    options = b'fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other' % device
    assert ctypes.CDLL(None).mount(b'image.ozx', os.fsencode(where), b'fuse.ozxfs', 1, options) == 0
    daemon = threading.Thread(target=read_and_keep, args=(device, kept))
    daemon.start()
    try:
        start = time.monotonic()
        done = ozxfs.run('mount', image, where)
        assert kept and time.monotonic() - start < 5
        assert b'the mount point is in use' in one_line(done, 73)
    finally:
        # The first one aborts the connection, which lets go of whoever waits.
        for how in ('-f', '-l'):
            subprocess.run(['umount', how, where], timeout=TIMEOUT, capture_output=True,
                           check=False)
        daemon.join()
        os.close(device)
    assert wait_until(ozxfs.nothing_left)


# --- held by others -------------------------------------------------------------------------------

def quick_umount(ozxfs, where, *options):
    start = time.monotonic()
    done = ozxfs.run('umount', *options, where)
    assert time.monotonic() - start < 2, 'umount waits'
    assert not mount_of(where)
    return one_line(done, 0)


def test_umount_says_where_else_it_is_mounted(ozxfs, image, image_view, as_root):
    where, other = ozxfs.mount(image), ozxfs.directory('other')
    subprocess.run(['mount', '--bind', where, other], check=True, timeout=TIMEOUT)
    assert b'still mounted on ' + os.fsencode(os.path.realpath(other)) in quick_umount(ozxfs, where)
    check_view(other, image_view)
    assert len(ozxfs.processes()) == 2
    ozxfs.umount(other)
    assert ozxfs.nothing_left()


@pytest.fixture
def namespace(ozxfs, as_root):
    """A function: a process in a mount namespace that is a copy of the present one; ended with the
    test."""
    started = []

    def start():
        process = subprocess.Popen(
            ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep 60'],
            stdout=subprocess.PIPE)
        process.stdout.readline()
        started.append(process)
        return process
    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize('options', [[], ['-z']])
def test_umount_names_who_is_in_another_namespace(ozxfs, image, namespace, options):
    where = ozxfs.mount(image)
    other = namespace()
    assert b'(%d)' % other.pid in quick_umount(ozxfs, where, *options)
    assert read('/proc/%d/root%s/zarr.json' % (other.pid, where)) and len(ozxfs.processes()) == 2
    other.kill()
    assert ozxfs.nothing_left()


def test_path_through_another_namespace(ozxfs, image, namespace):
    """What stands in /proc/PID/root is a directory of that process, and not the one of that name
    here."""
    where = ozxfs.directory()
    below = '/proc/%d/root%s' % (namespace().pid, where)
    assert b'namespace' in one_line(ozxfs.run('mount', image, below), 73)
    ozxfs.mount(image, where=where)
    assert b'namespace' in one_line(ozxfs.run('umount', below), 66)
    assert mount_of(where)
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


def test_mount_that_a_user_namespace_may_not_take_away(ozxfs, image, need, as_root):
    need('unshare')
    where = ozxfs.mount(image)
    if subprocess.run(['unshare', '-rm', 'true'], capture_output=True, timeout=TIMEOUT,
                      check=False).returncode:
        pytest.skip('no user namespaces')
    done = subprocess.run(['unshare', '-rm', ozxfs.binary, 'umount', where], env=ozxfs.environment,
                          capture_output=True, timeout=TIMEOUT, check=False)
    assert b'outside of this user namespace' in one_line(done, 77) and mount_of(where)
    ozxfs.umount(where)


def test_made_directory_stays_while_another_namespace_needs_it(ozxfs, image, namespace):
    made = ozxfs.run('mount', image).stdout.decode().strip()
    other = namespace()
    assert b'(%d)' % other.pid in quick_umount(ozxfs, made)
    assert read('/proc/%d/root%s/zarr.json' % (other.pid, made))
    other.kill()
    assert ozxfs.nothing_left() and wait_until(lambda: not os.path.exists(made))


# --- signals always end it ------------------------------------------------------------------------

def check_end(ozxfs, where, supervisor):
    start = time.monotonic()
    os.kill(supervisor, signal.SIGTERM)
    assert wait_until(lambda: not ozxfs.processes(), GONE_S + 2), 'SIGTERM does not end it'
    assert time.monotonic() - start <= GONE_S and not mount_of(where)


def close_dead(handle):
    """flush is asked, too, and nobody answers."""
    try:
        os.close(handle)
    except OSError:
        pass


def test_sigterm_with_an_open_file(ozxfs, image):
    where = ozxfs.mount(image)
    handle = os.open(where + '/zarr.json', os.O_RDONLY)
    try:
        check_end(ozxfs, where, ozxfs.daemons()[0])
    finally:
        close_dead(handle)


def test_sigterm_with_another_namespace(ozxfs, image, namespace):
    made = ozxfs.run('mount', image).stdout.decode().strip()
    namespace()
    check_end(ozxfs, made, ozxfs.daemons()[0])
    assert not os.path.exists(made)


def test_sigterm_with_a_stopped_worker(ozxfs, image):
    where = ozxfs.mount(image)
    supervisor, worker = ozxfs.daemons()
    os.kill(worker, signal.SIGSTOP)
    check_end(ozxfs, where, supervisor)


def test_second_signal_does_not_wait(ozxfs, image):
    process, where = ozxfs.foreground(image)
    handle = os.open(where + '/zarr.json', os.O_RDONLY)
    process.send_signal(signal.SIGINT)
    assert wait_until(lambda: not mount_of(where))
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(2) == 0
    close_dead(handle)
    assert ozxfs.nothing_left()


def test_quit_unmounts(ozxfs, image):
    process, where = ozxfs.foreground(image)
    process.send_signal(signal.SIGQUIT)
    assert process.wait(10) == 0 and not mount_of(where) and ozxfs.nothing_left()


def test_umount_never_kills(ozxfs, image, image_view):
    where = ozxfs.mount(image)
    handle = os.open(where, os.O_RDONLY)
    assert ozxfs.run('umount', '-z', where).returncode == 0
    time.sleep(GONE_S)
    assert len(ozxfs.processes()) == 2 and os.listdir(handle)
    os.close(handle)
    assert ozxfs.nothing_left()


# --- limits ---------------------------------------------------------------------------------------

def test_few_descriptors(ozxfs, image):
    """It mounts, or says what is short; that is no question of permissions."""
    where, served = ozxfs.directory(), 0
    for limit in range(4, 20):
        def lower(limit=limit):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        done = ozxfs.run('mount', image, where, preexec_fn=lower)
        if done.returncode == 0:
            served += 1
            ozxfs.umount(where)
        elif done.returncode > 0 and done.stderr.startswith(b'ozxfs:'):
            assert done.returncode != 77 and b'need read and write access' not in done.stderr, (
                limit, done.stderr)
        assert ozxfs.nothing_left(), limit
    assert served


ENOSYS_FILTER = '''
import ctypes, os, struct, sys
FSOPEN, ALLOW, FAIL = 430, 0x7fff0000, 0x50000 | 38
code = [(0x20, 0, 0, 0), (0x15, 0, 1, FSOPEN), (6, 0, 0, FAIL), (6, 0, 0, ALLOW)]
packed = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *i) for i in code))
program = ctypes.create_string_buffer(struct.pack('H6xQ', len(code), ctypes.addressof(packed)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
'''


def test_mounts_without_the_new_calls(ozxfs, image, image_view, as_root):
    """As on old kernels and in old containers: mount(2) on the descriptor."""
    where = ozxfs.directory()
    done = subprocess.run([
        sys.executable, '-c', ENOSYS_FILTER, ozxfs.binary, 'mount', '-o', 'noexec,noatime,sync',
        image, where
    ], env=ozxfs.environment, capture_output=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    assert {b'ro', b'nosuid', b'nodev', b'noexec', b'noatime'} <= set(mount_of(where)['options'])
    check_view(where, image_view)
    ozxfs.umount(where)


def test_identities_are_those_of_mountinfo(ozxfs, image):
    """What -v says of the device is what is mounted."""
    where = ozxfs.directory()
    done = ozxfs.run('mount', '-v', image, where)
    assert b'mounted as device ' + mount_of(where)['device'] in done.stderr
