# SPDX-License-Identifier: BSD-2-Clause
"""An ordinary user mounts through fusermount3. As root the tests become `nobody` for this;
/dev/fuse, where it is root's alone, is opened for everybody meanwhile, as it is on every
desktop."""
import errno
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import traceback

import pytest
from corpus import RECIPES
from kit.harness import TIMEOUT, Ozxfs, check_lines, check_view, mount_of, read, wait_until

DEVICE = '/dev/fuse'


def drop(ids):
    os.setgroups([])
    os.setresgid(ids[1], ids[1], ids[1])
    os.setresuid(ids[0], ids[0], ids[0])


class UserOzxfs(Ozxfs):
    """The command, run by somebody else."""

    def __init__(self, binary, folder, ids):
        super().__init__(binary, folder)
        self.ids = ids
        self.environment['HOME'] = folder

    def who(self):
        return {'user': self.ids[0], 'group': self.ids[1], 'extra_groups': []} if self.ids else {}

    def run(self, *arguments, **options):
        return super().run(*arguments, **self.who(), **options)

    def start(self, *arguments, **options):
        return super().start(*arguments, **self.who(), **options)

    def directory(self, name='mnt'):
        path = super().directory(name)
        if self.ids:
            os.lchown(path, *self.ids)
        return path

    def foreground_unseen(self, archive):
        """As `foreground`, without looking into the mount, which is not root's to see."""
        where, (ours, theirs) = self.directory(), os.pipe()
        process = self.start('mount', '-f', '--ready-fd', str(theirs), archive, where,
                             pass_fds=[theirs])
        os.close(theirs)
        ready = os.read(ours, 1)
        os.close(ours)
        assert ready == b'\n' and mount_of(where)
        return process, where

    def tool(self, *command):
        return subprocess.run(command, timeout=TIMEOUT, capture_output=True, check=False,
                              env=self.environment, **self.who())

    def seen(self, function, *arguments):
        """Calls the function as the user; its failure is the test's."""
        if not self.ids:
            return function(*arguments)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                drop(self.ids)
                function(*arguments)
                status = 0
            except BaseException:  # the child must not go on with the tests
                traceback.print_exc(file=sys.stderr)
            os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0, 'failed as the user; see stderr'
        return None


@pytest.fixture(scope='module', autouse=True)
def device_for_everybody():
    """Opens /dev/fuse for everybody if root may do so, and puts it back."""
    if os.geteuid() != 0:
        yield
        return
    mode = stat.S_IMODE(os.stat(DEVICE).st_mode)
    os.chmod(DEVICE, mode | 0o666)
    yield
    os.chmod(DEVICE, mode)


@pytest.fixture
def user(binary, session_folder, folder):
    if not shutil.which('fusermount3'):
        pytest.skip('no fusermount3 here')
    if not os.stat(shutil.which('fusermount3')).st_mode & stat.S_ISUID:
        pytest.skip('fusermount3 is not setuid here')
    ids = None
    if os.geteuid() == 0:
        nobody = pwd.getpwnam('nobody')
        ids = nobody.pw_uid, nobody.pw_gid
        copied = session_folder + '/ozxfs'  # the build folder may be closed to others
        if not os.path.exists(copied):
            shutil.copy2(binary, copied)
        binary = copied
        os.chown(folder, *ids)
    command = UserOzxfs(binary, folder, ids)
    yield command
    command.clean_up()


def test_mount_read_umount(user, image, image_view):
    where = user.mount(image)
    mount = mount_of(where)
    assert mount['type'] == b'fuse.ozxfs' and mount['source'] == os.fsencode(
        os.path.realpath(image))
    assert {b'ro', b'nosuid', b'nodev'} <= set(
        mount['options']) and b'allow_other' not in mount['super']
    user.seen(check_view, where, image_view)
    done = user.run('umount', where)
    assert done.returncode == 0, done.stderr
    assert not mount_of(where) and not user.processes()


def owner_is(path, ids):
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == ids


def test_files_belong_to_the_user(user, image):
    where = user.mount(image)
    user.seen(owner_is, where + '/zarr.json', user.ids or (os.geteuid(), os.getegid()))


def test_root_does_not_see_it(user, image, as_root):
    """Not even root looks into a user's mount."""
    where = user.mount(image)
    with pytest.raises(PermissionError):
        os.stat(where)


