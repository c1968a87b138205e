# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for archives that were changed in place (src/edit/append.h): what an append leaves, and
where one was cut short.

Ids: no-end, tail-fit, gap.
"""
import struct
import zlib

from .recipe import COMMENT, REFUSE, SERVE, Entry, Made, add, image, refused
from .zipforge import central_header, local_header

NONE = 2**64 - 1
PADDING = 132_000  # no other end record in so many bytes: as edit leaves them
LABELS = b'{"zarr_format":3,"node_type":"group","attributes":{}}'


def mark(old_size, new_size, old_end, new_end, *cleared):
    """src/zip/append_mark.h."""
    numbers = [old_size, new_size, old_end, new_end, *cleared]
    fields = b'ozxfs+\r\n' + struct.pack('<8Q', *numbers, *[NONE] * (8 - len(numbers)))
    return fields + struct.pack('<I', zlib.crc32(fields))


def aligned(size):
    return -size % 4096


class Appended:
    """The small image: its root replaced, and a group that was added."""

    def __init__(self, padding=0):
        base = image()
        self.old = base.bytes()
        root, *rest = base.entries
        self.entries = [Entry(b'zarr.json', root.data + b'\n'), Entry(b'labels/zarr.json', LABELS),
                        *rest]
        body = bytes(aligned(len(self.old)))
        for entry in self.entries[:2]:
            entry.offset = len(self.old) + len(body)
            body += local_header(entry) + entry.data
        body += bytes(padding)
        directory = b''.join(central_header(entry) for entry in self.entries)
        at = len(self.old) + len(body) + 76
        self.end = at + len(directory)
        self.size = self.end + 22 + len(COMMENT)
        self.mark = mark(len(self.old), self.size, base.end_offset, self.end, 0)
        count = len(self.entries)
        tail = struct.pack('<IHHHHIIH', 0x06054B50, 0, 0, count, count, len(directory), at,
                           len(COMMENT)) + COMMENT
        self.before_mark, self.behind_mark = body, directory + tail

    def bytes(self, made_mark=None, cleared=True):
        first = bytes(4) if cleared else self.old[:4]
        return first + self.old[4:] + self.before_mark + (made_mark or
                                                          self.mark) + self.behind_mark

    def cut_short(self, committed):
        """The mark at the file's end; the end record's signature is there, or not."""
        whole = self.bytes(cleared=committed)
        if not committed:
            whole = whole[:self.end] + bytes(4) + whole[self.end + 4:]
        return whole + bytes(aligned(self.size)) + self.mark


def edited(made_mark=None):
    made = Appended(PADDING)
    view = {entry.name: entry.data for entry in made.entries}
    return Made([made.bytes(made_mark)], view)


add('gap', SERVE, 'edited', 'changed in place: an old directory and a replaced root, all known',
    edited, verify='-')
add('gap', SERVE, 'edited_mark_of_nothing', 'the mark of another archive explains no gap',
    lambda: edited(mark(100, 5000, 50, 4000)))
add('no-end', REFUSE, 'edited_near', 'changed in place, and the old end record is within reach',
    lambda: refused(Appended().bytes()))
add('tail-fit', REFUSE, 'edited_cut_short', 'a change in place that was cut short',
    lambda: refused(Appended(PADDING).cut_short(False)))
add('tail-fit', REFUSE, 'edited_cut_short_committed', 'the same, and the new end record is there',
    lambda: refused(Appended(PADDING).cut_short(True)))
