# SPDX-License-Identifier: BSD-2-Clause
"""pack, repack and unpack, and the power goes: whatever was on the disk by then, under the name
stands the old result, the new one, or none; and the new one for certain once the verb has returned.
What may be on the disk is worked out from a log of the real calls (power_cut.py): the kernel that
this was made on has no device mapper, so no dm-log-writes."""
import os
import re
import shutil
import struct
import subprocess

import pytest
from kit.faulty import LONG, OZXFS
from power_cut import File, Replay, parse, snapshot, without_syncs

RECORD = os.environ.get('OZXFS_RECORDER')
LEFTOVER = re.compile(r'\.ozxfs-[a-z2-7]{8}\.partial$')
CUTS = None if LONG else 150  # at most so many places are tried


class Recorded:
    """A verb that was run once in a folder, and its log."""

    def __init__(self, folder, verb, old, jobs, environment, archive):
        self.folder = os.path.join(folder, 'target')
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        path, log = os.path.join(self.folder, 'result'), os.path.join(folder, 'log')
        make_old(path, verb, old)
        by_inode = {}
        root = snapshot(self.folder, by_inode)
        open(log, 'wb').close()
        source = os.path.join(folder, 'tree') if verb == 'pack' else archive
        done = subprocess.run(
            [OZXFS, verb, '-j', jobs, *(['-f'] if old == 'old' else []), source, path],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            env=dict(os.environ, LC_ALL='C', LD_PRELOAD=RECORD, OZXFS_RECORD=log,
                     ASAN_OPTIONS='verify_asan_link_order=0', **environment))
        assert done.returncode == 0, done.stderr
        with open(log, 'rb') as lines:  # record.c, struct log
            size, _ = struct.unpack('<QQ', lines.read(16))
            self.events = parse(lines.read(size))
        self.root, self.by_inode = root, by_inode
        self.old = content(root).get('result')
        self.new = content(snapshot(self.folder, {}))['result']
        assert self.new and self.new != self.old

    def judge(self, events=None):
        """(states, those in which there is half a result, those in which a finished one is not
        there)"""
        events = self.events if events is None else events
        replay, torn, lost, states = Replay(self.root, self.by_inode, events), 0, 0, 0
        count = len(events) + 1
        cuts = range(count) if CUTS is None or count <= CUTS else sorted(
            {*range(0, count, count // CUTS + 1), *range(count - CUTS // 3, count)})
        for cut, names in replay.states(cuts):
            states += 1
            result = names.pop('result', None)
            torn += result not in (self.old, self.new)
            lost += cut == len(events) and result != self.new
            assert all(LEFTOVER.match(name) for name in names), names.keys()
        return states, torn, lost

    def inodes(self, kind):
        """Of what was made by the calls `kind`."""
        return {
            int(words[0 if call == 'unnamed' else 1])
            for call, words, _ in self.events
            if call in kind
        }

    def parent(self):
        return next(inode for inode, thing in self.by_inode.items() if thing is self.root)


def content(thing):
    """Of a snapshot: bytes, or {name or path: bytes or None}."""
    if isinstance(thing, File):
        return thing.start
    found = {}
    for name, below in thing.start.items():
        inside = content(below)
        found[name] = None if isinstance(inside, dict) else inside
        if isinstance(inside, dict):
            found.update({name + '/' + path: data for path, data in inside.items()})
    return found if 'result' not in thing.start else {'result': content(thing.start['result'])}


def make_old(path, verb, old):
    """old: an earlier result; empty: an empty directory, which unpack may take; none."""
    if old == 'none':
        return
    if verb != 'unpack':
        with open(path, 'wb') as out:
            out.write(b'the old archive' * 1000)
        return
    os.mkdir(path)
    if old == 'old':
        os.mkdir(path + '/s0')
        for name in ('zarr.json', 's0/old', 's0/zarr.json'):
            with open(os.path.join(path, name), 'wb') as out:
                out.write(b'of the old tree')


CASES = [('pack', 'none', '1', {}), ('pack', 'old', '1', {}), ('pack', 'none', '4', {}),
         ('pack', 'old', '4', {}), ('pack', 'none', '1', {'OZXFS_NO_TMPFILE': '1'}),
         ('pack', 'old', '1', {'OZXFS_NO_TMPFILE': '1'}), ('repack', 'none', '1', {}),
         ('repack', 'old', '4', {}), ('repack', 'old', '1', {'OZXFS_NO_TMPFILE': '1'}),
         ('unpack', 'none', '1', {}), ('unpack', 'none', '4', {}), ('unpack', 'empty', '1', {}),
         ('unpack', 'old', '1', {}), ('unpack', 'old', '4', {})]
pytestmark = pytest.mark.skipif(
    not RECORD,
    reason='OZXFS_RECORDER does not name the preloaded library: run the tests through meson')


@pytest.fixture(scope='module')
def tree(folder, archive):
    """For pack: the sample unpacked, and its archive."""
    path = os.path.join(folder, 'tree')
    subprocess.run([OZXFS, 'unpack', '-q', archive[0], path], check=True, stdin=subprocess.DEVNULL)
    return path


def recorded(case, folder, archive):
    return Recorded(folder, *case, archive[0])


@pytest.mark.parametrize(
    'case', CASES, ids=lambda c: '-'.join((c[0], c[1], 'j' + c[2], *(['named'] if c[3] else []))))
def test_power_cut(case, folder, archive, tree, figure):
    made = recorded(case, folder, archive)
    assert Replay(made.root, made.by_inode,
                  made.events).done() == {'result': made.new}, 'a call is missing from the log'
    states, torn, lost = made.judge()
    figure(
        f'{case[0]}: {states} states of the disk after {len(made.events) + 1} calls: {torn} with '
        f'half a result, {lost} without a finished one',
        states=states)
    assert states >= 100 and (torn, lost) == (0, 0)


# --- can it fail? ---------------------------------------------------------------------------------


@pytest.mark.parametrize('case', [c for c in CASES if c[2] == '1'], ids=lambda c: '-'.join(
    (c[0], c[1], *(['named'] if c[3] else []))))
def test_a_dropped_fsync_is_found(case, folder, archive, tree):
    """Before the result gets its name, its data must be on the disk; afterwards, its name."""
    made = recorded(case, folder, archive)
    data = {0} if case[0] == 'unpack' else made.inodes(('unnamed', 'create'))
    assert made.judge(without_syncs(made.events, *data))[1] > 0, 'half a result is not noticed'
    torn, lost = made.judge(without_syncs(made.events, made.parent()))[1:]
    assert lost > 0, 'a name that is not on the disk is not noticed'
    assert (torn > 0) == (case[:2] == (
        'unpack', 'old')), 'the old tree must not be removed before the new name is on the disk'


def test_model_of_a_page(folder):
    """A write of three pages without an fsync: none, all, and each part of them."""
    os.mkdir(folder + '/empty')
    events = [('create', ['1', '2', 'f'], None), ('sync', ['1', '1'], None),
              ('synced', ['1', '1'], None), ('write', ['2', '0', '12288'], b'x' * 12288),
              ('sync', ['2', '2'], None), ('synced', ['2', '2'], None)]
    root = snapshot(folder + '/empty', {})
    replay = Replay(root, {1: root}, events)
    seen = {names.get('f') for _, names in replay.states([5])}
    assert {b'', b'x' * 12288,
            bytes(12288),
            bytes(4096) + b'x' * 8192, b'x' * 8192 + bytes(4096)} <= seen
    assert {names['f'] for _, names in replay.states([6])} == {b'x' * 12288}
    assert [names for _, names in replay.states([0])
            ] == [{}] and {tuple(names)
                           for _, names in replay.states([1])} == {(), ('f', )}
