# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for the ZIP64 locator and record.

Id: zip64-tail.
"""
import struct

from .recipe import COMMENT, REFUSE, SERVE, Entry, add, image, image64, recipe, refused, served

# --- zip64-tail -----------------------------------------------------------------------------------

def moved_locator(shift):
    archive = image64()
    archive.layout()
    archive.locator = {
        'offset': (archive.directory_offset + archive.directory_size + shift) & (2**64 - 1)
    }
    return refused(archive)


for _shift in (1, -1, 56, -46, 1 << 40, 1 << 63):
    add('zip64-tail', REFUSE, 'locator_shift_%s' % str(_shift).replace('-', 'minus_'),
        'the locator points %d bytes from the record' % _shift, lambda s=_shift: moved_locator(s))
add('zip64-tail', REFUSE, 'locator_to_zero', 'the locator points to byte 0',
    lambda: refused(image64(locator={'offset': 0})))
add('zip64-tail', REFUSE, 'record_signature', 'no ZIP64 record where the locator points',
    lambda: refused(image64(end64={'signature': 0x06064B51})))
add('zip64-tail', REFUSE, 'record_size_plus_1', 'the ZIP64 record\'s size is one too big',
    lambda: refused(image64(end64={'size': 45})))
add('zip64-tail', REFUSE, 'record_size_minus_1', 'the ZIP64 record\'s size is one too small',
    lambda: refused(image64(end64={'size': 43})))
add('zip64-tail', REFUSE, 'record_size_56',
    'the ZIP64 record\'s size counts its first 12 bytes too',
    lambda: refused(image64(end64={'size': 56})))
add('zip64-tail', REFUSE, 'record_size_zero', 'the ZIP64 record\'s size is 0',
    lambda: refused(image64(end64={'size': 0})))
add('zip64-tail', REFUSE, 'record_size_2_64', 'the ZIP64 record\'s size overflows',
    lambda: refused(image64(end64={'size': 2**64 - 1})))
add('zip64-tail', REFUSE, 'record_size_wraps', 'the ZIP64 record\'s size wraps to the right place',
    lambda: refused(image64(end64={'size': 2**64 - 12})))
add('zip64-tail', REFUSE, 'record_gap_before_locator',
    'bytes between record and locator that the record does not count',
    lambda: refused(image64(before_locator=b'junk')))
add('zip64-tail', SERVE, 'record_extensible', 'the ZIP64 record has extensible data, counted',
    lambda: served(image64(extensible=b'PK\1\2' * 25)), verify='-')
add(
    'zip64-tail', REFUSE, 'locator_no_disks_and_numbers',
    'the locator counts 0 disks, and the end record holds plain numbers: libarchive reads only '
    'these',
    lambda: refused(plain_end_fields(locator={'disks': 0})))
for _size, _verdict in ((16364, SERVE), (16365, REFUSE), (16383, REFUSE), (16384, SERVE)):
    def _cut(size=_size, made=served if _verdict == SERVE else refused):
        archive = plain_end_fields()
        archive.comment = COMMENT + b' ' * (size - 22 - len(COMMENT))
        return made(archive)

    add(
        'zip64-tail', _verdict, 'locator_cut_%d' % _size,
        'plain numbers in an end record %d bytes from the file\'s end; libarchive looks for it and '
        'the '
        'locator in 16,384' % _size, _cut, verify='-' if _verdict == SERVE else None)
add('zip64-tail', SERVE, 'locator_no_disks',
    'the locator counts 0 disks: nothing else is to be read',
    lambda: served(image64(locator={'disks': 0})), verify='-')
add('zip64-tail', SERVE, 'record_extensible_longest',
    'the ZIP64 record has extensible data up to 16 KiB in all',
    lambda: served(image64(extensible=bytes(16384 - 56))), verify='-')
add('zip64-tail', REFUSE, 'record_extensible_too_long',
    'one byte more: libarchive sees an empty archive',
    lambda: refused(image64(extensible=bytes(16384 - 55))))
add('zip64-tail', SERVE, 'record_extensible_4096', 'the same, 4,096 bytes',
    lambda: served(image64(extensible=bytes(4096))), verify='-')
add('tail-fit', REFUSE, 'locator_gap_behind',
    'bytes between locator and end record: so there is no locator, and nothing fits',
    lambda: refused(image64(behind_locator=b'junk')), rules=('tail-fit', 'zip64-tail', 'count'))
for _field in ('cd_size', 'cd_offset'):
    for _name, _shift in (('plus_1', 1), ('minus_1', -1), ('2_63', 1 << 63)):
        def _moved(f=_field, s=_shift):
            made = image64()
            made.layout()
            made.end64 = {
                f: ((made.directory_size if f == 'cd_size' else made.directory_offset) + s) &
                (2**64 - 1)
            }
            return refused(made)

        add('tail-fit', REFUSE, 'record_%s_%s' % (_field, _name),
            'the ZIP64 record\'s %s is wrong (%s)' % (_field, _name), _moved,
            rules=('tail-fit', 'zip64-tail'))


def plain_end_fields(locator=None, **shift):
    """ZIP64 tail, the end record's fields plain numbers: right, or shifted."""
    made = image64(locator=locator or {})
    made.layout()
    true = dict(here=4, total=4, cd_size=made.directory_size, cd_offset=made.directory_offset)
    made.end = {k: v + shift.get(k, 0) for k, v in true.items()}
    return made


add('plain', SERVE, 'plain_zip64', 'ZIP64 everywhere, sentinels everywhere',
    lambda: served(image64()))
add('plain', SERVE, 'plain_zip64_and_numbers',
    'ZIP64 tail, and the end record holds the same numbers', lambda: served(plain_end_fields()))
for _field in ('here', 'total', 'cd_size', 'cd_offset'):
    add('zip64-tail', REFUSE, 'mismatch_' + _field,
        'the end record\'s %s is neither sentinel nor the ZIP64 value' % _field,
        lambda f=_field: refused(plain_end_fields(**{f: 1})), rules=('zip64-tail', 'count'))
add('zip64-tail', REFUSE, 'mismatch_zero_count', 'the end record counts 0, the ZIP64 record 4',
    lambda: refused(image64(end={'here': 0, 'total': 0})))


@recipe('zip64-tail', REFUSE)
def locator_lookalike_in_comment():
    """The last entry's comment ends in what looks like a locator: two readings, so none."""
    lookalike = struct.pack('<IIQI', 0x07064B50, 0, 0, 1)
    return refused(image(Entry(b'last', b'', comment=lookalike)))


@recipe('zip64-tail', REFUSE, rules=('zip64-tail', 'count', 'tail-fit'))
def locator_and_record_in_comment():
    """The last entry's comment holds a ZIP64 record and locator that would show another directory.
    """
    def hidden(made):
        record = struct.pack('<IQHHIIQQQQ', 0x06064B50, 44, 45, 45, 0, 0, 4, 4,
                             made.directory_size - 76, made.directory_offset)
        return record + struct.pack('<IIQI', 0x07064B50, 0,
                                    made.directory_offset + made.directory_size - 76, 1)
    made = image(Entry(b'last', b'', comment=bytes(76)))
    made.layout()
    made.entries[-1].comment = hidden(made)
    return refused(made)
