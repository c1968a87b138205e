# SPDX-License-Identifier: BSD-2-Clause
"""unpack --chunks without any Zarr library: there and back, what is refused, what is told of broken
shards."""
import copy
import json
import os
import struct
import zipfile

import pytest
from conftest import ARRAY, ome, pack, run, write
from test_shard import ABSENT, array, crc32c, shard

TREE = {'zarr.json': ome(), 's0/zarr.json': ARRAY, 's0/c/0/0': b'a' * 16, 's0/c/1/1': b'b' * 16}
INDEX = [dict(name='bytes', configuration=dict(endian='little')), dict(name='crc32c')]


def sharded(chunks=(4, 4), shards=(8, 8), shape=(8, 8), behind=(), index=None, **more):
    codec = dict(
        name='sharding_indexed',
        configuration=dict(chunk_shape=list(chunks), codecs=ARRAY['codecs'], index_codecs=index
                           or INDEX, **more))
    return array(shape, shards, codecs=[codec, *behind])


def tree_of(root):
    found = {}
    for path in root.rglob('*'):
        found[str(path.relative_to(root))] = path.read_bytes() if path.is_file() else None
    return found


def unpack(archive, output, *options, code=0):
    done = run('unpack', '--chunks', *options, archive, output)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done.stderr.decode()


def there_and_back(tmp_path, tree, *how):
    root = write(tmp_path / 'in', tree)
    pack(*(how or ['--shard']), '-q', root, tmp_path / 'x.ozx')
    unpack(tmp_path / 'x.ozx', tmp_path / 'back', '-q')
    assert tree_of(tmp_path / 'back') == tree_of(root)


def test_there_and_back(tmp_path):
    there_and_back(tmp_path, TREE)


@pytest.mark.parametrize('how', ['--shard', '--shard=1K', '--shard=8,8', '--shard=4,40'])
@pytest.mark.parametrize('name, separator', [('default', '/'), ('default', '.'), ('v2', '.'),
                                             ('v2', '/')])
def test_every_name_and_shape(tmp_path, how, name, separator):
    """Ragged edges, missing and empty chunks, a file that is none, names of one and of two digits;
    a nested array."""
    metadata = json.dumps(
        array((50, 37), chunk_key_encoding=dict(name=name,
                                                configuration=dict(separator=separator))), indent=3)
    tree = {
        'zarr.json': ome(), 'a/zarr.json': json.dumps(array((1, 1))), 'a/b/zarr.json': metadata,
        'a/b/note': b'x', 'a/c/0/0': b'one'
    }
    for y in range(13):
        for x in range(10):
            if (x + y) % 3 and y != 5:
                tree['a/b/' + ('c' + separator if name == 'default' else '') +
                     f'{y}{separator}{x}'] = os.urandom((x * y) % 100)
    there_and_back(tmp_path, tree, how)


def test_an_array_at_the_root(tmp_path):
    root = array(attributes=dict(ome=dict(version='0.5')))
    there_and_back(tmp_path, {'zarr.json': root, 'c/0/0': b'a', 'c/0/1': b'b'})


def test_consolidated(tmp_path):
    both = dict(
        ome(), consolidated_metadata=dict(kind='inline', must_understand=False,
                                          metadata={'s0': ARRAY}))
    there_and_back(tmp_path, dict(TREE, **{'zarr.json': both}))


def test_large_chunks(tmp_path):
    """Larger than what is copied at once, and shards that would be unpacked in parts."""
    tree = dict(
        TREE, **{'s0/zarr.json': array((8, 12))}, **{
            f's0/c/{y}/{x}': os.urandom((y + 1) * 3_000_001 + x)
            for y in range(2)
            for x in range(3)
        })
    there_and_back(tmp_path, tree)


def test_by_others(tmp_path):
    """An index in front, big-endian, without a sum; inner chunks in any order, one beyond the edge.
    """
    data = struct.pack('>8Q', 64 + 3, 2, ABSENT, ABSENT, 64, 3, 64 + 5,
                       1) + b'c' * 3 + b'a' * 2 + b'x'
    metadata = sharded(shape=(8, 4), index=[dict(name='bytes', configuration=dict(endian='big'))],
                       index_location='start')
    pack('-q',
         write(tmp_path / 'in', {'zarr.json': ome(), 's0/zarr.json': metadata, 's0/c/0/0': data}),
         tmp_path / 'x.ozx')
    unpack(tmp_path / 'x.ozx', tmp_path / 'out')
    assert {
        k: v
        for k, v in tree_of(tmp_path / 'out').items()
        if k.startswith('s0/c/') and v is not None
    } == {'s0/c/0/0': b'aa', 's0/c/1/0': b'ccc'}
    made = json.loads((tmp_path / 'out/s0/zarr.json').read_text())
    assert made['codecs'] == ARRAY['codecs'] and made['chunk_grid']['configuration'][
        'chunk_shape'] == [4, 4]


def test_without_it_shards_stay(tmp_path):
    pack('--shard', write(tmp_path / 'in', TREE), tmp_path / 'x.ozx')
    assert run('unpack', tmp_path / 'x.ozx', tmp_path / 'out').returncode == 0
    assert (tmp_path / 'out/s0/c/0/0').read_bytes() == shard(b'a' * 16, None, None, b'b' * 16)


