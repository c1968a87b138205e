# SPDX-License-Identifier: BSD-2-Clause
"""The process that parses and serves has no rights left (promises 6 and 7): read from the real
worker's /proc/PID/status, and tried by a worker that is built to try (ozxfs_probe)."""
import os
import pwd
import re
import subprocess

import pytest
from corpus import RECIPES
from kit.harness import check_lines, wait_until
from kit.proc import descriptors_of, status_of

pytestmark = pytest.mark.skipif(
    os.environ.get('OZXFS_SANDBOX') != '1', reason='built without the sandbox (sanitizers)')


def mount_v(binary, image, point, *options):
    """Mounts with -v; (what was said, the worker's pid)."""
    os.makedirs(point, exist_ok=True)
    done = subprocess.run([binary, 'mount', '-v', *options, image, point], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr, int(re.search(r'worker (\d+) serves', done.stderr).group(1))


@pytest.fixture
def point(folder, binary):
    path = os.path.join(folder, 'point')
    yield path
    subprocess.run([binary, 'umount', path], capture_output=True, timeout=30, check=False)


def test_worker_has_no_rights(binary, image, point):
    said, worker = mount_v(binary, image, point)
    state = status_of(worker)
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
    targets = list(descriptors_of(worker).values())
    others = [
        t for t in targets if t not in ('/dev/null', '/dev/fuse',
                                        os.path.abspath(image)) and not t.startswith('socket:')
    ]
    assert others == [], 'descriptors that the worker has no business with'
    assert targets.count('/dev/fuse') == 1


def test_worker_in_the_foreground_leaves_the_terminal(binary, image, point, as_root):
    """Descriptors 0 to 2 are /dev/null: messages go through the supervisor."""
    os.makedirs(point)
    with subprocess.Popen([binary, 'mount', '-f', '-v', image, point], stderr=subprocess.PIPE,
                          text=True) as process:
        said = ''
        while 'worker' not in said:
            said = process.stderr.readline()
            assert said, 'it ended'
        worker = int(re.search(r'worker (\d+) serves', said).group(1))
        assert [os.readlink('/proc/%d/fd/%d' % (worker, fd))
                for fd in range(3)] == ['/dev/null'] * 3
        process.terminate()
        process.communicate(timeout=30)


def test_worker_sees_an_empty_root_directory(binary, image, point, as_root):
    _, worker = mount_v(binary, image, point)
    assert os.listdir('/proc/%d/root' % worker) == []


def test_worker_makes_no_more_threads(binary, image, point):
    """The last one is there: the limit is 0 from then on."""
    _, worker = mount_v(binary, image, point, '-s')
    os.listdir(point)

    def limits():
        with open('/proc/%d/limits' % worker) as lines:
            return re.search(r'Max processes +0 +0 ', lines.read())
    assert wait_until(limits)


def test_worker_memory_is_bounded(binary, image, point):
    """By what the archive and the threads can need, not by what the machine has."""
    _, worker = mount_v(binary, image, point, '--threads', '2')

    def limits():
        with open('/proc/%d/limits' % worker) as lines:
            found = re.search(r'Max data size +(\d+) +(\d+) ', lines.read())
        return found and found.group(1) == found.group(2) and 256 << 20 < int(
            found.group(1)) < 1 << 30
    assert wait_until(limits)
    assert os.listdir(point)


def test_worker_cannot_get_out(image, point):
    said, _ = mount_v(os.environ['OZXFS_PROBE'], image, point)
    tried = next(line for line in said.splitlines() if ' open ' in line and 'ptrace' in line)
    results = dict(re.findall(r'([a-z-]+) ([A-Z]+)(?:,|$)', tried))
    assert len(results) >= 15 and set(results.values()) == {'EPERM'}, results
    assert sorted(os.listdir(point)), 'and it serves all the same'


# --- who serves -----------------------------------------------------------------------------------

def check_served_by(binary, image, point, who, uid, gid):
    """All four ids, and nothing else that is not as without the option."""
    said, worker = mount_v(binary, image, point, '-o', 'serve_as=%s' % who)
    state = status_of(worker)
    assert state['Uid'].split() == [str(uid)] * 4 and state['Gid'].split() == [str(gid)] * 4
    for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb', 'CapBnd'):
        assert int(state[name], 16) == 0, name
    assert (state['NoNewPrivs'], state['Seccomp']) == ('1', '2')
    assert 'uid %d' % uid in said
    assert sorted(os.listdir(point)) == ['s0', 'zarr.json']
    with open(point + '/zarr.json', 'rb') as source:
        assert source.read()
    assert os.stat(point).st_uid == os.geteuid(), 'who serves is not who owns the tree'
    return state


def ordinary_user():
    return next(user for user in pwd.getpwall() if user.pw_uid not in (0, 65534))


@pytest.mark.parametrize('by', ['name', 'number'])
def test_serve_as(binary, image, point, as_root, by):
    user = ordinary_user()
    state = check_served_by(binary, image, point, user.pw_name if by == 'name' else user.pw_uid,
                            user.pw_uid, user.pw_gid)
    assert state['Groups'].strip() == ''


def test_serve_as_a_number_without_a_name(binary, image, point, as_root):
    number = next(n for n in range(54321, 60000)
                  if n not in {user.pw_uid
                               for user in pwd.getpwall()})
    check_served_by(binary, image, point, number, number, number)


@pytest.mark.parametrize('who', ['root', '0'])
def test_serve_as_root_keeps_the_ids_only(binary, image, point, as_root, who):
    check_served_by(binary, image, point, who, 0, 0)


@pytest.mark.parametrize('who', ['', 'no such user', '-1', '4294967295', '1x', 'a\x1b[2Jb'])
def test_serve_as_nobody_known(ozxfs, image, who):
    """Refused before the archive is looked at: the second one is not there."""
    for archive in (image, image + '.missing'):
        done = ozxfs.run('mount', '-o', 'serve_as=' + who, archive, ozxfs.directory())
        assert done.returncode == 64 and len(check_lines(
            done.stderr)) == 1 and b'serve_as' in done.stderr, done.stderr
    assert ozxfs.nothing_left()


def test_serve_as_is_for_root(binary, image, folder, as_root):
    """Also where somebody asks for what he is already."""
    user = ordinary_user()
    done = subprocess.run(
        [binary, 'mount', '-o', 'serve_as=%d' % user.pw_uid, image, folder], capture_output=True,
        timeout=30, check=False, user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    assert done.returncode == 77 and len(check_lines(done.stderr)) == 1, done.stderr


def test_serve_as_who_is_not_answered(ozxfs, folder, as_root):
    """An archive on a FUSE mount that is for root alone: nobody is not answered there, root is its
    owner, and root does not parse unless that is asked for."""
    outer = os.path.join(folder, 'outer.ozx')
    RECIPES['nested_root'].build().write(outer)
    inner = ozxfs.mount(outer, where=ozxfs.directory('outer')) + '/inner.ozx'
    for options in ([], ['-o', 'serve_as=%d' % ordinary_user().pw_uid]):
        done = ozxfs.run('mount', *options, inner, ozxfs.directory('inner'))
        assert done.returncode == 77 and len(check_lines(
            done.stderr)) == 1 and b'-o serve_as' in done.stderr, done.stderr
        assert not os.path.ismount(ozxfs.directory('inner'))
    where = ozxfs.mount(inner, '-o', 'serve_as=root', where=ozxfs.directory('inner'))
    assert os.listdir(where) == ['deep']
    ozxfs.umount(where)


@pytest.mark.parametrize('owner', ['user', 'root'])
def test_archive_that_does_not_answer_nobody(ozxfs, image, as_root, owner):
    """As on NFS with root_squash, where root may be answered and nobody not: its owner serves it,
    but root does not parse."""
    user = ordinary_user()
    if owner == 'user':
        os.chown(image, user.pw_uid, user.pw_gid)
    where = ozxfs.directory()
    squashed = dict(ozxfs.environment, LD_PRELOAD=os.environ['OZXFS_FAULTS'],
                    OZXFS_FAULT='none:0:none', OZXFS_SQUASH='65534')
    done = ozxfs.run('mount', '-v', image, where, env=squashed)
    if owner == 'root':
        assert done.returncode == 77 and b'-o serve_as' in done.stderr and not os.path.ismount(
            where), done.stderr
        return
    assert done.returncode == 0, done.stderr
    state = status_of(int(re.search(rb'worker (\d+) serves', done.stderr).group(1)))
    assert state['Uid'].split() == [str(user.pw_uid)] * 4 and int(state['CapEff'], 16) == 0
    ozxfs.umount(where)
