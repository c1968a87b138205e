# SPDX-License-Identifier: BSD-2-Clause
"""What a power cut may leave on the disk, worked out from a log of the calls that a verb made
(record.c).

Role: the model, no expectations. It promises less than real file systems do:

  data       what was written to a file is on the disk only if an fsync of that file (or a syncfs)
  was called after it and has returned.
             Else each page of 4 KiB is there, or as it was before, or zeros; and the size is the
             old one, the new one, or between.
  names      what was done to a directory is on the disk only if an fsync of that directory (or a
  syncfs) was called after it and has
             returned. Else the first of these operations, in their order, are there and the others
             are not; each directory by itself.

An fsync of a file does not bring its name to the disk, nor one of a directory what is in its files.
(What ext4, xfs and btrfs do is within this.)
"""
import copy
import itertools
import os
import random
import re

PAGE = 4096
RENAME_EXCHANGE = 2
DATA = ('gone', 'there', 'zeros', 'first page missing', 'last page missing', 'cut at a page',
        *('torn %d' % i for i in range(6)))


class File:
    """A file's changes; the first `start` bytes were there before the log."""

    def __init__(self, data=b''):
        self.start, self.changes = data, []  # (event, function of a bytearray)

    def after(self, event):
        """Its bytes when all changes before `event` are done."""
        data = bytearray(self.start)
        for number, change in self.changes:
            if number < event:
                change(data)
        return bytes(data)


class Directory:
    """A directory's operations; `start` is {name: File or Directory}."""

    def __init__(self, start=None):
        self.start, self.changes = start or {}, []  # (event, function of a dict)


def _write(offset, data):
    def change(content):
        content.extend(bytes(max(0, offset - len(content))))
        content[offset:offset + len(data)] = data
    return change


def _truncate(size):
    def change(content):
        del content[size:]
        content.extend(bytes(size - len(content)))
    return change


def _remove(name):
    return lambda names: names.pop(name, None)


def _enter(name, thing):
    return lambda names: names.update({name: thing})


def snapshot(path, by_inode):
    """The File or Directory of what stands at `path` now, and of all below; `by_inode` is filled
    in."""
    inode = os.stat(path).st_ino
    if os.path.isdir(path):
        by_inode[inode] = Directory(
            {n: snapshot(os.path.join(path, n), by_inode)
             for n in sorted(os.listdir(path))})
    else:
        with open(path, 'rb') as source:
            by_inode[inode] = File(source.read())
    return by_inode[inode]


def parse(log):
    """[(call, its words, data)]"""
    at, events = 0, []
    while at < len(log):
        end = log.index(b'\n', at)
        call, *words = log[at:end].decode().split(' ')
        at, data = end + 1, None
        if call == 'write':
            data = log[at:at + int(words[2])]
            at += int(words[2]) + 1
        events.append((call, words, data))
    return events


