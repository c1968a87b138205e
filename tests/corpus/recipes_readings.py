# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for archives that two readers read in two ways, which is what ZipDiff (USENIX Security
2025) looks for: two directories, records, locators or ends of which each could be meant, values
that are right once they are cut to 32 or 16 bits, records that some readers skip.

Ids: no-end, tail-fit, count, disks, zip64-tail.
"""
import struct
import zlib

from .recipe import (
    COMMENT, REFUSE, SERVE, Entry, add, image, image64, pattern, recipe, refused, served)
from .zipforge import S16, S32, central_header, extra_field

END = struct.Struct('<IHHHHIIH')
RECORD = struct.Struct('<IQHHIIQQQQ')
LOCATOR = struct.Struct('<IIQI')


def end_record(comment_size):
    return END.pack(0x06054B50, 0, 0, 0, 0, 0, 0, comment_size)


def record(count, size, offset, rest=44):
    return RECORD.pack(0x06064B50, rest, 0x32D, 45, 0, 0, count, count, size, offset)


# --- a second end record, wherever bytes can be hidden --------------------------------------------

def second_end(place):
    """`place` (bytes) -> an archive that holds them; they become an end record whose comment
    reaches the file's end."""
    whole = place(end_record(0)).bytes()
    at = whole.index(end_record(0))
    return refused(place(end_record(len(whole) - at - 22)))


for _name, _note, _place in (
    ('entry_comment', 'the last entry\'s comment', lambda b: image(Entry(b'x', b'', comment=b))),
    ('extra', 'the last entry\'s extra field',
     lambda b: image(Entry(b'x', b'', extra=extra_field(0xCAFE, b)))),
    ('gap', 'a gap before the directory', lambda b: image(gap=b + bytes(9))),
    ('extensible', 'the ZIP64 record\'s extensible data', lambda b: _image64(extensible=b)),
    ('local_extra', 'a local extra field',
     lambda b: image(Entry(b'x', b'', local_extra=extra_field(0xCAFE, b))))):
    add('no-end', REFUSE, 'end_two_in_' + _name,
        'A second end record in %s, its comment reaching the file\'s end' % _note,
        lambda p=_place: second_end(p))


def _image64(**fields):
    made = image(**fields)
    made.zip64 = True
    return made


@recipe('no-end', REFUSE)
def end_two_in_its_own_fields():
    """The end record's counts spell another's signature, which fits too with a length in the
    comment."""
    comment = b'123456' + struct.pack('<H', 4) + b'rest'
    return refused(image(comment=comment, end={'here': 0x4B50, 'total': 0x0605}))


# --- two directories ------------------------------------------------------------------------------

def two_directories(zip64=False, **end):
    """Both list right entries; the first leaves one out. `end`: of the first one's size and offset,
    what the end record says."""
    made = image(Entry(b'seen', b'by some'))
    made.layout()
    other = b''.join(central_header(e) for e in made.entries[:4])
    made.gap, made.zip64 = other, zip64
    made.layout()
    first = {
        'cd_offset': made.directory_offset - len(other), 'cd_size': len(other), 'here': 4,
        'total': 4
    }
    made.end = {k: first[k] for k in end.get('first', ())}
    return refused(made)


add('tail-fit', REFUSE, 'directories_offset_of_first',
    'two directories: the offset is the first one\'s, the size the second\'s',
    lambda: two_directories(first=('cd_offset', )))
add('tail-fit', REFUSE, 'directories_first',
    'two directories: the end record has the first one, the second stands before it',
    lambda: two_directories(first=('cd_offset', 'cd_size', 'here', 'total')))
add('tail-fit', REFUSE, 'directories_size_of_first',
    'two directories: the offset is the second one\'s, the size and the counts the first\'s',
    lambda: two_directories(first=('cd_size', 'here', 'total')))
add('count', REFUSE, 'directories_count_of_first',
    'two directories: the second, with the first one\'s counts',
    lambda: two_directories(first=('here', 'total')))
