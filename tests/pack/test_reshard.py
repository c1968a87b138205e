# SPDX-License-Identifier: BSD-2-Clause
"""pack --shard and repack --shard of arrays that are sharded already, without any Zarr library: the
shards that come of their chunks, what is refused, damage, memory."""
import itertools
import json
import math
import os
import random
import signal
import struct
import subprocess
import zipfile
from array import array as packed

import pytest
from conftest import ARRAY, FAULTS, LONG, OZXFS, ome, pack, run, write
from test_chunks import BROKEN, GOOD, GONE, INDEX, indexed, sharded, tree_of, unpack
from test_large import SANITIZED, peak_kib
from test_shard import ABSENT, array, crc32c, files_of, refused, rewrite, shard

TREE = {'zarr.json': ome(), 's0/zarr.json': sharded(), 's0/c/0/0': GOOD}


def along(shape, chunks):
    return [-(-size // chunk) for size, chunk in zip(shape, chunks)]


def shard_of(chunks, location='end', order='<', has_sum=True):
    """Any that a reader takes: in any order, with a gap in front; None is an absent chunk."""
    size = 16 * len(chunks) + 4 * has_sum
    start = size if location == 'start' else 0
    data, records = b'gap', [(ABSENT, ABSENT)] * len(chunks)
    for at in random.sample(range(len(chunks)), len(chunks)):
        if chunks[at] is not None:
            records[at] = (start + len(data), len(chunks[at]))
            data += chunks[at]
    index = b''.join(struct.pack(order + 'QQ', *record) for record in records)
    index += struct.pack('<I', crc32c(index)) if has_sum else b''
    return index + data if location == 'start' else data + index


def trees(shape, chunks, shards, every, location='end', order='<', has_sum=True):
    """The same array without shards, and with them; one chunk of `every` is there, and some beyond
    the edge are, too."""
    random.seed(repr((shape, chunks, shards)))
    grid, factors = along(shape, chunks), [s // c for s, c in zip(shards, chunks)]
    index = [dict(name='bytes', configuration=dict(endian={'<': 'little', '>': 'big'}[order]))]
    metadata = sharded(chunks, shards, shape, index=index + INDEX[1:] * has_sum,
                       index_location=location)
    plain = {'zarr.json': ome(), 's0/zarr.json': array(shape, chunks)}
    made = {'zarr.json': ome(), 's0/zarr.json': metadata}
    for number, place in enumerate(itertools.product(*map(range, grid))):
        if number % every == 0:
            plain['s0/c/' + '/'.join(map(str, place))] = random.randbytes(number % 7)
    for at in itertools.product(*map(range, along(shape, shards))):
        inner = []
        for place in itertools.product(*map(range, factors)):
            numbers = [a * f + p for a, f, p in zip(at, factors, place)]
            beyond = any(n >= size for n, size in zip(numbers, grid))
            inner.append(b'beyond' if beyond else plain.get('s0/c/' + '/'.join(map(str, numbers))))
        if any(chunk not in (None, b'beyond') for chunk in inner):
            made['s0/c/' + '/'.join(map(str, at))] = shard_of(inner, location, order, has_sum)
    return plain, made


@pytest.mark.parametrize('shape, chunks, shards, others, every, form', [
    ((10, 9), (4, 4), (8, 8), (4, 12), 1, {}),
    ((10, 9), (4, 4), (4, 4), (8, 8), 2, dict(location='start')),
    ((50, 37), (4, 4), (16, 40), (40, 16), 1, dict(location='start', order='>')),
    ((50, 37), (4, 4), (40, 16), (4, 4), 5, dict(has_sum=False)),
    ((9, 7, 5), (2, 3, 1), (4, 3, 2), (2, 6, 5), 2, dict(location='start', has_sum=False)),
    ((9, 7, 5), (2, 3, 1), (2, 3, 5), (100, 100, 100), 3, dict(order='>')),
    ((5000, ), (1, ), (5000, ), (700, ), 19, {}), ((40, ), (1, ), (7, ), (5, ), 29, {})])
def test_as_of_the_chunks(tmp_path, out, shape, chunks, shards, others, every, form):
    """Byte for byte what comes of the array that has those chunks as files: of a directory, of an
    archive, to a stream; and the chunks are the same again."""
    plain, made = trees(shape, chunks, shards, every, **form)
    how = '--shard=' + ','.join(map(str, others)) + (',' if len(others) == 1 else '')
    write(tmp_path / 'plain', plain)
    write(tmp_path / 'in', made)
    pack('-q', how, tmp_path / 'in', out)
    metadata = json.loads(files_of(out)['s0/zarr.json'])
    assert metadata['chunk_grid']['configuration']['chunk_shape'] == [
        min(other, -(-size // chunk) * chunk) for other, size, chunk in zip(others, shape, chunks)
    ]
    if others != chunks:  # of chunks no shards are made with one in each
        pack('-q', how, tmp_path / 'plain', tmp_path / 'wanted.ozx')
        assert files_of(out) == files_of(tmp_path / 'wanted.ozx')
    assert run('pack', '-q', how, tmp_path / 'in', '-').stdout == out.read_bytes()
    pack('-q', tmp_path / 'in', tmp_path / 'before.ozx')
    run('repack', '-q', how, tmp_path / 'before.ozx', tmp_path / 'again.ozx')
    assert files_of(tmp_path / 'again.ozx') == files_of(out)
    assert run('verify', out).returncode in (0, 1)
    unpack(tmp_path / 'before.ozx', tmp_path / 'chunks', '-q')
    unpack(out, tmp_path / 'back', '-q')
    assert tree_of(tmp_path / 'back') == tree_of(tmp_path / 'chunks')
    assert len(tree_of(tmp_path / 'back')) >= math.prod(along(shape, chunks)) // every


@pytest.mark.parametrize('name, separator', [('default', '.'), ('v2', '.'), ('v2', '/')])
def test_keys(tmp_path, out, name, separator):
    key = separator.join if name == 'v2' else lambda numbers: separator.join(('c', *numbers))
    encoding = dict(name=name, configuration=dict(separator=separator))
    tree = {
        'zarr.json': ome(), 's0/more': b'x', 's0/zarr.json': dict(sharded(shape=(16, 8)),
                                                                  chunk_key_encoding=encoding),
        's0/' + key('00'): shard(b'a', None, b'b', None),
        's0/' + key('10'): shard(None, b'c', None, None)
    }
    pack('-q', '--shard=16,4', write(tmp_path / 'in', tree), out)
    files = files_of(out)
    assert set(files) == {'zarr.json', 's0/zarr.json', 's0/more'} | {'s0/' + key('00'),
                                                                     's0/' + key('01')}
    assert files['s0/' + key('00')] == shard(b'a', b'b', None, None)
    assert files['s0/' + key('01')] == shard(None, None, b'c', None)


@pytest.mark.parametrize('how', ['8,8', '8,100', '1M'])
def test_shards_of_that_shape_stay(tmp_path, out, how):
    done = pack(f'--shard={how}', write(tmp_path / 'in', TREE), out)
    assert files_of(out)['s0/c/0/0'] == GOOD and b'stays so' in done.stderr, done.stderr
    assert json.loads(files_of(out)['s0/zarr.json']) == TREE['s0/zarr.json']


def test_one_chunk_in_each(tmp_path, out):
    data = shard(b'a' * 4000, None, None, b'b')
    for how in '4,4', '2K':
        pack('-f', f'--shard={how}', write(tmp_path / 'in', {**TREE, 's0/c/0/0': data}), out)
        files = files_of(out)
        assert files['s0/c/0/0'] == shard(b'a' * 4000) and files['s0/c/1/1'] == shard(b'b')
        assert len(files) == 4


def test_shards_in_shards(tmp_path, out):
    """The outer ones are remade; what is inside stays as it is, also where its codecs differ."""
    inner = [
        dict(
            name='sharding_indexed', configuration=dict(
                chunk_shape=[2, 4], codecs=[dict(name='bytes'), dict(name='gzip')],
                index_codecs=INDEX[:1], index_location='start'))
    ]
    metadata = sharded(index_location='start', index=INDEX[:1])
    metadata['codecs'][0]['configuration']['codecs'] = inner
    data = shard_of([b'no matter what', None, b'b' * 9, b''], 'start', has_sum=False)
    pack('-q', '--shard=4,8',
         write(tmp_path / 'in', {**TREE, 's0/zarr.json': metadata, 's0/c/0/0': data}), out)
    files = files_of(out)
    assert files['s0/c/0/0'] == shard(b'no matter what', None)
    assert files['s0/c/1/0'] == shard(b'b' * 9, b'')
    made = json.loads(files['s0/zarr.json'])
    assert made['codecs'] == [
        dict(
            name='sharding_indexed', configuration=dict(chunk_shape=[4, 4], codecs=inner,
                                                        index_codecs=INDEX, index_location='end'))
    ]


def test_an_array_inside_an_array(tmp_path, out):
    """'a/b' comes before 'a/c'; of one of the two, the files are chunks."""
    for name, kinds in ('1', (sharded(), ARRAY)), ('2', (ARRAY, sharded())):
        tree, wanted = {'zarr.json': ome()}, {}
        for path, metadata in zip(('a', 'a/b'), kinds):
            pieces = [path.encode() + bytes([n]) for n in range(4)]
            files = [shard(*pieces)] if metadata is not ARRAY else pieces
            tree[f'{path}/zarr.json'] = metadata
            tree |= {f'{path}/c/{n // 2}/{n % 2}': data for n, data in enumerate(files)}
            wanted |= {f'{path}/c/{n}/0': shard(*pieces[2 * n:2 * n + 2]) for n in range(2)}
        pack('-q', '-f', '--shard=4,8', write(tmp_path / name, tree), out)
        assert {n: d for n, d in files_of(out).items() if '/c/' in n} == wanted


def test_an_array_of_one_chunk(tmp_path, out):
    """A shape is what it gets; a size is no reason."""
    tree = {**TREE, 's0/zarr.json': sharded(shape=(16, 16)), 's0/c/1/1': shard(b'a', *[None] * 3)}
    del tree['s0/c/0/0']
    pack('--shard=16,16', write(tmp_path / 'in', tree), out)
    assert files_of(out)['s0/c/0/0'] == shard(*[None] * 10, b'a', *[None] * 5)
    pack('-f', '--shard=1M', tmp_path / 'in', out)
    assert files_of(out)['s0/c/1/1'] == tree['s0/c/1/1']


def test_consolidated(tmp_path, out):
    both = dict(
        ome(), consolidated_metadata=dict(kind='inline', must_understand=False,
                                          metadata={'s0': sharded()}))
    pack('--shard=4,8', write(tmp_path / 'in', {**TREE, 'zarr.json': both}), out)
    files = files_of(out)
    own = json.loads(files['s0/zarr.json'])
    assert own['chunk_grid']['configuration']['chunk_shape'] == [4, 8]
    assert json.loads(files['zarr.json'])['consolidated_metadata']['metadata']['s0'] == own
    both['consolidated_metadata']['metadata']['s0'] = ARRAY
    refused(tmp_path / 'not', {**TREE, 'zarr.json': both}, 'consolidated metadata',
            how='--shard=4,8')


REFUSED = {
    'behind': (sharded(behind=[dict(name='crc32c')]), 'not its only codec'),
    'front': (dict(sharded(),
                   codecs=[dict(name='transpose', configuration=dict(order=[1, 0]))] +
                   sharded()['codecs']), 'not its only codec'),
    'index': (sharded(index=[*INDEX, dict(name='crc32c')]), "its shards' index has codecs beside"),
    'too many': (sharded((1, 1), (8192, 4096)), 'more than 16,777,216 chunks'),
    'transformers': (dict(sharded(), storage_transformers=[dict(name='x', configuration={})]),
                     'storage transformers'),
}


@pytest.mark.parametrize('case', sorted(REFUSED))
def test_refused_by_name(tmp_path, out, case):
    metadata, words = REFUSED[case]
    tree = {**TREE, 's0/zarr.json': metadata}
    refused(tmp_path, tree, "array 's0'", words, '--shard=auto, which leaves', how='--shard=4,8')
    pack('-q', '--shard', write(tmp_path / 'in', tree), out, code=None)
    assert files_of(out)['s0/c/0/0'] == GOOD


OVER = {
    'overlap': (BROKEN['overlap'][0], 'inner chunk 0 is not within it'),
    'a part': (indexed((0, 4), GONE, GONE, (2, 6)), 'inner chunks overlap'),
    'a byte': (indexed((0, 4), GONE, GONE, (3, 5)), 'inner chunks overlap'),
    'the same': (indexed((0, 4), GONE, GONE, (0, 4)), 'inner chunks overlap'),
    'the index': (indexed((0, 4), GONE, GONE, (4, 5)), 'inner chunk 3 is not within it'),
}


@pytest.mark.parametrize('case', sorted({**BROKEN, **OVER}))
def test_broken_shards(tmp_path, case):
    data, words = {**BROKEN, **OVER}[case]
    refused(tmp_path, {**TREE, 's0/c/0/0': data}, "shard 's0/c/0/0'", words, how='--shard=4,8')


def test_index_at_the_start_is_no_data(tmp_path):
    data = struct.pack('<8Q', 60, 8, *GONE * 3) + bytes(40)
    metadata = sharded(index=INDEX[:1], index_location='start')
    refused(tmp_path, {**TREE, 's0/zarr.json': metadata, 's0/c/0/0': data},
            'inner chunk 0 is not within it', how='--shard=4,8')


@pytest.mark.parametrize('name, told', [('c/0/1', 'c/0/1'), ('c/1/1', 'c/1'), ('c/1/x', 'c/1'),
                                        ('c/1', 'c/1')])
def test_what_is_in_the_way(tmp_path, name, told):
    """Beyond the grid of the large shards nobody reads it; it would be a small one."""
    refused(tmp_path, {**TREE, f's0/{name}': b'x'}, "'s0'", f"'{told}' stands where a shard",
            how='--shard=4,4')


def test_what_is_no_shard_stays(tmp_path, out):
    more = {'s0/c/9/9': b'outside', 's0/c/x': b'x', 's0/c/0/y/z': b'z', 's0/c.0.0': b'other keys'}
    pack('-q', '--shard=4,8', write(tmp_path / 'in', {**TREE, **more}), out)
    assert {n: d for n, d in files_of(out).items() if n in more} == more


def test_compressed_shards(tmp_path):
    more = {'s0/zarr.json': sharded(shape=(8, 16)), 's0/c/0/1': GOOD}
    tree = write(tmp_path / 'in', {**TREE, **more})
    with zipfile.ZipFile(tmp_path / 'x.ozx', 'w', zipfile.ZIP_DEFLATED) as file:
        for name in 'zarr.json', 's0/zarr.json', 's0/c/0/0', 's0/c/0/1':
            file.write(tree / name, name)
    done = run('repack', '-q', '--shard=4,8', tmp_path / 'x.ozx', tmp_path / 'y.ozx')
    said = done.stderr.decode()
    assert done.returncode == 2 and said.count('\n') == 1 and 'compressed' in said, said
    assert not (tmp_path / 'y.ozx').exists()


@pytest.mark.parametrize('jobs', ['1', '7'])
def test_a_damaged_byte(tmp_path, jobs):
    """Wherever in a shard it is: in a chunk that is read in parts, in one beyond the edge, in a
    gap, in an index without a sum, in a shard of no chunks; the CRC-32 of the archive tells it."""
    big = os.urandom(3_000_001)
    has_chunks = shard_of([b'one', big, b'beyond', b'three'], has_sum=False)
    has_none = shard_of([None, None, b'beyond', None], has_sum=False)
    tree = {
        'zarr.json': ome(), 's0/zarr.json': sharded(shape=(4, 20), index=INDEX[:1]),
        's0/c/0/0': has_chunks, 's0/c/0/1': has_none,
        's0/c/0/2': shard_of([big[::-1], None, None, None], has_sum=False)
    }
    pack('-q', write(tmp_path / 'in', tree), tmp_path / 'x.ozx')
    whole = (tmp_path / 'x.ozx').read_bytes()
    how = ['repack', '-q', '-j', jobs, '--shard=4,20']
    assert run(*how, tmp_path / 'x.ozx', tmp_path / 'good.ozx').returncode == 0
    places = {
        's0/c/0/0': [whole.index(big) + 2_999_999, whole.index(has_chunks) + 1],
        's0/c/0/1': [whole.index(has_none) + 3, whole.index(has_none) + len(has_none) - 64 + 40],
        's0/c/0/2': [whole.index(big[::-1])]
    }
    for name, offsets in places.items():
        for at in offsets:
            data = bytearray(whole)
            data[at] ^= 1
            (tmp_path / 'bad.ozx').write_bytes(data)
            done = run(*how, tmp_path / 'bad.ozx', tmp_path / 'not.ozx')
            assert done.returncode == 2 and name.encode() in done.stderr, (name, at, done.stderr)
            assert not (tmp_path / 'not.ozx').exists()


@pytest.mark.skipif(not FAULTS, reason='the preloaded faults are built by meson')
def test_change_while_packed(tmp_path, out):
    """After its index was read."""
    tree = {**TREE, 's0/zarr.json': sharded(shape=(16, 16)), 's0/c/1/1': GOOD,
            'big.bin': bytes(3_000_000)}
    root = write(tmp_path / 'in', tree)
    preload = ':'.join(filter(None, (os.environ.get('LD_PRELOAD'), FAULTS)))
    p = subprocess.Popen([OZXFS, 'pack', '--shard=16,4', '-q', '-j', '1', root, out],
                         stderr=subprocess.PIPE, env=dict(os.environ, LD_PRELOAD=preload,
                                                          OZXFS_FAULT='pwrite64:1:stop'))
    os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
    rewrite(root)
    p.send_signal(signal.SIGCONT)
    said = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 74 and 'changed while it was being packed' in said, said
    assert said.count('\n') == 1 and not out.exists(), said


def test_memory(shm, tmp_path):
    """16 MiB and 24 bytes for each chunk: a quarter of a million (OZXFS_LONG=1: a whole one), in
    four shards, into shards across them."""
    side = 1024 if LONG else 512
    half = side // 2
    index = packed('Q', (n for i in range(half * half) for n in (i, 1))).tobytes()
    metadata = sharded((1, 1), (half, half), (side, side), index=INDEX[:1])
    data = random.randbytes(half * half) + index
    tree = {f's0/c/{y}/{x}': data for y in range(2) for x in range(2)}
    root = write(shm / 'in', {'zarr.json': ome(), 's0/zarr.json': metadata, **tree})
    peak = peak_kib('-q', '--shard=16,1024', root, shm / 'x.ozx')
    assert SANITIZED or peak <= (16 << 10) + side * side * 24 // 1024, peak
    files = files_of(shm / 'x.ozx')
    assert len(files) == 2 + side // 16
    row = data[:half] + data[:half]
    assert files['s0/c/0/0'][:side] == row and files['s0/c/0/0'][16 * side:16 * side + 16] == bytes(
        8) + struct.pack('<Q', 1)
