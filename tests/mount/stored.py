# SPDX-License-Identifier: BSD-2-Clause
"""Archives of stored entries, which the kernel can serve."""
import os
import zipfile

KERNEL = '-obackend=kernel'


def make(path, sizes, align=None, compress=()):
    """A stored archive of files with bytes of their own; returns {name: bytes}."""
    content = {}
    with zipfile.ZipFile(path, 'w') as out:
        for number, size in enumerate(sizes):
            name = 'c/%d' % number
            content[name] = bytes((number * 7 + i * 131 + (i >> 8)) & 255
                                  for i in range(min(size, 4099))) * (size // 4099 + 1)
            content[name] = content[name][:size]
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if number in compress else zipfile.ZIP_STORED
            if align:
                room = -(out.fp.tell() + 30 + len(name) + 4) % align
                info.extra = b'\xff\xff' + room.to_bytes(2, 'little') + bytes(room)
            out.writestr(info, content[name])
    os.chmod(path, 0o644)
    return content
