# SPDX-License-Identifier: BSD-2-Clause
"""Running the command under test to its end. The binary comes through OZXFS (meson sets it)."""
import functools
import os
import subprocess

OZXFS = os.environ.get('OZXFS', 'ozxfs')
SANITIZED = os.environ.get('OZXFS_SANITIZED') == '1'  # memory and speed are not ozxfs's own
LONG = bool(os.environ.get('OZXFS_LONG'))
TIMEOUT = 120


def sampled(rows, every):
    """All rows of a table; where a sanitizer watches, one in `every` of them: it judges memory, not
    the answers. For tests whose rows another one takes past it in full."""
    return list(rows)[::every if SANITIZED and not LONG else 1]


def run(*arguments, env=None, **options):
    """What became of `ozxfs ARGUMENTS`. `env` is added to the environment; stdin is empty, output
    is bytes unless text=True."""
    options.setdefault('timeout', TIMEOUT)
    if 'input' not in options:
        options.setdefault('stdin', subprocess.DEVNULL)
    if not {'stdout', 'stderr', 'capture_output'} & options.keys():
        options['capture_output'] = True
    return subprocess.run([OZXFS, *map(str, arguments)], env=dict(os.environ, **(env or {})),
                          check=False, **options)


run_text = functools.partial(run, text=True)


def ok(*arguments, **options):
    """The same as text; it must succeed."""
    done = run_text(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done
