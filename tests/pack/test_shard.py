# SPDX-License-Identifier: BSD-2-Clause
"""pack --shard without any Zarr library: bytes of shards, what stays, what is refused, what changes
meanwhile, memory."""
import copy
import itertools
import json
import os
import signal
import struct
import subprocess
import zipfile

import pytest
from conftest import ARRAY, FAULTS, GROUP, OZXFS, ome, pack, run, write

ABSENT = 2**64 - 1
TREE = {'zarr.json': ome(), 's0/zarr.json': ARRAY, 's0/c/0/0': b'a' * 16, 's0/c/1/1': b'b' * 16}


def array(shape=(8, 8), chunks=(4, 4), **more):
    made = copy.deepcopy(ARRAY)
    made['shape'] = list(shape)
    made['chunk_grid']['configuration']['chunk_shape'] = list(chunks)
    return dict(made, **more)


def files_of(archive):
    with zipfile.ZipFile(archive) as z:
        return {n: z.read(n) for n in z.namelist()}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def shard(*chunks):
    """What is right by the specification; None is an absent chunk."""
    data, index = b'', b''
    for chunk in chunks:
        index += struct.pack('<QQ', *((ABSENT, ABSENT) if chunk is None else
                                      (len(data), len(chunk))))
        data += chunk or b''
    return data + index + struct.pack('<I', crc32c(index))


def refused(tmp_path, tree, *words, how='--shard', code=2, more=()):
    done = pack(how, *more, write(tmp_path / 'in', tree), tmp_path / 'out.ozx', code=code)
    text = done.stderr.decode()
    assert text.count('\n') == 1 and all(word in text for word in words), text
    assert not (tmp_path / 'out.ozx').exists()


def test_bytes(tmp_path, out):
    pack('--shard', write(tmp_path / 'in', TREE), out)
    files = files_of(out)
    assert list(files) == ['zarr.json', 's0/zarr.json', 's0/c/0/0']
    assert files['s0/c/0/0'] == shard(b'a' * 16, None, None, b'b' * 16)
    metadata = json.loads(files['s0/zarr.json'])
    assert metadata['chunk_grid']['configuration']['chunk_shape'] == [8, 8]
    assert metadata['codecs'] == [
        dict(
            name='sharding_indexed', configuration=dict(
                chunk_shape=[4, 4], codecs=ARRAY['codecs'], index_codecs=[
                    dict(name='bytes', configuration=dict(endian='little')),
                    dict(name='crc32c')
                ], index_location='end'))
    ]
    assert dict(metadata, chunk_grid=0, codecs=0) == dict(ARRAY, chunk_grid=0, codecs=0)


@pytest.mark.parametrize('value', ['NaN', '-Infinity', '1e400', r'"\ud800"', r'"\u0000"',
                                   '[' * 130 + ']' * 130])
def test_what_some_readers_do_not_take_for_json_stays(value, tmp_path, out):
    """As without --shard: attributes of xarray have NaN."""
    text = json.dumps(array(attributes={'x': 0})).replace('"x": 0', f'"x": {value}')
    pack('--shard', write(tmp_path / 'in', dict(TREE, **{'s0/zarr.json': text})), out)
    files = files_of(out)
    assert files['s0/c/0/0'] == shard(b'a' * 16, None, None, b'b' * 16)
    assert f'"x": {value}'.encode() in files['s0/zarr.json']


def test_other_bytes_of_metadata_stay(tmp_path, out):
    text = json.dumps(array(data_type='float32'), indent=3).replace('"fill_value": 0',
                                                                    '"fill_value" :  0.0e0')
    pack('--shard', write(tmp_path / 'in', dict(TREE, **{'s0/zarr.json': text})), out)
    made = files_of(out)['s0/zarr.json'].decode()
    start, end = text.index('"chunk_shape": ') + 15, text.index('"codecs": ') + 10
    assert made.startswith(text[:start] + '[8, 8]') and '"fill_value" :  0.0e0' in made
    assert text[text.index(']', start) + 1:end] in made  # between the two that change
    assert text[end:text.rindex(']') + 1] in made        # the codecs, in the sharding


