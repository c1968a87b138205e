# SPDX-License-Identifier: BSD-2-Clause
"""The table of faults.py over HTTP/2, as far as it has such faults, and its own rows."""
import concurrent.futures
import contextlib
import os
import re
import shutil
import threading

import pytest

pytest.importorskip('h2', reason='no Python h2 here')

from kit.info import write
from kit.launch import run

import faults
from faults import BROKEN, DEADLINE, LATE, SERVED, SLACK, TABLE, archive
from http2 import serving_http2
from test_tls import make_certificate

pytestmark = pytest.mark.skipif(not shutil.which('openssl'), reason='no openssl here')
assert archive  # the fixture
STREAMS, CHUNK, APART = 64, 1 << 17, 9 << 16
PATIENCE = DEADLINE + SLACK

# What is of HTTP/1.1 only, or leads to the server of that.
LEFT_OUT = {
    'reset', 'reset_after_headers', 'slow_headers', 'slow_body', 'garbage', 'http_09',
    'status_line_only', 'status_no_number', 'header_nul', 'headers_large', 'headers_many',
    'length_twice', 'redirect_to_other_host', 'redirect_from_outside', 'reset_in_the_body',
    'whole_endless', 'hints_endless', 'chunk_extension_endless', 'trailers_endless',
    'chunks_too_many', 'transfer_bomb'
}
# libcurl looks at a stream's Content-Length itself.
WORDS = {'long_body': 'more than|not usable|broke', 'multipart': 'not usable'}
ROWS = [(name, when, status, WORDS.get(name, words))
        for name, when, status, words in TABLE if name not in LEFT_OUT] + [
            *((name, 'once', SERVED, None)
              for name in ('rst_stream', 'rst_in_the_body', 'refused_stream')),
            *((name, when, BROKEN, LATE)
              for name in ('rst_stream', 'rst_in_the_body', 'refused_stream')
              for when in ('always', 'later')),
            ('goaway', 'always', SERVED, None),
            ('goaway_at_once', 'once', SERVED, None),
            ('goaway_at_once', 'always', BROKEN, LATE),
        ]
NAMES = faults.names(ROWS)


@contextlib.contextmanager
def mounted(where, url, certificate):
    where.mkdir()
    ended = run('mount', url, where, env={'SSL_CERT_FILE': str(certificate)})
    assert ended.returncode == 0, ended.stderr
    try:
        yield where
    finally:
        run('umount', where)


def cat(server, certificate, name, when):
    url = server.url(name, when).replace('http://', 'https://')
    return faults.read_all(url, SSL_CERT_FILE=str(certificate))


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp('http2')
    for above in (folder, folder.parent):
        above.chmod(0o755)
    return make_certificate(folder, 'good', 'IP:127.0.0.1')


@pytest.fixture(scope='module')
def results(archive, certificate):
    with serving_http2(archive[0].read_bytes(), *certificate) as server:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            yield dict(zip(NAMES, pool.map(
                lambda row: cat(server, certificate[0], *row[:2]), ROWS)))


@pytest.mark.parametrize('name,when,status,words', ROWS, ids=NAMES)
def test_fault(results, archive, name, when, status, words):
    faults.check(results[f'{name}-{when}'], archive[1], when, status, words)


def test_no_streams(archive, certificate):
    with serving_http2(archive[0].read_bytes(), *certificate, no_streams=True) as server:
        ended, seconds = cat(server, certificate[0], 'none', 'always')
    assert ended and ended.returncode == BROKEN and not ended.stdout
    assert re.search(LATE, ended.stderr.decode()) and seconds < PATIENCE


def test_it_is_http2(archive, certificate):
    """One connection has both requests of opening."""
    with serving_http2(archive[0].read_bytes(), *certificate) as server:
        ended, _ = cat(server, certificate[0], 'none', 'always')
    assert ended.returncode == SERVED and len(server.requests) >= 2


@pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
def test_many_streams(certificate, tmp_path):
    """64 reads are under way at a time, 16 on each of four connections: none is answered before
    all have been asked for. (So far apart that none is read ahead or comes with another.)"""
    chunks = {f'{n}/c': bytes([n]) * CHUNK for n in range(STREAMS)}
    files = {name: data for n in range(STREAMS)
             for name, data in ((f'{n}/c', chunks[f'{n}/c']), (f'{n}/far', bytes(APART)))}
    archive = write(tmp_path / 'far.ozx', files)
    all_asked = threading.Barrier(STREAMS)
    with serving_http2(archive.read_bytes(), *certificate) as server, mounted(
            tmp_path / 'm', server.url().replace('http:', 'https:'), certificate[0]) as root:
        server.wait_for_others = lambda: all_asked.wait(20)
        with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
            got = dict(zip(chunks, pool.map(lambda name: (root / name).read_bytes(), chunks)))
    assert got == chunks
