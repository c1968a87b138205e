# SPDX-License-Identifier: BSD-2-Clause
"""A directory of archives as one mount: what is shown, what comes and goes, what is opened and by
whom."""
import errno
import os
import resource
import shutil
import stat
import subprocess
import threading
import time

import pytest

from kit.harness import check_view, mount_of, read, sanitized, wait_until
from kit.proc import descriptors_of, parent_of, status_of

SECOND = 1.0
REPLACED = 200


@pytest.fixture
def images(folder):
    path = os.path.join(folder, 'images')
    os.makedirs(path)
    return path


@pytest.fixture
def place(archives, images):
    """place(NAME, RECIPE): a copy of an archive in the directory, made elsewhere and renamed; its
    path."""
    def put(name, recipe='plain_zip64'):
        path = os.path.join(images, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        made = os.path.join(os.path.dirname(images), 'made')
        shutil.copyfile(archives(recipe)[0], made)
        os.chmod(made, 0o644)
        os.rename(made, path)
        return path
    return put


@pytest.fixture
def serve(ozxfs, images):
    """serve(OPTIONS...): mounts the directory; its path."""
    def mount(*options, **keywords):
        where = ozxfs.mount(images, '-o',
                            ','.join(('xattr', 'log=%s/log' % ozxfs.folder) + options), **keywords)
        return where
    return mount


def log(ozxfs):
    return read(ozxfs.folder + '/log')


def name_of(pid):
    return read('/proc/%d/comm' % pid).strip()


def processes(ozxfs):
    """(worker, porter)"""
    pids = ozxfs.processes()
    parent = {pid: parent_of(pid) for pid in pids}
    children = [pid for pid in pids if parent[pid] in pids]
    worker = [pid for pid in children if name_of(pid).startswith(b'ozxfs:')]
    porter = [pid for pid in children if name_of(pid) == b'ozxfs']
    assert len(worker) == len(porter) == 1 and len(pids) == 3, (pids, parent)
    return worker[0], porter[0]


def archives_open(ozxfs, images):
    """Descriptors of the worker that lead into the directory."""
    worker, _ = processes(ozxfs)
    return [link for link in descriptors_of(worker).values() if link.startswith(images)]


def error_of(action, *arguments):
    with pytest.raises(OSError) as caught:
        action(*arguments)
    return caught.value.errno


# --- what is shown --------------------------------------------------------------------------------

def test_the_tree_is_shown(ozxfs, place, images, serve, archives):
    for name in ('a.ozx', 'plate/B.OZX', 'plate/c.ome.zarr.zip', 'plate/deep/d.zarr.zip',
                 'same.ozx', 'same.zarr.zip'):
        place(name)
    os.makedirs(images + '/empty')
    for other in ('notes.txt', 'plain.zip', 'plate/.x.ozx.part'):
        with open(os.path.join(images, other), 'w') as file:
            file.write('other')
    where = serve()
    assert sorted(
        os.listdir(where)) == ['a.ome.zarr', 'empty', 'plate', 'same-2.ome.zarr', 'same.ome.zarr']
    assert sorted(os.listdir(where + '/plate')) == ['B.ome.zarr', 'c.ome.zarr', 'deep']
    assert os.listdir(where + '/plate/deep') == ['d.ome.zarr'] and not os.listdir(where + '/empty')
    for name in ('a.ome.zarr', 'plate/B.ome.zarr', 'plate/deep/d.ome.zarr'):
        check_view(os.path.join(where, name), archives('plain_zip64')[1])
    assert mount_of(where)['source'] == os.fsencode(images)
    assert os.stat(where + '/plate/deep/d.ome.zarr/..').st_ino == os.stat(where +
                                                                          '/plate/deep').st_ino
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


def test_tools_walk_the_whole(ozxfs, place, serve):
    for i in range(5):
        place('%d/%d.ozx' % (i % 2, i))
    where = serve()
    copy = ozxfs.folder + '/copy'
    subprocess.run(['cp', '-r', where, copy], check=True)
    assert subprocess.run(['diff', '-r', where, copy], check=False).returncode == 0
    files = subprocess.run(['find', where, '-type', 'f', '-name', 'zarr.json'], capture_output=True,
                           check=True).stdout
    assert files.count(b'/') and files.count(b'\n') % 5 == 0
    assert subprocess.run(['du', '-s', where], capture_output=True,
                          check=True).stdout.split()[0] != b'0'


def test_readers_open_several(place, serve):
    zarr = pytest.importorskip('zarr')
    place('a.ozx')
    place('sub/b.ozx')
    where = serve()
    one, two = zarr.open_group(where + '/a.ome.zarr',
                               mode='r'), zarr.open_group(where + '/sub/b.ome.zarr', mode='r')
    assert (one['s0'][:] == two['s0'][:]).all()


def test_listing_opens_nothing(ozxfs, images, serve):
    """What ls -l shows is right without a look into the archives: these are none."""
    for i in range(1000):
        with open('%s/%04d.ozx' % (images, i), 'wb') as file:
            file.write(b'no archive')
    os.utime(images + '/0007.ozx', (1000000000, 1000000000))
    where = serve()
    shown = subprocess.run(['ls', '-l', '--time-style=+%s', where], capture_output=True,
                           check=True).stdout.splitlines()[1:]
    assert len(shown) == 1000 and all(line.startswith(b'dr-xr-xr-x 1 ') for line in shown)
    assert sum(b' 1000000000 0007.ome.zarr' in line for line in shown) == 1
    assert not archives_open(ozxfs, images) and log(ozxfs).count(b'\n') == 1


def test_zarr_directories_are_others(ozxfs, place, images, serve):
    """An unpacked image beside its archive is not shown as an image without chunks."""
    place('cell.ozx')
    os.makedirs(images + '/cell.ome.zarr/s0')
    with open(images + '/cell.ome.zarr/zarr.json', 'w') as file:
        file.write('{}')
    where = serve()
    assert os.listdir(where) == ['cell.ome.zarr'
                                 ] and os.path.exists(where + '/cell.ome.zarr/s0/c/0/0')
    ozxfs.umount(where)
    where = serve('all_files')
    assert sorted(os.listdir(where)) == ['cell-2.ome.zarr', 'cell.ome.zarr']
    assert read(where +
                '/cell.ome.zarr/zarr.json') == b'{}' and os.path.exists(where +
                                                                        '/cell-2.ome.zarr/s0/c/0/0')


def test_links_and_special_files_are_not_shown(ozxfs, place, images, serve):
    os.symlink(place('a.ozx'), images + '/link.ozx')
    os.symlink('/etc', images + '/etc')
    os.mkfifo(images + '/fifo.ozx')
    where = serve('all_files')
    assert os.listdir(where) == ['a.ome.zarr']
    for name in ('link.ome.zarr', 'etc', 'fifo.ome.zarr'):
        assert error_of(os.stat, os.path.join(where, name)) == errno.ENOENT
    assert ozxfs.processes()


def test_the_mount_point_may_be_inside(ozxfs, place, images):
    place('a.ozx')
    os.makedirs(images + '/view/sub')
    where = images + '/view/sub'
    assert ozxfs.run('mount', '-o', 'all_files', images, where).returncode == 0
    assert sorted(os.listdir(where)) == ['a.ome.zarr', 'view'] and os.listdir(where + '/view') == []
    place('view/b.ozx')
    assert wait_until(lambda: os.listdir(where + '/view') == ['b.ome.zarr'], 2)
    ozxfs.umount(where)


def test_other_mounts_are_not_entered(ozxfs, place, images, serve, image):
    """Not even asked: they may never answer."""
    place('a.ozx')
    os.makedirs(images + '/there')
    ozxfs.run('mount', image, images + '/there')
    where = serve('all_files')
    assert os.listdir(where) == ['a.ome.zarr']


# --- owners and modes -----------------------------------------------------------------------------

def test_owners_and_modes_are_those_of_the_files(as_root, place, images, serve):
    private, shared = place('private.ozx'), place('shared.ozx')
    os.chown(private, 1234, 1235)
    os.chmod(private, 0o600)
    os.chmod(shared, 0o644)
    with open(images + '/table.csv', 'w') as file:
        file.write('1,2')
    os.chmod(images + '/table.csv', 0o640)
    where = serve('all_files', 'allow_other')
    st = os.stat(where + '/private.ome.zarr')
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (1234, 1235, 0o500)
    st = os.stat(where + '/private.ome.zarr/s0/c/0/0')
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (1234, 1235, 0o400)
    assert stat.S_IMODE(
        os.stat(where + '/table.csv').st_mode) == 0o640 and read(where + '/table.csv') == b'1,2'

    def as_other(*command):
        return subprocess.run(command, user=4321, group=4321, extra_groups=[], capture_output=True,
                              check=False).returncode

    assert as_other('ls', where + '/shared.ome.zarr') == 0 and as_other(
        'cat', where + '/shared.ome.zarr/zarr.json') == 0
    assert as_other('ls', where + '/private.ome.zarr') != 0 and as_other(
        'cat', where + '/private.ome.zarr/zarr.json') != 0
    assert as_other('cat', where + '/table.csv') != 0


def test_an_acl_gives_nothing_to_others(as_root, place, serve, need):
    need('setfacl')
    path = place('a.ozx')
    if subprocess.run(['setfacl', '-m', 'u:4321:---,g::r', path], check=False).returncode:
        pytest.skip('no ACLs on this file system')
    assert stat.S_IMODE(os.stat(serve('allow_other') + '/a.ome.zarr').st_mode) == 0o500


def test_other_files_are_read(place, images, serve):
    place('a.ozx')
    content = os.urandom(3000000)
    with open(images + '/data.bin', 'wb') as file:
        file.write(content)
    where = serve('all_files')
    assert read(where + '/data.bin') == content and os.stat(where +
                                                            '/data.bin').st_size == len(content)
    with open(images + '/data.bin', 'wb') as file:
        file.write(b'new')
    assert wait_until(lambda: read(where + '/data.bin') == b'new', 2)
    assert error_of(os.open, where + '/data.bin', os.O_WRONLY) == errno.EROFS


# --- what comes and goes --------------------------------------------------------------------------

def test_new_and_removed_ones(place, images, serve):
    place('a.ozx')
    where = serve()
    assert os.listdir(where) == ['a.ome.zarr']
    assert not os.path.exists(where + '/b.ome.zarr') and not os.path.exists(where + '/sub')
    place('b.ozx')
    assert wait_until(lambda: os.path.exists(where + '/b.ome.zarr/zarr.json'), SECOND)
    place('sub/deep/c.ozx')
    assert wait_until(lambda: os.path.exists(where + '/sub/deep/c.ome.zarr/zarr.json'), SECOND)
    os.remove(images + '/a.ozx')
    assert wait_until(lambda: not os.path.exists(where + '/a.ome.zarr'), SECOND)
    shutil.rmtree(images + '/sub')
    assert wait_until(lambda: sorted(os.listdir(where)) == ['b.ome.zarr'], SECOND)


def test_a_replaced_one_is_never_away(place, serve):
    """The new one comes as the old one goes: to Zarr what is not there is background."""
    place('a.ozx')
    where = serve()
    errors, done = set(), threading.Event()

    def look():
        while not done.is_set():
            try:
                os.close(os.open(where + '/a.ome.zarr/zarr.json', os.O_RDONLY))
            except OSError as error:
                errors.add(error.errno)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    numbers = {os.stat(where + '/a.ome.zarr').st_ino}
    for _ in range(REPLACED):
        place('a.ozx')
        assert wait_until(lambda: os.stat(where + '/a.ome.zarr').st_ino not in numbers)
        numbers.add(os.stat(where + '/a.ome.zarr').st_ino)
    done.set()
    for reader in readers:
        reader.join()
    assert errno.ENOENT not in errors, errors


def test_numbers_are_never_used_twice(place, images, serve):
    where, seen = serve(), set()
    for _ in range(5):
        path = place('a.ozx')
        assert wait_until(lambda: os.path.exists(where + '/a.ome.zarr'), SECOND)
        number = os.stat(where + '/a.ome.zarr/zarr.json').st_ino
        assert number not in seen
        seen.add(number)
        os.remove(path)
        assert wait_until(lambda: not os.path.exists(where + '/a.ome.zarr'), SECOND)


@pytest.mark.parametrize('how', ['replaced', 'removed', 'renamed'])
def test_who_is_in_it_stays_in_it(ozxfs, place, images, serve, archives, how):
    """The old one is served to those who hold it, and let go after them."""
    path = place('a.ozx')
    where = serve()
    before = archives('plain_zip64')[1]
    holder = os.open(where + '/a.ome.zarr', os.O_RDONLY | os.O_DIRECTORY)
    chunk = os.open('s0/c/0/0', os.O_RDONLY, dir_fd=holder)
    number = os.fstat(holder).st_ino
    if how == 'replaced':
        place('a.ozx', 'duplicate_zarr_json')
        assert wait_until(lambda: os.stat(where + '/a.ome.zarr').st_ino != number, SECOND)
        check_view(where + '/a.ome.zarr', archives('duplicate_zarr_json')[1])
    elif how == 'renamed':
        os.rename(path, images + '/b.ozx')
        assert wait_until(lambda: os.listdir(where) == ['b.ome.zarr'], SECOND)
        check_view(where + '/b.ome.zarr', before)
    else:
        os.remove(path)
        assert wait_until(lambda: not os.listdir(where), SECOND)
    check_view('/proc/self/fd/%d' % holder, before)
    os.posix_fadvise(chunk, 0, 0, os.POSIX_FADV_DONTNEED)
    assert os.pread(chunk, 1 << 20, 0) == before.view[b's0/c/0/0']
    os.close(chunk)
    os.close(holder)
    if how != 'renamed':
        assert wait_until(
            lambda:
            not [link for link in archives_open(ozxfs, images) if link.endswith(' (deleted)')], 3)


def test_one_that_is_being_written(place, images, serve, archives):
    """EIO until it is whole, and then it is read, under the same name."""
    whole = read(place('made.ozx'))
    where = serve()
    with open(images + '/a.ozx', 'wb') as file:
        file.write(whole[:-100])
        file.flush()
        assert wait_until(lambda: 'a.ome.zarr' in os.listdir(where), SECOND)
        time.sleep(0.6)
        assert error_of(os.listdir, where + '/a.ome.zarr') == errno.EIO
        file.write(whole[-100:])
    assert wait_until(lambda: os.path.exists(where + '/a.ome.zarr/zarr.json'), SECOND)
    check_view(where + '/a.ome.zarr', archives('plain_zip64')[1])


def test_many_changes_at_once(place, images, serve):
    """More events than are looked at one by one; what is shown in the end is what is there."""
    for i in range(50):
        place('%d.ozx' % i)
    where = serve()
    os.listdir(where)
    for _ in range(5):
        for i in range(50):
            os.rename('%s/%d.ozx' % (images, i), '%s/moved-%d.ozx' % (images, i))
            os.rename('%s/moved-%d.ozx' % (images, i),
                      '%s/%d.ozx' % (images, (i * 7) % 50 + 100 * (i % 2)))
        left = {int(name[:-4]) for name in os.listdir(images)}
        for i in set(range(50)) - left:
            place('%d.ozx' % i)
        for i in left - set(range(50)):
            os.remove('%s/%d.ozx' % (images, i))
    assert wait_until(
        lambda: sorted(os.listdir(where)) == sorted('%d.ome.zarr' % i for i in range(50)), 2)
    assert all(os.path.exists('%s/%d.ome.zarr/zarr.json' % (where, i)) for i in range(50))


# --- broken ones, limits --------------------------------------------------------------------------

def test_a_broken_one_is_told_once(ozxfs, place, serve):
    place('good.ozx')
    place('bad.ozx', 'end_text')
    where = serve()
    for _ in range(3):
        assert error_of(os.listdir, where + '/bad.ome.zarr') == errno.EIO
        assert error_of(os.stat, where + '/bad.ome.zarr/zarr.json') == errno.EIO
    assert stat.S_ISDIR(os.stat(where + '/bad.ome.zarr').st_mode)
    assert read(where + '/good.ome.zarr/zarr.json')
    assert wait_until(lambda: b'bad.ozx' in log(ozxfs))
    time.sleep(0.2)
    assert log(ozxfs).count(b'bad.ozx') == 1 and b'rule no-end' in log(ozxfs)
    assert b'bad.ozx' in os.getxattr(where, 'user.ozx.state')


def test_descriptors_are_bounded(ozxfs, place, images, serve, archives):
    """More archives than may be open: each is read all the same, again and again, by holders, too.
    """
    count, limit = 150, 120
    for i in range(count):
        place('%d.ozx' % i)
    where = serve(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    want = archives('plain_zip64')[1].view[b's0/c/0/0']
    holders = [os.open('%s/%d.ome.zarr/s0/c/0/0' % (where, i), os.O_RDONLY) for i in range(count)]
    for _ in range(2):
        for holder in holders:
            os.posix_fadvise(holder, 0, 0, os.POSIX_FADV_DONTNEED)
            assert os.pread(holder, 1 << 20, 0) == want
        assert 1 <= len(archives_open(ozxfs, images)) <= (limit - 64) / 2
    for holder in holders:
        os.close(holder)


def test_the_table_of_descriptors_does_not_grow(ozxfs, place, serve):
    """It is as large as it may become before there are threads: growing later keeps who opens an
    archive waiting."""
    place('a.ozx')
    serve()
    status = status_of(processes(ozxfs)[0])
    most = min(1024, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 64) // 2)
    assert int(status['FDSize']) >= most


def test_idle_ones_are_closed(ozxfs, place, images, serve, archives):
    path = place('a.ozx')
    where = serve('timeout=1')
    holder = os.open(where + '/a.ome.zarr/s0/c/0/0', os.O_RDONLY)
    for _ in range(2):
        check_view(where + '/a.ome.zarr', archives('plain_zip64')[1])
        assert wait_until(lambda: not archives_open(ozxfs, images))
    os.posix_fadvise(holder, 0, 0, os.POSIX_FADV_DONTNEED)
    os.utime(path, (5, 5))
    assert wait_until(lambda: os.stat(where + '/a.ome.zarr').st_mtime == 5, SECOND)
    assert error_of(os.pread, holder, 10, 0) == errno.EIO
    assert read(where + '/a.ome.zarr/s0/c/0/0')
    os.close(holder)


def test_the_porter_is_locked_in_and_ends_with_the_worker(ozxfs, place, serve):
    place('a.ozx')
    where = serve()
    os.listdir(where)
    worker, porter = processes(ozxfs)
    status = read('/proc/%d/status' % porter)
    assert sanitized(ozxfs.binary) or b'NoNewPrivs:\t1' in status and b'CapPrm:\t%016x' % (
        4 * (os.geteuid() == 0)) in status, status
    os.kill(porter, 9)
    assert wait_until(lambda: not os.path.exists('/proc/%d/exe' % porter) or name_of(porter))
    # not opened before, and nobody opens it
    assert error_of(os.listdir, where + '/a.ome.zarr') == errno.EIO
    assert os.listdir(where) == ['a.ome.zarr'] and worker
    ozxfs.umount(where)
    assert ozxfs.nothing_left()


def test_a_usage_error(ozxfs, image, images):
    done = ozxfs.run('mount', '-o', 'all_files', image, ozxfs.directory())
    assert done.returncode == 64 and b'all_files' in done.stderr
    done = ozxfs.run('mount', images)
    assert done.returncode == 66 or done.returncode == 2 or done.returncode == 64, done
    assert b'directory' in done.stderr
