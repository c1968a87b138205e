# SPDX-License-Identifier: BSD-2-Clause
"""Trees and archives for the tests of unpack and repack; running ozxfs, and running it without some
of its system calls."""
import contextlib
import ctypes
import json
import os
import pathlib
import random
import resource
import stat
import struct
import sys
import zipfile

# noqa: F401  (for those who want trees and the command)
from kit.launch import OZXFS, SANITIZED, ok, run_text as run

GROUP = {'zarr_format': 3, 'node_type': 'group', 'attributes': {'ome': {'version': '0.5'}}}
ARRAY = {'zarr_format': 3, 'node_type': 'array'}
TIME = 1_600_000_000


def messages(text):
    """The lines but those about files of no array and empty directories, of which make_tree's tree
    has some."""
    return [
        line for line in text.splitlines()
        if ' but are packed: ' not in line and ' packed as such: ' not in line
    ]


def make_tree(root, chunks=12, seed=1):
    """A small image with what is easily lost: empty files and directories, odd names, holes,
    mtimes."""
    data = random.Random(seed)
    root = pathlib.Path(root)
    files = {
        'zarr.json': json.dumps(GROUP).encode(), 's0/zarr.json': json.dumps(ARRAY).encode(),
        'foozarr.json': b'data', 'a.b': b'1', 'a/x': b'2', 'a0': b'3', 'empty': b'',
        'OME/METADATA.ome.xml': '<größe/>'.encode(), 'käse/ß': b'umlauts', 'zeros': bytes(200_000),
        'ends in zeros': b'x' + bytes(100_000), 'starts with zeros': bytes(100_000) + b'x',
        'large': data.randbytes(17 * 2**20 + 1)
    }
    for i in range(chunks):
        for j in range(chunks):
            files[f's0/c/{i}/{j}'] = data.randbytes(data.randrange(3000))
    for number, (name, content) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (TIME + number, TIME + number))
    for number, name in enumerate(('nothing', 'deep/er/nothing')):
        (root / name).mkdir(parents=True)
        os.utime(root / name, (TIME - number, TIME - number))
    return root


@contextlib.contextmanager
def deep():
    """Room for a walk through thousands of levels; ozxfs itself has to do without."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[1], 8192), limits[1]))
    recursion = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(recursion)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@deep()
def tree(root):
    """{path: bytes, None for a directory}, paths as bytes. By descriptors: whole paths may be
    longer than the system takes."""
    root, found = os.fsencode(root), {}
    for folder, folders, names, fd in os.fwalk(root):
        inside = folder[len(root) + 1:]
        for name in folders + names:
            assert not stat.S_ISLNK(os.lstat(name, dir_fd=fd).st_mode)
            found[os.path.join(inside, name)] = None
        for name in names:
            with open(name, 'rb', opener=lambda n, flags: os.open(n, flags, dir_fd=fd)) as content:
                found[os.path.join(inside, name)] = content.read()
    return found


def mtimes(root):
    """Of files and empty directories."""
    return {
        str(p.relative_to(root)): int(p.stat().st_mtime)
        for p in pathlib.Path(root).rglob('*')
        if p.is_file() or not any(p.iterdir())
    }


def contents(archive):
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        return {i.filename: opened.read(i) for i in opened.infolist()}


def left_beside(folder):
    """What temporary things stand in the folder."""
    return [n for n in os.listdir(folder) if n.startswith('.ozxfs-')]


# --- a kernel that lacks a system call ------------------------------------------------------------

OPENAT2, RENAMEAT2 = 437, 316  # x86_64
_ALLOW, _ERRNO, _ARCH = 0x7FFF0000, 0x00050000, 0xC000003E


def without(number, error):
    """A preexec_fn: the system call answers `error`."""
    def code(op, jt, jf, k):
        return struct.pack('HBBI', op, jt, jf, k)

    program = b''.join((code(0x20, 0, 0, 4), code(0x15, 0, 3, _ARCH), code(0x20, 0, 0, 0),
                        code(0x15, 0, 1, number), code(0x06, 0, 0,
                                                       _ERRNO | error), code(0x06, 0, 0, _ALLOW)))
    buffer = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(
        struct.pack('HxxxxxxQ',
                    len(program) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)

    def apply():
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter_, 0, 0):
            raise OSError(ctypes.get_errno(), 'seccomp')
    apply.keep = buffer
    return apply
