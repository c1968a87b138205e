# SPDX-License-Identifier: BSD-2-Clause
"""edit or add, and the power goes at any byte: every reader sees the old tree, the new one, or
refuses; and `edit FILE` and `repack --recover` bring back the old tree, or complete the new one.

The states are worked out from a log of the real calls (record.c): between two fsyncs any of the
writes may be on the disk and others not, one of them may be torn at any byte, and the size is the
old one, the new one, or what the writes that are there make it."""
import errno
import hashlib
import itertools
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import zipfile

import pytest
from kit import launch
from kit.faulty import LONG, OZXFS, numbers
from kit.info import write
from power_cut import parse

RECORD = os.environ.get('OZXFS_RECORDER')
SLOW = os.environ.get('OZXFS_SANITIZED') == '1'
STATES = None if LONG else 60 if SLOW else 150  # at most so many are tried
SAMPLED = 1 if LONG else 12  # every so many of them, the slower readers look, too
ACTIONS = [str(errno.EIO), 'kill', *(() if SLOW else (str(errno.ENOSPC), 'short', 'after'))]
GROUP = {'zarr_format': 3, 'node_type': 'group', 'attributes': {'a': 1}}
TEXT = json.dumps(GROUP).encode()
# Data that have an end record's signature, and a local header's.
DATA = b'PK\3\4' + bytes(30) + b'PK\5\6' + bytes(18) + bytes(range(256)) * 20


def node(**ome):
    return dict(GROUP, attributes={'ome': {'version': '0.5', **ome}})


IMAGE = node(multiscales=[{'axes': [{'name': 'x', 'type': 'space'}], 'datasets': [{'path': 's'}]}])
WELL = node(well={'images': [{'path': '0'}]})
# A plate whose metadata list the well and, in a second way, all nodes.
PLATE = dict(
    node(plate={'rows': [{'name': 'A'}], 'columns': [{'name': '1'}], 'field_count': 1,
                'wells': [{'path': 'A/1', 'rowIndex': 0, 'columnIndex': 0}]}),
    consolidated_metadata={'kind': 'inline', 'metadata': {'A': GROUP, 'A/1': WELL, 'n': GROUP}})
LISTING = dict(GROUP, consolidated_metadata={'kind': 'inline', 'metadata': {'n': GROUP}})
# of each change: the archive, what is changed first, all entries that are replaced, arguments
CHANGES = {
    'edit-root': ({'zarr.json': TEXT, 'n/zarr.json': TEXT}, ['zarr.json'],
                  ('edit', '/', 'attributes.a=2')),
    'edit-node': ({'zarr.json': TEXT, 'n/zarr.json': TEXT}, ['n/zarr.json'],
                  ('edit', 'n', 'attributes.a=2')),
    'edit-listed': ({'zarr.json': json.dumps(LISTING), 'n/zarr.json': TEXT},
                    ['n/zarr.json', 'zarr.json'], ('edit', 'n', 'attributes.a=2')),
    'add': ({'zarr.json': json.dumps(PLATE), 'A/zarr.json': TEXT, 'A/1/zarr.json': json.dumps(WELL),
             'n/zarr.json': TEXT}, ['A/1/zarr.json', 'zarr.json'], ('add', 'TREE', 'A/1/1')),
}


def command(arguments, path, folder):
    """The verb, the archive, the rest; a tree to be added is made."""
    verb, *rest = arguments
    if verb == 'add':
        for name, data in (('zarr.json', json.dumps(IMAGE).encode()), ('s/zarr.json', TEXT),
                           ('s/c/0', DATA)):
            (folder / 'tree' / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / 'tree' / name).write_bytes(data)
        rest = ['-q', '-j1', *rest]
    files = [folder / 'tree' if part == 'TREE' else part for part in rest]
    at = 2 if verb == 'add' else 0
    return [verb, *files[:at], path, *files[at:]]


def apply(content, offset, data):
    content.extend(bytes(max(0, offset - len(content))))
    content[offset:offset + len(data)] = data


