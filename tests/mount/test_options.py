# SPDX-License-Identifier: BSD-2-Clause
"""Options of `ozxfs mount`: owner and modes, xattrs, subdir, timeout, what findmnt shows, what
fstab hands over, and odd names."""
import errno
import os
import re
import stat
import subprocess
import time
import zlib

import pytest
from corpus import RECIPES
from corpus.recipe import COMMENT, Entry, served
from corpus.recipe import image as made_image
from kit.harness import check_lines, check_view, mount_of, wait_until


def modes(where):
    return stat.S_IMODE(os.stat(where + '/zarr.json').st_mode), stat.S_IMODE(
        os.stat(where + '/s0').st_mode)


@pytest.mark.parametrize('options,file_mode,dir_mode', [('umask=0', 0o444, 0o555),
                                                        ('umask=077', 0o400, 0o500),
                                                        ('umask=0277', 0o400, 0o500),
                                                        ('fmask=0333', 0o444, 0o555),
                                                        ('fmask=044', 0o400, 0o555),
                                                        ('dmask=0077', 0o444, 0o500),
                                                        ('fmask=004,dmask=005', 0o440, 0o550),
                                                        ('umask=077,fmask=0', 0o444, 0o500),
                                                        ('umask=0007,dmask=0055', 0o440, 0o500)])
def test_masks(ozxfs, image, options, file_mode, dir_mode):
    """fmask and dmask are more special than umask; no mask ever grants writing."""
    assert modes(ozxfs.mount(image, '-o', options)) == (file_mode, dir_mode)


def test_owner(ozxfs, image):
    where = ozxfs.mount(image, '-o', 'uid=1234,gid=4321')
    for path in (where, where + '/s0', where + '/zarr.json'):
        assert (os.stat(path).st_uid, os.stat(path).st_gid) == (1234, 4321)


@pytest.mark.parametrize('option', [
    'uid=x', 'uid=-1', 'uid=99999999999', 'gid=', 'umask=9', 'umask=x', 'umask=01000',
    'fmask=1777777', 'dmask=-1', 'timeout=x', 'timeout=-1', 'subdir', 'max_read=x',
    'no_such_option', 'no_such=1', 'umask', 'uid'
])
def test_wrong_option_is_a_usage_error(ozxfs, image, option):
    done = ozxfs.run('mount', '-o', option, image, ozxfs.directory())
    assert done.returncode == 64 and len(check_lines(done.stderr)) == 1, done.stderr
    assert option.split('=')[0].encode() in done.stderr
    assert ozxfs.nothing_left()


@pytest.mark.parametrize('option', ['rw', 'suid', 'dev'])
def test_options_that_would_weaken_are_not_obeyed(ozxfs, image, option):
    """The tree is ro, nosuid, nodev whatever is asked: refused as usage, or passed over."""
    where = ozxfs.directory()
    done = ozxfs.run('mount', '-o', option, image, where)
    if done.returncode == 0:
        assert {b'ro', b'nosuid', b'nodev'} <= set(mount_of(where)['options'])
    else:
        assert done.returncode == 64 and len(check_lines(done.stderr)) == 1


@pytest.mark.parametrize(
    'arguments',
    [[], ['--no-such'], ['-x'], ['-o'], ['--threads'], ['--threads', 'x', 'a', 'b'],
     ['--threads', '0', 'a', 'b'], ['--ready-fd', 'x', 'a', 'b'], ['--ready-fd', '99', 'a', 'b']])
def test_wrong_command_line(ozxfs, arguments):
    done = ozxfs.run('mount', *arguments, cwd=ozxfs.folder)
    assert done.returncode == 64 and len(check_lines(
        done.stderr)) == 1 and done.stdout == b'', done.stderr


def test_swallowed_options(ozxfs, image, image_view):
    where = ozxfs.mount(
        image, '-o',
        'nofail,_netdev,x-systemd.automount,x-gvfs-show,user,users,auto,noauto,ro,defaults,'
        'noatime,nosuid,nodev,default_permissions'
    )
    check_view(where, image_view)


def test_several_o_add_up(ozxfs, image):
    where = ozxfs.mount(image, '-o', 'uid=11', '-o', 'gid=12', '-ofmask=0007')
    st = os.stat(where + '/zarr.json')
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (11, 12, 0o440)


def test_always_read_only_nosuid_nodev(ozxfs, image):
    mount = mount_of(ozxfs.mount(image))
    assert {b'ro', b'nosuid', b'nodev'} <= set(mount['options'])
    assert not {b'default_permissions', b'allow_other'} & set(
        mount['super']), 'its user alone: nothing to check'


