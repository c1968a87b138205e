# SPDX-License-Identifier: BSD-2-Clause
"""`info`: facts about archives, the text on a terminal, and metadata that means no good."""
import json
import os
import re
import unicodedata
import zipfile

import pytest

from kit.info import (
    COMMENT, array, group, image, info, info_text, multiscale, on_terminal, run, write)
from kit.launch import sampled

ESCAPES = re.compile('\033\\[[0-9;]*m')
SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'sample.ozx')


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in line)


# --- facts ----------------------------------------------------------------------------------------

def test_sample():
    said = info(SAMPLE)
    assert said['size_bytes'] == os.path.getsize(SAMPLE)
    assert said['zip']['entries'] == len(zipfile.ZipFile(SAMPLE).infolist())
    assert said['rfc9'] == {
        'root_zarr_json': True, 'comment_version': '0.5', 'comment_defect': None,
        'metadata_version': '0.5', 'versions_agree': True, 'json_first_claimed': True,
        'json_first_true': True
    }
    assert said['warnings'] == [] and said['omitted'] == 0
    assert [lv['path'] for lv in said['root']['multiscales'][0]['levels']] == ['s0', 's1']


def test_json_is_stable(tmp_path):
    archive = write(tmp_path / 'x.ozx', image())
    assert run('info', '--json', archive).stdout == run('info', '--json', archive).stdout


def test_versions_disagree(tmp_path):
    archive = write(tmp_path / 'x.ozx', image(), comment=b'{"ome":{"version":"0.4"}}')
    assert info(archive)['rfc9']['versions_agree'] is False
    assert 'they disagree' in info_text(archive)


def test_comment_defect(tmp_path):
    said = info(write(tmp_path / 'x.ozx', image(), comment=b'{"ome":{"version":5}}'))['rfc9']
    assert said['comment_version'] is None and 'version' in said['comment_defect']


@pytest.mark.parametrize('late', [False, True])
@pytest.mark.parametrize('claimed', [False, True])
def test_json_first(tmp_path, late, claimed):
    path = tmp_path / 'x.ozx'
    with zipfile.ZipFile(path, 'w') as archive:
        files = image()
        for name in reversed(files) if late else sorted(files,
                                                        key=lambda n: not n.endswith('zarr.json')):
            data = files[name]
            archive.writestr(name, json.dumps(data) if isinstance(data, dict) else data)
        archive.comment = COMMENT if claimed else b'{"ome":{"version":"0.5"}}'
    said = info(path)['rfc9']
    assert (said['json_first_claimed'], said['json_first_true']) == (claimed, not late)
    assert ('but not true' in info_text(path)) == (claimed and late)


def test_what_shards_save(tmp_path):
    """As many files fewer, and entries of the central directory; of shards that are missing none.
    """
    files = image()
    array = files['0/zarr.json']
    array['shape'] = [*array['shape'][:-2], 100, 90]
    size = len(array['shape']) - 2
    array['chunk_grid']['configuration']['chunk_shape'] = [1] * size + [40, 40]
    array['codecs'] = [{
        'name': 'sharding_indexed', 'configuration': {
            'chunk_shape': [1] * size + [10, 20], 'codecs': [{'name': 'bytes'}],
            'index_codecs': [{'name': 'bytes'}]
        }
    }]
    files = {n: d for n, d in files.items() if not n.startswith('0/c/')}
    names = ['0/c/' + '0/' * size + f'{y}/{x}' for y in range(3) for x in range(3)]
    text = info_text(write(tmp_path / 'x.ozx', {**files, **dict.fromkeys(names, b'x' * 400)}))
    assert '9 shards for up to 50 chunks' in text
    assert 'of central directory' in text
    assert '2 of 9 shards for up to 16 chunks' in info_text(
        write(tmp_path / 'y.ozx', {**files, **dict.fromkeys(names[:2], b'x' * 400)}))


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_duplicates(tmp_path):
    path = write(tmp_path / 'x.ozx', image())
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('0/c/0/0', bytes(1000))
        archive.writestr('0/c/0/0', bytes(10))
        archive.writestr('0/c/0/1', bytes(5000), zipfile.ZIP_DEFLATED)
        deflated = archive.getinfo('0/c/0/1').compress_size
        archive.writestr('0/c/0/1', b'')
    said = info(path)['zip']
    assert said['replaced_entries'] == 4
    assert said['reclaimable_bytes'] == 1024 + 1000 + 1024 + deflated
    assert said['entries'] == said['files'] + 4
    assert '4 entries replaced by later ones' in info_text(path)


