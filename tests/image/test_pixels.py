# SPDX-License-Identifier: BSD-2-Clause
"""Pixels are those that zarr-python wrote: every codec with every data type, in every order of
axes, of Zarr v3 and v2."""
import itertools
import warnings

import pytest

from kit.info import pack_directory
from kit.launch import LONG
from rendering import CODECS, check, needs_png, render

numpy = pytest.importorskip('numpy')
zarr = pytest.importorskip('zarr')
codecs = pytest.importorskip('zarr.codecs')
numcodecs = pytest.importorskip('numcodecs')
pytestmark = [needs_png, pytest.mark.filterwarnings('ignore')]

DTYPES = [
    'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float16',
    'float32', 'float64'
]
# All types in the long form; else of one codec of each kind, and one of each size of the others.
SIZES_ONLY = ['bool', 'int16', 'float32', 'uint64']
ALL_TYPES = ('bytes', 'big-endian', 'zstd', 'blosc-lz4-shuffle', 'shard', 'nested-transpose')
SHAPE, CHUNKS = (22, 30), (8, 16)


def sharding(chunks, inner=None, **more):
    inner = inner or [codecs.BytesCodec(), codecs.Crc32cCodec()]
    return codecs.ShardingCodec(chunk_shape=chunks, codecs=inner, **more)


def transpose(*order):
    return codecs.TransposeCodec(order=order)


BIG_INDEX = [codecs.BytesCodec(endian='big'), codecs.Crc32cCodec()]
V3 = {  # (filters, serializer, compressors, the libraries that are needed)
    'bytes': ([], codecs.BytesCodec(), [], ''),
    'big-endian': ([], codecs.BytesCodec(endian='big'), [], ''),
    'crc32c': ([], codecs.BytesCodec(), [codecs.Crc32cCodec()], ''),
    'gzip': ([], codecs.BytesCodec(), [codecs.GzipCodec()], 'gzip'),
    'zstd': ([], codecs.BytesCodec(), [codecs.ZstdCodec()], 'zstd'),
    'zstd-checksum': ([], codecs.BytesCodec(), [codecs.ZstdCodec(checksum=True)], 'zstd'),
    'gzip-zstd-crc32c': ([], codecs.BytesCodec(),
                         [codecs.GzipCodec(), codecs.ZstdCodec(),
                          codecs.Crc32cCodec()], 'gzip zstd'),
    **{'blosc-%s-%s' % (name, shuffle): ([], codecs.BytesCodec(),
                                         [codecs.BloscCodec(cname=name, shuffle=shuffle)], 'blosc')
       for name in ('lz4', 'lz4hc', 'blosclz', 'zlib', 'zstd')
       for shuffle in ('noshuffle', 'shuffle', 'bitshuffle')},
    'transpose': ([transpose(1, 0)], codecs.BytesCodec(), [], ''),
    'transposes': ([transpose(1, 0), transpose(1, 0)], codecs.BytesCodec(), [], ''),
    'shard': ([], sharding((4, 8)), [], ''),
    'shard-start': ([], sharding((4, 8), index_location='start'), [], ''),
    'shard-no-crc': ([], sharding((4, 8), index_codecs=[codecs.BytesCodec()]), [], ''),
    'shard-big-index': ([], sharding((4, 8), index_codecs=BIG_INDEX), [], ''),
    'shard-behind': ([], sharding((4, 8)), [codecs.GzipCodec()], 'gzip'),
    'shard-crc32c': ([], sharding((4, 8)), [codecs.Crc32cCodec()], ''),
    'shard-transpose': ([transpose(1, 0)], sharding((8, 4)), [], ''),
    'shard-inner-transpose': ([], sharding((4, 8), [transpose(1, 0), codecs.BytesCodec()]), [], ''),
    'nested': ([], sharding((4, 8), [sharding((2, 4))]), [], ''),
    'nested-behind': ([], sharding((4, 8), [sharding((2, 4), index_location='start'),
                                            codecs.ZstdCodec()]), [], 'zstd'),
    'nested-transpose': ([transpose(1, 0)],
                         sharding((8, 4), [transpose(1, 0), sharding((2, 4))]), [], ''),
}
V2 = {
    'v2-none': (None, [], ''),
    'v2-zlib': (numcodecs.Zlib(), [], 'zlib'),
    'v2-gzip': (numcodecs.GZip(), [], 'gzip'),
    'v2-zstd': (numcodecs.Zstd(), [], 'zstd'),
    'v2-blosc': (numcodecs.Blosc(), [], 'blosc'),
}


def pixels(dtype, shape, seed=19):
    random = numpy.random.default_rng(seed)
    if dtype == 'bool':
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith('float'):
        made = random.normal(0, 100, shape).astype(dtype)
        made.flat[[3, 40, 77]] = numpy.nan, numpy.inf, -numpy.inf
        return made
    info = numpy.iinfo(dtype)
    return random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def needs(libraries):
    missing = set(libraries.split()) - set(CODECS)
    if missing:
        pytest.skip('built without ' + ' '.join(sorted(missing)))


