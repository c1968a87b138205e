# SPDX-License-Identifier: BSD-2-Clause
"""What the mount tests stand on: running ozxfs, asking the kernel what is mounted, reading a
mounted tree, and leaving nothing behind.

Role: mechanics only, no expectations of single tests. Every process that a test starts carries a
token in its environment, and every mount lies below the test's own folder: clean-up touches these
and nothing else.
"""
import contextlib
import errno
import functools
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from corpus import Damaged, Sparse, Unreadable
from kit.proc import parent_of

TIMEOUT = 30
MESSAGE = re.compile(rb'^ozxfs: [^\x00-\x1f\x7f]+\n$')
# What LeakSanitizer says of a thread that was gone when it looked: its process was being killed.
KILLED_THREAD = re.compile(rb'^==\d+==Unable to get registers from thread \d+\.\n', re.M)
RULE = re.compile(rb'\(([a-z0-9-]+)(?:, at byte (\d+))?\)')


def unescape(field):
    """A field of mountinfo: \\ooo stands for space, tab, newline, backslash."""
    return re.sub(rb'\\([0-7]{3})', lambda m: bytes([int(m.group(1), 8)]), field)


def mounts():
    """What is mounted, from mountinfo: a list of dicts, the oldest first."""
    out, lines = [], [b'']
    while not all(b' - ' in line for line in lines):  # torn, where others mount while it is read
        with open('/proc/self/mountinfo', 'rb') as file:
            lines = file.read().splitlines()
    for line in lines:
        left, right = line.split(b' - ')
        fields, kind = left.split(b' '), right.split(b' ')
        out.append({
            'device': fields[2], 'path': unescape(fields[4]), 'options': fields[5].split(b','),
            'type': unescape(kind[0]), 'source': unescape(kind[1]), 'super': kind[2].split(b',')
        })
    return out


def mount_of(path):
    """The topmost mount on `path` (no stat: it may be dead), None if there is none."""
    path = os.path.abspath(os.fsencode(path))
    return ([m for m in mounts() if m['path'] == path] or [None])[-1]


@contextlib.contextmanager
def readable_folder():
    """Readable for every user (a mount's worker is nobody): pytest's own folders are not."""
    path = tempfile.mkdtemp(prefix='ozxfs-test.')
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def wait_until(condition, timeout=30):
    """What `condition` said last: true, or not within so many seconds. (No bound of ours: a busy
    machine is slow.)"""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result or time.monotonic() > end:
            return result
        time.sleep(0.005)


@functools.cache
def sanitized(binary):
    """True if it was built with a sanitizer that has memory of its own."""
    content = read(binary)
    return os.environ.get(
        'OZXFS_SANITIZED') == '1' or b'__asan_init' in content or b'__tsan_init' in content


