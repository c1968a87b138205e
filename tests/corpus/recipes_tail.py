# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for the file's end: end record, counts, disks, bytes that belong to nobody. (ZIP64:
recipes_zip64.py.)

Ids: no-end, tail-fit, tail-padding, leading, gap, count, disks.
"""
import struct

from .recipe import (
    COMMENT, REFUSE, SERVE, Entry, Sparse, Zip, add, image, image64, pattern, recipe, refused,
    served)
from .zipforge import S16, S32, local_header

END = struct.Struct('<IHHHHIIH')


def end_record(comment_size, count=0, size=0, offset=0):
    return END.pack(0x06054B50, 0, 0, count, count, size, offset, comment_size)


# --- no-end ---------------------------------------------------------------------------------------

add('no-end', REFUSE, 'end_empty_file', 'a file of 0 bytes', lambda: refused(b''))
add('no-end', REFUSE, 'end_one_byte', 'a file of 1 byte', lambda: refused(b'P'))
add('no-end', REFUSE, 'end_text', 'no archive at all', lambda: refused(b'hello\n' * 999))
add('no-end', REFUSE, 'end_nuls', '100,000 NULs', lambda: refused(bytes(100_000)))
add('no-end', REFUSE, 'end_signature_only', 'the four bytes of the signature and nothing more',
    lambda: refused(b'PK\5\6'))
add('no-end', REFUSE, 'end_21_bytes', 'an end record that lacks its last byte',
    lambda: refused(end_record(0)[:21]))
add('no-end', REFUSE, 'end_cut_off', 'cut off in front of the end record',
    lambda: refused(cut(image(), 'end')))
add('no-end', REFUSE, 'end_cut_in_directory', 'cut off within the central directory',
    lambda: refused(cut(image(), 'directory')))
add('no-end', REFUSE, 'end_cut_in_data', 'cut off within the first entry',
    lambda: refused(image().bytes()[:40]))
add('no-end', REFUSE, 'end_only_locals', 'local headers and data, no directory',
    lambda: refused(cut(image(), 'data')))
add('no-end', REFUSE, 'end_far_behind', 'an end record followed by 200,000 bytes',
    lambda: refused(image(trailing=b'x' * 200_000)))
add('no-end', REFUSE, 'end_signature_wrong', 'one bit of the signature is wrong',
    lambda: refused(image(end={'signature': 0x06054B51})))


def cut(archive, where):
    """The archive's bytes up to a place."""
    whole = archive.bytes()
    stops = {
        'end': archive.end_offset, 'directory': archive.directory_offset + 60,
        'data': archive.directory_offset
    }
    return whole[:stops[where]]


@recipe('no-end', REFUSE)
def end_two_in_comment():
    """The comment holds a second end record that fits the file's end too."""
    return refused(image(comment=b'{"ome":1}' + end_record(0)))


@recipe('no-end', REFUSE)
def end_two_in_comment_with_comment():
    """The same, the inner record with a comment of its own up to the file's end."""
    return refused(image(comment=b'x' + end_record(len(COMMENT)) + COMMENT))


@recipe('no-end', REFUSE)
def end_two_whole_archives():
    """A whole archive is the comment of another: both are right, each for itself."""
    inner = image(Entry(b'other', b'other'))
    outer = image(comment=bytes(2000))
    outer.layout()
    inner.leading = bytes(outer.end_offset + 22)
    return refused(image(comment=inner.bytes()[len(inner.leading):]))


@recipe('no-end', REFUSE)
def end_two_in_data():
    """An entry's data holds an end record, its comment length reaching the file's end."""
    archive = image(Entry(b'trap', end_record(0) + bytes(8)))
    whole = archive.bytes()
    at = whole.index(end_record(0))
    archive.entries[-1].data = end_record(len(whole) - at - 22) + bytes(8)
    return refused(archive)


@recipe('no-end', REFUSE)
def end_two_one_by_padding():
    """A second end record in the comment, followed by the comment's NULs: it would fit as padding.
    """
    return refused(image(comment=b'{}' + end_record(0) + bytes(40)))


