# SPDX-License-Identifier: BSD-2-Clause
"""A ZIP, forged field by field.

Role: the object model that the recipes are written in. Every field of every structure can be given
a value of its own, so that one lie at a time can be told. Nothing here checks anything, and nothing
here knows what ozxfs does with the result.

    Zip([Entry(b'zarr.json', b'{}'), Entry(b'c/0', data, local={'crc': 1})], comment=b'{}',
    end={'total': 7}).bytes()

Layout (APPNOTE 6.3.10, 4.3): leading | local header, data, descriptor ... | gap | central headers |
ZIP64 record, locator | end record, comment | trailing. After `layout()` the offsets stand in
`entry.offset`, `zip.directory_offset`, `zip.directory_size`, `zip.end_offset`.
"""
import bz2
import functools
import struct
import zlib
from dataclasses import dataclass, field

UTF8, DESCRIPTOR, ENCRYPTED = 0x800, 0x8, 0x1
S16, S32 = 0xFFFF, 0xFFFFFFFF
DOS_TIME, DOS_DATE = 7 << 11 | 8 << 5 | 5, (2024 - 1980) << 9 | 5 << 5 | 6  # 2024-05-06 07:08:10
ZIP64_ID, TIMESTAMP_ID, UNICODE_PATH_ID = 0x0001, 0x5455, 0x7075
UNIX, DOS, MACOS = 3, 0, 19


def extra_field(header_id, data):
    """One extra field: header id, size, data (APPNOTE 4.5)."""
    return struct.pack('<HH', header_id, len(data)) + data


def zip64_field(*values):
    """The ZIP64 extra field with these 8-byte values (APPNOTE 4.5.3)."""
    return extra_field(ZIP64_ID, b''.join(struct.pack('<Q', v) for v in values))


# --- contents that are mostly holes ---------------------------------------------------------------