def test_umount_by_root(user, image, image_view, as_root):
    """umount needs no look into the mount."""
    where = user.mount(image)
    done = subprocess.run([user.binary, 'umount', where], capture_output=True, timeout=TIMEOUT,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert user.nothing_left()


def test_default_mount_point(user, image, image_view):
    done = user.run('mount', image)
    where = done.stdout.decode().strip()
    assert done.returncode == 0 and where == os.path.realpath(
        user.folder) + '/image.ome.zarr', done.stderr
    user.seen(check_view, where, image_view)
    assert user.run('umount', where).returncode == 0
    assert wait_until(lambda: not os.path.exists(where))


def test_default_mount_point_where_nothing_can_be_written(user, image, image_view, as_root):
    """Below the user's runtime directory; removed afterwards."""
    closed, runtime = user.folder + '/closed', user.directory('runtime')
    os.chmod(runtime, 0o700)
    os.mkdir(closed, 0o755)
    os.rename(image, closed + '/image.ozx')
    user.environment['XDG_RUNTIME_DIR'] = runtime
    done = user.run('mount', closed + '/image.ozx')
    where = done.stdout.decode().strip()
    assert done.returncode == 0 and where.startswith(os.path.realpath(runtime) +
                                                     '/') and where.endswith('image.ome.zarr'), (
                                                         where, done.stderr)
    user.seen(check_view, where, image_view)
    assert user.run('umount', where).returncode == 0
    assert wait_until(lambda: not os.path.exists(where))
    assert os.listdir(closed) == ['image.ozx']


def test_default_mount_point_without_a_runtime_directory(user, image, image_view, as_root):
    """A folder of the user's own that nobody else can get into, or a refusal; never a folder of
    others."""
    closed = user.folder + '/closed'
    os.mkdir(closed, 0o755)
    os.rename(image, closed + '/image.ozx')
    user.environment['XDG_RUNTIME_DIR'] = closed
    done = user.run('mount', closed + '/image.ozx')
    if done.returncode != 0:
        assert done.returncode in (73, 77) and len(check_lines(done.stderr)) == 1, done.stderr
        return
    where = done.stdout.decode().strip()
    parent = os.stat(os.path.dirname(where))
    assert parent.st_uid == user.ids[0] and stat.S_IMODE(parent.st_mode) & 0o077 == 0
    user.seen(check_view, where, image_view)
    assert user.run('umount', where).returncode == 0
    assert user.nothing_left() and wait_until(lambda: not os.path.exists(where))
    if not os.listdir(os.path.dirname(where)):
        os.rmdir(os.path.dirname(where))


def test_foreground_and_signal(user, image):
    process, _ = user.foreground_unseen(image)
    process.terminate()
    assert process.wait(10) == 0 and user.nothing_left()


# In a namespace of its own, so that nobody else meets this fusermount3, which first ends the mount
# `first`.
ENDS_ANOTHER = """set -e
touch real
mount --bind "$FUSERMOUNT" real
cat >instead <<END
#!/bin/sh
[ "\\$1" = -u ] || [ ! -e '$PWD/armed' ] || { '$PWD/real' -u '$PWD/first' && sleep 0.3; }
exec '$PWD/real' "\\$@"
END
chmod 755 instead
mount --bind instead "$FUSERMOUNT"
exec setpriv --reuid=nobody --regid="$GROUP" --clear-groups sh -ec '
"$OZXFS" mount "$IMAGE" first
touch armed
"$OZXFS" mount "$IMAGE" second
test -f second/zarr.json
"$OZXFS" umount second'
"""


def test_number_of_a_mount_that_has_just_ended(user, image, as_root, need):
    """The kernel gives its numbers, of mount and device, to the next one: that is not taken for the
    older mount."""
    need('setpriv')
    if tuple(map(int, re.findall(r'\d+', os.uname().release)[:2])) < (6, 16):
        pytest.skip('/proc/self/fdinfo does not tell the connection before Linux 6.16')
    for name in ('first', 'second'):
        user.directory(name)
    environment = dict(user.environment, OZXFS=user.binary, IMAGE=image, GROUP=str(user.ids[1]),
                       FUSERMOUNT=shutil.which('fusermount3'))
    done = subprocess.run(['unshare', '--mount', 'sh', '-c', ENDS_ANOTHER], cwd=user.folder,
                          env=environment, timeout=TIMEOUT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert wait_until(user.nothing_left)


def test_fusermount_from_outside(user, image):
    where = user.mount(image)
    assert user.tool('fusermount3', '-u', where).returncode == 0
    assert user.nothing_left()


def is_dead(where):
    with pytest.raises(OSError) as error:
        os.stat(where + '/zarr.json')
    assert error.value.errno == errno.ENOTCONN


def test_dead_worker(user, image):
    """ENOTCONN is seen, and the user's umount ends the dead mount."""
    where = user.mount(image)
    os.kill(user.daemons()[1], 9)
    assert wait_until(lambda: not user.processes())
    user.seen(is_dead, where)
    done = user.run('umount', where)
    assert done.returncode == 0 and not mount_of(where), done.stderr


def test_refused_archive(user):
    path = user.folder + '/bad.ozx'
    RECIPES['overlap_nested'].build().write(path)
    done = user.run('mount', path, user.directory())
    assert done.returncode == 2 and len(check_lines(done.stderr)) == 1
    assert user.nothing_left()


@pytest.mark.parametrize('where', ['not_theirs', 'not_empty', 'missing', 'file'])
def test_bad_mount_point(user, image, where, as_root):
    path = user.folder + '/' + where
    if where == 'not_theirs':
        os.mkdir(path, 0o755)
    elif where == 'not_empty':
        os.makedirs(path + '/x')
    elif where == 'file':
        with open(path, 'wb'):
            pass
    done = user.run('mount', image, path)
    assert done.returncode in (73, 77) and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                                done.stderr)
    assert user.nothing_left()


def test_archive_that_may_not_be_read(user, image, as_root):
    os.chown(image, 0, 0)
    os.chmod(image, 0o600)
    done = user.run('mount', image, user.directory())
    assert done.returncode == 77 and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                          done.stderr)


