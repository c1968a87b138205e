# SPDX-License-Identifier: BSD-2-Clause
"""The table of faults.py: whatever happens, no wrong byte comes out, it ends in time, and one line
says why; and a mount is as before once the server is. All rows run at once, each against a path of
its own."""
import concurrent.futures
import contextlib
import os
import pathlib
import random
import time

import pytest

from kit.info import write
from kit.launch import LONG, SANITIZED, run

import faults
import reading
from answers import FAULTS, Answer
from faults import BROKEN, NOT_POSSIBLE, REFUSED, SERVED, TABLE, TRANSPORTS, WAYS
from images import column
from mounts import DEADLINE
from reading import CHUNKS, Way, is_made_of_parts
from server import serving
from transports import are_here, make_certificate, open_to_all, serving_by

HAVE_MOUNT = os.environ.get('OZXFS_HAVE_MOUNT') == '1'
CASES = list(faults.product())
AT_ONCE = 20


def is_here(transport, way):
    return transport in are_here() and (way == 'cat' or HAVE_MOUNT)


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    return reading.make_archive(tmp_path_factory.mktemp('archive') / 'x.ozx')


@pytest.fixture(scope='module')
def reports(tmp_path_factory):
    """What a sanitizer says of the fetcher, whose environment is empty and whose standard error
    leads nowhere: a script is put in its place, which starts it."""
    said = tmp_path_factory.mktemp('reports') / 'said'
    said.touch()
    if SANITIZED:
        program = pathlib.Path(os.environ['OZXFS_FETCH'])
        real = program.rename(program.with_name('fetch-under-test'))
        # Who may trace nobody finds no leaks.
        options = 'ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1'
        program.write_text(f'#!/bin/sh\n{options} exec {real} 2>>{said}\n')
        program.chmod(0o755)
    return said


@pytest.fixture(scope='module')
def ways(archive, reports, tmp_path_factory):
    """By transport."""
    folder = open_to_all(tmp_path_factory.mktemp('ways'))
    content = archive[0].read_bytes()
    with contextlib.ExitStack() as stack:
        pair = (make_certificate(folder, 'good', 'IP:127.0.0.1,DNS:localhost')
                if 'tls' in are_here() else None)
        environment = {'SSL_CERT_FILE': str(pair[0])} if pair else {}
        yield {transport: Way(stack.enter_context(serving_by(transport, content, pair)),
                              environment if transport != 'http' else {}, folder / transport)
               for transport in TRANSPORTS if transport in are_here()}


@pytest.fixture(scope='module')
def server(ways):
    return ways['http'].server


def read_case(ways, case):
    transport, way, (name, when, *_) = case
    return getattr(ways[transport], way)(name, when)


@pytest.fixture(scope='module')
def results(ways):
    cases = [case for case in CASES if is_here(*case[:2])]
    random.Random(18).shuffle(cases)  # those without end are apart
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(map(faults.name_of, cases),
                        pool.map(lambda case: read_case(ways, case), cases)))


@pytest.mark.parametrize('case', CASES, ids=faults.name_of)
def test_fault(results, archive, case):
    transport, way, (name, when, status, words) = case
    if not is_here(transport, way):
        pytest.skip('no openssl, no Python h2, or built without mount')
    result = results[faults.name_of(case)]
    words = faults.WORDS.get((transport, name), words)
    if (transport, name) in faults.EITHER and reading.is_served(result):
        status, words = SERVED, None
    elif (transport, name) in faults.EITHER and result[0] and result[0].returncode == 0:
        when = 'later'  # it was mounted
    if way == 'cat':
        reading.check_cat(result, archive[1], when, status, words)
    else:
        reading.check_mount(result, archive[1], name, when, status, words)


def test_no_sanitizer_says_anything(results, reports):
    assert not reports.read_text()


def test_every_row_is_read_or_has_a_reason():
    """By default, too: by `cat`, and mounted."""
    for way in WAYS:
        rows = {faults.name_of((None, way, row)) for row in TABLE + faults.OF_STREAMS}
        assert {faults.name_of((None, *case[1:])) for case in CASES if case[1] == way} == rows
    if LONG:
        there = {(transport, row[0]) for transport, _, row in CASES}
        assert {(transport, row[0]) for transport in TRANSPORTS
                for row in TABLE + faults.OF_STREAMS} - there == set(NOT_POSSIBLE)


def test_every_fault_has_a_row():
    assert set(FAULTS) == {name for name, *_ in TABLE}


def test_nobody_asked_for_a_head_or_a_compressed_body(results, ways):
    asked = [request for way in ways.values() for request in way.server.requests]
    assert {command for _, command, _ in asked} == {'GET'}
    assert not [headers for _, _, headers in asked
                if {'accept-encoding', 'if-range'} & {name.lower() for name in headers}]


def test_the_version_is_asked_for(results, ways):
    for way in ways.values():
        behind = [headers for path, _, headers in way.server.requests
                  if path.startswith('/none/always/cat/')][2:]
        assert all(headers.get('If-Match', headers.get('if-match')) == '"v1"' for headers in behind)
        assert behind or way.server.scheme == 'https'


def test_a_password_stays_with_its_host(results, ways):
    told = {(headers['Host'].split(':')[0],
             bool(headers.get('Authorization', headers.get('authorization'))))
            for way in ways.values() for path, _, headers in way.server.requests
            if path.startswith('/redirect_to_other_host/')}
    assert told == {('127.0.0.1', True), ('localhost', False)}


def test_told_to_wait(results):
    waited = [result[1] for name, result in results.items()
              if '-cat-status_429-once' in name or '-cat-retry_at_a_date-once' in name]
    assert len(waited) >= 2 and all(seconds >= 1 for seconds in waited)


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
    assert (ended.stdout == b''.join(archive[1].values())) == (ended.returncode == SERVED)


@pytest.mark.parametrize('size', [0, 1, 100])
@pytest.mark.parametrize('transport', TRANSPORTS)
def test_small_objects(ways, transport, size):
    """They are no archives, so that none is mounted."""
    if transport not in ways:
        pytest.skip('no openssl, or no Python h2')
    way = ways[transport]
    ended, _ = way.run('info', way.server.url(key=f'size={size}'))
    assert ended.returncode not in (0, 1) and len(ended.stderr.decode().splitlines()) == 1


@pytest.mark.parametrize('host,status,words', [('127.0.0.1:1', BROKEN, 'cannot connect'),
                                               ('nothing.invalid', REFUSED, 'no such host')])
def test_a_host_that_is_wrong(host, status, words):
    """It is not asked for a minute: a server that is opened has been there."""
    began = time.monotonic()
    ended = run('info', f'http://{host}/x.ozx', text=True)
    assert ended.returncode == status and words in ended.stderr
    assert time.monotonic() - began < 30
