# SPDX-License-Identifier: BSD-2-Clause
"""unpack: the tree is the archive's, it appears whole or not at all, and nothing else is touched.
"""
import errno
import os
import platform
import resource
import shutil
import signal
import subprocess
import time
import zipfile

import pytest

from kit.trees import (
    OPENAT2, OZXFS, RENAMEAT2, left_beside, make_tree, mtimes, ok, run, tree, without)

ON_X86 = pytest.mark.skipif(platform.machine() != 'x86_64', reason='system call numbers of x86_64')


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    """(directory, archive)"""
    base = tmp_path_factory.mktemp('image')
    directory = make_tree(base / 'd')
    ok('pack', directory, base / 'a.ozx')
    return directory, base / 'a.ozx'


# --- faithful -------------------------------------------------------------------------------------

@pytest.mark.parametrize('zone', ['Asia/Tokyo', 'America/St_Johns'])
@pytest.mark.parametrize('jobs', [1, 8])
def test_round_trip(image, tmp_path, zone, jobs):
    """unpack(pack(d)) = d and pack(unpack(a)) = a."""
    directory, archive = image
    environment = {**os.environ, 'TZ': zone}
    done = ok('unpack', '-j', jobs, archive, tmp_path / 'u', env=environment)
    assert done.stdout == done.stderr == ''
    assert tree(tmp_path / 'u') == tree(directory)
    assert mtimes(tmp_path / 'u') == mtimes(directory)
    ok('pack', tmp_path / 'u', tmp_path / 'b.ozx', env={**os.environ, 'TZ': 'Pacific/Apia'})
    assert (tmp_path / 'b.ozx').read_bytes() == archive.read_bytes()
    assert left_beside(tmp_path) == []


@pytest.mark.parametrize(
    'mtime', [-5, 0, 315532799, 315532801, 2**31 - 1, 2**31, 2_500_000_001, 4_354_819_199, 2**33])
def test_round_trip_of_times(tmp_path, mtime):
    """A time that the archive's fields cannot hold is clamped by pack; from then on it stays what
    it is."""
    directory = make_tree(tmp_path / 'd', 1)
    os.utime(directory / 'a0', (mtime, mtime))
    os.utime(directory / 'nothing', (mtime, mtime))
    ok('pack', directory, tmp_path / 'a.ozx')
    ok('unpack', tmp_path / 'a.ozx', tmp_path / 'u')
    ok('pack', tmp_path / 'u', tmp_path / 'b.ozx')
    assert (tmp_path / 'b.ozx').read_bytes() == (tmp_path / 'a.ozx').read_bytes()
    if -2 ** 31 <= mtime < 2 ** 31:
        assert mtimes(tmp_path / 'u') == mtimes(directory)


def test_aligned_and_pipe(image, tmp_path):
    directory, _ = image
    for n, align in enumerate((1, 4096)):
        with open(tmp_path / f'{n}.ozx', 'wb') as out:
            subprocess.run(
                [OZXFS, 'pack', '--align', str(align), directory, '-'], stdout=out, check=True)
        ok('unpack', tmp_path / f'{n}.ozx', tmp_path / f'u{n}')
        assert tree(tmp_path / f'u{n}') == tree(directory)


def test_holes(image, tmp_path):
    directory, archive = image
    ok('unpack', archive, tmp_path / 'u')
    for name, most in (('zeros', 0), ('ends in zeros', 8), ('starts with zeros', 16)):
        st = (tmp_path / 'u' / name).stat()
        assert st.st_size == (directory / name).stat().st_size
        assert st.st_blocks * 512 <= max(most * 4096, 4096 * 8), name


