# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for what RFC-9 asks of an archive, for archives that change while they are mounted, and
for large ones.

Ids: no-root, nested, comment, json-first, changed, plain.
"""
import os

from .recipe import (
    ARRAY, CHUNKS, COMMENT, EIO, EMPTY_GROUP, OME_GROUP, REFUSE, SERVE, Entry, Sparse, Zip, add,
    image, image64, pattern, recipe, refused, served)
from .zipforge import S32

# --- no-root --------------------------------------------------------------------------------------

OME4 = b'{"multiscales":[{"version":"0.4","datasets":[{"path":"0"}]}]}'


def plain_files(*names):
    return served(Zip([Entry(n, b'of ' + n) for n in names], comment=COMMENT))


add('no-root', SERVE, 'root_plain_zip', 'a ZIP that has nothing to do with Zarr',
    lambda: plain_files(b'readme.txt', b'docs/a.md'))
add(
    'no-root', SERVE, 'root_zarr_v2', 'a Zarr v2 group', lambda: served(
        Zip([
            Entry(b'.zgroup', b'{"zarr_format":2}'),
            Entry(b'.zattrs', OME4),
            Entry(b'0/.zarray', b'{}'),
            Entry(b'0/0.0', pattern(9))
        ])))
add('no-root', SERVE, 'root_zarr_v2_array', 'a Zarr v2 array',
    lambda: served(Zip([Entry(b'.zarray', b'{"zarr_format":2}'),
                        Entry(b'0.0', pattern(9))])))
add(
    'no-root', SERVE, 'root_one_top_folder', 'all of it below one folder, as a ZIP of a folder is',
    lambda: served(
        Zip([
            Entry(b'image.ome.zarr/zarr.json', OME_GROUP),
            Entry(b'image.ome.zarr/s0/zarr.json', ARRAY)
        ], comment=COMMENT)))
add(
    'no-root', SERVE, 'root_one_top_folder_v2', 'a Zarr v2 store below one folder', lambda: served(
        Zip([
            Entry(b'image.zarr/', mode=0o40755),
            Entry(b'image.zarr/.zgroup', b'{"zarr_format":2}')
        ])))
add('no-root', SERVE, 'root_is_directory', 'zarr.json is a directory',
    lambda: plain_files(b'zarr.json/x'))
add('no-root', SERVE, 'root_other_case', 'ZARR.JSON is not zarr.json',
    lambda: plain_files(b'ZARR.JSON'))
add('no-root', SERVE, 'root_foozarr_json', 'foozarr.json is not zarr.json',
    lambda: plain_files(b'foozarr.json', b'zarr.json.bak'))
add('no-root', SERVE, 'root_only_directories', 'nothing but empty directories', lambda: served(
    Zip([Entry(b'a/', mode=0o40755), Entry(b'b/', mode=0o40755)])))


# --- nested, json-first ---------------------------------------------------------------------------

for _name, _path in (('root', b'inner.ozx'), ('upper', b'INNER.OZX'),
                     ('mixed', b'labels/inner.OzX'), ('hidden', b'.ozx')):
    add('nested', SERVE, 'nested_' + _name, 'an archive inside: %s' % _path.decode(),
        lambda p=_path: served(image(Entry(p,
                                           Zip([Entry(b'deep', b'deep')]).bytes()))))
add('nested', SERVE, 'nested_at_end',
    'an archive inside as the last entry, no comment behind: its end record is close to the end',
    lambda: served(image(Entry(b'inner.ozx',
                               Zip([Entry(b'deep', b'deep')]).bytes()), comment=b'')))
add('nested', SERVE, 'nested_no_archive', 'an entry named like one that is none',
    lambda: served(image(Entry(b'x.ozx', b'just text'))))
add('nested', SERVE, 'nested_directory', 'a directory named like an archive',
    lambda: served(image(Entry(b'x.ozx/zarr.json', ARRAY), comment=comment('false'))))


def comment(json_first, version='"0.5"'):
    return ('{"ome":{"version":%s,"zipFile":{"centralDirectory":{"jsonFirst":%s}}}}' %
            (version, json_first)).encode()


def json_late(json_first=None, **fields):
    made = image(Entry(b'labels/zarr.json', ARRAY), **fields)
    made.comment = comment(json_first) if json_first else b'{"ome":{"version":"0.5"}}'
    return served(made)


add('json-first', SERVE, 'json_first_lie', 'jsonFirst, and a zarr.json behind the chunks',
    lambda: json_late('true'))
add('json-first', SERVE, 'json_first_lie_by_root',
    'jsonFirst, and the root zarr.json is the last entry',
    lambda: served(image(order=[1, 2, 3, 0])))
add(
    'json-first', SERVE, 'json_first_lie_many',
    'jsonFirst, and 50 metadata files between the chunks', lambda: served(
        image(*(Entry(b'g%d/%s' % (i // 2, b'zarr.json' if i % 2 else b'data'), ARRAY)
                for i in range(100)))))
add('json-first', SERVE, 'json_first_false', 'jsonFirst is false, and so it is',
    lambda: json_late('false'), verify='-')
add('json-first', SERVE, 'json_first_absent', 'jsonFirst is absent, metadata comes late',
    lambda: json_late(), verify='-')
add('json-first', SERVE, 'json_first_file_order',
    'jsonFirst holds in the directory, not in the file',
    lambda: served(image(Entry(b'labels/zarr.json', ARRAY), order=[0, 1, 4, 2, 3])), verify='-')


# --- comment --------------------------------------------------------------------------------------

for _name, _note, _comment in (
    ('missing', 'no comment', b''), ('text', 'not JSON', b'made by hand'),
    ('empty_object', 'nothing in it', b'{}'), ('array', 'a JSON array', b'["ome"]'),
    ('string', 'a JSON string', b'"0.5"'), ('ome_no_object', 'ome is a string', b'{"ome":"0.5"}'),
    ('no_version', 'no version',
     b'{"ome":{}}'), ('version_number', 'the version is a number',
                      b'{"ome":{"version":0.5}}'), ('version_null', 'the version is null',
                                                    b'{"ome":{"version":null}}'),
    ('version_empty', 'the version is empty',
     b'{"ome":{"version":""}}'), ('version_differs', 'another version than the metadata\'s',
                                  b'{"ome":{"version":"0.6"}}'),
    ('version_long', 'a version of 60,000 characters',
     b'{"ome":{"version":"' + b'0' * 60000 + b'"}}'), ('version_control',
                                                       'control characters in the version',
                                                       b'{"ome":{"version":"\\u001b[2J\\n"}}'),
    ('duplicate_keys', 'a key twice',
     b'{"ome":{"version":"0.5","version":"0.6"}}'), ('duplicate_ome', 'ome twice',
                                                     b'{"ome":{"version":"0.5"},"ome":{}}'),
    ('cut_off', 'JSON, cut off', b'{"ome":{"version":"0.5"'), ('two_values', 'two JSON values',
                                                               b'{"ome":{"version":"0.5"}}{}'),
    ('not_utf8', 'not UTF-8',
     b'{"ome":{"version":"0.5"},"by":"\xe9"}'), ('bom', 'a byte order mark in front',
                                                 b'\xef\xbb\xbf{"ome":{"version":"0.5"}}'),
    ('nul', 'a NUL behind the JSON',
     b'{"ome":{"version":"0.5"}}\0'), ('nul_inside', 'an escaped NUL',
                                       b'{"ome":{"version":"0.5\\u0000"}}'),
    ('control', 'escape sequences for a terminal',
     b'\x1b]0;owned\x07\r\n'), ('deep', '65,000 levels of arrays', b'[' * 65000),
    ('longest', '65,535 bytes that are not JSON',
     b'c' * 65535), ('json_first_string', 'jsonFirst is a string',
                     comment('"true"')), ('number_huge', 'a number that no double holds',
                                          b'{"ome":{"version":"0.5"},"n":1e99999}')):
    add('comment', SERVE, 'comment_' + _name, _note, lambda c=_comment: served(image(comment=c)))
add('plain', SERVE, 'plain_comment_more', 'keys that nobody knows, whitespace',
    lambda: served(image(comment=b' {\n "ome": {"version": "0.5", "x": [1, null]}, "y": {} }\n')))
add('plain', SERVE, 'plain_comment_65535', 'a right comment of 65,535 bytes',
    lambda: served(image(comment=COMMENT + b' ' * (65535 - len(COMMENT)))))


# --- ome-path, consolidated: metadata that promise what is not there ------------------------------

def lists(*names, metadata=ARRAY):
    """The root's text with consolidated metadata of these nodes."""
    nodes = b', '.join(b'"%s": %s' % (name, metadata) for name in names)
    more = b', "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": {'
    return OME_GROUP.rstrip()[:-1] + more + nodes + b'}}}'


