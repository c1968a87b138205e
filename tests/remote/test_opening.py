# SPDX-License-Identifier: BSD-2-Clause
"""What is asked for to open an archive, and what of it side by side: no round trip more than it
takes."""
import json
import re
import time
import zipfile

import pytest

from kit.info import group, multiscale
from kit.launch import run

from server import Handler, serving

ENTRIES, COMMENT = 340, 60000  # together more than the smallest cache has room for
HEAD = 1 << 16
SIDE_BY_SIDE = 8  # at least, of a large directory
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
            archive.writestr(info, bytes(HEAD // 8))
    return path.read_bytes()


@pytest.fixture(scope='module')
def large(tmp_path_factory):
    return make(tmp_path_factory.mktemp('large') / 'x.ozx', ENTRIES, bytes(COMMENT))


def cat(server, *options):
    ended = run('cat', *options, server.url(), 'zarr.json')
    assert (ended.returncode, ended.stdout) == (0, METADATA), ended.stderr


def ranges_of(server):
    """Those that are not counted from the end."""
    told = (re.fullmatch(r'bytes=(\d+)-(\d+)', asked['Range']) for _, _, asked in server.requests)
    return sorted((int(one[1]), int(one[2])) for one in told if one)


def test_two_requests_at_once(tmp_path):
    """Neither waits for the other's answer, be the connections new."""
    with serving(make(tmp_path / 'x.ozx', 3)) as server:
        server.RequestHandlerClass, server.events = SlowHandler, []
        cat(server)
    assert server.events == ['asked', 'asked', 'answered', 'answered']


def test_a_large_directory(large, tmp_path):
    """It comes side by side, no byte of it twice; and the metadata, which came first, are there
    when all of it has been through the cache."""
    with serving(large) as server:
        server.RequestHandlerClass, server.events = SlowHandler, []
        cat(server, '-o', f'cache={tmp_path},cache_size=16M')
    ranges = ranges_of(server)
    assert [one for one in ranges if one[0] < HEAD] == [(0, HEAD - 1)]
    assert all(one[1] < other[0] for one, other in zip(ranges, ranges[1:]))
    assert len(server.requests) <= 2 + ENTRIES * COMMENT // (1 << 20) + 2
    assert server.events[:4] == ['asked', 'asked', 'answered', 'answered']
    assert server.events[4:4 + SIDE_BY_SIDE] == ['asked'] * SIDE_BY_SIDE