for _name, _note, _comment in (
    ('that_fits_not',
     'an end record that does not fit the file\'s end: most readers take it all the same',
     b'x' + end_record(3) + b'12345'),
    ('comment_too_long', 'an end record whose comment would reach beyond the file',
     b'{}' + end_record(999)), ('signature', 'the signature of an end record and no more',
                                b'PK\5\6' + COMMENT),
    ('signature_last', 'the signature of an end record as its last bytes', COMMENT + b'PK\5\6'),
    ('far', 'an end record 60,000 bytes from its end', b'x' + end_record(3) + b' ' * 60_000)):
    add('no-end', REFUSE, 'end_in_comment_' + _name, 'The comment holds ' + _note,
        lambda c=_comment: refused(image(comment=c)))


def second_archive_in_data(base_of, **fields):
    """The last entry's data is an archive; `base_of`: where its data starts in the file -> where
    its offsets count from."""
    def whole(base):
        inner = Zip([Entry(b's0/c/0/0', b'other bytes')], leading=bytes(base))
        return image(Entry(b'trap', inner.bytes()[base:]), **fields)
    outer = whole(0)
    return whole(base_of(outer.bytes().index(outer.entries[-1].data)))


add(
    'no-end', REFUSE, 'end_before_with_directory',
    'An entry holds an archive whose offsets count from the file\'s start: libzip 1.7 may take it '
    'for the whole',
    lambda: refused(second_archive_in_data(lambda at: at, comment=b'')))
add(
    'no-end', REFUSE, 'end_before_padding',
    'An entry holds an archive, and NULs follow the end: Java takes the last end record that '
    'stands right for itself',
    lambda: refused(second_archive_in_data(lambda at: 0, trailing=bytes(9))))


def offset_spells_signature(comment):
    """The directory stands at 0x06054B50, so the end record's offset is the signature of another
    one."""
    made = image(Entry(b'large', Sparse(0x06054B50 - 2000, {}), listed=True), comment=comment)
    made.layout()
    made.entries[-1].data = Sparse(0x06054B50 - 2000 + 0x06054B50 - made.directory_offset, {})
    made.layout()
    assert made.directory_offset == 0x06054B50
    return made


@recipe('plain', SERVE, large=True)
def plain_directory_offset_spells_signature():
    """The end record's directory offset spells an end record's signature, which leads nowhere."""
    return served(offset_spells_signature(COMMENT))


@recipe('no-end', REFUSE, large=True)
def end_two_from_directory_offset():
    """The same, and the comment makes an end record of it that leads to a directory."""
    made = offset_spells_signature(COMMENT)
    return refused(
        offset_spells_signature(b'1234' + struct.pack('<IIH', made.directory_size + 16, 0, 0) +
                                COMMENT))


@recipe('plain', SERVE)
def plain_end_record_in_data():
    """An entry's data holds an end record that does not fit the file's end."""
    return served(image(Entry(b'innocent', pattern(9) + end_record(0) + pattern(9))))


# --- tail-fit -------------------------------------------------------------------------------------

def with_end(**changes):
    """The image, fields of the end record shifted by the given amounts."""
    archive = image()
    archive.layout()
    true = {'cd_size': archive.directory_size, 'cd_offset': archive.directory_offset}
    archive.end = {k: (true[k] + v) & S32 for k, v in changes.items()}
    return refused(archive)


for _name, _note, _change in (('size_plus_1', 'directory size too big by 1', {
        'cd_size': 1
}), ('size_minus_1', 'directory size too small by 1',
     {'cd_size': -1
      }), ('offset_plus_1', 'directory offset too big by 1',
           {'cd_offset': 1}), ('offset_minus_1', 'directory offset too small by 1', {
               'cd_offset': -1
           }), ('offset_up_size_down',
                'directory offset + 1 and size - 1: the sum is right, the place is not',
                {'cd_offset': 1, 'cd_size': -1
                 }), ('offset_down_size_up',
                      'directory offset - 1 and size + 1: the sum is right, the place is not',
                      {'cd_offset': -1,
                       'cd_size': 1}), ('offset_far', 'directory offset beyond the file',
                                        {'cd_offset': 1 << 30}),
                              ('size_far', 'directory size beyond the file', {'cd_size': 1 << 30})):
    # A directory that starts one byte off is no longer one: found by its first header, or by the
    # count that its end does not meet.
    add('tail-fit', REFUSE, 'tail_' + _name, _note, lambda c=_change: with_end(**c),
        rules=('tail-fit', 'count'))


