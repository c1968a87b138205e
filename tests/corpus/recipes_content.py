# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for what is inside an entry: how it is stored, and whether the local header tells the
same story.

Ids: encrypted, method, special, local, compressed, descriptor, attributes, crc.
"""
import stat
import zlib

from .recipe import (
    EIO, REFUSE, SERVE, Damaged, Entry, Unreadable, add, image, pattern, recipe, refused, served)
from .zipforge import DESCRIPTOR, DOS, MACOS, S32, UTF8, extra_field, zip64_field

DATA = pattern(300, 7)
LONG = b''.join(b'row %06d of a text that deflates\n' % i for i in range(20_000))  # 640,000 bytes


def unreadable(**fields):
    """The image and one entry `x` that is visible and EIO; all others are served."""
    return served(image(Entry(b'x', DATA, **fields), Entry(b'behind', b'still readable')),
                  eio=[b'x'])


def fine(**fields):
    return served(image(Entry(b'x', DATA, **fields), Entry(b'behind', b'still readable')))


# --- encrypted, method, special -------------------------------------------------------------------

for _name, _note, _flags in (('stored', 'bit 0', 1), ('strong', 'bits 0 and 6: strong encryption',
                                                      0x41), ('strong_only', 'bit 6 alone', 0x40),
                             ('masked', 'bit 13: local values masked',
                              0x2001), ('utf8', 'bits 0 and 11', 0x801)):
    add('encrypted', EIO, 'encrypted_' + _name, 'STORED and encrypted, ' + _note,
        lambda f=_flags: unreadable(flags=f))


@recipe('encrypted', EIO)
def encrypted_traditional():
    """The 12 bytes of a traditional header in front: two different sizes, fine for an encrypted
    entry."""
    return unreadable(flags=1, packed=bytes(12) + DATA)


add('encrypted', EIO, 'encrypted_deflated', 'deflated and encrypted',
    lambda: unreadable(flags=1, method=8))
add('encrypted', EIO, 'encrypted_descriptor', 'encrypted, with a data descriptor',
    lambda: unreadable(flags=9, descriptor='signed'))
add(
    'encrypted', EIO, 'encrypted_aes', 'AES as WinZip writes it: method 99 and its extra field',
    lambda: unreadable(flags=1, method=99, packed=bytes(28) + DATA, extra=extra_field(
        0x9901, b'\2\0AE\3\0\0')))
add('encrypted', EIO, 'encrypted_zarr_json',
    'the root zarr.json is encrypted: visible, not readable',
    lambda: served(image(change=(b'zarr.json', {'flags': 1})), eio=[b'zarr.json']))
# Of an empty file the kernel reads nothing, so nobody would be asked.
for _id, _name, _note, _fields in (
    ('encrypted', 'encrypted_empty', 'an empty file, encrypted', dict(flags=1, packed=bytes(12))),
    ('method', 'method_empty', 'an empty file with an unknown method', dict(method=97,
                                                                            packed=b'wv')),
    ('special', 'special_empty', 'an empty symlink', dict(mode=0o120777)),
    ('local', 'local_empty_sizes', 'an empty file, its local header has a size',
     dict(packed=b'data', local={'csize': 4, 'usize': 4}, central={'csize': 0})),
    ('local', 'local_empty_name', 'an empty file, its local header has another name',
     dict(local={'name': b'y'})), ('compressed', 'compressed_claims_nothing',
                                   'an empty file whose stream is not empty',
                                   dict(method=8, packed=Entry(b'', b'1', method=8).stored()))):
    add(_id, EIO, _name, _note, lambda f=_fields: served(
        image(Entry(b'x', b'', **f), Entry(b'behind', b'still readable')), eio=[b'x']))
for _method in (1, 6, 7, 10, 11, 15, 18, 96, 97, 98, 1000, 65535):
    add('method', EIO, 'method_%d' % _method, 'compression method %d' % _method,
        lambda m=_method: unreadable(method=m, packed=DATA[:120]))
add(
    'method', EIO, 'method_zarr_json', 'the root zarr.json has an unknown method', lambda: served(
        image(change=(b'zarr.json', {'method': 97, 'packed': b'wv'})), eio=[b'zarr.json']))
add(
    'method', EIO, 'method_claims_much',
    'an unknown method that claims 1 EiB: visible with that size', lambda: served(
        image(
            Entry(b'x', DATA, method=97, packed=b'p', zip64=('usize', ), extra=b'', central=
                  {'extra': zip64_field(1 << 60), 'usize': S32})), add={b'x': Unreadable(1 << 60)}))

_KINDS = (('symlink', stat.S_IFLNK), ('fifo', stat.S_IFIFO), ('socket', stat.S_IFSOCK),
          ('character_device', stat.S_IFCHR), ('block_device', stat.S_IFBLK))
for _kind, _bits in _KINDS:
    add('special', EIO, 'special_%s' % _kind, 'a %s, made by Unix' % _kind.replace('_', ' '),
        lambda b=_bits: unreadable(mode=b | 0o777))
    add('special', EIO, 'special_%s_macos' % _kind, 'a %s, made by macOS' % _kind.replace('_', ' '),
        lambda b=_bits: unreadable(mode=b | 0o777, host=MACOS))
    add('attributes', SERVE, 'attributes_%s_by_dos' % _kind,
        'the type bits of a %s, made by DOS: they mean nothing' % _kind.replace('_', ' '),
        lambda b=_bits: fine(mode=b | 0o777, host=DOS))
add('special', EIO, 'special_symlink_absolute', 'a symlink to /etc/passwd is never followed',
    lambda: served(image(Entry(b'x', b'/etc/passwd', mode=stat.S_IFLNK | 0o777)), eio=[b'x']))
add(
    'special', EIO, 'special_zarr_json', 'the root zarr.json is a symlink', lambda: served(
        image(change=(b'zarr.json', {'mode': stat.S_IFLNK | 0o777})), eio=[b'zarr.json']))


# --- attributes -----------------------------------------------------------------------------------

for _name, _note, _fields in (('none', 'no mode at all',
                               dict(mode=0)), ('no_type', 'permission bits without type bits',
                                               dict(mode=0o644)),
                              ('no_permissions', 'a regular file with no permission bit',
                               dict(mode=0o100000)), ('setuid', 'setuid, setgid, sticky',
                                                      dict(mode=0o107777)), ('executable',
                                                                             'an executable',
                                                                             dict(mode=0o100755)),
                              ('dos_readonly', 'DOS read-only, hidden, system',
                               dict(host=DOS, mode=0,
                                    central={'external': 7})), ('dos_directory_bit',
                                                                'the DOS directory bit on a file',
                                                                dict(host=DOS, mode=0,
                                                                     central={'external': 0x10})),
                              ('ntfs', 'made by NTFS with Unix bits', dict(host=10, mode=0o100600)),
                              ('host_255', 'made by an unknown system',
                               dict(host=255)), ('text', 'internal attribute: text',
                                                 dict(central={'internal': 1})),
                              ('internal', 'internal attributes 0xFFFF',
                               dict(central={'internal': 0xFFFF})),
                              ('version_needed', 'version needed 6.3',
                               dict(central={'version': 63}, local={'version': 63})),
                              ('owner', 'Info-ZIP\'s owner field: uid 0',
                               dict(extra=extra_field(0x7875, b'\1\4\0\0\0\0\4\0\0\0\0'),
                                    local_extra=extra_field(0x7875, b'\1\4\0\0\0\0\4\0\0\0\0')))):
    add('attributes', SERVE, 'attributes_' + _name, _note, lambda f=_fields: fine(**f))


# --- local ----------------------------------------------------------------------------------------

for _name, _note, _fields in (
    ('name', 'another name of the same length',
     dict(local={'name': b'y'})), ('name_longer', 'a longer name', dict(local={'name': b'xx'})),
    ('name_prefix', 'the name within a longer field', dict(local={'name': b'x\0'})),
    ('name_empty', 'no name', dict(local={'name': b'', 'extra': extra_field(0xCAFE, b'')})),
    ('name_case', 'the name in another case',
     dict(local={'name': b'X'})), ('name_traversal', 'a name that climbs out',
                                   dict(local={'name': b'../x'})), ('method', 'another method',
                                                                    dict(local={'method': 8})),
    ('flag_utf8', 'bit 11 only in the local header',
     dict(local={'flags': UTF8})), ('flag_encrypted', 'encrypted only in the local header',
                                    dict(local={'flags': 1})),
    ('flag_descriptor', 'bit 3 only in the local header',
     dict(local={'flags': DESCRIPTOR, 'crc': 0, 'csize': 0, 'usize': 0})),
    ('flag_descriptor_central', 'bit 3 only in the central header',
     dict(central={'flags': DESCRIPTOR})), ('flag_reserved',
                                            'a reserved bit only in the local header',
                                            dict(local={'flags': 0x8000})),
    ('csize', 'another compressed size', dict(local={'csize': 299})), ('usize', 'another size',
                                                                       dict(local={'usize': 301})),
    ('sizes', 'both sizes less',
     dict(local={'csize': 10, 'usize': 10})), ('sizes_zero', 'both sizes 0, without bit 3',
                                               dict(local={'csize': 0, 'usize': 0})),
    ('crc', 'another CRC', dict(local={'crc': 0x12345678})), ('crc_zero', 'CRC 0, without bit 3',
                                                              dict(local={'crc': 0})),
    ('signature', 'no local header there', dict(local={'signature': 0x04034B51})),
    ('signature_zero', 'NULs there',
     dict(local={'signature': 0})), ('signature_central', 'a central header\'s signature there',
                                     dict(local={'signature': 0x02014B50})),
    ('zip64_csize', 'the local ZIP64 field has another compressed size',
     dict(local={'csize': S32, 'usize': S32, 'extra': zip64_field(300, 299)})),
    ('zip64_usize', 'the local ZIP64 field has another size',
     dict(local={'csize': S32, 'usize': S32, 'extra': zip64_field(2**40, 300)})),
    ('zip64_missing', 'local sentinels without a ZIP64 field',
     dict(local={'csize': S32, 'usize': S32})),
    ('zip64_short', 'local sentinels with half a ZIP64 field',
     dict(local={'csize': S32, 'usize': S32, 'extra': zip64_field(300)}))):
    add('local', EIO, 'local_' + _name, 'local header: ' + _note, lambda f=_fields: unreadable(**f))

for _name, _note, _local in (('name', 'another name', {'name': b'y'}), ('method', 'another method',
                                                                        {'method': 8}),
                             ('flags', 'another flag', {'flags': DESCRIPTOR | UTF8})):
    add('local', EIO, 'local_with_bit_3_' + _name, 'local header with bit 3: ' + _note,
        lambda f=_local: unreadable(descriptor='signed', local=f))


@recipe('local', EIO)
def local_shifted_offset():
    """The central header's offset is one byte off: no local header there."""
    made = image(Entry(b'w', DATA), Entry(b'x', DATA), gap=bytes(9))
    made.layout()
    made.entries[-1].central = {'offset': made.entries[-1].offset + 1}
    return served(made, eio=[b'x'])


