# SPDX-License-Identifier: BSD-2-Clause
"""What only HTTP/2 has: many requests on a connection, and one that allows none. (Its faults are in
the table of faults.py.)"""
import concurrent.futures
import errno
import os
import re
import shutil
import threading
import time

import pytest

pytest.importorskip('h2', reason='no Python h2 here')

from kit.info import write

import reading
from faults import BROKEN, LATE, SERVED
from http2 import serving_http2
from mounts import mounted, read
from reading import CHUNKS, COOL_DOWN, PATIENCE, Way
from transports import make_certificate, open_to_all

pytestmark = pytest.mark.skipif(not shutil.which('openssl'), reason='no openssl here')
needs_mount = pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1',
                                 reason='built without mount')
STREAMS, CHUNK, APART = 64, 1 << 17, 9 << 16


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    return reading.make_archive(tmp_path_factory.mktemp('archive') / 'x.ozx')[0].read_bytes()


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    return make_certificate(open_to_all(tmp_path_factory.mktemp('http2')), 'good', 'IP:127.0.0.1')


def cat(server, certificate):
    return Way(server, {'SSL_CERT_FILE': str(certificate[0])}, None).cat('none', 'always')


def test_no_streams(archive, certificate):
    with serving_http2(archive, *certificate, no_streams=True) as server:
        ended, seconds = cat(server, certificate)
    assert ended and ended.returncode == BROKEN and not ended.stdout
    assert re.search(LATE, ended.stderr.decode()) and seconds < PATIENCE


def test_it_is_http2(archive, certificate):
    """One connection has both requests of opening."""
    with serving_http2(archive, *certificate) as server:
        ended, _ = cat(server, certificate)
    assert ended.returncode == SERVED and len(server.requests) >= 2


@needs_mount
@pytest.mark.parametrize('fault', ['connection_resets', 'connection_silent', 'connection_heads'])
def test_a_connection_that_stays_broken(archive, certificate, tmp_path, fault):
    """It is not closed, and nothing more is answered on it, or heads without bytes: it is left. One
    that says nothing may cost the first read all of its deadline."""
    with serving_http2(archive, *certificate) as server, mounted(
            tmp_path / 'm', server.url(fault, 'later'),
            env={'SSL_CERT_FILE': str(certificate[0])}) as root:
        first = read(root / CHUNKS[0])[1]
        time.sleep(COOL_DOWN)
        assert not any(read(root / name)[1] for name in CHUNKS)
    assert first in (0, errno.EIO) if fault != 'connection_resets' else first == 0


@needs_mount
def test_many_streams(certificate, tmp_path):
    """64 reads are under way at a time, 16 on each of four connections: none is answered before
    all have been asked for. (So far apart that none is read ahead or comes with another.)"""
    chunks = {f'{n}/c': bytes([n]) * CHUNK for n in range(STREAMS)}
    files = {name: data for n in range(STREAMS)
             for name, data in ((f'{n}/c', chunks[f'{n}/c']), (f'{n}/far', bytes(APART)))}
    archive = write(tmp_path / 'far.ozx', files)
    all_asked = threading.Barrier(STREAMS)
    with serving_http2(archive.read_bytes(), *certificate) as server, mounted(
            tmp_path / 'm', server.url(), env={'SSL_CERT_FILE': str(certificate[0])}) as root:
        server.wait_for_others = lambda: all_asked.wait(20)
        with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
            got = dict(zip(chunks, pool.map(lambda name: (root / name).read_bytes(), chunks)))
    assert got == chunks