def promising(root, *more, without=()):
    """The right image with another root; `without`: entries that are not there."""
    entries = [Entry(b'zarr.json', root), Entry(b's0/zarr.json', ARRAY)
               ] + [Entry(n, d) for n, d in CHUNKS.items()]
    return served(Zip([e for e in entries if e.name not in without] + list(more), comment=COMMENT))


TWO = OME_GROUP.replace(b'"s0"', b'"s1"')
add('ome-path', SERVE, 'ome_path_dataset', 'a dataset that is not there', lambda: promising(TWO))
add('ome-path', SERVE, 'ome_path_no_array', 'no array at all is left',
    lambda: promising(OME_GROUP, without=(b's0/zarr.json', *CHUNKS)))
add('ome-path', SERVE, 'ome_path_no_zarr_json', 'chunks of a dataset without its zarr.json',
    lambda: promising(OME_GROUP, without=(b's0/zarr.json', )))
add(
    'ome-path', SERVE, 'ome_path_label', 'labels that are not there', lambda: served(
        Zip([Entry(b'zarr.json', EMPTY_GROUP.replace(b'[]', b'["cells", "nuclei"]'))], comment=
            COMMENT)), verify='warn')
add('consolidated', SERVE, 'consolidated_absent',
    'consolidated metadata list a node that is not there', lambda: promising(lists(b's0', b's1')))
