# SPDX-License-Identifier: BSD-2-Clause
"""The verbs without a mount, each as a case: what is run, and what it leaves when all goes well. A
run with a fault must end as that one did, or fail in one line and leave nothing that could be taken
for a result."""
import os
import shutil

from kit.faulty import OZXFS, error_lines, numbers


def tree_of(path):
    found = {}
    for folder, folders, names in os.walk(path):
        for name in folders:
            found[os.path.relpath(os.path.join(folder, name), path)] = None
        for name in names:
            with open(os.path.join(folder, name), 'rb') as source:
                found[os.path.relpath(os.path.join(folder, name), path)] = source.read()
    return found


class Verb:
    """`arguments`: {archive}, {tree} (the archive unpacked) and {out} (new, in a folder of its own)
    are filled in."""

    def __init__(self, name, *arguments, partial=False):
        self.name, self.arguments, self.partial = name, arguments, partial

    def run(self, faulty, fault, archive, folder):
        out = os.path.join(folder, 'out')
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        words = {
            'archive': archive, 'tree': os.path.join(folder, 'tree'),
            'out': os.path.join(out, 'result')
        }
        done = faulty.run(fault, *[a.format(**words) for a in self.arguments])
        result = os.path.join(out, 'result')
        left = [n for n in os.listdir(out) if n != 'result']
        made = tree_of(result) if os.path.isdir(result) else open(
            result, 'rb').read() if os.path.exists(result) else None
        return done, made, left


VERBS = {v.name: v for v in (
    Verb('verify', 'verify', '-j', '1', '{archive}'),
    Verb('verify-threads', 'verify', '-j', '4', '--json', '{archive}'),
    Verb('info', 'info', '{archive}'),
    Verb('info-json', 'info', '--json', '{archive}'),
    Verb('ls', 'ls', '-l', '{archive}'),
    Verb('cat-stored', 'cat', '{archive}', 's0/extra/stored', partial=True),
    Verb('cat-packed', 'cat', '{archive}', 's0/extra/packed', partial=True),
    Verb('unpack', 'unpack', '-q', '--no-sync', '-j', '1', '{archive}', '{out}'),
    Verb('unpack-threads', 'unpack', '-q', '--no-sync', '-j', '4', '{archive}', '{out}'),
    Verb('repack', 'repack', '-j', '1', '{archive}', '{out}'),
    Verb('pack', 'pack', '-j', '1', '{tree}', '{out}'),
    Verb('pack-threads', 'pack', '-j', '4', '{tree}', '{out}'),
)}


def prepare(faulty, archive, folder):
    """{tree}: the archive's files."""
    tree = os.path.join(folder, 'tree')
    if not os.path.isdir(tree):
        done = faulty.run('memory:0:none', 'unpack', '-q', archive, tree)
        assert done.returncode == 0, done.stderr


def try_all(verb, faulty, archive, folder, call, action, codes, figure, must_succeed=False,
            from_then_on=False):
    """The fault at each call in turn; returns (runs, runs that failed)."""
    prepare(faulty, archive, folder)
    good, made, left = verb.run(faulty, f'{call}:0:none', archive, folder)
    assert good.returncode == 0 and not left and not error_lines(good.stderr), good
    count, failed, tried = faulty.page.calls, 0, 0
    assert count > 0, 'no such call was made'
    for n in numbers(count):
        fault = f'{call}:{n}{"+" if from_then_on else ""}:{action}'
        done, result, left = verb.run(faulty, fault, archive, folder)
        where = f'{verb.name} with {fault} of {count}: {str(done)[:2000]}'
        tried += 1
        if done.returncode == 0:
            assert (done.stdout, result, left) == (good.stdout, made,
                                                   []), 'another result, and no error: ' + where
            continue
        failed += 1
        assert not must_succeed, where
        assert faulty.page.fired, 'failed without a fault: ' + where
        assert done.returncode in codes, where
        assert len(error_lines(done.stderr)) == 1, where
        assert not left, (left, where)
        assert result is None or result == made, 'half a result: ' + where
        assert not verb.partial or good.stdout.startswith(done.stdout), 'other bytes: ' + where
    figure(
        f'{verb.name}: {call} {action}: {tried} of {count + 1} places, {failed} runs failed as '
        f'they should',
        tried=tried, failed=failed)
    return tried, failed


__all__ = ['OZXFS', 'VERBS', 'try_all']
