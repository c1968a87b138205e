# SPDX-License-Identifier: BSD-2-Clause
"""`pack --thumbnail`: the picture that is packed is that of the archive, and nothing else
changes."""
import copy
import gzip
import io
import json
import os
import subprocess
import zipfile

import pytest

from images import image, random, zarr
from kit.info import OZXFS
from rendering import CODECS, Image, needs_png, numpy, picture, render, run

pytestmark = [needs_png, pytest.mark.filterwarnings('ignore')]
DATA = random(3, 300, 400)
UUID = '38a1d2ca-5f40-4ee2-b4d5-5e87bfeb7549'
OURS = {'width': 256, 'height': 192, 'media_type': 'image/png', 'uri': 'thumbnail.png'}


def pack(folder, *options, status=0):
    out = folder.parent / 'x.ozx'
    done = run('pack', '-f', '--thumbnail', *options, folder, out)
    assert done.returncode == status, done
    assert status or not done.stderr, done
    return out if not status else done.stderr


def entries(archive):
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def thumbnail(archive):
    return numpy.array(Image.open(io.BytesIO(entries(archive)['thumbnail.png']))).astype(int)


@pytest.fixture
def folder(tmp_path):
    image(tmp_path / 's', [DATA, DATA[:, ::2, ::2]])
    return tmp_path / 's'


def test_picture_is_packed(folder):
    plain = folder.parent / 'plain.ozx'
    assert run('pack', folder, plain).returncode == 0
    archive = pack(folder)
    expected = render(list(DATA))
    assert numpy.abs(thumbnail(archive) - expected).max() <= 1
    assert (picture(archive) == thumbnail(archive)).all()
    assert (picture(archive, '--no-embedded') == thumbnail(archive)).all()
    packed, before = entries(archive), entries(plain)
    assert list(packed) == [*before, 'thumbnail.png']
    root, text = json.loads(packed['zarr.json']), before['zarr.json'].decode()
    assert root['attributes'].pop('thumbnails') == [OURS]
    (convention, ) = root['attributes'].pop('zarr_conventions')
    assert convention['uuid'] == UUID and convention['name'] == 'thumbnails'
    assert root == json.loads(text)
    start, end = packed['zarr.json'].decode().split('"zarr_conventions"')[0], text[-100:]
    assert text.startswith(start) and packed['zarr.json'].decode().endswith(end)
    del packed['zarr.json'], packed['thumbnail.png'], before['zarr.json']
    assert packed == before
    assert run('verify', '-q', archive).returncode == 0
    assert (zarr.open_group(folder, mode='r')['0'][...] == DATA).all()


def test_same_bytes_every_time(folder):
    first = pack(folder, '-j', '1').read_bytes()
    assert pack(folder, '-j', '8').read_bytes() == first
    done = subprocess.run([OZXFS, 'pack', '--thumbnail', folder, '-'], capture_output=True,
                          check=False)
    assert done.returncode == 0 and done.stdout == first
    done = run('pack', '-n', '--thumbnail', folder)
    assert done.returncode == 0 and 'thumbnail.png' in done.stdout, done


def test_packed_again(folder):
    """What was unpacked has its picture already, and there is nothing to say of that."""
    archive = pack(folder)
    first = archive.read_bytes()
    assert run('unpack', archive, folder.parent / 'again').returncode == 0
    assert pack(folder.parent / 'again').read_bytes() == first
    done = run('pack', '-f', folder.parent / 'again', archive)
    assert (done.returncode, done.stderr, archive.read_bytes()) == (0, '', first)


def test_with_shards_and_converted(folder):
    expected = render(list(DATA))
    archive = pack(folder, '--shard')
    assert numpy.abs(thumbnail(archive) - expected).max() <= 1
    assert len(entries(archive)) < 10
    v2 = folder.parent / 'v2'
    zarr.create_group(v2, zarr_format=2, attributes={'multiscales': [{
        'version': '0.4', 'axes': [{'name': n, 'type': 'space'} for n in 'yx'], 'datasets': [{
            'path': '0', 'coordinateTransformations': [{'type': 'scale', 'scale': [1.0, 1.0]}]}]}]})
    zarr.create_array(v2, name='0', shape=DATA.shape[1:], chunks=(200, 200), dtype='uint16',
                      zarr_format=2, compressors=None)[...] = DATA[0]
    archive = pack(v2, '--convert')
    assert numpy.abs(thumbnail(archive) - render([DATA[0]])).max() <= 1
    assert json.loads(entries(archive)['zarr.json'])['attributes']['thumbnails'] == [OURS]


