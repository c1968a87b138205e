# SPDX-License-Identifier: BSD-2-Clause
"""The process that parses and serves has no rights left (promises 6 and 7): read from the real worker's
/proc/PID/status, and tried by a worker that is built to try (ozxfs_probe)."""
import os
import re
import subprocess

import pytest

pytestmark = pytest.mark.skipif(os.environ.get('OZXFS_SANDBOX') != '1', reason='built without the sandbox (sanitizers)')


def status(pid):
    with open('/proc/%d/status' % pid) as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def mount_v(binary, image, point):
    """Mounts with -v; (what was said, the worker's pid)."""
    os.makedirs(point, exist_ok=True)
    done = subprocess.run([binary, 'mount', '-v', image, point], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr, int(re.search(r'worker (\d+) serves', done.stderr).group(1))


@pytest.fixture
def point(folder, binary):
    path = os.path.join(folder, 'point')
    yield path
    subprocess.run([binary, 'umount', path], capture_output=True, timeout=30, check=False)


def test_worker_has_no_rights(binary, image, point):
    said, worker = mount_v(binary, image, point)
    state = status(worker)
    assert state['NoNewPrivs'] == '1'
    assert state['Seccomp'] == '2'
    for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
        assert int(state[name], 16) == 0, name
    if os.geteuid() == 0:
        assert state['Uid'].split() == ['65534'] * 4 and state['Gid'].split() == ['65534'] * 4
        assert int(state['CapBnd'], 16) == 0
        assert state['Groups'].strip() == ''
    assert 'no capabilities' in said and 'seccomp' in said


def test_worker_holds_only_its_descriptors(binary, image, point):
    _, worker = mount_v(binary, image, point)
    targets = [os.readlink('/proc/%d/fd/%s' % (worker, fd)) for fd in os.listdir('/proc/%d/fd' % worker)]
    others = [t for t in targets if t not in ('/dev/null', '/dev/fuse', os.path.abspath(image)) and not t.startswith('socket:')]
    assert others == [], 'descriptors that the worker has no business with'
    assert targets.count('/dev/fuse') == 1


def test_worker_cannot_get_out(image, point):
    said, _ = mount_v(os.environ['OZXFS_PROBE'], image, point)
    tried = next(line for line in said.splitlines() if ' open ' in line and 'ptrace' in line)
    results = dict(re.findall(r'(open|create|socket|exec|ptrace|fork) (\w+)', tried))
    assert results == dict.fromkeys(('open', 'create', 'socket', 'exec', 'ptrace', 'fork'), 'EPERM')
    assert sorted(os.listdir(point)), 'and it serves all the same'
