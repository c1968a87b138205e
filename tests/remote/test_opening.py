# SPDX-License-Identifier: BSD-2-Clause
"""What is asked for to open an archive, and what of it side by side: no round trip more than it
takes."""
import json
import time
import zipfile

from kit.info import group, multiscale
from kit.launch import run

from server import Handler, serving

METADATA = json.dumps(group(multiscales=[multiscale()])).encode()


class SlowHandler(Handler):
    """Takes its time, and notes what was asked for before what was answered."""

    def do_GET(self):
        self.server.events.append('asked')
        time.sleep(0.3)
        self.server.events.append('answered')
        super().do_GET()


def make(path, entries, comment=b''):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('zarr.json', METADATA)
        for n in range(entries):
            info = zipfile.ZipInfo(f'0/c/{n}')
            info.comment = comment
            archive.writestr(info, bytes(8 << 10))
    return path.read_bytes()


def cat(server, *options):
    ended = run('cat', *options, server.url(), 'zarr.json')
    assert (ended.returncode, ended.stdout) == (0, METADATA), ended.stderr


def test_two_requests_at_once(tmp_path):
    """Neither waits for the other's answer, be the connections new."""
    with serving(make(tmp_path / 'x.ozx', 3)) as server:
        server.RequestHandlerClass, server.events = SlowHandler, []
        cat(server)
    assert server.events == ['asked', 'asked', 'answered', 'answered']