def test_ragged_edges_and_order(tmp_path, out):
    """3 x 3 chunks in shards of 2 x 2, none beyond the edge; a whole shard is absent."""
    chunks = {
        f's0/c/{y}/{x}': bytes([16 * y + x]) * (y + x + 1)
        for y in range(3)
        for x in range(3)
        if (y, x) not in ((2, 2), (0, 1))
    }
    pack('--shard=8,8', write(tmp_path / 'in', {**TREE, 's0/zarr.json': array((10, 9)), **chunks}),
         out)
    files = files_of(out)
    c = {k[5:]: v for k, v in chunks.items()}
    assert files['s0/c/0/0'] == shard(c['0/0'], None, c['1/0'], c['1/1'])
    assert files['s0/c/0/1'] == shard(c['0/2'], None, c['1/2'], None)
    assert files['s0/c/1/0'] == shard(c['2/0'], c['2/1'], None, None)
    assert 's0/c/1/1' not in files


@pytest.mark.parametrize('name, separator', [('default', '.'), ('v2', '.'), ('v2', '/')])
def test_keys(tmp_path, out, name, separator):
    key = separator.join if name == 'v2' else lambda numbers: separator.join(('c', *numbers))
    tree = {
        'zarr.json': ome(), 's0/zarr.json': array(
            chunk_key_encoding=dict(name=name, configuration=dict(separator=separator))),
        's0/' + key('00'): b'a', 's0/' + key('10'): b'c', 's0/more': b'x'
    }
    pack('--shard', '-q', write(tmp_path / 'in', tree), out)
    assert files_of(out)['s0/' + key('00')] == shard(b'a', None, b'c', None)
    assert set(files_of(out)) == {'zarr.json', 's0/zarr.json', 's0/more', 's0/' + key('00')}


def test_what_is_no_chunk_stays(tmp_path, out):
    more = {
        's0/c/9/9': b'outside', 's0/c/x': b'x', 's0/c/0/y/z': b'z', 's0/c.0.0': b'other keys',
        's0/in/zarr.json': GROUP
    }
    pack('--shard', '-q', write(tmp_path / 'in', dict(TREE, **more)), out)
    files = files_of(out)
    assert all(name in files for name in more)
    assert files['s0/c/0/0'] == shard(b'a' * 16, None, None, b'b' * 16)


@pytest.mark.parametrize('shape, chunks, shards, every', [
    ((10, 9), (4, 4), (8, 8), 1), ((10, 9), (4, 4), (8, 8), 3),
    ((9, 7, 5), (2, 3, 1), (4, 3, 2), 2),
    ((40, ), (1, ), (7, ), 5), ((6, 6), (1, 1), (60000, 2), 1), ((99, 99), (1, 1), (2, 99), 97)])
