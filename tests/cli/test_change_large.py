# SPDX-License-Identifier: BSD-2-Clause
"""edit and add where numbers outgrow the fields of plain ZIP: 4 GiB, 65,535 entries. What is large
is sparse."""
import json
import os
import shutil
import struct
import subprocess
import time
import zipfile
import zlib

import pytest
from kit.change import added, edited, group, make, ome
from kit.info import OZXFS, run, write
from kit.launch import LONG

GIB4, MAX16, MAX32 = 2**32, 2**16 - 1, 2**32 - 1
ROOT = ome(note=1)


def headers(name, data_size, crc, offset):
    """Local and central header, without ZIP64."""
    name = name.encode()
    common = struct.pack('<HHHHHIIIHH', 20, 0x800, 0, 0, 33, crc, data_size, data_size, len(name),
                         0)
    return (b'PK\3\4' + common + name, b'PK\1\2' + struct.pack('<H', 0x314) + common
            + struct.pack('<HHHII', 0, 0, 0, 0o100644 << 16, offset) + name)


def archive(path, count=3, size=None):
    """A plain ZIP of so many entries; of `size` bytes, by one entry of zeros, not on the disk."""
    local, central = [], []
    at = 0

    def put(name, data):
        nonlocal at
        made = headers(name, len(data), zlib.crc32(data), at)
        local.append(made[0] + data)
        central.append(made[1])
        at += len(local[-1])

    put('zarr.json', ROOT)
    put('n/zarr.json', group())
    for number in range(count - 3):
        put(f'n/c/{number}', b'')
    directory = b''.join(central)
    more = headers('n/large', 0, 0, 0)
    hole = 0 if size is None else size - at - len(more[0]) - len(directory) - len(more[1]) - 22
    header, entry = headers('n/large', hole, 0, at)
    start = at + len(header) + hole
    with open(path, 'wb') as out:
        out.write(b''.join(local) + header)
        out.truncate(start)
        out.seek(start)
        out.write(directory + entry)
        out.write(struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, count, count, len(directory + entry),
                              start, 0))
    return path


def ends(path):
    """(the end record's fields, the ZIP64 record's or None)"""
    size = os.path.getsize(path)
    with open(path, 'rb') as opened:
        opened.seek(max(0, size - 200000))
        tail = opened.read()
    at = tail.rindex(b'PK\5\6')
    end = struct.unpack('<HHII', tail[at + 8:at + 20])
    if tail[at - 20:at - 16] != b'PK\6\7':
        return end, None
    return end, struct.unpack('<QQQQ', tail[at - 20 - 56 + 24:at - 20])


def check_ends(path):
    """Each number is in the ZIP64 record, and in the end record if it fits there."""
    end, whole = ends(path)
    assert end == tuple(min(number, limit) for number, limit in
                        zip(whole, (MAX16, MAX16, MAX32, MAX32)))
    return whole[1], whole[3]


def check_readers(path, name, wanted):
    with zipfile.ZipFile(path) as opened:
        assert opened.read(name) == wanted
        names = opened.namelist()
    for command in (('unzip', '-p', path, name), ('7z', 'e', '-so', path, name),
                    ('bsdtar', '-xOf', path, name), (OZXFS, 'cat', path, name)):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, check=False)
            assert done.stdout == wanted, (command[0], done.stderr)
    done = run('verify', '--quick', '--json', path)
    found = {rule['id'] for rule in json.loads(done.stdout)['files'][0]['rules'] if rule['count']}
    assert not found & {'no-end', 'tail-fit', 'count', 'zip64-tail', 'zip64-extra', 'bounds',
                        'overlap', 'local', 'gap', 'leading', 'extra-odd'}, done.stdout
    return names


def sparse(path, size):
    try:
        return archive(path, size=size)
    except OSError as e:
        pytest.skip(f'no such file here: {e}')
    return None


# Where the old archive ends. The new directory comes to stand around 4 GiB, or the new entry does.
SIZES = [GIB4 - 1, GIB4 - 4096, GIB4 - 4097]


