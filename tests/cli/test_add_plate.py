# SPDX-License-Identifier: BSD-2-Clause
"""`add` to a plate: what is added where a well or a field belongs is listed as one, or it is told
that it is not. A power cut: tests/faults/test_edit_cut.py."""
import json

import pytest
from kit.change import (ARRAY, add, added, contents, edited, findings, group, make, ome, ome_of,
                        packed)
from kit.info import multiscale

IMAGE = {'zarr.json': ome(multiscales=[multiscale(['s0'])]), 's0/zarr.json': ARRAY}
ROW_B, COLUMN_3 = {'path': 'B/1', 'rowIndex': 1, 'columnIndex': 0}, {'name': '3'}


def below(path, files):
    return {f'{path}/{name}': data for name, data in files.items()}


def well(*fields):
    """A well of images."""
    files = {'zarr.json': ome(well={'images': [{'path': name} for name in fields]})}
    for name in fields:
        files.update(below(name, IMAGE))
    return files


def plate(at='', names=('AB', '12'), **block):
    """A plate with the well A/1, of one field."""
    rows, columns = names
    block = {'rows': [{'name': n} for n in rows], 'columns': [{'name': n} for n in columns],
             'wells': [{'path': 'A/1', 'rowIndex': 0, 'columnIndex': 0}], **block}
    files = {'zarr.json': ome(plate=block), 'A/zarr.json': group(), **below('A/1', well('0'))}
    return {'zarr.json': ome(), **below(at, files)} if at else files


@pytest.fixture
def trees(tmp_path):
    return {'image': make(tmp_path / 'image', IMAGE),
            'well': make(tmp_path / 'well', well('0', '1')),
            'row': make(tmp_path / 'row', {'zarr.json': group(), **below('1', well('0')),
                                           **below('3', well('0', '1', '2'))}),
            'table': make(tmp_path / 'table', {'zarr.json': group()})}


def images(path, name='A/1/zarr.json'):
    return [image['path'] for image in ome_of(path, name)['well']['images']]


# of each tree: where it goes; what is listed then in the well and in the plate
LISTED = {
    'a field': ('image', 'A/1/1', 'A/1', ['0', '1'], {'field_count': 2}),
    'a well': ('well', 'B/1', 'B/1', ['0', '1'], {'field_count': 2, 'wells': [ROW_B]}),
    'a well behind all': ('well', 'C/3', 'C/3', ['0', '1'], {
        'field_count': 2, 'rows': [{'name': 'C'}], 'columns': [COLUMN_3],
        'wells': [{'path': 'C/3', 'rowIndex': 2, 'columnIndex': 2}]}),
    'a field, and so a well': ('image', 'B/1/5', 'B/1', ['5'], {'wells': [ROW_B]}),
    'a row': ('row', 'B', 'B/3', ['0', '1', '2'], {
        'field_count': 3, 'columns': [COLUMN_3],
        'wells': [ROW_B, {'path': 'B/3', 'rowIndex': 1, 'columnIndex': 2}]}),
    'no image': ('table', 'A/1/table', 'A/1', ['0'], {}),
}


@pytest.mark.parametrize('at, consolidated', [('', False), ('', True), ('deep/plate', False)])
@pytest.mark.parametrize('case', sorted(LISTED))
def test_what_is_listed(case, at, consolidated, trees, tmp_path):
    tree, where, well_path, fields, more = LISTED[case]
    path = packed(tmp_path, consolidate({**plate(at, field_count=1, name='p'),
                                         **({'deep/zarr.json': group()} if at else {})},
                                        consolidated), '--keep-consolidated')
    before, rules = contents(path), findings(path)
    at = at and at + '/'
    added('-q', path, trees[tree], at + where)
    assert images(path, f'{at}{well_path}/zarr.json') == fields
    old, new = json.loads(before[f'{at}zarr.json']), json.loads(contents(path)[f'{at}zarr.json'])
    wanted = old['attributes']['ome']['plate']
    for key, value in more.items():
        wanted[key] = wanted[key] + value if isinstance(value, list) else value
    assert new['attributes'] == old['attributes']
    # what had no place in it is as it was, byte for byte
    changed = {f'{at}{name}' for name in ('zarr.json', f'{well_path}/zarr.json')}
    after = contents(path)
    assert all(after[name] == data for name, data in before.items() if name not in changed)
    assert findings(path) <= rules | {'json-first'}
    if consolidated:
        listed = new['consolidated_metadata']['metadata']
        nodes = {name[:-len('/zarr.json')]: json.loads(data) for name, data in after.items()
                 if name.endswith('/zarr.json')}
        assert listed == nodes


def consolidate(files, wanted):
    if not wanted:
        return files
    nodes = {name[:-len('/zarr.json')]: json.loads(data) for name, data in files.items()
             if name.endswith('/zarr.json')}
    root = json.loads(files['zarr.json'])
    root['consolidated_metadata'] = {'kind': 'inline', 'must_understand': False, 'metadata': nodes}
    return {**files, 'zarr.json': json.dumps(root).encode()}


