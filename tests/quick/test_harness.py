# SPDX-License-Identifier: BSD-2-Clause
"""The tests' own machinery: the sample, the count, what is said when packages are missing."""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def test_sample_is_what_its_script_makes(tmp_path):
    assert run(sys.executable, TESTS / "data" / "make_sample.py", tmp_path / "x").returncode == 0
    assert (tmp_path / "x").read_bytes() == (TESTS / "data" / "sample.ozx").read_bytes()


def test_readme_starts_with_the_two_commands():
    text = (TESTS.parent / "README.md").read_text()
    commands = re.findall(r"^    (.*)$", text.split("\n## ")[0], re.MULTILINE)
    assert commands == ["tests/quickstart", "tests/run"]


def tally(directory, tests, junit=None, steps="passed\ta step\n"):
    """The last line and exit code for a build directory with these lines of meson's log."""
    build = directory / "build"
    (build / "meson-logs").mkdir(parents=True)
    (build / "junit").mkdir()
    log = [json.dumps({"name": f"ozxfs:s / {n}", "result": r, "stdout": o}) for n, r, o in tests]
    (build / "meson-logs" / "testlog.json").write_text("\n".join(log) + "\n")
    if junit:
        (build / "junit" / "suite.xml").write_text(f"<testsuites>{junit}</testsuites>")
    (directory / "steps.tsv").write_text(steps)
    done = run(sys.executable, TESTS / "tally.py", directory / "steps.tsv", build)
    return done.stdout.splitlines()[-1], done.returncode


CASE = '<testcase classname="c" name="n">{}</testcase>'
PASSED, SKIPPED, FAILED, ERROR = (
    CASE.format(x) for x in ("", "<skipped/>", "<failure/>", "<error/>"))


@pytest.mark.parametrize("tests, junit, passed, failed, skipped", [
    ([("a", "OK", ""), ("b", "SKIP", "")], None, 1, 0, 1),
    ([("a", "FAIL", ""), ("b", "TIMEOUT", ""), ("c", "ERROR", "")], None, 0, 3, 0),
    ([("suite", "OK", "ok nothing")], PASSED * 3 + SKIPPED, 3, 0, 1),
    ([("suite", "FAIL", "")], PASSED + FAILED + ERROR, 1, 2, 0),
    ([("suite", "FAIL", "")], PASSED, 1, 1, 0),  # crashed after its last case
    ([("unit", "OK", "ok   one\nok   two # SKIP no\n2 tests\n")], None, 1, 0, 1),
    ([("unit", "FAIL", "ok   one\nFAIL two\nnot ok 3\n")], None, 1, 2, 0),
    ([("unit", "FAIL", "ok   one\n")], None, 1, 1, 0),  # crashed in the second
])
def test_tally_counts(tmp_path, tests, junit, passed, failed, skipped):
    line = f"{passed + 1} passed, {failed} failed, {skipped} skipped"  # the step is one more
    assert tally(tmp_path, tests, junit) == (line, int(failed > 0))


def test_tally_fails_for_a_failed_step(tmp_path):
    assert tally(tmp_path, [("a", "OK", "")], steps="failed\tbuild\n") == (
        "1 passed, 1 failed, 0 skipped", 1)


def test_tally_fails_where_no_test_ran(tmp_path):
    (tmp_path / "steps.tsv").write_text("")
    done = run(sys.executable, TESTS / "tally.py", tmp_path / "steps.tsv", tmp_path / "build")
    assert (done.stdout.splitlines()[-1], done.returncode) == ("0 passed, 1 failed, 0 skipped", 1)


@pytest.mark.parametrize("cannot", ["root_command() { return 1; }", "PATH=/nonexistent"])
def test_missing_packages_are_named_in_one_line(cannot):
    """Nobody to install them, or nothing to install them with."""
    done = run("/bin/bash", "-c", f"""set -euo pipefail
        . '{TESTS}/lib.sh'
        needed_things() {{ echo 'build command no-such-thing no-such-package'; }}
        {cannot}
        install_missing build""")
    assert done.returncode != 0 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "no-such-package" in done.stderr


# --- where the clone stands, and how the tests are started ----------------------------------------

HERE_PROGRAM = '''
import os, signal, subprocess
def test_program():
    program = os.environ['OZXFS']
    assert ' ' not in program and subprocess.run([program], **USER).returncode == 0
def test_signals():
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        assert signal.getsignal(number) == signal.SIG_DFL
'''


def test_programs_are_reached_from_a_closed_folder_and_under_nohup(tmp_path):
    """A clone in /root or a private home, with a space in its path; SIGHUP and SIGINT are inherited
    ignored."""
    import os
    import pathlib
    import signal
    import subprocess
    closed = tmp_path / 'x y'
    closed.mkdir(mode=0o700)
    (closed / 'program').write_text('#!/bin/sh\nexit 0\n')
    (closed / 'program').chmod(0o700)
    user = 'dict(user=65534, group=65534, extra_groups=[])' if os.geteuid() == 0 else '{}'
    (closed / 'test_it.py').write_text(HERE_PROGRAM.replace('USER', user))
    runner = pathlib.Path(__file__).parents[1] / 'run-pytest'
    environment = dict(os.environ, OZXFS=str(closed / 'program'), OZXFS_BUILD_DIR=str(tmp_path))
    environment.pop('TMPDIR', None)

    def ignore():
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)

    done = subprocess.run([runner, 'closed', closed / 'test_it.py'], env=environment,
                          preexec_fn=ignore, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
