# SPDX-License-Identifier: BSD-2-Clause
"""Archives for `ozxfs verify`, each with every rule that it must be told of, and no other.

`CASES` maps a name to Case(build, told, ...); `told` is {rule: 'warn' | 'fail'}. All start from
`clean()`, of which verify has nothing to say: ZIP64 in every header, one chunk (so no sharding is
asked for), metadata first.
"""
import json
import struct
from dataclasses import dataclass, field, replace

from kit import verify as verify_tools  # noqa: F401

from corpus.recipe import COMMENT, pattern
from corpus.zipforge import Entry, Zip, extra_field

CASES = {}
ABSENT = 2 ** 64 - 1
BIG = pattern(1 << 20) * 20


@dataclass
class Case:
    build: object
    told: dict
    name: str = 'image.ozx'
    options: tuple = ()
    text: dict = field(default_factory=dict)  # {rule: a part of its first finding}
    entry: dict = field(default_factory=dict)  # {rule: the entry of its first finding}


def case(title, told, build, **more):
    assert title not in CASES, title
    CASES[title] = Case(build, dict(told), **more)


def dump(value):
    return json.dumps(value, separators=(',', ':')).encode()


# --- metadata -------------------------------------------------------------------------------------

AXES = [{'name': 'y', 'type': 'space'}, {'name': 'x', 'type': 'space'}]


def scale(*numbers):
    return [{'type': 'scale', 'scale': list(numbers)}]


def multiscale(*paths, axes=AXES, **more):
    datasets = [{'path': p, 'coordinateTransformations': scale(*[1.0] * len(axes))} for p in paths]
    return {'name': 'image', 'axes': axes, 'datasets': datasets, **more}


def group(ome=None, version='0.5', **more):
    attributes = {'ome': {'version': version, **ome}} if ome is not None else {}
    return dump({'zarr_format': 3, 'node_type': 'group', 'attributes': attributes, **more})


def image_group(*paths, **more):
    return group({'multiscales': [multiscale(*paths, **more)]})


def array(shape=(8, 8), chunk=(8, 8), separator='/', keys='default', codecs=None, **more):
    return dump({
        'zarr_format': 3, 'node_type': 'array', 'shape': list(shape), 'data_type': 'uint8',
        'fill_value': 0, 'attributes': {},
        'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': list(chunk)}},
        'chunk_key_encoding': {'name': keys, 'configuration': {'separator': separator}},
        'codecs': codecs or [{'name': 'bytes'}], **more
    })


LITTLE = {'name': 'bytes', 'configuration': {'endian': 'little'}}


def sharded(shape=(16, 16), shard=(16, 16), inner=(8, 8), location='end', crc=True, endian='little',
            **more):
    index = [{'name': 'bytes', 'configuration': {'endian': endian}}
             ] + ([{'name': 'crc32c'}] if crc else [])
    codec = {
        'name': 'sharding_indexed', 'configuration': {
            'chunk_shape': list(inner), 'codecs': [LITTLE], 'index_codecs': index,
            'index_location': location
        }
    }
    return array(shape, shard, codecs=[codec], **more)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def shard(records=None, body=64 * 4, crc=True, start=False, endian='<', wrong_crc=False):
    """A shard of four inner chunks of 64 bytes; `records` replaces the (offset, size) pairs of its
    index."""
    size = 4 * 16 + 4 * crc
    if records is None:
        records = [(64 * i + size * start, 64) for i in range(4)]
    index = b''.join(struct.pack(endian + 'QQ', *r) for r in records)
    if crc:
        index += struct.pack('<I', crc32c(index) ^ wrong_crc)
    return index + pattern(body) if start else pattern(body) + index


# --- archives -------------------------------------------------------------------------------------

SIZES, ALL = ('usize', 'csize'), ('usize', 'csize', 'offset')


def entry(name, data=b'', **fields):
    return Entry(name.encode() if isinstance(name, str) else name, data,
                 **{'zip64': ALL, 'local_zip64': SIZES, **fields})


def archive(files, **fields):
    """`files`: {name: bytes | Entry fields with 'data'}, or a list of entries."""
    if isinstance(files, dict):
        files = [entry(n, **d) if isinstance(d, dict) else entry(n, d) for n, d in files.items()]
    return Zip(files, **{'comment': COMMENT, 'zip64': True, **fields})