# of each tree: the plate, where the tree goes, what is said
TOLD = {
    'several acquisitions': ('image', plate(acquisitions=[{'id': 0}, {'id': 1}]), 'A/1/1',
                             'several acquisitions'),
    'and no well': ('image', plate(acquisitions=[{'id': 0}, {'id': 1}]), 'B/1/0',
                    'several acquisitions'),
    'no letters and digits': ('image', plate(), 'A/1/my-image', 'letters and digits'),
    'no well above': ('image', {**plate(), 'A/1/zarr.json': group()}, 'A/1/1', 'not a well'),
    'a row between': ('well', plate(names=('AC', '12')), 'B/1', 'row or column'),
    'a column between': ('well', plate(names=('AC', ['1', '10'])), 'A/2', 'row or column'),
    'a row of no name': ('well', plate(), 'new-row/1', 'row or column'),
    'columns in a row': ('row', plate(names=('AB', '14')), 'B', 'row or column'),
}


@pytest.mark.parametrize('case', sorted(TOLD))
def test_what_is_told(case, trees, tmp_path):
    tree, files, where, words = TOLD[case]
    path = packed(tmp_path, files)
    before = contents(path)
    said = added(path, trees[tree], where)
    told = [line for line in said.splitlines() if 'listed' in line]
    assert len(told) == 1 and words in told[0] and 'man ozxfs-add' in told[0], said
    if tree == 'row':  # the others are listed
        assert ome_of(path, 'zarr.json')['plate']['wells'][1:] == [ROW_B]
    else:
        after = contents(path)
        assert all(after[name] == data for name, data in before.items())


def test_as_the_manual_shows(trees, tmp_path):
    """What could not be listed is listed by edit, and verify has nothing to say then."""
    path = packed(tmp_path, plate(names=('AB', '13'), acquisitions=[{'id': 0}, {'id': 1}]))
    before = findings(path)
    assert 'several acquisitions' in added(path, trees['image'], 'A/1/1')
    assert 'row or column' in added(path, trees['well'], 'A/2')
    assert 'ome-block' in findings(path) - before
    edited(path, 'A/1', 'attributes.ome.well.images.-={"path": "1", "acquisition": 1}')
    edited(path, '/', 'attributes.ome.plate.columns.-={"name": "2"}',
           'attributes.ome.plate.wells.-={"path": "A/2", "rowIndex": 0, "columnIndex": 2}')
    assert findings(path) == before | {'json-first'}


@pytest.mark.parametrize('block', [{}, {'wells': []}, {'rows': []}])
def test_lists_that_are_empty_or_missing(block, trees, tmp_path):
    files = plate()
    text = json.loads(files['zarr.json'])
    text['attributes']['ome']['plate'] = {'columns': [{'name': '1'}], **block}
    path = packed(tmp_path, {**files, 'zarr.json': json.dumps(text).encode()})
    added('-q', path, trees['well'], 'B/1')
    assert ome_of(path, 'zarr.json')['plate'] == {
        'columns': [{'name': '1'}], 'rows': [{'name': 'B'}],
        'wells': [{'path': 'B/1', 'rowIndex': 0, 'columnIndex': 0}]}


def test_a_name_that_json_has_to_escape(trees, tmp_path):
    """Of a row that the plate has already."""
    path = packed(tmp_path, plate(names=(['A', 'x"\\y'], '1')))
    assert add('-q', path, trees['well'], 'x"/1').returncode == 0
    path = tmp_path / 'x.ozx'
    names = [w['path'] for w in ome_of(path, 'zarr.json')['plate']['wells']]
    assert names == ['A/1']
    path.unlink()
    path = packed(tmp_path / 'two', plate(names=(['A', 'x"y'], '1')))
    added('-q', path, trees['well'], 'x"y/1')
    assert ome_of(path, 'zarr.json')['plate']['wells'][1] == {'path': 'x"y/1', 'rowIndex': 1,
                                                             'columnIndex': 0}


# --- a bioformats2raw layout ----------------------------------------------------------------------


@pytest.mark.parametrize('series, where, words', [
    (['0', '1'], '2', 'series of OME'), (['0', '2'], '2', None), (None, '1', None),
    (None, '2', 'number of the next'), (None, 'x', 'number of the next'),
    (['0'], 'labels/2', None)])
def test_series(series, where, words, trees, tmp_path):
    """Their order is that of an XML text: nothing is listed, and it is told."""
    files = {'zarr.json': ome(**{'bioformats2raw.layout': 3}), **below('0', IMAGE)}
    if series:
        files['OME/zarr.json'] = ome(series=series)
    path = packed(tmp_path, files)
    before = contents(path)
    told = [line for line in added(path, trees['image'], where).splitlines() if 'man ozxfs' in line]
    assert len(told) == (words is not None) and all(words in line for line in told), told
    assert all(contents(path)[name] == data for name, data in before.items())


# --- what is not what it is to be -----------------------------------------------------------------

