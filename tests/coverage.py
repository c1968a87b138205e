# SPDX-License-Identifier: BSD-2-Clause
"""coverage.py FOLDER PERCENT: gcov's JSON (a line for each object) from standard input as a table: the share of lines that were run
of each C file of FOLDER, and those that were not. Exit code 1 if the whole is under PERCENT, or a file five points under it."""
import collections
import json
import sys


def line_counts(stream, folder):
    """file -> {line: how often it was run}; a line that stands in several functions counts once."""
    files = collections.defaultdict(dict)
    for text in stream:
        for record in json.loads(text)['files']:
            name = record['file']
            if folder not in name or not name.endswith('.c'):
                continue
            counts = files[name[name.index(folder):]]
            for line in record['lines']:
                number = line['line_number']
                counts[number] = counts.get(number, 0) + line['count']
    return files


def ranges(numbers):
    out = []
    for n in sorted(numbers):
        if out and n == out[-1][1] + 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ' '.join(str(a) if a == b else '%d-%d' % (a, b) for a, b in out)


def main():
    folder, least = sys.argv[1], float(sys.argv[2])
    files, bad = line_counts(sys.stdin, folder), 0
    run, lines = 0, 0
    for name, counts in sorted(files.items()):
        missed = [n for n, c in counts.items() if not c]
        share = 100 * (1 - len(missed) / len(counts))
        print('%-24s %6.1f %% of %4d lines  %s' % (name, share, len(counts), 'not: ' + ranges(missed) if missed else ''))
        run, lines, bad = run + len(counts) - len(missed), lines + len(counts), bad + (share < least - 5)
    share = 100 * run / max(1, lines)
    good = len(files) >= 10 and share >= least and not bad
    print('%-24s %6.1f %% of %4d lines  %s' % (folder, share, lines, 'passed' if good else 'FAILED: at least %g %% are wanted' % least))
    sys.exit(not good)


main()
