# SPDX-License-Identifier: BSD-2-Clause
"""Every allocation fails once: the usual result, or one line and exit code 71; no crash, no half a
result. (The mount: test_mount.py.)"""
import errno

import pytest
from kit.faulty import SANITIZED
from verbs import VERBS, try_all

SYSTEM = (71,)


@pytest.mark.skipif(SANITIZED, reason='a sanitizer has an allocator of its own')
@pytest.mark.parametrize('name', VERBS)
def test_one_fails(name, faulty, archive, folder, figure):
    _, failed = try_all(VERBS[name], faulty, archive[0], folder, 'memory', str(errno.ENOMEM),
                        SYSTEM, figure)
    assert failed > 5, 'allocations whose failure nobody noticed'