def test_compressed(tmp_path):
    files = image()
    path = write(tmp_path / 'x.ozx', files, compression=zipfile.ZIP_DEFLATED)
    said = info(path)
    sizes = {i.filename: i.compress_size for i in zipfile.ZipFile(path).infolist()}
    assert said['zip']['compressed_files'] == len(files)
    assert said['zip']['data_bytes'] == sum(sizes.values()) == said['root']['bytes']
    assert said['root']['multiscales'][0]['levels'][0]['bytes'] == sum(v for n, v in sizes.items()
                                                                       if n.startswith('0/'))
    assert f'{len(files)} compressed' in info_text(path)


def test_missing_chunks_are_told(tmp_path):
    files = image()
    del files['0/c/1/1']
    path = write(tmp_path / 'x.ozx', files)
    level = info(path)['root']['multiscales'][0]['levels'][0]
    assert (level['chunk_files'], level['chunk_keys']) == (3, 4)
    assert '3 of 4 chunks' in info_text(path)


def test_missing_level(tmp_path):
    files = image()
    files['zarr.json'] = group(multiscales=[multiscale(['0', 'nope'])])
    path = write(tmp_path / 'x.ozx', files)
    level = info(path)['root']['multiscales'][0]['levels'][1]
    assert level['missing'] and level['problem'] == 'missing' and 'shape' not in level
    assert 'nope  missing' in info_text(path)
    assert info(path)['root']['missing'] == [{'kind': 'dataset', 'path': 'nope'}]


@pytest.mark.parametrize(
    'files,node,kind,path',
    (({'labels/zarr.json': group(labels=['cells'])}, 'labels', 'label image', 'cells'), ({
        'zarr.json': group(**{'bioformats2raw.layout': 3}),
        'OME/zarr.json': group(series=['0', '1'])
    }, 'OME', 'series image', '1'), ({
        'zarr.json': group(**{'bioformats2raw.layout': 3}),
        'A/zarr.json': group(well={'images': [{'path': '0'}]})
    }, 'A', 'field', '0'),
     ({'zarr.json': group(), 'image/zarr.json': group(multiscales=[multiscale(['gone'])])
       }, 'image', 'dataset', 'gone')))
def test_missing_everywhere(tmp_path, files, node, kind, path):
    archive = write(tmp_path / 'x.ozx', {**image(), **files})
    found = next(n for n in info(archive)['root']['children'] if n['path'] == node)
    assert found['missing'] == [{'kind': kind, 'path': path}]
    assert (f'{path}  missing'
            if kind == 'dataset' else f'missing    {kind} {path}') in info_text(archive)
    assert info(write(tmp_path / 'whole.ozx', image()))['root']['missing'] == []


def test_missing_fields_of_a_plate(tmp_path):
    files = {
        'zarr.json': group(
            plate={
                'rows': [{'name': 'A'}], 'columns': [{'name': '1'}, {'name': '2'}], 'wells': [{
                    'path': 'A/1', 'rowIndex': 0, 'columnIndex': 0
                }, {'path': 'A/2', 'rowIndex': 0, 'columnIndex': 1}]
            }), 'A/1/zarr.json': group(well={'images': [{'path': '0'}, {'path': '1'}]})
    }
    archive = write(tmp_path / 'x.ozx', files)
    root = info(archive)['root']
    assert root['plate']['fields_missing'] == 2 and root['missing'] == [{
        'kind': 'well', 'path': 'A/2'
    }]
    assert '1 well is not in the archive' in info_text(
        archive) and '2 fields are not in the archive' in info_text(archive)


def test_plain_zip(tmp_path):
    said = info(write(tmp_path / 'x.zip', {'a/b.txt': b'hello'}, comment=b''))
    assert (said['root']['kind'], said['root']['children']) == ('plain', [])
    assert said['rfc9']['root_zarr_json'] is False
    assert [w['rule'] for w in said['warnings']] == ['comment', 'no-root']


def test_one_folder_down(tmp_path):
    path = write(tmp_path / 'x.zip', {f'top/{name}': data
                                      for name, data in image().items()}, comment=b'')
    said = info(path)
    assert said['root']['kind'] == 'plain'
    assert [(c['path'], c['kind']) for c in said['root']['children']] == [('top', 'image')]
    assert '--subdir top' in info_text(path)


def test_array_alone(tmp_path):
    said = info(write(tmp_path / 'x.ozx', {'zarr.json': array()}))
    assert (said['root']['kind'], said['root']['shape'],
            said['root']['chunk_keys']) == ('array', [64, 64], 4)