def test_allow_other_implies_default_permissions(ozxfs, image, as_root):
    mount = mount_of(ozxfs.mount(image, '-o', 'allow_other'))
    assert {b'allow_other', b'default_permissions'} <= set(mount['super'])


def test_findmnt_and_df_show_the_archive(ozxfs, image, need):
    need('findmnt', 'df')
    where = ozxfs.mount(image)
    real = os.path.realpath(image)
    found = subprocess.run(['findmnt', '-n', '-o', 'SOURCE,FSTYPE', where], capture_output=True,
                           text=True, timeout=10, check=True).stdout.split()
    assert found == [real, 'fuse.ozxfs']
    assert real in subprocess.run(['df', where], capture_output=True, text=True, timeout=10,
                                  check=True).stdout


def test_fsname_and_subtype(ozxfs, image):
    mount = mount_of(ozxfs.mount(image, '-o', 'fsname=some name,subtype=other'))
    assert (mount['source'], mount['type']) == (b'some name', b'fuse.other')


def test_escaped_comma_in_a_value(ozxfs, image):
    assert mount_of(ozxfs.mount(image, '-o', 'fsname=a\\,b,uid=7'))['source'] == b'a,b'


@pytest.mark.parametrize('arguments',
                         [['-s'], ['--single-thread'], ['--threads', '1'], ['--threads=3'], ['-v'],
                          ['-o', 'max_read=131072'], ['-o', 'max_read=4096']])
def test_ways_of_serving(ozxfs, archives, arguments):
    path, made = archives('changed_touch')
    check_view(ozxfs.mount(path, *arguments), made)


def thread_name(process, thread):
    with open('/proc/%s/task/%s/comm' % (process, thread), encoding='ascii') as name:
        return name.read()


def test_io_uring_is_used_or_done_without(ozxfs, archives):
    """Whatever libfuse and the kernel have: the same tree, and -v says what it was."""
    path, made = archives('changed_touch')
    where = ozxfs.directory()
    done = ozxfs.run('mount', '-v', '-o', 'io_uring', path, where)
    said = [line for line in done.stderr.splitlines() if b'io_uring' in line]
    assert done.returncode == 0 and len(said) == 1, done.stderr
    worker = re.search(rb'worker (\d+) serves', done.stderr).group(1).decode()
    offered = said[0].endswith(b': io_uring is supported by the kernel')
    assert wait_until(lambda: offered == any('ring' in thread_name(worker, thread) for thread in os.
                                             listdir('/proc/' + worker + '/task'))), said
    check_view(where, made)
    assert b'io_uring' not in ozxfs.run('mount', '-v', path, ozxfs.directory('plain')).stderr


def test_double_dash(ozxfs, image, image_view):
    """File and directory may look like options."""
    os.rename(image, ozxfs.folder + '/-f')
    os.mkdir(ozxfs.folder + '/-z')
    done = ozxfs.run('mount', '--', '-f', '-z', cwd=ozxfs.folder)
    assert done.returncode == 0, done.stderr
    check_view(ozxfs.folder + '/-z', image_view)
    assert ozxfs.run('umount', '--', '-z', cwd=ozxfs.folder).returncode == 0
    assert ozxfs.nothing_left()


def test_help_and_version(ozxfs):
    for arguments, word in ((['--help'], b'mount'), (['--version'], b'libfuse'),
                            (['mount', '--help'], b'subdir'), (['umount', '--help'], b'umount')):
        done = ozxfs.run(*arguments)
        assert done.returncode == 0 and word in done.stdout and done.stderr == b''
    assert b'libzip' in ozxfs.run('--version').stdout and b'jansson' in ozxfs.run(
        '--version').stdout


def test_mount_helper_of_mount8(ozxfs, image, image_view):
    """mount(8) calls `mount.ozxfs SOURCE DIR -o OPTIONS`, and `-n`, `-s`, `-v` may come along."""
    helper, where = ozxfs.folder + '/mount.ozxfs', ozxfs.directory()
    os.symlink(ozxfs.binary, helper)
    done = ozxfs.run(image, where, '-o', 'ro,uid=5', binary=helper)
    assert done.returncode == 0, done.stderr
    check_view(where, image_view)
    assert os.stat(where).st_uid == 5


# --- xattr ----------------------------------------------------------------------------------------

