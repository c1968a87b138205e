# SPDX-License-Identifier: BSD-2-Clause
"""More cases for test_verify_cases.py: arrays whose shards are stored in every way that Zarr v3
allows, and what is wrong with some."""
import gzip
import struct

from corpus.recipe import pattern

from verify_cases import ABSENT, LITTLE, array, case, crc32c, shard, sharded, with_sharded
from verify_cases_data import INDEX, OME, ZARR, with_array

CRC = {'name': 'crc32c'}
GZIP = {'name': 'gzip', 'configuration': {'level': 1}}
SHORT = ['bytes', 'crc32c']


def sharding(inner=(8, 8), codecs=(LITTLE,), index=(LITTLE, CRC), **more):
    return {
        'name': 'sharding_indexed', **more, 'configuration': {
            'chunk_shape': list(inner), 'codecs': list(codecs), 'index_codecs': list(index),
            'index_location': 'end'
        }
    }


def shards(*codecs, **more):
    """Metadata of an array of one shard of 16 x 16, the four inner chunks of which are 8 x 8 unless
    the codecs say otherwise."""
    return array((16, 16), (16, 16), codecs=list(codecs), **more)


def with_crc(data, wrong=0):
    return data + struct.pack('<I', crc32c(data) ^ wrong)


def stored(metadata, data=None):
    return lambda: with_sharded(metadata, shard() if data is None else data)


# --- nothing to tell ------------------------------------------------------------------------------

case('behind_gzip', {}, stored(shards(sharding(), GZIP), gzip.compress(shard())))
case('behind_gzip_short', {}, stored(shards(sharding(), GZIP), b'short'))
case('behind_unknown', {}, stored(shards(sharding(), {'name': 'example.codec'}), b'short'))
case(
    'behind_numcodecs', {},
    stored(shards(sharding(), {'name': 'numcodecs.zlib', 'configuration': {'level': 1}}), b'short'))
case('behind_crc32c', {}, stored(shards(sharding(), CRC), with_crc(shard())))
case('behind_crc32c_short_form', {}, stored(shards(sharding(), 'crc32c'), with_crc(shard())))
case('behind_crc32c_twice', {}, stored(shards(sharding(), CRC, CRC), with_crc(with_crc(shard()))))
case('behind_crc32c_gzip', {},
     stored(shards(sharding(), CRC, GZIP), gzip.compress(with_crc(shard()))))
case('index_short_form', {}, stored(shards(sharding(index=SHORT))))
case(
    'index_transposed', {},
    stored(
        shards(
            sharding(index=[{'name': 'transpose', 'configuration': {'order': [2, 0, 1]}}, LITTLE,
                            CRC]))))
case('shard_must_understand', {}, stored(shards(sharding(must_understand=True))))
case('shard_missing_all', {}, stored(shards(sharding()), shard([(ABSENT, ABSENT)] * 4, body=0)))
case('shard_same_bytes_twice', {},
     stored(shards(sharding()), shard([(0, 64), (0, 64), (64, 64), (0, 64)])))
case('shard_gaps', {},
     stored(shards(sharding()), shard([(192, 60), (ABSENT, ABSENT), (3, 5), (100, 0)])))
case(
    'shard_beyond_the_shape', {},
    stored(array((9, 3), (16, 16), codecs=[sharding()]), shard([(0, 64), *[(ABSENT, ABSENT)] * 3])))
case(
    'shard_transposed', {},
    stored(
        array((16, 8), (16, 8), codecs=[{'name': 'transpose', 'configuration': {'order': [1, 0]}},
                                        sharding((2, 16))])))
case(
    'shard_after_unknown_codec', {},
    stored(
        array((16, 8), (16, 8), codecs=[{'name': 'reshape', 'configuration': {'shape': [128]}},
                                        sharding((32, ))])))
case(
    'shard_scalar', OME,
    lambda: with_sharded(array((), (), codecs=[sharding(())]),
                         pattern(1) + with_crc(struct.pack('<QQ', 0, 1)), 's0/c'))
case(
    'grid_rectilinear', {}, lambda: with_array(
        array(
            chunk_grid={
                'name': 'rectilinear',
                'configuration': {'kind': 'inline', 'chunk_shapes': [4, [[2, 3], 2]]}
            })))
case(
    'grid_rectilinear_sharded', {},
    stored(
        shards(
            sharding(), chunk_grid={
                'name': 'rectilinear',
                'configuration': {'kind': 'inline', 'chunk_shapes': [16, [16]]}
            }), b'short'))
case('storage_transformers', {},
     stored(shards(sharding(), storage_transformers=[{'name': 'example'}]), b'short'))
