# SPDX-License-Identifier: BSD-2-Clause
"""Converting, and reading what came out."""
import json
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / 'interop'))

from kit import launch  # noqa: E402


def convert(directory, output, *options, code=0):
    """pack --convert; its messages."""
    done = launch.run_text('pack', '--convert', '-f', *options, directory, output)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done.stderr


def tree(archive):
    """{path: bytes} of the archive."""
    with zipfile.ZipFile(archive) as file:
        return {i.filename: file.read(i) for i in file.infolist()}


def metadata(archive, path=''):
    with zipfile.ZipFile(archive) as file:
        return json.loads(file.read(f'{path}/zarr.json' if path else 'zarr.json'))


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out.ozx'


@pytest.fixture
def store(tmp_path):
    return tmp_path / 'store.zarr'
