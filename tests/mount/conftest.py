# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the mount tests. The binary comes through OZXFS (meson sets it).

Root that cannot mount FUSE is a failure, not a skip. What cannot be tried here (no such tool, not
root) is skipped with the reason.
"""
import os
import shutil
import tempfile

import pytest

from corpus import RECIPES
from kit.harness import Ozxfs, mount_of, readable_folder
from stored import KERNEL


@pytest.fixture(scope='session')
def binary():
    path = os.environ.get('OZXFS')
    if not path or not os.access(path, os.X_OK):
        pytest.fail('OZXFS does not name the built binary: run the tests through meson')
    if os.geteuid() != 0 and not os.access('/dev/fuse', os.R_OK | os.W_OK):
        pytest.skip('an ordinary user who may not open /dev/fuse')
    return os.path.abspath(path)


@pytest.fixture(scope='session')
def session_folder():
    with readable_folder() as path:
        yield path


@pytest.fixture(scope='session')
def archives(session_folder):
    """recipe name -> (path, Made); each is made once."""
    made = {}

    def get(name):
        if name not in made:
            path = os.path.join(session_folder, name + '.ozx')
            one = RECIPES[name].build()
            one.write(path)
            one.parts = None  # the view is what the tests need
            made[name] = path, one
        return made[name]
    return get


@pytest.fixture
def folder(session_folder):
    path = tempfile.mkdtemp(dir=session_folder)
    os.chmod(path, 0o755)
    return path


@pytest.fixture
def figure(record_property):
    """figure(NAME=N, ...): what tests/promises prints."""
    def record(**numbers):
        for name, number in numbers.items():
            record_property(name, number)
    return record


@pytest.fixture
def ozxfs(binary, folder):
    command = Ozxfs(binary, folder)
    yield command
    command.clean_up()


@pytest.fixture
def kernel(ozxfs, image):
    """The command, where the kernel can serve."""
    where = ozxfs.directory('try')
    done = ozxfs.run('mount', KERNEL, image, where)
    if done.returncode in (69, 77):
        pytest.skip(done.stderr.decode().strip())
    assert done.returncode == 0, done.stderr
    assert mount_of(where)['type'] == b'erofs'
    ozxfs.umount(where)
    assert ozxfs.nothing_left()
    return ozxfs


@pytest.fixture
def image(archives, folder):
    """A copy of a small right archive, the test's own."""
    path = os.path.join(folder, 'image.ozx')
    shutil.copy2(archives('plain_zip64')[0], path)
    return path


@pytest.fixture(scope='session')
def image_view(archives):
    return archives('plain_zip64')[1]


@pytest.fixture
def need(request):
    """need('rsync'): skips without the tool."""
    def check(*tools):
        for tool in tools:
            if not shutil.which(tool):
                pytest.skip('no %s here' % tool)
    return check


@pytest.fixture
def as_root():
    if os.geteuid() != 0:
        pytest.skip('needs root')