@recipe('tail-fit', REFUSE)
def tail_offset_sentinel_without_locator():
    """Directory offset 0xFFFFFFFF and no locator: a plain number, which does not fit."""
    return refused(image(end={'cd_offset': S32}))


@recipe('tail-fit', REFUSE)
def tail_size_sentinel_without_locator():
    """Directory size 0xFFFFFFFF and no locator: a plain number, which does not fit."""
    return refused(image(end={'cd_size': S32}))


@recipe('tail-fit', REFUSE)
def tail_unadjusted_prefix():
    """Bytes were put in front of the archive and no offset was corrected, as with a self-extractor
    made by cat."""
    return refused(b'#!/bin/sh\n' + image().bytes())


@recipe('tail-fit', REFUSE)
def tail_headless():
    """The first 100 bytes are gone."""
    return refused(image().bytes()[100:])


@recipe('tail-fit', REFUSE)
def tail_gap_behind_directory():
    """Bytes between the directory and the end record, counted by nobody."""
    return refused(image(behind_directory=b'junk'))


@recipe('tail-fit', REFUSE, rules=('tail-fit', 'zip64-tail'))
def tail_gap_behind_directory_64():
    """Bytes between the directory and the ZIP64 record."""
    return refused(image64(behind_directory=b'junk'))


for _name, _note, _trailing in (('1', 'one byte behind the end',
                                 b'x'), ('newline', 'a newline behind the end', b'\n'),
                                ('65536', '65,536 bytes behind the end', b'x' * 65536),
                                ('nuls_then_byte', '100 NULs and one other byte behind the end',
                                 bytes(100) + b'x'), ('byte_then_nuls',
                                                      'one other byte and 100 NULs behind the end',
                                                      b'x' + bytes(100)),
                                ('nuls_65537',
                                 '65,537 NULs behind the end: one more than is padding',
                                 bytes(65537))):
    add('tail-fit', REFUSE, 'tail_trailing_' + _name, _note,
        lambda t=_trailing: refused(image(trailing=t)))


@recipe('tail-fit', REFUSE)
def tail_comment_truncated():
    """Truncated inside the comment."""
    return refused(image().bytes()[:-5])


@recipe('tail-fit', REFUSE)
def tail_comment_gone():
    """Truncated right behind the end record, the comment missing."""
    return refused(image().bytes()[:-len(COMMENT)])


@recipe('tail-fit', REFUSE)
def tail_comment_length_plus_1():
    """Comment length one too long."""
    return refused(image(end={'comment_size': len(COMMENT) + 1}))


@recipe('tail-fit', REFUSE)
def tail_comment_length_minus_1():
    """Comment length one too short."""
    return refused(image(end={'comment_size': len(COMMENT) - 1}))


@recipe('tail-fit', REFUSE)
def tail_comment_length_max():
    """Comment length 65,535, the comment being short."""
    return refused(image(end={'comment_size': S16}))


@recipe('tail-fit', REFUSE)
def tail_empty_with_offset():
    """An empty archive whose directory is said to be elsewhere."""
    return refused(end_record(0, offset=1))


@recipe('no-root', SERVE)
def empty_archive():
    """Nothing but an end record: an archive of no entries."""
    return served(Zip([]))


# --- tail-padding, leading, gap -------------------------------------------------------------------

for _size in (1, 512, 10240, 65536):
    add('tail-padding', SERVE, 'padding_%d' % _size, '%d NULs behind the end' % _size,
        lambda n=_size: served(image(trailing=bytes(n))))
