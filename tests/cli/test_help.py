# SPDX-License-Identifier: BSD-2-Clause
"""--help, the manual and the completions tell of the same options, and a message knows what is
allowed."""
import os
import re
import shutil
import subprocess

import pytest

OZXFS = os.environ['OZXFS']
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OPTION = re.compile(r'  (?:-(\w), |    )--([a-z][a-z-]*)', re.M)
KEY = re.compile(r'  ([a-z][a-z_]*)(=?)')


def run(*arguments):
    return subprocess.run([OZXFS, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)


VERBS = re.findall(r'^  ([a-z]+) ',
                   run('--help').stdout.split('Verbs:\n')[1].split('\n\n')[0], re.M)
HAVE_MOUNT = pytest.mark.skipif('mount' not in VERBS, reason='built without mount')


def sections_of(verb):
    """The lines of the options, and those of the keys behind -o."""
    done = run(verb, '--help')
    assert done.returncode == 0 and done.stderr == ''
    options, _, keys = done.stdout.partition('\nOptions for -o:\n')
    return options.splitlines(), keys.split('\n\n', maxsplit=1)[0].splitlines()


def options_of(verb):
    """Pairs of a letter ('' for none) and a long name."""
    return [found.groups('') for found in map(OPTION.match, sections_of(verb)[0]) if found]


def keys_of(verb):
    """Names, with a '=' where there is a value."""
    return [''.join(found.groups()) for found in map(KEY.match, sections_of(verb)[1]) if found]


def manual_of(verb):
    with open(os.path.join(ROOT, 'man', f'ozxfs-{verb}.1'), encoding='utf-8') as page:
        return [line for line in page if line.startswith('.It ')]


@pytest.mark.parametrize('verb', VERBS)
def test_the_manual_has_the_options_of_help(verb):
    items = manual_of(verb)
    options = options_of(verb)
    assert (('' if verb == 'ls' else 'h', 'help')) in options  # ls -h is for people
    told = {word for line in items for word in re.findall(r'\bFl (-[a-z][a-z-]*|\w)(?=\s|$)', line)}
    assert told == {word for letter, name in options for word in (letter, '-' + name) if word}


@pytest.mark.parametrize('verb', VERBS)
def test_the_manual_has_the_keys_of_help(verb):
    told = {
        key
        for line in manual_of(verb)
        for key in re.findall(r'(?:Cm|,) ([a-z][a-z_]*=?)', line)
    }
    assert set(keys_of(verb)) <= told


def completed(*words):
    """What bash offers for the last word."""
    if not shutil.which('bash'):
        pytest.skip('no bash')
    script = ('source "$1"; shift; COMP_WORDS=(ozxfs "$@"); COMP_CWORD=$#; '
              '_ozxfs "$OZXFS"; printf "%s\\n" "${COMPREPLY[@]}"')
    file = os.path.join(ROOT, 'data', 'ozxfs.bash')
    done = subprocess.run(['bash', '-c', script, 'bash', file, *words], capture_output=True,
                          text=True, timeout=60, check=True)
    return done.stdout.split()


def test_completion_of_verbs():
    assert sorted(completed('')) == sorted([*VERBS, '--help', '--version'])


@pytest.mark.parametrize('verb', VERBS)
def test_completion_has_the_options_of_help(verb):
    assert {'--' + name for _, name in options_of(verb)} <= set(completed(verb, '-'))


@HAVE_MOUNT
def test_completion_has_the_keys_of_help():
    keys = keys_of('mount')
    assert 'timeout=' in keys and 'xattr' in keys
    assert set(completed('mount', '-o', '')) == set(keys)
    assert completed('mount', '-o', 'xattr,tim') == ['xattr,timeout=']


@pytest.mark.parametrize('arguments,wanted', [
    (['mout'], "unknown verb 'mout': did you mean 'mount'?"),
    (['pakc'], "unknown verb 'pakc': did you mean 'pack'?"),
    (['zzz'], "unknown verb 'zzz': see 'ozxfs --help'"),
    (['pack', '--ailgn', '1'], "pack: unknown option '--ailgn': did you mean '--align'?"),
    (['pack', '-z'], "pack: unknown option '-z': see 'ozxfs pack --help'"),
    (['pack', '--jobs'], "pack: option '--jobs' requires a value: see 'ozxfs pack --help'"),
    (['pack', '--jobs', '65'
      ], "pack: --jobs '65' is not a number from 1 to 64: see 'ozxfs pack --help'"),
    (['verify', '--strict=1'
      ], "verify: option '--strict=1' takes no value: see 'ozxfs verify --help'"),
])
def test_messages_of_wrong_options(arguments, wanted):
    if 'mount' in wanted and 'mount' not in VERBS:
        pytest.skip('built without mount')
    done = run(*arguments)
    assert done.returncode == 64 and done.stderr == f'ozxfs: {wanted}\n'


@HAVE_MOUNT
@pytest.mark.parametrize('arguments,wanted', [
    ('--threds=3', "unknown option '--threds=3': did you mean '--threads'?"),
    ('--timeout=3', "unknown option '--timeout=3': did you mean '-o timeout'?"),
    ('--threads=0', "--threads '0' is not a number from 1 to 1024: see 'ozxfs mount --help'"),
    ('--ready-fd=99', "--ready-fd '99' is not an open descriptor: see 'ozxfs mount --help'"),
    ('-otimout=3', "unknown option '-o timout=3': did you mean '-o timeout'?"),
    ('-oserve-as=x', "unknown option '-o serve-as=x': did you mean '-o serve_as'?"),
    ('-othreads=3', "unknown option '-o threads=3': did you mean '--threads'?"),
    ('-oxattr,no_such_key', "unknown option '-o no_such_key': see 'ozxfs mount --help'"),
    ('-oumask', "option '-o umask' requires a value: see 'ozxfs mount --help'"),
    ('-olog=', "option '-o log' requires a value: see 'ozxfs mount --help'"),
    ('-oxattr=3', "option '-o xattr' takes no value: see 'ozxfs mount --help'"),
    ('-ofmask=8', "-o fmask '8' is not an octal number from 0 to 777: see 'ozxfs mount --help'"),
    ('-omax_read=5',
     "-o max_read '5' is not a number from 4096 to 1048576: see 'ozxfs mount --help'"),
    ('-ouid=no such', "-o uid 'no such' is not a user: see 'ozxfs mount --help'"),
    ('-orw', "cannot apply '-o rw': the mount is always read-only: see 'ozxfs mount --help'"),
])
def test_messages_of_wrong_mount_options(arguments, wanted):
    done = run('mount', arguments, 'a')
    assert done.returncode == 64 and done.stderr == f'ozxfs: mount: {wanted}\n'


@HAVE_MOUNT
@pytest.mark.parametrize(
    'arguments', [['-s', '-o', 'no_such'], ['-sn', '-v', '-t', 'ozxfs', '-N', '/proc/1/ns/mnt'],
                  ['-o', 'rw,suid,dev,user=joe,x-systemd.automount']])
def test_the_helper_of_mount8_takes_what_mount8_says(tmp_path, arguments):
    """It comes as far as the archive, which is not there."""
    helper = tmp_path / 'mount.ozxfs'
    helper.symlink_to(OZXFS)
    done = subprocess.run([helper, tmp_path / 'none.ozx', tmp_path, *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 32 and 'cannot open' in done.stderr, done.stderr


@HAVE_MOUNT
@pytest.mark.parametrize('name', ['mount.ozxfs', 'mount.fuse.ozxfs'])
@pytest.mark.parametrize('arguments,status', [([], 1), (['-o', 'no_such'], 1),
                                              (['-o', 'allow_root'], 1),
                                              (['-s', '-o', 'no_such'], 32)])
def test_the_helper_ends_as_mount8_wants_it(tmp_path, name, arguments, status):
    helper = tmp_path / name
    helper.symlink_to(OZXFS)
    files = [tmp_path / 'none.ozx', tmp_path] if arguments else []
    done = subprocess.run([helper, *files, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1)


@HAVE_MOUNT
def test_called_by_the_helper_of_fuse(tmp_path):
    """`mount -t fuse ozxfs#SOURCE DIR` comes as `ozxfs SOURCE DIR -o rw,...`."""
    done = run(str(tmp_path / 'none.ozx'), str(tmp_path), '-o', 'rw,dev,suid')
    assert done.returncode == 32 and 'none.ozx: cannot open' in done.stderr
