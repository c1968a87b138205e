# SPDX-License-Identifier: BSD-2-Clause
"""Cases of the rule consolidated: what consolidated metadata list against what is there."""
import json

from corpus.recipe import pattern

from verify_cases import CLEAN, archive as archive_of, array, case, dump, group, image_group

FAIL, WARN = {'consolidated': 'fail'}, {'consolidated': 'warn'}
OWN = json.loads(array())


def archive(files):
    """In RFC-9's order."""
    def place(name):
        return (name.rsplit('/', 1)[-1]
                != 'zarr.json', name.count('/') if name.endswith('zarr.json') else 0, name)
    return archive_of({name: files[name] for name in sorted(files, key=place)})


def with_block(text, block):
    return dump({**json.loads(text), 'consolidated_metadata': block})


def block(kind='inline', **nodes):
    return {'kind': kind, 'must_understand': False, 'metadata': nodes}


def image(nodes, files=None, **more):
    """The clean image with a root that lists `nodes`; `files` beside it."""
    root = {'zarr.json': with_block(CLEAN['zarr.json'], block(**nodes, **more))}
    return archive(
        {**root, **(files or {}), **{n: d
                                     for n, d in CLEAN.items() if n != 'zarr.json'}})


def listed(told, name, text='', **changes):
    """s0 listed with other fields than its own zarr.json has; None: without that one."""
    fields = {k: v for k, v in {**OWN, **changes}.items() if v is not None}
    case('consolidated_' + name, told, lambda: image({'s0': fields}),
         text={'consolidated': text} if told else {})


def raw(told, name, old, new, text=''):
    """The listing of s0 written in another way."""
    whole = with_block(CLEAN['zarr.json'], block(s0=OWN)).replace(old, new)
    assert new in whole
    case('consolidated_' + name, told, lambda: archive({**CLEAN, 'zarr.json': whole}),
         text={'consolidated': text} if told else {})


CODECS = [{'name': 'bytes'}, {'name': 'zstd', 'configuration': {'level': 1, 'checksum': False}}]
LABELS = {'labels/zarr.json': group({'labels': []}), 'labels/more/zarr.json': group()}
GROUP = json.loads(group())
LABELS_GROUP = json.loads(LABELS['labels/zarr.json'])

case('consolidated_right', {}, lambda: image({'s0': OWN}))
case('consolidated_null', {},
     lambda: archive({**CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], None)}))
case(
    'consolidated_metadata_null', {'consolidated': 'warn'}, lambda: archive({
        **CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], {'kind': 'inline', 'metadata': None})
    }))
case('consolidated_groups', {},
     lambda: image({'s0': OWN, 'labels': LABELS_GROUP, 'labels/more': GROUP}, LABELS))
case(
    'consolidated_in_a_group', {}, lambda: archive({
        **CLEAN, **LABELS, 'labels/zarr.json': with_block(LABELS['labels/zarr.json'],
                                                          block(more=GROUP))
    }))
case(
    'consolidated_inside', {}, lambda: image(
        {
            's0': OWN, 'labels': {**LABELS_GROUP, 'consolidated_metadata': block(more=GROUP)},
            'labels/more': GROUP
        }, LABELS))

# not there
case('consolidated_absent', FAIL, lambda: image({'s0': OWN, 's1': OWN}),
     text={'consolidated': "'s1' is listed but does not exist"})
case(
    'consolidated_absent_in_a_group', FAIL, lambda: archive({
        **CLEAN, **LABELS, 'labels/zarr.json': with_block(LABELS['labels/zarr.json'],
                                                          block(more=GROUP, cells=GROUP))
    }), text={'consolidated': "'cells' is listed but does not exist"})
case(
    'consolidated_absent_inside', FAIL, lambda: image(
        {
            's0': OWN, 'labels': {**LABELS_GROUP, 'consolidated_metadata': block(cells=GROUP)},
            'labels/more': GROUP
        }, LABELS))
case('consolidated_no_zarr_json', FAIL, lambda: image({'s0': OWN, 'x': GROUP}, {'x/data': b'x'}))
case('consolidated_climbs_out', FAIL, lambda: image({'s0': OWN, '../s0': OWN}))
raw(FAIL, 'absent_behind_escapes', b'"s0":{"zarr_format"', b'"s\\u0031":{},"s0":{"zarr_format"')

