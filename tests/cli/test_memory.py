# SPDX-License-Identifier: BSD-2-Clause
"""Memory follows what was read, never what it claims or how it is written: metadata that would take
jansson a hundred bytes for each of theirs, and many entries. The peak is the process's own, asked
of wait4 by an interpreter that has touched nothing."""
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

import pytest

OZXFS = os.environ.get('OZXFS', 'ozxfs')
MIB = 1 << 20
LARGEST = 64 << 20  # of one zarr.json
LONG = os.environ.get('OZXFS_LONG') == '1'
LONG = os.environ.get('OZXFS_LONG') == '1'
SIZES = (MIB // 4, MIB, 5 * MIB, LARGEST - 256) if LONG else (MIB, LARGEST - 256)
pytestmark = pytest.mark.skipif(
    os.environ.get('OZXFS_SANITIZED') == '1', reason="a sanitizer's memory is not ozxfs's")

WATCH = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                     file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024)
"""


ROOT = b'{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5"}}}'
ARRAY = b"""{"zarr_format":3,"node_type":"array","shape":[%d,%d],"data_type":"uint8","fill_value":0,
"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[1,8]}},
"chunk_key_encoding":{"name":"default"},"codecs":[{"name":"bytes"}],"attributes":{}}"""


def run(*arguments):
    """(exit code, peak in bytes, stderr). Without meson's MALLOC_PERTURB_, which writes to all
    memory that is only reserved."""
    done = subprocess.run([sys.executable, '-S', '-c', WATCH, OZXFS, *map(str, arguments)],
                          capture_output=True, text=True, timeout=120,
                          env={k: v
                               for k, v in os.environ.items()
                               if k != 'MALLOC_PERTURB_'})
    return (*map(int, done.stdout.split()), done.stderr)


def stored(path, entries, first_is_last=False):
    """A ZIP of stored entries, none of them in memory longer than it is written."""
    directory = []
    with open(path, 'wb') as out:
        for name, data in entries:
            crc, at = zlib.crc32(data), out.tell()
            fixed = struct.pack('<HHHHHIIIHH', 20, 0x800, 0, 0, 33, crc, len(data), len(data),
                                len(name), 0)
            out.write(b'PK\3\4' + fixed + name + data)
            directory.append(b'PK\1\2\x14\0' + fixed + struct.pack('<HHHII', 0, 0, 0, 0, at) + name)
        if first_is_last:
            directory.append(directory.pop(0))
        at = out.tell()
        size = sum(map(len, directory))
        out.writelines(directory)
        end = out.tell()
        out.write(
            b'PK\6\6' +
            struct.pack('<QHHIIQQQQ', 44, 45, 45, 0, 0, len(directory), len(directory), size, at))
        out.write(b'PK\6\7' + struct.pack('<IQI', 0, end, 1))
        out.write(b'PK\5\6' +
                  struct.pack('<HHHHIIH', 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    return path


GROUP = b'{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5",'


def repeated(head, unit, tail, size):
    return head + unit * ((size - len(head)) // len(unit)) + tail


# As large as a zarr.json may be, and around the bounds of zarr/json.h.
METADATA = {
    'objects': (b'[', b'{},', b'1]'),
    'lists': (b'[', b'[],', b'1]'),
    'nested': (b'[', b'[[[[1]]]],', b'1]'),
    'numbers': (b'[', b'1,', b'1]'),
    'literals': (b'[', b'true,', b'1]'),
    'texts': (b'[', b'"a",', b'1]'),
    'text': (b'{"a":"', b'x', b'"}'),
    'key': (b'{"', b'x', b'":0}'),
    'members': (b'[', b'{"a":0},', b'1]'),
    'blanks': (b'{', b' ', b'}'),
    'labels': (GROUP + b'"labels":[', b'"a",', b'"a"]}}}'),
    'wells': (GROUP + b'"plate":{"wells":[', b'{"path":"A/1"},', b'{}]}}}}'),
    'multiscales': (GROUP + b'"multiscales":[', b'{},', b'{}]}}}'),
    'series': (GROUP + b'"series":[', b'"1",', b'"1"]}}}'),
    'consolidated': (b'{"consolidated_metadata":{"metadata":{', b'"":{},', b'"":{}}}}'),
    'consolidated_one': (b'{"consolidated_metadata":{"metadata":{"":[', b'{},', b'1]}}}'),
    'deep': (b'', b'[', b''),
    'open': (b'', b'{"":', b''),
}


@pytest.mark.parametrize('shape', METADATA)
def test_metadata(tmp_path, shape):
    """Of the largest, the short form tries two verbs with each shape: all of them in turn."""
    turn = list(METADATA).index(shape)
    for size in SIZES:
        text = repeated(*METADATA[shape], size)
        archive = stored(tmp_path / 'x.ozx', [(b'zarr.json', text)])
        tree = tmp_path / 'tree'
        tree.mkdir(exist_ok=True)
        (tree / 'zarr.json').write_bytes(text)
        commands = [['info', archive], ['info', '--json', archive], ['verify', archive],
                    ['pack', '-fq', '--ome-version', '0.5', tree, tmp_path / 'o.ozx'],
                    ['repack', '-fq', archive, tmp_path / 'o.ozx']]
        if size > MIB and not LONG:
            commands = [commands[turn % 5], commands[(turn + 2) % 5]]
        for command in commands:
            code, peak, said = run(*command)
            assert code in (0, 1, 2), (command[0], said)
            assert peak <= 64 * MIB + 2.5 * len(text), (command[0], size, peak // MIB)
            assert code != 2 or command[0] == 'verify' or len(said.splitlines()) in (1, 2), said


def test_several_nodes(tmp_path):
    """What info keeps of each node adds up."""
    text = repeated(*METADATA['labels'], MIB)
    archive = stored(tmp_path / 'x.ozx',
                     [(b'%szarr.json' % n, text) for n in (b'', *(b'%d/' % i for i in range(100)))])
    for verb in ('info', 'verify'):
        code, peak, said = run(verb, archive)
        assert code in (0, 1, 2), said
        assert peak <= 64 * MIB + 2.5 * 101 * len(text), (verb, peak // MIB)


def test_many_entries(tmp_path):
    """650,000 entries in less than 64 MiB, whatever the order of the directory."""
    entries = [(b'zarr.json', ROOT)] + [(b's0/c/%d/%d' % divmod(i, 1000), b'')
                                         for i in range(650_000)]
    archive = stored(tmp_path / 'x.ozx', entries)
    for options in ([], ['--quick'], ['-j', '1']):
        code, peak, said = run('verify', '-q', *options, archive)
        assert code in (0, 1, 2) and peak < 64 * MIB, (options, peak // MIB, said)
    # a change has neither directory in memory
    code, peak, said = run('edit', archive, '/', 'attributes.x=1')
    assert code == 0 and peak < 64 * MIB, (peak // MIB, said)
    (tmp_path / 'tree').mkdir()
    (tmp_path / 'tree/zarr.json').write_bytes(ROOT)
    code, peak, said = run('add', '-q', archive, tmp_path / 'tree', 'a')
    assert code == 0 and peak < 80 * MIB, (peak // MIB, said)


@pytest.mark.parametrize('order', ['file', 'other'])
def test_opening(order, tmp_path):
    """About 36 bytes an entry while an archive is opened, if they come in the order of the file."""
    count = 400_000
    entries = [(b'zarr.json', ROOT)] + [(b's0/c/%d/%d' % divmod(i, 1000), b'')
                                         for i in range(count)]
    archive = stored(tmp_path / 'x.ozx', entries, order == 'other')
    code, peak, said = run('ls', archive)
    assert code == 0 and peak < 12 * MIB + count * (38 if order == 'file' else 88), (peak, said)


@pytest.mark.parametrize('count', [1_000_000 if LONG else 250_000])
def test_repack(count, tmp_path):
    """44 bytes a chunk: the tree that is read, and the plan; then the tree that was written."""
    entries = [(b'zarr.json', ROOT), (b's0/zarr.json', ARRAY % (count // 1000, 8000))]
    entries += [(b's0/c/%d/%d' % divmod(i, 1000), b'%08d' % i) for i in range(count)]
    archive = stored(tmp_path / 'x.ozx', entries)
    code, peak, said = run('repack', '-q', '-j', '2', archive, tmp_path / 'out.ozx')
    assert code == 0 and peak < 6 * MIB + count * 44, (peak, said)


@pytest.mark.parametrize('count', [1_000_000 if LONG else 250_000])
def test_shards(count, tmp_path):
    """A million chunks into shards: 40 MiB, of which the archive's tree takes 32."""
    array = ARRAY % (count // 1000, 8000)
    entries = [(b'zarr.json', ROOT), (b's0/zarr.json', array)]
    entries += [(b's0/c/%d/%d' % divmod(i, 1000), b'%08d' % i) for i in range(count)]
    archive = stored(tmp_path / 'x.ozx', entries)
    code, peak, said = run('repack', '-q', '-j', '2', '--shard', archive, tmp_path / 'out.ozx')
    assert code == 0 and peak < 6 * MIB + count * 36, (peak, said)
    with zipfile.ZipFile(tmp_path / 'out.ozx') as opened:
        # of the first shard the first chunks, in its own order
        data = opened.read('s0/c/0/0')
        assert len(opened.namelist()) < 20_000 and data[:8] == b'00000000'


@pytest.mark.parametrize('count', [1_000_000 if LONG else 250_000])
def test_shards_of_flat_chunks(count, tmp_path):
    """Of Zarr v2, 0.0 in place of 0/0, in the order of numbers, so not of names: the array's
    directory is sorted in parts, and its names are not held twice. 48 MiB of 1,000,000."""
    array = (b'{"zarr_format":2,"shape":[%d,1000],"chunks":[1,1],"dtype":"|u1","compressor":null,'
             b'"fill_value":0,"filters":null,"order":"C"}' % (count // 1000))
    entries = [(b'.zarray', array)] + [(b'%d.%d' % divmod(i, 1000), b'%d' % (i % 10))
                                       for i in range(count)]
    archive = stored(tmp_path / 'x.zarr.zip', entries)
    code, peak, said = run('repack', '-q', '-j', '2', '--convert', '--shard', '--ome-version',
                           '0.5', archive, tmp_path / 'out.ozx')
    assert code == 0 and peak < 6 * MIB + count * 44, (peak, said)
    with zipfile.ZipFile(tmp_path / 'out.ozx') as opened:
        assert len(opened.namelist()) < 1000
        assert opened.read('c/0/0')[:12] == b'012345678901'


def test_add(tmp_path):
    """Of a tree that is added what its plan takes, and no header of the central directory."""
    count = 400_000 if LONG else 60_000
    tree = tmp_path / 'tree'
    for i in range(count):
        if i % 1000 == 0:
            (tree / f'c/{i // 1000}').mkdir(parents=True)
        os.close(os.open(f'{tree}/c/{i // 1000}/{i % 1000}', os.O_CREAT | os.O_WRONLY))
    (tree / 'zarr.json').write_bytes(ARRAY % (count // 1000, 8000))
    archive = stored(tmp_path / 'x.ozx', [(b'zarr.json', ROOT)])
    code, peak, said = run('add', '-q', '-j', '2', archive, tree, 'a')
    assert code == 0 and peak < 8 * MIB + count * 40, (peak, said)
    with zipfile.ZipFile(archive) as opened:
        assert len(opened.namelist()) == count + 2


def sparse(path, end):
    """Two stored entries, the second a hole that ends at that offset."""
    def header(name, size, at, extra):
        sizes = (0xFFFFFFFF,) * 2 if extra else (size,) * 2
        fixed = struct.pack('<HHHHHIIIHH', 45, 0x800, 0, 0, 33, zlib.crc32(ROOT) * (not extra),
                            *sizes, len(name), len(extra))
        return (b'PK\3\4' + fixed + name + extra,
                b'PK\1\2\x2d\0' + fixed + struct.pack('<HHHII', 0, 0, 0, 0, at) + name + extra)

    at = len(header(b'zarr.json', len(ROOT), 0, b'')[0]) + len(ROOT)
    hole = end - at - len(header(b'hole', 0, at, bytes(20))[0])
    first = header(b'zarr.json', len(ROOT), 0, b'')
    second = header(b'hole', hole, at, struct.pack('<HHQQ', 1, 16, hole, hole))
    with open(path, 'wb') as out:
        out.write(first[0] + ROOT + second[0])
        out.truncate(end)
        out.seek(end)
        out.write(first[1] + second[1])
        size = len(first[1] + second[1])
        out.write(struct.pack('<IQHHIIQQQQ', 0x06064b50, 44, 45, 45, 0, 0, 2, 2, size, end)
                  + struct.pack('<IIQI', 0x07064b50, 0, end + size, 1)
                  + struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, 2, 2, size, 0xFFFFFFFF, 0))
    return hole


@pytest.mark.parametrize('end', [2**48 - 2**21, 2**48])
def test_256_tib(end):
    """A node of the tree has 48 bits for an offset and for a size: that is enough, or refused."""
    with tempfile.TemporaryDirectory(prefix='ozxfs-', dir='/dev/shm') as shm:
        hole = sparse(f'{shm}/x.ozx', end)
        done = subprocess.run([OZXFS, 'ls', '-l', f'{shm}/x.ozx'], capture_output=True, text=True)
    if end == 2**48:
        assert done.returncode == 2 and 'beyond the first 256 TiB' in done.stderr, done
    else:
        assert done.returncode == 0 and str(hole) in done.stdout, done
