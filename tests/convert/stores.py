# SPDX-License-Identifier: BSD-2-Clause
"""Arrays of Zarr v2, written by hand with numcodecs: what the writers of ten years have left, odd
corners too.

Each array has a chunk that is missing, one at the edge and one that is not fill, as far as its
shape allows.
"""
import base64
import itertools
import json
from pathlib import Path

import numcodecs
import numpy

SIZES = (5, 7, 4, 3, 2, 3)  # of as many dimensions as there are
CHUNKS = (2, 3, 4, 2, 1, 2)

TYPES = [
    '|b1', '|i1', '|u1', '<i2', '>i2', '<u2', '>u2', '<i4', '>i4', '<u4', '>u4', '<i8', '>i8',
    '<u8', '>u8', '<f2', '>f2', '<f4', '>f4', '<f8', '>f8', '<c8', '>c8', '<c16', '>c16', '<U5',
    '>U3', '|S6', '|V4', '<M8[ns]', '>M8[25s]', '<M8[D]', '<m8[ms]', '>m8[h]', '|O'
]

BLOSC = [dict(id='blosc', cname=cname, clevel=5, shuffle=shuffle, blocksize=0)
         for cname in ('lz4', 'lz4hc', 'blosclz', 'zstd', 'zlib') for shuffle in (0, 1, 2, -1)]
CORE = [
    None,
    dict(id='gzip', level=1),
    dict(id='gzip', level=-1),
    dict(id='zstd', level=3),
    dict(id='zstd', level=-5, checksum=True),
    dict(id='zstd'),
    dict(id='blosc'),
    dict(id='gzip')
]
OTHER = [
    dict(id='zlib', level=1),
    dict(id='zlib'),
    dict(id='lz4', acceleration=1),
    dict(id='lz4'),
    dict(id='bz2', level=1),
    dict(id='bz2'),
    dict(id='lzma', format=1, check=-1, preset=None, filters=None),
    dict(id='lzma')
]
CHECKSUMS = [
    dict(id='crc32'),
    dict(id='crc32', location='end'),
    dict(id='crc32c'),
    dict(id='crc32c', location='start'),
    dict(id='crc32c', location='end'),
    dict(id='adler32'),
    dict(id='adler32', location='end'),
    dict(id='fletcher32'),
    dict(id='jenkins_lookup3')
]
SHUFFLE = [dict(id='shuffle'), dict(id='shuffle', elementsize=2)]


def delta(dtype, astype=None):
    return dict(id='delta', dtype=dtype, **({'astype': astype} if astype else {}))


def scaled(dtype, astype, scale=10, offset=1000.5):
    return dict(id='fixedscaleoffset', scale=scale, offset=offset, dtype=dtype, astype=astype)


# (type, filters): of arrays, of bytes, and both
FILTERS = [
    ('<i4', [delta('<i4')]),
    ('>i4', [delta('>i4')]),
    ('<i4', [delta('<i4', '<i2')]),
    ('<i4', [delta('<i4', '>i2')]),
    ('>i8', [delta('>i8', '<i4')]),
    ('<f8', [delta('<f8')]),
    ('|u1', [delta('|u1')]),
    ('<f8', [scaled('<f8', '<i4')]),
    ('<f8', [scaled('<f8', '|u1', 1, 900)]),
    ('>f4', [scaled('>f4', '>i4')]),
    ('<f8', [scaled('<f8', '>i2')]),
    ('<f8', [dict(id='quantize', digits=1, dtype='<f8')]),
    ('>f8', [dict(id='quantize', digits=1, dtype='>f8', astype='>f8')]),
    ('<f4', [dict(id='bitround', keepbits=10)]),
    ('|b1', [dict(id='packbits')]),
    ('<i8', [dict(id='astype', encode_dtype='<i4', decode_dtype='<i8')]),
    ('>i8', [dict(id='astype', encode_dtype='>i2', decode_dtype='>i8')]),
    ('<f8', [scaled('<f8', '<i4'), delta('<i4', '<i2')]),
    ('<f8', [dict(id='astype', encode_dtype='<f4', decode_dtype='<f8'),
             delta('<f4')]),
    ('<i4', [delta('<i4'), dict(id='shuffle', elementsize=4)]),
    ('<i4', [dict(id='shuffle', elementsize=4),
             dict(id='zlib', level=1)]),
    ('|b1', [dict(id='packbits'), dict(id='zlib', level=1)]),
    ('<u2', [dict(id='zlib', level=1)]),
    ('<u2', [dict(id='blosc')]),
    ('<i4', [delta('<i4'), dict(id='crc32c', location='end')]),
    ('<i4', []),
] + [('<u2', [c]) for c in CHECKSUMS + SHUFFLE]


