# SPDX-License-Identifier: BSD-2-Clause
"""What 16 and 32 bits cannot hold, and how much memory it takes."""
import os
import shutil
import subprocess
import sys
import zipfile

import checker
import pytest
from conftest import ARRAY, LONG, OZXFS, ome, pack, run, write

MIB = 1 << 20
SANITIZED = os.environ.get('OZXFS_SANITIZED') == '1'

# A process's peak starts with that of the one that made it: a small one makes it.
MEASURE = '''
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
'''


def peak_kib(*args):
    """Packs; the largest resident set of that process. Without meson's MALLOC_PERTURB_, which
    writes to all memory that is only reserved."""
    done = subprocess.run(
        [sys.executable, '-S', '-E', '-c', MEASURE,
         shutil.which(OZXFS), 'pack', *map(str, args)], capture_output=True, text=True, timeout=900,
        env={k: v for k, v in os.environ.items() if k != 'MALLOC_PERTURB_'})
    code, peak = done.stdout.split()
    assert code == '0', done.stderr
    return int(peak)


def many(root, count, size=0):
    write(root,
          {'zarr.json': ome(), 's0/zarr.json': dict(ARRAY, codecs=[dict(name='sharding_indexed')])})
    blob = os.urandom(size + count)
    for i in range(count):
        if i % 1000 == 0:
            os.makedirs(f'{root}/s0/c/{i // 1000}')
        with open(f'{root}/s0/c/{i // 1000}/{i % 1000}', 'wb') as f:
            f.write(blob[i:i + size])
    return root


def test_more_entries_than_16_bits(shm):
    root = many(shm / 'in', 65600)
    out = shm / 'o.ozx'
    pack(root, out, lines=0, timeout=600)
    assert len(checker.check_tree(out, root)['entries']) == 65602
    with zipfile.ZipFile(out) as z:
        assert len(z.namelist()) == 65602


@pytest.mark.parametrize('count', (65533, 65534, 65535, 65536))
def test_around_16_bits(shm, count):
    """The numbers that are sentinels elsewhere."""
    root = many(shm / 'in', count - 2)
    out = shm / 'o.ozx'
    pack(root, out, lines=0, timeout=600)
    assert len(checker.check(out, crc=False)['entries']) == count
    with zipfile.ZipFile(out) as z:
        assert len(z.namelist()) == count


def test_100000_files(shm):
    """Right to the byte, mounted as well, in 32 MiB."""
    root = many(shm / 'in', 100000, 4096)
    out = shm / 'o.ozx'
    peak = peak_kib(root, out)
    assert SANITIZED or peak <= 32 * 1024
    checker.check_tree(out, root)
    if os.environ.get('OZXFS_HAVE_MOUNT') == '1' and os.path.exists('/dev/fuse'):
        mount = shm / 'mnt'
        mount.mkdir()
        assert run('mount', out, mount).returncode == 0
        try:
            subprocess.run(['diff', '-r', root, mount], check=True, timeout=600)
        finally:
            assert run('umount', mount).returncode == 0


def test_memory_by_entries(shm):
    """100 bytes an entry and 8 MiB, in one flat directory of long-ish names."""
    count = 400000 if LONG else 150000
    root = write(
        shm / 'in',
        {'zarr.json': ome(), 'c/zarr.json': dict(ARRAY, codecs=[dict(name='sharding_indexed')])})
    for i in range(count):
        os.close(os.open(f'{root}/c/{i:07d}.{i % 977}', os.O_CREAT | os.O_WRONLY))
    peak = peak_kib(root, shm / 'o.ozx')
    assert SANITIZED or peak * 1024 <= 8 * MIB + 100 * count, peak
    assert len(checker.check(shm / 'o.ozx', crc=False)['entries']) == count + 2