def array_of(folder):
    array = zarr.create_array(folder, shape=DATA.shape[1:], chunks=(300, 400), dtype='uint16',
                              compressors=None)
    array[...] = DATA[0]


ATTRIBUTES = {
    'none': None, 'empty': {}, 'spaced': {'thumbnails': [], 'zarr_conventions': []},
    'others': {'thumbnails': [{'uri': 'a'}, 7], 'zarr_conventions': [{'uuid': 'x'}]},
    'ours': {'zarr_conventions': [{'uuid': 'x'}, {'uuid': UUID}]}, 'small': {'thumbnails': [
        dict(OURS, width=9, height=9)]},
}


@pytest.mark.parametrize('case', ATTRIBUTES)
@pytest.mark.parametrize('indent', [None, 3])
def test_attributes_that_are_there(tmp_path, case, indent):
    folder = tmp_path / 's'
    array_of(folder)
    node, before = folder / 'zarr.json', copy.deepcopy(ATTRIBUTES[case])
    root = json.loads(node.read_text())
    del root['attributes']
    if before is not None:
        root['attributes'] = before
    text = json.dumps(root, indent=indent)
    node.write_text(text.replace('[]', '[ \n ]') if case == 'spaced' else text)
    after = json.loads(entries(pack(folder, '--ome-version', '0.5'))['zarr.json'])
    had = dict(before or {})
    attributes = after.pop('attributes')
    root.pop('attributes', None)
    assert after == root
    assert attributes.pop('thumbnails') == [OURS, *had.pop('thumbnails', [])]
    conventions, known = attributes.pop('zarr_conventions'), had.pop('zarr_conventions', [])
    assert conventions[len(conventions) - len(known):] == known
    assert [c['uuid'] for c in conventions].count(UUID) == 1
    assert attributes == had


def test_picture_that_is_there_stays(folder):
    node = folder / 'zarr.json'
    root = json.loads(node.read_text())
    root['attributes']['thumbnails'] = [dict(OURS, uri='mine.png')]
    node.write_text(json.dumps(root))
    (folder / 'mine.png').write_bytes(b'mine')
    done = run('pack', '--thumbnail', '-q', folder, folder.parent / 'x.ozx')
    assert done.returncode == 0, done
    packed = entries(folder.parent / 'x.ozx')
    assert packed['zarr.json'] == node.read_bytes() and 'thumbnail.png' not in packed


def refused(folder, status, said):
    told = pack(folder, status=status)
    assert told.count('\n') == 1 and said in told, told
    assert sorted(os.listdir(folder.parent)) == ['s']


@pytest.mark.parametrize('changed', [{'thumbnails': {}}, {'zarr_conventions': 7}, []])
def test_attributes_that_cannot_hold_it(tmp_path, changed):
    folder = tmp_path / 's'
    array_of(folder)
    node = folder / 'zarr.json'
    node.write_text(json.dumps(dict(json.loads(node.read_text()), attributes=changed)))
    told = run('pack', '--thumbnail', '--ome-version', '0.5', folder, tmp_path / 'x.ozx')
    assert told.returncode != 0 and 'attributes' in told.stderr and os.listdir(tmp_path) == ['s']


def test_no_picture_no_archive(folder):
    """A codec that is not known, a chunk that is a bomb or cut, a node without an image."""
    level = folder / '0' / 'zarr.json'
    whole = json.loads(level.read_text())
    level.write_text(json.dumps(dict(whole, codecs=[*whole['codecs'], {'name': 'lz\u0007ma'}])))
    refused(folder, 69, "no thumbnail can be made: array '0': the codec 'lz\\x07ma'")
    level.write_text(json.dumps(dict(whole, codecs=[*whole['codecs'], {'name': 'gzip'}])))
    bomb = gzip.compress(bytes(50 << 20), 1)
    for chunk in (folder / '0' / 'c').glob('*/0/0'):
        chunk.write_bytes(bomb)
    refused(folder, *((2, 'hold more than the chunk has') if 'gzip' in CODECS else
                      (69, "the codec 'gzip' is not built in: it needs zlib")))
    root = json.loads((folder / 'zarr.json').read_text())
    del root['attributes']['ome']['multiscales']
    (folder / 'zarr.json').write_text(json.dumps(root))
    refused(folder, 66, 'no thumbnail can be made')
