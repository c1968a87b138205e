# SPDX-License-Identifier: BSD-2-Clause
"""How the zipfile of the Python that runs this sees each archive of a batch (see batch.h for the
two formats). Run by any Python."""
import io
import json
import sys
import zipfile
import zlib

FILE_MAX = 1 << 20


class Pairs(list):
    """A JSON object as its pairs, in order: a reader can list a name twice."""


def python_view(data):
    """How Python's zipfile sees an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            files = Pairs()
            for info in z.infolist():
                if not info.filename.endswith('/'):
                    files.append(
                        (info.filename.encode('utf-8',
                                              'surrogateescape').hex(), python_file(z, info)))
            return {'files': files}
    except Exception as error:      # whatever a hostile archive makes it raise is a refusal
        return {'refused': type(error).__name__}


def python_file(z, info):
    try:
        with z.open(info) as f:
            data = f.read(FILE_MAX + 1)
        return 'large' if len(data) > FILE_MAX else [len(data), zlib.crc32(data)]
    except Exception as error:
        return type(error).__name__


def batch(stream):
    """The archives of a batch."""
    while len(head := stream.read(4)) == 4:
        yield stream.read(int.from_bytes(head, 'little'))


def line(view):
    """A view as a line of the batch's answer."""
    if 'refused' in view:
        return json.dumps(view)
    files = ', '.join('"%s": %s' % (name, json.dumps(what)) for name, what in view['files'])
    return '{"files": {%s}%s}' % (files, ', "broken": true' if view.get('broken') else '')


def main(stream, out):
    for data in batch(stream):
        print(line(python_view(data)), file=out)


if __name__ == '__main__':
    main(sys.stdin.buffer, sys.stdout)
