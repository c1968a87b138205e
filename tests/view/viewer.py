# SPDX-License-Identifier: BSD-2-Clause
"""`ozxfs view` as a process, and what it answers. Role: mechanics; no expectations."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
from urllib.parse import urlsplit

import pytest

from kit.harness import wait_until
from kit.launch import OZXFS, SANITIZED
from kit.proc import children_of, descriptors_of

needs_view = pytest.mark.skipif(os.environ.get('OZXFS_HAVE_VIEW', '1') != '1',
                                reason='built without libmicrohttpd or libpng')
needs_cage = pytest.mark.skipif(os.environ.get('OZXFS_SANDBOX') != '1',
                                reason='built without the sandbox (sanitizers)')


class Viewer:
    """A running viewer: `base` is "/TOKEN/"."""

    def __init__(self, process, address):
        self.process, self.address = process, address
        parts = urlsplit(address)
        self.port, self.base = parts.port, parts.path
        self.host = '127.0.0.1:%d' % self.port

    def request(self, path, method='GET', base=None, timeout=30, **headers):
        """(status, headers by their names in small letters, body)."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, (self.base if base is None else base) + path,
                               headers={
                                   k.replace('_', '-'): v
                                   for k, v in headers.items()
                               })
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    def get(self, path):
        status, headers, body = self.request(path)
        assert status == 200, (path, status, body[:500])
        return headers, body

    def json(self, path):
        return json.loads(self.get(path)[1])

    def connect(self, timeout=30):
        return socket.create_connection(('127.0.0.1', self.port), timeout=timeout)

    def raw(self, data, timeout=30, half=False):
        """Whatever comes for bytes that were sent as they are, until the connection ends; with
        `half` nothing more will be sent, and that is told."""
        got = b''
        with self.connect(timeout) as connection:
            connection.sendall(data)
            if half:
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    got += part
        return got

    def children(self):
        return children_of(self.process.pid)

    def child(self, listens):
        """The server, or the decoder: by whether the socket that listens is its own."""
        for pid in self.children():
            with open('/proc/%d/net/tcp' % pid) as table:
                inodes = {
                    line.split()[9]
                    for line in table.readlines()[1:] if line.split()[3] == '0A'
                    and int(line.split()[1].split(':')[1], 16) == self.port
                }
            held = set(descriptors_of(pid).values())
            if bool(held & {'socket:[%s]' % inode for inode in inodes}) == listens:
                return pid
        return None

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def viewing(archive, *options, no_open=True, **more):
    words = [OZXFS, 'view', *(['--no-open'] if no_open else []), *options, str(archive)]
    with subprocess.Popen(words,
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          text=True,
                          **more) as process:
        try:
            address = process.stdout.readline().strip()
            assert address, process.communicate()
            yield Viewer(process, address)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)
            assert process.stderr.read() == ''


__all__ = ['SANITIZED', 'Viewer', 'needs_cage', 'needs_view', 'viewing', 'wait_until']
