# SPDX-License-Identifier: BSD-2-Clause
"""Mutants of tails alone: an archive `A` without a fault and what a file's end can hold beside it.
The same number gives the same mutant, for ever: seeds are the numbers.

    lead | A's entries | A's directory | between | ZIP64 record | extensible data | locator | gap |
    end record | comment | behind

Its entries are STORED, with names in ASCII, each there once, and local headers that agree: no row
of the policy table but those of the tail is touched, so two readers that open a mutant and show
different names or bytes read its tail in two ways. Often a second archive `B` with the same names
and other bytes, or a part of it, stands in one of the places, its offsets counted from where one
reader or another would count them. Contents are tokens of printable characters, so that `unzip -c`
can be taken apart.
"""
import random
import struct
import zlib

LOCAL = struct.Struct('<IHHHHHIIIHH')
CENTRAL = struct.Struct('<IHHHHHHIIIHHHHHII')
RECORD = struct.Struct('<IQHHIIQQQQ')
LOCATOR = struct.Struct('<IIQI')
END = struct.Struct('<IHHHHIIH')
S16, S32 = 0xFFFF, 0xFFFFFFFF
NAMES = (b'zarr.json', b's0/zarr.json', b's0/c/0/0', b's0/c/0/1', b's1/c/0/0')
PLACES = ('comment', 'extensible', 'between', 'behind', 'lead', 'data', 'gap')
TELLING = (0, 1, 2, 3, 22, 44, 45, 46, 56, 76, 0x4B50, 0x0605, 0x0606, S16 - 1, S16, S16 + 1,
           S32 - 1, S32, S32 + 1, 1 << 63)
COMMENT = b'{"ome":{"version":"0.5"}}'


class Archive:
    """Entries' local headers and data, and their directory. `at`: where the first stands in the
    file; `base`: what its offset says."""

    def __init__(self, rng, mark, at, base=None, names=NAMES[:3], wide=False, data=None,
                 last_comment=b''):
        base = at if base is None else base
        self.at, self.locals, self.directory, self.count = at, b'', b'', len(names)
        for i, name in enumerate(names):
            nested = data if i == self.count - 1 else None
            content = b'<%s%d%s:%08x>' % (mark, i, b'' if nested is None else b'+',
                                          rng.getrandbits(32))
            if nested is not None:
                content += nested + b'<END>'
            self.add(name, content, base, wide, last_comment if i == self.count - 1 else b'')
        self.size = len(self.directory)
        self.base = base
        self.offset = base + len(self.locals)           # of the directory, as its end record has it

    def add(self, name, content, base, wide, comment):
        crc, size, offset = zlib.crc32(content), len(content), base + len(self.locals)
        extra = struct.pack('<HHQQ', 1, 16, size, size) if wide else b''
        said = S32 if wide else size
        self.locals += LOCAL.pack(0x04034B50, 45, 0, 0, 0, 0x5821, crc, said, said, len(name),
                                  len(extra)) + name + extra + content
        self.directory += CENTRAL.pack(0x02014B50, 0x032D, 45, 0, 0, 0, 0x5821, crc, said, said,
                                       len(name), len(extra), len(comment), 0, 0, 0o100644 << 16,
                                       offset & S32) + name + extra + comment


def record(archive, rest=44):
    return RECORD.pack(0x06064B50, rest & (1 << 64) - 1, 0x032D, 45, 0, 0, archive.count,
                       archive.count, archive.size, archive.offset & (1 << 64) - 1)


def locator(offset):
    return LOCATOR.pack(0x07064B50, 0, offset & (1 << 64) - 1, 1)


def end(count, size, offset, comment_size):
    return END.pack(0x06054B50, 0, 0, count & S16, count & S16, size & S32, offset & S32,
                    comment_size & S16)


