# SPDX-License-Identifier: BSD-2-Clause
"""More cases for test_verify_cases.py: gaps, extents, data, and metadata."""
import json

from corpus.recipe import pattern

from verify_cases import (
    ABSENT, AXES, BIG, CLEAN, NO_ROOT, SIZES, archive, array, case, change, clean, dump, entry,
    group, image_group, multiscale, plate, shard, sharded, with_sharded)

# --- gaps, extents, data --------------------------------------------------------------------------

for _kind in ('signed', 'plain', 'signed64', 'plain64'):
    case('descriptor_' + _kind, {'descriptor': 'warn'},
         lambda k=_kind: change('s0/c/0/0', descriptor=k, flags=8, local_zip64=SIZES))
    case('descriptor_%s_quick' % _kind, {'descriptor': 'warn'},
         lambda k=_kind: change('s0/c/0/0', descriptor=k, flags=8), options=('--quick', ))
case('descriptor_none', {'descriptor': 'warn'},
     lambda: change('s0/c/0/0', descriptor='none', flags=8))
case(
    'descriptor_and_padding',
    {'descriptor': 'warn'},  # zeros that align what follows are no gap
    lambda: archive(
        [*change('s0/c/0/0', descriptor='signed', flags=8).entries,
         entry('x', b'x', gap=bytes(4))]))
case(
    'descriptor_wrong', {'descriptor': 'warn', 'gap': 'warn'}, lambda: archive([
        *change('s0/c/0/0', descriptor='none', flags=8).entries,
        entry('x', b'x', gap=b'PK\7\x08' + bytes(12))
    ]), text={'gap': '16 bytes'})
case('gap_without_bit_3', {'gap': 'warn'},
     lambda: archive([*clean().entries,
                      entry('x', b'x', gap=b'PK\7\x08' + bytes(12))]), text={'gap': '16 bytes'})
case('gap_one_byte', {'gap': 'warn'},
     lambda: archive([*clean().entries, entry('x', b'x', gap=b'!')]),
     text={'gap': 'followed by 1 byte outside'})
case('gap_before_directory', {'gap': 'warn'}, lambda: clean(gap=bytes(4096)),
     text={'gap': '4096 bytes'})
case('gap_long', {'gap': 'warn'}, lambda: clean(gap=bytes(3 << 20)))
case('gap_unlisted', {'gap': 'warn'},
     lambda: archive([*clean().entries,
                      entry('old', b'gone', listed=False),
                      entry('x', b'x')]), text={'gap': "does not list, 'old'"})
case('gap_unlisted_last', {'gap': 'warn'},
     lambda: archive([*clean().entries, entry('old', b'gone', listed=False)]),
     text={'gap': "'old'"})
case(
    'gap_unlisted_many', {'gap': 'warn'}, lambda: archive(
        [*clean().entries, *(entry('old%d' % i, b'gone', listed=False) for i in range(50))]),
    text={'gap': '50 local header'})
case(
    'gap_unlisted_far', {'gap': 'warn'},
    lambda: archive([*clean().entries,
                     entry('far', b'gone', listed=False, gap=bytes(1 << 20))], gap=bytes(600_000)),
    text={'gap': "'far'"})
case('gap_unlisted_control', {'gap': 'warn'},
     lambda: archive([*clean().entries, entry('a\n\x1b[2J', b'', listed=False)]),
     text={'gap': 'a\\n\\x1B[2J'})
case('gap_signature_only', {'gap': 'warn'}, lambda: clean(gap=b'PK\3\4'),
     text={'gap': 'followed by 4 bytes outside any entry'})
case('gap_signatures', {'gap': 'warn'}, lambda: clean(gap=b'PK\3\4' * 200_000))
case('leading_bytes', {'leading': 'warn'}, lambda: clean(leading=b'#!/bin/sh\n'),
     text={'leading': '10 bytes'})
case('leading_unlisted', {'no-end': 'fail'},
     lambda: archive([entry('old', b'gone', listed=False), *clean().entries]),
     text={'no-end': 'before the first'})
case('leading_empty_archive', {**NO_ROOT, 'one-hierarchy': 'fail', 'leading': 'warn'},
     lambda: archive({}, leading=b'stub'))
