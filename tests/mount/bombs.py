# SPDX-License-Identifier: BSD-2-Clause
"""Archives whose entries expand to more than anybody can wait for, made in no time: a bzip2 block
of zeros, again and again.

As a program: bombs.py FILE writes one.
"""
import bz2
import functools
import os
import struct
import sys
import zlib

from corpus.zipforge import Entry, Sparse, Zip

BLOCK, END = format(0x314159265359, '048b'), format(0x177245385090, '048b')
ROOT = b'{"zarr_format":3,"node_type":"group"}'
XZ_HEAD = 12


def _stream(block, crc, count):
    total = 0
    for _ in range(count):
        total = (total << 1 | total >> 31) & 0xFFFFFFFF ^ crc
    bits = block * count + END + format(total, '032b')
    bits += '0' * (-len(bits) % 8)
    return b'BZh9' + int(bits, 2).to_bytes(len(bits) // 8, 'big')


@functools.cache
def _block():
    """A block of nothing but zeros: its bits, its CRC, how many they are."""
    stream = bz2.compress(bytes(100 << 20))[4:]
    bits = format(int.from_bytes(stream, 'big'), '0%db' % (8 * len(stream)))
    block = bits[:bits.index(BLOCK, 48)]
    crc = int(block[48:80], 2)
    return block, crc, len(bz2.decompress(_stream(block, crc, 1)))


def bomb(gib):
    """(packed, size): about so much, as bzip2."""
    block, crc, size = _block()
    count = (gib << 30) // size
    return _stream(block, crc, count), count * size


def bombs(count, gib, *others):
    packed, size = bomb(gib)
    zeros = Sparse(size, {})
    wide = ('usize',) if size > 0xFFFFFFFF else ()
    entries = [
        Entry(b'0/c/0/%d' % i, zeros, method=12, packed=packed, zip64=wide,
              local_zip64=('usize', 'csize') if wide else ()) for i in range(count)
    ]
    return Zip([Entry(b'zarr.json', ROOT), *others, *entries]).bytes()


def lzma_that_wants(dictionary, data):
    """An LZMA entry (APPNOTE 5.8.8) whose header asks for so large a dictionary; the rest is right.
    """
    import lzma

    filters = [{'id': lzma.FILTER_LZMA1, 'dict_size': 1 << 16}]
    raw = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
    return struct.pack('<BBHBI', 9, 4, 5, 0x5D, dictionary) + raw


def xz_that_wants(code, data):
    """An .xz stream whose block asks for the dictionary of this code (40: 4 GiB)."""
    import lzma

    stream = bytearray(
        lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32,
                      filters=[{'id': lzma.FILTER_LZMA2, 'dict_size': 1 << 16}]))
    size = (stream[XZ_HEAD] + 1) * 4
    at = stream.index(b'\x21\x01', XZ_HEAD, XZ_HEAD + size) + 2
    stream[at] = code
    stream[XZ_HEAD + size - 4:XZ_HEAD + size] = struct.pack(
        '<I', zlib.crc32(bytes(stream[XZ_HEAD:XZ_HEAD + size - 4])))
    return bytes(stream)


if __name__ == '__main__':
    with open(sys.argv[1], 'wb') as out:
        out.write(bombs(16, 16))
