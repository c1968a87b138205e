# SPDX-License-Identifier: BSD-2-Clause
"""`ozxfs thumbnail`: which level, plane, channels and colours, and its output file."""
import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from images import image, made, random, zarr
from kit.info import OZXFS, pack_directory
from rendering import Image, check, needs_png, numpy, render, run

pytestmark = [needs_png, pytest.mark.filterwarnings('ignore')]
DATA = Path(__file__).parents[2] / 'data'


def test_smallest_level_that_is_large_enough(tmp_path):
    levels = [random(1, 60, 80), random(1, 30, 40), random(1, 15, 20)]
    archive = made(tmp_path, levels)
    for size, level in ((256, 0), (80, 0), (41, 0), (40, 1), (21, 1), (20, 2), (1, 2)):
        check(archive, render(list(levels[level]), size), '-s', str(size))


def test_colours_and_windows_of_omero(tmp_path):
    window = {'start': 20, 'end': 150, 'min': 0, 'max': 200}
    omero = [{'color': 'FF8000', 'active': True, 'window': window},
             {'color': '00FF00', 'active': False, 'window': {'start': 0, 'end': 100}},
             {'color': '0000FF', 'active': True}]
    data = random(3, 30, 40)
    archive = made(tmp_path, [data], omero=omero)
    check(archive, render(list(data), omero=omero))
    check(archive, render(list(data), omero=omero, chosen=[1]), '--channels', '1')
    check(archive, render(list(data), omero=omero, chosen=[2, 0]), '--channels', '2,0')


@pytest.mark.parametrize('count,dtype', [(1, 'uint8'), (2, 'uint8'), (3, 'uint8'), (3, 'uint16'),
                                         (8, 'uint8')])
def test_colours_without_omero(tmp_path, count, dtype):
    data = random(count, 30, 40, dtype=dtype)
    check(made(tmp_path, [data]), render(list(data)))


def test_omero_of_zarr_v2(tmp_path):
    omero = [{'color': 'FF0000', 'active': True, 'window': {'start': 20, 'end': 150}}]
    data = random(30, 40)
    zarr.create_group(
        tmp_path / 's', zarr_format=2, attributes={
            'omero': {'channels': omero}, 'multiscales': [{
                'version': '0.4', 'axes': [{'name': n, 'type': 'space'} for n in 'yx'],
                'datasets': [{
                    'path': '0',
                    'coordinateTransformations': [{'type': 'scale', 'scale': [1.0, 1.0]}]
                }]
            }]
        })
    zarr.create_array(tmp_path / 's', name='0', shape=data.shape, chunks=(20, 20), dtype=data.dtype,
                      zarr_format=2, compressors=None)[...] = data
    check(pack_directory(tmp_path / 's', tmp_path / 'x.ozx'), render([data], omero=omero))


def test_planes_that_are_not_there(tmp_path):
    data = random(2, 3, 30, 40)
    archive = made(tmp_path, [data], axes='czyx')
    for option, value, said in (('--z', '3', 'no z 3: the image has 3'),
                                ('--t', '1', 'no t 1: the image has 1'),
                                ('--channels', '0,2', 'no channel 2')):
        done = run('thumbnail', option, value, archive, tmp_path / 'x.png')
        assert done.returncode == 64 and said in done.stderr, done
        assert not (tmp_path / 'x.png').exists()
    for option, value in (('--z', 'x'), ('--z', '-1'), ('--t', ''), ('--channels', ''),
                          ('--channels', '1,'), ('--size', '0'), ('--size', '1025')):
        done = run('thumbnail', option, value, archive, tmp_path / 'x.png')
        assert done.returncode == 64, (option, value)


def test_standard_output_is_no_file(tmp_path):
    done = run('thumbnail', made(tmp_path, [random(3, 4)]), '-', cwd=tmp_path)
    assert done.returncode == 64 and 'standard output' in done.stderr
    assert not (tmp_path / '-').exists()


def test_larger_than_all_are_read(tmp_path):
    data = numpy.arange(4100 * 4100, dtype='uint32').reshape(4100, 4100) % 997
    zarr.create_array(tmp_path / 's', shape=data.shape, chunks=(1025, 1025), dtype='uint32',
                      compressors=None)[...] = data
    check(pack_directory(tmp_path / 's', tmp_path / 'x.ozx'), render([data], 100), '-s', '100')


def test_output_is_not_replaced(tmp_path):
    archive, out = made(tmp_path, [random(1, 30, 40)]), tmp_path / 'x.png'
    out.write_text('mine')
    done = run('thumbnail', archive, out)
    assert done.returncode == 73 and done.stderr.count('\n') == 1, done
    assert out.read_text() == 'mine'
    assert run('thumbnail', '-f', archive, out).returncode == 0
    assert out.read_bytes()[:4] == b'\x89PNG'
    before = archive.read_bytes()
    assert run('thumbnail', '-f', archive, archive).returncode == 73
    assert archive.read_bytes() == before
    assert run('thumbnail', archive, tmp_path / 'none' / 'x.png').returncode == 73
    assert sorted(os.listdir(tmp_path)) == ['s', 'x.ozx', 'x.png']


