# SPDX-License-Identifier: BSD-2-Clause
"""Metadata that is not quite JSON: packed byte for byte with a warning, or refused; the same at the
root, in a group, in an array and in the archive comment, and in every verb. What nobody looks at is
checked and costs nothing; what is hidden behind escapes is found."""
import json
import os
import zipfile

import pytest

from kit.info import info, info_text
from kit.launch import SANITIZED, run_text as run, sampled
from kit.verify import rules_of, verify

from corpus.json_texts import ARRAY, FINE, REFUSED, TAKEN, text

AXES = [{'name': n, 'type': 'space'} for n in 'yx']
IMAGE = {
    'zarr_format': 3, 'node_type': 'group', 'attributes': {
        'x': 1, 'ome': {
            'version': '0.5', 'multiscales': [{
                'name': 'i', 'axes': AXES, 'datasets': [{
                    'path': 's0',
                    'coordinateTransformations': [{'type': 'scale', 'scale': [.5, .5]}]
                }]
            }]
        }
    }
}
GROUP = {'zarr_format': 3, 'node_type': 'group', 'attributes': {'x': 1}}
PLACES = ('zarr.json', 'tables/zarr.json', 's0/zarr.json')


def tree(root, changes=None, texts=None):
    """An image with an array and a group, after each path's change."""
    files = {
        'zarr.json': text(IMAGE), 'tables/zarr.json': text(GROUP), 's0/zarr.json': text(ARRAY),
        's0/c/0/0': bytes(64), **(texts or {})
    }
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes((changes or {}).get(path, lambda t: t)(data))
    return root


def stored(root, out):
    """As no packer would judge it."""
    with zipfile.ZipFile(out, 'w') as z:
        z.comment = b'{"ome":{"version":"0.5"}}'
        for path in ('zarr.json', 's0/zarr.json', 'tables/zarr.json', 's0/c/0/0'):
            z.write(root / path, path)
    return out


def findings(archive):
    """[(rule, verdict, entry, text)] of the rules about metadata that cannot be read."""
    _, report = verify(archive)
    return [(rule, f['verdict'], f['entry'], f['text'])
            for rule in ('root-zarr-json', 'zarr-json')
            for f in rules_of(report)[rule]['findings']]


@pytest.mark.parametrize('place', sampled(PLACES, 3))
@pytest.mark.parametrize('name', TAKEN)
def test_taken(tmp_path, name, place):
    change, said, _ = TAKEN[name]
    root, out = tree(tmp_path / 'in', {place: change}), tmp_path / 'o.ozx'
    for command in (['pack', root, out], ['pack', '-n',
                                          root], ['pack', '-f', '--ome-version', '0.5', root,
                                                  out], ['repack', '-f', out, tmp_path / 'r.ozx']):
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count(
            '\n') == 1 and f"warning: '{place}': " in done.stderr and said in done.stderr, (
                command, done.stderr)
    for archive in (out, tmp_path / 'r.ozx'):
        with zipfile.ZipFile(archive) as z:
            assert z.read(place) == (root / place).read_bytes()
        (rule, verdict, entry, words), = findings(archive)
        assert (rule, verdict, entry) == ('zarr-json', 'warn', place) and said in words
        assert run('verify', '--strict', archive).returncode == 1
    root_node = info(out)['root']
    assert root_node['kind'] == 'image' and root_node['ome_version'] == '0.5'
    level = root_node['multiscales'][0]['levels'][0]
    assert level['shape'] == [4, 4] and level['scale'] == [.5, .5]
    told = {
        'zarr.json': root_node, 's0/zarr.json': level, 'tables/zarr.json': root_node['children'][0]
    }
    assert {p: [said in d['text']
                for d in told[p]['defects']]
            for p in PLACES} == {p: [True] if p == place else []
                                 for p in PLACES}
    assert said in info_text(out)


@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize('name', FINE)
def test_fine(tmp_path, name, place):
    root, out = tree(tmp_path / 'in', {place: FINE[name]}), tmp_path / 'o.ozx'
    done = run('pack', root, out)
    assert (done.returncode, done.stderr) == (0, '')
    assert findings(out) == []


@pytest.mark.parametrize('place', sampled(PLACES, 2))
@pytest.mark.parametrize('name', REFUSED)
def test_refused(tmp_path, name, place):
    change, said = REFUSED[name]
    root, out = tree(tmp_path / 'in', {place: change}), tmp_path / 'o.ozx'
    archive = stored(root, tmp_path / 'z.ozx')
    for command in (['pack', root, out], ['pack', '-n',
                                          root], ['pack', '--ome-version', '0.5', root,
                                                  out], ['repack', archive, out]):
        done = run(*command)
        assert done.returncode == 2 and not out.exists(), (command, done.stderr)
        assert done.stderr.count(
            '\n') == 1 and said in done.stderr and 'zarr.json' in done.stderr, done.stderr
        assert 'JSON' in done.stderr
    (rule, verdict, entry, words), = findings(archive)
    assert (rule, verdict, entry) == ('root-zarr-json' if place == 'zarr.json' else 'zarr-json',
                                      'fail', place) and said in words
    assert run('verify', archive).returncode == 2
    assert said in info_text(archive)


