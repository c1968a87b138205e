# SPDX-License-Identifier: BSD-2-Clause
"""Second opinions: what ozxfs serves of mutated archives, against other readers of ZIP (promise 3).

    compare.py --ozxfs VIEW [--view NAME=COMMAND ...] --count N [--first K] [--seeds DIR]

Each mutant goes to all readers (batch.h has the formats). ozxfs may refuse: then nobody sees
anything wrong. What it mounts must agree with what each other reader shows, or the difference must
be one that a row of the policy table speaks of; anything else is a bug and fails the run. At least
30 % of the mutants must mount, or the test would prove nothing.
"""
import argparse
import collections
import json
import os
import struct
import subprocess
import sys

import mutate
from view_python import Pairs, python_view

BATCH = 2000
SEED_MAX = 8192                 # larger seeds cost time and show nothing more


def run_view(command, batch):
    stream = b''.join(struct.pack('<I', len(data)) + data for data in batch)
    done = subprocess.run(command, input=stream, capture_output=True, timeout=600, check=False)
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != len(batch):
        raise SystemExit('%s ended with %d after %d of %d archives: %s' %
                         (command[0], done.returncode, len(lines), len(batch), done.stderr[-400:]))
    views = []
    for line in lines:
        pairs = dict(json.loads(line, object_pairs_hook=Pairs))
        views.append(pairs)
    return views


def facts_of(data):
    """What the central directory's bytes say about names, for the explanations: raw names, flags,
    kinds. Walked by signature, which is good enough to explain with and never used to judge."""
    out, at = [], data.find(b'PK\1\2')
    while at >= 0 and at + 46 <= len(data):
        made, _, flags, method = struct.unpack('<HHHH', data[at + 4:at + 12])
        n, x, _ = struct.unpack('<HHH', data[at + 28:at + 34])
        local = struct.unpack('<I', data[at + 42:at + 46])[0]
        local_size = int.from_bytes(data[local + 26:local + 28], 'little')
        out.append(
            dict(raw=data[at + 46:at + 46 + n], flags=flags, method=method, host=made >> 8,
                 local=data[local + 30:local + 30 + local_size],
                 mode=struct.unpack('<I', data[at + 38:at + 42])[0] >> 16,
                 extra=data[at + 46 + n:at + 46 + n + x]))
        at = data.find(b'PK\1\2', at + 4)
    return out


def names_explained(facts):
    """Rules under which two readers may show an archive's names differently."""
    if any(not f['flags'] & 0x800 and any(b >= 0x80 for b in f['raw']) for f in facts):
        return 'name-charset'
    if any(b'\x75\x70' in f['extra'] for f in facts):
        return 'name-charset'           # the Unicode path extra field, which ozxfs passes over
    raws = [f['raw'] for f in facts]
    if len(set(raws)) != len(raws):
        return 'duplicate'
    if any(f['mode'] & 0o170000
           for f in facts) or any(f['mode'] for f in facts if f['host'] not in (3, 19)):
        # a type in the attributes: some readers take a file for a folder
        return 'special'
    return None


def names_of_folders(facts):
    """Names, in hex, that only the local headers of folders have: a folder has no read that would
    notice it (rule local; verify does), and a reader that goes by local headers shows that name."""
    return {f['local'].hex() for f in facts if f['raw'].endswith(b'/') and f['local'] != f['raw']}


def explain_file(name, ours, theirs, facts):
    """The policy id that covers a file shown differently, None for a bug."""
    entries = [f for f in facts if f['raw'].hex() == name]
    if isinstance(ours, str):
        return ours                     # EIO by a rule of the table: the other may be more generous
    if isinstance(theirs, str):
        # they noticed what a random read does not check, or refuse what is served
        return 'crc'
    if len(entries) > 1:
        return 'duplicate'              # the last is served here, and others stop before it
    if any(b >= 0x80 for b in bytes.fromhex(name)) and names_explained(facts) == 'name-charset':
        return 'name-charset'           # two raw names that decode to one, for one reader
    if entries and entries[0]['mode'] & 0o170000 not in (0, 0o100000):
        return 'special'
    return None