@recipe('local', EIO)
def local_of_another():
    """Two entries of one size, their offsets exchanged."""
    made = image(Entry(b'x', pattern(300, 1)), Entry(b'y', pattern(300, 2)))
    made.layout()
    x, y = made.entries[-2:]
    x.central, y.central = {'offset': y.offset}, {'offset': x.offset}
    return served(made, eio=[b'x', b'y'])


@recipe('local', EIO)
def local_zarr_json():
    """The root zarr.json has a wrong local header."""
    return served(image(change=(b'zarr.json', {'local': {'crc': 1}})), eio=[b'zarr.json'])


@recipe('local', EIO)
def local_deflated():
    """A deflated entry, its local header saying STORED."""
    return served(image(Entry(b'x', LONG, method=8, local={'method': 0})), eio=[b'x'])


for _name, _note, _fields in (('time', 'another time and date', dict(local={'time': 0, 'date': 0})),
                              ('version', 'another version needed', dict(local={'version': 63})),
                              ('extra', 'another extra field',
                               dict(local_extra=extra_field(0xCAFE, b'local'),
                                    extra=extra_field(0xBEEF, b'central')))):
    add('plain', SERVE, 'plain_local_' + _name,
        'the local header has ' + _note + ': that is not compared', lambda f=_fields: fine(**f))