case('padding', {'tail-padding': 'warn'}, lambda: clean(trailing=bytes(512)))
case('local_directory', {'local': 'fail'},
     lambda: clean({'s0/': {'mode': 0o40755, 'local': {'name': b's1/'}}}))
case('local_directory_quick', {'local': 'fail'},
     lambda: clean({'s0/': {'mode': 0o40755, 'local': {'name': b's1/'}}}), options=('--quick', ))
case('local_quick', {'local': 'fail'}, lambda: change('s0/c/0/0', local={'usize': 1}),
     options=('--quick', ))
case('local_extra_odd', {'extra-odd': 'warn'}, lambda: change('s0/c/0/0', local_extra=b'\0\0\0'),
     text={'extra-odd': 'local header'})
case('overlap_local', {'overlap': 'fail'},
     lambda: archive([*change('s0/c/0/0', local={'extra_size': 100}).entries,
                      entry('x', b'x')]))
case('crc_wrong', {'crc': 'fail'}, lambda: change('s0/c/0/0', local={'crc': 7}, central={'crc': 7}),
     text={'crc': 'directory states 00000007'})
case('crc_wrong_quick', {}, lambda: change('s0/c/0/0', local={'crc': 7}, central={'crc': 7}),
     options=('--quick', ))
case('crc_one_bit', {'crc': 'fail'},
     lambda: change('s0/c/0/0', packed=bytes([pattern(64)[0] ^ 1]) + pattern(64)[1:]))
case('crc_empty', {'crc': 'fail'},
     lambda: clean({'x': {'data': b'', 'local': {'crc': 1}, 'central': {'crc': 1}}}))
case('crc_directory', {'crc': 'fail'},
     lambda: clean({'x/': {'mode': 0o40755, 'local': {'crc': 1}, 'central': {'crc': 1}}}))
case('crc_deflated', {'crc': 'fail', 'stored': 'warn', 'compressed': 'warn'},
     lambda: change('s0/c/0/0', method=8, local={'crc': 7}, central={'crc': 7}))
case('crc_large', {}, lambda: clean({'big': BIG}))
case('crc_large_wrong', {'crc': 'fail'},
     lambda: clean({'big': {'data': BIG, 'local': {'crc': 7}, 'central': {'crc': 7}}}))
case('crc_large_last_byte', {'crc': 'fail'},
     lambda: clean({'big': {'data': BIG, 'packed': BIG[:-1] + b'?'}}))
case('crc_large_local', {'local': 'fail'},
     lambda: clean({'big': {'data': BIG, 'local': {'name': b'bag'}}}))
case('duplicate_chunk', {'duplicate': 'fail'},
     lambda: archive([*clean().entries, entry('s0/c/0/0', b'n' * 64)]),
     text={'duplicate': 'appears again at byte'})
case(
    'duplicate_hides_bad_crc', {'duplicate': 'fail', 'crc': 'fail'}, lambda: archive([
        entry('zarr.json', CLEAN['zarr.json']),
        entry('s0/zarr.json', array()),
        entry('s0/c/0/0', b'o' * 64, local={'crc': 7}, central={'crc': 7}),
        entry('s0/c/0/0', b'n' * 64)
    ]))
case('charset_unflagged', {'name-charset': 'warn'}, lambda: clean({'ü': {'flags': 0}}))
case('case_files', {'case': 'warn'}, lambda: clean({'Notes': b'', 'notes': b''}),
     text={'case': "'Notes'"})
case('case_directories', {'case': 'warn'}, lambda: clean({'Notes/a': b'', 'notes/b': b''}))
case('case_not_ascii', {}, lambda: clean({'Ä': b'', 'ä': b''}))

# --- metadata -------------------------------------------------------------------------------------


def with_root(**ome):
    return archive({**CLEAN, 'zarr.json': group(ome)})


def with_array(data):
    return archive({**CLEAN, 's0/zarr.json': data})


GONE = {'ome-path': 'fail'}
ZARR, OME, PATH, KEY, INDEX = ({r: 'warn'} for r in ('zarr-json', 'ome-block', 'ome-path',
                                                     'chunk-key', 'shard-index'))
