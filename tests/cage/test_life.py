# SPDX-License-Identifier: BSD-2-Clause
"""From outside, a verb is one process, as if it had no child: signals, stops, pipes that are
closed, and a child that dies."""
import os
import resource
import signal
import subprocess
import time

import pytest
from kit.proc import is_gone, status_of
from verbs import READ, case, needs_cage, verb, wait_until  # noqa: F401

CATCHES_SIGNALS = ('verify', 'verify-json', 'verify-manifest', 'unpack', 'repack', 'repack-dry',
                   'thumbnail')


def one_line(said):
    lines = said.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith('ozxfs: '), said
    return lines[0]


def check_nothing_left(case, process, child):
    assert is_gone(child)
    assert os.listdir(case.out) == [], 'no result, and nothing beside it'


@needs_cage
@pytest.mark.parametrize('number', [signal.SIGSEGV, signal.SIGSYS, signal.SIGABRT, signal.SIGKILL],
                         ids=lambda n: n.name)
def test_child_dies(case, number):
    with case.stopped() as (process, child):
        os.kill(child, number)
        if number != signal.SIGKILL:
            os.kill(child, signal.SIGCONT)
        out, said = process.communicate(timeout=30)
        line = one_line(said)
        assert 'image.ozx' in line and ('crashed' in line or 'killed' in line)
        assert process.returncode == (71 if number == signal.SIGKILL else 70)
        check_nothing_left(case, process, child)


@needs_cage
@pytest.mark.parametrize('number', [signal.SIGUSR1, signal.SIGALRM], ids=lambda n: n.name)
def test_child_is_ended(case, number):
    """As if there were one process; but who has made something removes it first."""
    with case.stopped() as (process, child):
        os.kill(child, number)
        os.kill(child, signal.SIGCONT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == (-number if case.kind == READ else 75), said
        assert case.kind == READ or 'interrupted' in one_line(said)
        check_nothing_left(case, process, child)


@needs_cage
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
                         ids=lambda n: n.name)
def test_signal_to_the_command_only(case, number):
    with case.stopped() as (process, child):
        process.send_signal(number)
        time.sleep(0.05)
        os.kill(child, signal.SIGCONT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == (75 if case.name in CATCHES_SIGNALS else -number), said
        check_nothing_left(case, process, child)


@needs_cage
def test_child_that_does_not_end(case):
    """It is killed a while after the signal."""
    if case.name not in ('info', 'unpack') or case.user:
        pytest.skip('five seconds: as the others')
    with case.stopped() as (process, child):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        took = time.monotonic() - began
        assert process.returncode == (75 if b'interrupted' in said else
                                      -signal.SIGTERM) and took < 8, said
        check_nothing_left(case, process, child)


@needs_cage
def test_command_is_killed(case):
    with case.stopped() as (process, child):
        process.kill()
        assert wait_until(lambda: is_gone(child)), 'it does not outlive the command'


@needs_cage
def test_both_stop_and_go_on(case):
    good = case.run()
    with case.stopped(preexec_fn=os.setpgrp) as (process, child):
        process.send_signal(signal.SIGTSTP)
        assert wait_until(lambda: status_of(process.pid)['State'][0] == 'T')
        assert status_of(child)['State'][0] == 'T'
        process.send_signal(signal.SIGCONT)
        out, said = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, good.stdout), said


def test_reader_goes_away(case):
    """As head(1) does: no message, and the shell sees SIGPIPE."""
    if case.kind != READ or case.name in CATCHES_SIGNALS:
        pytest.skip('prints nothing, or handles it')
    end, write = os.pipe()
    os.close(end)
    done = subprocess.run(case.arguments(), timeout=30, check=False,
                          **{**case.options({}), 'stdout': write})
    os.close(write)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b'')


def test_standard_output_is_full(case):
    if case.kind != READ or case.name == 'repack-dry':
        pytest.skip('prints nothing, or warns, too')
    with open('/dev/full', 'wb') as full:
        done = case.run(stdout=full)
    assert done.returncode == 74 and 'cannot write' in one_line(done.stderr)


def test_standard_output_is_closed(case):
    """What prints says that nobody has it; where nothing is printed nothing is lost."""
    good = case.run()
    done = case.run(preexec_fn=lambda: os.close(1), stdout=None)
    if good.stdout:
        assert done.returncode == 74
        assert 'cannot write' in done.stderr.decode().splitlines()[-1]
    else:
        assert done.returncode == 0
        assert len(done.stderr.splitlines()) == len(good.stderr.splitlines())


def test_beyond_the_limit_of_file_sizes(case, tmp_path):
    """SIGXFSZ would kill it, and nothing would be told."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    with open(tmp_path / 'printed', 'wb') as printed:
        done = case.run(preexec_fn=limit, stdout=printed)
    said = done.stderr.decode().splitlines()
    assert done.returncode == 74 and 'File too large' in said[-1], done
    assert case.left == []
