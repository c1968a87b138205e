# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of pack share: the binary, trees to pack, and the checker."""
import json
import os
import pathlib
import subprocess

import pytest

from kit import launch
from kit.launch import LONG, OZXFS  # noqa: F401

import checker

HERE = pathlib.Path(__file__).parent

FAULTS = os.environ.get('OZXFS_FAULTS')
# The preloaded faults come before the runtime of a sanitized build.
os.environ['ASAN_OPTIONS'] = ':'.join(
    filter(None, (os.environ.get('ASAN_OPTIONS'), 'verify_asan_link_order=0')))

GROUP = dict(zarr_format=3, node_type='group')
ARRAY = dict(zarr_format=3, node_type='array', shape=[8, 8], data_type='uint8',
             chunk_grid=dict(name='regular', configuration=dict(chunk_shape=[4, 4])),
             chunk_key_encoding=dict(name='default', configuration=dict(separator='/')),
             fill_value=0, codecs=[dict(name='bytes')])


def ome(version='0.5', **more):
    return dict(GROUP, attributes=dict(ome=dict(version=version, **more)))


def write(root, files):
    """{path: bytes, str, or a dict for JSON; None: an empty directory}"""
    for name, data in files.items():
        path = pathlib.Path(root, name)
        if data is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        data = json.dumps(data) if isinstance(data, dict) else data
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return pathlib.Path(root)


IMAGE = {
    'zarr.json': ome(multiscales=[dict(axes=[], datasets=[dict(path='s0')])]),
    's0/zarr.json': ARRAY,
    's0/c/0/0': b'a' * 16,
    's0/c/0/1': b'b' * 16,
    's0/c/1/0': b'',
    'labels/zarr.json': GROUP,
    'labels/cells/zarr.json': ARRAY,
    'labels/cells/c/0/0': b'x' * 5000,
    'foozarr.json': 'data',
    'big.bin': bytes(range(256)) * 12000,
}


run = launch.run


def messages(text):
    """The lines but those about files of no array and empty directories, of which the trees here
    are full: test_junk.py asks for them."""
    return [
        line for line in text.splitlines() if ' but is packed: ' not in line
        and ' but are packed: ' not in line and ' packed as such: ' not in line
    ]


def pack(*args, code=0, lines=None, **kwargs):
    """Runs pack; the exit code and, if given, the number of messages on stderr must be right."""
    done = run('pack', *args, **kwargs)
    text = (done.stderr or b'').decode()
    assert code is None or done.returncode == code, (done.returncode, text)
    if lines is not None:
        assert len(messages(text)) == lines, text
    return done


def names(archive):
    return [e['text'] for e in checker.check(archive)['entries']]


@pytest.fixture
def image(tmp_path):
    return write(tmp_path / 'image.ome.zarr', IMAGE)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / 'out'
    folder.mkdir()
    return folder / 'image.ozx'


@pytest.fixture
def shm():
    """A folder in memory, for what is large."""
    import shutil
    import tempfile
    folder = pathlib.Path(
        tempfile.mkdtemp(prefix='ozxfs-pack-',
                         dir='/dev/shm' if os.path.isdir('/dev/shm') else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def no_root():
    """A folder that anybody may enter, with the binary in it: for tests that drop root."""
    import shutil
    import tempfile
    folder = pathlib.Path(tempfile.mkdtemp(prefix='ozxfs-pack-'))
    folder.chmod(0o755)
    shutil.copy(OZXFS, folder / 'ozxfs')
    yield folder
    subprocess.run(['chmod', '-R', 'u+rwx', str(folder)], check=False)
    shutil.rmtree(folder)
