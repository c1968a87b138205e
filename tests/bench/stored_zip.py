# SPDX-License-Identifier: BSD-2-Clause
"""Writes RFC-9 archives fast, for the bench's data: STORED entries, ZIP64 in every header, the
OME-Zarr comment. The caller gives the entries in the order wanted. Knows nothing of the data sets.

Memory stays small whatever the number of entries: the central directory grows in a file beside the
archive and is appended at the end.
"""
import json
import os
import struct
import zlib

DATE_2025 = (2025 - 1980) << 9 | 1 << 5 | 1
UTF8 = 0x800
VERSION = 45  # ZIP64
LOCAL = struct.Struct("<4sHHHHHIIIHHHHQQ")
CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
CENTRAL_EXTRA = struct.Struct("<HHQQQ")
NONE32 = 0xFFFFFFFF


class Writer:
    """with Writer(path) as archive: archive.add(name, pieces...)"""

    def __init__(self, path):
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.central = path.with_name(path.name + ".central")
        self.offset = 0
        self.count = 0

    def __enter__(self):
        self.out = open(self.part, "wb", buffering=1 << 20)
        self.directory = open(self.central, "w+b", buffering=1 << 20)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._finish()
        self.out.close()
        self.directory.close()
        os.unlink(self.central)
        if kind is None:
            os.replace(self.part, self.path)
        else:
            os.unlink(self.part)

    def add(self, name, data):
        raw = name.encode()
        crc, size = zlib.crc32(data), len(data)
        local = LOCAL.pack(b"PK\3\4", VERSION, UTF8, 0, 0, DATE_2025, crc, NONE32, NONE32,
                           len(raw), 20, 1, 16, size, size)
        # The name stands between the header and its extra field (the last 20 bytes).
        self.out.write(local[:30] + raw + local[30:])
        self.out.write(data)
        self.directory.write(CENTRAL.pack(
            b"PK\1\2", 3 << 8 | VERSION, VERSION, UTF8, 0, 0, DATE_2025, crc, NONE32, NONE32,
            len(raw), 28, 0, 0, 0, 0o100644 << 16, NONE32))
        self.directory.write(raw)
        self.directory.write(CENTRAL_EXTRA.pack(1, 24, size, size, self.offset))
        self.offset += LOCAL.size + len(raw) + size
        self.count += 1

    def _finish(self):
        self.directory.flush()
        size = self.directory.tell()
        self.directory.seek(0)
        while block := self.directory.read(1 << 20):
            self.out.write(block)
        comment = json.dumps({"ome": {"version": "0.5", "zipFile": {
            "centralDirectory": {"jsonFirst": True}}}}).encode()
        self.out.write(struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 3 << 8 | VERSION, VERSION, 0, 0,
                                   self.count, self.count, size, self.offset))
        self.out.write(struct.pack("<4sIQI", b"PK\6\7", 0, self.offset + size, 1))
        self.out.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, NONE32, NONE32,
                                   len(comment)))
        self.out.write(comment)
