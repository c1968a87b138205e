# SPDX-License-Identifier: BSD-2-Clause
"""A mounted tree behaves as a read-only directory of a POSIX system: directory streams, reads of
every kind, attributes, refusals of writes, and the tools that people copy and compare with."""
import concurrent.futures
import errno
import hashlib
import mmap
import os
import random
import stat
import subprocess
import time

import pytest
from corpus.recipe import Zip, image, served
from corpus.zipforge import TIMESTAMP_ID, Entry, extra_field
from kit.harness import check_view
from kit.libc import DT_DIR, DT_REG, Directory

MTIME_ARCHIVE, MTIME_DOS = 1_700_000_000, 1714979290


def make(folder, made, name='made.ozx'):
    path = os.path.join(folder, name)
    made.write(path)
    return path


def tool(*command, **options):
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, **options)
    assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
    return done.stdout


def write_view(made, folder):
    """The view as plain files."""
    for path in made.directories():
        os.makedirs(os.path.join(os.fsencode(folder), path), exist_ok=True)
    for path, content in made.view.items():
        if content is not None:
            with open(os.path.join(os.fsencode(folder), path), 'wb') as out:
                out.write(content)


@pytest.fixture
def mounted(ozxfs, image):
    return ozxfs.mount(image)


@pytest.fixture
def flat(ozxfs, archives):
    """100,000 files in one directory."""
    path, made = archives('large_flat')
    return os.path.join(ozxfs.mount(path), 'flat'), made


# --- directories ----------------------------------------------------------------------------------

def test_readdir_of_100000(flat):
    folder, made = flat
    with Directory(folder) as listing:
        seen = list(iter(listing.read, None))
    names = [name for name, _, _ in seen]
    assert len(names) == len(set(names)) == 100_002
    assert {b'flat/' + n
            for n in names
            if n not in (b'.', b'..')} == {p
                                           for p in made.view
                                           if p.startswith(b'flat/')}
    assert all(kind == (DT_DIR if name in (b'.', b'..') else DT_REG) for name, _, kind in seen)
    for name, inode, _ in random.Random(1).sample(seen, 200):
        if name != b'..':
            assert os.stat(os.path.join(os.fsencode(folder), name)).st_ino == inode


def test_seekdir_and_telldir_over_100000(flat):
    with Directory(flat[0]) as listing:
        places = []
        while True:
            place, entry = listing.tell(), listing.read()
            if entry is None:
                break
            places.append((place, entry))
        assert len({place for place, _ in places}) == len(places), 'two entries at one position'
        chosen = random.Random(2).sample(range(len(places)), 300) + [0, 1, 2, len(places) - 1]
        for index in chosen:
            listing.seek(places[index][0])
            assert [
                listing.read() for _ in range(3)
            ] == [e for _, e in places[index:index + 3]] + [None] * max(0, index + 3 - len(places))
        listing.rewind()
        assert listing.read() == places[0][1]


def test_two_streams_do_not_mix(flat):
    with Directory(flat[0]) as one, Directory(flat[0]) as other:
        first = [one.read() for _ in range(500)]
        assert [other.read() for _ in range(500)] == first
        assert one.read() != first[0]


def test_dots_have_the_right_inodes(mounted):
    with Directory(os.path.join(mounted, 's0/c')) as listing:
        found = {name: inode for name, inode, _ in iter(listing.read, None)}
    assert found[b'.'] == os.stat(mounted + '/s0/c').st_ino
    assert found[b'..'] == os.stat(mounted + '/s0').st_ino


def test_link_counts(ozxfs, folder):
    path = make(
        folder,
        served(
            image(Entry(b'd/a/x', b''), Entry(b'd/b/', b''), Entry(b'd/c/', b''),
                  Entry(b'd/file', b''))))
    where = ozxfs.mount(path)
    assert os.stat(where).st_nlink == 2 + 2  # d, s0
    assert os.stat(where + '/d').st_nlink == 2 + 3
    assert os.stat(where + '/d/b').st_nlink == 2
    assert os.stat(where + '/d/file').st_nlink == 1
    assert tool('find', where, '-type', 'd', '-empty').split() == sorted(
        [os.fsencode(where) + b'/d/b', os.fsencode(where) + b'/d/c'])


# --- attributes -----------------------------------------------------------------------------------