def test_the_same_of_an_archive(shape, chunks, shards, every, tmp_path, out):
    """Where a table has the place of a list: shards as of a directory, also where chunks are not
    there, at ragged edges, and where shards are far larger than the array."""
    grid = [range(-(-size // chunk)) for size, chunk in zip(shape, chunks)]
    tree = {'zarr.json': ome(), 's0/zarr.json': array(shape, chunks)}
    for number, index in enumerate(itertools.product(*grid)):
        if number % every == 0:
            tree['s0/c/' + '/'.join(map(str, index))] = bytes([number % 251]) * (number % 5)
    how = '--shard=' + ','.join(map(str, shards)) + (',' if len(shards) == 1 else '')
    folder, plain = write(tmp_path / 'in', tree), tmp_path / 'plain.ozx'
    pack('-q', how, folder, out)
    pack('-q', folder, plain)
    run('repack', '-q', how, plain, tmp_path / 'again.ozx')
    assert files_of(tmp_path / 'again.ozx') == files_of(out)
    assert len(files_of(out)) < len(files_of(plain))


def test_arrays_of_one_chunk_stay(tmp_path, out):
    tree = dict(TREE, **{'s1/zarr.json': ARRAY, 's1/c/1/1': b'b'})
    pack('--shard', write(tmp_path / 'in', tree), out)
    assert files_of(out)['s1/c/1/1'] == b'b' and json.loads(files_of(out)['s1/zarr.json']) == ARRAY


def test_sharded_arrays_stay(tmp_path, out):
    codecs = [
        dict(
            name='sharding_indexed', configuration=dict(chunk_shape=[2, 2], codecs=ARRAY['codecs'],
                                                        index_codecs=[dict(name='bytes')]))
    ]
    tree = dict(
        TREE,
        **{'s1/zarr.json': array(codecs=codecs), 's1/c/1/1': b'b' * 80, 's1/c/0/0': b'b' * 80})
    done = pack('--shard', write(tmp_path / 'in', tree), out)
    assert b'1 array is sharded already, and stays so' in done.stderr, done.stderr
    assert files_of(out)['s1/c/1/1'] == b'b' * 80
    done = pack('-f', '--shard=8,8,8', write(tmp_path / 'more', {
        **tree, 's2/zarr.json': array((8, 8, 8), (4, 4, 4))
    }), out)
    assert b'1 array is sharded already, and stays so' in done.stderr, done.stderr
    assert files_of(out)['s1/c/1/1'] == b'b' * 80


def test_an_array_at_the_root(tmp_path, out):
    root = array(attributes=dict(ome=dict(version='0.5')))
    pack('--shard', write(tmp_path / 'in', {'zarr.json': root, 'c/0/0': b'a', 'c/0/1': b'b'}), out)
    assert files_of(out)['c/0/0'] == shard(b'a', b'b', None, None)


def test_an_array_inside_an_array(tmp_path, out):
    """The walk goes on where it was: 'a/b' comes before 'a/c'."""
    tree = {'zarr.json': ome()}
    for path in 'a', 'a/b':
        tree |= {f'{path}/zarr.json': ARRAY, f'{path}/c/0/0': b'a', f'{path}/c/1/1': path}
    pack('--shard', '-q', write(tmp_path / 'in', tree), out)
    files = files_of(out)
    assert files['a/c/0/0'] == shard(b'a', None, None, b'a') and 'a/c/1/1' not in files
    assert files['a/b/c/0/0'] == shard(b'a', None, None, b'a/b') and 'a/b/c/1/1' not in files


def test_consolidated(tmp_path, out):
    both = dict(
        ome(), consolidated_metadata=dict(kind='inline', must_understand=False,
                                          metadata={'s0': ARRAY}))
    pack('--shard', write(tmp_path / 'in', dict(TREE, **{'zarr.json': both})), out)
    files = files_of(out)
    assert json.loads(files['zarr.json'])['consolidated_metadata']['metadata']['s0'] == json.loads(
        files['s0/zarr.json'])


@pytest.mark.parametrize('listed, kind', [(array(chunks=(2, 2)), 'inline'), (ARRAY, 'elsewhere')])
def test_consolidated_that_cannot_be_kept_right(tmp_path, listed, kind):
    both = dict(
        ome(), consolidated_metadata=dict(kind=kind, must_understand=False,
                                          metadata={'s0': listed}))
    refused(tmp_path, dict(TREE, **{'zarr.json': both}), 'consolidated metadata', "'zarr.json'")


REFUSED = {
    'grid': (array(chunk_grid=dict(name='rectilinear', configuration=dict(
        chunk_shapes=[[4, 4], [4, 4]]))), {}, 'not regular'),
    'transformers': (array(storage_transformers=[dict(name='x', configuration={})]), {},
                     'storage transformers'),
    'keys': (array(chunk_key_encoding=dict(name='mine')), {}, 'chunk_key_encoding'),
    'codecs': (array(codecs=[dict(configuration={}), dict(name='bytes')]), {}, 'codecs[0]'),
    'node inside': (ARRAY, {'s0/c/0/zarr.json': GROUP}, 'among its chunks'),
}


@pytest.mark.parametrize('case', sorted(REFUSED))
def test_refused_by_name(tmp_path, case):
    metadata, more, words = REFUSED[case]
    refused(tmp_path, dict(TREE, **{'s0/zarr.json': metadata}, **more), "array 's0'", words)


def test_what_is_in_the_way(tmp_path):
    """Rows 2 and 3 become row 1, where a file is; and a directory is where the shard 0,0 is to be.
    """
    tall = {
        'zarr.json': ome(), 's0/zarr.json': array((16, 4)), 's0/c/2/0': b'a', 's0/c/3/0': b'b',
        's0/c/1': b'no directory'
    }
    refused(tmp_path / '1', tall, "'s0'", "'c/1' stands where", how='--shard=8,4')
    wide = {
        'zarr.json': ome(), 's0/zarr.json': ARRAY, 's0/c/0/0/x': b'', 's0/c/0/1': b'a',
        's0/c/1/0': b'b'
    }
    refused(tmp_path / '2', wide, "'s0'", "'c/0/0' stands where")


@pytest.mark.parametrize('pattern', ['s0/c/0/*', 's0/c/1', '1'])
def test_excluded_chunks(tmp_path, pattern):
    refused(tmp_path, TREE, "'s0'", '--exclude', more=('--exclude', pattern))


def test_excluded_arrays(tmp_path, out):
    broken = dict(TREE, **{'x/zarr.json': REFUSED['transformers'][0], 'x/c/0/0': b''})
    pack('--shard', '--exclude', 'x', write(tmp_path / 'in', broken), out)
    assert 's0/c/0/0' in files_of(out)


@pytest.mark.parametrize('how, words', [('--shard=5,8', 'not a multiple'),
                                        ('--shard=8,8,8', 'no array has 3 dimensions')])
def test_shapes_that_do_not_suit(tmp_path, how, words):
    refused(tmp_path, TREE, words, how=how, code=None)


@pytest.mark.parametrize('how', [
    '', '0', '64', '0M', '64X', '64M ', '8,,8', '8,0', '-8,8', '8,8,', '99999999999999999999,',
    'Auto', '64MBB'
])
def test_values(tmp_path, how):
    done = run('pack', f'--shard={how}', write(tmp_path / 'in', TREE), tmp_path / 'out.ozx')
    assert done.returncode == (0 if how == '8,8,' else 64), done.stderr


def test_no_shards_without_chunks(tmp_path, out):
    tree = dict(TREE)
    del tree['s0/c/1/1']
    done = pack('--shard', write(tmp_path / 'in', tree), out)
    assert b'none is sharded' in done.stderr and files_of(out)['s0/c/0/0'] == b'a' * 16, done.stderr
    assert b'none is sharded' not in pack('--shard', '-f', '-q', tmp_path / 'in', out).stderr
    assert b'none is sharded' not in pack('--shard', '-f', write(tmp_path / 'more', TREE),
                                          out).stderr


def test_same_bytes_every_time_and_to_a_stream(tmp_path, out):
    tree = dict(TREE, **{'s0/zarr.json': array((400, 400))},
                **{f's0/c/{y}/{x}': os.urandom(900)
                   for y in range(100)
                   for x in range(10)})
    root = write(tmp_path / 'in', tree)
    pack('--shard', '-j', '1', root, out)
    first = out.read_bytes()
    pack('--shard', '-f', '-j', '7', root, out)
    assert out.read_bytes() == first
    assert run('pack', '--shard', root, '-').stdout == first


def test_sizes(tmp_path, out):
    """Large chunks, read in parts by several threads, and each asked for its CRC by repack."""
    tree = dict(
        TREE, **{'s0/zarr.json': array((8, 12))}, **{
            f's0/c/{y}/{x}': os.urandom((y + 1) * 3_000_001 + x)
            for y in range(2)
            for x in range(3)
        })
    root = write(tmp_path / 'in', tree)
    pack('--shard', root, out)
    chunks = [tree[f's0/c/{y}/{x}'] for y in range(2) for x in range(3)]
    assert files_of(out)['s0/c/0/0'] == shard(*chunks)
    pack(root, tmp_path / 'plain.ozx')
    assert run('repack', '--shard', tmp_path / 'plain.ozx', tmp_path / 'again.ozx').returncode == 0
    assert files_of(tmp_path / 'again.ozx') == files_of(out)
    data = bytearray((tmp_path / 'plain.ozx').read_bytes())
    data[data.index(chunks[4]) + 2_999_999] ^= 1
    (tmp_path / 'bad.ozx').write_bytes(data)
    done = run('repack', '--shard', tmp_path / 'bad.ozx', tmp_path / 'not.ozx')
    assert done.returncode == 2 and b"s0/c/1/1" in done.stderr and not (
        tmp_path / 'not.ozx').exists(), done.stderr


def grow(root):
    with open(root / 's0/c/1/1', 'ab') as f:
        f.write(b'b')


def rewrite(root):
    (root / 's0/c/1/1').write_bytes(b'B' * 16)


def remove(root):
    (root / 's0/c/1/1').unlink()


def add(root):
    (root / 's0/c/0/1').write_bytes(b'new')


def add_a_row(root):
    (root / 's0/c/2').mkdir()


@pytest.mark.skipif(not FAULTS, reason='the preloaded faults are built by meson')
@pytest.mark.parametrize('change', [grow, rewrite, remove, add, add_a_row])
def test_change_while_packed(tmp_path, out, change):
    """Stopped at its first write (big.bin, the shard is not read yet), changed, continued."""
    root = write(tmp_path / 'in', {**TREE, 'big.bin': bytes(3_000_000)})
    preload = ':'.join(filter(None, (os.environ.get('LD_PRELOAD'), FAULTS)))
    p = subprocess.Popen([OZXFS, 'pack', '--shard', '-q', '-j', '1', root, out],
                         stderr=subprocess.PIPE, env=dict(os.environ, LD_PRELOAD=preload,
                                                          OZXFS_FAULT='pwrite64:1:stop'))
    os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
    change(root)
    p.send_signal(signal.SIGCONT)
    said = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 74 and 'changed while it was being packed' in said and said.count(
        '\n') == 1, said
    assert not out.exists()