def test_xattrs(ozxfs, archives):
    path, made = archives('compressed_random')
    where = ozxfs.mount(path, '-o', 'xattr')
    with open(path, 'rb') as source:
        archive = source.read()
    for name in (b'behind', b's0/c/0/1'):
        file = os.path.join(os.fsencode(where), name)
        assert set(os.listxattr(file)) == {'user.ozx.offset', 'user.ozx.crc32', 'user.ozx.method'}
        offset = int(os.getxattr(file, 'user.ozx.offset'))
        assert archive[offset:offset + len(made.view[name])] == made.view[name]
    crc = os.getxattr(where + '/behind', 'user.ozx.crc32')
    assert crc == b'%08x' % zlib.crc32(made.view[b'behind'])
    assert b'stored' in os.getxattr(where + '/behind', 'user.ozx.method').lower() or os.getxattr(
        where + '/behind', 'user.ozx.method') == b'0'
    assert os.getxattr(where + '/x',
                       'user.ozx.method') != os.getxattr(where + '/behind', 'user.ozx.method')
    assert set(os.listxattr(where)) == {'user.ozx.comment', 'user.ozx.version', 'user.ozx.state'}
    assert os.getxattr(where, 'user.ozx.comment') == COMMENT and os.getxattr(
        where, 'user.ozx.version') == b'0.5'
    assert os.listxattr(where + '/s0') == []
    for file, name in ((where, 'user.ozx.offset'), (where + '/behind', 'user.other'),
                       (where + '/behind', 'security.capability'), (where + '/s0',
                                                                    'user.ozx.comment')):
        with pytest.raises(OSError) as error:
            os.getxattr(file, name)
        assert error.value.errno == errno.ENODATA
    assert set(os.listxattr(where + '/behind',
                            follow_symlinks=False)) == set(os.listxattr(where + '/behind'))


def test_no_xattrs_without_the_option(ozxfs, image):
    where = ozxfs.mount(image)
    for call in (
            lambda: os.getxattr(where + '/zarr.json', 'user.ozx.offset'),
            lambda: os.listxattr(where + '/zarr.json') or os.getxattr(where, 'user.ozx.comment')):
        with pytest.raises(OSError) as error:
            call()
        assert error.value.errno == errno.EOPNOTSUPP


def test_xattrs_of_what_cannot_be_read(ozxfs, archives):
    """No offset where the local header is bad; no comment, no version, where there is none."""
    where = ozxfs.mount(archives('local_name')[0], '-o', 'xattr')
    with pytest.raises(OSError) as error:
        os.getxattr(where + '/x', 'user.ozx.offset')
    assert error.value.errno in (errno.EIO, errno.ENODATA)
    ozxfs.umount(where)
    where = ozxfs.mount(archives('comment_missing')[0], '-o', 'xattr')
    assert os.listxattr(where) == ['user.ozx.state']


# --- subdir, timeout ------------------------------------------------------------------------------

def test_subdir(ozxfs, archives):
    path, made = archives('root_one_top_folder')
    where = ozxfs.mount(path, '-o', 'subdir=image.ome.zarr')
    assert sorted(os.listdir(where)) == ['s0', 'zarr.json']
    with open(where + '/s0/zarr.json', 'rb') as source:
        assert source.read() == made.view[b'image.ome.zarr/s0/zarr.json']
    assert os.stat(where).st_nlink == 3 and not os.path.exists(where + '/image.ome.zarr')


def test_subdir_silences_no_root(ozxfs, archives):
    done = ozxfs.run('mount', '-o', 'subdir=image.ome.zarr',
                     archives('root_one_top_folder')[0], ozxfs.directory())
    assert done.returncode == 0 and b'no-root' not in done.stderr


@pytest.mark.parametrize('subdir,listing', [('s0', ['c', 'zarr.json']), ('s0/', ['c', 'zarr.json']),
                                            ('s0/c', ['0']), ('s0/c/0', ['0', '1']),
                                            ('./s0', ['c', 'zarr.json']), ('/s0/.//c/', ['0']),
                                            ('s0/c/.', ['0'])])
def test_subdir_spellings(ozxfs, image, subdir, listing):
    assert sorted(os.listdir(ozxfs.mount(image, '-o', 'subdir=' + subdir))) == listing


@pytest.mark.parametrize('subdir', ['nowhere', 'zarr.json', 's0/../s0', '..', 's0/c/0/0'])
def test_subdir_that_is_none(ozxfs, image, subdir):
    done = ozxfs.run('mount', '-o', 'subdir=' + subdir, image, ozxfs.directory())
    assert done.returncode not in (0, 2, 70) and len(check_lines(
        done.stderr)) == 1, (done.returncode, done.stderr)
    assert ozxfs.nothing_left()


