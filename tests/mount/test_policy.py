# SPDX-License-Identifier: BSD-2-Clause
"""The policy table, row by row: every recipe of the corpus is mounted and must be refused in one
line, or served byte by byte."""
import os
import re
import time

import pytest
from corpus import EIO, RECIPES, REFUSE, SERVE
from kit.harness import check_lines, check_view
from kit.launch import SANITIZED, sampled

# Warned of by every mount; others only with -v, or not by mount at all.
ALWAYS_WARNED = {'duplicate', 'no-root', 'encrypted', 'method', 'special'}
# Recipes that deviate in one more way, which may be warned of too.
WARNED_TOO = {
    'compressed_claims_1033': {'compressed'},
    'root_zarr_json_of_5_gib': {'comment'},
    'conflict_not_deflated_directory': {'compressed'},
}
# One rule may be known at mount although another names the row: none of these is a warning that a
# mount must give.
NO_WARNING_NEEDED = {'duplicate_directories', 'root_zarr_json_of_5_gib'}


def names(*verdicts):
    return [r.name for r in RECIPES.values() if r.mount in verdicts and r.id != 'changed']


LIMIT_S = 10 if SANITIZED else 1


def run_fast(ozxfs, *arguments):
    """Ends in less than a second; one try more, as the machine may be busy."""
    times = []
    for _ in range(2):
        start = time.monotonic()
        done = ozxfs.run(*arguments)
        times.append(time.monotonic() - start)
        if times[-1] < LIMIT_S:
            break
    assert min(times) < LIMIT_S, '%s refused too slowly: %s' % (arguments[0], times)
    assert done.returncode == 2, (arguments[0], done.returncode, done.stderr)
    return done


@pytest.mark.parametrize('name', sampled(names(REFUSE), 3))
def test_refused(ozxfs, archives, name):
    path, where, out = archives(name)[0], ozxfs.directory(), os.path.join(ozxfs.folder, 'out')
    said = set()
    for arguments in (('mount', path, where), ('ls', path), ('unpack', path, out)):
        done = run_fast(ozxfs, *arguments)
        assert done.stdout == b''
        lines = check_lines(done.stderr)
        assert len(lines) == 1, done.stderr
        rule, offset, line = lines[0]
        assert rule in RECIPES[name].rules, line
        assert offset is not None and offset <= os.path.getsize(path), line
        assert os.fsencode(path) in line
        assert re.search(rb'\): \S', line), 'says not what to do: %r' % line
        said.add(line)
    assert len(said) == 1, 'the verbs say different things: %s' % said
    assert not os.path.exists(out)
    report = run_fast(ozxfs, 'verify', path)
    assert report.stderr == b'' and all(line.isprintable()
                                        for line in report.stdout.decode().splitlines()), report
    assert rule in [
        line.split()[1].decode() for line in report.stdout.splitlines() if line.startswith(b'fail ')
    ], report.stdout
    assert ozxfs.nothing_left()


def test_there_are_many():
    """What the promise of tests/promises counts."""
    assert len(names(REFUSE)) >= 300


@pytest.mark.parametrize('name', sampled(names(SERVE, EIO), 2))
def test_served(ozxfs, archives, name):
    (path, made), recipe = archives(name), RECIPES[name]
    where = ozxfs.directory()
    done = ozxfs.run('mount', path, where)
    assert done.returncode == 0, done.stderr
    check_view(where, made, contents=sample(made, recipe))
    ozxfs.umount(where)
    assert done.stdout == b''
    warned = {rule for rule, _, line in check_lines(done.stderr)}
    assert all(b'warning' in line for _, _, line in check_lines(done.stderr)), done.stderr
    assert warned <= {recipe.id} | WARNED_TOO.get(name, set()), done.stderr
    if recipe.id in ALWAYS_WARNED and recipe.verify != '-' and name not in NO_WARNING_NEEDED:
        assert recipe.id in warned
    assert ozxfs.nothing_left()


def sample(made, recipe):
    """All files; of very many the first, the last and some between."""
    files = sorted(p for p, content in made.view.items() if content is not None)
    return set(files[:3] + files[-3:] + files[::1 + len(files) // 200]) if recipe.large else True


# Deviations that reading the central directory shows, so that `mount -v` can tell of them, and
# recipes that only `verify` sees.
TOLD = {
    'comment', 'compressed', 'descriptor', 'duplicate', 'extra-odd', 'json-first', 'leading',
    'name-charset', 'no-root', 'tail-padding', 'plain'
}
UNTOLD = {
    'comment_version_differs', 'comment_version_control', 'charset_utf8_unflagged',
    'charset_unicode_path_hides_nothing'
}


@pytest.mark.parametrize(
    'name',
    [n for n in names(SERVE) if RECIPES[n].id in TOLD and not RECIPES[n].large and n not in UNTOLD])
def test_verbose_names_the_rule(ozxfs, archives, name):
    """-v tells what is let pass; of an archive with nothing wrong it tells nothing."""
    done, recipe = ozxfs.run('mount', '-v', archives(name)[0], ozxfs.directory()), RECIPES[name]
    told = {rule for rule, _, line in check_lines(done.stderr) if rule and b'warning' in line}
    assert done.returncode == 0
    assert recipe.id in told if recipe.verify != '-' else not told, done.stderr


def test_warning_counts(ozxfs, archives):
    """The number of entries stands in the warning: 99 of 100 are hidden."""
    done = ozxfs.run('mount', archives('duplicate_100')[0], ozxfs.directory())
    rule, _, line = check_lines(done.stderr)[0]
    assert rule == 'duplicate' and b'99' in line


def test_one_top_folder_is_named(ozxfs, archives):
    done = ozxfs.run('mount', archives('root_one_top_folder')[0], ozxfs.directory())
    assert b'below one folder: mount with -o subdir=image.ome.zarr' in done.stderr


@pytest.mark.parametrize('name,words', [('root_zarr_v2', b'v2'), ('root_plain_zip', b'zarr.json'),
                                        ('empty_archive', b'zarr.json')])
def test_no_root_says_what_it_is(ozxfs, archives, name, words):
    done = ozxfs.run('mount', archives(name)[0], ozxfs.directory())
    assert words in done.stderr, done.stderr


@pytest.mark.parametrize('name', [n for n in names(EIO) if not RECIPES[n].large])
def test_eio_is_reported_once(ozxfs, archives, name):
    """With -f on stderr: one line for the rule, with the entry and an offset, however often it is
    read."""
    (path, made), recipe = archives(name), RECIPES[name]
    process, where = ozxfs.foreground(path)
    at_start = len(ozxfs.said())
    for _ in range(2):
        check_view(where, made)
    process.terminate()
    assert process.wait(10) == 0
    notes = check_lines(ozxfs.said(since=at_start))
    assert len({rule for rule, _, _ in notes}) == len(notes) == 1, notes
    rule, offset, line = notes[0]
    assert rule in recipe.rules and offset is not None, line
    broken = [p for p, c in made.view.items() if hasattr(c, 'size') and not hasattr(c, 'patches')]
    assert any(p in line for p in broken), line