def test_plate_with_missing_wells(tmp_path):
    plate = {
        'rows': [{'name': 'A'}], 'columns': [{'name': '1'}, {'name': '2'}],
        'wells': [{'path': 'A/2', 'rowIndex': 0, 'columnIndex': 1},
                  {'path': 'A/1', 'rowIndex': 0, 'columnIndex': 9}]
    }
    files = {'zarr.json': group(plate=plate), 'A/zarr.json': group(),
             'A/2/zarr.json': group(well={'images': [{'path': '0'}, {'path': '1'}]})}
    files |= {f'A/2/0/{name}': data for name, data in image().items()}
    path = write(tmp_path / 'x.ozx', files)
    told = info(path)['root']['plate']
    assert told['wells'] == [{'path': 'A/1', 'row': 0, 'column': None, 'fields': None},
                             {'path': 'A/2', 'row': 0, 'column': 1, 'fields': 2}]
    assert (told['wells_present'], told['fields']) == (1, 2)
    text = info_text(path)
    assert '1 x 2 (rows x columns), 2 wells, 2 fields' in text
    assert '1 well is not in the archive' in text


# --- the text -------------------------------------------------------------------------------------

def rich_image():
    axes = [{'name': 'c', 'type': 'channel'},
            *({'name': a, 'type': 'space', 'unit': 'micrometer'} for a in 'zyx')]
    files = {
        f's{k}/zarr.json': array([3, 2**(6 - k), 2**(9 - k), 2**(9 - k)], [1, 8, 64, 64])
        for k in range(3)
    }
    datasets = [{
        'path': f's{k}', 'coordinateTransformations': [{
            'type': 'scale', 'scale': [1, 2.0**k, 0.325 * 2**k, 0.325 * 2**k]
        }]
    } for k in range(3)]
    channels = [{'label': f'Überlanger Kanalname {k} 細胞', 'color': '00FF00'} for k in range(9)]
    files['zarr.json'] = group(
        multiscales=[{'name': 'Gewebe 細胞', 'axes': axes, 'datasets': datasets}],
        omero={'channels': channels})
    files['labels/zarr.json'] = group(labels=[f'l{k}' for k in range(30)])
    for k in range(30):
        files |= {
            f'labels/l{k:02}/{name}': data
            for name, data in image(**{'image-label': {}}).items()
        }
    return files


@pytest.mark.parametrize('columns', [20, 40, 60, 80, 132])
def test_text_fits_the_terminal(tmp_path, columns):
    path = write(tmp_path / 'x.ozx', rich_image())
    status, text = on_terminal('info', path, columns=columns)
    assert status == 0
    lines = ESCAPES.sub('', text).split('\n')
    assert max(map(width, lines)) <= columns or columns == 20
    if columns == 80:
        assert len(lines) <= 24 + 6, 'one screen'


def test_text_tells_it_all(tmp_path):
    text = info_text(write(tmp_path / 'x.ozx', rich_image()))
    for wanted in ("image 'Gewebe 細胞'", 'z (micrometer)', 'uint8', 'chunks 1 x 8 x 64 x 64',
                   '3 x 64 x 512 x 512', '#00FF00', 'pixels 1 x 0.325 x 0.325 µm',
                   '64 x 166.4 x 166.4 µm', 'label image', 'and 27 more'):
        assert wanted in text, wanted


def test_many_of_a_kind_stay_one_screen(tmp_path):
    files = {'zarr.json': group()}
    for k in range(500):
        files |= {
            f'image{k:03}/{name}': data
            for name, data in image().items()
            if name.endswith('.json')
        }
    path = write(tmp_path / 'x.ozx', files)
    assert len(info(path)['root']['children']) == 500
    assert len(info_text(path).split('\n')) < 30
    assert 'and 491 more' in info_text(path)


def test_colour_only_on_a_terminal(tmp_path):
    path = write(tmp_path / 'x.ozx', image())
    assert '\033' not in info_text(path, TERM='xterm')
    assert '\033[' in on_terminal('info', path)[1]
    assert '\033' not in on_terminal('info', path, NO_COLOR='1')[1]
    assert '\033' not in on_terminal('info', path, TERM='dumb')[1]


def test_ascii_without_utf8(tmp_path):
    text = info_text(write(tmp_path / 'x.ozx', image()), LC_ALL='C')
    assert text.isascii() and '`- 0' in text and 'um' in text


# --- metadata that means no good ------------------------------------------------------------------

def survives(tmp_path, files, **options):
    """Both outputs come, the text without anything that a terminal acts on; gives the JSON."""
    path = write(tmp_path / 'x.ozx', files, **options)
    text = info_text(path)
    assert all(c == '\n' or unicodedata.category(c) != 'Cc' for c in text)
    return info(path)