class Ozxfs:
    """The command under test, with its token; `folder` is the test's own."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.token = binary, folder, uuid.uuid4().hex
        self.environment = dict(os.environ, OZXFS_TEST=self.token, LC_ALL='C.UTF-8')
        self.environment.pop('XDG_RUNTIME_DIR', None)
        self.started = []
        # a daemon has no stderr: its reports go to files, which clean_up looks for
        if sanitized(binary):
            for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'):
                given = os.environ.get(name)
                self.environment[name] = (given + ':' if given else
                                          '') + 'print_stacktrace=1:log_path=%s/sanitizer' % folder

    def run(self, *arguments, timeout=TIMEOUT, **options):
        """Runs the command to its end; output as bytes. stdin is empty."""
        options = {
            'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
            'env': self.environment, **options
        }
        return subprocess.run([options.pop('binary', self.binary), *arguments], timeout=timeout,
                              **options)

    def start(self, *arguments, **options):
        """Starts the command and goes on; the process is ended with the test."""
        options = {
            'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
            'env': self.environment, **options
        }
        process = subprocess.Popen([self.binary, *arguments], **options)
        self.started.append(process)
        return process

    def directory(self, name='mnt'):
        path = os.path.join(self.folder, name) if isinstance(name, str) else os.path.join(
            os.fsencode(self.folder), name)
        os.makedirs(path, exist_ok=True)
        return path

    def mount(self, archive, *options, where=None, **keywords):
        """Mounts and returns the mount point; the test fails if that fails."""
        where = where or self.directory()
        done = self.run('mount', *options, archive, where, **keywords)
        assert done.returncode == 0, done.stderr
        assert mount_of(where), 'said it is mounted, but it is not'
        return where

    def foreground(self, archive, *options, where=None):
        """`mount -f` in the background; returns (process, mount point) once it serves."""
        where = where or self.directory()
        with open(self.stderr_path(), 'wb') as stderr:
            process = self.start('mount', '-f', *options, archive, where, stderr=stderr)
        ready = wait_until(lambda: mount_of(where) or process.poll() is not None)
        assert ready and process.poll() is None, self.said()
        os.stat(where)  # answered once it serves
        return process, where

    def stderr_path(self):
        return os.path.join(self.folder, 'stderr')

    def said(self, since=0):
        """What `mount -f` wrote to stderr, from the byte `since` on."""
        return read(self.stderr_path())[since:]

    def umount(self, where):
        done = self.run('umount', where)
        assert done.returncode == 0, done.stderr
        assert not mount_of(where), 'still mounted'

    def processes(self):
        """Living processes that carry the token: all that this test's commands left running."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/environ' % pid, 'rb') as env, open('/proc/%s/stat' % pid,
                                                                       'rb') as stat:
                    if self.token.encode() in env.read() and stat.read().rsplit(
                            b')', 1)[1].split()[0] != b'Z':
                        found.append(int(pid))
            except OSError:
                continue  # gone, or somebody else's
        return found

    def daemons(self):
        """The pids (supervisor, worker): the worker is the supervisor's child."""
        pids = self.processes()
        parents = {pid: parent_of(pid) for pid in pids}
        workers = [pid for pid in pids if parents[pid] in pids]
        assert len(pids) == 2 and len(workers) == 1, parents
        return parents[workers[0]], workers[0]

    def nothing_left(self, timeout=TIMEOUT):
        """True if no process and no mount of this test remains (a daemon may need a moment after
        fusermount3)."""
        return wait_until(lambda: not self.processes() and not self.own_mounts(), timeout)

    def own_mounts(self):
        folder = os.fsencode(os.path.realpath(self.folder)) + b'/'
        return [m for m in mounts() if m['path'].startswith(folder)]

    def clean_up(self):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for mount in reversed(self.own_mounts()):
            subprocess.run(['umount', '-l', mount['path']], timeout=TIMEOUT,
                           stderr=subprocess.DEVNULL, check=False)
        for process in self.started:
            try:
                process.communicate(timeout=2)
            except (subprocess.TimeoutExpired, ValueError):
                process.kill()
        if not wait_until(lambda: not self.processes(), 2):
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
        reports = [report for path in glob.glob(glob.escape(self.folder) + '/sanitizer.*')
                   if (report := KILLED_THREAD.sub(b'', read(path)).strip())]
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not reports, b'\n'.join(reports).decode('utf-8', 'replace')


def read(path):
    with open(path, 'rb') as source:
        return source.read()


# --- reading a tree, paths of any length ----------------------------------------------------------

class Tree:
    """A mounted tree, read through a descriptor of its root, so that paths may be 4,095 bytes long.
    """

    def __init__(self, root):
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.root)

    def open(self, path, flags=os.O_RDONLY):
        return os.open(path or b'.', flags, dir_fd=self.root)

    def stat(self, path):
        return os.stat(path, dir_fd=self.root, follow_symlinks=False)

    def walk(self):
        """{path: is it a directory} of all that readdir shows."""
        out, todo = {}, [b'']
        while todo:
            folder = todo.pop()
            handle = self.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                with os.scandir(handle) as listing:
                    for entry in listing:
                        path = os.path.join(folder, os.fsencode(entry.name))
                        assert path not in out, 'listed twice'
                        out[path] = entry.is_dir(follow_symlinks=False)
                        if out[path]:
                            todo.append(path)
            finally:
                os.close(handle)
        return out


