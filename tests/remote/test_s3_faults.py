# SPDX-License-Identifier: BSD-2-Clause
"""What S3 does to an archive that is read from it, in one table: over three transports, by `cat`
and in a mount. (What any server does: faults.py.)"""
import concurrent.futures
import errno
import os
import re
import time

import pytest

from kit.info import write
from kit.launch import run

import faults
from faults import BROKEN, DENIED, REFUSED, SERVED, SLACK
from images import column
from mounts import DEADLINE, read, unmount
from reading import COOL_DOWN, RECOVERY
from s3 import KEY_ID, SECRET
from transports import are_here, make_certificate, open_to_all, serving_s3_by

HAVE_MOUNT = os.environ.get('OZXFS_HAVE_MOUNT') == '1'
pytestmark = pytest.mark.skipif('tls' not in are_here(), reason='no openssl')
CHUNK, COUNT, KEY = 1 << 18, 12, 'a b/image.ozx'
MIDDLE = '0/c/5/0'  # in neither of opening's two ranges
AT_ONCE = 8
MANY = 10**9
# of a server, which a row changes
STATE = ('objects', 'keys', 'region', 'payer', 'elsewhere', 'may_read_versions', 'skew', 'busy')


def no(_place):
    pass


def in_another_region(place):
    place.server.region = 'eu-test-1'


def moved(place):
    place.server.region, place.server.moved = 'eu-test-1', True


def skewed(place):
    place.server.skew = 3600


def slow_down(place):
    place.server.busy = 2


def slow_down_for_long(place):
    place.server.busy = MANY


def redirected(place):
    place.server.elsewhere = place.server.base('localhost') + '/away'


def token_expired(place):
    place.server.keys = {KEY_ID: (SECRET, 'new')}


def token_renewed(place):
    place.write_keys('new')
    place.server.keys = {KEY_ID: (SECRET, 'new')}


def key_removed(place):
    place.server.keys = {}


def bucket_closed(place):
    place.server.payer = True


def deleted(place):
    place.server.objects = {}


def replaced(place):
    place.server.objects = {KEY: {'v2': place.other}}


def versioned(place):
    place.server.versioned = True


def version_behind(place):
    place.server.objects = {KEY: {**place.server.objects[KEY], 'v2': place.other}}


def version_deleted(place):
    place.server.objects = {KEY: {'v2': place.other}}


def versions_denied(place):
    place.server.may_read_versions = False


def versions_denied_and_replaced(place):
    versions_denied(place)
    version_behind(place)


# As in faults.py; of 'later', opening's two requests are answered well.
TABLE = [
    (no, 'always', SERVED, None),
    (in_another_region, 'always', SERVED, None),
    (moved, 'always', SERVED, None),
    *((what, when, SERVED, None) for what in (skewed, slow_down) for when in ('always', 'later')),
    *((slow_down_for_long, when, BROKEN, 'SlowDown|in time') for when in ('always', 'later')),
    *((redirected, when, BROKEN, 'HTTP 400') for when in ('always', 'later')),
    (token_expired, 'always', BROKEN, 'ExpiredToken'),
    (token_expired, 'later', BROKEN, 'ExpiredToken'),
    *((token_renewed, when, SERVED, None) for when in ('always', 'later')),
    (key_removed, 'always', DENIED, 'InvalidAccessKeyId'),
    (key_removed, 'later', BROKEN, 'InvalidAccessKeyId'),
    (bucket_closed, 'always', DENIED, 'AccessDenied'),
    (bucket_closed, 'later', BROKEN, 'AccessDenied'),
    (deleted, 'always', REFUSED, 'NoSuchKey'),
    (deleted, 'later', BROKEN, 'NoSuchKey'),
    (replaced, 'later', BROKEN, 'changed'),
    (versioned, 'always', SERVED, None),
    (version_behind, 'later', SERVED, None),
    (version_deleted, 'later', BROKEN, 'NoSuchVersion'),
    (versions_denied, 'later', SERVED, None),
    (versions_denied_and_replaced, 'later', BROKEN, 'changed'),
]
CASES = list(faults.product(TABLE))