def values(dtype, shape, seed):
    """Pixels that are not fill, and not alike."""
    count = int(numpy.prod(shape, dtype=int))
    numbers = (numpy.arange(count, dtype='i8') * 37 + seed) % 101 + 1
    kind = numpy.dtype(dtype).kind
    if kind == 'O':
        out = numpy.array([('ü' * (n % 4)) + str(n) for n in numbers] + [None], dtype=object)[:-1]
    elif kind in 'US':
        out = numpy.array([str(n) for n in numbers]).astype(dtype)
    elif kind == 'V':
        out = numpy.frombuffer(numbers.astype('<i4').tobytes(), dtype=dtype)
    elif kind == 'b':
        out = (numbers % 3 > 0)
    elif kind in 'Mm':
        out = numbers.astype('i8').view(dtype.replace('>', '<')).astype(dtype)
    elif kind == 'c':
        out = (numbers + 1j * (numbers % 7)).astype(dtype)
    elif kind == 'f':
        out = (numbers + 1000).astype(dtype)
    else:
        out = numbers.astype(dtype)
    return out.reshape(shape)


def fill_json(fill, dtype):
    """As v2 writes it."""
    if isinstance(fill, bytes):
        return base64.b64encode(fill).decode()
    return fill


FILLS = {
    'b': [False, True, None], 'i': [0, -3, None], 'u': [0, 7, None],
    'f': [0, 0.5, 'NaN', 'Infinity', '-Infinity', None], 'c': [[0.0, 0.0], [1.5, 'NaN'], None],
    'U': ['', 'ab', None], 'S': [b'', b'xy', None], 'V': [b'\0' * 4, b'\1\2\3\4', None],
    'M': [0, 12345, 'NaT', None], 'm': [0, 12345, 'NaT', None], 'O': ['', 'ab', 0, None]
}


def encode(chunk, order, filters, compressor):
    chunk = numpy.asarray(chunk, order=order)
    for config in filters or []:
        chunk = numcodecs.get_codec(dict(config)).encode(chunk)
    if compressor:
        chunk = numcodecs.get_codec(dict(compressor)).encode(chunk)
    return chunk.tobytes(order='A') if isinstance(chunk, numpy.ndarray) else bytes(chunk)


def write_array(path, dtype, shape, chunks, *, order='C', separator='.', compressor=None,
                filters=None, fill=0, attributes=None, seed=0, states=None, skip=True):
    """Writes .zarray (its separator as `states`, if that is given), .zattrs and chunks."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    zarray = dict(zarr_format=2, shape=list(shape), chunks=list(chunks), dtype=dtype, order=order,
                  fill_value=fill_json(fill, dtype), compressor=compressor, filters=filters)
    if separator == '/' or states:
        zarray['dimension_separator'] = states or separator
    (path / '.zarray').write_text(json.dumps(zarray, indent=4))
    if attributes is not None:
        (path / '.zattrs').write_text(json.dumps(attributes, indent=4))
    pixels = values(dtype, shape, seed)
    grid = list(itertools.product(*(range(-(-s // c)) for s, c in zip(shape, chunks))))
    for number, index in enumerate(grid):
        if skip and len(grid) > 1 and number == 1:
            continue  # a missing one
        where = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, chunks))
        part = pixels[where]
        chunk = numpy.zeros(chunks, dtype=dtype)
        if dtype == '|O':
            chunk[...] = ''
        chunk[tuple(slice(0, n) for n in part.shape)] = part
        name = path / (separator.join(map(str, index)) or '0')
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(encode(chunk, order, filters, compressor))


def group(path, attributes=None):
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / '.zgroup').write_text('{\n    "zarr_format": 2\n}')
    if attributes is not None:
        (path / '.zattrs').write_text(json.dumps(attributes, indent=4))
    return path


def matrix(root):
    """All of it below one group; the paths of the arrays."""
    group(root)
    made = []

    def add(what, dtype, dimensions, **more):
        name = f'{len(made):03}-{what}'
        filters = more.pop('filters', None)
        if dtype == '|O':
            filters = [dict(id='vlen-utf8')] + (filters or [])
        write_array(Path(root, name), dtype, SIZES[:dimensions], CHUNKS[:dimensions],
                    filters=filters, seed=len(made), **more)
        made.append(name)

    compressors = itertools.cycle(CORE + BLOSC[:8])
    for (dtype, order, separator), dimensions in zip(itertools.product(TYPES, 'CF', './'),
                                                     itertools.cycle((2, 3, 1, 4, 2))):
        fills = FILLS[numpy.dtype(dtype).kind]
        add('type', dtype, dimensions, order=order, separator=separator,
            compressor=next(compressors), fill=fills[len(made) % len(fills)])
    for compressor in CORE + BLOSC + OTHER:
        for dtype in ('<u2', '|u1') if compressor in BLOSC else ('<u2',):
            add('compressor', dtype, 2, compressor=compressor)
    for dtype, filters in FILTERS:
        for order in 'CF':
            add('filter', dtype, 2, order=order, filters=filters,
                compressor=[None, dict(id='zlib', level=1)][len(made) % 2],
                fill=False if dtype == '|b1' else 0)
    for dimensions, order, separator in itertools.product(range(7), 'CF', './'):
        add('dimensions', '<i2', dimensions, order=order, separator=separator,
            compressor=dict(id='blosc'))
    return made