@pytest.mark.parametrize('size', SIZES)
def test_entries_at_4_gib(size, tmp_path):
    path = sparse(tmp_path / 'x.ozx', size)
    edited(path, '/', 'attributes.note=2')
    text = run('cat', path, 'zarr.json').stdout.encode()
    assert json.loads(text)['attributes']['note'] == 2
    assert check_ends(path)[1] > MAX32
    names = check_readers(path, 'zarr.json', text)
    with zipfile.ZipFile(path) as opened:
        assert opened.getinfo('zarr.json').header_offset == -(-size // 4096) * 4096
    added('-q', path, make(tmp_path / 'tree', {'zarr.json': ROOT}), 'a')
    assert sorted(check_readers(path, 'a/zarr.json', ROOT)) == sorted([*names, 'a/zarr.json'])
    check_ends(path)
    edited(path, '/', 'attributes.note=3')
    check_readers(path, 'n/zarr.json', group())
    check_ends(path)


@pytest.mark.parametrize('off', [-1, 0, 1])
def test_a_directory_at_4_gib(off, tmp_path):
    """It begins right below, at, and behind the number that says that the number is elsewhere."""
    path, size = tmp_path / 'x.ozx', GIB4 - 400000
    sparse(path, size)
    edited(path, '/', 'attributes.note=""')
    missing = MAX32 + off - check_ends(path)[1]
    path.unlink()
    sparse(path, size + missing // 4096 * 4096)
    edited(path, '/', 'attributes.note="' + 'x' * (missing % 4096) + '"')
    assert check_ends(path)[1] == MAX32 + off
    check_readers(path, 'n/zarr.json', group())
    edited(path, '/', 'attributes.note=2')
    check_ends(path)
    check_readers(path, 'n/zarr.json', group())


@pytest.mark.parametrize('count', [MAX16 - 2, MAX16 - 1, MAX16, MAX16 + 1] if LONG else
                         [MAX16, MAX16 + 1])
def test_many_entries(count, tmp_path):
    """65,535 is a number of plain ZIP, too, and says there that the number is elsewhere."""
    path = archive(tmp_path / 'x.ozx', min(count, MAX16) - 1)
    tree = make(tmp_path / 'tree', {'zarr.json': ROOT, 'c': b''} if count > MAX16 else
                {'zarr.json': ROOT})
    edited(path, 'n', 'attributes.x=1')
    assert check_ends(path)[0] == min(count, MAX16) - 1
    added('-q', path, tree, 'a')
    assert check_ends(path)[0] == count
    edited(path, '/', 'attributes.note=2')
    assert check_ends(path)[0] == count
    assert len(check_readers(path, 'a/zarr.json', ROOT)) == count


@pytest.mark.parametrize('old', [MAX16, MAX16 - 1])
def test_entries_that_a_plain_zip_can_count(old, tmp_path):
    """All of them, without ZIP64, and one more."""
    path = archive(tmp_path / 'x.ozx', old)
    assert ends(path) == ((old, old, *ends(path)[0][2:]), None)
    added('-q', path, make(tmp_path / 'tree', {'zarr.json': ROOT}), 'a')
    assert check_ends(path)[0] == old + 1
    assert run('cat', path, 'a/zarr.json').stdout.encode() == ROOT


def test_a_terabyte(tmp_path):
    """Nothing of its data is read or written."""
    size, path = 10**12, tmp_path / 'large.ozx'
    write(path, {'zarr.json': ROOT})
    text = path.read_bytes()[:text_size(path)]
    name, crc = b'n/c/0', 0
    extra = struct.pack('<HHQQ', 1, 16, size, size)
    local = struct.pack('<IHHHIIIIHH', 0x04034b50, 45, 0x800, 0, 0, crc, 2**32 - 1, 2**32 - 1,
                        len(name), len(extra)) + name + extra
    first = path.read_bytes()[text_size(path):].split(b'PK\5\6')[0]
    central = first + struct.pack(
        '<IHHHHIIIIHHHHHII', 0x02014b50, 0x32d, 45, 0x800, 0, 0, crc, 2**32 - 1, 2**32 - 1,
        len(name), len(extra), 0, 0, 0, 0o100644 << 16, len(text)) + name + extra
    at = len(text) + len(local) + size
    ends = struct.pack('<IQHHIIQQQQ', 0x06064b50, 44, 45, 45, 0, 0, 2, 2, len(central),
                       at) + struct.pack('<IIQI', 0x07064b50, 0, at + len(central), 1)
    ends += struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, 2, 2, len(central), 2**32 - 1, 0)
    with open(path, 'wb') as out:
        try:
            out.truncate(at)
        except OSError as e:
            pytest.skip(f'no file of a terabyte here: {e}')
        out.write(text + local)
        out.seek(at)
        out.write(central + ends)
    began = time.monotonic()
    edited(path, '/', 'attributes.note=2')
    took = time.monotonic() - began
    assert json.loads(run('cat', path, 'zarr.json').stdout)['attributes']['note'] == 2
    (tmp_path / 'added').mkdir()
    (tmp_path / 'added/zarr.json').write_bytes(ROOT)
    began = time.monotonic()
    done = run('add', path, tmp_path / 'added', 'labels/a')
    assert done.returncode == 0 and time.monotonic() - began < 10, done.stderr
    assert run('cat', path, 'labels/a/zarr.json').stdout.encode() == ROOT
    assert path.stat().st_blocks * 512 < 2**21 and took < 1 or os.environ.get(
        'OZXFS_SANITIZED') == '1', took


def text_size(path):
    """Of the one entry that stands in front of the directory."""
    return path.read_bytes().index(b'PK\1\2')