def test_modes_owner_sizes_and_blocks(mounted, image_view):
    for path, content in image_view.view.items():
        st = os.stat(os.path.join(os.fsencode(mounted), path))
        assert stat.S_IFMT(st.st_mode) == stat.S_IFREG and stat.S_IMODE(st.st_mode) == 0o444
        assert (st.st_uid, st.st_gid) == (os.geteuid(), os.getegid())
        assert st.st_size == len(content)
        assert (st.st_size + 511) // 512 <= st.st_blocks <= (st.st_size + 4095) // 4096 * 8
    for path in [b''] + sorted(image_view.directories()):
        st = os.stat(os.path.join(os.fsencode(mounted), path))
        assert st.st_mode == stat.S_IFDIR | 0o555


def test_du_is_right(ozxfs, archives, need):
    need('du')
    path, made = archives('compressed_random')
    where = ozxfs.mount(path)
    total = sum(len(c) for c in made.view.values() if c is not None)
    apparent = int(tool('du', '-sb', '--apparent-size', where).split()[0])
    assert total <= apparent <= total + 4096 * (1 + len(made.directories()))
    assert total <= int(tool('du', '-s', '-B1',
                             where).split()[0]) <= apparent + 4096 * (len(made.view) + 4)


def test_statfs(ozxfs, image, image_view):
    st = os.statvfs(ozxfs.mount(image))
    assert st.f_files == 1 + len(image_view.view) + len(image_view.directories())
    assert st.f_ffree == st.f_favail == st.f_bfree == st.f_bavail == 0
    assert st.f_namemax == 255
    assert st.f_blocks * st.f_frsize >= sum(map(len, image_view.view.values()))
    assert st.f_flag & os.ST_RDONLY and st.f_flag & os.ST_NOSUID and st.f_flag & os.ST_NODEV


def test_inodes_are_distinct_and_stable_over_two_mounts(ozxfs, archives):
    def inodes():
        where = ozxfs.mount(archives('json_first_lie_many')[0])
        found = {
            os.path.relpath(p, where): os.lstat(p).st_ino
            for d, ds, fs in os.walk(where)
            for p in [d] + [os.path.join(d, f) for f in fs]
        }
        ozxfs.umount(where)
        return found
    first, second = inodes(), inodes()
    assert first == second and len(set(first.values())) == len(first) > 150


def test_mtimes(ozxfs, folder):
    """Extended timestamp, else DOS time read as UTC, else the archive's own."""
    # noqa: E731
    stamp = lambda seconds: extra_field(TIMESTAMP_ID, b'\1' +
                                        (seconds & 0xFFFFFFFF).to_bytes(4, 'little'))
    no_dos = {'time': 0, 'date': 0}
    entries = [(b'extended', stamp(1234567890), {}, 1234567890),
               (b'before_1970', stamp(-86400), {}, -86400), (b'extended_zero', stamp(0), {}, 0),
               (b'dos', b'', {}, MTIME_DOS), (b'dos_1980', b'', {'time': 0,
                                                                 'date': 0x21}, 315532800),
               (b'dos_2107', b'', {'time': 0xBF7D, 'date': 127 << 9 | 12 << 5 | 31}, 4354819198),
               (b'access_time_only', extra_field(TIMESTAMP_ID, b'\2' + bytes(4)), {}, MTIME_DOS),
               (b'dos_zero', b'', no_dos, MTIME_ARCHIVE),
               (b'dos_month_15', b'', {'date': 44 << 9 | 15 << 5 | 1}, MTIME_ARCHIVE),
               (b'dos_hour_31', b'', {'time': 0xF800}, MTIME_ARCHIVE),
               (b'directory/', stamp(1111111111), {}, 1111111111),
               (b'directory/x', stamp(5), {}, 5)]
    path = make(folder,
                served(image(*(Entry(n, b'', extra=x, central=dict(c)) for n, x, c, _ in entries))))
    where = ozxfs.mount(path, env=dict(ozxfs.environment, TZ='Pacific/Kiritimati'))
    for name, _, _, mtime in entries:
        assert os.stat(os.path.join(os.fsencode(where), name)).st_mtime == mtime, name
    assert os.stat(where + '/s0').st_mtime == MTIME_ARCHIVE  # implied
    assert os.stat(where).st_mtime == MTIME_ARCHIVE