CLEAN = {'zarr.json': image_group('s0'), 's0/zarr.json': array(), 's0/c/0/0': pattern(64)}


def clean(more=None, **fields):
    return archive({**CLEAN, **(more or {})}, **fields)


def change(name, **fields):
    """The clean archive, one entry of it with other fields."""
    made = clean()
    made.entries = [replace(e, **fields) if e.name == name.encode() else e for e in made.entries]
    return made


def with_sharded(metadata, data, key='s0/c/0/0'):
    return archive({'zarr.json': image_group('s0'), 's0/zarr.json': metadata, key: data})


def comment(text):
    return dump(text) if isinstance(text, dict) else text


ONLY_V2 = {'.zgroup': b'{"zarr_format":2}', '.zattrs': b'{}', '0/.zarray': b'{}', '0/0.0': b'chunk'}

# --- nothing to tell ------------------------------------------------------------------------------

case('clean', {}, clean)
case('clean_quick', {}, clean, options=('--quick',))
case(
    'clean_aligned', {}, lambda: archive([
        replace(e, local_extra=extra_field(0xD935, b'\0\x10' + bytes(50))) for e in clean().entries
    ]))
case('clean_empty_files', {}, lambda: clean({'README': b''}))
case('clean_directories', {},
     lambda: clean({'s0/': {'mode': 0o40755}, 'empty/': {'mode': 0o40755}}))
case('clean_sharded', {}, lambda: with_sharded(sharded(), shard()))
case('clean_sharded_start', {}, lambda: with_sharded(sharded(location='start'), shard(start=True)))
case('clean_sharded_no_crc', {}, lambda: with_sharded(sharded(crc=False), shard(crc=False)))
case('clean_sharded_big_endian', {}, lambda: with_sharded(sharded(endian='big'), shard(endian='>')))
case(
    'clean_sharded_absent_chunks', {}, lambda: with_sharded(
        sharded(), shard([(ABSENT, ABSENT), (0, 64), (ABSENT, ABSENT), (64, 64)], body=128)))
case(
    'clean_many_shards', {}, lambda: archive({
        'zarr.json': image_group('s0'), 's0/zarr.json': sharded(
            (32, 16)), 's0/c/0/0': shard(), 's0/c/1/0': shard()
    }))
case(
    'clean_labels', {}, lambda: archive({
        'zarr.json': image_group('s0'), 'labels/zarr.json': group(
            {'labels': ['cells']}), 's0/zarr.json': array(), 'labels/cells/zarr.json': image_group(
                's0'), 'labels/cells/s0/zarr.json': array(), 'labels/cells/s0/c/0/0': b'l' * 64,
        's0/c/0/0': b'i' * 64
    }))
case('clean_missing_chunks', {},
     lambda: archive({'zarr.json': image_group('s0'), 's0/zarr.json': array((800, 800))}))
case(
    'clean_keys_dot', {}, lambda: archive({
        'zarr.json': image_group('s0'), 's0/zarr.json': array(separator='.'), 's0/c.0.0': b'd' * 64
    }))
case(
    'clean_keys_v2', {}, lambda: archive({
        'zarr.json': image_group('s0'), 's0/zarr.json': array(keys='v2', separator='.'),
        's0/0.0': b'd' * 64
    }))
case('clean_foreign_files', {},
     lambda: clean({'OME/METADATA.ome.xml': b'<OME/>', 'notes.txt': b'by hand'}))
case('clean_foozarr_json', {}, lambda: clean({'foozarr.json': b'not metadata'}))
case('clean_utf8_names', {}, lambda: clean({'Übersicht.txt': b'x'}))

# --- RFC-9: the MUSTs -----------------------------------------------------------------------------