def test_archive_in_a_closed_directory(user, image, as_root):
    os.mkdir(user.folder + '/closed', 0o700)
    os.rename(image, user.folder + '/closed/image.ozx')
    done = user.run('mount', user.folder + '/closed/image.ozx', user.directory())
    assert done.returncode == 77 and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                          done.stderr)


def test_allow_other_where_fuse_conf_forbids_it(user, image, as_root):
    try:
        allowed = any(line.strip() == b'user_allow_other'
                      for line in read('/etc/fuse.conf').splitlines())
    except FileNotFoundError:
        allowed = False
    if allowed:
        pytest.skip('fuse.conf permits allow_other here')
    done = user.run('mount', '-o', 'allow_other', image, user.directory())
    assert done.returncode in (69, 77) and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                                done.stderr)
    assert user.nothing_left()


def test_device_that_may_not_be_opened(user, image, as_root):
    mode = stat.S_IMODE(os.stat(DEVICE).st_mode)
    os.chmod(DEVICE, 0o600)
    try:
        done = user.run('mount', image, user.directory())
    finally:
        os.chmod(DEVICE, mode)
    assert done.returncode in (69, 77) and len(check_lines(done.stderr)) == 1, (done.returncode,
                                                                                done.stderr)
    assert user.nothing_left()


def test_user_may_not_umount_roots_mount(user, ozxfs, archives, as_root):
    where = ozxfs.mount(archives('plain_zip64')[0])
    done = user.run('umount', where)
    assert done.returncode == 77 and mount_of(where) and len(check_lines(
        done.stderr)) == 1, (done.returncode, done.stderr)
    assert b'is a mount of user 0: only that user and root can unmount it' in done.stderr


def is_shut_out(where):
    with pytest.raises(PermissionError):
        os.listdir(where)


def test_allow_other_lets_others_in(user, ozxfs, archives, image_view, as_root):
    """Root's mount: others read it with allow_other, and only then; default_permissions hold."""
    path = archives('plain_zip64')[0]
    where = ozxfs.mount(path)
    user.seen(is_shut_out, where)
    ozxfs.umount(where)
    where = ozxfs.mount(path, '-o', 'allow_other')
    user.seen(check_view, where, image_view)
    ozxfs.umount(where)
    where = ozxfs.mount(path, '-o', 'allow_other,dmask=0077')
    user.seen(is_shut_out, where)
    ozxfs.umount(where)


ODD = {
    'comma': b'a,b', 'newline': b'a\nb', 'backslash': b'a\\b', 'percent': b'100%s%n%',
    'space': b' a b ', 'not_utf8': b'caf\xe9', 'octal': b'a\\040b', 'equals': b'a=b,c=d',
    'long': b'n' * 254, 'dash': b'-o'
}


@pytest.mark.parametrize('odd', ODD)
def test_odd_names_through_fusermount(user, image, image_view, odd):
    folder, name = os.fsencode(os.path.realpath(user.folder)), ODD[odd]
    where, archive = user.directory(b'at-' + name[:251]), os.path.join(folder, name)
    os.rename(image, archive)
    done = user.run('mount', archive, where)
    assert done.returncode == 0, done.stderr
    assert mount_of(where)['source'] == archive
    user.seen(check_view, where, image_view)
    done = user.run('umount', where)
    assert done.returncode == 0, done.stderr
    assert user.nothing_left()


@pytest.mark.parametrize('options', [
    'uid=0,gid=0', 'umask=077', 'subdir=s0', 'xattr', 'timeout=100', 'fsname=x\\,y',
    'nofail,_netdev,x-a,user,noauto', 'max_read=65536'
])
def test_options_through_fusermount(user, image, options):
    where = user.mount(image, '-o', options)
    user.seen(os.listdir, where)
    assert user.run('umount', where).returncode == 0


@pytest.mark.parametrize('owner,mode,followed', [('other', 0o1777, False), ('root', 0o1777, True),
                                                 ('own', 0o1777, True), ('other', 0o755, True)])
def test_links_in_directories_of_everybody(user, image, owner, mode, followed, as_root):
    """The rule of fs.protected_symlinks, whatever that is set to."""
    shared, where = user.folder + '/shared', user.directory()
    os.mkdir(shared)
    os.chmod(shared, mode)
    os.symlink(where, shared + '/link')
    os.lchown(shared + '/link', *{'other': (54321, 54321), 'root': (0, 0), 'own': user.ids}[owner])
    done = user.run('mount', image, shared + '/link')
    assert done.returncode == (0 if followed else 77), done.stderr
    assert bool(mount_of(where)) == followed
    done = user.run('umount', shared + '/link')
    assert done.returncode == (0 if followed else 77), done.stderr