# --- compressed -----------------------------------------------------------------------------------

def packed(data, view=None, **fields):
    made = image(Entry(b'x', data, **{'method': 8, **fields}), Entry(b'behind', b'still readable'))
    return served(made, add={b'x': view} if view else {})


def stream(data):
    return Entry(b'', data, method=8).stored()


def sizes(usize, data=LONG, method=8):
    """Both headers claim `usize`; the stream holds all of `data`."""
    lie = {'usize': usize}
    return packed(data, Damaged(data[:usize], usize), method=method, local=lie, central=lie)


add('compressed', SERVE, 'compressed_deflate', 'deflate', lambda: packed(LONG))
add('compressed', SERVE, 'compressed_deflate_empty', 'deflate of nothing: 2 bytes',
    lambda: packed(b''))
add('compressed', SERVE, 'compressed_deflate_one_byte', 'deflate of one byte', lambda: packed(b'x'))
add('compressed', SERVE, 'compressed_deflate_zip64', 'deflate with ZIP64 sizes',
    lambda: packed(LONG, zip64=('usize', 'csize', 'offset'), local_zip64=('usize', 'csize')))
add('compressed', SERVE, 'compressed_deflate_descriptor', 'deflate with a data descriptor',
    lambda: packed(LONG, descriptor='signed'))
