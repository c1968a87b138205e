# SPDX-License-Identifier: BSD-2-Clause
"""-o backend=kernel: the kernel itself serves the archive. What is read is the archive's, nothing
of a changed one is ever served, and where the kernel cannot, FUSE does. Skipped where the kernel
cannot at all (not root, before Linux 6.15, no EROFS)."""
import errno
import mmap
import os
import re
import signal
import subprocess
import time
import zipfile

import pytest
from corpus import RECIPES, SERVE
from kit.harness import check_view, mount_of, wait_until
from kit.launch import LONG, SANITIZED
from stored import KERNEL, make

LARGE = 64 << 20  # recipes above that are another suite's


def check_all(where, content):
    for name, data in content.items():
        with open(os.path.join(where, name), 'rb') as file:
            assert file.read() == data, name


def test_corpus(kernel, archives, figure):
    """Every archive that is served with nothing to be said against it, byte by byte, or with the
    reason why not."""
    served = 0
    every = [r.name for r in RECIPES.values() if r.mount == SERVE and r.id != 'changed']
    for name in every if LONG else every[::5]:
        path, made = archives(name)
        if os.path.getsize(path) > LARGE and not LONG:
            continue
        where = kernel.directory('m')
        done = kernel.run('mount', KERNEL, path, where)
        if done.returncode:
            assert done.returncode == 69 and b'the kernel cannot serve this mount' in done.stderr, (
                name, done.stderr)
            continue
        served += 1
        check_view(where, made)
        kernel.umount(where)
    assert served >= 12, served
    figure(served=served)


@pytest.mark.parametrize('align', [None, 4096])
def test_sizes(kernel, folder, align):
    """Around what the layout is made of: blocks, extents, chunks, the archive's last block."""
    sizes = [s + d
             for s in (512, 4096, 32768, 65536, 1 << 20)
             for d in (-1, 0, 1)] + [0, 1, 3 << 20, 5000, 100]
    path = os.path.join(folder, 'sizes.ozx')
    content = make(path, sizes, align)
    where = kernel.mount(path, KERNEL)
    check_all(where, content)
    with open(os.path.join(where, 'c/14'), 'rb') as file:
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
            assert view[:] == content['c/14']
    kernel.umount(where)
    assert kernel.nothing_left()


@pytest.mark.parametrize('size', range(8192 - 300, 8192 + 300, 37))
def test_archive_ends_anywhere(kernel, folder, size):
    """The last entry before, across and behind the archive's last block: it is served by parts from
    two files."""
    path = os.path.join(folder, 'tail.ozx')
    content = make(path, [size, 10])
    where = kernel.mount(path, KERNEL)
    check_all(where, content)
    kernel.umount(where)


def test_without_entries(kernel, folder):
    path = os.path.join(folder, 'none.ozx')
    zipfile.ZipFile(path, 'w').close()
    os.chmod(path, 0o644)
    where = kernel.mount(path, KERNEL)
    assert os.listdir(where) == []
    kernel.umount(where)


def test_many_names(kernel, folder):
    """Directories of more than a block, names that sort below the dot, and as long as can be."""
    path = os.path.join(folder, 'names.ozx')
    names = ['-', '!', '%', '.a', '..b', '...', 'x' * 255, 'ä' * 120
             ] + ['n%05d' % i for i in range(5000)]
    with zipfile.ZipFile(path, 'w') as out:
        for name in names:
            out.writestr(zipfile.ZipInfo('d/' + name), name)
    os.chmod(path, 0o644)
    where = kernel.mount(path, KERNEL)
    assert sorted(os.listdir(where + '/d')) == sorted(names)
    for name in names:
        assert open(os.path.join(where, 'd', name), 'rb').read() == name.encode()
    for missing in ('n', 'n05000', '-a', 'zz', ' '):
        assert not os.path.exists(os.path.join(where, 'd', missing))
    kernel.umount(where)


def test_headers_in_any_order(kernel, folder):
    """Thousands of local headers, which several threads read and check, in another order than that
    of the names. Of two that are wrong it is the first in the file that is told."""
    path = os.path.join(folder, 'order.ozx')
    names = ['c/%d' % (i * 7919 % 9973) for i in range(9973)]
    with zipfile.ZipFile(path, 'w') as out:
        for number, name in enumerate(names):
            out.writestr(zipfile.ZipInfo(name), name * (number % 50))
        starts = [entry.header_offset for entry in out.infolist()]
    os.chmod(path, 0o644)
    where = kernel.mount(path, KERNEL)
    for number, name in list(enumerate(names))[::9]:
        with open(os.path.join(where, name), 'rb') as file:
            assert file.read() == name.encode() * (number % 50)
    kernel.umount(where)
    with open(path, 'r+b') as file:
        for number in (9000, 5017):
            file.seek(starts[number] + 30)
            file.write(b'd')
    for _ in range(3):
        done = kernel.run('mount', KERNEL, path, kernel.directory('m'))
        assert done.returncode == 69 and b"'%s'" % names[5017].encode() in done.stderr, done.stderr
        assert b'the local header has another name' in done.stderr


@pytest.mark.parametrize('more', range(0, 60, 9))
def test_root_of_nearly_a_block(kernel, folder, more):
    """A directory that only fits a block of its own: its inode moves there, the root's too."""
    path = os.path.join(folder, 'root.ozx')
    names = ['n%027d' % i for i in range(99)] + ['m' * (40 + more)]
    with zipfile.ZipFile(path, 'w') as out:
        for name in names:
            out.writestr(zipfile.ZipInfo(name), name)
    os.chmod(path, 0o644)
    where = kernel.mount(path, KERNEL)
    check_all(where, {name: name.encode() for name in names})
    kernel.umount(where)


