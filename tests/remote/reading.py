# SPDX-License-Identifier: BSD-2-Clause
"""Reading through a server of faults, by `cat` and in a mount, and what has to be true of what came
out: no wrong byte, an end in time, and lines that say why."""
import errno
import random
import re
import subprocess
import time

from kit.info import array, group, multiscale, write
from kit.launch import run

from faults import FOR_GOOD, SERVED, SLACK
from mounts import DEADLINE, read, unmount

CHUNK = 1 << 20
CHUNKS = ('0/c/0/0', '0/c/1/0', '0/c/2/0')
PATIENCE = DEADLINE + SLACK
COOL_DOWN = 1.1  # so long nobody tries again
RECOVERY = 15  # what was under way may fail until then


def make_archive(path):
    """The archive, and {name: bytes} of its chunks."""
    data = random.Random(18)
    files = {
        'zarr.json': group(multiscales=[multiscale()]), '0/zarr.json': array(
            (3, CHUNK), (1, CHUNK)), **{name: data.randbytes(CHUNK)
                                        for name in CHUNKS}
    }
    return write(path, files), {name: files[name] for name in CHUNKS}


class Way:
    """How a row is read: its server, and what the commands are told."""

    def __init__(self, server, environment, folder):
        self.server, self.folder = server, folder
        self.environment = {'OZXFS_DEADLINE': str(DEADLINE), **environment}

    def ask_for(self, way, name, when):
        """The URL of a row of its own, and the options that it needs."""
        login = 'user:geheim@' if name == 'redirect_to_other_host' else ''
        url = self.server.url(name, when, way, login)
        if not name.startswith('signature_'):
            return url, []
        self.folder.mkdir(parents=True, exist_ok=True)
        signed = self.folder / f'{way}-{name}-url'
        signed.write_text(f'{url}?sig=1')
        signed.chmod(0o600)
        self.server.url_files['/' + url.split('/', 3)[3]] = signed
        return url, ['-o', f'url_file={signed}']

    def run(self, *arguments):
        """How that ended (None: it hangs), and how long it took."""
        began = time.monotonic()
        try:
            ended = run(*arguments, timeout=100, env=self.environment)
        except subprocess.TimeoutExpired:
            ended = None
        return ended, time.monotonic() - began

    def cat(self, name, when):
        url, options = self.ask_for('cat', name, when)
        return self.run('cat', *options, url, *CHUNKS)

    def mount(self, name, when):
        """How mounting ended; what was read, and then, once the server was well, what of it
        failed before."""
        url, options = self.ask_for('mount', name, when)
        where = self.folder / f'{name}-{when}'
        where.mkdir(parents=True)
        ended, seconds = self.run('mount', *options, url, where)
        if not ended or ended.returncode:
            return ended, seconds, None, None
        try:
            return ended, seconds, *self.read_in(where, name, '/' + url.split('/', 3)[3])
        finally:
            unmount(where)

    def read_in(self, where, name, path):
        first, again = {}, {}
        for chunk in CHUNKS:
            began = time.monotonic()
            first[chunk] = *read(where / chunk), time.monotonic() - began
        failed = [chunk for chunk in CHUNKS if first[chunk][1]]
        self.server.counts[path] = -10**6  # well again
        until = time.monotonic() + (COOL_DOWN if name in FOR_GOOD else RECOVERY)
        for chunk in failed:
            time.sleep(COOL_DOWN)
            while (last := read(where / chunk))[1] and time.monotonic() < until:
                time.sleep(COOL_DOWN)
            again[chunk] = last
        again['zarr.json'] = read(where / 'zarr.json')
        return first, again


def common(one, other):
    """How many bytes from the front are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def is_made_of_parts(out, files):
    """Each file is a part of its own bytes from the front, one behind the other."""
    out, reached = memoryview(out), {0}
    for part in files.values():
        reached |= {at + common(out[at:], memoryview(part)) for at in reached}
    return len(out) in reached


def is_served(result):
    """Of `cat` or `mount`."""
    ended, _, *chunks = result
    failed = chunks and (not chunks[0] or any(failure for _, failure, _ in chunks[0].values()))
    return ended and ended.returncode == SERVED and not failed


def check_line(ended, status, words):
    assert ended, 'it hangs'
    told = ended.stderr.decode()
    assert ended.returncode == status, told
    lines = told.splitlines()
    assert len({line for line in lines if ': warning: ' not in line}) <= len(CHUNKS), told
    assert all(re.match('ozxfs: https?://127.0.0.1:', line) for line in lines), told
    assert re.search(words, told) if words else not told, told
    assert not re.search(r'[^\x20-\x7e\n]', told)


def check_cat(result, files, when, status, words):
    ended, seconds = result
    check_line(ended, status, words)
    content = b''.join(files.values())
    if status == SERVED:
        assert ended.stdout == content
    else:
        assert is_made_of_parts(ended.stdout, files) and len(ended.stdout) < len(content)
    # Three chunks: the first has all of the deadline, the others 5 s at most while the server is
    # gone.
    assert seconds < (1 if when == 'always' else len(CHUNKS)) * PATIENCE, f'{seconds:.1f} s'


def check_mount(result, files, name, when, status, words):
    ended, seconds, first, again = result
    mounts = status == SERVED or when == 'later'
    check_line(ended, SERVED if mounts else status,
               words if when == 'always' else None)
    assert seconds < PATIENCE, f'{seconds:.1f} s'
    if not mounts:
        assert first is None
        return
    if status == SERVED:
        assert {chunk: got for chunk, (got, _, _) in first.items()} == files
    else:
        assert {failure for _, failure, _ in first.values()} - {0} == {errno.EIO}
    for chunk, (got, failure, took) in first.items():
        assert got == files[chunk][:len(got)] and (len(got) < CHUNK) == bool(failure)
        assert took < PATIENCE or not failure, f'{took:.1f} s'
    metadata = again.pop('zarr.json')[1]
    for chunk, (got, failure) in again.items():
        assert got == files[chunk][:len(got)] and (len(got) < CHUNK) == bool(failure)
    if name in FOR_GOOD and status != SERVED:
        assert {failure for _, failure in again.values()} == {errno.EIO}
    else:
        assert metadata == 0 and not any(failure for _, failure in again.values()), again