def read_ranges(size):
    """Offsets and sizes worth a read: start, end, across pages and blocks, beyond the end."""
    ranges = [(0, 1), (0, 4096), (0, size), (size // 2, 100), (max(0, size - 1), 1), (size, 10),
              (size + 5000, 10), (4095, 2), (131071, 70000)]
    return [(offset, min(length, 4 << 20)) for offset, length in ranges]


def check_served(tree, path, content):
    size, piece = len(content), content.read if isinstance(
        content, Sparse) else lambda o, n: content[o:o + n]
    ranges = read_ranges(size)
    if isinstance(content, Sparse):
        ranges += [(max(0, offset - 10), len(data) + 20) for offset, data in content.patches]
    handle = tree.open(path)
    try:
        for offset, length in ranges:
            assert os.pread(handle, length, offset) == piece(offset, length), (path, offset, length)
    finally:
        os.close(handle)


def check_unreadable(tree, path, size):
    """EIO wherever one reads; b'' behind the end, as the kernel answers itself. Of an empty file it
    asks nothing, so that one cannot be opened."""
    if not size:
        try:
            os.close(tree.open(path))
        except OSError as error:
            assert error.errno == errno.EIO
            return
        raise AssertionError('%r can be opened' % path)
    handle = tree.open(path)
    try:
        for offset in sorted({0, size // 2, size - 1, min(size - 1, 4096)}):
            try:
                data = os.pread(handle, min(100, size - offset), offset)
            except OSError as error:
                assert error.errno == errno.EIO
            else:
                raise AssertionError('%r at %d: %r instead of EIO' % (path, offset, data))
        if size < 1 << 62:
            assert os.pread(handle, 100, size) == b''
    finally:
        os.close(handle)


def read_or_eio(handle, length, offset):
    """All of the bytes, or those in front of the first page that cannot be read; None if there are
    none. A read that ends early must be followed by EIO: the kernel gives what it has before it
    tells of an error."""
    try:
        data = os.pread(handle, length, offset)
        if len(data) < length:
            try:
                more = os.pread(handle, length - len(data), offset + len(data))
            except OSError as error:
                assert error.errno == errno.EIO
            else:
                raise AssertionError('%d bytes of %d at %d, and then no error but %d more' %
                                     (len(data), length, offset, len(more)))
        return data
    except OSError as error:
        assert error.errno == errno.EIO
        return None


def check_damaged(tree, path, damaged):
    """The right bytes or EIO, and EIO somewhere if it must fail."""
    failed, handle = 0, tree.open(path)
    try:
        for offset in list(range(0, damaged.size,
                                 65536)) + [0, damaged.size // 2, damaged.size - 1]:
            length = min(65536, damaged.size - offset)
            data = read_or_eio(handle, length, offset)
            failed += data is None or len(data) < length
            assert data is None or data == damaged.data[offset:offset + len(data)], (path, offset)
    finally:
        os.close(handle)
    assert failed or not damaged.must_fail, '%r was read whole' % path


def one_line(done, *statuses):
    """What the command said in the one line that it may, having ended with one of `statuses`."""
    assert done.returncode in statuses, (done.returncode, done.stderr)
    lines = check_lines(done.stderr)
    assert len(lines) == 1, done.stderr
    return lines[0][2]


def check_view(root, made, contents=True):
    """The mounted tree is the view: names, kinds, sizes, bytes, and nothing more. `contents`: False
    for names only, or a set of paths."""
    with Tree(root) as tree:
        directories = made.directories()
        files = {p for p, c in made.view.items() if c is not None}
        seen = tree.walk()
        assert {p for p, is_dir in seen.items() if is_dir} == directories
        assert {p for p, is_dir in seen.items() if not is_dir} == files
        for path in files if contents is True else contents or ():
            content = made.view[path]
            size = content.size if isinstance(content, (Unreadable, Damaged)) else len(content)
            assert tree.stat(path).st_size == size, path
            if isinstance(content, Unreadable):
                check_unreadable(tree, path, size)
            elif isinstance(content, Damaged):
                check_damaged(tree, path, content)
            else:
                check_served(tree, path, content)


def check_lines(stderr):
    """Each line is a message without control characters; returns [(rule, offset or None, line)]."""
    found = []
    for line in stderr.splitlines(keepends=True):
        assert MESSAGE.match(line), line
        rule = RULE.search(line)
        found.append((rule.group(1).decode() if rule else None,
                      int(rule.group(2)) if rule and rule.group(2) else None, line))
    return found
