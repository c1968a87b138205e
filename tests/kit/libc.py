# SPDX-License-Identifier: BSD-2-Clause
"""Calls of the C library that Python does not offer: directory streams with telldir and seekdir,
mount-free statfs."""
import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)


class _Dirent(ctypes.Structure):
    """struct dirent of glibc and musl on 64-bit Linux."""
    _fields_ = [('d_ino', ctypes.c_uint64), ('d_off', ctypes.c_int64),
                ('d_reclen', ctypes.c_uint16), ('d_type', ctypes.c_uint8),
                ('d_name', ctypes.c_char * 256)]


def _function(name, result, *arguments):
    function = getattr(_LIBC, name)
    function.restype, function.argtypes = result, arguments
    return function


_opendir = _function('opendir', ctypes.c_void_p, ctypes.c_char_p)
_readdir = _function('readdir', ctypes.POINTER(_Dirent), ctypes.c_void_p)
_telldir = _function('telldir', ctypes.c_long, ctypes.c_void_p)
_seekdir = _function('seekdir', None, ctypes.c_void_p, ctypes.c_long)
_rewinddir = _function('rewinddir', None, ctypes.c_void_p)
_closedir = _function('closedir', ctypes.c_int, ctypes.c_void_p)
DT_DIR, DT_REG = 4, 8


class Directory:
    """A directory stream."""

    def __init__(self, path):
        self.stream = _opendir(os.fsencode(path))
        if not self.stream:
            raise OSError(ctypes.get_errno(), 'opendir')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _closedir(self.stream)

    def read(self):
        """(name, inode, type) of the next entry, None at the end."""
        ctypes.set_errno(0)
        entry = _readdir(self.stream)
        if not entry:
            if ctypes.get_errno():
                raise OSError(ctypes.get_errno(), 'readdir')
            return None
        return entry.contents.d_name, entry.contents.d_ino, entry.contents.d_type

    def tell(self):
        return _telldir(self.stream)

    def seek(self, position):
        _seekdir(self.stream, position)

    def rewind(self):
        _rewinddir(self.stream)
