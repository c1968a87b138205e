# SPDX-License-Identifier: BSD-2-Clause
"""One archive or none: the tails that ozxfs accepts, as other readers see them (promise 3).

    compare_tails.py --ozxfs VIEW --view NAME=COMMAND ... --count N [--first K] [--save DIR]

Each mutant of tails.py goes to all readers (batch.h has the formats). Whoever opens what ozxfs
accepts must see the same names and the same bytes: there is no explanation that would excuse
another (compare.py has some, for other mutants). A file that either cannot read is not shown, so
nothing is seen wrongly; an archive that a reader gives up with an error may miss files, and may
show no others. At least 20 % must be accepted, and each reader must open some, or the test would
prove nothing.
"""
import argparse
import collections
import concurrent.futures
import os
import shlex
import sys

import compare
import tails

BATCH = 5000


def differences(ours, theirs):
    """What another reader that opens an archive shows otherwise, as a word or None."""
    mine, other = dict(ours['files']), dict(theirs['files'])
    if len(other) != len(theirs['files']):
        return 'a name twice'
    more, less = set(other) - set(mine), set(mine) - set(other)
    if more or (less and not theirs.get('broken')):
        return 'names: only here %r, only there %r' % tuple(
            sorted(map(bytes.fromhex, names))[:3] for names in (less, more))
    for name in set(mine) & set(other):
        if mine[name] != other[name] and not isinstance(mine[name], str) and not isinstance(
                other[name], str):
            return '%s: %r here, %r there' % (bytes.fromhex(name), mine[name], other[name])
    return None


def judge(first, count, ozxfs, views):
    """The tally of some mutants: {word: count} and what differs, as (number, reader, word)."""
    batch = [tails.mutant(n) for n in range(first, first + count)]
    ours = compare.run_view(ozxfs, batch)
    tally, found = collections.Counter(mutants=count), []
    accepted = [i for i, view in enumerate(ours) if 'files' in view]
    tally['accepted'] = len(accepted)
    for view in ours:
        if 'refused' in view:
            tally['refused ' + view['refused']] += 1
    for name, command in views.items():
        for i, theirs in zip(accepted, compare.run_view(command, [batch[i] for i in accepted])):
            if 'refused' in theirs:
                continue
            tally['opened ' + name] += 1
            word = differences(ours[i], theirs)
            if word:
                tally['differ ' + name] += 1
                found.append((first + i, name, word))
    return tally, found


def report(tally, found, names, missing):
    numbers = sorted({number for number, _, _ in found})
    for number, name, word in found[:20]:
        print('mutant %d, %s: %s' % (number, name, word))
    print('refused: ' +
          ', '.join('%s %d' %
                    (k[8:], n) for k, n in tally.most_common() if k.startswith('refused ')))
    told = [
        '%s %d%s' % (n, tally['opened ' + n],
                     ' (%d otherwise)' % tally['differ ' + n] if tally['differ ' + n] else '')
        for n in names
    ]
    print('opened of them by ' + ', '.join(told) + ''.join('; NOT ASKED: ' + n for n in missing))
    share = 100 * tally['accepted'] / max(1, tally['mutants'])
    print(
        '%d mutants of tails, %d accepted (%.0f %%), %d of these opened otherwise by another reader'
        % (tally['mutants'], tally['accepted'], share, len(numbers)))
    return not found and share >= 20 and all(tally['opened ' + n] for n in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ozxfs', required=True)
    parser.add_argument('--view', action='append', default=[])
    parser.add_argument('--count', type=int, default=5000)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--missing', action='append', default=[],
                        help='a reader that is not there, to be told')
    parser.add_argument('--save', help='a directory for the mutants that a reader opens otherwise')
    args = parser.parse_args()
    views = {name: shlex.split(command) for name, command in (v.split('=', 1) for v in args.view)}
    tally, found = collections.Counter(), []
    stop = args.first + args.count
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for some, wrong in pool.map(
                lambda at: judge(at, min(BATCH, stop - at), [args.ozxfs], views),
                range(args.first, stop, BATCH)):
            tally += some
            found += wrong
    if args.save:
        os.makedirs(args.save, exist_ok=True)
        for number in {number for number, _, _ in found}:
            with open(os.path.join(args.save, '%d.zip' % number), 'wb') as f:
                f.write(tails.mutant(number))
    sys.exit(0 if report(tally, found, list(views), args.missing) else 1)


if __name__ == '__main__':
    main()
