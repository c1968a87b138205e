# SPDX-License-Identifier: BSD-2-Clause
"""`run`: paths in arguments and environment, exit codes, signals, and that nothing is left whoever
is killed, in whatever phase."""
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter

import pytest

from kit.harness import mounts, read, wait_until
from kit.proc import children_of, parent_of

KILLS = 1000 if os.environ.get('OZXFS_LONG') == '1' else 60
ROLES, PHASES = ('command', 'ozxfs', 'supervisor', 'worker'), ('starting', 'running', 'ending')


@pytest.fixture
def runner(ozxfs):
    """Its directories are made in the test's own folder."""
    runtime = ozxfs.directory('runtime')
    os.chmod(runtime, 0o700)
    ozxfs.environment['XDG_RUNTIME_DIR'] = runtime
    return ozxfs


def nothing_left(ozxfs, timeout=15):
    return wait_until(
        lambda: not ozxfs.processes() and not ozxfs.own_mounts() and not os.listdir(
            ozxfs.folder + '/runtime'), timeout)


def done(ozxfs, *arguments, **options):
    ended = ozxfs.run('run', *arguments, **options)
    assert nothing_left(ozxfs, 2), 'something is left'
    return ended


def test_paths_environment_and_what_they_show(runner, image, image_view, folder):
    other = folder + '/x.ome.zarr.ozx'
    shutil.copy2(image, other)
    script = 'cat {1}/zarr.json; echo "$OZXFS_1 $OZXFS_2 $1 $2 $3"; stat -c %a "$OZXFS_1/.."'
    ended = done(runner, image, other, '--', 'sh', '-c', script, 'sh', '{}', 'a{3}b')
    assert ended.returncode == 0, ended.stderr
    view = image_view.view[b'zarr.json']
    assert ended.stdout.startswith(view) and ended.stderr == b''
    one, two, again, again_two, mark = ended.stdout[len(view):].splitlines()[0].split()
    assert (one, two) == (again, again_two) and mark == b'a{3}b'
    assert one.endswith(b'/image.ome.zarr') and two.endswith(b'/x.ome.zarr')
    assert ended.stdout.splitlines()[-1] == b'700'


def test_standard_streams_are_the_commands(runner, image):
    ended = done(runner, image, '--', 'sh', '-c', 'cat; echo bad >&2', stdin=None, input=b'in')
    assert (ended.stdout, ended.stderr) == (b'in', b'bad\n')


@pytest.mark.parametrize('script,status', [('exit 7', 7), ('kill -9 $$', 137),
                                           ('kill -15 $$', 143)])
def test_exit_status(runner, image, script, status):
    assert done(runner, image, '--', 'sh', '-c', script).returncode == status


def test_a_command_that_cannot_be_run(runner, image):
    assert done(runner, image, '--', 'no-such-command').returncode == 127
    assert done(runner, image, '--', image).returncode == 126


def test_nothing_is_run_without_the_archive(runner, image, folder):
    for archives, status in (([folder + '/none.ozx'], 66), (['/etc/passwd'], 2),
                             ([image, '/etc/passwd'], 2)):
        ended = done(runner, *archives, '--', 'touch', folder + '/ran')
        assert ended.returncode == status and not os.path.exists(folder + '/ran'), ended.stderr


@pytest.mark.parametrize('arguments', [
    ['A'], ['A', '--'], ['--', 'true'], ['A', 'A', '--', 'echo', '-{}'],
    ['-o', 'debug', 'A', '--', 'true'], ['-o', 'all_files', 'A', '--', 'true']])
def test_wrong_command_lines(runner, image, arguments):
    assert done(runner, *[image if word == 'A' else word for word in arguments]).returncode == 64