def test_compressed_by_others(image, tmp_path):
    directory, _ = image
    with zipfile.ZipFile(tmp_path / 'z.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.rglob('*')):
            archive.write(path, path.relative_to(directory))
    ok('unpack', tmp_path / 'z.zip', tmp_path / 'u')
    assert tree(tmp_path / 'u') == tree(directory)


def test_paths(image, tmp_path):
    directory, archive = image
    ok('unpack', archive, tmp_path / 'u', 's0/c/3', '/zarr.json', 'deep/', 'käse/ß')
    whole = tree(directory)
    wanted = {
        p: whole[p]
        for p in whole
        if p.startswith(b's0/c/3/') or p in (b's0', b's0/c', b's0/c/3', b'zarr.json')
    }
    wanted.update({
        p: whole[p]
        for p in map(str.encode, ('deep', 'deep/er', 'deep/er/nothing', 'käse', 'käse/ß'))
    })
    assert tree(tmp_path / 'u') == wanted
    ok('unpack', archive, tmp_path / 'all', '/')
    assert tree(tmp_path / 'all') == whole


def test_paths_not_there(image, tmp_path):
    done = run('unpack', image[1], tmp_path / 'u', 'zarr.json', 'nope', 's0/zarr.json/', 'no\npe')
    assert done.returncode == 66
    assert len(done.stderr.splitlines()) == 3 and "'no\\npe'" in done.stderr
    assert os.listdir(tmp_path) == []


def test_subdir(image, tmp_path):
    directory, archive = image
    ok('unpack', '--subdir', 's0', archive, tmp_path / 'u')
    assert tree(tmp_path / 'u') == tree(directory / 's0')
    ok('unpack', '--subdir', 's0/c', archive, tmp_path / 'v', '1/2')
    assert list(tree(tmp_path / 'v')) == [b'1', b'1/2']
    assert run('unpack', '--subdir', 'nope', archive, tmp_path / 'w').returncode == 66


def test_deep_and_wide(tmp_path):
    deep = '/'.join(['d'] * 2000) + '/f'
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr(deep, b'bottom')
        for i in range(5000):
            archive.writestr(f'wide/{i}', b'%d' % i)
    ok('unpack', '-q', '--no-sync', tmp_path / 'a.zip', tmp_path / 'u')
    assert len(os.listdir(tmp_path / 'u/wide')) == 5000
    assert subprocess.run(['find', tmp_path / 'u', '-name', 'f', '-size', '6c'],
                          capture_output=True).stdout.count(b'\n') == 1
    with zipfile.ZipFile(tmp_path / 'a.zip', 'a') as archive:
        archive.writestr('zarr.json', b'{}')
    ok('unpack', '-q', '--no-sync', tmp_path / 'a.zip', tmp_path / 'v', 'zarr.json', deep)
    # the old, deep tree is removed
    ok('unpack', '-qf', '--no-sync', tmp_path / 'a.zip', tmp_path / 'v')
    assert left_beside(tmp_path) == []
    subprocess.run(['rm', '-rf', tmp_path / 'u', tmp_path / 'v'], check=True)


# --- the target -----------------------------------------------------------------------------------

def test_target_exists(image, tmp_path):
    archive = image[1]
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full/mine').write_text('x')
    (tmp_path / 'file').write_text('x')
    (tmp_path / 'link').symlink_to('elsewhere')
    (tmp_path / 'elsewhere').mkdir()
    for name in ('full', 'file', 'link', 'full/', '.', '..', 'full/.', 'nope/u', ''):
        for force in ([], ['--force']):
            done = run('unpack', *force, archive,
                       os.path.join(tmp_path, name) if name else '', cwd=tmp_path / 'full')
            assert done.returncode == 73 and len(done.stderr.splitlines()) == 1, (name, done.stderr)
    assert os.listdir(tmp_path / 'full') == ['mine'] and os.listdir(tmp_path / 'elsewhere') == []
    assert left_beside(tmp_path) == []


def test_target_empty(image, tmp_path):
    directory, archive = image
    (tmp_path / 'u').mkdir(mode=0o700)
    ok('unpack', archive, str(tmp_path / 'u') + '//')
    assert tree(
        tmp_path / 'u') == tree(directory) and (tmp_path / 'u').stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize('umask', [0o022, 0o077])
def test_modes(image, tmp_path, umask):
    ok('unpack', image[1], tmp_path / 'u', umask=umask)
    for path in (tmp_path / 'u', tmp_path / 'u/s0', tmp_path / 'u/nothing'):
        assert path.stat().st_mode & 0o7777 == 0o777 & ~umask
    assert (tmp_path / 'u/zarr.json').stat().st_mode & 0o7777 == 0o666 & ~umask


def test_force(image, tmp_path):
    """The old tree is exchanged and removed, links in it are not followed."""
    directory, archive = image
    old, outside = tmp_path / 'u', tmp_path / 'outside'
    outside.mkdir()
    (outside / 'precious').write_text('x')
    make_tree(old, 2, seed=7)
    (old / 'link').symlink_to(outside)
    (old / 's0/file link').symlink_to(outside / 'precious')
    os.mkfifo(old / 'fifo')
    old.chmod(0o750)
    ok('unpack', '--force', archive, old)
    assert tree(old) == tree(directory) and old.stat().st_mode & 0o7777 == 0o750
    assert (outside / 'precious').exists() and left_beside(tmp_path) == []


def test_force_wants_an_image(image, tmp_path):
    for name, make in (('other', lambda p: (p / 'thesis.tex').write_text('x')),
                       ('linked', lambda p: (p / 'zarr.json').symlink_to('/dev/null')),
                       ('below', lambda p:
                        (p / 'x').mkdir() or (p / 'x/zarr.json').write_text('{}')),
                       ('folder', lambda p: (p / 'zarr.json').mkdir())):
        (tmp_path / name).mkdir()
        make(tmp_path / name)
        before = os.listdir(tmp_path / name)
        done = run('unpack', '--force', image[1], tmp_path / name)
        assert done.returncode == 73 and 'no zarr.json' in done.stderr
        assert os.listdir(tmp_path / name) == before
    assert left_beside(tmp_path) == []


def test_force_spares_the_archive(image, tmp_path):
    old = make_tree(tmp_path / 'u', 1)
    (old / 'sub').mkdir()
    for place in ('a.ozx', 'sub/a.ozx'):
        (old / place).write_bytes(image[1].read_bytes())
        (tmp_path / 'link.ozx').unlink(missing_ok=True)
        (tmp_path / 'link.ozx').symlink_to(old / place)
        for path in (old / place, tmp_path / 'link.ozx'):
            done = run('unpack', '-f', path, old)
            assert done.returncode == 73 and 'holds the archive' in done.stderr
        assert (old / place).exists()


def test_failure_keeps_the_old_tree(image, tmp_path):
    old = make_tree(tmp_path / 'u', 2, seed=9)
    before = tree(old)
    data = bytearray(image[1].read_bytes())
    data[len(data) // 2] ^= 1  # in 'large'
    (tmp_path / 'bad.ozx').write_bytes(data)
    done = run('unpack', '-f', tmp_path / 'bad.ozx', old)
    assert done.returncode == 2 and '(crc, at byte' in done.stderr and "'large'" in done.stderr
    assert tree(old) == before and left_beside(tmp_path) == []


# --- a file system or kernel that lacks something -------------------------------------------------

@ON_X86
@pytest.mark.parametrize('error', [errno.ENOSYS, errno.EPERM])
def test_without_openat2(image, tmp_path, error):
    directory, archive = image
    ok('unpack', archive, tmp_path / 'u', preexec_fn=without(OPENAT2, error))
    assert tree(tmp_path / 'u') == tree(directory) and mtimes(tmp_path / 'u') == mtimes(directory)


@ON_X86
@pytest.mark.parametrize('error', [errno.ENOSYS, errno.EINVAL])
def test_without_renameat2(image, tmp_path, error):
    """A plain rename over an empty directory does; a tree cannot be replaced in one step, and is
    not."""
    directory, archive = image
    lacking = dict(preexec_fn=without(RENAMEAT2, error))
    ok('unpack', archive, tmp_path / 'u', **lacking)
    assert tree(tmp_path / 'u') == tree(directory)
    done = run('unpack', '-f', archive, tmp_path / 'u', **lacking)
    assert done.returncode == 74 and 'cannot be replaced atomically' in done.stderr
    assert tree(tmp_path / 'u') == tree(directory) and left_beside(tmp_path) == []


def test_file_size_limit(image, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 ** 20, 2 ** 20))
    done = run('unpack', image[1], tmp_path / 'u', preexec_fn=limit)
    assert done.returncode == 74 and len(
        done.stderr.splitlines()) == 1 and os.listdir(tmp_path) == []


def test_few_descriptors(image, tmp_path):
    """It unpacks, or says what is short and leaves nothing behind: to remove things takes
    descriptors, too."""
    done = 0
    for limit in range(4, 10):
        def lower(limit=limit):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        target = tmp_path / str(limit)
        ended = run('unpack', '-j', '1', image[1], target, preexec_fn=lower)
        done += ended.returncode == 0
        assert os.listdir(tmp_path) == ([target.name]
                                        if ended.returncode == 0 else []), (limit, ended.stderr)
        if ended.returncode == 0:
            shutil.rmtree(target)
    assert done


@pytest.mark.skipif(os.geteuid() != 0, reason='mounts a tmpfs')
def test_disk_full(image, tmp_path):
    small = tmp_path / 'small'
    small.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small],
                      capture_output=True).returncode:
        pytest.skip('cannot mount a tmpfs')
    try:
        old = small / 'u'
        old.mkdir()
        (old / 'zarr.json').write_text('{}')
        for force in ([], ['-f']):
            target = old if force else small / 'new'
            done = run('unpack', *force, image[1], target)
            assert done.returncode == 74 and 'free some space' in done.stderr, done.stderr
            assert tree(small) == {b'u': None, b'u/zarr.json': b'{}'}
    finally:
        subprocess.run(['umount', small], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason='drops privileges')
