# SPDX-License-Identifier: BSD-2-Clause
"""The verbs without a mount, as who they are run and what their caged process is. Role: mechanics;
no expectations."""
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

from kit.faulty import Faulty, make_archive
from kit.harness import readable_folder, wait_until
from kit.proc import status_of

OZXFS = os.path.abspath(os.environ.get('OZXFS', 'ozxfs'))
PROBE = os.environ.get('OZXFS_PROBE')
needs_cage = pytest.mark.skipif(
    os.environ.get('OZXFS_SANDBOX') != '1', reason='built without the sandbox (sanitizers)')

READ, FILE, TREE = 'read', 'file', 'tree'
VERBS = {
    'info': (READ, 'info', '{archive}'),
    'info-json': (READ, 'info', '--json', '{archive}'),
    'ls': (READ, 'ls', '-lR', '{archive}'),
    'verify': (READ, 'verify', '{archive}'),
    'verify-json': (READ, 'verify', '--json', '-j', '1', '{archive}'),
    'repack': (FILE, 'repack', '-v', '-j', '2', '{archive}', '{out}'),
    'repack-dry': (READ, 'repack', '--dry-run', '{archive}', '{out}'),
    'unpack': (TREE, 'unpack', '-v', '--no-sync', '-j', '2', '{archive}', '{out}'),
    'cat': (READ, 'cat', '{archive}', 's0/extra/stored', 's0/extra/packed'),
}
if os.environ.get('OZXFS_HAVE_NETTLE') == '1':
    VERBS['verify-manifest'] = (READ, 'verify', '--manifest', 'sha256', '{archive}')
if os.environ.get('OZXFS_HAVE_PNG') == '1':
    VERBS['thumbnail'] = (FILE, 'thumbnail', '{archive}', '{out}')
NOBODY = 65534


class Case:
    """A verb, run by `user` (None: by whoever runs the tests), on an archive of every kind of
    entry."""

    def __init__(self, name, user, folder):
        self.kind, *self.words = VERBS[name]
        self.name, self.user, self.folder = name, user, folder
        self.archive = os.path.join(folder, 'image.ozx')
        make_archive(self.archive)
        self.out = os.path.join(folder, 'out')
        os.mkdir(self.out)
        if user:
            os.chown(self.out, user.pw_uid, user.pw_gid)
        self.result = os.path.join(self.out, 'result')
        self.faulty = Faulty(folder)

    @property
    def as_root(self):
        return not self.user and os.geteuid() == 0

    def arguments(self, binary=OZXFS):
        return [
            binary, *(word.format(archive=self.archive, out=self.result) for word in self.words)
        ]

    def options(self, options):
        who = {'user': self.user.pw_uid, 'group': self.user.pw_gid, 'extra_groups': []
               } if self.user else {}
        return {
            'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
            **who, **options
        }

    def run(self, binary=OZXFS, **options):
        """To its end, and then no result: it is removed."""
        try:
            environment = {'env': dict(os.environ, LC_ALL='C'), **options}
            return subprocess.run(self.arguments(binary), timeout=60, check=False,
                                  **self.options(environment))
        finally:
            self.left = sorted(os.listdir(self.out))
            shutil.rmtree(self.result, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.remove(self.result)

    @contextlib.contextmanager
    def stopped(self, fault='preadv:1:stop', binary=OZXFS, environment=(), **options):
        """(the command, its caged process), that one stopped at its first read of the archive."""
        environment = dict(os.environ, **self.faulty.environment(fault), **dict(environment))
        with subprocess.Popen(self.arguments(binary), env=environment,
                              **self.options(options)) as process:
            try:
                assert wait_until(lambda: self.faulty.page.fired or process.poll() is not None
                                  ) and process.poll() is None, process.communicate()
                child = self.faulty.page.process
                assert wait_until(lambda: status_of(child)['State'][0] == 'T')
                yield process, child
            finally:
                process.kill()


def ordinary_user():
    return next(user for user in pwd.getpwall() if user.pw_uid not in (0, NOBODY))


@pytest.fixture(params=VERBS)
def verb(request):
    return request.param


@pytest.fixture(params=['as-caller', 'as-user'])
def case(request, verb):
    if request.param == 'as-user' and os.geteuid() != 0:
        pytest.skip('that is the caller already')
    with readable_folder() as folder:
        made = Case(verb,
                    ordinary_user() if request.param == 'as-user' else None,
                    tempfile.mkdtemp(dir=folder))
        os.chmod(made.folder, 0o755)
        yield made


__all__ = [
    'FILE', 'NOBODY', 'PROBE', 'READ', 'TREE', 'Case', 'case', 'needs_cage',
    'ordinary_user', 'signal', 'verb', 'wait_until'
]