add('compressed', SERVE, 'compressed_deflate_level_bits', 'deflate with the flag bits of its level',
    lambda: packed(LONG, flags=6))
add('compressed', SERVE, 'compressed_random', 'deflate of what cannot be compressed',
    lambda: packed(pattern(300_000)))
add('compressed', SERVE, 'compressed_bzip2', 'bzip2', lambda: packed(LONG, method=12))
add('compressed', SERVE, 'compressed_zeros', '8 MiB of zeros, deflated as far as deflate can',
    lambda: packed(bytes(8 << 20)))
add('compressed', SERVE, 'compressed_zarr_json', 'the root zarr.json is deflated',
    lambda: served(image(change=(b'zarr.json', {'method': 8}))))
add('compressed', EIO, 'compressed_claims_1033',
    'deflate that claims more than 1,032 times its size',
    lambda: served_bomb(len(stream(LONG)) * 1032 + 1))
add('compressed', EIO, 'compressed_claims_8_eib', 'deflate that claims 2^63 - 1 bytes',
    lambda: served_bomb(2**63 - 1))
add('bounds', REFUSE, 'bounds_compressed_claims_16_eib',
    'deflate that claims 2^64 - 1 bytes, more than any file', lambda: refused(bomb(2**64 - 1)))
add('compressed', EIO, 'compressed_truncated', 'deflate, the last 100 bytes of the stream missing',
    lambda: packed(LONG, Damaged(LONG, len(LONG)), packed=stream(LONG)[:-100]))