add('consolidated', SERVE, 'consolidated_absent_escaped', 'the same, its key in escapes',
    lambda: promising(lists(b's0', b's\\u0031')))
add(
    'consolidated', SERVE, 'consolidated_shape',
    'consolidated metadata state another shape than the array', lambda: promising(
        lists(b's0', metadata=ARRAY.replace(b'[8, 16]', b'[8, 8]').replace(b'[8,16]', b'[8,8]'))))
add('consolidated', SERVE, 'consolidated_unlisted',
    'consolidated metadata do not list what is there', lambda: promising(lists()), verify='warn')
add('plain', SERVE, 'plain_consolidated', 'consolidated metadata that are right',
    lambda: promising(lists(b's0')))


# --- changed: what happens to the archive while it is mounted -------------------------------------

def truncate(path):
    os.truncate(path, os.path.getsize(path) // 2)


def truncate_to_zero(path):
    os.truncate(path, 0)


def append(path):
    with open(path, 'ab') as out:
        out.write(b'one more')


def rewrite(path):
    """In place, same size."""
    with open(path, 'r+b') as out:
        size = out.seek(0, 2)
        out.seek(0)
        out.write(b'\xee' * size)


def touch(path):
    os.utime(path)


def rename_over(path):
    temporary = os.fsdecode(path) + '.new'
    with open(temporary, 'wb') as out:
        out.write(b'\xdd' * os.path.getsize(path))
    os.rename(temporary, path)


CHANGES = ((truncate, EIO, 'cut in half'), (truncate_to_zero, EIO, 'cut to nothing'),
           (append, EIO, 'appended to'), (rewrite, EIO, 'rewritten in place'),
           (touch, EIO, 'touched'), (rename_over, SERVE, 'renamed over: the old file is served on'),
           (os.unlink, SERVE, 'unlinked: the old file is served on'))
for _change, _mount, _note in CHANGES:
    add(
        'changed', _mount, 'changed_' + _change.__name__, _note, lambda c=_change: served(
            image(Entry(b'big', pattern(3 << 20)), Entry(b'packed',
                                                         pattern(1000) * 300, method=8)), change=c))


# --- large ----------------------------------------------------------------------------------------

def sparse(size):
    """Holes, with bytes that tell where they are at the start, around 4 GiB and at the end."""
    marks = {0: b'start', size - 3: b'end'}
    marks.update(
        {at - 4: b'mark at %d' % at
         for at in (1 << 20, 1 << 31, 1 << 32)
         if at + 100 < size})
    return Sparse(size, marks)


ALL = ('usize', 'csize', 'offset')


@recipe('plain', SERVE, large=True)
def large_entry():
    """One entry of 5 GiB, sparse, and entries behind it."""
    made = image64()
    made.entries += [
        Entry(b'big', sparse(5 << 30), zip64=ALL, local_zip64=ALL[:2]),
        Entry(b'behind', pattern(99), zip64=ALL, local_zip64=ALL[:2])
    ]
    return served(made)


@recipe('plain', SERVE, large=True)
def large_archive():
    """60 entries of 100 MiB: the archive is larger than 4 GiB, no entry is."""
    made = image64()
    made.entries += [
        Entry(b'c/%d' % i,
              Sparse(100 << 20, {0: b'chunk %d' % i, (100 << 20) - 9: b'end of %2d' % i}),
              zip64=ALL) for i in range(60)
    ]
    return served(made)


@recipe('plain', SERVE, large=True)
def large_offset_only():
    """Only the entries beyond 4 GiB use ZIP64, and only for their offset, as Python's zipfile
    writes it."""
    big = Entry(b'big', sparse((4 << 30) - 4500))
    made = image(
        big,
        *(Entry(b'c/%02d' % i, pattern(80, i), zip64=('offset', ) if i > 20 else ())
          for i in range(60)))
    made.zip64 = True
    return served(made)


@recipe('plain', SERVE, large=True)
def large_directory_offset_sentinel():
    """The directory lies exactly at 0xFFFFFFFF, without ZIP64: a plain number, and right."""
    made = image(Entry(b'big', b''))
    made.layout()
    made.entries[-1].data = sparse(S32 - made.directory_offset)
    return served(made)


@recipe('zip64-extra', REFUSE, large=True)
def zip64_extra_missing_on_true_size():
    """An entry of exactly 0xFFFFFFFF bytes without a ZIP64 field: a sentinel all the same."""
    made = image(Entry(b'big', sparse(S32)))
    made.zip64 = True
    return refused(made)


@recipe('bounds', REFUSE, large=True)
def bounds_beyond_4_gib():
    """An entry that reaches one byte into a directory beyond 4 GiB."""
    made = image64()
    made.entries.append(Entry(b'big', sparse(5 << 30), zip64=ALL, local_zip64=ALL[:2]))
    # 20: local extra
    made.entries[-1].central = {
        'extra': b'\1\0\x18\0' +
        b''.join(n.to_bytes(8, 'little') for n in ((5 << 30) + 21, (5 << 30) + 21))
    }
    made.layout()
    made.entries[-1].central['extra'] += made.entries[-1].offset.to_bytes(8, 'little')
    return refused(made)


@recipe('no-root', SERVE, large=True)
def root_zarr_json_of_5_gib():
    """A root zarr.json of 5 GiB: mounted at once, never read whole."""
    made = image64()
    made.entries[0].data = sparse(5 << 30)
    return served(made)


def many(count, zip64, **fields):
    made = Zip([Entry(b'zarr.json', EMPTY_GROUP)] +
               [Entry(b'c/%d/%d' % (i // 500, i), b'%d' % i) for i in range(count - 1)],
               comment=COMMENT, **fields)
    made.zip64 = zip64
    return made


add('plain', SERVE, 'large_65535_entries', '65,535 entries without ZIP64: a number, no sentinel',
    lambda: served(many(65535, False)), large=True)
add('plain', SERVE, 'large_65535_entries_zip64', '65,535 entries with ZIP64',
    lambda: served(many(65535, True)), large=True)
add('plain', SERVE, 'large_65536_entries', '65,536 entries', lambda: served(many(65536, True)),
    large=True)
add('count', REFUSE, 'large_65536_entries_wrapped',
    '65,536 entries without ZIP64: the count wraps to 0',
    lambda: refused(many(65536, False, end={'here': 0, 'total': 0})), large=True)
add('count', REFUSE, 'large_65537_entries_wrapped',
    '65,537 entries without ZIP64: the count wraps to 1',
    lambda: refused(many(65537, False, end={'here': 1, 'total': 1})), large=True)


@recipe('plain', SERVE, large=True)
def large_flat():
    """100,000 files in one directory."""
    return served(
        Zip([Entry(b'zarr.json', EMPTY_GROUP)] +
            [Entry(b'flat/%06d' % i, b'%d' % i) for i in range(100_000)], comment=COMMENT,
            zip64=True))


@recipe('plain', SERVE, large=True)
def large_names():
    """5,000 names of 255 bytes that differ at their ends only."""
    return served(
        Zip([Entry(b'zarr.json', EMPTY_GROUP)] +
            [Entry(b'd/' + b'n' * 250 + b'%05d' % i, b'%d' % i) for i in range(5000)],
            comment=COMMENT, zip64=True))




def deep(entries, levels):
    """Each entry in a directory of its own, `levels` deep: implied directories cost two bytes of
    the archive each."""
    return image(*(Entry(b'%d/' % i + b'd/' * (levels - 1) + b'f', b'') for i in range(entries)))


add('plain', SERVE, 'large_deep', '20 entries, each 1,900 levels deep',
    lambda: served(deep(20, 1900)), large=True)
add('name', REFUSE, 'name_implied_directories',
    '300 entries that imply 570,000 directories: far more than any image has',
    lambda: refused(deep(300, 1900)), large=True)
