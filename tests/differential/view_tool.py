# SPDX-License-Identifier: BSD-2-Clause
"""How the programs unzip and 7z see each archive of a batch (see batch.h for the two formats): one
run of either takes them all.

    view_tool.py unzip|7z

unzip prints what it extracts, and only the contents that tails.py makes can be told from its words.
An archive about which the program complains of an error is `broken`: what it did show counts, what
it did not is its own to answer for.
"""
import os
import re
import subprocess
import sys
import tempfile
import zlib

import view_python

ENTRY = re.compile(
    rb'^ extracting: (\S+) *\n(?:(<[AB]\d:[0-9a-f]{8}>)|(<[AB]\d\+:[0-9a-f]{8}>.*?<END>))?',
    re.M | re.S)


def facts(data):
    return [len(data), zlib.crc32(data)]


def pieces(said, opening):
    """What was said of each archive, by its number."""
    found = re.split(opening + rb'(\d{6})\.zip\n', said)
    return {int(found[i]): found[i + 1] for i in range(1, len(found) - 1, 2)}


def unzip(folder, count):
    said = subprocess.run(['unzip', '-c', '*.zip'], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, LC_ALL='C.UTF-8'), check=False).stdout
    told = pieces(said, rb'(?:^|\n)Archive:  ')
    for number in range(count):
        text = told.get(number, b'')
        if b'signature not found' in text or number not in told:
            yield {'refused': 'no end record found'}
            continue
        files = view_python.Pairs()
        for name, plain, nested in ENTRY.findall(text):
            files.append((name.hex(), facts(plain or nested) if plain or nested else 'read'))
        view = {'files': files}
        if re.search(rb'^ *(error|bad|skipping|file #)|bad CRC|mismatching', text, re.M):
            view['broken'] = True
        yield view


def seven_zip(folder, count):
    out = os.path.join(folder, 'out')
    said = subprocess.run(['7z', 'x', '-y', '-bse1', '-bsp0', '-o' + out + '/*', '*.zip'],
                          cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, env=dict(os.environ,
                                                             LC_ALL='C.UTF-8'), check=False).stdout
    told = pieces(said, rb'(?:^|\n)Extracting archive: ')
    for number in range(count):
        text = told.get(number, b'')
        if b'Type = zip' not in text:
            yield {'refused': 'not an archive'}
            continue
        files, base = view_python.Pairs(), os.path.join(out, '%06d' % number)
        for at, _, names in os.walk(base):
            for name in sorted(names):
                with open(os.path.join(at, name), 'rb') as f:
                    files.append((os.path.relpath(os.path.join(at, name),
                                                  base).encode().hex(), facts(f.read())))
        view = {'files': files}
        if b'ERROR' in text:
            view['broken'] = True
        yield view


def main():
    with tempfile.TemporaryDirectory(
            dir='/dev/shm' if os.path.isdir('/dev/shm') else None) as folder:
        count = 0
        for count, data in enumerate(view_python.batch(sys.stdin.buffer), 1):
            with open(os.path.join(folder, '%06d.zip' % (count - 1)), 'wb') as f:
                f.write(data)
        for view in (unzip if sys.argv[1] == 'unzip' else seven_zip)(folder,
                                                                     count) if count else ():
            print(view_python.line(view))


if __name__ == '__main__':
    main()
