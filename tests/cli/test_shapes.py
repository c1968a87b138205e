# SPDX-License-Identifier: BSD-2-Clause
"""What --json prints has the shape that the manual pages document (kit/shape.py), whatever is in
the archive: every archive of the corpus, and metadata in which each field in turn is something odd.
"""
import copy
import json
import os

import pytest

from kit import shape
from kit.info import array, group, image, multiscale, write
from kit.launch import LONG, run

from corpus import RECIPES

MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'man')
SMALL = sorted(r.name for r in RECIPES.values() if not r.large)
VERBS = {'info': (), 'ls': ('-R',), 'verify': ()}


def objects(text):
    """JSON values one after the other."""
    decoder, at, text = json.JSONDecoder(), 0, text.strip()
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        at = len(text) - len(text[at:].lstrip())


def printed(verb, *arguments):
    """What a verb printed, each object of the right shape."""
    done = run(verb, '--json', *arguments)
    assert not done.returncode & ~3, done.stderr
    values = list(objects(done.stdout.decode()))
    for value in values:
        shape.check(value, shape.SHAPES[verb])
    return values, done.stderr.decode()


@pytest.mark.parametrize('verb', sorted(shape.SHAPES))
def test_manual(verb):
    """Each field of the shape is in the page."""
    with open(os.path.join(MANUAL, f'ozxfs-{verb}.1'), encoding='utf-8') as file:
        words = set(file.read().replace(',', ' ').split())
    assert shape.keys(shape.SHAPES[verb]) <= words


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
    """Every archive; every fourth in the short form."""
    folder = tmp_path_factory.mktemp('corpus')
    for name in SMALL[::1 if LONG else 4]:
        RECIPES[name].build().write(folder / f'{name}.ozx')
    return sorted(folder.iterdir())


@pytest.mark.parametrize('verb', VERBS)
def test_corpus(corpus, verb):
    """Each archive is an object, or in that verb a line that says why there is none."""
    values, told = printed(verb, *VERBS[verb], *corpus)
    if verb == 'verify':
        assert [file['file'] for file in values[0]['files']] == list(map(str, corpus))
        return
    shown = [value['file'] for value in values]
    assert shown == [str(path) for path in corpus if str(path) in shown]
    refused = {str(path) for path in corpus} - set(shown)
    assert refused and all(f'ozxfs: {path}: ' in told for path in refused)


# --- odd metadata ---------------------------------------------------------------------------------

ODD = (None, True, -1, 0, -2**63, 2**63, 2**64, 10**40, 1.5, 1e308, float('nan'), float('inf'), '',
       'a\0b', '\ud800', '\u202e', '\U0001f600' * 300, [], {}, [[]], ['a'])
PLATE = {
    'name': 'p', 'rows': [{'name': 'A'}], 'columns': [{'name': '1'}],
    'wells': [{'path': 'A/1', 'rowIndex': 0, 'columnIndex': 0}], 'field_count': 1,
    'acquisitions': [{'id': 1}]
}
SCENE = {
    'coordinateSystems': [{'name': 'w', 'axes': []}], 'coordinateTransformations': [{
        'type': 'identity', 'input': {'path': '0', 'name': 'p'}, 'output': {'name': 'w'}
    }]
}
NODES = {
    'image': group(
        multiscales=[multiscale(name='m', type='t')],
        omero={'channels': [{'label': 'a', 'color': '00FF00', 'active': True}]},
        **{'image-label': {'colors': [{'label-value': 1, 'rgba': [1, 2, 3, 4]}]}}),
    'plate': group(plate=PLATE), 'well': group(well={'images': [{'path': '0', 'acquisition': 0}]}),
    'labels': group(labels=['a']), 'series': group(series=['0']),
    'layout': group(**{'bioformats2raw.layout': 3}), 'scene': group(scene=SCENE),
    'array': array(dimension_names=['y', 'x'])
}


def places(value, way=()):
    """The keys that lead to each value in a JSON value."""
    if way:
        yield way
    items = value.items() if isinstance(value, dict) else enumerate(
        value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*way, key))


def changed(value, way, odd):
    value = copy.deepcopy(value)
    at = value
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = odd
    return value


@pytest.fixture(scope='module')
def odd_archive(tmp_path_factory):
    """A node for each field and each odd value of it, and an array below."""
    files = {'zarr.json': group()}
    for name, node in NODES.items():
        for place, way in enumerate(places(node)):
            for number, odd in enumerate(ODD):
                at = f'{name}-{place}-{number}'
                files[f'{at}/zarr.json'] = changed(node, way, odd)
                if name == 'image' and not number % 4:
                    files[f'{at}/0/zarr.json'] = array()
    return write(tmp_path_factory.mktemp('odd') / 'x.ozx', files), len(files)


@pytest.mark.parametrize('verb', VERBS)
def test_odd_metadata(odd_archive, verb):
    path, count = odd_archive
    values, told = printed(verb, *VERBS[verb], path)
    assert len(values) == 1 and not told
    if verb == 'info':
        kinds = {child['kind'] for child in values[0]['root']['children']}
        assert {'image', 'plate', 'well', 'labels', 'scene', 'array', 'unreadable'} <= kinds
        assert values[0]['omitted'] == 0 and len(values[0]['root']['children']) > count / 2


def test_unknown_format(tmp_path):
    """Neither 2 nor 3: null, and no number of ozxfs's own."""
    files = {'zarr.json': group(), 'a/zarr.json': {**group(), 'zarr_format': 4}}
    (value,), _ = printed('info', write(tmp_path / 'x.ozx', files))
    assert value['root']['zarr_format'] == 3
    assert value['root']['children'][0]['zarr_format'] is None


# --- names ----------------------------------------------------------------------------------------

def test_names(tmp_path):
    """A file's name that is not UTF-8 is null; others are what they are."""
    for name in (b'a\xff.ozx', b'a\x1b[31m\n\\xFF.ozx', '\u202e\ue000\U0001f600.ozx'.encode()):
        path = os.path.join(os.fsencode(tmp_path), name)
        write(os.fsdecode(path), image())
        for verb, options in VERBS.items():
            done = run(verb, '--json', *options, os.fsdecode(path))
            value = json.loads(done.stdout)
            shape.check(value, shape.SHAPES[verb])
            said = value['files'][0]['file'] if verb == 'verify' else value['file']
            assert said == (None if b'\xff' in name else path.decode())


def test_pack(tmp_path):
    tree = tmp_path / 'in'
    for name, data in image().items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    for arguments in (('-n', tree), (tree, tmp_path / 'x.ozx')):
        (value,), _ = printed('pack', *arguments)
        assert value['input'] == str(tree) and value['files'] == 6
    assert printed('ls', tmp_path / 'x.ozx')[0][0]['entries']