WRONG = [{}, {'a': 1}, 'x', 5, True]
NAMED, PATHS, LABELS = [{}, {'name': 5}, 'A', 5], [{}, {'path': 5}, 'A/1', 5], [{}, 5, ['a'], '']
# the list: the tree, where it goes, whose metadata have it, what is no list, and no element of it
LISTS = {
    'labels': ('image', 'labels/new', 'labels', WRONG, LABELS),
    'well.images': ('image', 'A/1/1', 'A/1', WRONG, PATHS),
    'plate.rows': ('well', 'C/1', '', WRONG, NAMED),
    'plate.columns': ('row', 'B', '', WRONG, NAMED),
    'plate.wells': ('well', 'B/1', '', WRONG, PATHS),
    'plate.acquisitions': ('image', 'A/1/1', '', WRONG, []),
    'plate.field_count': ('image', 'B/1/0', '', ['1', [1], 1.5, -1, {}], []),
    'version': ('image', 'labels/new', 'labels', [{}, [], 5, ['0.5'], True, ''], []),
    'version ': ('table', 'new', '', [{}, [], 5, True], []),
    'version  ': ('image', 'A/1/1', '', [{}, [], 5, True], []),
}
CASES = [(key, value, False) for key, row in LISTS.items() for value in row[3]] + \
        [(key, value, True) for key, row in LISTS.items() for value in row[4]]


@pytest.mark.parametrize('key, value, is_element', CASES)
def test_no_list_is_neither_replaced_nor_ignored(key, value, is_element, trees, tmp_path):
    """One line, and the archive is as it was, byte for byte."""
    tree, where, node, *_ = LISTS[key]
    key = key.strip()
    files = {**plate(), 'labels/zarr.json': ome(labels=['old'])}
    name = f'{node}/zarr.json'.lstrip('/')
    text = json.loads(files[name])
    block = text['attributes']['ome']
    *way, last = key.split('.')
    for member in way:
        block = block[member]
    block[last] = block.get(last, []) + [value] if is_element else value
    path = packed(tmp_path, {**files, name: json.dumps(text).encode()}, '--ome-version', '0.5')
    before = path.read_bytes()
    done = add(path, trees[tree], where)
    assert done.returncode == 2 and f"'/{node}' attributes.ome.{key}" in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1].startswith('ozxfs: ') and 'ozxfs edit' in done.stderr
    assert path.read_bytes() == before
    # and what it says helps
    right = {'version': '"0.5"', 'plate.field_count': '1', 'labels': '["old"]'}
    right = right.get(key, json.dumps(json.loads(plate()[name])['attributes']['ome'].get(
        way[0], {}).get(last, [])) if way else None)
    edited(path, node or '/', f'attributes.ome.{key}={right}')
    added('-q', path, trees[tree], where)


@pytest.mark.parametrize('block', [[], 'x', 5])
@pytest.mark.parametrize('name, attributes', [('labels', True), ('labels', False), ('', True)])
def test_no_block_is_not_replaced(block, name, attributes, trees, tmp_path):
    files = {**plate(), 'labels/zarr.json': ome(labels=['old'])}
    name = f'{name}/zarr.json'.lstrip('/')
    text = json.loads(files[name])
    if attributes:
        text['attributes']['ome'] = block
    else:
        text['attributes'] = block
    path = packed(tmp_path, {**files, name: json.dumps(text).encode()}, '--ome-version', '0.5')
    before = path.read_bytes()
    done = add(path, trees['image'], 'labels/new')
    assert done.returncode == 2 and 'attributes' in done.stderr, done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize('missing', [None, ...])
def test_what_is_not_there_is_made(missing, trees, tmp_path):
    """null is as nothing, to readers as to verify."""
    block = {} if missing is ... else {'labels': None, 'version': None}
    path = packed(tmp_path, {'zarr.json': ome(), 'labels/zarr.json': group(ome=block)})
    added('-q', path, trees['image'], 'labels/new')
    assert ome_of(path, 'labels/zarr.json') == {'version': '0.5', 'labels': ['new']}


def test_many_other_defects_hide_nothing(trees, tmp_path):
    """More than are kept of one file."""
    channels = [{'label': 5, 'color': 'no'}] * 80
    path = packed(tmp_path, {'zarr.json': ome(), 'labels/zarr.json': group(
        ome={'version': '0.5', 'omero': {'channels': channels}, 'labels': {}})})
    before = path.read_bytes()
    done = add(path, trees['image'], 'labels/new')
    assert done.returncode == 2 and "'/labels' its metadata have too many defects" in done.stderr
    assert path.read_bytes() == before


def test_defects_of_wells_that_do_not_matter(trees, tmp_path):
    """A well without indices is told by verify; one more can be listed."""
    path = packed(tmp_path, plate(wells=[{'path': 'A/1'}]))
    added('-q', path, trees['well'], 'B/1')
    assert ome_of(path, 'zarr.json')['plate']['wells'] == [{'path': 'A/1'}, ROW_B]