# --- default mount point --------------------------------------------------------------------------


@pytest.mark.parametrize('name,expected', [('image.ozx', 'image.ome.zarr'),
                                           ('IMAGE.OZX', 'IMAGE.ome.zarr'),
                                           ('image.ome.zarr.zip', None),
                                           ('noext', 'noext.ome.zarr'), ('a.b.ozx', 'a.b.ome.zarr'),
                                           ('image.ome.zarr.ozx', 'image.ome.zarr'),
                                           ('image.zarr.OZX', 'image.ome.zarr'),
                                           ('.ozx', '.ozx.ome.zarr')])
def test_default_mount_point(ozxfs, image, image_view, name, expected):
    """NAME.ome.zarr beside the archive: made, printed, and removed at unmount."""
    path = os.path.join(ozxfs.folder, name)
    os.rename(image, path)
    done = ozxfs.run('mount', path)
    assert done.returncode == 0, done.stderr
    where = done.stdout.decode().rstrip('\n')
    assert done.stdout.endswith(b'\n') and os.path.isabs(where) and where.endswith('.ome.zarr')
    if expected:
        assert where == os.path.join(os.path.realpath(ozxfs.folder), expected)
    check_view(where, image_view)
    ozxfs.umount(where)
    assert wait_until(lambda: not os.path.exists(where)), 'the mount point was left behind'
    assert os.listdir(ozxfs.folder) == [name]


def test_default_mount_point_is_removed_after_a_signal(ozxfs, image):
    where = ozxfs.run('mount', image).stdout.decode().strip()
    os.kill(ozxfs.daemons()[0], 15)
    assert ozxfs.nothing_left() and wait_until(lambda: not os.path.exists(where))


def test_default_mount_point_beside_the_directory_that_was_packed(ozxfs, image, image_view):
    """What a newcomer does first: `pack image.ome.zarr image.ozx && mount image.ozx`. Somebody's
    directory of that name is neither mounted over nor removed; if the second name is taken as well,
    the runtime directory serves."""
    ozxfs.environment['XDG_RUNTIME_DIR'] = ozxfs.directory('runtime')
    os.chmod(ozxfs.environment['XDG_RUNTIME_DIR'], 0o700)
    taken = []
    for expected in ('image.ozx.ome.zarr', 'runtime/ozxfs/image.ome.zarr',
                     'runtime/ozxfs/image-2.ome.zarr'):
        name = os.path.join(ozxfs.folder, 'image.ome.zarr') if not taken else where
        os.mkdir(name)
        with open(name + '/mine', 'w', encoding='utf-8'):
            pass
        taken.append(name)
        done = ozxfs.run('mount', image)
        where = done.stdout.decode().strip()
        assert (done.returncode, done.stderr,
                where) == (0, b'', os.path.join(os.path.realpath(ozxfs.folder), expected))
        check_view(where, image_view)
        ozxfs.umount(where)
        assert wait_until(lambda: not os.path.exists(where))
    assert all(os.listdir(name) == ['mine'] for name in taken)


def test_refused_archive_leaves_no_default_mount_point(ozxfs):
    path = ozxfs.folder + '/bad.ozx'
    RECIPES['name_dotdot'].build().write(path)
    assert ozxfs.run('mount', path).returncode == 2
    assert os.listdir(ozxfs.folder) == ['bad.ozx']


# --- odd names ------------------------------------------------------------------------------------

ODD = {
    'comma': b'a,b', 'newline': b'a\nb', 'backslash': b'a\\b', 'percent': b'100%s%n%',
    'space': b' a b ', 'not_utf8': b'caf\xe9', 'escaped_octal': b'a\\040b', 'equals': b'a=b,c=d',
    'quote': b'"\'', 'dash': b'-o', 'hash': b'#a', 'utf8': '日本'.encode(), 'tab': b'a\tb',
    'long': b'n' * 254
}


@pytest.mark.parametrize('odd', ODD)
def test_odd_names_of_archive_and_mount_point(ozxfs, image, image_view, odd):
    folder, name = os.fsencode(os.path.realpath(ozxfs.folder)), ODD[odd]
    where = os.path.join(folder, b'at', name)
    os.makedirs(where)
    archive = os.path.join(folder, name)
    os.rename(image, archive)
    done = ozxfs.run('mount', archive, where)
    assert done.returncode == 0, done.stderr
    mount = mount_of(where)
    assert mount and mount['source'] == archive and mount['type'] == b'fuse.ozxfs'
    check_view(where, image_view)
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