add('zip64-tail', REFUSE, 'directories_end_and_zip64',
    'two directories: the end record has the first one, the ZIP64 record the second',
    lambda: two_directories(True, first=('cd_offset', 'cd_size', 'here', 'total')))
add('zip64-tail', REFUSE, 'directories_offset_and_zip64',
    'two directories: only the end record\'s offset is the first one\'s',
    lambda: two_directories(True, first=('cd_offset', )))


# --- ZIP64 records and locators, several or none --------------------------------------------------

def tail(parts, **end):
    """The image with ZIP64, its tail in front of the end record replaced by parts(record, locator,
    its directory's end)."""
    made = image64()
    whole = made.bytes()
    at = made.directory_offset + made.directory_size
    pieces = b''.join(
        parts(record(4, made.directory_size, made.directory_offset),
              lambda offset: LOCATOR.pack(0x07064B50, 0, offset, 1), at))
    fields = dict(here=S16, total=S16, cd_size=S32, cd_offset=S32)
    if end.get('numbers'):
        fields = dict(here=4, total=4, cd_size=made.directory_size, cd_offset=made.directory_offset)
    return refused(whole[:at] + pieces +
                   END.pack(0x06054B50, 0, 0, *fields.values(), len(COMMENT)) + COMMENT)


for _id, _name, _note, _parts in (
    ('zip64-tail', 'locator_twice', 'the locator twice', lambda r, k, at: (r, k(at), k(at))),
    ('zip64-tail', 'record_twice_first', 'the ZIP64 record twice, the locator points to the first',
     lambda r, k, at:
     (r, r, k(at))), ('tail-fit', 'record_twice_second',
                      'the ZIP64 record twice, the locator points to the second', lambda r, k, at:
                      (r, r, k(at + 56))), ('tail-fit', 'record_behind_locator',
                                            'the locator in front of the ZIP64 record',
                                            lambda r, k, at: (k(at + 20), r)),
    ('zip64-tail', 'record_missing', 'a locator, and no ZIP64 record', lambda r, k, at:
     (k(at), )), ('zip64-tail', 'record_missing_points_back',
                  'a locator that points into the directory, and no ZIP64 record', lambda r, k, at:
                  (k(at - 56), )),
    ('tail-fit', 'record_without_locator', 'a ZIP64 record, and no locator', lambda r, k, at:
     (r, )), ('zip64-tail', 'record_cut_before_locator', 'a ZIP64 record that lacks its last field',
              lambda r, k, at:
              (r[:48], k(at))), ('zip64-tail', 'locator_to_end',
                                 'the locator points to the end record', lambda r, k, at:
                                 (r, k(at + 76)))):
    add(_id, REFUSE, _name, _note, lambda p=_parts: tail(p))
add('tail-fit', REFUSE, 'record_without_locator_numbers',
    'a ZIP64 record without a locator, all numbers in the end record',
    lambda: tail(lambda r, k, at: (r, ), numbers=True))
add('zip64-tail', REFUSE, 'locator_alone_and_numbers',
    'a locator without its record, all numbers in the end record',
    lambda: tail(lambda r, k, at: (k(at), ), numbers=True))


def _two_records(listed):
    """The locator points to a record whose extensible data is a second record, which also ends at
    the locator and lists other entries."""
    made = image64()
    made.layout()
    made.extensible = record(listed, sum(len(central_header(e)) for e in made.entries[:listed]),
                             made.directory_offset)
    return refused(made)


add(
    'zip64-tail', REFUSE, 'record_two_fit',
    'a second ZIP64 record in the first one\'s extensible data, found where the locator is not '
    'asked',
    lambda: _two_records(2))
add('zip64-tail', REFUSE, 'record_two_fit_empty',
    'the same, the second one saying that the archive is empty', lambda: _two_records(0))


@recipe('zip64-tail', REFUSE)
def record_swallows_directory():
    """A ZIP64 record in front of the directory takes all that follows, the right record too, for
    its extensible data."""
    made = image64(gap=bytes(56))
    whole = made.bytes()
    right = made.directory_offset + made.directory_size
    decoy = made.directory_offset - 56
    return refused(whole[:decoy] + record(0, 0, decoy, right + 56 - decoy - 12) +
                   whole[decoy + 56:right + 56] + LOCATOR.pack(0x07064B50, 0, decoy, 1) +
                   whole[right + 76:])