def _gf_multiply(a, b):
    """The product of two polynomials modulo CRC-32's, in its reflected notation (bit 31 is x^0)."""
    product = 0
    for bit in range(31, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (0xEDB88320 if b & 1 else 0)
    return product


def _crc_skip_zeros(crc, count):
    """CRC-32 after `count` more zero bytes, without making them."""
    register, factor, bits = crc ^ S32, 1 << 30, 8 * count  # factor: x^1
    while bits:
        if bits & 1:
            register = _gf_multiply(register, factor)
        factor = _gf_multiply(factor, factor)
        bits >>= 1
    return register ^ S32


class Sparse:
    """Content of `size` bytes: zeros, but for patches {offset: bytes} that do not overlap."""

    def __init__(self, size, patches):
        self.size, self.patches = size, sorted(patches.items())

    def __len__(self):
        return self.size

    def parts(self):
        """The content as a list of bytes and hole sizes (int)."""
        at, out = 0, []
        for offset, data in self.patches:
            out += [offset - at, data]
            at = offset + len(data)
        return out + [self.size - at]

    def crc(self):
        crc = 0
        for part in self.parts():
            crc = _crc_skip_zeros(crc, part) if isinstance(part, int) else zlib.crc32(part, crc)
        return crc

    def read(self, offset, size):
        size = max(0, min(size, self.size - offset))
        out = bytearray(size)
        for start, data in self.patches:
            low, high = max(start, offset), min(start + len(data), offset + size)
            if low < high:
                out[low - offset:high - offset] = data[low - start:high - start]
        return bytes(out)


@functools.lru_cache(8)  # asked for by each header, and by each name of the bombs
def _compressed(data, method):
    if method == 12:
        return bz2.compress(data)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


# --- entries --------------------------------------------------------------------------------------

@dataclass
class Entry:
    """One entry. `local` and `central` override single fields of the two headers (see LOCAL and
    CENTRAL), the *_size fields of names and extras too, so that lengths can lie."""
    name: bytes
    data: object = b''          # bytes or Sparse: the true content
    method: int = 0
    flags: int | None = None    # None: bit 11 if the name is not ASCII, bit 3 with a descriptor
    packed: bytes | None = None  # the bytes as they lie in the file; None: `data` by `method`
    host: int = UNIX
    mode: int = 0o100644
    # of 'usize', 'csize', 'offset': sentinel, and the value in the ZIP64 field
    zip64: tuple = ()
    local_zip64: tuple = ()     # of 'usize', 'csize'
    # 'signed', 'plain', 'signed64', 'plain64', 'none' (bit 3, but no descriptor follows)
    descriptor: str = ''
    extra: bytes = b''          # of the central header, behind the ZIP64 field
    local_extra: bytes = b''
    comment: bytes = b''
    gap: bytes = b''            # bytes before the local header
    local: dict = field(default_factory=dict)
    central: dict = field(default_factory=dict)
    listed: bool = True         # False: no central header
    present: bool = True        # False: no local header, no data
    offset: int = 0             # set by layout()

    def stored(self):
        if self.packed is not None:
            return self.packed
        return _compressed(self.data, self.method) if self.method in (8, 12) else self.data

    def common(self):
        """The fields that stand in both headers, with their true values."""
        flags = self.flags
        if flags is None:
            flags = (0 if self.name.isascii() else UTF8) | (DESCRIPTOR if self.descriptor else 0)
        crc = self.data.crc() if isinstance(self.data, Sparse) else zlib.crc32(self.data)
        return dict(version=45 if self.zip64 or self.local_zip64 else 20, flags=flags,
                    method=self.method, time=DOS_TIME, date=DOS_DATE, crc=crc,
                    csize=len(self.stored()), usize=len(self.data), name=self.name)


def _with_zip64(fields, which):
    """Puts sentinels in place of the fields `which` and their values into a ZIP64 field in front of
    the others."""
    if which:
        wide = zip64_field(*(fields[k] for k in ('usize', 'csize', 'offset') if k in which))
        fields.update({k: S32 for k in which}, extra=wide + fields['extra'])


def _finish(fields, overrides, texts):
    fields.update(overrides)
    for text in texts:
        fields.setdefault(text + '_size', len(fields[text]))
    return fields


def local_header(entry):
    """A local file header (APPNOTE 4.3.7)."""
    f = dict(entry.common(), signature=0x04034B50, extra=entry.local_extra)
    if f['flags'] & DESCRIPTOR:
        f.update(crc=0, csize=0, usize=0)
    _with_zip64(f, entry.local_zip64)
    f = _finish(f, entry.local, ('name', 'extra'))
    return struct.pack('<IHHHHHIIIHH', f['signature'], f['version'], f['flags'], f['method'],
                       f['time'], f['date'], f['crc'] & S32, f['csize'], f['usize'], f['name_size'],
                       f['extra_size']) + f['name'] + f['extra']


def central_header(entry):
    """A central directory header (APPNOTE 4.3.12)."""
    f = dict(entry.common(), signature=0x02014B50, extra=entry.extra, comment=entry.comment,
             made_by=entry.host << 8 | 30, disk=0, internal=0,
             external=entry.mode << 16 | (0x10 if entry.name.endswith(b'/') else 0),
             offset=entry.offset)
    _with_zip64(f, entry.zip64)
    f = _finish(f, entry.central, ('name', 'extra', 'comment'))
    return struct.pack('<IHHHHHHIIIHHHHHII', f['signature'], f['made_by'], f['version'], f['flags'],
                       f['method'], f['time'], f['date'], f['crc'] & S32, f['csize'], f['usize'],
                       f['name_size'], f['extra_size'], f['comment_size'], f['disk'], f['internal'],
                       f['external'], f['offset']) + f['name'] + f['extra'] + f['comment']


def descriptor(entry):
    """The data descriptor after the data, true values (APPNOTE 4.3.9)."""
    if entry.descriptor in ('', 'none'):
        return b''
    f = entry.common()
    sizes = struct.pack('<QQ' if '64' in entry.descriptor else '<II', f['csize'], f['usize'])
    return (b'PK\7\x08' if 'signed' in entry.descriptor else b'') + struct.pack('<I',
                                                                                f['crc']) + sizes


# --- the archive ----------------------------------------------------------------------------------

@dataclass
class Zip:
    """An archive. `end`, `end64`, `locator` override single fields; `order` is the central
    directory's order (indices of entries)."""
    entries: list
    comment: bytes = b''
    leading: bytes = b''         # before the first entry; all offsets count it
    gap: bytes = b''             # between the last entry and the directory
    directory_tail: bytes = b''  # behind the last central header, counted in the directory's size
    behind_directory: bytes = b''  # behind the directory, not counted in its size
    zip64: bool = False          # ZIP64 record and locator, sentinels in the end record
    extensible: bytes = b''      # the ZIP64 record's extensible data
    before_locator: bytes = b''  # between the ZIP64 record and the locator
    behind_locator: bytes = b''
    trailing: bytes = b''
    order: list | None = None
    end: dict = field(default_factory=dict)
    end64: dict = field(default_factory=dict)
    locator: dict = field(default_factory=dict)
    directory_offset: int = 0
    directory_size: int = 0
    end_offset: int = 0

    def listed(self):
        chosen = self.entries if self.order is None else [self.entries[i] for i in self.order]
        return [e for e in chosen if e.listed]

    def layout(self):
        """Everything in order, as a list of bytes and of ints (holes)."""
        parts, at = [self.leading], len(self.leading)
        for entry in self.entries:
            if not entry.present:
                continue
            head, data = entry.gap + local_header(entry), entry.stored()
            entry.offset = at + len(entry.gap)
            tail = descriptor(entry)
            parts += [head] + (data.parts() if isinstance(data, Sparse) else [data]) + [tail]
            at += len(head) + len(data) + len(tail)
        parts.append(self.gap)
        self.directory_offset = at + len(self.gap)
        directory = b''.join(central_header(e) for e in self.listed()) + self.directory_tail
        self.directory_size = len(directory)
        parts += [directory, self.behind_directory]
        at = self.directory_offset + len(directory) + len(self.behind_directory)
        tail64 = self.zip64_tail(at) if self.zip64 else b''
        self.end_offset = at + len(tail64)
        return parts + [tail64, self.end_record(), self.trailing]

    def bytes(self):
        return b''.join(bytes(p) if isinstance(p, int) else p for p in self.layout())

    def zip64_tail(self, at):
        """ZIP64 end record and locator (APPNOTE 4.3.14, 4.3.15)."""
        count = len(self.listed())
        f = dict(signature=0x06064B50, size=44 + len(self.extensible), made_by=UNIX << 8 | 45,
                 version=45, disk=0, cd_disk=0, here=count, total=count,
                 cd_size=self.directory_size, cd_offset=self.directory_offset)
        f.update(self.end64)
        record = struct.pack('<IQHHIIQQQQ', *f.values()) + self.extensible
        k = dict(signature=0x07064B50, disk=0, offset=at, disks=1)
        k.update(self.locator)
        return record + self.before_locator + struct.pack('<IIQI', *
                                                          k.values()) + self.behind_locator

    def end_record(self):
        """End record and comment (APPNOTE 4.3.16)."""
        count = len(self.listed())
        f = dict(signature=0x06054B50, disk=0, cd_disk=0, here=count, total=count,
                 cd_size=self.directory_size, cd_offset=self.directory_offset,
                 comment_size=len(self.comment))
        if self.zip64:
            f.update(here=S16, total=S16, cd_size=S32, cd_offset=S32)
        f.update(self.end)
        return struct.pack('<IHHHHIIH', *f.values()) + self.comment


def write_parts(parts, path):
    """Writes a layout; holes stay holes."""
    with open(path, 'wb') as out:
        for part in parts:
            if isinstance(part, int):
                out.seek(part, 1)
            else:
                out.write(part)
        out.truncate()