case('storage_transformers_none', INDEX,
     stored(shards(sharding(), storage_transformers=[]), b'short'))

# --- what is wrong --------------------------------------------------------------------------------

case('behind_crc32c_short', INDEX, stored(shards(sharding(), CRC),
                                          shard()[:70]), text={'shard-index': 'takes 72'})
case('behind_crc32c_missing', INDEX, stored(shards(sharding(), CRC)))
case('behind_crc32c_index', INDEX, stored(shards(sharding(), CRC), with_crc(shard(wrong_crc=True))),
     text={'shard-index': 'CRC-32C'})
case('index_overlap', INDEX,
     stored(shards(sharding()), shard([(0, 64), (63, 64), (128, 64), (192, 64)])),
     text={'shard-index': '64 bytes at 0 and 64 at 63'})
case('index_overlap_unsorted', INDEX,
     stored(shards(sharding()), shard([(192, 64), (0, 64), (128, 64), (64, 65)])))
case('index_within_another', INDEX,
     stored(shards(sharding()), shard([(0, 256), (64, 64), (128, 64), (192, 64)])))
for _name in ('gzip', 'zstd', 'blosc', 'numcodecs.zlib', 'vlen-bytes'):
    case('index_codec_' + _name, ZARR,
         stored(shards(sharding(index=[LITTLE, {'name': _name, 'configuration': {}}])), b'short'),
         text={'zarr-json': 'index_codecs[1] is \'%s\', whose size varies' % _name})
case('index_codec_sharding', ZARR, stored(shards(sharding(index=[sharding()])), b'short'))
case('index_codec_no_bytes', ZARR, stored(shards(sharding(index=[CRC])), b'short'),
     text={'zarr-json': 'index_codecs has no array-to-bytes codec'})
case('codecs_no_bytes', ZARR, lambda: with_array(array(codecs=[GZIP])),
     text={'zarr-json': 'codecs has no array-to-bytes codec'})
case('shard_no_configuration', ZARR, lambda: with_array(array(codecs=['sharding_indexed'])),
     text={'zarr-json': 'codecs[0].configuration is missing'})
case(
    'transpose_no_permutation', ZARR, lambda: with_array(
        array(codecs=[{'name': 'transpose', 'configuration': {'order': [1, 1]}}, LITTLE])),
    text={'zarr-json': 'codecs[0].configuration.order is not a permutation of the 2 dimensions'})
case(
    'grid_rectilinear_too_short', ZARR, lambda: with_array(
        array(chunk_grid=
              {'name': 'rectilinear', 'configuration': {'kind': 'inline', 'chunk_shapes': [8]}})))

# --- shards in shards -----------------------------------------------------------------------------


def nested(*parts, behind=(), codecs=(LITTLE,)):
    """(metadata, data): four inner chunks of 8 x 8, each a shard of four of 4 x 4; `parts` replaces
    those of the first."""
    parts = [*parts, *[shard([(16 * i, 16) for i in range(4)], body=64)] * 4][:4]
    at, records = 0, []
    for part in parts:
        records.append((at, len(part)))
        at += len(part)
    index = with_crc(b''.join(struct.pack('<QQ', *r) for r in records))
    return shards(sharding(codecs=[sharding((4, 4), codecs), *behind])), b''.join(parts) + index


case('nested', {}, stored(*nested()))
case(
    'nested_crc32c', {},
    stored(*nested(*[with_crc(shard([(16 * i, 16)
                                     for i in range(4)], body=64))] * 4, behind=[CRC])))
case('nested_gzip', {}, stored(*nested(b'a', b'bc', behind=[GZIP])))
case('nested_one_of_nothing', {}, stored(*nested(b'')))
case(
    'nested_crc', INDEX,
    stored(*nested(shard([(16 * i, 16)
                          for i in range(4)], body=64), shard([(0, 16)] *
                                                              4, body=64, wrong_crc=True))),
    text={
        'shard-index': 'in the inner chunk at byte 132, itself a shard: the index of the shard '
                       'does not match its CRC-32C'
    })
case('nested_too_short', INDEX, stored(*nested(b'short')),
     text={'shard-index': 'at byte 0, itself a shard: 5 bytes: too short'})
case('nested_beyond', INDEX, stored(*nested(shard([(0, 65), *[(ABSENT, ABSENT)] * 3], body=64))),
     text={'shard-index': 'does not hold'})
case(
    'nested_thrice', {},
    stored(
        array((16, 16), (16, 16), codecs=[sharding((8, 8), [sharding((4, 4), [sharding(
            (2, 2))])])]), shard([(ABSENT, ABSENT)] * 4, body=0)))
