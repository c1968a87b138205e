# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for central headers and what they say of each other: extra fields, bounds, overlaps.

Ids: zip64-extra, extra-odd, bounds, overlap.
"""
import struct
import zlib

from .recipe import (
    EIO, OME_GROUP, REFUSE, SERVE, Entry, Zip, add, image, image64, pattern, recipe, refused,
    served)
from .zipforge import S32, TIMESTAMP_ID, ZIP64_ID, extra_field, local_header, zip64_field

ONE = b's0/c/0/1'
U64 = 2 ** 64 - 1


def with_central(extra=b'', **fields):
    """The image, one central header changed."""
    return image(change=(ONE, {'central': fields, 'extra': extra}))


# --- zip64-extra ----------------------------------------------------------------------------------

_DOUBLE = zip64_field(64) + zip64_field(64)
for _name, _note, _make in (
    ('missing_usize', 'size is a sentinel, no ZIP64 field', lambda: with_central(usize=S32)),
    ('missing_csize', 'compressed size is a sentinel, no ZIP64 field',
     lambda: with_central(csize=S32)), ('missing_both', 'both sizes are sentinels, no ZIP64 field',
                                        lambda: with_central(usize=S32, csize=S32)),
    ('missing_offset', 'the offset is a sentinel, no ZIP64 field',
     lambda: with_central(offset=S32)),
    ('missing_among_others', 'sentinel, and other fields but the ZIP64 field',
     lambda: with_central(extra_field(TIMESTAMP_ID, bytes(5)), usize=S32)),
    ('empty', 'the ZIP64 field is empty', lambda: with_central(zip64_field(), usize=S32)),
    ('short_1_of_2', 'two sentinels, one value',
     lambda: with_central(zip64_field(64), usize=S32, csize=S32)),
    ('short_2_of_3', 'three sentinels, two values',
     lambda: with_central(zip64_field(64, 64), usize=S32, csize=S32, offset=S32)),
    ('short_7_bytes', 'one sentinel, seven bytes',
     lambda: with_central(extra_field(ZIP64_ID, bytes(7)), usize=S32)),
    ('short_4_bytes', 'one sentinel, four bytes',
     lambda: with_central(extra_field(ZIP64_ID, struct.pack('<I', 64)), usize=S32)),
    ('double_same', 'two ZIP64 fields that agree', lambda: with_central(_DOUBLE, usize=S32)),
    ('double_different', 'two ZIP64 fields that differ',
     lambda: with_central(zip64_field(64) + zip64_field(32), usize=S32)),
    ('double_apart', 'two ZIP64 fields with another field between', lambda: with_central(
        zip64_field(64) + extra_field(TIMESTAMP_ID, bytes(5)) + zip64_field(64), usize=S32)),
    ('double_second_short', 'a right and a short ZIP64 field',
     lambda: with_central(zip64_field(64) + zip64_field(), usize=S32)),
    ('length_beyond', 'the ZIP64 field\'s length reaches beyond the extra data',
     lambda: with_central(struct.pack('<HHQ', ZIP64_ID, 16, 64), usize=S32)),
    ('behind_junk', 'the ZIP64 field stands behind bytes that cannot be parsed',
     lambda: with_central(b'\xfe\xca\xff\xff' + zip64_field(64), usize=S32)),
    ('half_header', 'three bytes of a ZIP64 field', lambda: with_central(b'\1\0\x08', usize=S32))):
    add('zip64-extra', REFUSE, 'zip64_extra_' + _name, _note, lambda m=_make: refused(m()))

_DIRECTORY = dict(mode=0o40755)
for _name, _note, _make in (
    ('id_swapped', 'the field\'s id is 0x0100',
     lambda: with_central(extra_field(0x0100, struct.pack('<Q', 64)), usize=S32)),
    ('only_local', 'the field stands in the local header only',
     lambda: image(change=(ONE, {'central': {'usize': S32}, 'local_zip64': ('usize', 'csize')}))),
    ('in_another_field', 'the field stands inside another field',
     lambda: with_central(extra_field(0xCAFE, zip64_field(64)), usize=S32)),
    ('in_comment', 'the field stands where the entry\'s comment is',
     lambda: image(change=(ONE, {'central': {'usize': S32}, 'comment': zip64_field(64)}))),
    ('cut_by_length', 'the extra data\'s length ends within the field, the rest is the comment',
     lambda: with_central(zip64_field(64), usize=S32, extra_size=8, comment_size=4)),
    ('in_two_halves', 'one field with the size, another with the compressed size',
     lambda: with_central(zip64_field(64) + zip64_field(64), usize=S32, csize=S32)),
    ('no_disk', 'size and disk are sentinels, the field has only the size',
     lambda: with_central(zip64_field(64), usize=S32, disk=0xFFFF)),
    ('disk_of_2_bytes', 'the disk is a sentinel, its value has two bytes',
     lambda: with_central(extra_field(ZIP64_ID, b'\0\0'), disk=0xFFFF)),
    ('missing_on_directory', 'a directory entry\'s offset is a sentinel',
     lambda: image(Entry(b'd/', central={'offset': S32}, **_DIRECTORY))),
    ('missing_on_encrypted', 'an encrypted entry\'s compressed size is a sentinel',
     lambda: image(Entry(b'x', b'x', flags=1, central={'csize': S32}))),
    ('missing_on_deflated', 'a deflated entry\'s size is a sentinel',
     lambda: image(Entry(b'x', b'x' * 99, method=8, central={'usize': S32}))),
    ('missing_on_overwritten', 'the first of two entries of one name: nobody needs it',
     lambda: image(Entry(b'x', b'old', central={'usize': S32}), Entry(b'x', b'new')))):
    add('zip64-extra', REFUSE, 'zip64_extra_' + _name, _note, lambda m=_make: refused(m()))

for _which in (('usize', ), ('csize', ), ('offset', ), ('usize', 'csize'), ('usize', 'offset'),
               ('csize', 'offset'), ('usize', 'csize', 'offset')):
    add('plain', SERVE, 'plain_zip64_extra_' + '_'.join(_which),
        'ZIP64 values for %s only' % ', '.join(_which),
        lambda w=_which: served(image(change=(ONE, {'zip64': w}))))
add(
    'plain', SERVE, 'plain_zip64_extra_behind_another', 'the ZIP64 field is the second one',
    lambda: served(
        with_central(extra_field(0xCAFE, b'abc') + zip64_field(64, 64), usize=S32, csize=S32)))
add('plain', SERVE, 'plain_zip64_local_only',
    'the local header is ZIP64, the central one is not, as a streaming writer leaves it',
    lambda: served(image(change=(ONE, {'local_zip64': ('usize', 'csize')}))))

for _name, _note, _disk in (('1', 'an entry on disk 1, by its ZIP64 field', 1),
                            ('65536', 'an entry on disk 65,536, by its ZIP64 field: 0 in 16 bits',
                             65536), ('sentinel', 'an entry on disk 0xFFFFFFFF, by its ZIP64 field',
                                      S32)):
    add(
        'disks', REFUSE, 'disks_entry_zip64_' + _name, _note, lambda d=_disk: refused(
            with_central(extra_field(ZIP64_ID, struct.pack('<I', d)), disk=0xFFFF)))
add('disks', REFUSE, 'disks_entry_directory', 'a directory entry on disk 1',
    lambda: refused(image(Entry(b'd/', mode=0o40755, central={'disk': 1}))))
add('disks', REFUSE, 'disks_entry_encrypted', 'an encrypted entry on disk 2',
    lambda: refused(image(Entry(b'x', b'x', flags=1, central={'disk': 2}))))


# --- extra-odd ------------------------------------------------------------------------------------

for _name, _note, _make in (('longer', 'one sentinel, two values',
                             lambda: with_central(zip64_field(64, 7), usize=S32)),
                            ('longer_disk', 'all sentinels and a disk number behind',
                             lambda: image(change=(ONE, {
                                 'central': {'usize': S32, 'csize': S32}, 'extra': extra_field(
                                     ZIP64_ID, struct.pack('<QQI', 64, 64, 0))
                             }))), ('not_needed', 'a ZIP64 field and no sentinel',
                                    lambda: with_central(zip64_field(1, 2, 3))),
                            ('not_needed_empty', 'an empty ZIP64 field and no sentinel',
                             lambda: with_central(zip64_field())),
                            ('not_needed_double', 'two ZIP64 fields and no sentinel',
                             lambda: with_central(zip64_field(1) + zip64_field(2))),
                            ('one_byte', 'one stray byte of extra data',
                             lambda: with_central(b'\0')),
                            ('three_nuls',
                             'three NULs of extra data, as aligning writers leave them',
                             lambda: with_central(bytes(3))),
                            ('length_beyond', 'a field whose length reaches beyond the extra data',
                             lambda: with_central(b'\xfe\xca\xff\xff')),
                            ('stray_behind_good', 'a right field and two stray bytes',
                             lambda: with_central(extra_field(0xCAFE, b'12') + b'ab')),
                            ('stray_behind_zip64', 'a needed ZIP64 field and two stray bytes',
                             lambda: with_central(zip64_field(64) + b'ab', usize=S32)),
                            ('short_timestamp',
                             'a timestamp field of one byte that promises a time',
                             lambda: with_central(extra_field(TIMESTAMP_ID, b'\1'))),
                            ('65535_bytes', '65,535 bytes of extra data that mean nothing',
                             lambda: with_central(bytes(65535)))):
    add('extra-odd', SERVE, 'extra_odd_' + _name, _note, lambda m=_make: served(m()))
add('plain', SERVE, 'plain_extra_unknown', 'an unknown extra field, well-formed',
    lambda: served(with_central(extra_field(0xCAFE, b'whatever'))))
add('plain', SERVE, 'plain_extra_65535',
    'one well-formed field fills the extra data to 65,535 bytes',
    lambda: served(with_central(extra_field(0xCAFE, bytes(65531)))))
add(
    'plain', SERVE, 'plain_entry_comment', 'comments on entries, one of 65,535 bytes',
    lambda: served(
        image(Entry(b'a', b'a', comment=b'c' * 65535), Entry(b'b', b'b', comment=b'PK\1\2'))))
add('plain', SERVE, 'plain_local_extra_only',
    'extra data only in the local header: the data starts later',
    lambda: served(image(change=(ONE, {'local_extra': extra_field(0xD935, bytes(4096))}))))


# --- bounds ---------------------------------------------------------------------------------------

def last_entry(shift, field=('csize', 'usize')):
    """The last entry's sizes too big by `shift`: it reaches into the directory, or beyond the file.
    """
    return refused(image(Entry(b'z', pattern(50), central={k: 50 + shift for k in field})))


def offset_of_last(where):
    made = image(Entry(b'z', b''))
    made.layout()
    made.entries[-1].central = {'offset': where(made)}
    return refused(made)


add('bounds', REFUSE, 'bounds_into_directory_by_1',
    'the last entry reaches one byte into the directory', lambda: last_entry(1))
add('bounds', REFUSE, 'bounds_beyond_file', 'the last entry reaches beyond the file',
    lambda: last_entry(1_000_000))
add('bounds', REFUSE, 'bounds_2_32', 'sizes of almost 4 GiB in a small file',
    lambda: last_entry(S32 - 51))
add('bounds', REFUSE, 'bounds_at_directory', 'a local header where the directory starts',
    lambda: offset_of_last(lambda m: m.directory_offset))
add('bounds', REFUSE, 'bounds_header_cut', 'a local header that reaches into the directory',
    lambda: offset_of_last(lambda m: m.directory_offset - 29))
add('bounds', REFUSE, 'bounds_name_cut', 'a local header whose name reaches into the directory',
    lambda: offset_of_last(lambda m: m.directory_offset - 30))
add('bounds', REFUSE, 'bounds_in_tail', 'a local header in the end record',
    lambda: offset_of_last(lambda m: m.end_offset))
add('bounds', REFUSE, 'bounds_offset_beyond', 'a local header beyond the file',
    lambda: offset_of_last(lambda m: S32 - 1))


def wide(**values):
    """The last entry with ZIP64 values of any width."""
    true = dict(usize=50, csize=50, offset=0, **{})
    made = image(Entry(b'z', pattern(50)))
    made.layout()
    true['offset'] = made.entries[-1].offset
    true.update(values)
    made.entries[-1].central = dict(usize=S32, csize=S32, offset=S32)
    made.entries[-1].extra = zip64_field(true['usize'], true['csize'], true['offset'])
    return refused(made)


for _name, _note, _values in (('size_2_64', 'sizes of 2^64 - 1: every sum overflows',
                               dict(usize=U64, csize=U64)),
                              ('size_wraps',
                               'sizes that wrap around to a place in front of the directory',
                               dict(usize=U64 - 60, csize=U64 - 60)),
                              ('size_2_63', 'sizes of 2^63: negative as a signed number',
                               dict(usize=1 << 63,
                                    csize=1 << 63)), ('offset_2_64', 'an offset of 2^64 - 1',
                                                      dict(offset=U64)),
                              ('offset_wraps',
                               'an offset of 2^64 - 30: the header\'s end wraps to 0',
                               dict(offset=U64 - 29)), ('offset_2_63', 'an offset of 2^63',
                                                        dict(offset=1 << 63)),
                              ('offset_and_size_wrap',
                               'offset and size that sum up to the right end',
                               dict(offset=1 << 63, usize=1 << 63, csize=1 << 63))):
    add('bounds', REFUSE, 'bounds64_' + _name, _note, lambda v=_values: wide(**v))
for _name, _note, _values in (('usize_cut',
                               'STORED, the size too big by 2^32: right if it is cut to 32 bits',
                               dict(usize=50 + (1 << 32))),
                              ('csize_cut', 'STORED, the compressed size too big by 2^32',
                               dict(csize=50 + (1 << 32))), ('sizes_cut',
                                                             'both sizes too big by 2^32',
                                                             dict(usize=50 + (1 << 32),
                                                                  csize=50 + (1 << 32))),
                              ('offset_cut', 'the offset too big by 2^32', dict(offset=(1 << 32))),
                              ('still_sentinels', 'the ZIP64 values are 0xFFFFFFFF again',
                               dict(usize=S32,
                                    csize=S32)), ('big_endian', 'the ZIP64 sizes are big-endian',
                                                  dict(usize=50 << 56, csize=50 << 56))):
    add('bounds', REFUSE, 'bounds64_' + _name, _note, lambda v=_values: wide(**v))


def swapped():
    """The ZIP64 values in the order of their place in the header."""
    made = image(Entry(b'z', pattern(50)))
    made.layout()
    made.entries[-1].central, made.entries[-1].extra = dict(usize=S32, offset=S32), zip64_field(
        made.entries[-1].offset, 50)
    return refused(made)


add('bounds', REFUSE, 'bounds64_order', 'the ZIP64 field has the offset in front of the size',
    swapped)
add('bounds', REFUSE, 'bounds_in_record64', 'a local header in the ZIP64 record',
    lambda: refused(in_record64()))
add(
    'bounds', REFUSE, 'bounds_in_comment', 'a local header in the archive\'s comment',
    lambda: refused(
        image(Entry(b'z', b'', present=False, offset=1100), comment=local_header(Entry(b'z', b'')) *
              9)))
add('bounds', REFUSE, 'bounds_no_room', 'entries, and a directory at byte 0',
    lambda: refused(Zip([Entry(b'z', b'', present=False)])))
add('bounds', REFUSE, 'bounds_directory_entry', 'a directory entry beyond the file',
    lambda: refused(image(Entry(b'd/', mode=0o40755, central={'offset': 99999}))))
add('bounds', REFUSE, 'bounds_directory_two_sizes',
    'a STORED directory entry of size 0 and compressed size 4',
    lambda: refused(image(Entry(b'd/', b'', packed=b'data', mode=0o40755))))
add('bounds', REFUSE, 'bounds_encrypted', 'an encrypted entry reaching beyond the file',
    lambda: refused(image(Entry(b'z', b'zz', flags=1, central={'csize': 1 << 20}))))
add(
    'bounds', REFUSE, 'bounds_symlink', 'a symlink reaching beyond the file', lambda: refused(
        image(Entry(b'z', b'zz', mode=0o120777, central={'csize': 1 << 20, 'usize': 1 << 20}))))
add('bounds', REFUSE, 'bounds_overwritten',
    'the first of two entries of one name reaches beyond the file: nobody needs it',
    lambda: refused(image(Entry(b'z', b'old', central={'offset': 1 << 20}), Entry(b'z', b'new'))))
add('bounds', REFUSE, 'bounds_descriptor_two_sizes',
    'STORED with a data descriptor, two different sizes',
    lambda: refused(image(Entry(b'z', pattern(50), descriptor='signed', central={'usize': 40}))))
add(
    'bounds', REFUSE, 'bounds_deflate_in_stored', 'deflated data that is called STORED',
    lambda: refused(
        image(Entry(b'z', b'z' * 900, method=8, central={'method': 0}, local={'method': 0}))))


def in_record64():
    made = image64()
    made.entries.append(Entry(b'z', b''))
    made.layout()
    made.entries[-1].central = {'offset': made.directory_offset + made.directory_size}
    return made


add('bounds', REFUSE, 'bounds_stored_usize_more', 'STORED, size one more than the compressed size',
    lambda: refused(with_central(usize=65)))
add('bounds', REFUSE, 'bounds_stored_usize_less', 'STORED, size one less than the compressed size',
    lambda: refused(with_central(usize=63)))
add('bounds', REFUSE, 'bounds_stored_usize_zero', 'STORED, size 0, compressed size 64',
    lambda: refused(with_central(usize=0)))
add('bounds', REFUSE, 'bounds_stored_csize_zero', 'STORED, size 64, compressed size 0',
    lambda: refused(with_central(csize=0)))
add('bounds', REFUSE, 'bounds_unknown_method',
    'an entry that cannot be read anyway, reaching beyond the file',
    lambda: refused(image(Entry(b'z', b'zz', method=97, packed=b'zz', central={'csize': 1 << 30}))))
add('bounds', REFUSE, 'bounds_deflated', 'a deflated entry reaching beyond the file',
    lambda: refused(image(Entry(b'z', b'z' * 99, method=8, central={'csize': 1 << 30}))))
add('plain', SERVE, 'plain_touching_directory',
    'the last entry ends exactly where the directory starts',
    lambda: served(image(Entry(b'z', pattern(50)))))


# --- overlap --------------------------------------------------------------------------------------

def same_offset(first, second):
    """Two listed entries that share one local header."""
    made = image(first, second)
    made.layout()
    second.central = {'offset': first.offset}
    return refused(made)


add('overlap', REFUSE, 'overlap_same_offset', 'two entries of two names at one local header',
    lambda: same_offset(Entry(b'x', pattern(20)), Entry(b'y', pattern(20), present=False)))
add('overlap', REFUSE, 'overlap_same_offset_empty', 'two empty entries at one local header',
    lambda: same_offset(Entry(b'x', b''), Entry(b'y', b'', present=False)))
add('overlap', REFUSE, 'overlap_same_entry_twice', 'one entry listed twice, with one name',
    lambda: same_offset(Entry(b'x', pattern(20)), Entry(b'x', pattern(20), present=False)))
add(
    'overlap', REFUSE, 'overlap_by_1', 'an entry that reaches one byte into the next local header',
    lambda: refused(
        image(Entry(b'x', pattern(20), central={'csize': 21, 'usize': 21}), Entry(
            b'y', pattern(20)))))
add(
    'overlap', REFUSE, 'overlap_unsorted', 'the same, the two listed in the other order',
    lambda: refused(
        image(Entry(b'x', pattern(20), central={'csize': 21, 'usize': 21}), Entry(
            b'y', pattern(20)), order=[0, 1, 2, 3, 5, 4])))
add(
    'overlap', REFUSE, 'overlap_deflated', 'a deflated entry that reaches into the next',
    lambda: refused(
        image(Entry(b'x', b'x' * 900, method=8, central={'csize': 60}), Entry(b'y', pattern(20)))))
add('overlap', REFUSE, 'overlap_directory_entry',
    'a directory\'s local header inside a file\'s data',
    lambda: inside_data(Entry(b'd/', b'', present=False, mode=0o40755)))
add('overlap', REFUSE, 'overlap_unreadable_entry', 'an encrypted entry inside a file\'s data',
    lambda: inside_data(Entry(b'e', b'12', flags=1, present=False)))


def inside_data(inner):
    """An entry whose local header lies inside the data of another, right in itself."""
    body = local_header(inner) + inner.stored()
    outer = Entry(b'outer', pattern(40) + body + pattern(40))
    made = image(outer, inner)
    made.layout()
    inner.central = {'offset': outer.offset + len(local_header(outer)) + 40}
    return refused(made)


def at_offset_of(first, second, shift):
    """The second entry's local header is said to be `shift` bytes behind the first one's."""
    made = image(first, second)
    made.layout()
    second.central = {'offset': first.offset + shift}
    return refused(made)


add('overlap', REFUSE, 'overlap_inside_header', 'a local header within another local header',
    lambda: at_offset_of(Entry(b'x', pattern(20)), Entry(b'y', b'', present=False), 10))
add(
    'overlap', REFUSE, 'overlap_inside_name',
    'a local header within another one\'s name', lambda: at_offset_of(
        Entry(b'a-long-name/' * 5 + b'x', b''), Entry(b'y', b'', present=False), 40))
add(
    'overlap', REFUSE, 'overlap_inside_local_extra',
    'a local header within another one\'s local extra field', lambda: at_offset_of(
        Entry(b'x', pattern(80), local_extra=extra_field(0xCAFE, local_header(Entry(b'y', b'')))),
        Entry(b'y', b'', present=False), 35))
add('overlap', REFUSE, 'overlap_inside_deflated', 'a local header within a deflated stream',
    lambda: at_offset_of(Entry(b'x', pattern(900), method=8), Entry(b'y', b'', present=False), 100))
add('overlap', REFUSE, 'overlap_directory_at_file', 'a directory entry at a file\'s local header',
    lambda: at_offset_of(Entry(b'x', b''), Entry(b'd/', b'', present=False, mode=0o40755), 0))
add(
    'overlap', REFUSE, 'overlap_zarr_json',
    'the root zarr.json and a chunk at one local header', lambda: same_offset(
        Entry(b's0/c/1/0', OME_GROUP), Entry(b'zarr.json', OME_GROUP, present=False)))
add(
    'overlap', REFUSE, 'overlap_by_zip64',
    'an entry that reaches one byte into the next, by its ZIP64 size', lambda: refused(
        image(
            Entry(b'x', pattern(20), central={'csize': S32, 'usize': S32}, extra=zip64_field(
                21, 21)), Entry(b'y', pattern(20)))))


@recipe('overlap', REFUSE)
def overlap_bomb_one_kernel():
    """A zip bomb: 500 names for one deflated entry."""
    kernel = Entry(b'kernel', bytes(500_000), method=8)
    made = image(kernel,
                 *(Entry(b'f%03d' % i, kernel.data, method=8, present=False) for i in range(500)))
    made.layout()
    for entry in made.entries[5:]:
        entry.central = {'offset': kernel.offset}
    return refused(made)


@recipe('overlap', REFUSE)
def overlap_short_local_names():
    """More entries than are looked at whose local names would have to be shorter for them not to
    overlap."""
    name = b'/%060d'
    return refused(image(*(Entry(b'f' + name % i, b'', local={'name': b'f'}) for i in range(100))))


@recipe('overlap', REFUSE)
def overlap_nested():
    """A whole entry inside the STORED data of another, both listed."""
    return inside_data(Entry(b'inner', b'inner bytes', present=False))


@recipe('overlap', REFUSE)
def overlap_quoted():
    """A zip bomb's trick: each deflate stream quotes the next local header and goes on into its
    data."""
    kernel = Entry(b'f2', b'a' * 50_000, method=8)
    body, head = kernel.stored(), local_header(kernel)
    quote = b'\0' + struct.pack('<HH', len(head), len(head) ^ 0xFFFF)
    outer_data = head + kernel.data
    outer = Entry(b'f1', outer_data, method=8, packed=quote)
    size = len(quote) + len(head) + len(body)
    facts = dict(csize=size, usize=len(outer_data), crc=zlib.crc32(outer_data))
    outer.local, outer.central = dict(facts), dict(facts)
    return refused(image(outer, kernel))


@recipe('overlap', EIO)
def overlap_through_local_extra():
    """A long local extra field pushes the data beyond the next local header: seen at the first
    read."""
    made = image(Entry(b'x', pattern(40)), Entry(b'y', pattern(400)))
    made.entries[-2].local = {'extra_size': 100}
    return served(made, eio=[b'x'])


@recipe('overlap', EIO)
def overlap_through_local_extra_by_1():
    """The same by a single byte."""
    made = image(Entry(b'x', pattern(40)), Entry(b'y', pattern(400)))
    made.entries[-2].local = {'extra_size': 1}
    return served(made, eio=[b'x'])


@recipe('overlap', EIO)
def overlap_directory_through_local_extra():
    """The last entry's long local extra field pushes its data into the directory."""
    return served(image(Entry(b'x', pattern(40), local={'extra_size': 60})), eio=[b'x'])


@recipe('overlap', EIO)
def overlap_file_end_through_local_extra():
    """The last entry's local extra field of 65,535 bytes reaches beyond the file."""
    return served(image(Entry(b'x', pattern(40), local={'extra_size': 65535})), eio=[b'x'])


@recipe('plain', SERVE)
def plain_unsorted_directory():
    """The directory's order is not the file's."""
    return served(
        image(Entry(b'x', pattern(20)), Entry(b'y', pattern(20)), order=[0, 1, 5, 3, 4, 2]))