def flat_v2(root, count):
    """An image of Zarr v2 of as many chunks, ten thousands, all in one directory."""
    axes = [dict(name=name, type='space') for name in 'zyx']
    scale = dict(type='scale', scale=[1, 1, 1])
    levels = [dict(path='0', coordinateTransformations=[scale])]
    write(root, {
        '.zgroup': dict(zarr_format=2),
        '.zattrs': dict(multiscales=[dict(version='0.4', axes=axes, datasets=levels)]),
        '0/.zarray': dict(zarr_format=2, shape=[count // 10000, 100, 100], chunks=[1, 1, 1],
                          dtype='|u1', compressor=None, fill_value=0, order='C', filters=None)})
    for i in range(count):
        with open(f'{root}/0/{i // 10000}.{i // 100 % 100}.{i % 100}', 'wb') as f:
            f.write(b'%c' % (i % 251 + 1))
    return root


def test_memory_of_chunks_that_are_converted(shm):
    """Of Zarr v2 whose chunks lie in one directory, as files and in shards: 48 bytes for each
    (OZXFS_LONG=1: of 1,000,000, in 48 MiB)."""
    count = 1000000 if LONG else 10000 if SANITIZED else 100000
    flat_v2(shm / 'empty', 0)
    flat_v2(shm / 'in', count)
    for options in (['--convert'], ['--convert', '--shard']):
        least = peak_kib('-f', *options, shm / 'empty', shm / 'e.ozx')
        peak = peak_kib('-f', *options, shm / 'in', shm / 'o.ozx')
        assert SANITIZED or peak <= least + count * 48 // 1024, (options, least, peak)
        assert SANITIZED or peak <= 48 << 10, (options, peak)
        entries = {e['text']: e for e in checker.check(shm / 'o.ozx', crc=False)['entries']}
        data = sum(e['size'] for name, e in entries.items() if not name.endswith('zarr.json'))
        if '--shard' in options:
            assert len(entries) <= 2 + count // 5000 and data >= 17 * count
        else:
            assert len(entries) == 2 + count and data == count


def sparse(path, size, marks):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as f:
        f.truncate(size)
        for at, data in marks.items():
            f.seek(at)
            f.write(data)


def test_more_than_32_bits(shm):
    """One file of more than 4 GiB and another behind it, so that sizes and offsets need 64 bits."""
    if shutil.disk_usage(shm).free < 10 << 30:
        pytest.skip('needs 10 GiB of memory')
    root = write(shm / 'in', {'zarr.json': ome(), 'z': b'behind'})
    size = (4 << 30) + 12345
    sparse(root / 'shard', size, {0: b'start', (2 << 30) - 3: b'middle', size - 3: b'end'})
    out = shm / 'o.ozx'
    peak = peak_kib(root, out)
    assert SANITIZED or peak <= 32 * 1024
    entries = {e['text']: e for e in checker.check(out)['entries']}
    assert entries['shard']['size'] == size and entries['z']['offset'] > 1 << 32
    with zipfile.ZipFile(out) as z:
        assert z.read('z') == b'behind'
    if shutil.which('unzip'):
        subprocess.run(['unzip', '-tq', out, 'z'], check=True, timeout=600)
    with open(out, 'rb') as f:
        subprocess.run(
            ['cmp', '-n',
             str(size), '-i', f"{entries['shard']['data']}:0", out, root / 'shard'], check=True)
    # As a stream, compared on the way.
    with subprocess.Popen([OZXFS, 'pack', root, '-'], stdout=subprocess.PIPE) as p:
        subprocess.run(['cmp', '-', out], stdin=p.stdout, check=True, timeout=600)
        p.stdout.close()
    assert p.returncode == 0


@pytest.mark.parametrize('offset', (0xFFFFFFFE, 0xFFFFFFFF, 0x100000000))
@pytest.mark.skipif(not LONG, reason='4 GiB each: OZXFS_LONG=1')
def test_around_32_bits(shm, offset):
    """The directory's offset is the last that the end record can hold, the sentinel itself, and one
    more."""
    if shutil.disk_usage(shm).free < 10 << 30:
        pytest.skip('needs 10 GiB of memory')
    root = write(shm / 'in', {'zarr.json': ome(), 'shard': b''})
    out = shm / 'o.ozx'
    pack(root, out)
    with open(out, 'rb') as f:
        whole = f.read()
    sparse(root / 'shard', offset - checker.read_tail(whole)[0], {0: b'start'})
    pack(root, out, '-f', timeout=600)
    assert checker.check(out)['directory_offset'] == offset
    with zipfile.ZipFile(out) as z:
        assert z.namelist() == ['zarr.json', 'shard'] and z.open('shard').read(5) == b'start'
    assert run('verify', '--quick', out).returncode == 0


def test_too_large_for_anything(shm):
    """Sparse files whose sizes add up to more than a file can have: refused before anything is
    written."""
    root = write(shm / 'in', {'zarr.json': ome()})
    try:
        for i in range(3):
            sparse(root / str(i), (1 << 62) + 1, {})
    except OSError:
        pytest.skip('this file system cannot hold such a file')
    done = run('pack', root, shm / 'o.ozx')
    assert done.returncode != 0 and len(done.stderr.splitlines()) == 1
    assert not (shm / 'o.ozx').exists()