def test_one_line_for_each_kind(tmp_path):
    nan = TAKEN['nan'][0]
    root = tree(tmp_path / 'in',
                dict.fromkeys(PLACES, lambda t: nan(t).replace(b'NaN', b'[NaN, NaN]')))
    done = run('pack', root, tmp_path / 'o.ozx')
    assert done.stderr.count(
        '\n'
    ) == 1 and 'and 1 more' in done.stderr and 'and 2 more files' in done.stderr, done.stderr


def test_place(tmp_path):
    """Lines and columns are those of the file, in front of and behind what is left out."""
    document = (b'{"zarr_format": 3,\n"x": [\n1, 2],\n"node_type": "group",\n "attributes": {\n'
                b'  "ome": {"version": "0.5", "name": NaN}}}')
    done = run('pack', tree(tmp_path / 'in', texts={'tables/zarr.json': document}),
               tmp_path / 'o.ozx')
    assert '(line 6, column 37)' in done.stderr, done.stderr


# --- what matters, in odd clothes -----------------------------------------------------------------

def test_fill_value(tmp_path):
    """A bare NaN is what the text "NaN" would be, and a defect."""
    root, out = tree(
        tmp_path / 'in',
        {'s0/zarr.json': lambda t: t.replace(b'"fill_value": 0.5', b'"fill_value": NaN')
         }), tmp_path / 'o.ozx'
    assert run('pack', root, out).returncode == 0
    assert info(out)['root']['multiscales'][0]['levels'][0]['fill_value'] == '"NaN"'
    assert [f[3] for f in findings(out)] == [
        'NaN is not JSON: tensorstore, zarrs and zarrita.js refuse it (line 24, column 16)'
    ]


@pytest.mark.parametrize('escape', (b'\\u0000', b'\\ud800'))
def test_path_with_what_no_path_has(tmp_path, escape):
    """"s0\\u0000x" is not s0, nor anything else."""
    root = tree(tmp_path / 'in',
                {'zarr.json': lambda t: t.replace(b'"path": "s0"', b'"path": "s0%bx"' % escape)})
    out = stored(root, tmp_path / 'o.ozx')
    _, report = verify(out)
    assert rules_of(report)['ome-path']['count'] == 1
    assert info(out)['root']['multiscales'][0]['levels'][0].get('shape') is None


@pytest.mark.parametrize('old, new', ((b'"node_type": "array"', b'"node_type": "array\\u0000"'),
                                      (b'"node_type"', b'"node_type\\u0000"')))
def test_nul_in_what_matters(tmp_path, old, new):
    root = tree(tmp_path / 'in', {'s0/zarr.json': lambda t: t.replace(old, new)})
    # the NUL, and what it makes of the field
    assert len(findings(stored(root, tmp_path / 'o.ozx'))) == 2


def test_version_with_nul(tmp_path):
    root = tree(tmp_path / 'in',
                {'zarr.json': lambda t: t.replace(b'"version": "0.5"', b'"version": "0.5\\u0000"')})
    assert run('pack', root, tmp_path / 'o.ozx').returncode == 2
    assert run('pack', '--ome-version', '0.5', root, tmp_path / 'o.ozx').returncode == 0


def test_keys_behind_escapes(tmp_path):
    def escape(t):
        return t.replace(b'multiscales', b'm\\u0075ltiscales').replace(
            b'datasets', b'datase\\u0074s').replace(b'"ome"', b'"\\u006f\\u006D\\u0065"')
    out = tmp_path / 'o.ozx'
    assert run('pack', tree(tmp_path / 'in', {'zarr.json': escape}), out).stderr == ''
    assert info(out)['root']['multiscales'][0]['levels'][0]['shape'] == [4, 4]