class Epoch:
    """What is done between two fsyncs: `before` is on the disk for certain."""

    def __init__(self, before):
        self.before, self.writes, self.cut_to = bytes(before), [], None

    def after(self):
        content = bytearray(self.before)
        for offset, data in self.writes:
            apply(content, offset, data)
        if self.cut_to is not None:
            del content[self.cut_to:]
        return bytes(content)

    def states(self):
        full = len(self.after())
        if self.cut_to is not None:
            between = {self.cut_to, full, len(self.before), (self.cut_to + len(self.before)) // 2,
                       *range(len(self.before) - 60, len(self.before), 7)}
            for size in sorted(between):
                yield self.before[:size]
            return
        for count in range(len(self.writes) + 1):
            for chosen in itertools.combinations(self.writes, count):
                yield from self.sizes(chosen, full)
        for number, (offset, data) in enumerate(self.writes):
            others = self.writes[:number], self.writes[:number] + self.writes[number + 1:], ()
            step = 1 if len(data) <= 64 else max(1, len(data) // 40)
            for stop, rest in itertools.product(range(1, len(data), step), others):
                yield from self.sizes([*rest, (offset, data[:stop])], full)

    def sizes(self, chosen, full):
        content = bytearray(self.before)
        for offset, data in chosen:
            apply(content, offset, data)
        yield bytes(content)
        yield bytes(content.ljust(full, b'\0'))


class Recorded:
    """An archive before and after one change, and the epochs of it."""

    def __init__(self, folder, change):
        self.path = folder / 'x.ozx'
        files, self.replaced, arguments = CHANGES[change]
        write(self.path, {**files, 'n/c/0': DATA})
        self.old, log = self.path.read_bytes(), folder / 'log'
        log.write_bytes(b'')
        inode = os.stat(self.path).st_ino
        done = subprocess.run([OZXFS, *command(arguments, self.path, folder)], check=False,
                              capture_output=True,
                              env=dict(os.environ, LC_ALL='C', LD_PRELOAD=RECORD,
                                       OZXFS_RECORD=str(log),
                                       ASAN_OPTIONS='verify_asan_link_order=0'))
        assert (done.returncode, done.stderr) == (0, b'')
        lines = log.read_bytes()
        size, _ = struct.unpack('<QQ', lines[:16])
        self.new = self.path.read_bytes()
        self.changed = self.replaced[0]
        self.epochs = self.split(parse(lines[16:16 + size]), inode)
        self.trees = [self.tree(data) for data in (self.old, self.new)]
        assert self.trees[0] != self.trees[1]

    def split(self, events, inode):
        epochs = [Epoch(self.old)]
        for call, words, data in events:
            if int(words[0]) != inode:
                continue
            if call == 'write':
                epochs[-1].writes.append((int(words[1]), data))
            elif call == 'truncate':
                epochs[-1].cut_to = int(words[1])
            elif call == 'synced':
                epochs.append(Epoch(epochs[-1].after()))
        assert epochs[-1].before == self.new and not epochs[-1].writes
        return epochs[:-1]

    def tree(self, data):
        self.path.write_bytes(data)
        with zipfile.ZipFile(self.path) as opened:
            return {name: opened.read(name) for name in opened.namelist()}

    def states(self):
        """[(number of the epoch, bytes)], each once."""
        seen, states = set(), []
        for number, epoch in enumerate(self.epochs):
            for state in epoch.states():
                digest = hashlib.sha256(state).digest()
                if digest not in seen:
                    states.append((number, state))
                    seen.add(digest)
        if STATES and len(states) > STATES:
            # of those that are few in an epoch, all
            chosen = []
            by_epoch = [[s for s in states if s[0] == n] for n in range(len(self.epochs))]
            for some in by_epoch:
                room = max(20, STATES // len(by_epoch))
                chosen += some if len(some) <= room else random.Random(1).sample(some, room)
            states = chosen
        return states

    # What readers see: a tree, or None if they refuse.

    def by_zipfile(self):
        try:
            with zipfile.ZipFile(self.path) as opened:
                return {name: opened.read(name) for name in opened.namelist()}
        except zipfile.BadZipFile:
            return None

    def by_ozxfs(self):
        done = subprocess.run([OZXFS, 'cat', self.path, self.changed], capture_output=True,
                              check=False)
        assert done.returncode in (0, 2), done.stderr
        return done.stdout if done.returncode == 0 else None

    def by_tool(self, *command):
        if not shutil.which(command[0]):
            return None
        done = subprocess.run(command, capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def check(self, said, where, whole=False):
        """That it is the old or the new one; which, or None."""
        if said is None:
            return None
        for which in (0, 1):
            if said == (self.trees[which] if whole else self.trees[which][self.changed]):
                return which
        pytest.fail(f'{where}: neither the old tree nor the new one')


@pytest.fixture(scope='module', params=sorted(CHANGES))
def recorded(request, tmp_path_factory):
    if not RECORD:
        pytest.skip('no recorder')
    return Recorded(tmp_path_factory.mktemp('cut'), request.param)


def test_old_bytes_are_written_when_the_new_tree_is_safe(recorded):
    """Nothing but the signatures of local headers that are not listed any more."""
    committed = [number for number, epoch in enumerate(recorded.epochs)
                 if any(data == b'PK\5\6' for _, data in epoch.writes)]
    assert len(committed) == 1
    size, places = len(recorded.old), []
    for name in map(str.encode, recorded.replaced):
        at = recorded.old.index(struct.pack('<H', len(name)) + recorded.old[28:30] + name) - 26
        places.append((at, bytes(4)))
    for number, epoch in enumerate(recorded.epochs):
        inside = [(offset, data) for offset, data in epoch.writes if offset < size]
        assert inside == (sorted(places) if number == committed[0] + 1 else [])


def test_every_cut(recorded, tmp_path):
    path, commit = recorded.path, next(
        number for number, epoch in enumerate(recorded.epochs)
        if any(data == b'PK\5\6' for _, data in epoch.writes))
    outcomes = {0: 0, 1: 0}
    for number, (epoch, state) in enumerate(recorded.states()):
        where = f'state {number}, epoch {epoch}, {len(state)} bytes'
        path.write_bytes(state)
        seen = [recorded.check(recorded.by_zipfile(), where + ', zipfile', whole=True),
                recorded.check(recorded.by_ozxfs(), where + ', ozxfs')]
        if number % SAMPLED == 0:
            for tool in (('unzip', '-p', path, recorded.changed),
                         ('7z', 'e', '-so', path, recorded.changed),
                         ('bsdtar', '-xOf', path, recorded.changed)):
                said = recorded.by_tool(*tool)
                if said:
                    recorded.check(said, f'{where}, {tool[0]}')
            out = tmp_path / 'recovered.ozx'
            done = subprocess.run([OZXFS, 'repack', '-q', '-f', '--ome-version', '0.5', '--recover',
                                   path, out],
                                  capture_output=True, check=False)
            assert done.returncode in (0, 2) and out.exists(), (where, done.stderr)
            with zipfile.ZipFile(out) as opened:
                found = {name: opened.read(name) for name in opened.namelist()}
            assert found in recorded.trees, where
            assert epoch > commit or found == recorded.trees[0] or epoch == commit, where
        done = subprocess.run([OZXFS, 'edit', path], capture_output=True, check=False)
        assert done.returncode == 0, (where, done.stderr)
        kept = path.read_bytes()
        assert kept.rstrip(b'\0') in (recorded.old.rstrip(b'\0'), recorded.new.rstrip(b'\0')), where
        which = recorded.check(recorded.by_zipfile(), where + ', settled', whole=True)
        assert which == (1 if epoch > commit else 0) or epoch == commit, where
        assert set(seen) <= {None, 0, 1} and (epoch > commit or epoch == commit or 1 not in seen)
        assert epoch <= commit or 0 not in seen, where
        outcomes[which] += 1
    assert min(outcomes.values()) > 5


def test_a_dropped_fsync_would_be_found(recorded):
    """The signature on the disk, and nothing that it stands for: no tree of ours."""
    commit = next(number for number, epoch in enumerate(recorded.epochs)
                  if any(data == b'PK\5\6' for _, data in epoch.writes))
    data, signature = recorded.epochs[commit - 1], recorded.epochs[commit]
    merged = Epoch(data.before)
    merged.writes = [*data.writes, *signature.writes]
    bad = 0
    for left_out in merged.writes[:-1]:
        content = bytearray(merged.before)
        for offset, written in merged.writes:
            if (offset, written) != left_out:
                apply(content, offset, written)
        recorded.path.write_bytes(content)
        subprocess.run([OZXFS, 'edit', recorded.path], capture_output=True, check=False)
        bad += recorded.path.read_bytes() not in (recorded.old, recorded.new)
    assert bad > 0


@pytest.mark.parametrize('change, action', [('edit-root', action) for action in ACTIONS]
                         + [('add', action) for action in ACTIONS[:2]])
@pytest.mark.parametrize('call', ['pwrite64', 'fsync', 'ftruncate'])
def test_a_call_that_fails(change, call, action, faulty, tmp_path):
    """The old archive, byte for byte, or the new one; where even that fails, the next edit's."""
    path = tmp_path / 'x.ozx'
    files, (name, *_), arguments = CHANGES[change]
    write(path, {**files, 'n/c/0': b'data'})
    old, arguments = path.read_bytes(), command(arguments, path, tmp_path)
    with zipfile.ZipFile(path) as opened:
        text = opened.read(name)
    done = faulty.run(f'{call}:0:none', *arguments)
    assert done.returncode == 0 and path.read_bytes() != old
    for number in range(1, faulty.page.calls + 1):
        for every in ('', '+'):
            path.write_bytes(old)
            done = faulty.run(f'{call}:{number}{every}:{action}', *arguments)
            assert faulty.page.fired
            left = path.read_bytes()
            subprocess.run([OZXFS, 'edit', path], capture_output=True, check=True)
            kept = path.read_bytes()
            with zipfile.ZipFile(path) as opened:
                assert opened.testzip() is None
                is_old = opened.read(name) == text
            assert (kept == old) == is_old, number
            assert not (done.returncode == 0 and is_old), number
            # what ends it is the process that stays behind: none with sanitizers
            gone = SLOW or done.returncode < 0
            assert left == kept or every or call == 'fsync' or gone, number


@pytest.mark.skipif(SLOW, reason='a sanitizer has an allocator of its own')
@pytest.mark.parametrize('change', ['edit-root', 'add'])
def test_an_allocation_that_fails(change, faulty, tmp_path):
    """One line, and the old archive; or the new one."""
    path = tmp_path / 'x.ozx'
    files, (name, *_), arguments = CHANGES[change]
    write(path, files)
    old, arguments = path.read_bytes(), command(arguments, path, tmp_path)
    with zipfile.ZipFile(path) as opened:
        text = opened.read(name)
    assert faulty.run('memory:0:none', *arguments).returncode == 0
    assert path.read_bytes() != old
    failed = 0
    for number in numbers(faulty.page.calls):
        path.write_bytes(old)
        done = faulty.run(f'memory:{number}:{errno.ENOMEM}', *arguments)
        assert done.returncode in (0, 71), (number, done)
        assert len(done.stderr.splitlines()) == (done.returncode != 0), (number, done.stderr)
        left = path.read_bytes()
        with zipfile.ZipFile(path) as opened:
            assert opened.testzip() is None
            assert (opened.read(name) == text) == (done.returncode != 0), number
        assert done.returncode == 0 or left == old, number
        failed += done.returncode != 0
    assert failed > 5, 'allocations whose failure nobody noticed'


@pytest.mark.parametrize('number, said', [(1, b'not there'), (2, b'read back')])
def test_a_write_that_is_lost(number, said, faulty, tmp_path):
    """The mark, and the tree: what is to be undone, and what is to be read."""
    path = tmp_path / 'x.ozx'
    files, _, arguments = CHANGES['add']
    write(path, files)
    old = path.read_bytes()
    done = faulty.run(f'pwrite64:{number}:lost', *command(arguments, path, tmp_path))
    assert (done.returncode, said in done.stderr) == (74, True), done.stderr
    subprocess.run([OZXFS, 'edit', path], capture_output=True, check=True)
    assert path.read_bytes() == old


@pytest.mark.parametrize('zeros, is_undone', [(2**28 - 1, True), (2**28, False)])
def test_zeros_where_there_are_no_holes(zeros, is_undone, faulty, tmp_path):
    """Those in front of a mark that was torn: less than 256 MiB are looked at. More are left to
    repack --recover, and it is said."""
    path = tmp_path / 'x.ozx'
    write(path, {'zarr.json': TEXT})
    old = path.read_bytes()
    os.truncate(path, len(old) + zeros)  # a hole, but nobody may know
    done = launch.run('edit', path, env={**faulty.environment('none:1:none'),
                                         'OZXFS_NO_HOLES': '1'}, timeout=60)
    assert (done.returncode == 0) == is_undone, done.stderr
    assert (path.stat().st_size == len(old)) == is_undone
    if not is_undone:
        assert b'repack --recover' in done.stderr, done.stderr
        done = launch.run('edit', path)  # here they are seen at once
        assert done.returncode == 0, done.stderr
    assert path.read_bytes() == old


@pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
def test_refused_while_mounted(ozxfs, folder):
    path, where = os.path.join(folder, 'mounted.ozx'), ozxfs.directory()
    write(path, {'zarr.json': TEXT, 'c': DATA})
    before = pathlib.Path(path).read_bytes()
    assert ozxfs.run('mount', path, where).returncode == 0
    done = ozxfs.run('edit', path, '/', 'attributes.a=2')
    assert done.returncode == 72 and pathlib.Path(path).read_bytes() == before
    assert ozxfs.run('umount', where).returncode == 0
    assert ozxfs.run('edit', path, '/', 'attributes.a=2').returncode == 0