for _name, _note, _data in (('anywhere', 'a second ZIP64 record, with more behind it',
                             record(1, 2, 3) + b'more'),
                            ('other_size',
                             'a second ZIP64 record that ends at the locator, its size field wrong',
                             record(1, 2, 3,
                                    45)), ('at_once', 'a second ZIP64 record with more in front',
                                           b'x' * 3 + record(1, 2, 3)),
                            ('signature', 'the signature of a ZIP64 record and no more',
                             b'PK\6\6' + bytes(200)),
                            ('signature_last', 'the signature of a ZIP64 record as its last bytes',
                             bytes(200) + b'PK\6\6')):
    add('zip64-tail', REFUSE, 'record_in_extensible_' + _name,
        'The ZIP64 record\'s extensible data holds ' + _note,
        lambda d=_data: refused(image64(extensible=d)))


def _directory_behind_record(comment_size):
    """The extensible data ends in a directory of which the locator is the last comment, as long as
    the right one: who counts it back from the end record (Python before 3.14) comes upon it."""
    made = image64(Entry(b'last', b'', comment=b'c' * 20))
    made.layout()
    made.extensible = b''.join(central_header(e)
                               for e in made.entries)[:-20] + bytes(20 - comment_size)
    made.end = dict(here=5, total=5, cd_size=made.directory_size, cd_offset=made.directory_offset)
    return made


add(
    'zip64-tail', REFUSE, 'record_second_directory',
    'A second directory behind the ZIP64 record, where one finds it who counts its size back from '
    'the end record',
    lambda: refused(_directory_behind_record(20)))
add('plain', SERVE, 'plain_extensible_and_numbers',
    'extensible data, and the end record holds plain numbers: nothing else is to be read',
    lambda: served(_directory_behind_record(19)))


@recipe('zip64-tail', REFUSE)
def record_fields_spell_signature():
    """The ZIP64 record's versions spell the signature of another one."""
    return refused(image64(end64={'made_by': 0x4B50, 'version': 0x0606}))


# --- values that are right once they are cut ------------------------------------------------------

def beyond(bits, *fields, where='end64'):
    """A field of the ZIP64 tail too big by 2 ** bits: whoever keeps fewer bits reads the right
    value."""
    made = image64()
    made.layout()
    at = made.directory_offset + made.directory_size
    true = dict(here=4, total=4, cd_size=made.directory_size, cd_offset=made.directory_offset,
                size=44, offset=at)
    setattr(made, where, {f: true[f] + (1 << bits) for f in fields})
    return refused(made)


for _id, _name, _bits, _fields, _where in (('count', 'counts_32', 32, ('here', 'total'), 'end64'),
                                           ('count', 'counts_16', 16, ('here', 'total'),
                                            'end64'), ('tail-fit', 'size_32', 32, ('cd_size', ),
                                                       'end64'), ('tail-fit', 'offset_32', 32,
                                                                  ('cd_offset', ), 'end64'),
                                           ('zip64-tail', 'record_size_32', 32, ('size', ),
                                            'end64'), ('zip64-tail', 'locator_32', 32, ('offset', ),
                                                       'locator')):
    add(_id, REFUSE, 'wide_' + _name,
        'ZIP64: %s too big by 2^%d, right if it is cut' % (' and '.join(_fields), _bits),
        lambda b=_bits, f=_fields, w=_where: beyond(b, *f, where=w))


# --- counts that leave something out --------------------------------------------------------------

def counting(count, *entries, **fields):
    return refused(image(*entries, end={'here': count, 'total': count}, **fields))


add('count', REFUSE, 'count_of_files', 'directories are not counted',
    lambda: counting(5, Entry(b'd/', mode=0o40755), Entry(b'd/x', b'x')))