# there, and not as it is listed
listed(FAIL, 'shape', 'shape', shape=[16, 8])
listed(FAIL, 'no_shape', 'shape', shape=None)
listed(FAIL, 'data_type', 'data_type', data_type='uint16')
listed(FAIL, 'chunk_grid', 'chunk_grid',
       chunk_grid={'name': 'regular', 'configuration': {'chunk_shape': [4, 4]}})
listed(FAIL, 'chunk_keys', 'chunk_key_encoding',
       chunk_key_encoding={'name': 'default', 'configuration': {'separator': '.'}})
listed(FAIL, 'codecs', 'codecs', codecs=CODECS)
listed(FAIL, 'fill_value', 'fill_value', fill_value=1)
listed(FAIL, 'node_type', 'node_type', node_type='group')
listed(FAIL, 'zarr_format', 'node_type', zarr_format=2)
listed(FAIL, 'transformers', 'storage_transformers', storage_transformers=[{'name': 'x'}])
listed(WARN, 'attributes', 'attributes', attributes={'a': 1})
listed(WARN, 'dimension_names', 'attributes', dimension_names=['y', 'x'])
case('consolidated_no_object', FAIL, lambda: image({'s0': [1]}),
     text={'consolidated': 'not metadata'})
case('consolidated_group_for_array', FAIL, lambda: image({'s0': GROUP}))
case(
    'consolidated_twice_other', {'consolidated': 'fail'}, lambda: archive({
        **CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], block(s0=OWN)).replace(
            b'"metadata":{', b'"metadata": {"s0": {"node_type": "group"}, ')
    }))

# the same, written in another way
listed({}, 'key_order', **dict(reversed(OWN.items())))
listed({}, 'more_keys', storage_transformers=[], attributes={})
listed({}, 'codec_without_object', codecs=['bytes'])
listed({}, 'codec_with_empty_configuration', codecs=[{'configuration': {}, 'name': 'bytes'}])
listed({}, 'data_type_object', data_type={'name': OWN['data_type']})
listed({}, 'separator_left_out', chunk_key_encoding={'name': 'default'})
raw({}, 'real_shape', b'"shape":[8,8]', b'"shape": [8.0, 0.8e1]')
raw({}, 'real_fill_value', b'"fill_value":0', b'"fill_value": 0.0e5')
raw({}, 'escapes', b'"node_type"', b'"n\\u006fde_type"')
raw({}, 'key_twice_last_counts', b'"shape":[8,8]', b'"shape": [9], "shape": [8, 8]')
case(
    'consolidated_nan', {}, lambda: archive({
        'zarr.json': with_block(image_group('s0'),
                                block(s0=json.loads(array(data_type='float32', fill_value='NaN')))),
        's0/zarr.json': array(data_type='float32', fill_value='NaN'), 's0/c/0/0': pattern(256)
    }))

# there, and not listed; odd listings
case('consolidated_unlisted', WARN,
     lambda: image({'labels': LABELS_GROUP, 'labels/more': GROUP}, LABELS),
     text={'consolidated': "1 node is not listed, the first is 's0'"})
case('consolidated_unlisted_below', WARN,
     lambda: image({'s0': OWN, 'labels': LABELS_GROUP}, LABELS),
     text={'consolidated': "'labels/more'"})
case('consolidated_lists_nothing', WARN, lambda: image({}, LABELS),
     text={'consolidated': '3 nodes'})
case('consolidated_slash', WARN, lambda: image({'/s0': OWN}),
     text={'consolidated': 'do not look for'})
case('consolidated_slash_behind', WARN, lambda: image({'s0/': OWN}))
case('consolidated_dot', WARN, lambda: image({'s0': OWN, '.': json.loads(CLEAN['zarr.json'])}))
case(
    'consolidated_twice', WARN, lambda: archive({
        **CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], block(s0=OWN)).replace(
            b'"metadata":{', b'"metadata": {"s0": %s, ' % json.dumps(OWN).encode())
    }), text={'consolidated': 'more than once'})
case(
    'consolidated_other_kind', WARN, lambda: archive(
        {**CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], block('external', s1=OWN))}),
    text={'consolidated': "other than 'inline'"})
case('consolidated_list', WARN,
     lambda: archive({**CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], [1])}))
case(
    'consolidated_metadata_list', WARN, lambda: archive(
        {**CLEAN, 'zarr.json': with_block(CLEAN['zarr.json'], {'kind': 'inline', 'metadata': []})}))
