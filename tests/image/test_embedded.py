# SPDX-License-Identifier: BSD-2-Clause
"""Thumbnails that an archive brings with it: which is taken, and what of a stranger's is not."""
import base64
import io
import json
import struct
import subprocess
import zlib

import pytest

from images import image, random, zarr
from kit.info import OZXFS, pack_directory
from kit.launch import LONG
from rendering import Image, needs_png, numpy, picture, render

pytestmark = [needs_png, pytest.mark.filterwarnings('ignore')]
DATA = random(1, 90, 120)
DRAWN = render(list(DATA), 64)


def colours(width, height, seed=1):
    """A picture that no image looks like."""
    return numpy.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype('uint8')


def png(pixels, **more):
    out = io.BytesIO()
    picture_of = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture_of.save(out, 'PNG', **more)
    return out.getvalue()


def smaller(pixels, width, height):
    """The mean of the box of each pixel, rounded."""
    rows, columns = ([i * size // count for i in range(count + 1)]
                     for size, count in ((pixels.shape[0], height), (pixels.shape[1], width)))
    boxes = [[pixels[a:b, c:d].reshape(-1, 3).astype(int) for c, d in zip(columns, columns[1:])]
             for a, b in zip(rows, rows[1:])]
    return numpy.array([[(2 * box.sum(0) + len(box)) // (2 * len(box)) for box in row]
                        for row in boxes])


def archive(tmp_path, thumbnails, files=(), zarr_format=3):
    """An image that has those thumbnails."""
    folder = tmp_path / 's'
    if zarr_format == 3:
        image(folder, [DATA])
        node = folder / 'zarr.json'
        whole = json.loads(node.read_text())
        whole['attributes']['thumbnails'] = thumbnails
    else:
        zarr.create_array(folder, shape=DATA[0].shape, chunks=(90, 120), dtype=DATA.dtype,
                          zarr_format=2, compressors=None)[...] = DATA[0]
        node, whole = folder / '.zattrs', {'thumbnails': thumbnails}
    node.write_text(json.dumps(whole))
    for name, data in dict(files).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return pack_directory(folder, tmp_path / 'x.ozx')


def entry(width=64, height=48, media_type='image/png', **place):
    return {'width': width, 'height': height, 'media_type': media_type, **place}


def data_uri(data):
    return 'data:image/png;base64,' + base64.b64encode(data).decode()


SMALL = colours(64, 48)
PLACES = {
    'uri': ({'uri': 'thumbs/a.png'}, 'thumbs/a.png'),
    'path': ({'path': 'thumbs/a.png'}, 'thumbs/a.png'),
    'percent': ({'uri': 'a%20%c2%b5.png'}, 'a \u00b5.png'),
    'percent-path': ({'path': 'a%20b.png'}, 'a%20b.png'),
    'data': ({'uri': data_uri(png(SMALL))}, None),
    'data-url': ({'url': data_uri(png(SMALL)).replace('=', '%3D')}, None),
}


@pytest.mark.parametrize('zarr_format', [3, 2])
@pytest.mark.parametrize('place', PLACES)
def test_wherever_it_is(tmp_path, place, zarr_format):
    stated, name = PLACES[place]
    made = archive(tmp_path, [entry(**stated)], {name: png(SMALL)} if name else {}, zarr_format)
    assert (picture(made, '-s', '64') == SMALL).all()
    for option in ('--no-embedded', '--z=0', '--channels=0', '--z=max'):
        assert numpy.abs(picture(made, '-s', '64', option) - DRAWN).max() <= 1, option


def test_smallest_that_is_large_enough(tmp_path):
    files = {str(n) + '.png': png(colours(n, n * 3 // 4, n)) for n in (32, 64, 100)}
    thumbnails = [entry(n, n * 3 // 4, uri=str(n) + '.png') for n in (100, 32, 64)]
    thumbnails[1:1] = [entry(40, 30, 'image/jpeg', uri='32.png'), entry(40, 0, uri='32.png'), 7,
                       entry('40', 30, uri='32.png'), {'uri': '32.png', 'media_type': 'image/png'}]
    made = archive(tmp_path, thumbnails, files)
    for size, used in ((20, 32), (32, 32), (33, 64), (64, 64), (65, 100), (100, 100)):
        expected = smaller(colours(used, used * 3 // 4, used), size,
                           (used * 3 // 4 * size + used // 2) // used)
        assert (picture(made, '-s', str(size)) == expected).all(), size
    for size in (101, 133):  # three quarters are enough; it stays as it is
        assert (picture(made, '-s', str(size)) == colours(100, 75, 100)).all()
    assert numpy.abs(picture(made, '-s', '134') - render(list(DATA))).max() <= 1


def kinds():
    rgb = Image.fromarray(SMALL)
    alpha = numpy.dstack([SMALL, (SMALL[..., 0] > 99) * 255]).astype('uint8')
    yield png(rgb.convert('L')), numpy.dstack([numpy.array(rgb.convert('L'))] * 3)
    yield png(rgb.convert('P')), numpy.array(rgb.convert('P').convert('RGB'))
    yield png(rgb.convert('1')), numpy.array(rgb.convert('1').convert('RGB'))
    yield png(alpha), SMALL * (alpha[..., 3:] > 0)


def test_kinds_of_png(tmp_path):
    for data, expected in kinds():
        made = archive(tmp_path, [entry(uri='a.png')], {'a.png': data})
        assert (picture(made, '-s', '64') == expected).all()


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def huge(width, height):
    """Its rows are zeros, and well packed."""
    packer = zlib.compressobj(9)
    rows = b''.join(packer.compress(bytes(1 << 20)) for _ in range((width + 1) * height >> 20))
    header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) +
            chunk(b'IDAT', rows + packer.flush()) + chunk(b'IEND', b''))


GOOD = png(SMALL)
WRONG = {
    'missing': ({'uri': 'none.png'}, b''), 'folder': ({'uri': '0'}, b''),
    'self': ({'uri': ''}, b''), 'zarr.json': ({'uri': 'zarr.json'}, b''),
    'above': ({'uri': '../../../../etc/passwd'}, b''), 'absolute': ({'uri': '/a.png'}, GOOD),
    'https': ({'uri': 'https://image.host/a.png'}, b''), 'file': ({'uri': 'file:///a.png'}, GOOD),
    'percent': ({'uri': 'a%2.png'}, GOOD), 'nul': ({'uri': 'a.png%00'}, GOOD),
    'number': ({'uri': 7}, b''), 'none': ({}, b''), 'empty': ({'uri': 'a.png'}, b''),
    'base64': ({'uri': 'data:image/png;base64,!!!!'}, b''), 'data': ({'uri': 'data:,abc'}, b''),
    'no-png': ({'uri': 'a.png'}, b'GIF89a' * 20), 'cut': ({'uri': 'a.png'}, GOOD[:-40]),
    'bits': ({'uri': 'a.png'}, GOOD[:100] + b'\xff\xff\xff' + GOOD[103:]),
    'side-zero': ({'uri': 'a.png'}, huge(0, 64)), 'side-huge': ({'uri': 'a.png'}, huge(2**31, 0)),
}
if LONG:
    WRONG['bomb'] = {'uri': 'a.png'}, huge(30000, 30000)


@pytest.mark.parametrize('case', WRONG)
def test_of_a_stranger(tmp_path, case):
    """What cannot be used is passed over: the image itself is drawn."""
    place, data = WRONG[case]
    made = archive(tmp_path, [entry(**place)], {'a.png': data})
    assert numpy.abs(picture(made, '-s', '64') - DRAWN).max() <= 1


def test_what_it_states_is_not_believed(tmp_path):
    large = colours(640, 480)
    made = archive(tmp_path, [entry(uri='a.png')], {'a.png': png(large)})
    assert (picture(made, '-s', '65') == smaller(large, 65, 49)).all()
    assert (picture(made, '-s', '64') == smaller(large, 64, 48)).all()
    made = archive(tmp_path, [entry(10**8, 10**8, uri='a.png')], {'a.png': GOOD})
    assert (picture(made) == SMALL).all()


def test_many_in_long_metadata(tmp_path):
    made = archive(tmp_path, [entry(uri='a.png' + 'x' * 900) for _ in range(5000)])
    done = subprocess.run([OZXFS, 'thumbnail', '-f', made, tmp_path / 'x.png'], timeout=20,
                          check=False)
    assert done.returncode == 0