@pytest.mark.parametrize('odd', ['newline', 'not_utf8', 'percent', 'long'])
def test_odd_name_in_a_message(ozxfs, odd):
    path = os.path.join(os.fsencode(ozxfs.folder), ODD[odd])
    RECIPES['end_text'].build().write(path)
    done = ozxfs.run('mount', path, ozxfs.directory())
    assert done.returncode == 2 and len(check_lines(done.stderr)) == 1, done.stderr


def test_mount_point_of_a_deep_path(ozxfs, image, image_view):
    where = os.path.join(ozxfs.folder, *['d' * 200] * 15)
    os.makedirs(where)
    check_view(ozxfs.mount(image, where=where), image_view)


def test_archive_inside_a_mount(ozxfs, archives, folder):
    """A nested archive can be mounted from the mount, where its worker, which is never root, is let
    in."""
    inner = served(made_image(Entry(b'inner', b'inner')))
    outer = served(made_image(Entry(b'in.ozx', b''.join(inner.parts))))
    outer.write(folder + '/outer.ozx')
    if os.geteuid() == 0 and os.environ.get('OZXFS_SANITIZED') != '1':  # a sanitizer has no cage
        first = ozxfs.mount(folder + '/outer.ozx')
        refused = ozxfs.run('mount', first + '/in.ozx', ozxfs.directory('second'))
        assert refused.returncode == 77 and b'but not by nobody or its owner' in refused.stderr
        ozxfs.umount(first)
    first = ozxfs.mount(folder + '/outer.ozx', *(('-o', 'allow_other') if os.geteuid() == 0 else
                                                 ()))
    second = ozxfs.mount(first + '/in.ozx', where=ozxfs.directory('second'))
    check_view(second, inner)
    ozxfs.umount(second)
    ozxfs.umount(first)


def test_subdir_does_not_hide_a_conflict(ozxfs, archives, folder):
    """What lies beside the subdir is judged as without it: 'a' is a file and a directory."""
    import zipfile
    path = os.path.join(folder, 'conflict.ozx')
    with zipfile.ZipFile(path, 'w') as z:
        for name in ('zarr.json', 'a', 'a/b'):
            z.writestr(name, b'{}')
    for more in ([], ['-o', 'subdir=a']):
        point = os.path.join(folder, 'point')
        os.makedirs(point, exist_ok=True)
        done = subprocess.run([ozxfs.binary, 'mount', *more, path, point], capture_output=True,
                              text=True, timeout=30, check=False)
        assert done.returncode == 2 and '(conflict' in done.stderr, done.stderr


def test_two_mounts_at_once(ozxfs, image, folder):
    """Of two mounts on one directory one wins, and the other says that it is in use."""
    point = os.path.join(folder, 'both')
    os.makedirs(point)
    tried = [
        subprocess.Popen([ozxfs.binary, 'mount', image, point], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [p.communicate(timeout=30)[1] for p in tried]
    try:
        assert sorted(p.returncode == 0 for p in tried) == [False, True], said
        assert any('in use' in text for text in said), said
    finally:
        subprocess.run([ozxfs.binary, 'umount', point], timeout=40, check=True)
    assert not os.path.ismount(point)


def test_options_without_effect_are_told_with_v(ozxfs, image):
    options = ('-o', 'kernel_cache,attr_timeout=9,noatime,nofail')
    done = ozxfs.run('mount', '-v', *options, image, ozxfs.directory())
    ozxfs.umount(ozxfs.directory())
    told = [line for line in done.stderr.splitlines() if b'no effect here' in line]
    assert len(told) == 1 and told[0].endswith(b': -o kernel_cache, attr_timeout')
    quiet = ozxfs.run('mount', *options, image, ozxfs.directory())
    ozxfs.umount(ozxfs.directory())
    assert quiet.returncode == 0 and not quiet.stderr


def test_foreground_says_on_a_terminal_when_it_serves(ozxfs, image):
    terminal, theirs = os.openpty()
    where = ozxfs.directory()
    process = ozxfs.start('mount', '-f', image, where, stderr=theirs)
    os.close(theirs)
    said = os.read(terminal, 4096)
    assert mount_of(where) and f"mounted at '{where}': ^C unmounts it".encode() in said
    process.terminate()
    assert process.wait(30) == 0
    os.close(terminal)
