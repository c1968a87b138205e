# SPDX-License-Identifier: BSD-2-Clause
"""Every read of the archive is short, ends early or fails, one after the other: the right result,
or an error in one line."""
import errno

import pytest
from verbs import VERBS, try_all

READERS = [name for name in VERBS if not name.startswith('pack')]
IO_ERROR = (74,)


@pytest.mark.parametrize('action', ['short', str(errno.EINTR)])
@pytest.mark.parametrize('name', READERS)
def test_goes_on(name, action, faulty, archive, folder, figure):
    """Short and interrupted reads are no errors: the result is the usual one."""
    try_all(VERBS[name], faulty, archive[0], folder, 'read', action, (), figure, must_succeed=True)


@pytest.mark.parametrize('action', [str(errno.EIO), 'end'])
@pytest.mark.parametrize('name', READERS)
def test_fails(name, action, faulty, archive, folder, figure):
    """Once (a read of two things is tried again as two), and from then on: then all must fail."""
    try_all(VERBS[name], faulty, archive[0], folder, 'read', action, IO_ERROR, figure)
    tried, failed = try_all(VERBS[name], faulty, archive[0], folder, 'read', action, IO_ERROR,
                            figure, from_then_on=True)
    assert failed == tried - 1, 'a read failed for good, and nobody noticed'


@pytest.mark.parametrize('name', READERS)
def test_fstat_fails(name, faulty, archive, folder, figure):
    """fstat is asked after each read whether the archive has changed."""
    try_all(VERBS[name], faulty, archive[0], folder, 'fstat', str(errno.EIO), (66, 71, 73, 74),
            figure)


@pytest.mark.parametrize('name', READERS)
def test_all_short(name, faulty, archive, folder):
    """Every read gives half of what was asked for."""
    good = VERBS[name].run(faulty, 'read:0:none', archive[0], folder)
    short = VERBS[name].run(faulty, 'read:1+:short', archive[0], folder)
    assert faulty.page.fired > 10
    assert (short[0].returncode, short[0].stdout, short[1:]) == (0, good[0].stdout, good[1:])


@pytest.mark.parametrize('action', ['short', str(errno.EINTR)])
def test_pack_reads_on(action, faulty, archive, folder, figure):
    """Its input, and the archive that it reads back."""
    try_all(VERBS['pack'], faulty, archive[0], folder, 'read', action, (), figure,
            must_succeed=True)


@pytest.mark.parametrize('action', [str(errno.EIO), 'end'])
def test_pack_reads_fail(action, faulty, archive, folder, figure):
    try_all(VERBS['pack'], faulty, archive[0], folder, 'read', action, IO_ERROR, figure)
    tried, failed = try_all(VERBS['pack'], faulty, archive[0], folder, 'read', action, IO_ERROR,
                            figure, from_then_on=True)
    assert failed == tried - 1