def second(rng, a, at, rest, shown):
    """Bytes for the place `at`, behind which `rest` bytes follow up to the file's end: archive B or
    parts of it. `shown`: what B is taken to be off by, in the eyes of a reader that asks how far
    the end record is from where it should be."""
    base = rng.choice((at, at, at, 0, at - rng.randint(1, 40), at - shown, at + shown,
                       at - shown - 76, at - 76, at - len(a.locals)))
    b = Archive(rng, b'B', at, base,
                rng.choice((NAMES[:a.count], NAMES[:a.count], NAMES[1:a.count + 1], NAMES[:1])),
                rng.random() < 0.2)
    kind = rng.choice(('all', 'all', 'all', 'all64', 'all64', 'end', 'end', 'end-of-a', 'end-empty',
                       'directory', 'record', 'record', 'locals', 'locator'))
    tail = b''.join(
        rng.choice((b'', b'', b'x', b'\0', bytes(rng.randint(1, 30)),
                    rng.randbytes(rng.randint(1, 30)))) for _ in range(2))
    said = rest + len(tail) if rng.random() < 0.45 else rng.choice(
        (0, 0, len(tail), rest + len(tail) - 1, rest + len(tail) + 5, S16))
    body = b.locals + b.directory
    if kind == 'directory':
        return body
    if kind == 'locals':
        return b.locals
    if kind == 'locator':
        return locator(rng.choice((at, a.offset, a.offset + a.size)))
    # often right in front of the locator, where some look first
    if kind == 'record':
        return body + record(b, rng.choice((44, 44, 45, 0, rng.getrandbits(16)))) + rng.choice(
            (b'', b'', b'', tail))
    if kind == 'end-of-a':
        return end(a.count, a.size, a.offset, said) + tail
    if kind == 'end-empty':
        return end(0, 0, rng.choice((0, at, a.offset)), said) + tail
    if kind == 'end':
        return body + end(b.count, b.size, b.offset, said) + tail
    wide = b''
    if kind == 'all64':
        wide = record(b) + locator(b.base + len(body) if rng.random() < 0.7 else at + len(body))
    fields = (S16, S32, S32) if wide and rng.random() < 0.5 else (b.count, b.size, b.offset)
    return body + wide + end(*fields, said) + tail


def filler(rng, long_chance, longest):
    if rng.random() < long_chance:
        size = rng.choice((16300, 16362, 16384, 16385, 20000, 65500, longest))
        return rng.choice((b' ', b'\0', b'x')) * min(size, longest)
    return rng.randbytes(rng.choice((0, 1, 4, 12, 20, 22, 56, 76, rng.randint(1, 200))))


def sprinkle(rng, data):
    """A signature somewhere in some bytes, mostly with enough behind it to be a record of its kind.
    """
    signature, size = rng.choice(
        ((b'PK\5\6', 22), (b'PK\5\6', 22), (b'PK\6\6', 56), (b'PK\6\6', 56), (b'PK\6\7', 20),
         (b'PK\1\2', 46), (b'PK\3\4', 30)))
    body = signature + rng.choice(
        (bytes(size - 4), rng.randbytes(size - 4)))[:rng.choice((size, size, size,
                                                                 rng.randint(0, size)))]
    at = rng.choice((0, len(data), rng.randint(0, len(data))))
    return data[:at] + body + data[at:]


