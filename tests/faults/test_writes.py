# SPDX-License-Identifier: BSD-2-Clause
"""unpack and repack when a call that makes the result fails, or kills: the old one, the new one, or
none, and nothing beside it. (pack: tests/pack/test_safety.py.)"""
import errno
import os
import shutil
import signal

import pytest
from kit.faulty import error_lines, numbers
from verbs import prepare, tree_of

CALLS = {('unpack', 'new'): ('openat64', 'mkdirat', 'pwrite64',
                             'ftruncate', 'times', 'close', 'syncfs', 'fsync', 'renameat2'),
         ('repack', 'new'): ('openat64', 'pwrite64', 'close', 'fsync', 'linkat')}
CALLS['unpack', 'force'] = (*CALLS['unpack', 'new'], 'fchmod')
CALLS['repack', 'force'] = (*CALLS['repack', 'new'], 'fchmod', 'renameat')
CALLS['repack', 'in-place'] = (*CALLS['repack', 'new'], 'fchmod', 'renameat2')
FAILED = (71, 73, 74, 77)
SYNC_FAILED = b'directory cannot be synced'


def result_of(path):
    if os.path.isdir(path):
        return tree_of(path)
    if not os.path.exists(path):
        return None
    with open(path, 'rb') as source:
        return source.read()


class Target:
    """A folder with the old result in it, or without; `verb` makes the new one there."""

    def __init__(self, verb, archive, folder, how):
        self.verb, self.archive = verb, archive
        self.force, self.in_place = how == 'force', how == 'in-place'
        self.folder = os.path.join(folder, 'target')
        self.path = os.path.join(self.folder, 'result')
        self.options = ['--no-sync'] if verb == 'unpack' else []

    def make_old(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        if self.in_place:
            shutil.copy(self.archive, self.path)
        if not self.force:
            return
        if self.verb == 'repack':
            with open(self.path, 'wb') as old:
                old.write(b'the old archive')
        else:
            os.mkdir(self.path)
            with open(self.path + '/zarr.json', 'wb') as old:
                old.write(b'the old tree')

    def run(self, faulty, fault):
        """(exit code, stderr, what stands under the name, what is beside it)"""
        self.make_old()
        operands = ['--in-place', '--align', '256', self.path
                    ] if self.in_place else [self.archive, self.path]
        done = faulty.run(fault, self.verb, '-j', '1', *(['-f'] if self.force else []),
                          *self.options, *operands)
        return done.returncode, done.stderr, result_of(
            self.path), [n for n in os.listdir(self.folder) if n != 'result']


@pytest.fixture(params=CALLS, ids='-'.join)
def target(request, faulty, archive, folder):
    made = Target(request.param[0], archive[0], folder, request.param[1])
    made.make_old()
    made.old = result_of(made.path)
    code, said, made.new, left = made.run(faulty, 'any:0:none')
    assert code == 0 and not left, said
    return made


@pytest.mark.parametrize('code', [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize('target,call',
                         [(target, call) for target, calls in CALLS.items() for call in calls],
                         indirect=['target'], ids=lambda value: value
                         if isinstance(value, str) else '-'.join(value))
def test_fails(call, code, target, faulty, figure):
    if call in ('syncfs', 'fsync'):
        target.options = []
    target.run(faulty, f'{call}:0:none')
    count, failed = faulty.page.calls, 0
    assert count, 'no such call was made'
    for n in numbers(count):
        status, said, result, left = target.run(faulty, f'{call}:{n}:{code}')
        where = (target.verb, call, n, count, status, said, left)
        if status == 0:
            assert result == target.new and not left, where
            continue
        failed += 1
        assert status in FAILED and len(error_lines(said)) == 1, where
        assert not left, where
        assert result == (target.new if SYNC_FAILED in said else target.old), where
    figure(
        f'{target.verb}: {call} {errno.errorcode[code]}: {len(numbers(count))} of {count + 1} '
        f'places, {failed} runs failed as they should',
        tried=len(numbers(count)), failed=failed)
    assert failed or call in ('close', 'linkat', 'renameat',
                              'renameat2') or (call, target.verb) == ('openat64', 'repack')


@pytest.mark.parametrize('action', ['short', str(errno.EINTR)])
def test_writes_go_on(action, target, faulty):
    target.run(faulty, 'pwrite64:0:none')
    for n in numbers(faulty.page.calls):
        status, said, result, left = target.run(faulty, f'pwrite64:{n}:{action}')
        assert (status, result, left) == (0, target.new, []), (n, said)


@pytest.mark.parametrize('action', ['kill', 'after'])
def test_killed(action, target, faulty, figure):
    """At every call. What is beside the result then has a name that says so."""
    target.run(faulty, 'any:0:none')
    count, seen = faulty.page.calls, set()
    for n in numbers(count):
        status, said, result, left = target.run(faulty, f'any:{n}:{action}')
        # 71: the command outlived its caged process, and said so
        assert status in (0, 71, -signal.SIGKILL), said
        assert result in (target.old,
                          target.new), 'neither the old nor the new one: %d of %d' % (n, count)
        assert all(name.startswith('.ozxfs-') and name.endswith('.partial') for name in left), left
        seen.add('new' if result == target.new else 'old')
    assert seen == {'old', 'new'}
    figure(f'{target.verb}: {action}: killed at {len(numbers(count))} of {count} calls',
           tried=len(numbers(count)))


def test_prepare_is_used(faulty, archive, folder):
    """The tree of the archive is what unpack makes without any fault."""
    prepare(faulty, archive[0], folder)
    tree = tree_of(os.path.join(folder, 'tree'))
    assert {n: d for n, d in tree.items() if d is not None} == archive[1]