def test_dos_seconds_of_60_and_more_are_no_time(ozxfs, folder):
    path = make(folder, served(image(Entry(b'x', b'', central={'time': 30}))))
    assert os.stat(ozxfs.mount(path) + '/x').st_mtime == MTIME_ARCHIVE


# --- reads ----------------------------------------------------------------------------------------

def test_mmap(ozxfs, archives):
    path, made = archives('compressed_random')
    where = ozxfs.mount(path)
    with open(where + '/x', 'rb') as source, mmap.mmap(source.fileno(), 0,
                                                       prot=mmap.PROT_READ) as mapped:
        assert mapped[:] == made.view[b'x']
    with open(where + '/behind', 'rb') as source, mmap.mmap(source.fileno(), 0, prot=mmap.PROT_READ,
                                                            flags=mmap.MAP_PRIVATE) as mapped:
        assert mapped[:] == b'still readable'


def test_direct_io(ozxfs, archives):
    path, made = archives('leading_100000')
    where, data = ozxfs.mount(path), made.view[b's0/c/0/1']
    handle = os.open(where + '/s0/c/0/1', os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 8192)  # aligned
    try:
        assert os.preadv(handle, [buffer], 0) == len(data) and buffer[:len(data)] == data
        assert os.preadv(handle, [buffer], 4096) == 0
    finally:
        os.close(handle)


def test_direct_io_of_a_large_file(ozxfs, archives):
    path, made = archives('changed_touch')
    handle = os.open(ozxfs.mount(path) + '/big', os.O_RDONLY | os.O_DIRECT)
    buffer, data = mmap.mmap(-1, 1 << 20), made.view[b'big']
    try:
        for offset in (0, 4096, (2 << 20) + 512 * 8, len(data) - 4096):
            got = os.preadv(handle, [buffer], offset)
            assert buffer[:got] == data[offset:offset +
                                        (1 << 20)] and got == min(1 << 20,
                                                                  len(data) - offset)
    finally:
        os.close(handle)


def test_reads_at_and_behind_the_end(mounted, image_view):
    data = image_view.view[b'zarr.json']
    handle = os.open(mounted + '/zarr.json', os.O_RDONLY)
    try:
        assert os.pread(handle, 10, len(data) - 3) == data[-3:]
        for offset in (len(data), len(data) + 1, 4096, 1 << 40, (1 << 63) - 100):
            assert os.pread(handle, 10, offset) == b''
        assert os.read(handle, 1 << 20) == data and os.read(handle, 10) == b''
        assert os.pread(handle, 0, 0) == b''
        parts = [bytearray(5), bytearray(7), bytearray(1000)]
        assert os.preadv(handle, parts,
                         1) == len(data) - 1 and b''.join(parts)[:len(data) - 1] == data[1:]
    finally:
        os.close(handle)


def test_seek_hole_and_data(mounted, image_view):
    size = len(image_view.view[b'zarr.json'])
    handle = os.open(mounted + '/zarr.json', os.O_RDONLY)
    try:
        assert os.lseek(handle, 0, os.SEEK_END) == size
        assert os.lseek(handle, 0, os.SEEK_DATA) == 0 and os.lseek(handle, 5, os.SEEK_DATA) == 5
        assert os.lseek(handle, 0, os.SEEK_HOLE) == size and os.lseek(handle, size - 1,
                                                                      os.SEEK_HOLE) == size
        for whence in (os.SEEK_DATA, os.SEEK_HOLE):
            with pytest.raises(OSError) as error:
                os.lseek(handle, size, whence)
            assert error.value.errno == errno.ENXIO
    finally:
        os.close(handle)


