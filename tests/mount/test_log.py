# SPDX-License-Identifier: BSD-2-Clause
"""Why a mount answers EIO, for its user: -o log=FILE, and user.ozx.state on the root."""
import errno
import os
import re

import pytest

from corpus import RECIPES
from kit.harness import check_lines, read, wait_until
from kit.proc import descriptors_of

LINE = re.compile(rb'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ozxfs\[\d+\]: [^\x00-\x1f\x7f]+\n')


def fail_to_read(path):
    with pytest.raises(OSError) as caught:
        read(path)
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize('foreground', [False, True])
def test_the_log_says_why(ozxfs, image, foreground):
    log = os.path.join(ozxfs.folder, 'log')
    options = ['-o', 'log=' + log]
    where = ozxfs.foreground(image, *options)[1] if foreground else ozxfs.mount(image, *options)
    os.utime(image, (1, 1))
    fail_to_read(where + '/s0/c/0/0')
    assert wait_until(lambda: b'changed' in read(log))
    lines = read(log).splitlines(keepends=True)
    assert len(lines) == 2 and all(LINE.fullmatch(line) for line in lines), lines
    assert b': mounted\n' in lines[0] and os.fsencode(
        image) in lines[1] and b'rule changed' in lines[1]
    assert os.stat(log).st_mode & 0o777 == 0o600


def test_it_is_appended_to(ozxfs, image):
    log = os.path.join(ozxfs.folder, 'log')
    with open(log, 'w') as file:
        file.write('what was there\n')
    for _ in range(2):
        ozxfs.umount(ozxfs.mount(image, '-o', 'log=' + log))
    assert read(log).startswith(b'what was there\n') and len(read(log).splitlines()) == 3


def test_the_worker_has_it_not(ozxfs, image):
    log = os.path.realpath(os.path.join(ozxfs.folder, 'log'))
    ozxfs.mount(image, '-o', 'log=' + log)
    holders = [pid for pid in ozxfs.daemons() if log in descriptors_of(pid).values()]
    assert holders == [ozxfs.daemons()[0]]


def make_bad(path, kind):
    if kind == 'symlink':
        os.symlink('elsewhere', path)
    elif kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'directory':
        os.mkdir(path)
    elif kind == 'device':
        return '/dev/null'
    elif kind == 'second name':
        with open(path + '.other', 'w'):
            os.link(path + '.other', path)
    elif kind == 'of another':
        with open(path, 'w'):
            os.chown(path, 12345, 12345)
    else:
        return os.path.join(path, 'nowhere')
    return path


@pytest.mark.parametrize(
    'kind', ['symlink', 'fifo', 'directory', 'device', 'second name', 'of another', 'nowhere'])
def test_what_is_no_log(ozxfs, image, kind):
    """Refused in one line, with nothing mounted, made or written."""
    if kind == 'of another' and os.geteuid() != 0:
        pytest.skip('needs root')
    log = make_bad(os.path.join(ozxfs.folder, 'log'), kind)
    done = ozxfs.run('mount', '-o', 'log=' + log, image, ozxfs.directory())
    assert done.returncode in (73, 77) and len(check_lines(
        done.stderr)) == 1 and b'log' in done.stderr, done
    assert ozxfs.nothing_left() and not os.path.exists(os.path.join(ozxfs.folder, 'elsewhere'))


def state(where):
    return os.getxattr(where, 'user.ozx.state')


def test_state_changed(ozxfs, image):
    where = ozxfs.mount(image, '-o', 'xattr')
    assert state(where) == b'serving'
    os.utime(image, (1, 1))
    fail_to_read(where + '/s0/c/0/0')
    assert state(where).startswith(b'changed: ') and b"'s0/c/0/0'" in state(where)
    fail_to_read(where + '/s0/c/0/1')
    assert state(where).startswith(b'changed: ')


def test_state_of_one_entry(ozxfs, folder):
    path = os.path.join(folder, 'bad.ozx')
    name = next(name for name in RECIPES if name.startswith('encrypted'))
    made = RECIPES[name].build()
    made.write(path)
    where = ozxfs.mount(path, '-o', 'xattr')
    assert state(where) == b'serving'
    entry = next(p for p, content in made.view.items() if type(content).__name__ == 'Unreadable')
    fail_to_read(os.path.join(os.fsencode(where), entry))
    assert state(where).startswith(b'error: ') and b'encrypted' in state(where)


def test_state_needs_no_tree(ozxfs, image):
    """Also where the archive changed while its memory was freed, and cannot be read again."""
    import time

    where = ozxfs.mount(image, '-o', 'xattr,timeout=1')
    time.sleep(2.5)
    os.utime(image, (1, 1))
    assert state(where) == b'serving'
    with pytest.raises(OSError):
        os.stat(where + '/s0/c/7')
    assert state(where).startswith(b'changed: ')
