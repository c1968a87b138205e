# SPDX-License-Identifier: BSD-2-Clause
"""The process that parses has no rights left (promise 17): read from the real one's
/proc/PID/status while it is stopped at its first read, and tried by one that is built to try
(ozxfs_probe)."""
import os
import pty
import re
import signal

import pytest
# noqa: F401
from kit.proc import descriptors_of, status_of
from verbs import NOBODY, PROBE, READ, TREE, case, needs_cage, ordinary_user, verb

pytestmark = needs_cage
NO_CAPABILITIES = ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')


def check_rights(state, seccomp='2'):
    assert (state['NoNewPrivs'], state['Seccomp']) == ('1', seccomp)
    for name in NO_CAPABILITIES:
        assert int(state[name], 16) == 0, name


def let_end(process, child):
    os.kill(child, signal.SIGCONT)
    out, said = process.communicate(timeout=30)
    return process.returncode, out, said


def test_rights(case):
    good = case.run()
    with case.stopped() as (process, child):
        state = status_of(child)
        assert int(state['PPid']) == process.pid, 'it is a process of its own, and parses'
        check_rights(state)
        if case.as_root:
            uid, gid = (0, 0) if case.kind == TREE else (NOBODY, NOBODY)
            assert state['Uid'].split() == [str(uid)] * 4 and state['Gid'].split() == [str(gid)] * 4
            assert case.kind == TREE or not state['Groups'].strip()
            assert int(state['CapBnd'], 16) == 0
        code, out, _ = let_end(process, child)
    assert (code, out) == (good.returncode, good.stdout) and code == 0


def test_descriptors(case):
    """The archive, what it was given to write, and nothing else; it cannot read what is typed or
    piped into the command."""
    with case.stopped() as (process, child):
        held = descriptors_of(child) if os.geteuid() == 0 else {}
        let_end(process, child)
    if not held:
        pytest.skip('not shown to an ordinary user')
    assert held.pop(0) == '/dev/null'
    assert held.pop(1).startswith('/memfd:' if case.name ==
                                  'verify-json' else 'pipe:') and held.pop(2).startswith('pipe:')
    others = [target for target in held.values() if target != case.archive]
    assert len(others) == (0 if case.kind == READ else 1) and all(case.out in target
                                                                  for target in others), held


def test_root_directory(case):
    """Started by root it sees no file system: an empty directory, or the one that it fills."""
    if not case.as_root:
        pytest.skip('needs root')
    with case.stopped() as (process, child):
        seen = os.listdir('/proc/%d/root' % child) if case.kind == TREE else []
        where = os.readlink('/proc/%d/root' % child)
        if case.kind != TREE:
            with pytest.raises((FileNotFoundError, ProcessLookupError)):
                os.listdir('/proc/%d/root' % child)
        let_end(process, child)
    assert where != '/' and not seen


# What the probe tries, and the answers that are right where files are made (an ordinary user's
# paths are seen by Landlock alone).
PATHS = ('open', 'create', 'locate', 'stat', 'statx', 'access', 'readlink', 'chdir')
TERMINAL = ('input', 'typed', 'typed-parts')
PROCESSES = ('socket', 'exec', 'ptrace', 'kill', 'fork')
IN_TREE = ('set-uid', 'set-gid', 'symlink', 'device', 'chmod', 'remove', 'parent')
IN_TREE_OPEN = {
    'open': ('EACCES', 'ENOENT'), 'create': ('EACCES', 'ENOENT'), 'parent': ('EACCES', 'ENOENT')
}


def attempts(said):
    tried = next(line for line in said.decode(errors='replace').splitlines()
                 if line.startswith('ozxfs: probe: '))
    return dict(re.findall(r'([a-z-]+) ([A-Z]+)', tried.split('probe: ')[1]))


def check_attempts(tried, kind):
    names = PATHS + TERMINAL + PROCESSES + (IN_TREE if kind == TREE else ())
    assert sorted(tried) == sorted(names)
    for name in names:
        allowed = IN_TREE_OPEN.get(name, ('EPERM',)) if kind == TREE else ('EPERM',)
        assert tried[name] in allowed, (name, tried[name])


def test_cannot_get_out(case):
    good, done = case.run(), case.run(PROBE)
    check_attempts(attempts(done.stderr), case.kind)
    assert (done.returncode, done.stdout) == (good.returncode,
                                              good.stdout), 'and it does its work all the same'


def on_terminal(case, binary, typed):
    """(exit code, what is to be read from the terminal) of a run on one; what was typed meanwhile
    stays in it."""
    pid, terminal = pty.fork()
    if pid == 0:
        arguments = case.arguments(binary)
        if case.user:
            os.setgroups([]), os.setgid(case.user.pw_gid), os.setuid(case.user.pw_uid)
        os.execve(arguments[0], arguments, dict(os.environ, TERM='xterm', LC_ALL='C.UTF-8'))
    os.write(terminal, typed)
    said = b''
    while True:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


def test_what_is_typed(case):
    code, said = on_terminal(case, PROBE, b'secret\n')
    tried = attempts(said.replace(b'\r\n', b'\n'))
    assert code == 0 and [tried[name] for name in TERMINAL] == ['EPERM'] * 3
    if case.name == 'info':
        assert b'\x1b[1m' in said, 'colours are there'


# --- what the kernel may lack ---------------------------------------------------------------------

@pytest.mark.parametrize('lack', ['OZXFS_NO_LANDLOCK', 'OZXFS_NO_SECCOMP', 'OZXFS_NO_CHROOT'])
def test_missing_features(case, lack):
    good = case.run()
    with case.stopped(environment={lack: '1'}) as (process, child):
        check_rights(status_of(child), '0' if lack == 'OZXFS_NO_SECCOMP' else '2')
        code, out, said = let_end(process, child)
    assert (code, out) == (0, good.stdout), said


def test_probe_without_landlock(case):
    """seccomp alone."""
    done = case.run(
        PROBE, env=dict(os.environ, OZXFS_NO_LANDLOCK='1',
                        **case.faulty.environment('none:0:none')))
    tried = attempts(done.stderr)
    # Landlock is what confines an ordinary user's unpack; root's has the tree as its root
    if case.kind == TREE and not case.as_root:
        tried.update(dict.fromkeys(('open', 'create', 'parent'), 'EACCES'))
    check_attempts(tried, case.kind)
    assert done.returncode == 0


# --- whom root becomes ----------------------------------------------------------------------------

@pytest.mark.parametrize('owner', ['user', 'root'])
def test_archive_that_does_not_answer_nobody(case, owner):
    """On a file system that asks who reads: its owner is tried. Root's own is read by root, without
    a right besides."""
    if not case.as_root or case.kind == TREE:
        pytest.skip('needs root, and ids that are dropped')
    user = ordinary_user()
    if owner == 'user':
        os.chown(case.archive, user.pw_uid, user.pw_gid)
    with case.stopped(environment={'OZXFS_SQUASH': str(NOBODY)}) as (process, child):
        state = status_of(child)
        check_rights(state)
        assert state['Uid'].split() == [str(user.pw_uid if owner == 'user' else 0)] * 4
        code, _, said = let_end(process, child)
    assert code == 0, said