def test_v2_attributes(tmp_path):
    """NaN in a .zattrs is as common as Zarr v2."""
    attributes = json.dumps({
        'multiscales': [{
            'version': '0.4', 'axes': AXES, 'datasets': [{
                'path': '0', 'coordinateTransformations': [{'type': 'scale', 'scale': [1, 1]}]
            }]
        }], 'mean': float('nan')
    })
    out = tmp_path / 'o.zip'
    with zipfile.ZipFile(out, 'w') as z:
        z.writestr('.zgroup', '{"zarr_format": 2}')
        z.writestr('.zattrs', attributes)
        z.writestr(
            '0/.zarray',
            '{"zarr_format": 2, "shape": [4, 4], "chunks": [4, 4], "dtype": "<f4", "order": "C", '
            '"fill_value": NaN, "compressor": null, "filters": null}'
        )
    root = info(out)['root']
    assert root['kind'] == 'image' and [d['text'].split(':')[0]
                                        for d in root['defects']] == ['NaN is not JSON']
    assert '.zattrs, line 1' in root['defects'][0]['text']
    assert root['multiscales'][0]['levels'][0]['fill_value'] == '"NaN"'


# --- much of it -----------------------------------------------------------------------------------

RECORD = {
    't': 1, 'c': 0, 'z': 3, 'exposure_ms': 10.0, 'delta_t_ms': 12.5, 'camera': 'Camera',
    'channel': 'DAPI', 'position': 'p0'
}
MUCH = {
    'frames': lambda d: d['attributes'].update(frame_meta=[RECORD] * 200_000),
    'frames_in_ome': lambda d: d['attributes']['ome'].update(frame_meta=[RECORD] * 200_000),
    'frames_at_root': lambda d: d.update(
        frame_meta={'must_understand': False, 'frames': [RECORD] * 200_000}),
    'frames_by_name': lambda d: d['attributes'].update(
        {f'frame {i}': RECORD
         for i in range(200_000)}),
    'colors': lambda d: d['attributes']['ome'].update({
        'image-label': {
            'colors': [{'label-value': i, 'rgba': [i % 256, 1, 2, 255]}
                       for i in range(200_000)], 'properties': [{'label-value': i, 'area': i / 2}
                                                                for i in range(200_000)]
        }
    }),
    'omero': lambda d: d['attributes']['ome'].update(
        omero={
            'channels': [{
                'label': 'a', 'color': '00ff00', 'window': {'lut': list(range(1_000_000))}
            }], 'rdefs': [RECORD] * 50_000
        }),
    'lists': lambda d: d['attributes'].update(x=[[]] * 4_000_000),
    'objects': lambda d: d['attributes'].update(x=[{}] * 4_000_000),
}
MUCH_PLACES = ('zarr.json', ) if SANITIZED else ('zarr.json', 'tables/zarr.json')


@pytest.mark.parametrize('place', MUCH_PLACES)
@pytest.mark.parametrize('name', MUCH)
def test_much(tmp_path, name, place):
    document = json.loads(text(IMAGE if place == 'zarr.json' else GROUP))
    document['attributes'].setdefault('ome', {'version': '0.5'})
    MUCH[name](document)
    root, out = tree(tmp_path / 'in',
                     texts={place: json.dumps(document).encode()}), tmp_path / 'o.ozx'
    assert 5 << 20 < os.path.getsize(root / place) < 64 << 20
    for command in (['pack', root, out], ['repack', out, tmp_path / 'r.ozx']):
        done = run(*command)
        assert (done.returncode, done.stderr) == (0, '')
    assert [f for f in findings(out) if 'rgba' not in f[3]] == []
    level = info(out)['root']['multiscales'][0]['levels'][0]
    assert level['shape'] == [4, 4] and info(out)['root']['problem'] is None


# --- the archive comment --------------------------------------------------------------------------

COMMENT = b'{"ome": {"version": "0.5"}, "attributes": {"x": 1}}'


@pytest.mark.parametrize('name', TAKEN)
def test_comment(tmp_path, name):
    """Read round, with the same words."""
    change, said, _ = TAKEN[name]
    comment = change(COMMENT)
    if comment == COMMENT or len(comment) > 65535 or name == 'nan_as_fill_value':
        pytest.skip('about a zarr.json only')
    out = stored(tree(tmp_path / 'in'), tmp_path / 'o.ozx')
    with zipfile.ZipFile(out, 'a') as z:
        z.comment = comment
    assert said in info(out)['rfc9']['comment_defect'] and info(
        out)['rfc9']['comment_version'] == '0.5'
    _, report = verify(out)
    assert rules_of(report)['comment']['verdict'] == 'warn' and said in rules_of(
        report)['comment']['findings'][0]['text']


@pytest.mark.parametrize('name', REFUSED)
def test_comment_that_is_none(tmp_path, name):
    change, said = REFUSED[name]
    if name == 'empty':
        pytest.skip('then there is none')
    out = stored(tree(tmp_path / 'in'), tmp_path / 'o.ozx')
    with zipfile.ZipFile(out, 'a') as z:
        z.comment = change(COMMENT)
    said = 'not an object' if name == 'list' else said
    assert said in info(out)['rfc9']['comment_defect'] and info(
        out)['rfc9']['comment_version'] is None