add('tail-padding', SERVE, 'padding_64', '1,000 NULs behind a ZIP64 tail',
    lambda: served(image64(trailing=bytes(1000))))
add('tail-padding', SERVE, 'padding_behind_longest_comment',
    '65,536 NULs behind a comment of 65,535 bytes',
    lambda: served(image(comment=COMMENT + b' ' * (S16 - len(COMMENT)), trailing=bytes(65536))))
add('tail-padding', SERVE, 'padding_without_comment', 'NULs behind an end record without comment',
    lambda: served(image(comment=b'', trailing=bytes(70))))

add('leading', SERVE, 'leading_1', 'one byte in front of the first entry, offsets right',
    lambda: served(image(leading=b'#')))
add('leading', SERVE, 'leading_script', 'a script in front, offsets right',
    lambda: served(image(leading=b'#!/bin/sh\nexit 0\n')))
add('leading', SERVE, 'leading_100000', '100,000 bytes in front, offsets right',
    lambda: served(image(leading=bytes(100_000))))
add('leading', SERVE, 'leading_program', 'a program in front that holds nothing of an archive',
    lambda: served(image(leading=b'\x7fELF' + pattern(9000))))

# 7-Zip reads the first archive that it comes upon, bsdtar and streaming readers begin at the file's
# first byte.
_FIRST = Zip([Entry(b'hidden', b'not to be seen')])
for _name, _note, _leading in (
    ('whole_archive', 'Another whole archive in front, all offsets right: 7-Zip reads that one',
     _FIRST.bytes()), ('archive_behind_script',
                       'A script and an archive in front, all offsets right',
                       b'#!/bin/sh\nexit 0\n' + _FIRST.bytes()),
    ('local_header', 'A local header and its data in front, listed nowhere',
     local_header(_FIRST.entries[0]) + _FIRST.entries[0].data),
    ('end_record', 'An empty archive in front',
     end_record(0)), ('end_record64', 'A ZIP64 end record in front',
                      struct.pack('<IQHHIIQQQQ', 0x06064B50, 44, 45, 45, 0, 0, 0,
                                  0, 0, 0)), ('far', '100,000 NULs, then a local header',
                                              bytes(100_000) + local_header(_FIRST.entries[0]))):
    add('no-end', REFUSE, 'front_' + _name, _note, lambda b=_leading: refused(image(leading=b)))

add('gap', SERVE, 'gap_between', 'bytes between two entries',
    lambda: served(image(Entry(b'late', b'late', gap=b'nobody owns this'))))
add('gap', SERVE, 'gap_before_directory', 'bytes between the last entry and the directory',
    lambda: served(image(gap=bytes(99))))
add(
    'gap', SERVE, 'gap_padding_4096', 'every entry aligned by a gap of NULs', lambda: served(
        image(Entry(b'a', pattern(10), gap=bytes(4096)), Entry(b'b', pattern(10), gap=bytes(4000)))
    ), verify='-')
add('gap', SERVE, 'gap_unlisted_entry', 'a local entry that is not listed must not be seen',
    lambda: served(image(Entry(b'ghost', b'ghost', listed=False))))
add('gap', SERVE, 'gap_unlisted_same_name', 'an older local entry of the same name, not listed',
    lambda: served(image(Entry(b's0/c/0/0', b'old bytes', listed=False), Entry(b'more', b'm'))))
add('gap', SERVE, 'gap_false_local_header', 'a local header without an entry between two entries',
    lambda: served(image(Entry(b'x', b'x', gap=local_header(Entry(b's0/c/0/0', b'z'))))))


# --- count, disks ---------------------------------------------------------------------------------

def counted(here, total, archive=image):
    made = archive()
    name = 'end64' if made.zip64 else 'end'
    setattr(made, name, {'here': here, 'total': total})
    return refused(made)