@pytest.mark.parametrize('name', ['TERM', 'INT', 'HUP', 'QUIT', 'USR1'])
def test_signals_are_passed_on(runner, image, folder, name):
    process = runner.start(
        'run', image, '--', 'sh', '-c',
        f'trap "exit 9" {name}; touch {folder}/started; while :; do sleep 0.02; done')
    assert wait_until(lambda: os.path.exists(folder + '/started'))
    process.send_signal(getattr(signal, 'SIG' + name))
    assert process.wait(10) == 9 and nothing_left(runner)


def test_side_by_side(runner, image):
    processes = [runner.start('run', image, '--', 'ls', '{}') for _ in range(8)]
    assert all(b'zarr.json' in process.communicate(timeout=30)[0] for process in processes)
    assert nothing_left(runner)


def test_what_is_left_in_the_background(runner, image):
    """It holds the tree, which goes all the same."""
    script = 'cd {}; sleep 300 >/dev/null 2>&1 & echo $!'
    ended = runner.run('run', image, '--', 'sh', '-c', script, stderr=subprocess.DEVNULL)
    assert ended.returncode == 0 and not runner.own_mounts() and not os.listdir(runner.folder +
                                                                                '/runtime')
    os.kill(int(ended.stdout), signal.SIGKILL)
    assert nothing_left(runner)


def test_private_namespace(runner, image, as_root):
    ended = done(
        runner, '--private', image, '--', 'sh', '-c',
        'ls {}; grep -c ozxfs-run /proc/self/mountinfo; grep -c ozxfs-run /proc/1/mountinfo')
    assert ended.stdout.split()[-2:] == [b'1', b'0'], ended


def test_users_without_fusermount3(runner, image, folder, binary, as_root):
    copied = folder + '/ozxfs-copy'
    shutil.copy2(binary, copied)
    false = shutil.which('fusermount3')
    if not false:
        pytest.skip('no fusermount3 to be hidden')
    if b'__tsan_init' in read(binary):
        pytest.skip('ThreadSanitizer starts a thread, with which no user namespace is made')
    script = ('mount --bind /bin/false "$(readlink -f "$3")" && chmod 666 /dev/fuse 2>/dev/null; '
              'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$1" run -v "$2" -- ls {}')
    os.chown(folder + '/runtime', 65534, 65534)
    if subprocess.run(['setpriv', '--reuid', '65534', 'unshare', '-Um', 'true'],
                      check=False).returncode:
        pytest.skip('no user namespaces here')
    ended = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', copied, image, false],
                           env=runner.environment, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0 and b'zarr.json' in ended.stdout, ended.stderr
    assert b"namespace of the command's own" in ended.stderr and nothing_left(runner)


# --- kills ----------------------------------------------------------------------------------------

def find(ozxfs, process, role):
    """The process of a role, None if it is not there (any more, yet)."""
    try:
        children = {pid: parent_of(pid) for pid in ozxfs.processes()}
        name = {pid: read('/proc/%d/cmdline' % pid) for pid in children}
    except OSError:
        return None
    of_ours = [pid for pid, parent in children.items() if parent == process.pid]
    ours = os.fsencode(os.path.basename(ozxfs.binary))
    supervisors = [
        pid for pid in of_ours if ours in name[pid].split(b'\0')[0] and os.getsid(pid) == pid
    ]
    if role == 'ozxfs':
        return process.pid
    if role == 'supervisor':
        return supervisors[0] if supervisors else None
    if role == 'worker':
        return next((pid for pid, parent in children.items() if parent in supervisors), None)
    return next((pid for pid in of_ours if pid not in supervisors), None)