class Replay:
    """A log over the folder as it was before: `root` and by_inode from snapshot(), which stay as
    they are."""

    def __init__(self, root, by_inode, events):
        self.root, self.inodes = copy.deepcopy((root, by_inode))
        self.events, self.things = events, set(self.inodes.values())
        self.syncs = []  # (event of the call, event of its return, what was synced or None for all)
        self.begun = {}
        for number, (call, words, data) in enumerate(events):
            getattr(self, '_' + call)(number, words, data)

    # Each call of the log.

    def _new(self, thing, inode):
        self.inodes[inode] = thing
        self.things.add(thing)
        return thing

    def _create(self, number, words, _):
        self._thing(words[0]).changes.append(
            (number, _enter(words[2], self._new(File(), int(words[1])))))

    def _mkdir(self, number, words, _):
        self._thing(words[0]).changes.append(
            (number, _enter(words[2], self._new(Directory(), int(words[1])))))

    def _unnamed(self, _, words, __):
        self._new(File(), int(words[0]))

    def _thing(self, inode):
        return self.inodes[int(inode)]

    def _write(self, number, words, data):
        if int(words[0]) in self.inodes:  # else the log's own folder, or a terminal's file
            self._thing(words[0]).changes.append((number, _write(int(words[1]), data)))

    def _truncate(self, number, words, _):
        self._thing(words[0]).changes.append((number, _truncate(int(words[1]))))

    def _link(self, number, words, _):
        self._thing(words[0]).changes.append((number, _enter(words[2], self._thing(words[1]))))

    def _unlink(self, number, words, _):
        self._thing(words[0]).changes.append((number, _remove(words[1])))

    def _rename(self, number, words, _):
        """One operation, also between two directories: there this model has two, and no tests."""
        assert words[0] == words[2], 'a rename from one directory to another'
        old, new, exchange = words[1], words[3], int(words[4]) & RENAME_EXCHANGE

        def change(names):
            moved, replaced = names.pop(old), names.pop(new, None)
            names[new] = moved
            if exchange:
                names[old] = replaced
        self._thing(words[0]).changes.append((number, change))

    def _sync(self, number, words, _):
        self.begun[words[1]] = number, self.inodes.get(int(words[0]))

    def _synced(self, number, words, _):
        begun, thing = self.begun[words[1]]
        self.syncs.append((begun, number, thing))

    _syncfs, _syncfsed = _sync, _synced

    # What is on the disk.

    def durable(self, thing, cut):
        """The event before which all changes of `thing` are on the disk, if the power goes before
        event `cut`."""
        return max((begun for begun, ended, what in self.syncs
                    if ended < cut and (what is thing or what is None)), default=0)

    def kept_choices(self, cut, choice):
        """Which operations of each directory are there, as {directory: event}: all that can be told
        apart in order, then some by chance."""
        unsure = {
            d: [n
                for n, _ in d.changes
                if self.durable(d, cut) <= n < cut]
            for d in self.things
            if isinstance(d, Directory)
        }
        unsure = {d: events for d, events in unsure.items() if events}
        yield {}
        stops = sorted(n + 1 for events in unsure.values() for n in events)
        for stop in stops if len(stops) <= 12 else choice.sample(stops, 12):
            yield {d: stop for d in unsure}
        for _ in range(4 if len(unsure) > 1 else 0):
            yield {
                d: choice.choice([0] + [n + 1
                                        for n in events])
                for d, events in sorted(unsure.items(), key=lambda item: item[1])
            }

    def names(self, directory, cut, kept):
        """{name: thing}, `kept` being of kept_choices."""
        stop = max(self.durable(directory, cut), min(kept.get(directory, 0), cut))
        names = dict(directory.start)
        for number, change in directory.changes:
            if number < stop:
                change(names)
        return names

    def data(self, file, cut, how, choice):
        """A file's bytes, `how` of DATA."""
        safe, full = file.after(self.durable(file, cut)), file.after(cut)
        if safe == full or how == 'there':
            return full
        if how == 'gone':
            return safe
        old = safe.ljust(len(full), b'\0')[:len(full)]
        pages = range(0, len(full), PAGE)
        missing = {
            'zeros': set(pages), 'first page missing': {0},
            'last page missing': {pages[-1]} if pages else set()
        }.get(how, {p
                    for p in pages
                    if choice.random() < 0.5})
        mixed = b''.join((old if p in missing else full)[p:p + PAGE] for p in pages)
        return mixed[:choice.choice(pages or [0])] if how == 'cut at a page' else mixed

    def tree(self, thing, cut, kept, how, choice):
        """What stands there: bytes, or {path: bytes or None for a directory}."""
        if isinstance(thing, File):
            return self.data(thing, cut, how, choice)
        found = {}
        for name, below in self.names(thing, cut, kept).items():
            inside = self.tree(below, cut, kept, how, choice)
            if isinstance(inside, dict):
                found[name] = None
                found.update({name + '/' + path: content for path, content in inside.items()})
            else:
                found[name] = inside
        return found

    def done(self):
        """What stands in the folder when no power was cut: {name: bytes or a tree}."""
        everything = {d: len(self.events) for d in self.things if isinstance(d, Directory)}
        names = self.names(self.root, len(self.events), everything)
        return {
            name: self.tree(thing, len(self.events), everything, 'there', None)
            for name, thing in names.items()
        }

    def changes_data(self, cut):
        return any(
            isinstance(f, File) and any(self.durable(f, cut) <= n < cut
                                        for n, _ in f.changes)
            for f in self.things)

    def states(self, cuts, seed=1):
        """(cut, what stands in the folder as {name: bytes or a tree}) for every state that a power
        cut before an event may leave."""
        for cut in cuts:
            choice = random.Random(seed * 1_000_003 + cut)
            hows = DATA if self.changes_data(cut) else ('there',)
            for kept, how in itertools.product(list(self.kept_choices(cut, choice)), hows):
                yield cut, {
                    name: self.tree(thing, cut, kept, how, choice)
                    for name, thing in self.names(self.root, cut, kept).items()
                }


def without_syncs(events, *inodes):
    """The log without what brought these files or directories to the disk (0: syncfs)."""
    calls = re.compile('sync(ed|fs|fsed)?$')
    return [(call, words, data)
            for call, words, data in events
            if not (calls.match(call) and int(words[0]) in inodes)]