def compare(data, ours, theirs):
    """(explanation ids, bugs) of one mutant that ozxfs mounts and another reader opens."""
    facts = facts_of(data)
    mine, other = dict(ours['files']), Pairs(theirs['files'])
    ids, bugs = set(), []
    last = dict(other)
    doubled = {n for n, c in collections.Counter(n for n, _ in other).items() if c > 1}
    if set(mine) != set(last) and not theirs.get('broken'):
        why = names_explained(facts)
        unreadable = [mine[n] for n in set(mine) - set(last)]
        if set(last) - set(mine) <= names_of_folders(facts) and set(mine) <= set(last):
            ids.add('local')
        elif unreadable and all(isinstance(r, str) for r in unreadable):
            # listed here but unreadable by a rule; there by the local header's name
            ids |= set(unreadable)
        elif why:
            ids.add(why)
        else:
            bugs.append('names: only here %r, only there %r' %
                        (sorted(set(mine) - set(last))[:3], sorted(set(last) - set(mine))[:3]))
    for name in set(mine) & set(last):
        if mine[name] == last[name]:
            continue
        if name in doubled:
            ids.add('duplicate')
            continue
        why = explain_file(name, mine[name], last[name], facts)
        if why:
            ids.add(why)
        else:
            bugs.append('%s: %r here, %r there' % (bytes.fromhex(name), mine[name], last[name]))
    return ids, bugs


class Tally:
    def __init__(self):
        self.mutants = self.mounted = 0
        self.refused = collections.Counter()
        self.agree, self.differ, self.they_refuse = (collections.Counter() for _ in range(3))
        self.ids = collections.Counter()
        self.bugs = []

    def add(self, number, data, ours, others):
        self.mutants += 1
        if 'refused' in ours:
            self.refused[ours['refused']] += 1
            return
        self.mounted += 1
        for name, view in others.items():
            if 'refused' in view:
                self.they_refuse[name] += 1
                continue
            ids, bugs = compare(data, ours, view)
            self.differ[name] += bool(ids)
            self.agree[name] += not ids and not bugs
            for i in ids:
                self.ids[name, i] += 1
            self.bugs += ['mutant %d, %s: %s' % (number, name, bug) for bug in bugs]

    def report(self, names):
        share = 100 * self.mounted / max(1, self.mutants)
        print('%d mutants, %d mounted (%.0f %%), %d refused: %s' % (
            self.mutants, self.mounted, share, self.mutants - self.mounted,
            ', '.join('%s %d' % x for x in self.refused.most_common())))
        for name in names:
            told = ', '.join('%s %d' % (i, c) for (n, i), c in self.ids.most_common() if n == name)
            print('  %-10s agrees on %d, refuses %d, differs by a rule on %d (%s)' % (
                name, self.agree[name], self.they_refuse[name], self.differ[name], told))
        for bug in self.bugs[:20]:
            print('BUG ' + bug)
        good = not self.bugs and share >= 30 and all(self.agree[n] for n in names)
        print('%d unexplained; %s' % (len(self.bugs), 'passed' if good else 'FAILED'))
        return good


def load_seeds(folder):
    out = mutate.plain_archives()
    for base, _, files in sorted(os.walk(folder)) if folder else []:
        for name in sorted(files):
            path = os.path.join(base, name)
            if os.path.getsize(path) <= SEED_MAX:
                with open(path, 'rb') as f:
                    out.append(f.read())
    # whole archives, often enough that most mutants can mount
    plain = out[:4] * max(1, len(out) // 6)
    return out + plain


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ozxfs', required=True)
    parser.add_argument('--view', action='append', default=[])
    parser.add_argument('--count', type=int, default=2000)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--seeds')
    args = parser.parse_args()
    views = dict(v.split('=', 1) for v in args.view)
    bases, tally = load_seeds(args.seeds), Tally()
    for start in range(args.first, args.first + args.count, BATCH):
        numbers = range(start, min(start + BATCH, args.first + args.count))
        batch = [mutate.mutant(bases, n) for n in numbers]
        ours = run_view([args.ozxfs], batch)
        others = {name: run_view([command], batch) for name, command in views.items()}
        others['python'] = [python_view(data) for data in batch]
        for i, number in enumerate(numbers):
            tally.add(number, batch[i], ours[i], {name: o[i] for name, o in others.items()})
    sys.exit(0 if tally.report(sorted(list(views) + ['python'])) else 1)


if __name__ == '__main__':
    main()
