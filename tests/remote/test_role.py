# SPDX-License-Identifier: BSD-2-Clause
"""Credentials that a machine has: of a container, of an instance. When they are asked for, and when
not; that they are renewed; that nobody else sees them."""
import contextlib
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from kit.info import write
from kit.launch import OZXFS, run, run_text

from images import column
from metadata import NAMES, ROLE, serving_metadata
from mounts import mounted, read
from processes import FETCH, fetchers, wait_until
from s3 import KEY_ID, SECRET, serving_s3
from test_s3 import profiles, section

FILES = column(12, 1 << 18)
MIDDLE = ('0/c/9/0', '0/c/5/0')  # in neither of opening's two ranges, against the readahead
FULL, TOKEN = 'AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN'
ENDPOINT = 'AWS_EC2_METADATA_SERVICE_ENDPOINT'
EARLY_S = 300
INSTANCE = ('-o', 'instance_role')
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
needs_mount = pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1',
                                 reason='built without mount')


@pytest.fixture(scope='module')
def content(tmp_path_factory):
    return write(tmp_path_factory.mktemp('archive') / 'x.ozx', FILES).read_bytes()


@pytest.fixture(autouse=True)
def without(monkeypatch, tmp_path):
    for name in os.environ:
        if name.startswith('AWS_') or name.lower().endswith('_proxy'):
            monkeypatch.delenv(name)
    monkeypatch.setenv('HOME', str(tmp_path))
    for above in (tmp_path, tmp_path.parent):
        above.chmod(0o755)


@pytest.fixture
def s3(content):
    with serving_s3({'x.ozx': content}) as running:
        running.keys[KEY_ID] = (SECRET, 'GEHEIM-token')
        yield running


@pytest.fixture
def metadata():
    with serving_metadata() as running:
        running.key_id, running.secret = KEY_ID, SECRET
        yield running


def cat(s3, *options, **environment):
    began = time.monotonic()
    ended = run('cat', '-o', f'endpoint={s3.url}', *options, 's3://bucket/x.ozx', MIDDLE[0],
                env={'OZXFS_DEADLINE': '5', **environment})
    told = ended.stderr.decode()
    assert 'GEHEIM' not in told and SECRET not in told and told.count('\n') <= 1
    assert time.monotonic() - began < 10
    return ended.returncode, told, ended.stdout == FILES[MIDDLE[0]]


SERVED = (0, '', True)


# --- where they come from ------------------------------------------------------------------------

@pytest.mark.parametrize('how', ['open', 'token', 'file', 'both'])
def test_of_a_container(s3, metadata, tmp_path, how):
    environment = {FULL: f'{metadata.url}/keys'}
    if how != 'open':
        metadata.authorization = 'GEHEIM-authorization'
        environment[TOKEN] = 'GEHEIM-authorization' if how == 'token' else 'no'
    if how in ('file', 'both'):
        (tmp_path / 'token').write_text('GEHEIM-authorization\n')
        environment[f'{TOKEN}_FILE'] = str(tmp_path / 'token')
    assert cat(s3, **environment) == SERVED
    assert [path for _, path, _ in metadata.requests] == ['/keys']


def test_of_an_instance(s3, metadata):
    assert cat(s3, *INSTANCE, **{ENDPOINT: metadata.url + '/'}) == SERVED
    assert [request[:2] for request in metadata.requests] == [
        ('PUT', '/latest/api/token'), ('GET', NAMES), ('GET', NAMES + ROLE)]


def test_a_container_comes_before_an_instance(s3, metadata):
    assert cat(s3, *INSTANCE, **{ENDPOINT: metadata.url, FULL: f'{metadata.url}/keys'}) == SERVED
    assert [path for _, path, _ in metadata.requests] == ['/keys']


def test_no_proxy_sees_them(s3, metadata):
    """The server of S3 is the proxy."""
    environment = {FULL: f'{metadata.url}/keys', 'http_proxy': s3.url}
    ended = run('cat', '-o', 'endpoint=http://s3.test', 's3://bucket/x.ozx', MIDDLE[0],
                env=environment)
    assert ended.returncode == 0 and ended.stdout == FILES[MIDDLE[0]], ended.stderr
    assert len(metadata.requests) == 1
    assert not any('/keys' in path for path, _, _ in s3.requests)


@pytest.mark.parametrize('options,environment,file', [
    ((), {'AWS_ACCESS_KEY_ID': KEY_ID, 'AWS_SECRET_ACCESS_KEY': SECRET}, ''),
    ((), {}, section('default')),
    (('-o', 'profile=lab'), {}, section('lab')),
    (('-o', 'anonymous'), {}, ''),
    ((), {'AWS_NO_SIGN_REQUEST': 'yes'}, ''),
], ids=['environment', 'file', 'profile', 'anonymous', 'not-signed'])
def test_whoever_has_others_does_not_ask(s3, metadata, tmp_path, options, environment, file):
    s3.public, s3.keys[KEY_ID] = True, (SECRET, None)
    profiles(tmp_path, file)
    own = {ENDPOINT: metadata.url, FULL: f'{metadata.url}/keys'}
    assert cat(s3, *INSTANCE, *options, **environment, **own) == SERVED
    assert not metadata.requests