case('zarr_unparsable_below', {'zarr-json': 'fail'},
     lambda: archive({**CLEAN, 'zarr.json': image_group('s0'), 's0/zarr.json': b'{'}))
case('zarr_format_2', ZARR, lambda: with_array(dump({**json.loads(array()), 'zarr_format': 2})))
case('zarr_node_type', {**ZARR, **GONE},
     lambda: with_array(dump({**json.loads(array()), 'node_type': 'table'})))
case('zarr_no_shape', ZARR,
     lambda: with_array(dump({k: v
                              for k, v in json.loads(array()).items()
                              if k != 'shape'})))
case('zarr_no_codecs', ZARR,
     lambda: with_array(dump({k: v
                              for k, v in json.loads(array()).items()
                              if k != 'codecs'})))
case('zarr_no_fill_value', ZARR,
     lambda: with_array(dump({k: v
                              for k, v in json.loads(array()).items()
                              if k != 'fill_value'})))
case('zarr_fill_null', ZARR, lambda: with_array(array(fill_value=None)),
     text={'zarr-json': "fill_value is null, which is not a valid 'uint8' value"})
case('zarr_fill_too_large', ZARR, lambda: with_array(array(fill_value=300)),
     text={'zarr-json': 'is 300'})
case('zarr_fill_nan', ZARR, lambda: with_array(array(data_type='int16', fill_value='NaN')),
     text={'zarr-json': "'int16'"})
case('zarr_fill_fraction', ZARR, lambda: with_array(array(fill_value=0.0)),
     text={'zarr-json': 'must not have a fraction'})
case('zarr_fill_float', {}, lambda: with_array(array(data_type='float32', fill_value='NaN')))
case(
    'zarr_fill_unknown_type', {}, lambda: with_array(
        array(data_type={'name': 'example.optional', 'configuration': {}}, fill_value=None)))
case('zarr_chunk_zero', ZARR, lambda: with_array(array(chunk=(0, 8))))
case(
    'zarr_group_below', {}, lambda: archive({
        'zarr.json': CLEAN['zarr.json'], 'more/zarr.json': group(), 's0/zarr.json': array(),
        's0/c/0/0': pattern(64)
    }))
case('ome_none', OME, lambda: archive({**CLEAN, 'zarr.json': group()}),
     text={'ome-block': 'no OME metadata'})
case(
    'ome_no_version', OME, lambda: archive({
        **CLEAN, 'zarr.json': dump({
            'zarr_format': 3, 'node_type': 'group',
            'attributes': {'ome': {'multiscales': [multiscale('s0')]}}
        })
    }))
case(
    'ome_version_number', OME, lambda: archive(
        {**CLEAN, 'zarr.json': group({'multiscales': [multiscale('s0')]}, version=0.5)}))
case(
    'ome_versions_differ', OME, lambda: archive({
        'zarr.json': image_group('s0'), 'labels/zarr.json': group({'labels': []}, version='0.6'),
        's0/zarr.json': array(), 's0/c/0/0': pattern(64)
    }), text={'ome-block': "'0.6'"})
case('ome_no_multiscales_list', OME, lambda: with_root(multiscales={}))
case('ome_multiscales_empty', OME, lambda: with_root(multiscales=[]))
case('ome_no_axes', OME,
     lambda: with_root(multiscales=[{'datasets': multiscale('s0')['datasets']}]))
case('ome_no_datasets', OME, lambda: with_root(multiscales=[{'axes': AXES}]))
case('ome_axis_without_name', OME,
     lambda: with_root(multiscales=[multiscale('s0', axes=[{'type': 'space'}, AXES[1]])]))
case('ome_no_scale', OME,
     lambda: with_root(multiscales=[{'axes': AXES, 'datasets': [{'path': 's0'}]}]))
case(
    'ome_three_axes', OME,
    lambda: with_root(multiscales=[multiscale('s0', axes=[{'name': 'z', 'type': 'space'}, *AXES])]),
    text={'ome-block': '2 dimensions'})
case('path_missing', GONE, lambda: archive({**CLEAN, 'zarr.json': image_group('s0', 's1')}),
     text={'ome-path': "'s1' is not there"})