def test_no_permission(image, tmp_path):
    os.chmod(tmp_path, 0o755)
    for folder in list(tmp_path.parents)[:3] + list(image[1].parents)[:3]:
        os.chmod(folder, os.stat(folder).st_mode | 0o055)
    done = run('unpack', image[1], tmp_path / 'u', user=65534, group=65534)
    assert done.returncode == 77 and os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason='mounts a file system')
@pytest.mark.parametrize('kind', ['btrfs', 'xfs'])
def test_shared_blocks(image, tmp_path, kind):
    """Aligned data is shared with the archive where the file system can, and right all the same."""
    disk, mounted = tmp_path / 'disk', tmp_path / 'mounted'
    mounted.mkdir()
    disk.touch()
    os.truncate(disk, 2 ** 30)
    if not shutil.which(f'mkfs.{kind}') or subprocess.run([f'mkfs.{kind}', '-q', disk],
                                                          capture_output=True).returncode:
        pytest.skip(f'no mkfs.{kind}')
    if subprocess.run(['mount', '-o', 'loop', disk, mounted], capture_output=True).returncode:
        pytest.skip('cannot mount it')
    try:
        ok('pack', '--align', 4096, image[0], mounted / 'a.ozx')
        said = ok('unpack', '-v', mounted / 'a.ozx', mounted / 'u').stderr
        assert '16.0 MiB shared with the archive' in said \
            or '17.0 MiB shared with the archive' in said, said
        assert tree(mounted / 'u') == tree(image[0])
        data = bytearray((mounted / 'a.ozx').read_bytes())
        data[len(data) // 2] ^= 1  # in 'large': the CRC is asked of shared blocks, too
        (mounted / 'a.ozx').write_bytes(data)
        assert run('unpack', mounted / 'a.ozx', mounted / 'v').returncode == 2
    finally:
        subprocess.run(['umount', mounted], check=True)


# --- interrupted ----------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def slow(tmp_path_factory):
    """An archive that takes a while."""
    base = tmp_path_factory.mktemp('slow')
    with zipfile.ZipFile(base / 'a.ozx', 'w') as archive:
        archive.writestr('zarr.json', b'{}')
        for i in range(30_000):
            archive.writestr(f'c/{i // 200}/{i % 200}', b'%d' % i)
    return base / 'a.ozx'


@pytest.mark.parametrize(
    'number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU])
def test_signal(slow, tmp_path, number):
    old = tmp_path / 'u'
    old.mkdir()
    (old / 'zarr.json').write_text('old')
    with subprocess.Popen([OZXFS, 'unpack', '-qf', '-j', '1', slow, old], stderr=subprocess.PIPE,
                          text=True) as process:
        deadline = time.monotonic() + 20
        while not left_beside(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    if process.returncode == 0:
        pytest.skip('it was faster')
    assert process.returncode == 75 and 'interrupted' in said
    assert tree(old) == {b'zarr.json': b'old'} and os.listdir(tmp_path) == ['u']


def test_kill(slow, tmp_path):
    """The target is the old tree or the new one, whenever the process dies."""
    old = tmp_path / 'u'
    old.mkdir()
    (old / 'zarr.json').write_text('old')
    for delay in (0.01, 0.05, 0.1, 0.2, 0.4, 0.8):
        with subprocess.Popen([OZXFS, 'unpack', '-qf', '--no-sync', slow, old]) as process:
            time.sleep(delay)
            process.kill()
        seen = (old / 'zarr.json').read_bytes()
        assert seen == b'old' and os.listdir(old) == ['zarr.json'] or seen == b'{}' and len(
            os.listdir(old / 'c')) == 150
    ok('unpack', '-qf', '--no-sync', slow, old)  # leftovers are in nobody's way
    assert all(name.endswith('.partial') for name in left_beside(tmp_path))


def test_archive_changes(image, tmp_path):
    """A write to the archive while it is read ends the work."""
    big = tmp_path / 'a.zip'
    with zipfile.ZipFile(big, 'w') as archive:
        for i in range(20_000):
            archive.writestr(f'c/{i}', bytes(100))
    with subprocess.Popen([OZXFS, 'unpack', '-q', '-j', '1', big, tmp_path / 'u'],
                          stderr=subprocess.PIPE, text=True) as process:
        while not any(os.listdir(tmp_path / name)
                      for name in left_beside(tmp_path)) and process.poll() is None:
            time.sleep(0.001)
        os.utime(big)
        said = process.communicate(timeout=60)[1]
    if process.returncode == 0:
        pytest.skip('it was faster')
    assert process.returncode == 74 and 'changed while' in said and os.listdir(tmp_path) == [
        'a.zip'
    ]


# --- the command line -----------------------------------------------------------------------------

def test_usage(image, tmp_path):
    for arguments in ([], [image[1]], ['--nope', image[1], 'u'], ['-j', '0', image[1],
                                                                  'u'], ['-j', 'x', image[1],
                                                                         'u'], ['--subdir']):
        done = run('unpack', *arguments, cwd=tmp_path)
        assert done.returncode == 64 and len(done.stderr.splitlines()) == 1
    assert 'Usage: ozxfs unpack' in ok('unpack', '--help').stdout
    assert run('unpack', tmp_path / 'nope.ozx', tmp_path / 'u').returncode == 66
    assert os.listdir(tmp_path) == []


def test_summary_and_warnings(image, tmp_path):
    said = ok('unpack', '-v', image[1], tmp_path / 'u').stderr
    assert '157 files' in said and 'all CRCs correct' in said and 'holes' in said
    with zipfile.ZipFile(tmp_path / 'plain.zip', 'w') as archive:
        archive.writestr('x', b'1')
    assert 'no-root' in ok('unpack', tmp_path / 'plain.zip', tmp_path / 'v').stderr
    assert ok('unpack', '-q', tmp_path / 'plain.zip', tmp_path / 'w').stderr == ''
