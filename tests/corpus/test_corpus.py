# SPDX-License-Identifier: BSD-2-Clause
"""Is the corpus what it says? The table in tests/data/policy.tsv is the registry, every id of the
policy has recipes, archives are the same bytes every time, and where Python's zipfile should agree
with a view, it does."""
import io
import os
import zipfile
import zlib

import pytest

from . import EIO, IDS, RECIPES, REFUSE, SERVE, Damaged, Sparse, Unreadable, policy_lines
from .zipforge import S32

POLICY = os.path.join(os.path.dirname(__file__), '..', 'data', 'policy.tsv')

# What zipfile sees otherwise, and why that is its own affair.
OTHER = {
    'charset_utf8_unflagged': 'never looks for UTF-8 without the flag',
    'charset_mixed': 'never looks for UTF-8 without the flag',
    'padding_65536': 'looks back 64 KiB only',
    'padding_behind_longest_comment': 'looks back 64 KiB only',
    'record_extensible': 'takes a ZIP64 record of 56 bytes for granted',
    'record_extensible_4096': 'takes a ZIP64 record of 56 bytes for granted',
    'record_extensible_longest': 'takes a ZIP64 record of 56 bytes for granted',
    'plain_extensible_and_numbers': 'takes a ZIP64 record of 56 bytes for granted',
    'extra_odd_length_beyond': 'refuses extra fields that nobody needs',
    'crc_wrong': 'checks the CRC at every read',
    'crc_zero': 'checks the CRC at every read',
    'crc_zarr_json': 'checks the CRC at every read',
}


def table():
    with open(POLICY, encoding='utf-8') as lines:
        return [line.rstrip('\n').split('\t') for line in lines]


def test_policy_table_is_the_registry():
    """A recipe that is not in the table, or a row without a recipe: run `python3 -m corpus --policy
    > data/policy.tsv` and look at the diff."""
    assert ['\t'.join(row) for row in table()] == list(policy_lines())


def test_every_id_has_a_recipe():
    head, *rows = table()
    assert head == ['id', 'recipe', 'mount', 'verify', 'rule', 'note']
    assert {row[0] for row in rows} == set(IDS)
    assert {row[1] for row in rows} == set(RECIPES) and len(rows) == len(RECIPES)


@pytest.mark.parametrize('name', [r.name for r in RECIPES.values() if not r.large])
def test_recipe_is_consistent(name):
    """The verdict fits the view, and a second build gives the same bytes."""
    recipe = RECIPES[name]
    made, again = recipe.build(), recipe.build()
    assert made.parts == again.parts
    if recipe.mount == REFUSE:
        assert made.view is None
        return
    broken = [c for c in made.view.values() if isinstance(c, (Unreadable, Damaged))]
    if recipe.id != 'changed':
        assert bool(broken) == (recipe.mount == EIO)
    assert bool(made.change) == (recipe.id == 'changed')
    assert set(recipe.rules) <= set(IDS)


def test_no_two_recipes_are_one():
    """Except for `changed`, where the archive is not the point."""
    seen = {}
    for recipe in RECIPES.values():
        if not recipe.large and recipe.id != 'changed':
            whole = b''.join(recipe.build().parts)
            assert seen.setdefault(whole, recipe.name) == recipe.name


AGREE = [
    r.name for r in RECIPES.values() if r.mount == SERVE and not r.large and r.name not in OTHER
]


@pytest.mark.parametrize('name', AGREE)
def test_zipfile_agrees(name):
    made = RECIPES[name].build()
    with zipfile.ZipFile(io.BytesIO(b''.join(made.parts))) as archive:
        infos = {i.filename: i for i in archive.infolist()}
        seen = {
            n.rstrip('/').encode(): None if n.endswith('/') else archive.read(i)
            for n, i in infos.items()
        }
    assert seen == made.view


def test_sparse_content(tmp_path):
    content = Sparse(100_000, {0: b'start', 5000: b'middle', 99_997: b'end'})
    flat = b''.join(bytes(p) if isinstance(p, int) else p for p in content.parts())
    assert len(flat) == len(content) and content.crc() == zlib.crc32(flat)
    for offset, size in ((0, 10), (3, 3), (4998, 20), (99_990, 100), (100_000, 5), (0, S32)):
        assert content.read(offset, size) == flat[offset:offset + size]
    made = RECIPES['plain_end_record_in_data'].build()
    made.write(tmp_path / 'x')
    assert (tmp_path / 'x').read_bytes() == b''.join(made.parts)
