# SPDX-License-Identifier: BSD-2-Clause
"""Every forged archive of the policy table, unpacked: what a mount serves is written, byte by byte,
below the target; everything else is an error that leaves nothing. (`unpack` checks CRCs, which a
mount does not.)"""
import os
import subprocess

import pytest

from kit.launch import sampled
from kit.trees import left_beside, run, tree

# noqa: E402  (unpack_tools makes the package known)
from corpus import EIO, RECIPES, REFUSE, Damaged, Sparse, Unreadable
from corpus.recipe import Entry, image  # noqa: E402

SMALL = [r.name for r in RECIPES.values() if not r.large]


@pytest.fixture
def box(tmp_path):
    """A directory of a directory. Removed by rm: pytest cannot remove thousands of levels."""
    inside = tmp_path / 'jail' / 'box'
    inside.mkdir(parents=True)
    yield inside
    subprocess.run(['rm', '-rf', tmp_path / 'jail'], check=True)


@pytest.mark.parametrize('name', sampled(SMALL, 4))
def test_recipe(name, tmp_path, box):
    recipe = RECIPES[name]
    made = recipe.build()
    inside = box
    made.write(inside / 'a.ozx')
    before = tree(tmp_path)
    done = run('unpack', '-q', '--no-sync', inside / 'a.ozx', inside / 'u')
    assert all(
        line.startswith('ozxfs: ') and line.isprintable() for line in done.stderr.splitlines())
    spoiled = made.view is None or any(
        isinstance(c, (Unreadable, Damaged)) for c in made.view.values())
    if recipe.mount in (REFUSE, EIO) and recipe.id != 'changed':
        assert spoiled
    if spoiled or recipe.id == 'crc':
        assert done.returncode == 2, done.stderr
        assert done.stderr and tree(tmp_path) == before
        return
    assert done.returncode == 0, done.stderr
    wanted = {
        path: content.read(0, len(content)) if isinstance(content, Sparse) else content
        for path, content in made.view.items()
    }
    for folder in made.directories():
        wanted.setdefault(folder, None)
    assert tree(inside / 'u') == wanted
    after = tree(tmp_path)
    assert {p: c for p, c in after.items() if not p.startswith(b'jail/box/u')} == before
    assert left_beside(inside) == []


@pytest.mark.parametrize('name', [
    b'../out', b'/tmp/ozxfs-out', b'a/../../out', b'..', b'C:\\out', b'a\\..\\..\\out', b'./x',
    b'a//b', b'a/./b', b'\x00x', b'..\xc0\xaf'
])
def test_traversal(name, tmp_path):
    """Names that lead out: the archive is refused whole."""
    inside = tmp_path / 'jail' / 'box'
    inside.mkdir(parents=True)
    with open(inside / 'a.ozx', 'wb') as out:
        out.write(image(Entry(name, b'out', flags=0x800 if not name.isascii() else 0)).bytes())
    before = tree(tmp_path)
    assert run('unpack', inside / 'a.ozx', inside / 'u').returncode == 2
    assert tree(tmp_path) == before and not os.path.exists('/tmp/ozxfs-out')
