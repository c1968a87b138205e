# SPDX-License-Identifier: BSD-2-Clause
"""A mount whose reads of the archive, or whose allocations, fail one after the other: clients get
the right bytes or an error, a mount that cannot be is refused in one line, and nothing hangs,
crashes or is left."""
import errno

import pytest
from kit.faulty import LONG, SANITIZED, error_lines, numbers
from mounted import Mount, apart, read_tree


def one_mount(ozxfs, archive, environment, *options):
    """(served, errors of the first reading, errors of a second one, exit code, lines)"""
    path, contents = archive
    mount = Mount(ozxfs, path, environment, *options)
    first = again = None
    if mount.served:
        first = apart(read_tree, mount.where, contents)
        again = apart(read_tree, mount.where, contents)
    code, said = mount.end()
    return mount.served, first, again, code, error_lines(said)


def count_calls(ozxfs, faulty, archive, call, *options):
    served, first, again, code, lines = one_mount(ozxfs, archive,
                                                  faulty.environment(f'{call}:0:none'), *options)
    assert served and not first and not again and code == 0 and not lines
    return faulty.page.calls


READ_FAULTS = [('read', 'short', set()), ('read', str(errno.EINTR), set()),
               ('preadv2', str(errno.EAGAIN), set()), ('preadv2', str(errno.EOPNOTSUPP), set()),
               ('read', str(errno.EIO), {errno.EIO}), ('read', 'end', {errno.EIO}),
               ('fstat', str(errno.EIO), {errno.EIO})]
FAULTS = [(*fault, waits)
          for fault in READ_FAULTS
          for waits in ([False] if fault[0] == 'preadv2' else [False, True])]


@pytest.mark.parametrize('call,action,allowed,waits', FAULTS,
                         ids=['%s-%s%s' % (f[0], f[1], '-waits' if f[3] else '') for f in FAULTS])
def test_reads(call, action, allowed, waits, ozxfs, faulty, archive, figure):
    """One fault: whoever asked may get EIO; whoever asks again gets the right bytes. `waits`: no
    read is tried first for what is in memory, so each that fails is a client's."""
    if waits:
        ozxfs.environment['OZXFS_NO_NOWAIT'] = '1'
    count, refused, failed = count_calls(ozxfs, faulty, archive, call), 0, 0
    assert count > 5
    for n in numbers(count):
        served, first, again, code, lines = one_mount(ozxfs, archive,
                                                      faulty.environment(f'{call}:{n}:{action}'))
        where = (n, count, served, first, again, code, lines)
        if not served:
            refused += 1
            assert allowed and code in (71, 74) and len(lines) == 1, where
            continue
        failed += bool(first)
        assert first <= allowed | {'early'} and not again and code == 0, where
        assert len(lines) <= 1 and bool(lines) == bool(first - {'early'}), where
    assert bool(allowed) == bool(refused or failed)
    figure(
        f'mount: {call} {action}: {len(numbers(count))} of {count + 1} places, {refused} refused, '
        f'{failed} read with an error, 0 other bytes',
        tried=len(numbers(count)), refused=refused, failed=failed)


@pytest.mark.parametrize('action', ['short', str(errno.EIO), 'end'])
def test_reads_from_then_on(action, ozxfs, faulty, archive, figure):
    """All reads fail from the N-th on: the right bytes or EIO, in the second reading, too."""
    count, refused, failed = count_calls(ozxfs, faulty, archive, 'read'), 0, 0
    for n in numbers(count)[::1 if LONG else 3]:
        served, first, again, code, lines = one_mount(ozxfs, archive,
                                                      faulty.environment(f'read:{n}+:{action}'))
        where = (n, count, served, first, again, code, lines)
        if action == 'short':
            assert served and not first and not again and code == 0 and not lines, where
        elif not served:
            refused += 1
            assert code in (71, 74) and len(lines) == 1, where
        else:
            failed += bool(first)
            assert code == 0 and first | again <= {errno.EIO, 'early'} and len(lines) <= 2, where
    assert action == 'short' or (refused and failed)
    figure(
        f'mount: read {action} from then on: {refused} refused, {failed} read with an error, 0 '
        f'other bytes',
        tried=len(numbers(count)[::1 if LONG else 3]), refused=refused, failed=failed)


@pytest.mark.skipif(SANITIZED, reason='a sanitizer has an allocator of its own')
def test_memory(ozxfs, faulty, archive, figure):
    """One allocation fails: a refusal in one line, ENOMEM to one client, or (libfuse lacks its
    buffer) a clean end, which is ENOTCONN."""
    count, refused, failed, ended = count_calls(ozxfs, faulty, archive, 'memory'), 0, 0, 0
    for n in numbers(count):
        served, first, again, code, lines = one_mount(
            ozxfs, archive, faulty.environment(f'memory:{n}:{errno.ENOMEM}'))
        where = (n, count, served, first, again, code, lines)
        assert code in ((0, 71) if served else (71,)), where
        assert len(lines) <= 1 and (served or lines), where
        if not served:
            refused += 1
        elif code:
            ended += 1
            assert lines and first <= {
                errno.ENOTCONN, errno.ECONNABORTED, errno.ENOMEM, errno.EIO, 'early'
            }, where
        else:
            failed += bool(first or again)
            # How many there are differs from run to run: a late one may be the second reading's.
            assert first | again <= {errno.ENOMEM, errno.EIO, 'early'}, where
            assert not (first and again), where
    assert refused
    figure(
        f'mount: memory: {len(numbers(count))} of {count + 1} places, {refused} refused, {failed} '
        f'read with an error, {ended} ended',
        tried=len(numbers(count)), refused=refused, failed=failed, ended=ended)
