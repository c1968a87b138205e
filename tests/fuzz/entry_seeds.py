#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""entry_seeds.py ARCHIVES OUTDIR: seeds for fuzz_entry, each a central header and behind it the
bytes that it speaks of: every entry of the archives in the folder ARCHIVES (each different one
once), and some in methods that only libzip knows."""
import hashlib
import io
import os
import struct
import sys
import zipfile

SEED_MAX = 16384


def entries(data):
    """(central header, local header and what follows it) of all central headers that can be met."""
    places, at = [], data.find(b'PK\1\2')
    while at >= 0 and at + 46 <= len(data):
        size = 46 + sum(struct.unpack('<HHH', data[at + 28:at + 34]))
        places.append((struct.unpack('<I', data[at + 42:at + 46])[0], data[at:at + size]))
        at = data.find(b'PK\1\2', at + 4)
    directory = data.find(b'PK\1\2')
    starts = sorted({offset for offset, _ in places} | {directory})
    for offset, central in places:
        behind = [s for s in starts if s > offset]
        yield central, data[offset:behind[0] if behind else directory]


def other_methods():
    out = []
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        for text in (b'', b'a', b'chunk ' * 400, bytes(range(256)) * 4):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, 'w', method) as z:
                z.writestr('s0/c/0', text)
            out.append(buffer.getvalue())
    return out


def main(folder, outdir):
    os.makedirs(outdir, exist_ok=True)
    archives = other_methods()
    for name in sorted(os.listdir(folder)):
        if name.endswith('.ozx'):
            with open(os.path.join(folder, name), 'rb') as f:
                archives.append(f.read())
    for data in archives:
        for central, rest in entries(data):
            seed = central + rest
            if len(seed) <= SEED_MAX:
                with open(os.path.join(outdir, hashlib.sha1(seed).hexdigest()[:16]), 'wb') as f:
                    f.write(seed)


if __name__ == '__main__':
    main(*sys.argv[1:])
