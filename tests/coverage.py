# SPDX-License-Identifier: BSD-2-Clause
"""coverage.py PERCENT PATTERN...: gcov's JSON (a line for each object) from standard input as a
table: the share of lines that were run of each C file that a PATTERN names ("src/zip/*"), and those
that were not. Exit code 1 if the whole is under PERCENT, or a file ten points under it, or a
PATTERN names none."""
import collections
import fnmatch
import json
import sys


def line_counts(stream, patterns):
    """file -> {line: how often it was run}; a line that stands in several functions counts once."""
    files = collections.defaultdict(dict)
    for text in stream:
        for record in json.loads(text)['files']:
            name = record['file']
            name = name[name.rfind('src/'):] if 'src/' in name else name
            if not name.endswith('.c') or not any(fnmatch.fnmatch(name, p) for p in patterns):
                continue
            counts = files[name]
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
    least, patterns = float(sys.argv[1]), sys.argv[2:]
    files, bad = line_counts(sys.stdin, patterns), 0
    run, lines = 0, 0
    for name, counts in sorted(files.items()):
        missed = [n for n, c in counts.items() if not c]
        share = 100 * (1 - len(missed) / len(counts))
        print('%-24s %6.1f %% of %4d lines  %s' %
              (name, share, len(counts), 'not: ' + ranges(missed) if missed else ''))
        run, lines, bad = run + len(counts) - len(missed), lines + len(counts), bad + (share
                                                                                       < least - 10)
    share = 100 * run / max(1, lines)
    good = share >= least and not bad and all(fnmatch.filter(files, p) for p in patterns)
    print('%-24s %6.1f %% of %4d lines  %s' %
          ('together', share, lines,
           'passed' if good else 'FAILED: at least %g %% are wanted' % least))
    sys.exit(not good)


main()
