# SPDX-License-Identifier: BSD-2-Clause
"""The table of faults.py: whatever happens, no wrong byte comes out, it ends in time, and one line
says why. All rows run at once, each against a path of its own."""
import concurrent.futures
import time

import pytest

from kit.info import write
from kit.launch import run

import faults
from faults import BROKEN, CHUNKS, DEADLINE, REFUSED, SERVED, TABLE, archive, is_made_of_parts
from images import column
from server import FAULTS, Answer, serving

assert archive  # the fixture
NAMES = faults.names(TABLE)


@pytest.fixture(scope='module')
def server(archive):
    with serving(archive[0].read_bytes()) as running:
        yield running


def read_row(server, name, when):
    login = 'user:geheim@' if name == 'redirect_to_other_host' else ''
    return faults.read_all(server.url(name, when, login=login))


@pytest.fixture(scope='module')
def results(server):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        return dict(zip(NAMES, pool.map(lambda row: read_row(server, *row[:2]), TABLE)))


@pytest.mark.parametrize('name,when,status,words', TABLE, ids=NAMES)
def test_fault(results, archive, name, when, status, words):
    faults.check(results[f'{name}-{when}'], archive[1], when, status, words)


def test_every_fault_has_a_row():
    import server as module
    assert set(module.FAULTS) == {name for name, *_ in TABLE}


def test_nobody_asked_for_a_head_or_a_compressed_body(results, server):
    assert {command for _, command, _ in server.requests} == {'GET'}
    assert not [
        headers for _, _, headers in server.requests
        if 'Accept-Encoding' in headers or 'If-Range' in headers
    ]


def test_the_version_is_asked_for(results, server):
    behind = [headers for path, _, headers in server.requests if path.startswith('/none/')][2:]
    assert behind and all(headers.get('If-Match') == '"v1"' for headers in behind)


def test_a_password_stays_with_its_host(results, server):
    asked = [
        headers for path, _, headers in server.requests
        if path.startswith('/redirect_to_other_host/')
    ]
    assert {
        bool(headers.get('Authorization'))
        for headers in asked
        if headers['Host'].startswith('127.')
    } == {True}
    assert {
        bool(headers.get('Authorization'))
        for headers in asked
        if headers['Host'].startswith('localhost')
    } == {False}


def test_told_to_wait(results):
    assert results['status_429-once'][1] >= 1
    assert results['retry_at_a_date-once'][1] >= 1


def test_a_quota_that_is_spent(tmp_path):
    """It is waited for, and then fewer and larger requests are made."""
    files = column(60, 100_000)
    many = write(tmp_path / 'many.ozx', files)
    names = [f'0/c/{number}/0' for number in (30, 20)]
    began = time.monotonic()
    with serving(many.read_bytes()) as own:
        ended = run('cat', own.url('quota_spent'), *names)
        asked = [headers['Range'].partition('=')[2].split('-') for _, _, headers in own.requests]
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == b''.join(files[name] for name in names)
    assert time.monotonic() - began >= 2
    assert len(asked) > 2 and all(int(last) - int(first) + 1 >= 1 << 20
                                  for first, last in asked[2:]), asked


def test_an_object_without_end_is_left(results, server):
    """A few MiB of each 10 GiB, which is what fits into the kernels between."""
    assert server.endless_bytes < 1 << 29


def test_two_answers_for_one(archive, monkeypatch):
    """The second one is of the bytes behind. Whoever takes it for the next one's notices."""
    def twice(server, answer, _handler):
        more = Answer(server.content, f'bytes={answer.last + 1}-{answer.last + 4096}')
        if answer.status == more.status == 206:
            head = '\r\n'.join(f'{name}: {value}' for name, value in more.headers)
            answer.body += f'HTTP/1.1 206 What\r\n{head}\r\n\r\n'.encode() + more.body

    monkeypatch.setitem(FAULTS, 'none', twice)
    with serving(archive[0].read_bytes()) as own:
        ended = run('cat', own.url(), *CHUNKS, env={'OZXFS_DEADLINE': str(DEADLINE)}, timeout=100)
    assert ended.returncode in (SERVED, BROKEN), ended.stderr
    assert is_made_of_parts(ended.stdout, archive[1])
    assert (ended.stdout == archive[1]) == (ended.returncode == SERVED)


@pytest.mark.parametrize('size', [0, 1, 100])
def test_small_objects(server, size):
    ended = run('info', server.url(key=f'size={size}'))
    assert ended.returncode not in (0, 1) and len(ended.stderr.decode().splitlines()) == 1


@pytest.mark.parametrize('host,status,words', [('127.0.0.1:1', BROKEN, 'cannot connect'),
                                               ('nothing.invalid', REFUSED, 'no such host')])
def test_a_host_that_is_wrong(host, status, words):
    """It is not asked for a minute: a server that is opened has been there."""
    began = time.monotonic()
    ended = run('info', f'http://{host}/x.ozx', text=True)
    assert ended.returncode == status and words in ended.stderr
    assert time.monotonic() - began < 30
