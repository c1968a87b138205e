# SPDX-License-Identifier: BSD-2-Clause
"""Completion, by the shells themselves: each skips where its shell is not there."""
import os
import shutil
import subprocess

import pytest

from kit.info import write
from kit.launch import OZXFS

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'data')
FILES = {
    'zarr.json': '{}', 'scale0/zarr.json': '{}', 'scale0/c/0': b'', 'scale1/zarr.json': '{}',
    'a b/x': b''
}

BASH = r"""
source "$DATA/ozxfs.bash"
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_ozxfs ozxfs
for change in $AGAIN; do "$change" "$ARCHIVE"; _ozxfs ozxfs; done
printf '%s\\n' "${COMPREPLY[@]}"
"""

# What completion's own commands are given is printed, in place of a terminal's menu.
ZSH = r"""
compadd() {
    local -a given
    while [[ $1 == -S ]]; do shift 2; done
    if [[ $1 == -a ]]; then given=(${(P)2}); else [[ $1 == -- ]] && shift; given=("$@"); fi
    local word
    for word in $given; do [[ $BEFORE$word == ${(Q)WHOLE}* ]] && print -r -- $BEFORE$word; done
}
compset() { [[ $PREFIX == *,* ]] && BEFORE=${PREFIX%,*}, ; PREFIX=${PREFIX##*,} }
_describe() {
    local -a given; given=(${(P)4})
    local word
    for word in $given; do
        [[ ${word%%:*} == $WHOLE* ]] && print -r -- ${word%%:*}
    done
}
_files() { print -r -- FILES }
words=("$@") CURRENT=$# PREFIX=$@[-1] WHOLE=$@[-1] BEFORE=
fpath=($DATA $fpath)
autoload -Uz _ozxfs
_ozxfs
for change in ${=AGAIN}; do "$change" "$ARCHIVE"; _ozxfs; done
"""

FISH = r"""
source $DATA/ozxfs.fish
set line (string join ' ' -- (string escape -- $argv[1..-2]) (string escape -n -- $argv[-1]))
complete -C $line
for change in (string split -n ' ' -- $AGAIN); $change $ARCHIVE; complete -C $line; end
"""


@pytest.fixture(params=('bash', 'zsh', 'fish'))
def complete(request, tmp_path):
    """What the shell offers for the last word, without descriptions."""
    shell = request.param
    if not shutil.which(shell):
        pytest.skip('no ' + shell)
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'ozxfs').write_text(
        f'#!/bin/sh\necho "$1" >>"{tmp_path}/calls"\nexec "{os.path.abspath(OZXFS)}" "$@"\n')
    (tmp_path / 'bin' / 'ozxfs').chmod(0o755)
    script = tmp_path / 'script'
    script.write_text({'bash': BASH, 'zsh': ZSH, 'fish': FISH}[shell].replace('\\\\', '\\'))
    command = {'bash': ['bash', '--norc'], 'zsh': ['zsh', '-f'], 'fish': ['fish', '-N']}[shell]

    def run(*words, again=''):
        """`again`: commands that are run on the archive, and the word is completed again."""
        done = subprocess.run(
            [*command, script, 'ozxfs', *words], cwd=tmp_path, capture_output=True, text=True,
            timeout=60, check=False, env={**os.environ, 'DATA': DATA, 'HOME': str(tmp_path),
                                          'AGAIN': again, 'ARCHIVE': 'plain.ozx',
                                          'XDG_CONFIG_HOME': str(tmp_path),
                                          'XDG_DATA_HOME': str(tmp_path),
                                          'PATH': f'{tmp_path}/bin:{os.environ["PATH"]}'})
        assert not done.stderr, done.stderr
        return {line.split('\t')[0] for line in done.stdout.splitlines()}

    run.shell = shell
    run.calls = lambda: (tmp_path / 'calls').read_text().split().count('ls')
    write(tmp_path / 'plain.ozx', FILES)
    write(tmp_path / 'with blank.ozx', FILES)
    return run


def test_verbs(complete):
    assert {'info', 'ls', 'pack', 'verify', '--help', '--version'} <= complete('')
    assert complete('ver') == {'verify'}


def test_options(complete):
    assert {'--quick', '--manifest', '--check', '--json'} <= complete('verify', '-')
    assert complete('verify', '--man') == {'--manifest'}


def test_values(complete):
    assert complete('verify', '--rules', 'd') == {'draft'}
    assert complete('verify', '--manifest', '') >= {'sha256', 'zarr-checksum'}


@pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
def test_keys(complete):
    assert complete('mount', '-o', 'tim') == {'timeout='}
    assert complete('mount', '-o', 'xattr,tim') == {'xattr,timeout='}


@pytest.mark.parametrize('verb', ('ls', 'cat', 'unpack', 'edit', 'add'))
def test_entries(complete, verb):
    assert complete(verb, 'plain.ozx', 'sc') >= {'scale0/', 'scale1/'}
    assert complete(verb, 'plain.ozx', 'scale0/z') >= {'scale0/zarr.json'}
    assert not [word for word in complete(verb, 'plain.ozx', 'scale0/') if 'scale1' in word]


def test_what_was_listed_is_kept(complete):
    """While the archive stays as it is: a second listing of a million entries is no shorter."""
    assert complete('ls', 'plain.ozx', 'scale0/', again='test test') >= {'scale0/zarr.json',
                                                                         'scale0/c/'}
    assert complete.calls() == 1
    assert complete('ls', 'plain.ozx', 'scale0/', again='touch test') >= {'scale0/zarr.json'}
    assert complete.calls() == 1 + 2


def test_blanks(complete):
    archive = 'with\\ blank.ozx' if complete.shell != 'fish' else 'with blank.ozx'
    assert 'a b/' in {word.replace('\\', '') for word in complete('ls', archive, 'a')}
    assert 'scale0/' in complete('ls', archive, 'sc')


def test_no_archive(complete):
    """Nothing that is no archive is opened as one, and nothing is said."""
    assert not [word for word in complete('ls', 'nothing.ozx', 'sc') if 'scale' in word]
    assert not [word for word in complete('info', 'plain.ozx', 'sc') if 'scale' in word]