def of_root(**changes):
    return {'zarr.json': {'zarr_format': 3, 'node_type': 'group', **changes}}


WRONG = [
    None, True, 0, -1, 1.5, 2**63, 1e308, '', 'x', '\033[2J\n\r\t\x9b', [], [[]], [None], {},
    {'a': {}}, [{}], ['a', 1], 'ä' * 5000
]


@pytest.mark.parametrize('wrong', sampled(WRONG, 3), ids=lambda w: repr(w)[:20])
@pytest.mark.parametrize('place', [
    'attributes', 'attributes.ome', 'attributes.ome.version', 'attributes.ome.multiscales',
    'attributes.ome.multiscales.0', 'attributes.ome.multiscales.0.name',
    'attributes.ome.multiscales.0.axes', 'attributes.ome.multiscales.0.axes.0',
    'attributes.ome.multiscales.0.axes.0.name', 'attributes.ome.multiscales.0.axes.0.unit',
    'attributes.ome.multiscales.0.datasets', 'attributes.ome.multiscales.0.datasets.0',
    'attributes.ome.multiscales.0.datasets.0.path',
    'attributes.ome.multiscales.0.datasets.0.coordinateTransformations',
    'attributes.ome.multiscales.0.datasets.0.coordinateTransformations.0',
    'attributes.ome.multiscales.0.datasets.0.coordinateTransformations.0.scale',
    'attributes.ome.omero', 'attributes.ome.omero.channels', 'attributes.ome.plate',
    'attributes.ome.well', 'attributes.ome.labels', 'attributes.ome.bioformats2raw.layout',
    'attributes.ome.series', 'node_type', 'zarr_format'
])
def test_wrong_value_in_group(tmp_path, place, wrong):
    files = image(omero={'channels': []})
    put(files['zarr.json'], place, wrong)
    survives(tmp_path, files)


@pytest.mark.parametrize('wrong', sampled(WRONG, 3), ids=lambda w: repr(w)[:20])
@pytest.mark.parametrize('place', [
    'shape', 'shape.0', 'data_type', 'fill_value', 'chunk_grid', 'chunk_grid.name',
    'chunk_grid.configuration', 'chunk_grid.configuration.chunk_shape',
    'chunk_grid.configuration.chunk_shape.0', 'chunk_key_encoding', 'chunk_key_encoding.name',
    'chunk_key_encoding.configuration', 'chunk_key_encoding.configuration.separator', 'codecs',
    'codecs.0', 'codecs.0.name', 'codecs.0.configuration', 'codecs.0.configuration.chunk_shape',
    'codecs.0.configuration.codecs', 'codecs.0.configuration.index_codecs',
    'codecs.0.configuration.index_location', 'dimension_names'
])
def test_wrong_value_in_array(tmp_path, place, wrong):
    files = image()
    sharding = {
        'name': 'sharding_indexed', 'configuration': {
            'chunk_shape': [16, 16], 'codecs': [{'name': 'bytes'}],
            'index_codecs': [{'name': 'bytes'}, {'name': 'crc32c'}], 'index_location': 'end'
        }
    }
    files['0/zarr.json'] = array(codecs=[sharding])
    put(files['0/zarr.json'], place, wrong)
    survives(tmp_path, files)


def put(tree, place, value):
    *way, last = [k for k in re.split(r'(?<!bioformats2raw)\.', place)]
    for key in way:
        tree = tree[int(key) if isinstance(tree, list) else key]
    tree[int(last) if isinstance(tree, list) else last] = value


@pytest.mark.parametrize('text, why', [(b'', 'not JSON'), (b'{', 'not JSON'),
                                       (b'[1]', 'not a JSON object'),
                                       (b'{"a": NaN}', 'zarr_format is missing'),
                                       (b'{"a": "\xff"}', 'not JSON'), (b'{"a": nan}', 'not JSON'),
                                       (b'[' * 100000, 'cut off'), (b'{"a":' * 5000, 'cut off'),
                                       (b'\x00' * 100, 'not JSON'),
                                       (b'\xef\xbb\xbf{}', 'zarr_format is missing'),
                                       (b'{}x', 'follows its end')], ids=lambda v: repr(v)[:20])
def test_unreadable_root(tmp_path, text, why):
    said = survives(tmp_path, {'zarr.json': text, 'c/0': b''})
    assert said['root']['kind'] == 'unreadable'
    assert why in said['root']['problem']


def test_huge_metadata_is_not_read(tmp_path):
    """65 MiB of blanks, compressed to nothing."""
    said = survives(tmp_path, {'zarr.json': b' ' * (65 << 20)}, compression=zipfile.ZIP_DEFLATED)
    assert 'larger than 64 MiB' in said['root']['problem']