def one_kill(ozxfs, image, choose, role, phase, span):
    """(role, phase in which it was killed), or None if it was gone by then."""
    started, ended = ozxfs.folder + '/started', ozxfs.folder + '/ended'
    for path in (started, ended):
        if os.path.exists(path):
            os.remove(path)
    hold = '0.3' if phase == 'running' else '0.1' if phase == 'ending' else '0'
    process = ozxfs.start(
        'run', image, '--', 'sh', '-c',
        f'touch {started}; cat {{}}/zarr.json >/dev/null; sleep {hold}; touch {ended}')
    found = None
    if phase == 'starting':
        time.sleep(choose.uniform(0, span))
    else:
        wait_until(lambda: os.path.exists(started))
        if phase == 'running':
            time.sleep(choose.uniform(0, 0.1))
        else:
            found = find(ozxfs, process, role)  # it takes longer than the end
            end = time.monotonic() + 10
            while not os.path.exists(ended) and time.monotonic() < end:
                pass
            time.sleep(choose.uniform(0, 0.004))
    for _ in range(20):  # a child is there a moment after its parent
        try:
            found = found or find(ozxfs, process, role)
            if found:
                os.kill(found, signal.SIGKILL)
                break
        except ProcessLookupError:
            found = None
        if process.poll() is not None:
            break
    seen = 'ending' if os.path.exists(ended) else 'running' if os.path.exists(
        started) else 'starting'
    try:
        process.communicate(timeout=30)
    finally:
        ozxfs.started.remove(process)
    assert nothing_left(ozxfs), (role, phase, ozxfs.processes(), ozxfs.own_mounts(),
                                 os.listdir(ozxfs.folder + '/runtime'))
    return (role, seen) if found else None


@pytest.mark.parametrize('worker_too,verb', [(False, 'run'), (True, 'run'), (False, 'umount')])
def test_killed_with_its_supervisor(runner, image, folder, worker_too, verb):
    """The next run takes the mount away, once its command is gone; or umount does."""
    process = runner.start('run', image, '--', 'sh', '-c',
                           f'echo $OZXFS_1 >{folder}/path; sleep 300; : {{}}')
    assert wait_until(lambda: os.path.exists(folder + '/path') and read(folder + '/path'))
    path = read(folder + '/path').rstrip(b'\n')
    command, worker = find(runner, process, 'command'), find(runner, process, 'worker')
    for pid in (find(runner, process, 'supervisor'), process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(10)
    assert runner.run('run', image, '--', 'true').returncode == 0
    assert [mount['path'] for mount in runner.own_mounts()] == [path], 'its command lives'
    sleeping = children_of(command)
    for pid in [command, *sleeping]:
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=30)
    if worker_too:
        os.kill(worker, signal.SIGKILL)
    if verb == 'umount':
        assert wait_until(lambda: runner.run('umount', path).returncode == 0), 'the mount stays'
        assert nothing_left(runner), 'its directories stay'
    else:
        assert wait_until(lambda: runner.run('run', image, '--', 'true').returncode == 0 and
                          nothing_left(runner, 0)), 'the mount stays'


def test_kills_in_every_phase(runner, image, figure, capsys):
    choose, counts = random.Random(3), Counter()
    if 'ASAN_OPTIONS' in runner.environment:
        # The search for leaks at a process's end has a process of its own: with one of the two
        # killed, the other one waits for ever or complains of that. The other tests here search.
        runner.environment['ASAN_OPTIONS'] += ':detect_leaks=0'
    start = time.monotonic()
    runner.run('run', image, '--', 'true')
    span = time.monotonic() - start
    for number in range(KILLS):
        counts[one_kill(runner, image, choose, ROLES[number % 4], PHASES[number // 4 % 3],
                        span)] += 1
    with capsys.disabled():
        for phase in PHASES:
            print('\n%-8s' % phase,
                  ' '.join('%s %d' % (role, counts[role, phase]) for role in ROLES), end='')
        print(
            '\nno such process any more: %d; left: 0 mounts, 0 directories, 0 processes of %d runs'
            % (counts[None], KILLS))
    assert all(counts[role, 'running'] for role in ROLES)
    assert not [
        m for m in mounts()
        if b'ozxfs-run' in m['path'] and m['path'].startswith(os.fsencode(runner.folder))
    ]
    figure(kills=KILLS - counts[None], runs=KILLS)