add('compressed', EIO, 'compressed_truncated_half', 'deflate, half of the stream missing',
    lambda: packed(LONG, Damaged(LONG, len(LONG)), packed=stream(LONG)[:len(stream(LONG)) // 2]))
add('compressed', EIO, 'compressed_damaged_start', 'deflate, the stream\'s first bytes wrong',
    lambda: packed(DATA, Unreadable(300), packed=b'\xff' * 64))
add('compressed', EIO, 'compressed_claims_longer',
    'deflate whose stream is shorter than the size it claims', lambda: sizes_longer(100))
add('compressed', EIO, 'compressed_claims_shorter',
    'deflate whose stream is longer than the size it claims', lambda: sizes(len(LONG) - 1))
add('compressed', EIO, 'compressed_claims_much_shorter',
    'deflate whose stream is much longer than it claims', lambda: sizes(1000))
add('compressed', EIO, 'compressed_empty_stream',
    'deflate of 0 bytes that claims none of the ratio, but a byte',
    lambda: packed(b'x', Unreadable(1), packed=b''))
add(
    'compressed', EIO, 'compressed_bzip2_truncated',
    'bzip2, cut off', lambda: packed(LONG, Damaged(LONG, len(LONG)), method=12, packed=Entry(
        b'', LONG, method=12).stored()[:-200]))


def bomb(size):
    """A deflated entry `x` that claims `size` bytes."""
    fields = {'usize': S32, 'extra': zip64_field(size)}
    return image(Entry(b'x', LONG, method=8, central=dict(fields), local=dict(fields)),
                 Entry(b'behind', b'still readable'))


def served_bomb(size):
    return served(bomb(size), add={b'x': Unreadable(size)})


def sizes_longer(by):
    lie = {'usize': len(LONG) + by}
    return packed(LONG, Damaged(LONG, len(LONG) + by), local=lie, central=lie)


def inflated(wrong):
    """What comes out of a damaged stream before its defect shows: that is what the archive says,
    byte for byte."""
    inflate, out = zlib.decompressobj(-15), bytearray()
    try:
        for i in range(len(wrong)):
            out += inflate.decompress(wrong[i:i + 1])
    except zlib.error:
        pass
    return bytes(out)


@recipe('compressed', EIO)
def compressed_damaged_middle():
    """Deflate with a byte changed in the middle of the stream: the end shows it at the latest."""
    wrong = bytearray(stream(LONG))
    wrong[len(wrong) // 2] ^= 0xFF
    return packed(LONG, Damaged(inflated(bytes(wrong)), len(LONG)), packed=bytes(wrong))


# --- descriptor, crc ------------------------------------------------------------------------------

for _kind in ('signed', 'plain', 'signed64', 'plain64', 'none'):
    add('descriptor', SERVE, 'descriptor_' + _kind, 'a data descriptor: %s' % _kind,
        lambda k=_kind: fine(descriptor=k))
add(
    'descriptor', SERVE, 'descriptor_on_all',
    'data descriptors on every entry, as a stream has them', lambda: served(
        image(*(Entry(b'c/%d' % i, pattern(i * 7, i), descriptor='signed') for i in range(20)))))
add(
    'descriptor', SERVE, 'descriptor_local_zip64',
    'a data descriptor, and ZIP64 fields of zeros in the local header', lambda: fine(
        descriptor='signed64', local={'csize': S32, 'usize': S32, 'extra': zip64_field(0, 0)}))
add('descriptor', SERVE, 'descriptor_local_values',
    'bit 3, and the local header holds the right values all the same',
    lambda: fine(descriptor='signed', local={'csize': 300, 'usize': 300, 'crc': zlib.crc32(DATA)}))
add('descriptor', SERVE, 'descriptor_local_wrong',
    'bit 3, and the local header holds wrong values: not compared',
    lambda: fine(descriptor='signed', local={'csize': 7, 'usize': 8, 'crc': 9}))
add(
    'descriptor', SERVE, 'descriptor_in_data', 'STORED data that looks like a data descriptor',
    lambda: served(
        image(Entry(b'x', b'PK\7\x08' + bytes(12) + b'PK\3\4' + bytes(40), descriptor='signed'))))
_WRONG = dict(crc=0xDEADBEEF)
add('crc', SERVE, 'crc_wrong', 'the CRC is wrong in both headers: not checked',
    lambda: fine(local=dict(_WRONG), central=dict(_WRONG)))
add('crc', SERVE, 'crc_zero', 'the CRC is 0 in both headers',
    lambda: fine(local={'crc': 0}, central={'crc': 0}))
add('crc', SERVE, 'crc_zarr_json', 'the root zarr.json\'s CRC is wrong',
    lambda: served(image(change=(b'zarr.json', {'local': dict(_WRONG), 'central': dict(_WRONG)}))))
