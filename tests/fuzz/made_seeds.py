#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""made_seeds.py METADATA OUTDIR: seeds that are neither archives nor single files: for fuzz_summary
several metadata files with a NUL between them (of those in the folder METADATA), for fuzz_v2
attributes and a node of Zarr v2 the same way, for fuzz_session lists of requests, for fuzz_image
rows of tables, for fuzz_pixels an array and a chunk of it, by every codec, for fuzz_answer a range
and a head, for fuzz_channel a session of asks, for fuzz_view an
address, metadata and asks."""
import gzip
import json
import random
import struct
import sys
import zlib
from pathlib import Path

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, GETXATTR, LISTXATTR = 1, 2, 3, 14, 15, 17, 22, 23
INIT, OPENDIR, READDIR, ACCESS, INTERRUPT = 26, 27, 28, 34, 36
DESTROY, NOTIFY_REPLY, BATCH_FORGET, READDIRPLUS = 38, 41, 42, 44


# --- metadata -------------------------------------------------------------------------------------

def array(**more):
    return json.dumps({
        'zarr_format': 3, 'node_type': 'array', 'shape': [8,
                                                          8], 'data_type': 'uint8', 'fill_value': 0,
        'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [4, 4]}},
        'chunk_key_encoding': {'name': 'default'}, 'codecs': [{'name': 'bytes'}], **more
    }).encode()


def group(**ome):
    return json.dumps(
        {'zarr_format': 3, 'node_type': 'group', 'attributes': {'ome': {'version': '0.5',
                                                                        **ome}}}).encode()


def at(path, text):
    """The text as the file with the number `path` of fuzz_summary.c."""
    return bytes([path]) + text


def summaries(known):
    scaled = [{'type': 'scale', 'scale': [1, 1]}]
    image = group(multiscales=[{
        'name': 'm', 'axes': [{'name': n, 'type': 'space'} for n in 'yx'],
        'datasets': [{'path': p, 'coordinateTransformations': scaled} for p in '01']
    }])
    yield b'\0'.join([
        image,
        array(),
        array(dimension_names=['y', None]),
        group(labels=['a', 'b']), image,
        array()
    ])
    yield b'\0'.join([
        group(
            plate={'rows': [{'name': 'A'}], 'columns': [{'name': '1'}], 'wells': [{'path': 'A/1'}]
                   }),
        at(6, group(well={'images': [{'path': '0'}, {'path': '1'}]})),
        at(7, image),
        at(22, array())
    ])
    yield b'\0'.join(
        [group(**{'bioformats2raw.layout': 3}), image, image,
         at(8, group(series=['0', '1']))])
    yield b'\0'.join([
        b'{', b'[]', b'', b'{"zarr_format":4}', b'\xff', b'{"zarr_format":3,"node_type":"\\u001b"}'
    ])
    yield b'\0'.join([
        at(11, b'{"zarr_format":2}'),
        at(12, known['image-v2.json']),
        at(14, known['array-v2.json']),
        at(17, b'{}')
    ])
    yield b'\0'.join([
        known['scene.json'], image,
        array(), known['plate.json'], known['image.json'], known['nested.json'],
        known['systems.json']
    ])
    yield at(10, image)


# --- requests -------------------------------------------------------------------------------------

def ask(opcode, body=b'', node=0, flags=0):
    return bytes([opcode, node, flags, len(body)]) + body


def init(major=7, minor=36, flags=0xFFFFFFFF):
    return ask(INIT, struct.pack('<IIII', major, minor, 131072, flags) + bytes(48))


def read(node, offset, size, opcode=READ):
    return ask(opcode, struct.pack('<QQIIQII', 0, offset, size, 0, 0, 0, 0), node)


def interrupt(step):
    """Of the request so many places on."""
    return ask(INTERRUPT, struct.pack('<bxxxxxxx', step))


def sessions():
    usual = [
        init(),
        ask(GETATTR, bytes(16)),
        ask(LOOKUP, b'zarr.json\0'),
        ask(OPENDIR, bytes(8)),
        read(0, 0, 4096, READDIRPLUS),
        read(0, 2, 4096, READDIR),
        ask(OPEN, bytes(8), 2),
        read(2, 0, 4096),
        ask(STATFS),
        ask(ACCESS, struct.pack('<II', 4, 0)),
        ask(GETXATTR,
            struct.pack('<II', 100, 0) + b'user.ozx.state\0'),
        ask(LISTXATTR, struct.pack('<II', 0, 0))
    ]
    slow = [
        read(node, offset, 65536)
        for node, offset in ((7, 8 << 20), (8, 7 << 20), (7, 1 << 20), (8, 6 << 20), (7, 4 << 20))
    ]
    yield usual + [ask(FORGET, struct.pack('<Q', 1), 2), ask(DESTROY)]
    yield [
        init(), *slow,
        interrupt(-1),
        interrupt(-2),
        interrupt(-3), *slow,
        interrupt(-5),
        read(2, 0, 10),
        ask(DESTROY)
    ]
    yield [
        init(),
        interrupt(1), *slow,
        interrupt(1),
        interrupt(2),
        ask(GETATTR, bytes(16)),
        interrupt(100),
        interrupt(0),
        ask(STATFS)
    ]
    yield [
        init(),
        init(),
        ask(STATFS),
        ask(DESTROY),
        ask(STATFS),
        init(),
        ask(STATFS),
        interrupt(-1),
        ask(DESTROY),
        ask(DESTROY)
    ]
    for major, minor, flags in ((7, 0, 0), (7, 12, 0), (6, 0, 1), (8, 0, 1), (0, 0, 0),
                                (7, 0xFFFFFFFF, 0xFFFFFFFF), (7, 31, 0x4000000)):
        yield [init(major, minor, flags), *usual[1:], *slow[:2]]
    yield [ask(STATFS), init()]
    yield [interrupt(1), init(), ask(STATFS)]
    yield [ask(INIT), ask(INIT, b'\7'), ask(INIT, struct.pack('<II', 7, 36)), *usual[1:]]
    yield [init()] + [ask(opcode) for opcode in range(1, 54)]
    yield [init()] + [ask(opcode, bytes(4)) for opcode in (*range(38, 64), 0xF0, 0xF1, 0xFF)]
    yield [
        init(),
        ask(STATFS, flags=1),
        ask(STATFS, flags=0x0B),
        ask(GETATTR, bytes(3)),
        ask(LOOKUP),
        ask(LOOKUP, b'x' * 255)
    ]
    yield [init(), ask(STATFS), ask(STATFS, bytes(8), flags=0xFF), ask(STATFS)]
    yield [
        init(),
        ask(BATCH_FORGET, struct.pack('<II', 0xFFFFFFFF, 0)),
        ask(NOTIFY_REPLY, bytes(40)), *usual[1:], *slow
    ]


# --- Zarr v2 --------------------------------------------------------------------------------------

def nodes_of_v2():
    base = dict(zarr_format=2, shape=[5, 7], chunks=[2, 3], dtype='<i4', order='F', fill_value=0,
                compressor=None, filters=None)
    blosc = dict(id='blosc', cname='lz4', clevel=5, shuffle=-1, blocksize=0)
    scaled = dict(id='fixedscaleoffset', scale=10, offset=1.5, dtype='<f8', astype='|u1')
    levels = dict(datasets=[dict(path='ab'), dict(path='cd')])
    everything = {
        'labels': ['a'], 'plate': {'version': '0.4'}, 'well': {}, 'image-label': {}, 'series': [],
        'bioformats2raw.layout': 3
    }
    for attributes, changes in (({'_ARRAY_DIMENSIONS': ['y', 'x'], 'a': [1, {'b': 1e5}]},
                                 dict(
                                     compressor=blosc, filters=[
                                         dict(id='delta', dtype='<i4', astype='>i2'),
                                         dict(id='shuffle')
                                     ])),
                                ({}, dict(dtype='|O', filters=[dict(id='vlen-utf8')],
                                          fill_value='x')), ({},
                                                             dict(dtype='|V4',
                                                                  fill_value='AAAAAA==',
                                                                  compressor=dict(id='zlib'))),
                                ({},
                                 dict(dtype='>c16', filters=[], fill_value=[1.5, 'NaN'],
                                      compressor=dict(id='gzip', level=-1))),
                                ({},
                                 dict(dtype='<M8[25s]', fill_value='NaT',
                                      compressor=dict(id='zstd'))),
                                ({},
                                 dict(dtype='<f8', filters=[scaled, dict(id='crc32c')],
                                      fill_value='Infinity', order='C'))):
        yield json.dumps(attributes).encode() + b'\0' + json.dumps({**base, **changes}).encode()
    for attributes in ({
            'multiscales': [dict(levels, version='0.1')], 'omero': {'version': '0.1'}, 'x': 1
    }, {'multiscales': [dict(levels, version='0.3', axes=['y', 'x'])]}, {
            'multiscales': [dict(levels, version='0.4', axes=[{'name': 'y', 'type': 'space'}])],
            **everything
    }):
        yield json.dumps(attributes).encode() + b'\0{"zarr_format": 2}'


# --- tables of files ------------------------------------------------------------------------------

def tables():
    """Archives of all sizes, with few rows and many; what fuzz_image.c makes of the bytes is right
    by construction."""
    dice = random.Random(20)
    for size in range(128):
        yield bytes([2 * size]) + dice.randbytes(dice.choice((5, 20, 200, 1999)))
    row = struct.pack('<QQqIIBB6x', 3, 0, 1, 0, 0, 1, 2)
    yield b'\x07' + struct.pack('<IIIIQQ', 0x315A584F, 2, 1, 0, 0, 0) + b'a' + struct.pack(
        '<QQqIIBB6x', 0, 0, 1, 0, 0, 0, 1) + row


# --- pixels ---------------------------------------------------------------------------------------

def arrays_and_chunks():
    """An array, a NUL, which chunk it is (0: c/0/0, 3: 0.0 of Zarr v2), and that chunk."""
    plain = bytes(range(16))
    little, crc = {'name': 'bytes', 'configuration': {'endian': 'little'}}, {'name': 'crc32c'}
    turn = {'name': 'transpose', 'configuration': {'order': [1, 0]}}
    inner = {'chunk_shape': [2, 2], 'codecs': [little], 'index_codecs': [little]}
    sharding = {'name': 'sharding_indexed', 'configuration': inner}
    turned = dict(inner, chunk_shape=[4, 2], codecs=[turn, sharding], index_location='start')
    nested = {'name': 'sharding_indexed', 'configuration': turned}
    index = struct.pack('<8Q', 0, 4, 4, 4, 2**64 - 1, 2**64 - 1, 8, 4)
    shard = bytes(12) + index
    # one raw block; one buffer that is copied
    zstd = struct.pack('<IBBBBB', 0xFD2FB528, 0x20, 16, 16 << 3 | 1, 0, 0) + plain
    blosc = struct.pack('<BBBBIII', 2, 1, 2, 1, 16, 16, 32) + plain
    summed = plain + struct.pack('<I', 0xD9C908EB)
    for codecs, chunk in (([little], plain), ([turn, little], plain), ([little, crc], summed),
                          ([little, {'name': 'gzip'}], gzip.compress(plain, mtime=0)),
                          ([little, {'name': 'zlib'}], zlib.compress(plain)),
                          ([little, {'name': 'zstd'}], zstd), ([little, {'name': 'blosc'}], blosc),
                          ([sharding], shard), ([sharding, {'name': 'gzip'}],
                                                gzip.compress(shard, mtime=0)),
                          ([nested], struct.pack('<4Q', 32, 44, 32, 44) + bytes(12) + index[:32])):
        yield array(codecs=codecs) + b'\0\0' + chunk
    for dtype, size in (('bool', 1), ('int16', 2), ('uint64', 8), ('float16', 2), ('float32', 4),
                        ('float64', 8)):
        yield array(data_type=dtype) + b'\0\0' + plain * size
    zarray = dict(zarr_format=2, shape=[8, 8], chunks=[4, 4], dtype='>u2', order='F', fill_value=0,
                  compressor=dict(id='zlib'), filters=None)
    yield json.dumps(zarray).encode() + b'\0\3' + zlib.compress(plain * 2)


# --- viewers --------------------------------------------------------------------------------------

def viewed(known):
    """An address, the metadata of the root, and asks, each behind a NUL."""
    token = '/' + '0123456789abcdef' * 4 + '/'
    tail = struct.pack('<QII', 3, 4, 0)
    style = struct.pack('<QIIdd', 0, 0xFF8000, 0, 1.5, 9e9)
    asks = b''.join(
        struct.pack('<4I4QII', kind, node, 0, 2**32 - 1 if kind != 4 else 0, 0, 0, 0, 0, 16, 1) +
        style * 32 + tail for kind, node in ((4, 0), (4, 1), (6, 1), (9, 2**32 - 1), (9, 3)))
    image = {'zarr_format': 3, 'node_type': 'group', 'attributes': {'ome': {
        'version': '0.5', 'multiscales': [{
            'axes': [{'name': n, 'type': 'space', 'unit': 'micrometer'} for n in 'yx'],
            'datasets': [{'path': 'a', 'coordinateTransformations': [
                {'type': 'scale', 'scale': [0.5, 0.5]}]}] * 2}],
        'omero': {'channels': [{'color': 'FF0000', 'active': True, 'window': {
            'start': 1, 'end': 9}}]}}}}
    texts = [json.dumps(image).encode(), array(), *known.values()]
    addresses = ['tree.json', 'tile/0/1/2/3/4/5.png?c=0:FF00FF:-1.5:9e9,1:00ff00:0:1&l=7', 'alive',
                 'thumbnail/1.png?s=96', 'zarr/a%2Fb/%c3%bc', 'archive.ozx', 'node/4.json']
    for number, text in enumerate(texts):
        yield (token + addresses[number % len(addresses)]).encode() + b'\0' + text + b'\0' + asks
    yield b'bytes=-5\0\0'


# --- servers --------------------------------------------------------------------------------------

def answers():
    """What was asked for, and the head that came."""
    asked = struct.pack('<QQB', 4096, 8191, 0)
    head = b'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4096-8191/100000\r\n'
    more = (b'Content-Length: 4096\r\nETag: "v1"\r\n'
            b'Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\n')
    s3 = b'x-amz-version-id: a/b=\r\nx-amz-bucket-region: eu-west-1\r\nDate: now\r\n\r\n'
    yield asked + head + more + s3
    yield struct.pack('<QQB', 262144, 0, 1) + (b'HTTP/2 206\nContent-Range: bytes 0-9/10\n'
                                               b'ETag: W/"a"\n')
    yield asked + b'HTTP/1.1 100 Continue\r\n\r\n' + head + head + b'etag: "a"\netag: "b"\n'
    yield asked + (b'HTTP/1.1 302 F\r\nLocation: //a/b\r\nRetry-After: 2\r\n'
                   b'X-RateLimit-Remaining: 0\r\n')
    yield asked + b'HTTP/1.1 400 B\r\n\r\n<Error><Code>Slow</Code><Region>a-1</Region></Error>'
    for text in (b'bytes */5', b'bytes 1-0/5', b'bytes 0-18446744073709551616/5', b'items 0-1/2'):
        yield asked + (b'HTTP/1.1 206 P\r\nContent-Encoding: gzip\r\nContent-Range: ' + text +
                       b'\r\n')


def asks():
    """The size of an object, and then: reads (1), needs (2), cancels (3), and what the network
    brings (4)."""

    def step(kind, number, offset, size):
        return struct.pack('<BBQI', kind, number, offset, size)

    for shift, counted in ((12, 0), (12, 0x80), (0, 0), (31, 0)):
        steps = [step(1, n, 65536 * n, 65536) for n in range(8)]
        steps += [step(2, 0, 900000, 1 << 20), step(3, 2, 0, 0), step(4, 1, 0, 0), step(4, 0, 1, 0)]
        steps += [step(0x84, n, n, 0) for n in range(4)]
        steps += [step(0x82, n, 7 << n, 9) for n in range(9)]
        yield struct.pack('<IB', 0xFFFFFFFF, shift | counted) + b''.join(steps)
    yield b'url\0https://example.org/x.ozx\0deadline\0' + b'60\0'


def main(metadata, outdir):
    known = {path.name: path.read_bytes() for path in Path(metadata).iterdir()}
    for kind, seeds in (('summary', summaries(known)), ('session', map(b''.join, sessions())),
                        ('v2', nodes_of_v2()), ('image', tables()),
                        ('pixels', arrays_and_chunks()), ('answer', answers()),
                        ('channel', asks()), ('view', viewed(known))):
        folder = Path(outdir) / kind
        folder.mkdir(parents=True)
        for number, seed in enumerate(seeds):
            (folder / str(number)).write_bytes(seed)


if __name__ == '__main__':
    main(*sys.argv[1:])