@pytest.mark.parametrize('options,environment', [((), {}),
                                                 (INSTANCE, {'AWS_EC2_METADATA_DISABLED': 'true'})],
                         ids=['not-given', 'disabled'])
def test_an_instance_is_asked_only_if_that_is_wanted(s3, metadata, options, environment):
    s3.public = True
    assert cat(s3, *options, **environment, **{ENDPOINT: metadata.url}) == SERVED
    assert not metadata.requests
    assert not [headers for _, _, headers in s3.requests if 'Authorization' in headers]


STANDARD = 'ip link set lo up && ip addr add 169.254.169.254/32 dev lo && ' \
           'ip addr add 169.254.170.2/32 dev lo && exec "$@"'


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('ip'), reason='needs root and ip(8)')
@pytest.mark.parametrize('kind', ['container', 'instance'])
def test_the_addresses_of_the_standard(tmp_path, content, kind):
    """In a network whose loopback has them."""
    (tmp_path / 'content').write_bytes(content)
    ended = subprocess.run(['unshare', '--net', 'sh', '-c', STANDARD, 'sh', sys.executable,
                            __file__, kind, tmp_path / 'content'], check=False,
                           capture_output=True)
    assert ended.returncode == 0, ended.stderr


def main(kind, path):
    content = pathlib.Path(path).read_bytes()
    with serving_s3({'x.ozx': content}) as s3, serving_metadata('', 80) as metadata:
        s3.keys[KEY_ID] = (SECRET, 'GEHEIM-token')
        metadata.key_id, metadata.secret = KEY_ID, SECRET
        if kind == 'container':
            assert cat(s3, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI='/keys') == SERVED
            assert metadata.requests[0][2]['Host'] == '169.254.170.2'
        else:
            assert cat(s3, *INSTANCE) == SERVED
            assert metadata.requests[0][2]['Host'] == '169.254.169.254'


# --- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize('name,url', [
    (FULL, 'http://192.0.2.1/keys'), (FULL, 'http://127.0.0.1.example.org/keys'),
    (FULL, 'http://a:b@127.0.0.1/keys'), (FULL, 'ftp://127.0.0.1/keys'), (FULL, 'x'),
    (ENDPOINT, 'http://192.0.2.1'), ('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', '@192.0.2.1/keys'),
])
def test_an_address_that_others_may_answer(s3, name, url):
    status, told, _ = cat(s3, *INSTANCE, **{name: url})
    assert status == 77 and 'credentials' in told and not s3.requests, told


def slow(handler):
    time.sleep(3)
    handler.answer(200)


FAULTS = {
    'HTTP 404': lambda handler: handler.answer(404, 'GEHEIM'),
    'HTTP 302': lambda handler: handler.answer(302),
    'does not answer': slow,
    'too long': lambda handler: handler.answer(200, 'a' * 20_000),
    'has no': lambda handler: handler.answer(200, '\n{"AccessKeyId": "a"'),
}


# A container has longer than this one takes to answer.
@pytest.mark.parametrize('is_instance,words', [(is_instance, words) for words in FAULTS
                                               for is_instance in (False, True)
                                               if is_instance or words != 'does not answer'])
def test_a_service_that_fails(s3, metadata, is_instance, words):
    """Nothing is read unsigned then."""
    s3.public, metadata.fault = True, FAULTS[words]
    environment = {ENDPOINT: metadata.url} if is_instance else {FULL: f'{metadata.url}/keys'}
    status, told, _ = cat(s3, *(INSTANCE if is_instance else ()), **environment)
    assert status == 77 and words in told and not s3.requests, told


def test_nobody_there(s3):
    status, told, _ = cat(s3, **{FULL: 'http://127.0.0.1:1/keys'})
    assert status == 77 and 'does not answer' in told and not s3.requests


@pytest.mark.parametrize('key', ['a\r\nX-Evil: 1', 'a b'])
def test_keys_that_are_none(s3, metadata, key):
    metadata.token = key
    status, told, _ = cat(s3, **{FULL: f'{metadata.url}/keys'})
    assert status == 77 and 'invalid character' in told and not s3.requests


# --- while mounted -------------------------------------------------------------------------------

def mounted_s3(s3, tmp_path, *options, env):
    return mounted(tmp_path / 'm', 's3://bucket/x.ozx',
                   options=('-o', f'endpoint={s3.url}', *options), env=env)


def replace_key(s3, metadata, number):
    """From now on only this one is good."""
    metadata.key_id, metadata.token = f'AKIA{number}', f'GEHEIM-token-{number}'
    s3.keys = {metadata.key_id: (SECRET, metadata.token)}


