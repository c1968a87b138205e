# SPDX-License-Identifier: BSD-2-Clause
"""A mount with a fault: the files are read by a process of their own, which is ended if it hangs,
and everything that it saw is judged."""
import errno
import os
import pickle
import select
import signal

from kit.faulty import TIMEOUT
from kit.harness import mount_of, wait_until

PIECE = 65536


def read_file(path, data, seen):
    """Reads in pieces; each is right or an error, and one that ends early is followed by an error.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        seen.add(error.errno)
        return
    try:
        for offset in range(0, len(data), PIECE):
            want = data[offset:offset + PIECE]
            try:
                got = os.pread(handle, len(want), offset)
                if len(got) < len(want):
                    seen.add('early')
                    more = os.pread(handle, len(want) - len(got), offset + len(got))
                    assert got + more == want, '%s: an early end at %d, and no error behind it' % (
                        path, offset + len(got))
            except OSError as error:
                seen.add(error.errno)
                continue
            assert got == want[:len(got)], '%s: other bytes at %d' % (path, offset)
    finally:
        try:
            os.close(handle)
        except OSError as error:  # of flush
            seen.add(error.errno)


def read_tree(where, contents):
    """Lists and reads all of it; the errors met ('early': a read that ended in one). A folder whose
    listing gives no error is whole."""
    folders = {''}
    for name in contents:
        while '/' in name:
            name = name.rsplit('/', 1)[0]
            folders.add(name)
    seen = set()
    for folder in sorted(folders):
        inside = {
            n[len(folder) + 1 if folder else 0:].split('/')[0]
            for n in list(contents) + sorted(folders - {''})
            if not folder or n.startswith(folder + '/')
        }
        try:
            listed = set(os.listdir(os.path.join(where, folder)))
        except OSError as error:
            seen.add(error.errno)
        else:
            assert listed == inside, '%r lists %s instead of %s, and no error' % (
                folder, sorted(listed), sorted(inside))
    for name, data in contents.items():
        path = os.path.join(where, name)
        try:
            assert os.stat(path).st_size == len(data), name
        except OSError as error:
            seen.add(error.errno)
            assert error.errno != errno.ENOENT, name + ' is not there'
        read_file(path, data, seen)
    return seen


def apart(function, *arguments):
    """What `function` returns, or its exception, from a process of its own; one that takes a minute
    is a hang."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result = function(*arguments)
        except BaseException as error:  # noqa: BLE001
            result = error
        os.write(theirs, pickle.dumps(result))
        os._exit(0)
    os.close(theirs)
    ready = select.select([ours], [], [], TIMEOUT)[0]
    if not ready:
        os.kill(child, signal.SIGKILL)
    data = os.read(ours, 65536) if ready else b''
    os.close(ours)
    os.waitpid(child, 0)
    assert ready, 'a client hangs'
    result = pickle.loads(data)
    if isinstance(result, BaseException):
        raise result
    return result


class Mount:
    """`mount -f` with a fault in the environment; `served` tells whether it came to serve."""

    def __init__(self, ozxfs, archive, environment, *options):
        self.ozxfs, self.where = ozxfs, ozxfs.directory()
        ours, theirs = os.pipe()
        with open(ozxfs.stderr_path(), 'wb') as stderr:
            self.process = ozxfs.start('mount', '-f', '--ready-fd', str(theirs), *options, archive,
                                       self.where, stderr=stderr, pass_fds=[theirs],
                                       env=dict(ozxfs.environment, **environment))
        os.close(theirs)
        ready = select.select([ours], [], [], TIMEOUT)[0]
        assert ready, 'a mount hangs'
        self.served = os.read(ours, 1) == b'\n'
        os.close(ours)

    def end(self):
        """(exit code, what was said); nothing is left, but for a dead mount, which umount removes.
        """
        if self.served:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(TIMEOUT)
        if mount_of(self.where):
            assert self.served, 'a mount is left of one that failed'
            done = self.ozxfs.run('umount', self.where)
            assert done.returncode == 0, done.stderr
        assert wait_until(lambda: not self.ozxfs.processes() and not mount_of(self.where)
                          ), 'something is left: %s' % self.ozxfs.said()
        assert os.listdir(self.where) == []
        return code, self.ozxfs.said()
