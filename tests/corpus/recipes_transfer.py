# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for what becomes of a right archive on its way: cut off, holes, transfers that change
bytes, other containers around it, archives put one behind the other.

Ids: no-end, tail-fit, count, disks.
"""
import base64
import gzip
import struct

from .recipe import CHUNKS, REFUSE, Entry, Zip, add, image, image64, pattern, refused
from .zipforge import extra_field, local_header

LINES = b'a text\nof several\nlines\n'


def cut(archive, stop):
    """The bytes up to a place that `stop` finds in the archive, when it is laid out."""
    whole = archive.bytes()
    return refused(whole[:stop(archive)])


# --- cut off within each record -------------------------------------------------------------------

def _central(at, field):
    """The place `at` bytes behind the start of `field` in the first central header."""
    return lambda m: m.directory_offset + {'header': 0, 'name': 46, 'extra': 46 + 9}[field] + at


def _with_extra():
    return image(change=(b'zarr.json', {'extra': extra_field(0xCAFE, b'0123456789')}))


for _name, _note, _make, _stop in (('local_header', 'the third local header', image,
                                    lambda m: m.entries[2].offset + 17),
                                   ('local_name', 'a local header\'s name', image,
                                    lambda m: m.entries[2].offset + 33),
                                   ('descriptor', 'a data descriptor',
                                    lambda: image(Entry(b'x', pattern(40), descriptor='signed')),
                                    lambda m: m.directory_offset - 7),
                                   ('before_directory',
                                    'right before the directory, whose signature is there', image,
                                    lambda m: m.directory_offset + 4), ('central_name',
                                                                        'a central header\'s name',
                                                                        image, _central(3, 'name')),
                                   ('central_extra', 'a central header\'s extra field', _with_extra,
                                    _central(6, 'extra')), ('record64', 'the ZIP64 record', image64,
                                                            lambda m: m.end_offset - 20 - 20),
                                   ('locator', 'the ZIP64 locator', image64,
                                    lambda m: m.end_offset - 9), ('behind_locator',
                                                                  'right behind the ZIP64 locator',
                                                                  image64, lambda m: m.end_offset),
                                   ('end_fields', 'the end record, behind its counts',
                                    lambda: image(comment=b''), lambda m: m.end_offset + 12)):
    add('no-end', REFUSE, 'cut_' + _name,
        'cut off in ' + _note if 'right' not in _note else 'cut off ' + _note,
        lambda m=_make, s=_stop: cut(m(), s))


# --- holes, and blocks that went wrong ------------------------------------------------------------

def changed(change, archive=None):
    """`change` (archive, its bytes) -> bytes."""
    archive = archive or image(Entry(b'text', LINES), Entry(b'big', pattern(9000)))
    whole = archive.bytes()
    return refused(change(archive, whole))


def without(whole, start, size):
    return whole[:start] + whole[start + size:]


def zeroed(whole, start, stop):
    return whole[:start] + bytes(stop - start) + whole[stop:]


for _id, _name, _note, _change in (
    ('tail-fit', 'hole_in_data', '512 bytes of data are missing',
     lambda m, w: without(w, m.entries[-1].offset + 1000, 512)),
    ('tail-fit', 'hole_in_directory', 'one central header is missing',
     lambda m, w: without(w, m.directory_offset, 46 + 9)),
    ('tail-fit', 'hole_first_block', 'the first 4,096 bytes are missing', lambda m, w: w[4096:]),
    ('tail-fit', 'block_twice', 'a block of 4,096 bytes came twice',
     lambda m, w: w[:8192] + w[4096:8192] + w[8192:]),
    ('tail-fit', 'resumed_too_early', 'a download that was resumed 100 bytes too early',
     lambda m, w: w[:5000] + w[4900:]),
    ('tail-fit', 'resumed_from_start',
     'a download that was resumed from the start: half an archive and a whole one',
     lambda m, w: w[:5000] + w),
    ('no-end', 'preallocated', 'the second half was never written: NULs',
     lambda m, w: zeroed(w,
                         len(w) // 2, len(w))),
    ('no-end', 'zeroed_end', 'NULs in place of the end record',
     lambda m, w: zeroed(w, m.end_offset, m.end_offset + 22)),
    ('count', 'zeroed_directory', 'NULs in place of the directory',
     lambda m, w: zeroed(w, m.directory_offset, m.end_offset)),
    ('count', 'zeroed_second_header', 'NULs in place of the second central header',
     lambda m, w: zeroed(w, m.directory_offset + 55, m.directory_offset + 55 + 46)),
    ('count', 'directory_of_local_headers', 'a copy of a local header in place of a central one',
     lambda m, w: w[:m.directory_offset] + local_header(m.entries[0]) + w[m.directory_offset + 39:]
     ),
        # Transfers that take the archive for text.
    ('tail-fit', 'text_crlf', 'each newline became two characters',
     lambda m, w: w.replace(b'\n', b'\r\n')),
    ('tail-fit', 'text_utf8', 'taken for Latin-1 and written as UTF-8',
     lambda m, w: w.decode('latin-1').encode()),
    ('tail-fit', 'text_7_bit', 'bit 7 of each byte is gone', lambda m, w: bytes(c & 0x7F
                                                                                for c in w)),
    ('tail-fit', 'text_no_nuls_in_data', 'the NULs of one entry\'s data are gone',
     lambda m, w: w.replace(bytes(64), b'')),
    ('no-end', 'text_swab', 'the bytes of each pair are swapped',
     lambda m, w: bytes(w[i ^ 1] for i in range(len(w) & ~1))),
    ('no-end', 'text_base64', 'written as base64', lambda m, w: base64.encodebytes(w)),
    ('tail-fit', 'http_chunked', 'the lengths of a chunked transfer stand between the bytes',
     lambda m, w: b''.join(b'%x\r\n%s\r\n' % (len(w[i:i + 4096]), w[i:i + 4096])
                           for i in range(0, len(w), 4096)) + b'0\r\n\r\n'),
    ('tail-fit', 'http_multipart', 'the head and the boundary of a form around it',
     lambda m, w: b'--b\r\nContent-Type: application/zip\r\n\r\n' + w + b'\r\n--b--\r\n')):
    add(
        _id, REFUSE, 'transfer_' + _name, _note, lambda c=_change, n=_name: changed(
            c,
            image(Entry(b'zeros', bytes(64)), Entry(b'big', pattern(9000)))
            if 'nuls' in n else None))


# --- other containers, and archives side by side --------------------------------------------------

def tar_of(name, data):
    """A tar with one member (POSIX 1003.1, ustar)."""
    head = struct.pack('100s8s8s8s12s12s8sc100s6s2s247x', name, b'0000644\0', b'0000000\0',
                       b'0000000\0', b'%011o\0' % len(data), b'00000000000\0', b' ' * 8, b'0', b'',
                       b'ustar\0', b'00')
    return head[:148] + b'%06o\0 ' % sum(head) + head[156:] + data + bytes(-len(data) % 512 + 1024)


PNG = bytes.fromhex(
    '89504e470d0a1a0a0000000d4948445200000001000000010806000000 '
    '1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082'
)
LFS = (b'version https://git-lfs.github.com/spec/v1\n'
       b'oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n')
EMPTY_END = struct.pack('<IHHHHIIH', 0x06054B50, 0, 0, 0, 0, 0, 0, 0)

for _id, _name, _note, _make in (
    ('no-end', 'gzip', 'the archive, compressed by gzip', lambda w: gzip.compress(w, mtime=0)),
    ('no-end', 'lfs_pointer', 'a pointer of git-lfs in place of the archive',
     lambda w: LFS), ('no-end', 'html', 'a server\'s error page in place of the archive',
                      lambda w: b'<!doctype html><title>404</title>\n'),
    ('no-end', 'first_part', 'the first part of a split archive',
     lambda w: b'PK\7\x08' + w[:300]), ('tail-fit', 'tar', 'the archive in a tar',
                                        lambda w: tar_of(b'image.ozx', w)),
    ('tail-fit', 'png', 'a picture, and the archive put behind it',
     lambda w: PNG + w), ('tail-fit', 'split_marker',
                          'the mark of a split archive in front, offsets not counting it',
                          lambda w: b'PK\7\x08' + w),
    ('tail-fit', 'single_segment_marker',
     'the mark PK00 of a split archive that was not split, offsets not counting it',
     lambda w: b'PK00' + w), ('tail-fit', 'two_archives', 'two archives, one behind the other',
                              lambda w: Zip([Entry(b'first', b'first')]).bytes() + w),
    ('tail-fit', 'same_archive_twice', 'the archive twice, one behind the other',
     lambda w: w + w), ('tail-fit', 'empty_archive_behind', 'an empty archive behind the archive',
                        lambda w: w + EMPTY_END),
    ('tail-fit', 'end_record_again', 'the end record twice',
     lambda w: image(comment=b'').bytes() + image(comment=b'').bytes()[-22:]),
    ('tail-fit', 'archive_in_picture', 'a picture goes on behind the archive',
     lambda w: PNG[:33] + w + PNG[33:])):
    add(_id, REFUSE, 'container_' + _name, _note,
        lambda m=_make: refused(m(image(Entry(b'x', pattern(500))).bytes())))

add(
    'disks', REFUSE, 'container_last_part',
    'the last part of a split archive, which has the directory', lambda: refused(
        image(leading=b'PK\7\x08', end={'disk': 1, 'cd_disk': 1, 'here': 4, 'total': 4})))
add('disks', REFUSE, 'container_last_part_of_directory',
    'the last part of a split archive, with the directory\'s second half',
    lambda: refused(image(end={'disk': 2, 'cd_disk': 1, 'here': 2})))
assert len(CHUNKS) == 2  # 4 entries in the image: the counts above
