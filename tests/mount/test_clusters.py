# SPDX-License-Identifier: BSD-2-Clause
"""The recipes of ozxfs-clusters(7): the scripts for Slurm, and namespaces as container runtimes
make them."""
import os
import shutil
import subprocess

import pytest

from kit.harness import wait_until

DATA = os.path.join(os.path.dirname(__file__), '../../data/slurm')
USER = 65534
AS_USER = ['setpriv', '--reuid', str(USER), '--regid', str(USER), '--clear-groups']

# --- Slurm ----------------------------------------------------------------------------------------


class Job:
    """A job on this node, by the environment that slurmd gives its scripts."""

    def __init__(self, ozxfs, number, comment):
        self.ozxfs, self.base = ozxfs, ozxfs.folder + '/jobs'
        self.scripts = ozxfs.folder + '/slurm'
        shutil.copytree(DATA, self.scripts, dirs_exist_ok=True)
        shutil.copy2(ozxfs.binary, ozxfs.folder + '/ozxfs')
        self.folder = f'{self.base}/{number}'
        self.environment = {
            key: value
            for key, value in ozxfs.environment.items()
            if key.startswith(('OZXFS', 'ASAN', 'UBSAN'))
        }
        self.environment |= {
            'OZXFS': ozxfs.folder + '/ozxfs', 'OZXFS_SLURM_DIR': self.base,
            'SLURM_JOB_ID': str(number), 'SLURM_JOB_UID': str(USER), 'SLURM_JOB_COMMENT': comment
        }

    def script(self, name, *before, **more):
        done = subprocess.run([*before, 'sh', os.path.join(self.scripts, name)],
                              capture_output=True, text=True, env={**self.environment, **more},
                              cwd='/', timeout=60, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done
        return done.stdout.splitlines()

    def task(self, **more):
        return self.script('task-prolog', *AS_USER, **more)

    def points(self):
        return [os.fsdecode(mount['path']) for mount in self.ozxfs.own_mounts()
                if mount['path'].startswith(os.fsencode(self.folder + '/'))]


@pytest.fixture
def job(ozxfs, as_root, need):
    need('setpriv', 'fusermount3')
    os.chmod('/dev/fuse', 0o666)
    made = []

    def make(number, comment):
        made.append(Job(ozxfs, number, comment))
        return made[-1]
    yield make
    for one in made:
        one.script('epilog')
    assert not os.listdir(made[0].base) and ozxfs.nothing_left()


def test_archives_of_jobs(job, image, image_view, folder):
    other = folder + '/second.ome.zarr.ozx'
    shutil.copy2(image, other)
    one, two = job(17, f'my work ozxfs={image}:{other} other=1'), job(18, f'ozxfs={image}')
    one.script('prolog')
    two.script('prolog')
    exports = one.task()
    assert exports == [f'export OZXFS_1={one.folder}/1/image.ome.zarr',
                       f'export OZXFS_2={one.folder}/2/second.ome.zarr']
    for line in exports:
        read = subprocess.run([*AS_USER, 'cat', line.split('=')[1] + '/zarr.json'],
                              capture_output=True, check=True)
        assert read.stdout == image_view.view[b'zarr.json']
    one.script('prolog')  # of a second step: it changes nothing
    assert len(one.points()) == 2 and one.task() == exports
    one.script('epilog')
    assert not one.points() and not os.path.exists(one.folder)
    assert len(two.points()) == 1 and len(two.task()) == 1  # the other one goes on


def test_what_cannot_be_mounted_has_no_directory(job, image, folder):
    """A directory without a mount would be read as background."""
    secret = folder + '/secret.ozx'
    shutil.copy2(image, secret)
    os.chmod(secret, 0o600)
    one = job(5, f'ozxfs={secret}:{image}:/none.ozx:relative.ozx:/etc/passwd')
    one.script('prolog')
    said = one.task()
    assert said[0] == f'export OZXFS_2={one.folder}/2/image.ome.zarr'
    assert all(line.startswith('print ozxfs: ') for line in said[1:]) and len(said) == 5, said
    assert sorted(os.listdir(one.folder)) == ['2', 'messages']
    assert len(one.task(SLURM_LOCALID='1')) == 1  # told once, not by every task


@pytest.mark.parametrize('comment', [
    '', 'ozxfs=', 'ozxfs=$(touch FOLDER/bad)', 'ozxfs=/x;touch${IFS}FOLDER/bad', 'ozxfs=-o:--help',
    'ozxfs=*', 'ozxfs=FOLDER/../..:/:/dev/zero', 'ozxfs=/a\n/b'])
def test_hostile_comments(job, folder, comment):
    one = job(7, comment.replace('FOLDER', folder))
    os.makedirs(one.base, exist_ok=True)
    one.script('prolog')
    assert not os.path.exists(folder + '/bad') and not one.points()
    assert not [line for line in one.task() if line.startswith('export')]


@pytest.mark.parametrize('number', ['', '../x', '1/..', '7 8'])
def test_no_job(job, image, folder, number):
    one = job(1, f'ozxfs={image}')
    os.makedirs(folder + '/jobs/keep')
    for script in ('prolog', 'epilog'):
        one.script(script, SLURM_JOB_ID=number)
    assert os.listdir(one.base) == ['keep'] and not one.points()
    os.rmdir(folder + '/jobs/keep')


def test_epilog_of_a_mount_that_died(job, image, ozxfs):
    one = job(9, f'ozxfs={image}')
    one.script('prolog')
    for pid in ozxfs.processes():
        os.kill(pid, 9)
    assert wait_until(lambda: not ozxfs.processes()) and len(one.points()) == 1
    one.script('epilog')
    assert not one.points() and not os.path.exists(one.folder)


# --- namespaces -----------------------------------------------------------------------------------

# What Apptainer does for `--fusemount TYPE:COMMAND DIRECTORY`: it mounts, and puts the device,
# which is descriptor 3, in place of the directory; without `-daemon` also `-f` behind it, and
# SIGTERM at the end.
LAUNCHER = '''
import ctypes, os, subprocess, sys
kind, where, *command = sys.argv[1:]
device = os.open('/dev/fuse', os.O_RDWR)
options = 'fd=%d,rootmode=40000,user_id=%d,group_id=%d' % (device, os.getuid(), os.getgid())
if ctypes.CDLL(None).mount(b'fuse', where.encode(), b'fuse', 2 | 4, options.encode()):
    sys.exit('cannot mount')
os.dup2(device, 3)
foreground = not kind.endswith('-daemon')
daemon = subprocess.Popen(command[:3] + ['/dev/fd/3'] + ['-f'] * foreground, pass_fds=[3])
os.close(3)
if device != 3:
    os.close(device)
if not foreground and daemon.wait():
    sys.exit('it does not serve')
status = subprocess.call(command[3:])
if foreground:
    daemon.terminate()
    status = status or daemon.wait()
sys.exit(status)
'''


@pytest.fixture
def user(ozxfs, binary, as_root, need):
    """user(words...): run as an ordinary user, with a copy of ozxfs that may be executed."""
    need('setpriv', 'unshare')
    os.chmod('/dev/fuse', 0o666)
    program = ozxfs.folder + '/ozxfs'
    shutil.copy2(binary, program)
    if subprocess.run([*AS_USER, 'unshare', '-rm', 'true'], capture_output=True,
                      check=False).returncode:
        pytest.skip('no user namespaces here')

    def run(*words):
        return subprocess.run([*AS_USER, *words], capture_output=True, timeout=60, cwd=ozxfs.folder,
                              env=ozxfs.environment, stdin=subprocess.DEVNULL, check=False)
    return run


def saw(done, view):
    assert done.returncode == 0 and done.stdout == view.view[b'zarr.json'], done


NAMESPACES = ['unshare', '-rm', '--pid', '--fork', '--kill-child', '--mount-proc']


@pytest.mark.parametrize('kind', ['container', 'container-daemon'])
def test_fusemount_of_apptainer(user, ozxfs, image, image_view, need, kind):
    need('/usr/bin/python3')
    where = ozxfs.directory()
    done = user(*NAMESPACES, '/usr/bin/python3', '-c', LAUNCHER, kind, where, './ozxfs', 'mount',
                image, 'cat', where + '/zarr.json')
    saw(done, image_view)
    assert ozxfs.nothing_left()


def test_rootless_unshare(user, ozxfs, image, image_view):
    where = ozxfs.directory()
    saw(user(*NAMESPACES, 'sh', '-c', f'./ozxfs mount {image} {where} && cat {where}/zarr.json'),
        image_view)
    assert ozxfs.nothing_left()


SYSTEM = '''--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib
--symlink usr/lib64 /lib64 --proc /proc --dev /dev --die-with-parent --unshare-all'''.split()


def test_bubblewrap_around_the_reader(user, ozxfs, image, image_view, need):
    """The tree is bound into a sandbox that has no FUSE and no archive."""
    need('bwrap')
    os.makedirs(ozxfs.folder + '/runtime', 0o700)
    os.chown(ozxfs.folder + '/runtime', USER, USER)
    ozxfs.environment['XDG_RUNTIME_DIR'] = ozxfs.folder + '/runtime'
    saw(user('./ozxfs', 'run', image, '--', 'bwrap', *SYSTEM, '--ro-bind', '{}', '/image', 'cat',
             '/image/zarr.json'), image_view)
    assert ozxfs.nothing_left()


def test_bubblewrap_around_all(user, ozxfs, image, image_view, need):
    need('bwrap')
    done = user('bwrap', *SYSTEM, '--uid', '0', '--gid', '0', '--cap-add', 'CAP_SYS_ADMIN',
                '--dev-bind', '/dev/fuse', '/dev/fuse', '--tmpfs', '/tmp', '--dir', '/tmp/x',
                '--ro-bind', 'ozxfs', '/tmp/ozxfs', '--ro-bind', image, '/tmp/image.ozx', 'sh',
                '-c', '/tmp/ozxfs mount /tmp/image.ozx /tmp/x && cat /tmp/x/zarr.json')
    saw(done, image_view)
    assert ozxfs.nothing_left()