def name_of(case):
    transport, way, (what, when, *_) = case
    return f'{transport}-{way}-{what.__name__}-{when}'


class Place:
    """A row's own: server, keys, how it is read: (status, line, what was read)."""

    def __init__(self, server, folder, other, certificate):
        self.server, self.folder, self.other = server, folder, other
        (folder / '.aws').mkdir(parents=True)
        self.environment = {'HOME': str(folder), 'OZXFS_DEADLINE': str(DEADLINE),
                            'SSL_CERT_FILE': str(certificate)}
        self.server.keys = {KEY_ID: (SECRET, 'token')}
        self.write_keys('token')

    def write_keys(self, token):
        file = self.folder / '.aws' / 'credentials'
        file.touch(0o600)
        file.write_text(f'[default]\naws_access_key_id = {KEY_ID}\n'
                        f'aws_secret_access_key = {SECRET}\naws_session_token = {token}\n')

    def run(self, verb, *more):
        ended = run(verb, '-o', f'endpoint={self.server.url}', f's3://bucket/{KEY}', *more,
                    env=self.environment, timeout=100)
        assert SECRET.encode() not in ended.stderr
        return ended.returncode, ended.stderr.decode(), ended.stdout

    def cat(self):
        return self.run('cat', MIDDLE)

    def mount(self, make_well, for_good):
        """That of mounting, (bytes, errno), and the same of the server when it is well again."""
        where = self.folder / 'm'
        where.mkdir()
        status, told, _ = self.run('mount', where)
        if status:
            return status, told, None, None
        try:
            first = again = read(where / MIDDLE)
            make_well()
            until = time.monotonic() + (COOL_DOWN if for_good else RECOVERY)
            while again[1] and time.monotonic() < until:
                time.sleep(COOL_DOWN)
                again = read(where / MIDDLE)
            return 0, told, first, again
        finally:
            unmount(where)


@pytest.fixture(scope='module')
def files():
    return column(COUNT, CHUNK)


@pytest.fixture(scope='module')
def results(files, tmp_path_factory):
    folder = open_to_all(tmp_path_factory.mktemp('s3'))
    content = write(folder / 'x.ozx', files).read_bytes()
    other = write(folder / 'y.ozx', column(COUNT, CHUNK, 19)).read_bytes()
    pair = make_certificate(folder, 'good', 'IP:127.0.0.1,DNS:localhost')

    def read_case(case):
        transport, way, (what, when, _status, words) = case
        with serving_s3_by(transport, {KEY: content}, pair) as server:
            place = Place(server, folder / name_of(case), other, pair[0])
            server.versioned = what.__name__.startswith('version')
            well = dict(vars(server))
            if when == 'later':
                server.later = lambda: what(place)
            else:
                what(place)

            def make_well():
                place.write_keys('token')
                vars(server).update({name: well[name] for name in STATE})

            began = time.monotonic()
            result = place.cat() if way == 'cat' else place.mount(make_well, words == 'changed')
            return result, time.monotonic() - began

    cases = [case for case in CASES if case[0] in are_here() and (case[1] == 'cat' or HAVE_MOUNT)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(map(name_of, cases), pool.map(read_case, cases)))


@pytest.mark.parametrize('case', CASES, ids=name_of)
def test_fault(results, files, case):
    transport, way, (_, when, status, words) = case
    if name_of(case) not in results:
        pytest.skip('no Python h2, or built without mount')
    (ended, told, first, *again), seconds = results[name_of(case)]
    mounts = way == 'mount' and (when == 'later' or status == SERVED)
    assert ended == (SERVED if mounts else status), told
    if mounts or status == SERVED:
        assert not told
    else:
        assert re.search(words, told) and told.count('\n') == 1, told
    if mounts:
        assert first == ((files[MIDDLE], 0) if status == SERVED else (b'', errno.EIO))
        assert again == [first if words == 'changed' else (files[MIDDLE], 0)]
    elif way == 'cat':
        assert first == (files[MIDDLE] if status == SERVED else b'')
    assert seconds < DEADLINE + SLACK + (RECOVERY if mounts else 0)
