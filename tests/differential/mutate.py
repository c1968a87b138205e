# SPDX-License-Identifier: BSD-2-Clause
"""Mutants of ZIP archives: one to three changes each, of kinds that matter to a reader. The same
number gives the same mutant, so a finding can be made again from its number alone."""
import io
import random
import struct
import zipfile

CENTRAL, LOCAL, END = b'PK\1\2', b'PK\3\4', b'PK\5\6'
CENTRAL_FIELDS = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2), (16, 4), (20, 4), (24, 4),
                  (28, 2), (30, 2), (32, 2), (34, 2), (36, 2), (38, 4), (42, 4))
LOCAL_FIELDS = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28,
                                                                                               2))
END_FIELDS = ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))
TELLING = (0, 1, 2, 3, 8, 9, 12, 14, 0x800, 0x808, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF,
           0xFFFFFFFE, 0xFFFFFFFF)
NAME_BYTES = b'/.\\a\0\x1f\x7f\xc3\xa9\xffZ'


def plain_archives():
    """Archives by Python's zipfile, whole and of several kinds, so that much of what comes out
    still opens."""
    out = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for force64 in (False, True):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, 'w', method) as z:
                for n in range(6):
                    name = ('zarr.json', 's0/zarr.json', 's0/c/0/0', 's0/c/0/1', 'empty', 's0/ü')[n]
                    with z.open(zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6)), 'w',
                                force_zip64=force64) as f:
                        f.write(b'' if name == 'empty' else name.encode() * (n + 3))
                z.comment = b'{"ome":{"version":"0.5"}}'
            out.append(buffer.getvalue())
    return out


class Mutant:
    """One archive being changed; knows where its records are."""

    def __init__(self, data, rng):
        self.data, self.rng = bytearray(data), rng

    def places(self, signature):
        out, at = [], self.data.find(signature)
        while at >= 0:
            out.append(at)
            at = self.data.find(signature, at + 4)
        return out

    def end(self):
        return self.data.rfind(END)

    def change_field(self, signature, fields):
        where = [p for p in self.places(signature) if p + 46 <= len(self.data) or signature == END]
        if not where:
            return
        offset, size = self.rng.choice(fields)
        at = self.rng.choice(where) + offset
        old = int.from_bytes(self.data[at:at + size], 'little')
        new = self.rng.choice((self.rng.choice(TELLING), old + self.rng.randint(-4, 4),
                               old ^ 1 << self.rng.randrange(8 * size)))
        self.data[at:at + size] = (new % (1 << 8 * size)).to_bytes(size, 'little')

    def change_name(self):
        where = self.places(CENTRAL)
        if not where:
            return
        at = self.rng.choice(where)
        size = int.from_bytes(self.data[at + 28:at + 30], 'little')
        if not size:
            return
        position, byte = self.rng.randrange(size), self.rng.choice(NAME_BYTES)
        local = int.from_bytes(self.data[at + 42:at + 46], 'little')
        # both headers, or one of them
        spots = [at + 46] + ([local + 30] if self.rng.random() < 0.6 else [])
        for spot in spots:
            if spot + position < len(self.data):
                self.data[spot + position] = byte

    def headers(self):
        """The central directory as a list of headers, if it can be walked, with its place."""
        end = self.end()
        if end < 0 or end + 22 > len(self.data):
            return None
        at = start = int.from_bytes(self.data[end + 16:end + 20], 'little')
        out = []
        while at + 46 <= end and self.data[at:at + 4] == CENTRAL:
            size = 46 + sum(struct.unpack('<HHH', self.data[at + 28:at + 34]))
            out.append(bytes(self.data[at:at + size]))
            at += size
        return (start, at, out) if out and at <= end else None

    def edit_headers(self):
        found = self.headers()
        if not found:
            return
        start, stop, headers = found
        kind, i = self.rng.randrange(4), self.rng.randrange(len(headers))
        if kind == 0:
            headers.append(headers[i])
        elif kind == 1:
            del headers[i]
        elif kind == 2:
            self.rng.shuffle(headers)
        else:
            # an extra field that has no business
            h = bytearray(headers[i])
            extra = struct.pack('<HH', self.rng.choice(
                (1, 0x5455, 0x7075, 0xCAFE)), self.rng.choice((0, 4, 8, 16))) + b'\0' * 8
            n, x, _ = struct.unpack('<HHH', h[28:34])
            h[46 + n + x:46 + n + x] = extra
            h[30:32] = struct.pack('<H', x + len(extra))
            headers[i] = bytes(h)
        self.data[start:stop] = b''.join(headers)
        if self.rng.random() < 0.9:
            self.normalize(start, len(b''.join(headers)), len(headers))

    def normalize(self, start, size, count):
        end = self.end()
        if end >= 0 and self.data[end - 20:end - 16] != b'PK\6\7':
            self.data[end + 8:end + 20] = struct.pack('<HHII', count & 0xFFFF, count & 0xFFFF, size,
                                                      start)

    def change_data(self):
        """A byte in front of the directory: data, a local header, or an extra field."""
        places = self.places(CENTRAL)
        if places and places[0]:
            self.data[self.rng.randrange(places[0])] ^= 1 << self.rng.randrange(8)

    def cut_or_grow(self):
        kind = self.rng.randrange(4)
        if kind == 0:
            del self.data[self.rng.randrange(len(self.data) + 1):]
        elif kind == 1:
            self.data += self.rng.choice(
                (b'\0' * self.rng.randint(1, 40), b'x' * self.rng.randint(1, 40), bytes(self.data)))
        elif kind == 2:
            self.data[0:0] = b'y' * self.rng.randint(1, 40)
        else:
            at = self.rng.randrange(len(self.data) + 1)
            self.data[at:at] = bytes(self.rng.randrange(256) for _ in range(self.rng.randint(1, 8)))

    def change(self):
        r = self.rng.random()
        if r < 0.26:
            self.change_field(CENTRAL, CENTRAL_FIELDS)
        elif r < 0.40:
            self.change_field(LOCAL, LOCAL_FIELDS)
        elif r < 0.44:
            self.change_field(END, END_FIELDS)
        elif r < 0.58:
            self.change_name()
        elif r < 0.76:
            self.edit_headers()
        elif r < 0.97:
            self.change_data()
        else:
            self.cut_or_grow()


def mutant(bases, number):
    rng = random.Random(number)
    m = Mutant(rng.choice(bases), rng)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        if m.data:
            m.change()
    return bytes(m.data)
