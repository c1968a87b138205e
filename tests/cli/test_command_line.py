# SPDX-License-Identifier: BSD-2-Clause
"""The command line as a newcomer types it: help without knowing how, names almost right."""
import pytest

from kit.launch import run_text as run

VERBS = run('help').stdout.split('Verbs:\n')[1].split('\n\n')[0]
VERBS = [line.split()[0] for line in VERBS.splitlines()]


def one_line(done, status=64):
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (status, '', 1), done
    return done.stderr


def test_nothing_typed_shows_how():
    done = run()
    assert (done.returncode, done.stdout) == (
        64, '') and done.stderr == run('--help').stdout == run('help').stdout == run('-h').stdout


def test_help_of_each_verb():
    assert {'ls', 'cat', 'info', 'verify', 'pack', 'unpack', 'repack'} <= set(VERBS)
    for verb in VERBS:
        done = run('help', verb)
        assert done.returncode == 0 and done.stdout.startswith('Usage: ozxfs ' +
                                                               verb) and done.stderr == ''
        assert done.stdout == run(verb, '--help').stdout
        assert verb == 'ls' or done.stdout == run(verb, '-h').stdout
    assert 'unknown verb' in one_line(run('help', 'nothing'))
    one_line(run('help', 'ls', 'cat'))


@pytest.mark.parametrize('verb', VERBS)
def test_version_of_each_verb(verb):
    assert run(verb, '--version').stdout == run('--version').stdout != ''


@pytest.mark.parametrize('typed,meant', [('lss', 'ls'), ('inof', 'info'), ('verfy', 'verify'),
                                         ('unpak', 'unpack'), ('repackk', 'repack'),
                                         ('extract', 'unpack'), ('unzip', 'unpack'), ('list', 'ls'),
                                         ('check', 'verify'), ('zip', 'pack')])
def test_verb_almost_right(typed, meant):
    assert one_line(run(typed, 'x')) == f"ozxfs: unknown verb '{typed}': did you mean '{meant}'?\n"
    assert one_line(run('help',
                        typed)) == f"ozxfs: unknown verb '{typed}': did you mean '{meant}'?\n"


@pytest.mark.parametrize('typed', ['frobnicate', 'x', '', 'q', '-q', 'x' * 5000, '\x1b[2J'])
def test_verb_that_is_like_none(typed):
    assert "see 'ozxfs --help'" in one_line(run(typed))


@pytest.mark.parametrize('verb,typed,meant', [('verify', '--quik', '--quick'),
                                              ('verify', '--quik=1', '--quick'),
                                              ('ls', '--recurisve', '--recursive'),
                                              ('ls', '-long', '--long'), ('ls', '-json', '--json'),
                                              ('pack', '-dry-run', '--dry-run'),
                                              ('pack', '--dryrun', '--dry-run'),
                                              ('pack', '--exlude=x', '--exclude'),
                                              ('verify', '-quiet', '--quiet'),
                                              ('info', '--jsn', '--json'), ('info', '--zzz', None),
                                              ('ls', '-x', None), ('cat', '-y', None)])
def test_option_almost_right(verb, typed, meant):
    said = one_line(run(verb, typed, 'x'))
    assert (f"did you mean '{meant}'?" if meant else f"see 'ozxfs {verb} --help'") in said