for _name, _note, _counts in (('one_less', 'one entry fewer than are there',
                               (3, 3)), ('one_more', 'one entry more than are there', (5, 5)),
                              ('zero', 'no entries, says the end record', (0, 0)),
                              ('here_less', 'the two counts differ, this disk\'s being less',
                               (3, 4)), ('total_more',
                                         'the two counts differ, the total being more', (4, 5)),
                              ('total_less', 'the two counts differ, the total being less', (4, 3)),
                              ('sentinel', '65,535 without a locator: a plain number, and wrong',
                               (S16, S16))):
    add('count', REFUSE, 'count_' + _name, _note, lambda c=_counts: counted(*c),
        rules=('count', 'disks'))
    if _name != 'sentinel':
        add('count', REFUSE, 'count64_' + _name, _note + ' (ZIP64 record)',
            lambda c=_counts: counted(*c, archive=image64), rules=('count', 'disks'))
add('count', REFUSE, 'count64_2_64', '2^64 - 1 entries',
    lambda: counted(2**64 - 1, 2**64 - 1, image64))
add('count', REFUSE, 'count64_2_32', '2^32 entries', lambda: counted(2 ** 32, 2 ** 32, image64))
add('count', REFUSE, 'count_junk_in_directory',
    'bytes behind the last header, counted in the directory\'s size',
    lambda: refused(image(directory_tail=b'junk' * 12)))
add('count', REFUSE, 'count_half_a_header', 'half a header at the directory\'s end',
    lambda: refused(image(directory_tail=b'PK\1\2' + bytes(20))))
add('count', REFUSE, 'count_no_header', 'a central header with a wrong signature',
    lambda: refused(image(change=(b's0/zarr.json', {'central': {'signature': 0x02014B51}}))))
for _text in ('name', 'extra', 'comment'):
    add('count', REFUSE, 'count_%s_too_long' % _text,
        'the last central header\'s %s reaches beyond the directory' % _text,
        lambda t=_text: refused(image(Entry(b'last', b'', central={t + '_size': 9999}))),
        rules=('count', 'name', 'bounds', 'tail-fit'))

add('disks', REFUSE, 'disks_this', 'the end record is on disk 1',
    lambda: refused(image(end={'disk': 1})))
add('disks', REFUSE, 'disks_directory', 'the directory starts on disk 1',
    lambda: refused(image(end={'cd_disk': 1})))
add('disks', REFUSE, 'disks_both', 'both on disk 1',
    lambda: refused(image(end={'disk': 1, 'cd_disk': 1})))
add('disks', REFUSE, 'disks_sentinel', 'disk 0xFFFF without a locator',
    lambda: refused(image(end={'disk': S16, 'cd_disk': S16})))
add('disks', REFUSE, 'disks_entry', 'an entry on disk 1',
    lambda: refused(image(change=(b's0/c/0/1', {'central': {'disk': 1}}))))
add('disks', REFUSE, 'disks_entry_sentinel', 'an entry on disk 0xFFFF',
    lambda: refused(image(change=(b's0/c/0/1', {'central': {'disk': S16}}))),
    rules=('disks', 'zip64-extra'))
add('disks', REFUSE, 'disks_locator', 'the ZIP64 record is on disk 1',
    lambda: refused(image64(locator={'disk': 1})))
add('disks', REFUSE, 'disks_locator_total', 'the locator counts 2 disks',
    lambda: refused(image64(locator={'disks': 2})))
add('disks', REFUSE, 'disks_record', 'the ZIP64 record says disk 1',
    lambda: refused(image64(end64={'disk': 1})))
add('disks', REFUSE, 'disks_record_directory', 'the ZIP64 record has the directory on disk 1',
    lambda: refused(image64(end64={'cd_disk': 1})))
add('disks', REFUSE, 'disks_end_with_zip64', 'the end record says disk 1, the ZIP64 record 0',
    lambda: refused(image64(end={'disk': 1})), rules=('disks', 'zip64-tail'))
add('disks', SERVE, 'disks_sentinel_with_locator', 'disk 0xFFFF with a ZIP64 record that says 0',
    lambda: served(image64(end={'disk': S16, 'cd_disk': S16})), verify='-')