case(
    'path_no_metadata', GONE, lambda: archive({
        'zarr.json': image_group('s0', 's1'), 's0/zarr.json': array(), 's0/c/0/0': pattern(64),
        's1/c/0': b'x'
    }), text={'ome-path': 'has no zarr.json'})
case(
    'path_is_group', GONE, lambda: archive({
        'zarr.json': image_group('s0', 'g'), 'g/zarr.json': group(), 's0/zarr.json': array(),
        's0/c/0/0': pattern(64)
    }), text={'ome-path': 'is not an array'})
case('path_climbs_out', GONE,
     lambda: archive({**CLEAN, 'zarr.json': image_group('s0', '../../etc')}))
case(
    'path_label_missing', PATH, lambda: archive({
        'zarr.json': image_group('s0'), 'labels/zarr.json': group({'labels': ['cells']}),
        's0/zarr.json': array(), 's0/c/0/0': pattern(64)
    }), text={'ome-path': "label image 'cells'"})
case('path_well_missing', PATH, lambda: plate(wells=('A/1', 'A/2')),
     text={'ome-path': "well 'A/2'"})
case(
    'path_series_missing', PATH, lambda: archive({
        'zarr.json': group({'bioformats2raw.layout': 3}), '0/zarr.json': image_group(
            's0'), 'OME/zarr.json': group({'series': ['0', '1']}), '0/s0/zarr.json': array(),
        '0/s0/c/0/0': b'd' * 64
    }), text={'ome-path': "image '1'"})
case('key_outside', KEY, lambda: clean({'s0/c/0/1': b'x' * 64}),
     text={'chunk-key': 'outside the grid'})
case('key_far_outside', KEY, lambda: clean({'s0/c/0/99999999999999999999999': b'x'}))
case('key_leading_zero', KEY, lambda: clean({'s0/c/00/0': b'x' * 64}),
     text={'chunk-key': 'not a chunk key'})
case('key_negative', KEY, lambda: clean({'s0/c/-1/0': b'x'}))
case('key_too_long', KEY, lambda: clean({'s0/c/0/0.0': b'x'}))
case('key_other_separator', KEY, lambda: clean({'s0/c.0.0': b'x'}))
case('key_foreign_file', KEY, lambda: clean({'s0/.DS_Store': b'x'}))
case('key_v2_in_default', KEY, lambda: clean({'s0/0.0': b'x'}))
case('index_too_short', INDEX, lambda: with_sharded(sharded(), b'short'),
     text={'shard-index': 'too short'})
case('index_empty_shard', INDEX, lambda: with_sharded(sharded(), b''))
case('index_offset_beyond', INDEX,
     lambda: with_sharded(sharded(), shard([(0, 64), (64, 64), (128, 64),
                                            (10_000, 64)])), text={'shard-index': 'inner chunk 3'})
case('index_size_beyond', INDEX,
     lambda: with_sharded(sharded(), shard([(0, 64), (64, 1000), (128, 64),
                                            (192, 64)])), text={'shard-index': 'inner chunk 1'})
case('index_into_itself', INDEX,
     lambda: with_sharded(sharded(), shard([(0, 64), (64, 64), (128, 64), (192, 65)])))
case('index_wraps', INDEX,
     lambda: with_sharded(sharded(), shard([(2**64 - 2, 64), (64, 64), (128, 64), (192, 64)])))
case('index_half_absent', INDEX,
     lambda: with_sharded(sharded(), shard([(ABSENT, 64), (64, 64), (128, 64), (192, 64)])))
case('index_crc', INDEX, lambda: with_sharded(sharded(), shard(wrong_crc=True)),
     text={'shard-index': 'CRC-32C'})
case('index_quick', {}, lambda: with_sharded(sharded(), shard(wrong_crc=True)),
     options=('--quick', ))
case('index_at_other_end', INDEX, lambda: with_sharded(sharded(location='start'), shard()))
case('index_start_into_index', INDEX,
     lambda: with_sharded(sharded(location='start'), shard([(0, 64)] * 4, start=True)))
case('index_deflated', {**INDEX, 'stored': 'warn', 'compressed': 'warn'},
     lambda: with_sharded(sharded(), {'data': shard(wrong_crc=True), 'method': 8}))