def test_image_is_small(kernel, folder, figure):
    """At most 90 bytes for each file and directory of many: -v says it."""
    path, count = os.path.join(folder, 'many.ozx'), 20_000
    make(path, [16] * count)
    where = kernel.directory()
    done = kernel.run('mount', '-v', KERNEL, path, where)
    found = re.search(rb'(\d+) files and directories by an image of (\d+) bytes', done.stderr)
    assert done.returncode == 0 and int(found[1]) == count + 2, done.stderr
    assert int(found[2]) <= 90 * count
    figure(bytes_of_node=round(int(found[2]) / count))
    kernel.umount(where)


def test_attributes(kernel, image):
    """Modes, owners, source, times and blocks are what FUSE shows."""
    def view(*options):
        where = kernel.mount(image, *options)
        found = {}
        for folder, folders, files in os.walk(where):
            for name in folders + files:
                st = os.lstat(os.path.join(folder, name))
                found[os.path.relpath(os.path.join(folder, name),
                                      where)] = (st.st_mode, st.st_nlink, st.st_uid,
                                                 st.st_gid, st.st_size if name in files else 0,
                                                 st.st_blocks if name in files else 0,
                                                 int(st.st_mtime))
        mount = mount_of(where)
        found['source'], found['options'] = mount['source'], {
            b'ro', b'nosuid', b'nodev', b'noexec'
        } - set(mount['options'])
        kernel.umount(where)
        return found

    for options in ('allow_other', 'allow_other,uid=70000,gid=5,umask=027,noexec', 'fsname=a name',
                    'subdir=s0'):
        assert view('-o', options) == view(KERNEL, '-o', options)


def test_only_the_mounter(kernel, image):
    where = kernel.mount(image, KERNEL)
    done = subprocess.run(['setpriv', '--reuid', '65534', '--clear-groups', 'ls', where],
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0 and b'Permission' in done.stderr
    kernel.umount(where)


def test_compressed(kernel, folder):
    """A few bytes of compressed entries are decompressed once; more of them are FUSE's."""
    path = os.path.join(folder, 'deflated.ozx')
    content = make(path, [100, 70000, 5, 0, 4096], compress=(0, 1, 3))
    where = kernel.mount(path, KERNEL)
    check_all(where, content)
    kernel.umount(where)
    make(path, [10 << 20, 7 << 20], compress=(0, 1))
    done = kernel.run('mount', KERNEL, path, kernel.directory())
    assert done.returncode == 69 and b'compressed' in done.stderr


def test_ends(kernel, image, image_view):
    """By umount(8), by a signal, in use or not; copies in other namespaces are watched over until
    they are gone."""
    where = kernel.mount(image, KERNEL)
    subprocess.run(['umount', where], check=True)
    assert kernel.nothing_left()
    where = kernel.mount(image, KERNEL)
    os.kill(kernel.daemons()[0], signal.SIGTERM)
    assert kernel.nothing_left()
    where = kernel.mount(image, KERNEL)
    holder = subprocess.Popen(['unshare', '-m', 'sleep', '60'])
    time.sleep(0.3)
    done = kernel.run('umount', where)
    assert done.returncode == 0 and b'another mount namespace' in done.stderr
    assert len(kernel.processes()) == 2
    holder.kill()
    holder.wait()
    assert kernel.nothing_left()
    process, where = kernel.foreground(image, KERNEL)
    check_view(where, image_view)
    handle = os.open(where, os.O_RDONLY)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    os.close(handle)
    assert kernel.nothing_left()


@pytest.mark.parametrize('options, reason', [('xattr', b'xattr'), ('io_uring', b'io_uring'),
                                             ('serve_as=nobody', b'serve_as')])
def test_options_of_fuse(kernel, image, options, reason):
    if options.startswith('serve_as') and SANITIZED:
        pytest.skip('built without the sandbox')
    check_fallback(kernel, image, ['-o', options], reason)


def check_fallback(kernel, path, more, reason):
    """backend=auto serves by FUSE and says why with -v, in one line; backend=kernel fails with that
    line."""
    where = kernel.directory()
    done = kernel.run('mount', KERNEL, *more, path, where)
    lines = done.stderr.splitlines()
    assert done.returncode == 69 and len(lines) == 1 and reason in lines[0], done.stderr
    assert b'the kernel cannot serve this mount: ' in lines[0]
    assert kernel.nothing_left()
    done = kernel.run('mount', '-v', '-obackend=auto', *more, path, where)
    assert done.returncode == 0, done.stderr
    assert mount_of(where)['type'] == b'fuse.ozxfs'
    assert len([
        line for line in done.stderr.splitlines()
        if b'the kernel cannot serve this mount: ' in line and reason in line
    ]) == 1
    kernel.umount(where)
    assert kernel.nothing_left()


def test_open_for_writing(kernel, image):
    with open(image, 'r+b'):
        check_fallback(kernel, image, [], b'open for writing')


def test_unreadable_entry(kernel, archives):
    names = [r.name for r in RECIPES.values() if r.id == 'local' and r.mount == 'EIO']
    for name in names[:3]:
        check_fallback(kernel, archives(name)[0], [], b'entry ')


def test_user_namespace(kernel, image):
    done = subprocess.run([
        'unshare', '--user', '--map-root-user', '--mount', kernel.binary, 'mount', KERNEL, image,
        kernel.directory()
    ], stderr=subprocess.PIPE, env=kernel.environment, check=False)
    assert done.returncode in (69, 77) and done.stderr.count(b'\n') == 1, done.stderr
    assert kernel.nothing_left()


def test_usage(ozxfs, image):
    done = ozxfs.run('mount', '-obackend=none', image, ozxfs.directory())
    assert done.returncode == 64 and b'backend' in done.stderr
