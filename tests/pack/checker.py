#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""checker ARCHIVE [DIRECTORY]: does the archive keep every MUST and SHOULD of RFC-9, byte for byte?

An independent reading of APPNOTE and RFC-9: it takes the bytes apart with `struct` and uses no ZIP
library and nothing of ozxfs. With DIRECTORY, the archive must hold that tree. Prints each fault;
exit code 1 if there is one.
"""
import calendar
import datetime
import json
import mmap
import os
import struct
import sys
import zlib

LOCAL = struct.Struct('<IHHHHHIIIHH')
CENTRAL = struct.Struct('<IHHHHHHIIIHHHHHII')
END = struct.Struct('<IHHHHIIH')
END64 = struct.Struct('<IQHHIIQQQQ')
LOCATOR = struct.Struct('<IIQI')
S16, S32 = 0xFFFF, 0xFFFFFFFF
ZIP64, UT, PADDING = 0x0001, 0x5455, 0xD935
JUNK = ('.DS_Store', 'Thumbs.db', 'desktop.ini')


class Fault(Exception):
    pass


def need(good, text, *args):
    if not good:
        raise Fault(text % args)


def extras(data, where):
    """The extra fields as a list of (id, bytes); they must fill the space to the last byte."""
    out, at = [], 0
    while at < len(data):
        need(at + 4 <= len(data), '%s: %d stray bytes in the extra field', where, len(data) - at)
        key, size = struct.unpack_from('<HH', data, at)
        need(at + 4 + size <= len(data), '%s: extra field 0x%04X is cut', where, key)
        out.append((key, bytes(data[at + 4:at + 4 + size])))
        at += 4 + size
    need(len({k for k, _ in out}) == len(out), '%s: an extra field comes twice', where)
    return out


def dos_seconds(time, date):
    """Seconds since 1970 that the DOS fields state, as UTC; they must be a real date."""
    stamp = datetime.datetime(1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11,
                              time >> 5 & 63, 2 * (time & 31))
    return calendar.timegm(stamp.timetuple())


def timestamp(fields, where):
    data = dict(fields).get(UT)
    need(data is not None, '%s: no extended timestamp', where)
    need(len(data) == 5 and data[0] == 1, '%s: the extended timestamp is not mtime alone', where)
    return struct.unpack('<i', data[1:])[0]


def read_tail(d):
    need(len(d) >= 98, 'too short for a ZIP64 archive')
    end = d.rfind(b'PK\x05\x06')
    while end >= 0 and end + 22 <= len(d) and end + 22 + END.unpack_from(d, end)[7] != len(d):
        end = d.rfind(b'PK\x05\x06', 0, end)
    need(end >= 0, 'no end record that ends where the file does')
    _, disk, cd_disk, here, total, size, offset, comment_size = END.unpack_from(d, end)
    need((disk, cd_disk) == (0, 0), 'end record: disks %d, %d', disk, cd_disk)
    said = here, total, size, offset
    need(end >= 76, 'no room for locator and ZIP64 record')
    sig, disk, where, disks = LOCATOR.unpack_from(d, end - 20)
    need(sig == 0x07064B50 and disk == 0 and disks == 1, 'no sound ZIP64 locator')
    need(where == end - 20 - 56, 'the locator does not point right in front of itself')
    sig, rest, made, needed, disk, cd_disk, here, total, size, offset = END64.unpack_from(d, where)
    need(sig == 0x06064B50 and rest == 44, 'no sound ZIP64 record')
    need((disk, cd_disk) == (0, 0) and here == total, 'ZIP64 record: disks or counts')
    need((made, needed) == (3 << 8 | 45, 45), 'ZIP64 record: versions 0x%04X, %d', made, needed)
    fitting = tuple(v if v < s else s
                    for v, s in ((here, S16), (total, S16), (size, S32), (offset, S32)))
    need(said == fitting, 'end record: %s, not %s', said, fitting)
    need(offset + size == where, 'the central directory does not end at the ZIP64 record')
    return offset, size, total, bytes(d[end + 22:])


def read_central(d, at, end):
    where = 'central header at %d' % at
    need(at + 46 <= end, '%s: cut', where)
    (sig, made, needed, flags, method, time, date, crc, csize, usize, n, x, k, disk, internal,
     external, offset) = CENTRAL.unpack_from(d, at)
    need(sig == 0x02014B50, '%s: signature', where)
    stop = at + 46 + n + x + k
    need(stop <= end, '%s: reaches beyond the directory', where)
    name = bytes(d[at + 46:at + 46 + n])
    where = repr(name.decode('utf-8', 'replace'))
    need(needed == 45, '%s: version needed %d', where, needed)
    need(flags == 0x0800, '%s: flags 0x%04X', where, flags)
    need(method == 0, '%s: method %d', where, method)
    need((csize, usize, offset) == (S32, S32, S32),
         '%s: central sizes and offset are not all sentinels', where)
    need((disk, internal, k) == (0, 0, 0), '%s: disk, internal attributes or comment', where)
    fields = extras(d[at + 46 + n:at + 46 + n + x], where)
    need([key for key, _ in fields] == [ZIP64, UT], '%s: central extra fields %s', where, fields)
    need(len(fields[0][1]) == 24, '%s: central ZIP64 field of %d bytes', where, len(fields[0][1]))
    usize, csize, offset = struct.unpack('<QQQ', fields[0][1])
    need(usize == csize, '%s: two sizes', where)
    mode = 0o40755 if name.endswith(b'/') else 0o100644
    need(made == 3 << 8 | 45 and external == mode << 16 | (0x10 if name.endswith(b'/') else 0),
         '%s: made by 0x%04X, attributes 0x%08X', where, made, external)
    return dict(name=name, crc=crc, size=usize, offset=offset, time=time, date=date,
                mtime=timestamp(fields, where)), stop


def check_local(d, e, limit):
    """The local header says the same; returns where the data starts."""
    where, at = repr(e['name'].decode('utf-8', 'replace')), e['offset']
    need(at + 30 <= limit, '%s: no room for a local header', where)
    sig, needed, flags, method, time, date, crc, csize, usize, n, x = LOCAL.unpack_from(d, at)
    need(sig == 0x04034B50, '%s: no local header at %d', where, at)
    need((needed, flags, method) == (45, 0x0800, 0), '%s: local version, flags or method', where)
    need((time, date, crc) == (e['time'], e['date'], e['crc']), '%s: local time or CRC differs',
         where)
    need((csize, usize) == (S32, S32), '%s: local sizes are not sentinels', where)
    need(d[at + 30:at + 30 + n] == e['name'], '%s: local name differs', where)
    fields = extras(d[at + 30 + n:at + 30 + n + x], where + ' (local)')
    keys = [key for key, _ in fields]
    need(keys in ([ZIP64, UT], [ZIP64, UT, PADDING]), '%s: local extra fields %s', where, keys)
    need(fields[0][1] == struct.pack('<QQ', e['size'], e['size']), '%s: local ZIP64 field', where)
    need(timestamp(fields, where) == e['mtime'], '%s: local timestamp differs', where)
    if PADDING in keys:
        need(not any(fields[2][1][2:]), '%s: padding is not zero', where)
    return at + 30 + n + x


def check_name(name):
    where = repr(name)
    text = name.decode('utf-8')
    parts = text.removesuffix('/').split('/')
    need(text and not text.startswith('/'), '%s: empty or absolute', where)
    need(all(p not in ('', '.', '..') for p in parts), '%s: components', where)
    need(all(len(p.encode()) <= 255 for p in parts) and len(name) <= 4095, '%s: too long', where)
    need(not any(ord(c) < 32 or c in '\\\x7f' for c in text), '%s: characters', where)
    need(not parts[-1].lower().endswith('.ozx') or text.endswith('/'), '%s: nested archive', where)
    need(parts[-1] not in JUNK, '%s: junk', where)
    return text


def check_order(names):
    def key(name):
        is_json = name.rsplit('/', 1)[-1] == 'zarr.json'
        return (name != 'zarr.json', not is_json, name.count('/') if is_json else 0, name.encode())
    need(names and names[0] == 'zarr.json', 'the root zarr.json is not the first entry')
    wrong = next((n for n, w in zip(names, sorted(names, key=key)) if n != w), None)
    need(wrong is None, 'order: %r stands where it should not', wrong)
    need(len(set(names)) == len(names), 'a name comes twice')
    files = {n for n in names if not n.endswith('/')}
    for name in names:
        parts = name.removesuffix('/').split('/')
        for i in range(1, len(parts)):
            need('/'.join(parts[:i]) not in files, '%r is a file and a directory',
                 '/'.join(parts[:i]))
    for name in names:
        if name.endswith('/'):
            need(not any(o.startswith(name) for o in names if o != name),
                 '%r is listed and not empty', name)


def check_comment(comment):
    # noqa: E731
    twice = lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else need(
        False, 'comment: key twice')
    data = json.loads(comment.decode('utf-8'), object_pairs_hook=twice)
    need(isinstance(data['ome']['version'], str) and data['ome']['version'], 'comment: no version')
    need(data['ome']['zipFile']['centralDirectory']['jsonFirst'] is True, 'comment: not jsonFirst')
    return data['ome']['version']


def crc_of(d, at, size):
    crc = 0
    for start in range(at, at + size, 1 << 24):
        crc = zlib.crc32(d[start:min(start + (1 << 24), at + size)], crc)
    return crc


def check(path, align=1, crc=True):
    """Raises Fault, or returns dict(version, directory_offset, entries=[dict(name, size, crc,
    mtime, data ...)])."""
    with open(path, 'rb') as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as d:
        start, size, count, comment = read_tail(d)
        entries, at = [], start
        while at < start + size:
            entry, at = read_central(d, at, start + size)
            entries.append(entry)
        need(len(entries) == count, '%d entries, the end says %d', len(entries), count)
        at = 0
        for e in entries:  # file order is directory order, without a gap
            e['text'] = check_name(e['name'])
            need(e['offset'] == at, '%r: at %d, expected at %d', e['text'], e['offset'], at)
            e['data'] = check_local(d, e, start)
            at = e['data'] + e['size']
            need(at <= start, '%r: reaches into the directory', e['text'])
            need(e['text'].endswith('/') or e['data'] % align == 0, '%r: data at %d', e['text'],
                 e['data'])
            need(not crc or crc_of(d, e['data'], e['size']) == e['crc'], '%r: CRC', e['text'])
            stated = dos_seconds(e['time'], e['date'])
            need(
                abs(stated - min(max(e['mtime'], 315532800), 4354819198)) < 2
                or e['mtime'] == 2**31 - 1, '%r: DOS time %d, timestamp %d', e['text'], stated,
                e['mtime'])
        need(at == start, '%d bytes between the entries and the directory', start - at)
        check_order([e['text'] for e in entries])
        return dict(version=check_comment(comment), entries=entries, directory_offset=start)


def tree(root):
    """{path: size} of a directory; empty directories end in '/'."""
    out = {}
    for folder, folders, files in os.walk(root):
        for name in files:
            full = os.path.join(folder, name)
            out[os.path.relpath(full, root)] = os.path.getsize(full)
        if not files and not folders and folder != str(root):
            out[os.path.relpath(folder, root) + '/'] = 0
    return out


def check_tree(path, root, **options):
    """check(), and the archive holds exactly the files of `root`, with their bytes and times."""
    result = check(path, **options)
    want = tree(root)
    have = {e['text']: e['size'] for e in result['entries']}
    need(have == want, 'not the same files: %s', sorted(set(have.items()) ^ set(want.items()))[:5])
    with open(path, 'rb') as f:
        for e in result['entries']:
            full = os.path.join(root, e['text'])
            need(
                min(int(os.stat(full).st_mtime // 1), 2**31 - 1) == e['mtime'], '%r: mtime',
                e['text'])
            if not e['text'].endswith('/'):
                with open(full, 'rb') as g:
                    f.seek(e['data'])
                    left = e['size']
                    while left:
                        step = min(left, 1 << 24)
                        need(f.read(step) == g.read(step), '%r: other bytes', e['text'])
                        left -= step
    return result


def main():
    try:
        result = check_tree(*sys.argv[1:3]) if len(sys.argv) > 2 else check(sys.argv[1])
    except (Fault, KeyError, ValueError, struct.error) as fault:
        print('%s: %s: %s' % (sys.argv[1], type(fault).__name__, fault))
        return 1
    print('%s: %d entries, OME-Zarr %s, no fault' %
          (sys.argv[1], len(result['entries']), result['version']))
    return 0


if __name__ == '__main__':
    sys.exit(main())