class Mutant:
    """The parts, made from the front to the back; `place` is where B goes, or None."""

    def __init__(self, number):
        self.rng = rng = random.Random(number)
        self.place = rng.choice(PLACES) if rng.random() < 0.55 else None
        self.zip64 = rng.random() < 0.6
        self.comment = rng.choice((b'', COMMENT, COMMENT, COMMENT + filler(rng, 0.15, S16 - 200)))
        self.behind = b'' if rng.random() < 0.75 else bytes(
            rng.choice((1, 2, 76, 512, 10240, 16384, 65535, 65536, 65537, rng.randint(1, 300))))
        if self.place == 'comment' or rng.random() < 0.04:
            self.behind = b'' if rng.random() < 0.9 else self.behind
        self.lead = b''
        if self.place == 'lead':
            stand_in = Archive(rng, b'A', 0)
            self.lead = b'' if rng.random() < 0.6 else rng.choice(
                (b'#!/bin/sh\n', b'\0', rng.randbytes(rng.randint(1, 600))))
            self.lead += second(rng, stand_in, len(self.lead), rng.choice((0, 300)),
                                rng.choice((0, 22)))
        elif rng.random() < 0.12:
            self.lead = filler(rng, 0.05, 70000)
        self.base = len(self.lead) if rng.random() < 0.75 else rng.choice(
            (0, len(self.lead) - 1, len(self.lead) + 1))
        self.parts = self.build()

    def archive(self):
        """A, with B as the end of its last entry's data if that is B's place."""
        rng, names = self.rng, NAMES[:self.rng.randint(1, 4)]
        data, wide = None, rng.random() < 0.3
        if self.place == 'data':
            state = rng.getstate()
            at = len(self.lead) + len(Archive(rng, b'A', 0, 0, names, wide).locals)
            rng.setstate(state)
            data = second(rng, Archive(random.Random(0), b'A', len(self.lead), None, names), at,
                          rng.choice((0, 200, 22 + len(self.comment))), 0)
        return Archive(rng, b'A', len(self.lead), self.base, names, wide, data)

    def tail_behind(self):
        """Bytes from the end record's start to the file's end, where B is in front of it."""
        return 22 + len(self.comment) + len(self.behind)

    def build(self):
        rng = self.rng
        a = self.a = self.archive()
        if self.place == 'extensible' and rng.random() < 0.25:
            return self.directory_up_to_the_end()
        at = a.at + len(a.locals) + a.size
        between = gap = extensible = b''
        if self.place == 'between':
            between = second(rng, a, at, self.tail_behind() + 76 * self.zip64, 22)
        elif rng.random() < 0.06:
            between = filler(rng, 0.05, 3000)
        at += len(between)
        true = rng.choice((at, at, at, a.offset + a.size))
        wide = b''
        if self.zip64:
            extensible = self.extensible(at + 56)
            if self.place != 'extensible' and rng.random() < 0.05:
                extensible = sprinkle(rng, extensible)
            size = 44 + len(extensible) if rng.random() < 0.95 else 44
            wide = record(a, size) + extensible + locator(true if rng.random() < 0.97 else at)
        at += len(wide)
        if self.place == 'gap':
            gap = second(rng, a, at, self.tail_behind(), 22)
        elif rng.random() < 0.02:
            gap = filler(rng, 0, 0)
        at += len(gap)
        self.finish(at)
        return [
            self.lead, a.locals, a.directory, between, wide, gap,
            self.end_record(), self.comment, self.behind
        ]

    def extensible(self, at):
        rng = self.rng
        if self.place == 'extensible':
            return second(rng, self.a, at, 20 + self.tail_behind(), rng.choice((76, 56, 20, 0)))
        if rng.random() < 0.12:
            return filler(rng, 0.15, 17000)
        return b''

    def directory_up_to_the_end(self):
        """B's directory ends where the end record begins: the locator is its last entry's comment.
        Readers that take the place of the directory from the end record's and find no record in
        front of the locator come upon it."""
        rng, a = self.rng, self.a
        self.zip64 = True
        a = self.a = Archive(rng, b'A', a.at, a.base, NAMES[:a.count], last_comment=b'c' * 20)
        at = a.at + len(a.locals) + a.size + 56
        b = Archive(rng, b'B', at, 0, NAMES[:a.count], last_comment=b'c' * 20)
        shown = at + len(b.locals) + b.size - (a.offset + a.size)
        b = Archive(rng, b'B', at, rng.choice((at, at - shown, at - shown - 76)), NAMES[:a.count],
                    last_comment=b'c' * 20)
        extensible = b.locals + b.directory[:-20]
        wide = record(a, 44 + len(extensible)) + extensible + locator(at - 56)
        self.finish(at + len(extensible) + 20)
        return [
            self.lead, a.locals, a.directory, b'', wide, b'',
            self.end_record(), self.comment, self.behind
        ]

    def finish(self, end_at):
        """The comment and what is behind, now that their place is known."""
        rng = self.rng
        if self.place == 'comment':
            head = rng.choice((b'', COMMENT, rng.randbytes(rng.randint(0, 30))))
            shown = end_at + 22 + len(head) - self.a.offset - self.a.size
            self.comment = head + second(rng, self.a, end_at + 22 + len(head), len(self.behind),
                                         shown)
        elif rng.random() < 0.06:
            self.comment = sprinkle(rng, self.comment)
        self.comment = self.comment[:S16]
        if self.place == 'behind':
            self.behind += second(rng, self.a, end_at + 22 + len(self.comment) + len(self.behind),
                                  0, rng.choice((0, end_at + 22)))
        elif self.behind and rng.random() < 0.1:
            self.behind = sprinkle(rng, self.behind)

    def end_record(self):
        rng, a = self.rng, self.a
        fields = [a.count, a.size, a.offset]
        style = rng.random()
        if self.zip64 and style < 0.75:
            kept = (0, 0, 0) if style < 0.4 else [rng.random() < 0.5 for _ in fields]
            fields = [f if keep else s for f, keep, s in zip(fields, kept, (S16, S32, S32))]
        disk = S16 if self.zip64 and rng.random() < 0.03 else 0
        reach = 0 if rng.random() < 0.93 else rng.choice(
            (len(self.behind), -1, 1, -len(self.comment)))
        return END.pack(0x06054B50, disk, disk, fields[0] & S16, fields[0] & S16, fields[1] & S32,
                        fields[2] & S32, (len(self.comment) + reach) & S16)

    def change_field(self):
        """One field of the three records takes another value, often one of B's or one that is
        close."""
        rng = self.rng
        whole = b''.join(self.parts)
        start = len(b''.join(self.parts[:4]))
        kinds = [(b'PK\5\6', (4, 6, 8, 10, 20), 2), (b'PK\5\6', (12, 16), 4)]
        if self.zip64:
            kinds += [(b'PK\6\6', (4, 24, 32, 40, 48), 8), (b'PK\6\6', (16, 20), 4),
                      (b'PK\6\7', (8, ), 8), (b'PK\6\7', (4, 16), 4)]
        signature, offsets, size = rng.choice(kinds)
        at = whole.find(signature, start)
        if at < 0:
            return whole
        at += rng.choice(offsets)
        old = int.from_bytes(whole[at:at + size], 'little')
        new = rng.choice(
            (rng.choice(TELLING), old + rng.choice(
                (-76, -56, -46, -22, -20, -1, 1, 20, 22, 46, 56, 76)),
             old ^ 1 << rng.randrange(8 * size), self.a.offset, self.a.size, self.a.at, len(whole)))
        return whole[:at] + (new % (1 << 8 * size)).to_bytes(size, 'little') + whole[at + size:]

    def bytes(self):
        rng, how = self.rng, self.rng.random()
        if how < 0.80:
            return b''.join(self.parts)
        if how < 0.92:
            return self.change_field()
        if how < 0.95:
            i = rng.randrange(3, len(self.parts))       # a part twice, or left out
            return b''.join(self.parts[:i] + [self.parts[i]] * rng.choice((0, 2)) +
                            self.parts[i + 1:])
        whole = b''.join(self.parts)
        if how < 0.97:
            return whole[:len(whole) -
                         rng.randint(1, 60)] if rng.random() < 0.5 else whole[rng.randint(1, 60):]
        at = rng.randint(max(0, len(whole) - 400), len(whole))
        return whole[:at] + rng.randbytes(rng.randint(1, 22)) + whole[at:]


def mutant(number):
    return Mutant(number).bytes()