def test_too_many_values(tmp_path):
    said = survives(tmp_path, {'zarr.json': b'[' + b'{},' * (5 << 20) + b'{}]'})
    assert 'too many values' in said['root']['problem']


def test_big_integers(tmp_path):
    """Above 2^63 jansson has no integers; a fill value may need them, a shape may not."""
    files = image()
    files['0/zarr.json'] = array(data_type='uint64', fill_value=2**64 - 1)
    level = survives(tmp_path, files)['root']['multiscales'][0]['levels'][0]
    assert level['shape'] == [64, 64] and level['problem'] is None
    files['0/zarr.json'] = array([2**63, 1])
    assert survives(tmp_path, files)['root']['multiscales'][0]['levels'][0]['shape'] is None


def test_grid_larger_than_numbers(tmp_path):
    files = image()
    files['0/zarr.json'] = array([2**62, 2**62], [1, 1])
    assert survives(tmp_path, files)['root']['multiscales'][0]['levels'][0]['chunk_keys'] is None


@pytest.mark.parametrize('path', [
    '..', '.', '', '/', '../..', '0/..', '/0', '0/zarr.json', '0/c', 'labels/../0', '0//', 'a' * 300
])
def test_level_paths_lead_nowhere_else(tmp_path, path):
    files = image()
    files['zarr.json'] = group(multiscales=[multiscale([path])])
    survives(tmp_path, files)


def test_plate_whose_field_is_itself(tmp_path):
    files = {
        'zarr.json': group(
            plate={
                'rows': [{'name': 'A'}], 'columns': [{'name': '1'}],
                'wells': [{'path': 'A/1', 'rowIndex': 0, 'columnIndex': 0}] * 50
            }), 'A/1/zarr.json': group(well={'images': [{'path': '../..'}]})
    }
    survives(tmp_path, files)


def test_nodes_are_bounded(tmp_path):
    """A level named 20,000 times, which would be parsed 20,000 times."""
    files = image()
    files['zarr.json'] = group(multiscales=[multiscale(['0'] * 1000) for _ in range(20)])
    said = survives(tmp_path, files)
    assert said['omitted'] > 9000


def test_deep_tree(tmp_path):
    files = {'zarr.json': group()}
    for depth in range(1, 200):
        files['a/' * depth + 'zarr.json'] = group()
    assert survives(tmp_path, files)['omitted'] > 0


def test_control_characters_are_escaped(tmp_path):
    evil = 'x\033]0;owned\007\n\r\x9b31m'
    files = image(omero={'channels': [{'label': evil, 'color': 'FF0000'}]})
    files['zarr.json']['attributes']['ome']['multiscales'][0] |= {'name': evil}
    files['zarr.json']['attributes']['ome']['multiscales'][0]['axes'][0] |= {
        'name': evil, 'unit': evil
    }
    files['0/zarr.json'] = array(data_type=evil, codecs=[{'name': evil}])
    said = survives(tmp_path, files)
    assert said['root']['channels'][0]['label'] == evil  # JSON has its own escapes
    assert '\\x1B]0;owned\\x07\\n\\r' in info_text(tmp_path / 'x.ozx')


def test_defects_are_told(tmp_path):
    files = image()
    del files['zarr.json']['attributes']['ome']['multiscales'][0]['axes']
    path = write(tmp_path / 'x.ozx', files)
    assert {'part': 'ome', 'where': 'attributes.ome.multiscales[0].axes',
            'text': 'is missing'} in info(path)['root']['defects']
    assert 'attributes.ome.multiscales[0].axes is missing' in info_text(path)


# --- the command line -----------------------------------------------------------------------------

@pytest.mark.parametrize('arguments, status', [([], 64), (['--nope', 'a'], 64),
                                               (['/nonexistent/x.ozx'], 66), (['/'], 66),
                                               (['/dev/null'], 66), (['--help'], 0)])
def test_command_line(arguments, status):
    done = run('info', *arguments)
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == (0 if status == 0 else 1)


def test_refused_archive(tmp_path):
    (tmp_path / 'x.ozx').write_bytes(b'no ZIP at all')
    done = run('info', tmp_path / 'x.ozx')
    assert done.returncode == 2 and done.stdout == '' and 'no-end' in done.stderr


def test_file_name_that_is_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b'/\xff\033.ozx'
    write(os.fsdecode(path), image())
    done = run('info', '--json', os.fsdecode(path))
    assert json.loads(done.stdout)['file'] is None
    assert '\\xFF\\x1B.ozx' in run('info', os.fsdecode(path)).stdout