add('count', REFUSE, 'count_of_names', 'a name that is there twice is counted once',
    lambda: counting(5, Entry(b'x', b'1'), Entry(b'x', b'2')))
add('count', REFUSE, 'count_of_readable', 'an encrypted entry is not counted',
    lambda: counting(5, Entry(b'x', b'1', flags=1), Entry(b'y', b'2')))
add('count', REFUSE, 'count_of_local_headers', 'an unlisted local entry is counted',
    lambda: counting(5, Entry(b'x', b'1', listed=False)))
add('count', REFUSE, 'count_by_size', 'as many entries as the directory would hold without names',
    lambda: counting(8, Entry(b'n' * 150)))
add('count', REFUSE, 'count_one_without_directory',
    'one entry is counted, of a directory of 0 bytes', lambda: refused(one_of_nothing()))


def one_of_nothing():
    made = image(end={'here': 1, 'total': 1})
    made.order = []
    return made


# --- records that some readers skip ---------------------------------------------------------------

SIGNATURE = b'PK\5\5' + struct.pack('<H', 20) + pattern(20)      # digital signature, APPNOTE 4.3.13
# archive extra data record, APPNOTE 4.3.11
EXTRA_DATA = b'PK\6\x08' + struct.pack('<I', 20) + pattern(20)
add('count', REFUSE, 'record_signature_counted',
    'a digital signature behind the last header, counted in the directory\'s size',
    lambda: refused(image(directory_tail=SIGNATURE)))
add('tail-fit', REFUSE, 'record_signature_uncounted',
    'a digital signature behind the directory, not counted in its size',
    lambda: refused(image(behind_directory=SIGNATURE)))


@recipe('count', REFUSE)
def record_extra_data():
    """An archive extra data record where the directory should start, as with an encrypted
    directory."""
    made = image(gap=EXTRA_DATA)
    made.layout()
    made.end = {
        'cd_offset': made.directory_offset - len(EXTRA_DATA),
        'cd_size': made.directory_size + len(EXTRA_DATA)
    }
    return refused(made)


def directory_as(pack):
    """The directory's bytes replaced, the ZIP64 record of version 2 saying their size."""
    made = image64()
    whole = made.bytes()
    at, size = made.directory_offset, made.directory_size
    packed = pack(whole[at:at + size])
    end64 = RECORD.pack(0x06064B50, 44, 0x33E, 62, 0, 0, 4, 4, len(packed), at)
    return refused(whole[:at] + packed + end64 + LOCATOR.pack(0x07064B50, 0, at + len(packed), 1) +
                   whole[made.end_offset:])


add('count', REFUSE, 'directory_deflated', 'the directory is compressed',
    lambda: directory_as(lambda d: zlib.compress(d * 9, 0)))
add('count', REFUSE, 'directory_encrypted', 'the directory is encrypted',
    lambda: directory_as(lambda d: bytes(c ^ k for c, k in zip(d, pattern(len(d), 5)))))


# --- disks, in each place that names one ----------------------------------------------------------

for _name, _note, _fields in (('record_this_32', 'the ZIP64 record says disk 0xFFFFFFFF', {
        'end64': {'disk': S32}
}), ('record_directory_32', 'the ZIP64 record has the directory on disk 0xFFFFFFFF',
     {'end64': {'cd_disk': S32}}), ('locator_32', 'the ZIP64 record is on disk 0xFFFFFFFF', {
         'locator': {'disk': S32}
     }), ('locator_total_32', 'the locator counts 0xFFFFFFFF disks', {'locator': {'disks': S32}}),
                              ('record_65536', 'the ZIP64 record says disk 65,536: 0 in 16 bits',
                               {'end64': {'disk': 65536, 'cd_disk': 65536}})):
    add('disks', REFUSE, 'disks_' + _name, _note, lambda f=_fields: refused(image64(**f)))
add('disks', REFUSE, 'disks_end_directory_with_zip64',
    'the end record has the directory on disk 1, the ZIP64 record on 0',
    lambda: refused(image64(end={'cd_disk': 1})))