NO_ROOT = {'root-zarr-json': 'fail', 'no-root': 'fail'}
case('root_missing', {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'},
     lambda: archive({'readme.txt': b'x'}))
case('root_v2', {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'},
     lambda: archive(ONLY_V2), text={'no-root': 'Zarr v2'})
OF_V2 = {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'}
case(
    'v2_dataset_missing', {**OF_V2, 'ome-path': 'fail'}, lambda: archive({
        **ONLY_V2, '.zattrs': dump(
            {'multiscales': [{'version': '0.4', 'datasets': [{'path': '0'}, {'path': '1'}]}]})
    }), text={'ome-path': "dataset '1'"})
case(
    'v2_field_missing', {**OF_V2, 'ome-path': 'warn'}, lambda: archive({
        '.zgroup': b'{"zarr_format":2}', '.zattrs': dump({'plate': {'wells': [{'path': 'A/1'}]}}),
        'A/1/.zattrs': dump({'well': {'images': [{'path': '0'}, {'path': '1'}]}}
                            ), 'A/1/0/.zgroup': b'{"zarr_format":2}'
    }), text={'ome-path': "image '1'"})
case('root_below_one_folder', {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'},
     lambda: archive({'image.zarr/' + n: d
                      for n, d in CLEAN.items()}),
     text={'no-root': '--subdir image.zarr', 'one-hierarchy': 'starts here'})
case('root_is_directory', {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'},
     lambda: archive({'zarr.json/x': b'x'}))
case('root_other_case', {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'},
     lambda: archive({'Zarr.json': image_group()}))
case('root_empty_archive', {**NO_ROOT, 'one-hierarchy': 'fail'}, lambda: archive({}))
for _name, _data in (('empty', b''), ('text', b'hello'), ('list', b'[]'), ('cut_off',
                                                                           b'{"zarr_format":3'),
                     ('not_utf8', b'{"a":"\xff"}'), ('twice', b'{"zarr_format":3}{}'),
                     ('deep', b'{"a":' + b'[' * 1000 + b']' * 999 + b'}'), ('nul',
                                                                            b'{"a":"\\u0000"')):
    case('root_unparsable_' + _name, NO_ROOT, lambda d=_data: archive({**CLEAN, 'zarr.json': d}))
case('root_encrypted', {**NO_ROOT, 'encrypted': 'fail'}, lambda: change('zarr.json', flags=1))
case('root_local_wrong', {**NO_ROOT, 'local': 'fail'},
     lambda: change('zarr.json', local={'crc': 1}))
case('root_method', {**NO_ROOT, 'method': 'fail', 'stored': 'warn'},
     lambda: change('zarr.json', method=97, packed=b'x'))
case('root_damaged_deflate', {**NO_ROOT, 'compressed': 'warn', 'stored': 'warn', 'crc': 'fail'},
     lambda: change('zarr.json', method=8, packed=b'\xff' * 40))

case(
    'hierarchy_deep', {}, lambda: archive({
        'zarr.json': group({'version': '0.5', 'bioformats2raw.layout': 3}),
        '0/zarr.json': image_group('s0'), 'OME/zarr.json': group(
            {'series': ['0']}), '0/s0/zarr.json': array(), '0/s0/c/0/0': b'd' * 64
    }))
case(
    'hierarchy_orphan', {'one-hierarchy': 'fail'},
    lambda: archive({**CLEAN, 'other/deep/zarr.json': group()}, comment=comment(
        {'ome': {'version': '0.5'}}), order=[0, 1, 3, 2]),
    text={'one-hierarchy': 'second hierarchy'})
CASES['hierarchy_orphan'].told.update({'json-first': 'warn'})
case(
    'hierarchy_orphan_sorted', {'one-hierarchy': 'fail'}, lambda: archive({
        'zarr.json': CLEAN['zarr.json'], 's0/zarr.json': array(), 'other/deep/zarr.json': group(),
        's0/c/0/0': pattern(64)
    }))
case(
    'hierarchy_two_folders', {**NO_ROOT, 'one-hierarchy': 'fail', 'json-first': 'warn'},
    lambda: archive(
        {f: d
         for top in 'ab'
         for f, d in ((top + '/' + n, d)
                      for n, d in CLEAN.items())}, comment=comment({'ome': {'version': '0.5'}})))
case(
    'hierarchy_in_array', {'one-hierarchy': 'fail'}, lambda: archive({
        'zarr.json': CLEAN['zarr.json'], 's0/zarr.json': array(), 's0/x/zarr.json': group(),
        's0/c/0/0': pattern(64)
    }), text={'one-hierarchy': 'within an array'})
case('hierarchy_plate_without_rows', {'one-hierarchy': 'warn'}, lambda: plate(rows=False),
     text={'one-hierarchy': 'only OME metadata refer to it'})
case('hierarchy_plate', {}, lambda: plate())
case('hierarchy_v2_too', {'one-hierarchy': 'warn'},
     lambda: clean({'.zgroup': b'{"zarr_format":2}'}), text={'one-hierarchy': 'Zarr v2'})


def plate(rows=True, wells=('A/1',), version='0.5'):
    names = {
        'zarr.json': group(
            {
                'plate': {
                    'name': 'p', 'rows': [{'name': 'A'}], 'columns': [{'name': '1'}],
                    'version': version, 'wells': [{'path': w, 'rowIndex': 0, 'columnIndex': 0}
                                                  for w in wells]
                }
            }, version=version)
    }
    if rows:
        names['A/zarr.json'] = group()
    names.update({
        'A/1/zarr.json': group({'well': {'images': [{'path': '0'}], 'version': version}},
                               version=version), 'A/1/0/zarr.json': image_group('s0'),
        'A/1/0/s0/zarr.json': array(), 'A/1/0/s0/c/0/0': b'w' * 64
    })
    return archive(names)


NESTED = {'no-nesting': 'fail', 'nested': 'fail'}
case('nested_file', NESTED, lambda: clean({'inner.ozx': b'PK'}))
case('nested_upper', NESTED, lambda: clean({'labels/INNER.OZX': b'x'}))
case('nested_only_suffix', NESTED, lambda: clean({'.ozx': b'x'}))
case('nested_directory', {**NESTED}, lambda: clean({'x.ozx/data': b'x'}))
case('nested_not_quite', {}, lambda: clean({'x.ozx.txt': b'x', 'ozx': b'x', 'xozx': b'x'}))
for _name, _fields in (('end', {'end': {'disk': 1}}), ('record', {'end64': {'disk': 1}}),
                       ('locator', {'locator': {'disks': 2}})):
    case('single_part_' + _name, {'single-part': 'fail', 'disks': 'fail'},
         lambda f=_fields: clean(**f))
case('single_part_entry', {'single-part': 'fail', 'disks': 'fail'},
     lambda: change('s0/c/0/0', central={'disk': 3}))
case('single_part_one_disk', {}, lambda: clean(end={'disk': 0xFFFF, 'cd_disk': 0xFFFF}))

# --- RFC-9: the SHOULDs and the MAY ---------------------------------------------------------------

ZIP64 = {'zip64': 'warn'}
case('zip64_no_record', ZIP64, lambda: clean(zip64=False), text={'zip64': 'no ZIP64 end record'})
case('zip64_no_local', ZIP64, lambda: change('s0/c/0/0', local_zip64=()),
     text={'zip64': 'in the local header'})
case('zip64_no_central', ZIP64, lambda: change('s0/c/0/0', zip64=()),
     text={'zip64': 'in the central directory'})
case('zip64_neither', ZIP64, lambda: change('s0/c/0/0', zip64=(), local_zip64=()),
     text={'zip64': 'nor in the central directory'})
case('zip64_offset_only', {}, lambda: change('s0/c/0/0', zip64=('offset',)))
case('stored_deflate', {'stored': 'warn', 'compressed': 'warn'},
     lambda: change('s0/c/0/0', data=bytes(64), method=8))
case('stored_bzip2', {'stored': 'warn', 'compressed': 'warn'},
     lambda: change('s0/c/0/0', data=bytes(64), method=12))
case('stored_directory', {'stored': 'warn'}, lambda: clean({'s0/': {'method': 8, 'mode': 0o40755}}))
UNSHARDED = {
    'zarr.json': image_group('s0'), 's0/zarr.json': array((16, 8)), 's0/c/0/0': b'a' * 64,
    's0/c/1/0': b'b' * 64
}
case('sharding_two_chunks', {'sharding': 'warn'}, lambda: archive(UNSHARDED),
     text={'sharding': '2 chunks'})
case('sharding_one_of_two', {},
     lambda: archive({k: v
                      for k, v in UNSHARDED.items()
                      if k != 's0/c/1/0'}))
LATE = {'ome': {'version': '0.5'}}
SHARD2 = {
    'zarr.json': image_group('s0', 's1'), 's0/zarr.json': array(), 's1/zarr.json': array(),
    's0/c/0/0': pattern(64), 's1/c/0/0': pattern(64)
}
case('order_breadth_first', {}, lambda: archive(SHARD2))
case(
    'order_root_late', {'json-first': 'warn'},
    lambda: archive({n: CLEAN[n]
                     for n in ('s0/zarr.json', 'zarr.json', 's0/c/0/0')}, comment=comment(LATE)),
    text={'json-first': 'the root zarr.json is not the first entry'})
case(
    'order_not_sorted', {'json-first': 'warn'}, lambda: archive({
        n: SHARD2[n]
        for n in ('zarr.json', 's1/zarr.json', 's0/zarr.json', 's0/c/0/0', 's1/c/0/0')
    }), text={'json-first': 'breadth-first'})
case(
    'order_data_between', {'json-first': 'warn'}, lambda: archive(
        {
            n: SHARD2[n]
            for n in ('zarr.json', 's0/zarr.json', 's0/c/0/0', 's1/zarr.json', 's1/c/0/0')
        }, comment=comment(LATE)), text={'json-first': 'follows other entries'})
case(
    'order_data_between_claimed', {'json-first': 'fail'}, lambda: archive({
        n: SHARD2[n]
        for n in ('zarr.json', 's0/zarr.json', 's0/c/0/0', 's1/zarr.json', 's1/c/0/0')
    }), text={'json-first': 'the comment says jsonFirst'})
case(
    'order_file_only', {'json-first': 'warn'}, lambda: archive(
        {
            n: SHARD2[n]
            for n in ('zarr.json', 's0/zarr.json', 's0/c/0/0', 's1/zarr.json', 's1/c/0/0')
        }, order=[0, 1, 3, 2, 4]), text={'json-first': 'in the file'})
case('order_directory_only', {'json-first': 'warn'},
     lambda: archive(SHARD2, order=[0, 1, 3, 2, 4], comment=comment(LATE)),
     text={'json-first': 'in the central directory'})
case(
    'order_depth_before_name', {}, lambda: archive(
        {
            'zarr.json': group({'version': '0.5', 'bioformats2raw.layout': 3}),
            'b/zarr.json': group(), 'a/b/zarr.json': group(), 'a/zarr.json': group()
        }, order=[0, 1, 3, 2]))
CASES['order_depth_before_name'].told.update({'json-first': 'warn'})  # a/ after b/
case('extension_zip', {'extension': 'warn'}, clean, name='image.zip')
case('extension_none', {'extension': 'warn'}, clean, name='ozx')
case('extension_upper', {'extension': 'warn'}, clean, name='image.OZX')
case('extension_double', {}, clean, name='image.ome.zarr.ozx')
for _name, _text in (('none', b''), ('text', b'by hand'), ('no_version', b'{"ome":{}}'),
                     ('number', b'{"ome":{"version":0.5}}'), ('list', b'[]'),
                     ('duplicate', b'{"ome":{"version":"0.5","version":"0.5"}}'),
                     ('not_utf8', b'{"ome":{"version":"0.5"},"x":"\xe9"}')):
    case('comment_' + _name, {'comment': 'warn'}, lambda t=_text: clean(comment=t))
case('comment_differs', {'comment': 'warn'},
     lambda: clean(comment=comment({'ome': {'version': '0.6'}})), text={'comment': "'0.6'"})
case('comment_more_keys', {},
     lambda: clean(comment=comment({'ome': {'version': '0.5', 'x': 1}, 'y': None})))
case(
    'flag_false', {}, lambda: clean(comment=comment(
        {'ome': {'version': '0.5', 'zipFile': {'centralDirectory': {'jsonFirst': False}}}})))
for _name, _value in (('text', 'true'), ('number', 1), ('null', None), ('list', [True])):
    case(
        'flag_' + _name, {'comment': 'warn', 'comment-flag': 'warn'},
        lambda v=_value: clean(comment=comment(
            {'ome': {'version': '0.5', 'zipFile': {'centralDirectory': {'jsonFirst': v}}}})))