def test_copies_in_the_kernel(ozxfs, archives, folder):
    path, made = archives('changed_touch')
    where, data = ozxfs.mount(path), made.view[b'big']
    source, target = os.open(where + '/big', os.O_RDONLY), os.open(folder + '/copy',
                                                                   os.O_RDWR | os.O_CREAT)
    try:
        sent = 0
        while sent < len(data):
            sent += os.sendfile(target, source, sent, len(data) - sent)
        assert os.pread(target, len(data), 0) == data
        os.posix_fadvise(source, 0, 0, os.POSIX_FADV_WILLNEED)
        os.posix_fadvise(source, 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(source, 100, 1 << 20) == data[1 << 20:(1 << 20) + 100]
    finally:
        os.close(source)
        os.close(target)


@pytest.mark.parametrize(
    'name', ['compressed_random', 'compressed_deflate', 'compressed_bzip2', 'changed_touch'])
def test_random_reads_from_many_threads(ozxfs, archives, name):
    """Fresh pages each time: DONTNEED in between sends the reads to the daemon."""
    path, made = archives(name)
    where = ozxfs.mount(path)
    file = b'big' if b'big' in made.view else b'x'
    data, handle = made.view[file], os.open(os.path.join(os.fsencode(where), file), os.O_RDONLY)

    def reader(seed):
        dice = random.Random(seed)
        for i in range(25):
            offset, size = dice.randrange(len(data)), dice.choice((1, 100, 4096, 70_000))
            assert os.pread(handle, size, offset) == data[offset:offset + size]
            if i % 5 == 0:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        return True
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert all(pool.map(reader, range(16)))
    finally:
        os.close(handle)


def test_64_readers(ozxfs, archives):
    path, made = archives('large_65536_entries')
    where = os.fsencode(ozxfs.mount(path))
    paths = [p for p in made.view if p != b'zarr.json']

    def digest(seed):
        for p in random.Random(seed).sample(paths, 40):
            with open(os.path.join(where, p), 'rb') as source:
                assert hashlib.sha256(source.read()).digest() == hashlib.sha256(
                    made.view[p]).digest()
        return True
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert all(pool.map(digest, range(64)))


def test_missing_names(mounted):
    for _ in range(3):
        for name in ('.zgroup', '.zattrs', '.zmetadata', 's0/c/9/9', 's0/.zarray', 'zarr.jsoN',
                     'n' * 255, 's0/\u00e9'):
            with pytest.raises(FileNotFoundError):
                os.stat(os.path.join(mounted, name))
    with pytest.raises(NotADirectoryError):
        os.stat(mounted + '/zarr.json/x')


def test_name_longer_than_namemax(mounted):
    """statfs says 255; longer names are no names, as on a disk."""
    with pytest.raises(OSError) as error:
        os.stat(os.path.join(mounted, 'n' * 256))
    assert error.value.errno == errno.ENAMETOOLONG


# --- writes ---------------------------------------------------------------------------------------

WRITES = {
    'open O_WRONLY': lambda m: os.open(m + '/zarr.json', os.O_WRONLY),
    'open O_RDWR': lambda m: os.open(m + '/zarr.json', os.O_RDWR),
    'open O_TRUNC': lambda m: os.open(m + '/zarr.json', os.O_RDWR | os.O_TRUNC),
    'open O_APPEND': lambda m: os.open(m + '/zarr.json', os.O_WRONLY | os.O_APPEND),
    'open O_CREAT': lambda m: os.open(m + '/new', os.O_WRONLY | os.O_CREAT, 0o644),
    'open O_TMPFILE': lambda m: os.open(m, os.O_RDWR | os.O_TMPFILE, 0o600),
    'mkdir': lambda m: os.mkdir(m + '/new'),
    'rmdir': lambda m: os.rmdir(m + '/s0'),
    'unlink': lambda m: os.unlink(m + '/zarr.json'),
    'rename': lambda m: os.rename(m + '/zarr.json', m + '/other'),
    'rename over': lambda m: os.rename(m + '/zarr.json', m + '/s0/zarr.json'),
    'link': lambda m: os.link(m + '/zarr.json', m + '/other'),
    'symlink': lambda m: os.symlink('zarr.json', m + '/other'),
    'mknod': lambda m: os.mknod(m + '/new', stat.S_IFREG | 0o644),
    'mkfifo': lambda m: os.mkfifo(m + '/new'),
    'chmod': lambda m: os.chmod(m + '/zarr.json', 0o600),
    'chmod root': lambda m: os.chmod(m, 0o700),
    'chown': lambda m: os.chown(m + '/zarr.json', 0, 0),
    'utime': lambda m: os.utime(m + '/zarr.json'),
    'utime to': lambda m: os.utime(m + '/zarr.json', (1, 1)),
    'truncate': lambda m: os.truncate(m + '/zarr.json', 0),
    'setxattr': lambda m: os.setxattr(m + '/zarr.json', 'user.x', b'1'),
    'removexattr': lambda m: os.removexattr(m + '/zarr.json', 'user.x'),
    'setxattr root': lambda m: os.setxattr(m, 'user.x', b'1'),
}


@pytest.mark.parametrize('call', WRITES)
def test_every_write_is_erofs(mounted, image_view, call):
    with pytest.raises(OSError) as error:
        WRITES[call](mounted)
    assert error.value.errno == errno.EROFS
    check_view(mounted, image_view)


def test_access(mounted):
    assert os.access(mounted + '/zarr.json', os.R_OK) and os.access(mounted + '/s0',
                                                                    os.R_OK | os.X_OK)
    assert not os.access(mounted + '/zarr.json', os.W_OK) and not os.access(
        mounted + '/zarr.json', os.X_OK)
    assert not os.access(mounted, os.W_OK)


def test_no_second_writer_by_mmap(mounted):
    with open(mounted + '/zarr.json', 'rb') as source, pytest.raises(OSError) as error:
        mmap.mmap(source.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    assert error.value.errno in (errno.EACCES, errno.EROFS)


# --- tools ----------------------------------------------------------------------------------------

@pytest.fixture
def busy(ozxfs, archives, folder):
    """(mount point, plain directory with the same content) of an image with all sorts of entries.
    """
    made = served(
        Zip(image().entries + [
            Entry(b'empty/', mode=0o40755),
            Entry(b'zero', b''),
            Entry(b'big', os.urandom(3 << 20)),
            Entry(b'packed', b'row\n' * 100_000, method=8),
            Entry('größe'.encode(), b'umlaut'),
            Entry(b' sp ace ', b'x')
        ]))
    plain = os.path.join(folder, 'plain')
    os.mkdir(plain)
    write_view(made, plain)
    where = ozxfs.mount(make(folder, made))
    return where, plain


def test_diff(busy):
    tool('diff', '-r', *busy)


def test_cp_archive(busy, folder):
    where, plain = busy
    tool('cp', '-a', where, folder + '/copy')
    tool('diff', '-r', folder + '/copy', plain)
    assert os.stat(folder + '/copy/zero').st_mtime == MTIME_DOS
    assert stat.S_IMODE(os.stat(folder + '/copy/zarr.json').st_mode) == 0o444
    tool('chmod', '-R', 'u+w', folder + '/copy')


def test_rsync_checksum(busy, folder, need):
    need('rsync')
    where, plain = busy
    assert tool('rsync', '-rc', '--dry-run', '--itemize-changes', '--delete', where + '/',
                plain + '/') == b''
    tool('rsync', '-a', where + '/', folder + '/copy')
    assert tool('rsync', '-ac', '--dry-run', '--itemize-changes', '--delete', where + '/',
                folder + '/copy/') == b''


def test_tar(busy, folder):
    where, plain = busy
    os.mkdir(folder + '/untarred')
    tool('sh', '-c', 'tar -C "$1" -cf - . | tar -C "$2" -xf - --no-same-permissions', 'sh', where,
         folder + '/untarred')
    tool('diff', '-r', folder + '/untarred', plain)


def test_find(busy):
    where, plain = busy
    # noqa: E731
    listing = lambda top: sorted(
        tool('find', top, '-mindepth', '1', '-printf', '%P %y\\0').split(b'\0'))
    assert listing(where) == listing(plain)
    # noqa: E731
    sizes = lambda top: sorted(tool('find', top, '-type', 'f', '-printf', '%P %s\\0').split(b'\0'))
    assert sizes(where) == sizes(plain)


def test_many_open_files(ozxfs, archives):
    """Files stay readable while others come and go, and after unlinking nothing is to be done."""
    path, made = archives('large_65536_entries')
    where, names = os.fsencode(ozxfs.mount(path)), [p for p in made.view][:500]
    handles = [os.open(os.path.join(where, n), os.O_RDONLY) for n in names]
    try:
        for handle, name in reversed(list(zip(handles, names))):
            assert os.pread(handle, 1 << 20, 0) == made.view[name]
    finally:
        for handle in handles:
            os.close(handle)


def test_a_walk_over_100000_is_quick(flat):
    """With readdirplus this is well below a second; without caching it takes minutes."""
    start = time.monotonic()
    with os.scandir(flat[0]) as listing:
        total = sum(entry.stat().st_size for entry in listing)
    assert total == sum(len(c) for p, c in flat[1].view.items() if p.startswith(b'flat/'))
    assert time.monotonic() - start < 20
