# SPDX-License-Identifier: BSD-2-Clause
"""What pack and verify say of JSON that is none to some readers is true: each reader is asked. If
one changes its mind, the words in src/zarr/json.c and the table in ozxfs-verify(1) change with
it."""
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.json_texts import (
    ALL, ARRAY, FINE, OPENED_BY_PYTHON, PYTHON, REFUSED, TAKEN, TENSORSTORE, text)

# In a process of its own: one that gives up on deep nesting may take the interpreter with it.
ASK = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
import readers
readers.READERS[sys.argv[2]](pathlib.Path(sys.argv[3]), ["a"])
"""


def opens(reader, root):
    done = subprocess.run(
        [sys.executable, '-c', ASK,
         str(Path(__file__).parent), reader,
         str(root)], capture_output=True, text=True, timeout=120)
    if 'ImportError' in done.stderr or 'ModuleNotFoundError' in done.stderr:
        pytest.skip(f'{reader} is not installed')
    return done.returncode == 0


@pytest.fixture
def array(tmp_path):
    def make(change):
        (tmp_path / 'a' / 'c' / '0').mkdir(parents=True)
        (tmp_path / 'a' / 'c' / '0' / '0').write_bytes(bytes(64))
        (tmp_path / 'a' / 'zarr.json').write_bytes(change(text(ARRAY)))
        return tmp_path
    return make


@pytest.mark.parametrize('name', TAKEN)
def test_taken(array, name):
    change, said, by = TAKEN[name]
    root = array(change)
    if by is None:
        assert opens(TENSORSTORE, root)
    else:
        assert {r for r in sorted(ALL) if opens(r, root)} == by
    # Whom the words name, does refuse it.
    for reader, name in (('tensorstore', TENSORSTORE), ('zarrs', 'zarrista'),
                         ('zarr-python', PYTHON), ('zarrita.js', 'zarrita.js')):
        assert not (by and reader in said and 'refuse' in said and name in by)


@pytest.mark.parametrize('name', FINE)
def test_fine(array, name):
    root = array(FINE[name])
    assert {r for r in sorted(ALL) if opens(r, root)} == ALL


@pytest.mark.parametrize('name', REFUSED)
def test_refused(array, name):
    root = array(REFUSED[name][0])
    assert opens(PYTHON, root) == (name in OPENED_BY_PYTHON)
    assert opens(TENSORSTORE, root) == (name == 'nul_and_more')  # it reads up to the first NUL