def test_usage(tmp_path):
    pack('--shard', write(tmp_path / 'in', TREE), tmp_path / 'x.ozx')
    done = run('unpack', '--chunks', tmp_path / 'x.ozx', tmp_path / 'out', 's0')
    assert done.returncode == 64 and b'give no PATH' in done.stderr


GOOD = shard(b'a' * 4, None, None, b'b' * 4)
REFUSED = {
    'behind': ({'s0/zarr.json': sharded(behind=[dict(name='crc32c')]),
                's0/c/0/0': GOOD + bytes(4)}, 'not its only codec'),
    'index': ({
        's0/zarr.json': sharded(
            index=[*INDEX, dict(name='gzip', configuration=dict(level=1))]), 's0/c/0/0': GOOD
    }, 'index of its shards is encoded'),
    'transformers': ({
        's0/zarr.json': dict(sharded(), storage_transformers=[dict(name='x', configuration={})]),
        's0/c/0/0': GOOD
    }, 'storage transformers'),
    'in the way': ({'s0/zarr.json': sharded(), 's0/c/0/0': GOOD,
                    's0/c/1/1': b'outside'}, "'c/1/1' stands where a chunk"),
    'a file for a directory': ({'s0/zarr.json': sharded(), 's0/c/0/0': GOOD,
                                's0/c/1': b'x'}, "'c/1' stands where a chunk"),
    'a directory for a file': ({'s0/zarr.json': sharded(), 's0/c/0/0': GOOD,
                                's0/c/1/0/x': b'x'}, "'c/1/0' stands where a chunk"),
}


@pytest.mark.parametrize('case', sorted(REFUSED))
def test_refused_by_name(tmp_path, case):
    tree, words = REFUSED[case]
    pack('-q', write(tmp_path / 'in', {'zarr.json': ome(), **tree}), tmp_path / 'x.ozx')
    said = unpack(tmp_path / 'x.ozx', tmp_path / 'out', '-q', code=2)
    assert said.count('\n') == 1 and "array 's0'" in said and words in said, said
    assert not (tmp_path / 'out').exists()


def indexed(*records, data=b'abcdefgh', sum_=None):
    index = b''.join(struct.pack('<QQ', *r) for r in records)
    return data + index + struct.pack('<I', crc32c(index) if sum_ is None else sum_)


GONE = (ABSENT, ABSENT)
BROKEN = {
    'sum': (indexed((0, 4), GONE, GONE, (4, 4), sum_=1), 'CRC-32C'),
    'short': (b'abc', 'smaller than its index'),
    'outside': (indexed((0, 4), GONE, GONE, (9, 4000)), 'inner chunk 3 is not within it'),
    'wraps': (indexed((0, 4), GONE, (8, ABSENT - 4), GONE), 'inner chunk 2 is not within it'),
    'half absent': (indexed((0, 4), GONE, GONE, (ABSENT, 0)), 'inner chunk 3 is not within it'),
    'overlap': (indexed(*[(0, 70)] * 4), 'inner chunks overlap'),
}


@pytest.mark.parametrize('case', sorted(BROKEN))
def test_broken_shards(tmp_path, case):
    data, words = BROKEN[case]
    pack('-q',
         write(tmp_path / 'in', {'zarr.json': ome(), 's0/zarr.json': sharded(), 's0/c/0/0': data}),
         tmp_path / 'x.ozx')
    said = unpack(tmp_path / 'x.ozx', tmp_path / 'out', '-q', code=2)
    assert said.count('\n') == 1 and "shard 's0/c/0/0'" in said and words in said, said
    assert not (tmp_path / 'out').exists()


def test_a_wrong_crc(tmp_path):
    pack('--shard', write(tmp_path / 'in', TREE), tmp_path / 'x.ozx')
    data = bytearray((tmp_path / 'x.ozx').read_bytes())
    data[data.index(b'a' * 16)] ^= 1
    (tmp_path / 'x.ozx').write_bytes(data)
    said = unpack(tmp_path / 'x.ozx', tmp_path / 'out', '-q', code=2)
    assert 's0/c/0/0' in said and 'CRC' in said and not (tmp_path / 'out').exists(), said


def test_consolidated_that_cannot_be_kept_right(tmp_path):
    """They tell of another shape than the array's own: no reader is to believe them afterwards."""
    listed = copy.deepcopy(sharded(shards=(16, 8)))
    both = dict(
        ome(), consolidated_metadata=dict(kind='inline', must_understand=False,
                                          metadata={'s0': listed}))
    pack('-q',
         write(tmp_path / 'in', {'zarr.json': both, 's0/zarr.json': sharded(), 's0/c/0/0': GOOD}),
         tmp_path / 'x.ozx')
    said = unpack(tmp_path / 'x.ozx', tmp_path / 'out', '-q', code=2)
    assert 'consolidated metadata' in said and "'s0'" in said and not (tmp_path /
                                                                       'out').exists(), said


def test_summary(tmp_path):
    pack('--shard', write(tmp_path / 'in', TREE), tmp_path / 'x.ozx')
    with zipfile.ZipFile(tmp_path / 'x.ozx') as file:
        assert len(file.namelist()) == 3
    assert '4 files (1 shard as chunks)' in unpack(tmp_path / 'x.ozx', tmp_path / 'out', '-v')
