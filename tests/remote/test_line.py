# SPDX-License-Identifier: BSD-2-Clause
"""The network goes away while an archive is mounted, and comes back: what was sent is lost, and
nobody is told. Or the server is elsewhere. Two machines, which are network namespaces, and the line
between them."""
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.info import write
from kit.launch import OZXFS, SANITIZED
from kit.line import SERVER, Namespace, ended, line

from images import column
from processes import wait_until

COMPILER = shlex.split(os.environ.get('CC', 'cc'))
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, ('ip', *COMPILER))),
                       reason='needs root, ip(8) and a C compiler'),
    pytest.mark.skipif(not os.access('/dev/net/tun', os.R_OK | os.W_OK), reason='no TUN here'),
    pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
]
DEADLINE = 3
MOVED = SERVER + '1'
SLACK = 4 * (1 + 2 * SANITIZED)


class Machines:
    """A client with a mount for each deadline, and the line to the server of the archive."""

    def __init__(self, stack, folder):
        self.folder, self.files = folder, column(40, 100_000)
        self.archive = write(folder / 'x.ozx', self.files)
        self.stack, self.server = stack, Namespace(stack)
        self.client = Namespace(stack, isolated=True)
        try:
            self.line = stack.enter_context(line(folder, self.server, self.client, 2))
        except AssertionError:
            pytest.skip('no TUN device can be made here')
        stack.callback(self.line.send_signal, signal.SIGCONT)  # or nothing else would end it
        self.serves, self.url = self.serve(SERVER)

    def serve(self, *address):
        program = Path(__file__).with_name('server.py')
        serves = subprocess.Popen([*self.server.enter, sys.executable, program, self.archive,
                                   *address], stdout=subprocess.PIPE, text=True)
        self.stack.enter_context(ended(serves))
        return serves, serves.stdout.readline().strip()

    def mount(self, deadline_s):
        root = self.folder / str(deadline_s)
        root.mkdir()
        environment = {name: value for name, value in os.environ.items()
                       if not name.lower().endswith('_proxy')}
        self.client.run(OZXFS, 'mount', self.url, root,
                        env=environment | {'OZXFS_DEADLINE': str(deadline_s)})
        return root

    def start(self, root, name):
        return subprocess.Popen([*self.client.enter, 'cat', root / name], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def read(self, root, name):
        """True: the right bytes. False: an error, and no other bytes than those before it."""
        reader = self.start(root, name)
        got, told = reader.communicate(timeout=60)
        right = self.files[name]
        assert got == right[:len(got)]
        assert (reader.returncode == 0) == (got == right) and (b'Input/output' in told) == (
            reader.returncode != 0), told
        return reader.returncode == 0


@pytest.fixture
def machines(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Machines(stack, tmp_path)


def test_the_network_goes_away(machines):
    """A read fails in time, one with more patience outlasts it, and what comes later is served."""
    hasty, patient = machines.mount(DEADLINE), machines.mount(60)
    assert machines.read(hasty, '0/c/10/0') and machines.read(patient, '0/c/10/0')
    machines.line.send_signal(signal.SIGSTOP)
    waiting = machines.start(patient, '0/c/20/0')
    began = time.monotonic()
    assert not machines.read(hasty, '0/c/20/0')
    assert time.monotonic() - began < DEADLINE + SLACK
    machines.line.send_signal(signal.SIGCONT)
    assert waiting.communicate(timeout=60) == (machines.files['0/c/20/0'], b'')
    wait_until(lambda: machines.read(hasty, '0/c/20/0'))


def test_the_server_moves(machines):
    """Its name leads elsewhere: who cannot connect looks it up again."""
    hosts, port = machines.folder / 'hosts', machines.url.split(':')[2].split('/')[0]
    hosts.write_text(f'{SERVER} archive.test\n')
    machines.client.run('mount', '--bind', hosts, '/etc/hosts')
    machines.url = machines.url.replace(SERVER, 'archive.test')
    root = machines.mount(20)
    assert machines.read(root, '0/c/10/0')
    machines.server.run('ip', 'address', 'add', f'{MOVED}/24', 'dev', 'line')
    machines.serves.kill()
    machines.serves.wait()
    machines.serve(MOVED, port)
    hosts.write_text(f'{MOVED} archive.test\n')
    assert machines.read(root, '0/c/20/0')
