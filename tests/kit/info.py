# SPDX-License-Identifier: BSD-2-Clause
"""Archives for the tests of info, ls and cat, and running those."""
import fcntl
import json
import os
import pty
import struct
import termios
import zipfile

from kit.launch import OZXFS, run_text as run

COMMENT = b'{"ome":{"version":"0.5","zipFile":{"centralDirectory":{"jsonFirst":true}}}}'


def info(path):
    """What `info --json` says of the archive."""
    done = run('info', '--json', path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    said = json.loads(done.stdout)
    assert said['schema'] == 1
    return said


def info_text(path, **environment):
    done = run('info', path, env={**os.environ, 'LC_ALL': 'C.UTF-8', **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_terminal(*arguments, columns=80, **environment):
    """(exit status, what a terminal of that width got)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update({'LC_ALL': 'C.UTF-8', 'TERM': 'xterm', **environment})
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        os.execv(OZXFS, [OZXFS, *map(str, arguments)])
    got = b''
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not piece:
            break
        got += piece
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), got.decode().replace('\r\n', '\n')


def order(name):
    """RFC-9: the root zarr.json, the others breadth-first, the rest by path."""
    is_metadata = name.rsplit('/', 1)[-1] == 'zarr.json'
    return not is_metadata, name.count('/') if is_metadata else 0, name.encode()


def write(path, files, comment=COMMENT, compression=zipfile.ZIP_STORED):
    """An archive of {name: bytes, text or JSON}."""
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name in sorted(files, key=order):
            data = files[name]
            if isinstance(data, (dict, list)):
                data = json.dumps(data)
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
        archive.comment = comment
    return path


def pack_directory(directory, path):
    files = {
        p.relative_to(directory).as_posix(): p.read_bytes()
        for p in directory.rglob('*')
        if p.is_file()
    }
    return write(path, files)


def group(**ome):
    return {
        'zarr_format': 3, 'node_type': 'group',
        'attributes': {'ome': {'version': '0.5', **ome}} if ome else {}
    }


def array(shape=(64, 64), chunks=(32, 32), **changes):
    return {
        'zarr_format': 3, 'node_type': 'array', 'shape': list(shape), 'data_type': 'uint8',
        'fill_value': 0, 'attributes': {},
        'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': list(chunks)}},
        'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '/'}},
        'codecs': [{'name': 'bytes'}], **changes
    }


def multiscale(paths=('0',), scales=None, axes='yx', **changes):
    return {
        'axes': [{'name': a, 'type': 'space', 'unit': 'micrometer'} for a in axes], 'datasets': [{
            'path': p,
            'coordinateTransformations': [{'type': 'scale', 'scale': [2.0**i] * len(axes)}]
        } for i, p in enumerate(paths)], **changes
    }


def image(**ome):
    """The files of an image of one level."""
    return {'zarr.json': group(multiscales=[multiscale()], **ome), '0/zarr.json': array(),
            **{f'0/c/{y}/{x}': bytes(1024) for y in range(2) for x in range(2)}}