@pytest.mark.parametrize('codec', V3)
def test_every_codec_with_every_type(tmp_path, codec):
    filters, serializer, compressors, libraries = V3[codec]
    needs(libraries)
    zarr.create_group(tmp_path / 's')
    dtypes = DTYPES if LONG or codec in ALL_TYPES else SIZES_ONLY
    for dtype in dtypes:
        array = zarr.create_array(tmp_path / 's', name=dtype, shape=SHAPE, chunks=CHUNKS,
                                  dtype=dtype, filters=filters, serializer=serializer,
                                  compressors=compressors, fill_value=1)
        array[...] = pixels(dtype, SHAPE)
        array[8:16, 16:30] = 1  # a chunk of fill values is not written
    archive = pack_directory(tmp_path / 's', tmp_path / 's.ozx')
    for dtype in dtypes:
        expected = pixels(dtype, SHAPE)
        expected[8:16, 16:30] = 1
        check(archive, render([expected]), '--path', dtype)
        if LONG or (codec in ALL_TYPES and dtype in SIZES_ONLY):
            check(archive, render([expected], 13), '--path', dtype, '-s', '13')


@pytest.mark.parametrize('codec', V2)
@pytest.mark.parametrize('order,endian', ['C<', 'F>', *(['C>', 'F<'] if LONG else [])])
def test_zarr_v2(tmp_path, codec, order, endian):
    compressor, filters, libraries = V2[codec]
    needs(libraries)
    dtypes = DTYPES if LONG or not libraries else SIZES_ONLY
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        zarr.create_group(tmp_path / 's', zarr_format=2)
        for number, dtype in enumerate(dtypes):
            array = zarr.create_array(
                tmp_path / 's', name=dtype, shape=SHAPE, chunks=CHUNKS,
                dtype=numpy.dtype(dtype).newbyteorder(endian), compressors=compressor,
                filters=filters, order=order, fill_value=0, zarr_format=2,
                chunk_key_encoding={'name': 'v2', 'separator': './'[number % 2]})
            array[...] = pixels(dtype, SHAPE)
    archive = pack_directory(tmp_path / 's', tmp_path / 's.ozx')
    for dtype in dtypes:
        check(archive, render([pixels(dtype, SHAPE)], 13), '--path', dtype, '-s', '13')


# All orders of five axes in the long form; else some of them.
AXES = [''.join(p) for names in ('yx', 'zyx', 'czyx') for p in itertools.permutations(names)]
AXES += [''.join(p) for p in itertools.permutations('tczyx')][::1 if LONG else 7]
SIZES = {'t': 2, 'c': 2, 'z': 3, 'y': 9, 'x': 12}


def image_of(folder, names, data, chunks, **more):
    """A multiscale image of one level."""
    types = {'t': 'time', 'c': 'channel'}
    zarr.create_group(
        folder, attributes={
            'ome': {
                'version': '0.5', **more, 'multiscales': [{
                    'axes': [{'name': n, 'type': types.get(n, 'space')} for n in names],
                    'datasets': [{
                        'path': '0', 'coordinateTransformations': [{
                            'type': 'scale', 'scale': [1.0] * len(names)
                        }]
                    }]
                }]
            }
        })
    zarr.create_array(folder, name='0', shape=data.shape, chunks=chunks, dtype=data.dtype,
                      compressors=None)[...] = data


@pytest.mark.parametrize('names', AXES)
def test_every_order_of_axes(tmp_path, names):
    """x is the last axis of space and y the one before, whatever they are called."""
    data = pixels('uint16', [SIZES[n] for n in names])
    image_of(tmp_path / 's', names, data, [max(1, SIZES[n] // 2) for n in names])
    archive = pack_directory(tmp_path / 's', tmp_path / 's.ozx')
    space = [n for n in names if n in 'zyx']
    order = [n for n in names if n == 't'] + [n for n in names if n == 'c'] + space
    moved = data.transpose([names.index(n) for n in order])
    moved = moved.reshape([SIZES['t'] if 't' in names else 1, SIZES['c'] if 'c' in names else 1,
                           SIZES[space[0]] if len(space) == 3 else 1, *moved.shape[-2:]])
    check(archive, render(list(moved[0, :, moved.shape[2] // 2])))
    check(archive, render(list(moved[-1, :, 0]), 7), '-s', '7', '--t', str(len(moved) - 1), '--z',
          '0')
    check(archive, render(list(moved[0].max(axis=1))), '--z', 'max')


def test_halves(tmp_path):
    """Every float16 is itself: subnormal, normal, infinite, NaN."""
    data = numpy.arange(65536, dtype='uint16').view('float16').reshape(256, 256)
    zarr.create_array(tmp_path / 's', shape=data.shape, chunks=(256, 256), dtype='float16',
                      compressors=None)[...] = data
    check(pack_directory(tmp_path / 's', tmp_path / 's.ozx'), render([data]))