@needs_mount
@pytest.mark.parametrize('is_instance', [False, True], ids=['container', 'instance'])
def test_renewed_before_they_expire(s3, metadata, tmp_path, is_instance):
    """Old ones sign on while new ones are asked for."""
    metadata.lasts_s, metadata.authorization = EARLY_S - 10, None if is_instance else 'GEHEIM-1'
    (tmp_path / 'token').write_text('GEHEIM-1')
    environment = {ENDPOINT: metadata.url} if is_instance else {
        FULL: f'{metadata.url}/keys', f'{TOKEN}_FILE': str(tmp_path / 'token')}
    with mounted_s3(s3, tmp_path, *(INSTANCE if is_instance else ()), env=environment) as root:
        time.sleep(5.1)  # those that last shorter are not asked for all the time
        if not is_instance:  # as it is renewed: another file of that name
            metadata.authorization = 'GEHEIM-2'
            (tmp_path / 'new').write_text('GEHEIM-2')
            (tmp_path / 'new').rename(tmp_path / 'token')
        metadata.lasts_s, asked = 3600, len(metadata.requests)
        s3.keys['AKIA2'] = (SECRET, 'GEHEIM-token-2')
        metadata.key_id, metadata.token = 'AKIA2', 'GEHEIM-token-2'
        assert read(root / MIDDLE[0]) == (FILES[MIDDLE[0]], 0)
        wait_until(lambda: len(metadata.requests) >= asked + (3 if is_instance else 1))
        time.sleep(0.2)
        del s3.keys[KEY_ID]
        assert read(root / MIDDLE[1]) == (FILES[MIDDLE[1]], 0)
        assert len(metadata.requests) == asked + (3 if is_instance else 1), 'those are good'


@needs_mount
def test_expired_and_refused(s3, metadata, tmp_path):
    """By the clock, and by the server's word: the next read waits for others."""
    metadata.lasts_s = 3
    with mounted_s3(s3, tmp_path, env={FULL: f'{metadata.url}/keys'}) as root:
        time.sleep(3.1)
        metadata.lasts_s = 3600
        replace_key(s3, metadata, 2)
        assert read(root / MIDDLE[0]) == (FILES[MIDDLE[0]], 0)
        replace_key(s3, metadata, 3)
        assert read(root / MIDDLE[1]) == (FILES[MIDDLE[1]], 0)


@needs_mount
def test_there_are_no_others(s3, metadata, tmp_path):
    """A read fails in time, and one behind it is served once there are."""
    with mounted_s3(s3, tmp_path, env={FULL: f'{metadata.url}/keys'}) as root:
        s3.keys = {}
        began = time.monotonic()
        assert read(root / MIDDLE[0])[1] == errno.EIO and time.monotonic() - began < 3
        asked = len(metadata.requests)
        assert read(root / MIDDLE[1])[1] == errno.EIO and len(metadata.requests) == asked
        replace_key(s3, metadata, 2)
        wait_until(lambda: read(root / MIDDLE[0]) == (FILES[MIDDLE[0]], 0))


def processes():
    """Of ozxfs."""
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if os.readlink(path / 'exe') in (os.path.realpath(OZXFS), os.path.realpath(FETCH)):
                yield path


@needs_mount
@needs_root
def test_nobody_sees_them(s3, metadata, tmp_path):
    """Neither in a process, nor in the list of mounts."""
    metadata.authorization, metadata.secret = 'GEHEIM-authorization', 'GEHEIM-secret'
    s3.keys[KEY_ID] = ('GEHEIM-secret', metadata.token)
    environment = {FULL: f'{metadata.url}/keys', TOKEN: 'GEHEIM-authorization'}
    with mounted_s3(s3, tmp_path, env=environment) as root:
        assert read(root / MIDDLE[0]) == (FILES[MIDDLE[0]], 0)
        family = list(processes())
        shown = b''.join((path / name).read_bytes() for path in family
                         for name in ('cmdline', 'environ', 'comm', 'mounts'))
        assert fetchers() and len(family) >= 2 and b'GEHEIM' not in shown


@needs_mount
@needs_root
def test_not_for_what_root_mounts_by_mount8(s3, metadata, tmp_path):
    helper = tmp_path / 'mount.ozxfs'
    helper.symlink_to(OZXFS)
    (tmp_path / 'm').mkdir()
    environment = dict(os.environ, **{FULL: f'{metadata.url}/keys', ENDPOINT: metadata.url})
    for options, words in ((f'endpoint={s3.url},instance_role', 'not for mount(8)'),
                           (f'endpoint={s3.url}', 'no credentials were found')):
        ended = subprocess.run([helper, 's3://bucket/x.ozx', tmp_path / 'm', '-o', options],
                               env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode != 0 and words in ended.stderr, ended.stderr
    assert not metadata.requests
    assert run_text('umount', tmp_path / 'm').returncode != 0


if __name__ == '__main__':
    main(*sys.argv[1:])