def test_collection_leads_to_its_first_image(tmp_path):
    data = random(1, 30, 40)
    image(tmp_path / 's' / '0', [data])
    zarr.create_group(tmp_path / 's', attributes={'ome': {
        'version': '0.5', 'bioformats2raw.layout': 3}})
    check(pack_directory(tmp_path / 's', tmp_path / 'x.ozx'), render(list(data)))


def test_as_a_desktop_runs_it(tmp_path):
    """The command of the .thumbnailer file; the desktop makes an empty file for the picture."""
    data = random(1, 300, 400)
    archive, out = made(tmp_path, [data]), tmp_path / 'a picture.png'
    out.touch()
    lines = (DATA / 'ozxfs.thumbnailer').read_text().splitlines()
    entry = dict(line.split('=', 1) for line in lines if '=' in line)
    values = {'%s': '128', '%i': str(archive), '%o': str(out), 'ozxfs': OZXFS}
    subprocess.run([values.get(word, word) for word in shlex.split(entry['Exec'])], check=True)
    got = numpy.array(Image.open(out)).astype(int)
    assert numpy.abs(got - render(list(data), 128)).max() <= 1


def test_an_empty_file_stays_the_same_one(tmp_path):
    """Who has made it reads the picture from what he has open. One with contents is replaced."""
    data = random(1, 30, 40)
    archive, out = made(tmp_path, [data]), tmp_path / 'o.png'
    with open(out, 'w+b') as opened:
        check_picture(archive, out)
        assert opened.read() == out.read_bytes()
        inode = os.fstat(opened.fileno()).st_ino
        check_picture(archive, out)
        assert os.stat(out).st_ino != inode and os.fstat(opened.fileno()).st_nlink == 0
    out.write_bytes(b'')
    os.link(out, tmp_path / 'other.png')
    check_picture(archive, out)
    assert (tmp_path / 'other.png').read_bytes() == b''
    out.write_bytes(b'')
    done = subprocess.run([OZXFS, 'thumbnail', '-f', '--path', 'none', archive, out],
                          capture_output=True, check=False)
    assert done.returncode and out.read_bytes() == b''


def check_picture(archive, out):
    subprocess.run([OZXFS, 'thumbnail', '-f', archive, out], check=True)
    assert Image.open(out).size == (40, 30)


THUMBNAILER = 'org.freedesktop.thumbnails.Thumbnailer1'
TUMBLER = Path('/usr/share/dbus-1/services/org.xfce.Tumbler.Thumbnailer1.service')


@pytest.mark.skipif(not TUMBLER.exists() or not shutil.which('gdbus'),
                    reason='no thumbnailing service (tumbler)')
def test_a_thumbnailing_service(tmp_path):
    """tumblerd, as file managers ask it, on a session bus of its own."""
    data = random(1, 300, 400)
    archive, share = made(tmp_path, [data]), tmp_path / 'share'
    (share / 'thumbnailers').mkdir(parents=True)
    shutil.copy(DATA / 'ozxfs.thumbnailer', share / 'thumbnailers')
    uri = archive.as_uri()
    name = hashlib.md5(uri.encode()).hexdigest() + '.png'
    picture = tmp_path / 'cache/thumbnails/normal' / name
    ask = ['gdbus', 'call', '--session', '--dest', THUMBNAILER, '--object-path',
           '/' + THUMBNAILER.replace('.', '/'), '--method', THUMBNAILER + '.Queue', f"['{uri}']",
           "['application/x-ozx']", 'normal', 'default', '0']
    # Asked again each second: the service is not ours, runs at nice 19, and may end when it likes.
    wait = (f'for i in $(seq 40); do {shlex.join(ask)}; sleep 1; '
            f'[ ! -s "{picture}" ] || exit 0; done; exit 1')
    environment = dict(os.environ, XDG_DATA_DIRS=f'{share}:/usr/share', HOME=str(tmp_path),
                       XDG_CACHE_HOME=str(tmp_path / 'cache'),
                       PATH=os.path.dirname(OZXFS) + ':' + os.environ['PATH'])
    done = subprocess.run(['dbus-run-session', '--', 'sh', '-c', wait], env=environment, text=True,
                          check=False, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(picture) as got:
        assert got.info['Thumb::URI'] == uri
        pixels = numpy.array(got.convert('RGB')).astype(int)
    assert numpy.abs(pixels - render(list(data), 128)).max() <= 1


@pytest.mark.parametrize('values', [(-1e308, 0, 1e308), (5e-324, 1e-323), (2.0**60, 2.0**60)])
def test_extremes(tmp_path, values):
    """Differences that overflow, and those that are too small to divide by."""
    data = numpy.array([values], 'float64').repeat(3, 0)
    check(made(tmp_path, [data], axes='yx'), render([data]))


@pytest.mark.parametrize('value', [0, 2**64 - 1])
def test_all_the_same(tmp_path, value):
    data = numpy.full((20, 30), value, 'uint64')
    check(made(tmp_path, [data], axes='yx'), render([data]))
