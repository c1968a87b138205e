# SPDX-License-Identifier: BSD-2-Clause
"""s3://bucket/key, by a server that checks every signature: credentials and where they come from,
keys, regions, clocks, versions, and what is said where it fails."""
import os

import pytest

from kit.info import write
from kit.launch import run

from images import column
from mounts import read, unmount
from s3 import KEY_ID, SECRET, serving_s3

CHUNK = 1 << 18
COUNT = 12
KEY = 'a b/image.ozx'
KEYS = {'AWS_ACCESS_KEY_ID': KEY_ID, 'AWS_SECRET_ACCESS_KEY': SECRET}
MIDDLE = '0/c/5/0'  # in neither of opening's two ranges


@pytest.fixture(scope='module')
def files():
    return column(COUNT, CHUNK)


@pytest.fixture(scope='module')
def content(files, tmp_path_factory):
    return write(tmp_path_factory.mktemp('archive') / 'x.ozx', files).read_bytes()


@pytest.fixture
def server(content, monkeypatch):
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        monkeypatch.delenv(name)
    with serving_s3({KEY: content}) as running:
        yield running


def cat(server, tmp_path, *options, key=KEY, **environment):
    environment = {'HOME': str(tmp_path), 'OZXFS_DEADLINE': '5', **environment}
    ended = run('cat', '-o', f'endpoint={server.url}', *options, f's3://bucket/{key}', MIDDLE,
                env=environment)
    told = ended.stderr.decode()
    assert SECRET not in told and 'Signature=' not in told and told.count('\n') <= 1
    return ended.returncode, told, ended.stdout


def mount(server, tmp_path, *options, key=KEY, **environment):
    """The same in a mount."""
    where = tmp_path / f'm{len(os.listdir(tmp_path))}'
    where.mkdir()
    environment = {'HOME': str(tmp_path), 'OZXFS_DEADLINE': '5', **environment}
    ended = run('mount', '-o', f'endpoint={server.url}', *options, f's3://bucket/{key}', where,
                env=environment)
    told = ended.stderr.decode()
    if ended.returncode:
        return ended.returncode, told, b''
    try:
        return 0, told, read(where / MIDDLE)[0]
    finally:
        unmount(where)


WAYS = [cat, pytest.param(mount, marks=pytest.mark.skipif(
    os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount'))]
by_both_ways = pytest.mark.parametrize('way', WAYS, ids=['cat', 'mount'])


def served(files, result):
    status, told, out = result
    return (status, told, out == files[MIDDLE]) == (0, '', True)


def profiles(tmp_path, credentials='', config=''):
    folder = tmp_path / '.aws'
    folder.mkdir(exist_ok=True)
    (folder / 'credentials').write_text(credentials)
    (folder / 'config').write_text(config)
    (folder / 'credentials').chmod(0o600)


def section(name, key_id=KEY_ID, secret=SECRET, more=''):
    return (f'[{name}]\naws_access_key_id = {key_id}\naws_secret_access_key={secret}\n{more}\n')


# --- credentials ---------------------------------------------------------------------------------

def test_of_the_environment(server, files, tmp_path):
    assert served(files, cat(server, tmp_path, **KEYS))
    assert all('Authorization' in headers for _, _, headers in server.requests)


@pytest.mark.parametrize('options,environment,credentials,config', [
    ((), {}, section('default'), ''),
    ((), {'AWS_PROFILE': 'lab'}, section('default', secret='no') + section('lab'), ''),
    (('-o', 'profile=lab'), {**KEYS, 'AWS_SECRET_ACCESS_KEY': 'no'}, section('lab'), ''),
    (('-o', 'profile=lab'), {}, '', section('profile lab')),
    ((), KEYS, section('default', secret='no'), ''),
    ((), {}, section('default'), section('default', more='aws_session_token = of another key')),
    ((), {}, section('default').replace(']', '] # of the lab'), ''),
], ids=['default', 'AWS_PROFILE', 'profile', 'config', 'environment-first', 'token-of-another',
        'comment-behind'])
def test_of_profiles(server, files, tmp_path, options, environment, credentials, config):
    profiles(tmp_path, credentials, config)
    assert served(files, cat(server, tmp_path, *options, **environment))


def test_files_by_name(server, files, tmp_path):
    (tmp_path / 'mine').write_text(section('default'))
    assert served(files, cat(server, tmp_path,
                             AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / 'mine')))


def test_region_and_endpoint_of_a_profile(server, files, tmp_path):
    server.region = 'eu-test-1'
    profiles(tmp_path, section('default'),
             '[default]\nregion = eu-test-1\nservices = own\n'
             f'[services own]\ns3 =\n  endpoint_url = {server.url}\n')
    ended = run('cat', f's3://bucket/{KEY}', MIDDLE, env={'HOME': str(tmp_path)})
    assert ended.returncode == 0 and ended.stdout == files[MIDDLE], ended.stderr
    assert len(server.requests) == 3


@pytest.mark.parametrize('name', ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'])
def test_endpoint_of_the_environment(server, files, tmp_path, name):
    environment = {'HOME': str(tmp_path), 'AWS_ENDPOINT_URL': 'http://127.0.0.1:1', **KEYS}
    ended = run('cat', f's3://bucket/{KEY}', MIDDLE, env={**environment, name: server.url})
    assert ended.returncode == 0 and ended.stdout == files[MIDDLE], ended.stderr


def test_none(server, files, tmp_path):
    status, told, _ = cat(server, tmp_path)
    assert status == 77 and 'no credentials were found' in told
    server.public = True
    assert served(files, cat(server, tmp_path))
    assert not [headers for _, _, headers in server.requests if 'Authorization' in headers]


@pytest.mark.parametrize('options,environment', [(('-o', 'anonymous'), {}),
                                                 ((), {'AWS_NO_SIGN_REQUEST': 'YES'})])
def test_anonymous(server, files, tmp_path, options, environment):
    server.public = True
    assert served(files, cat(server, tmp_path, *options, **KEYS, **environment))
    assert not [headers for _, _, headers in server.requests if 'Authorization' in headers]


@pytest.mark.parametrize('credentials,config,environment,words', [
    ('', '[profile lab]\nsso_session = x\n', {'AWS_PROFILE': 'lab'}, 'export-credentials'),
    ('', '[default]\ncredential_process = /bin/false\n', {}, 'export-credentials'),
    ('', '[profile lab]\nrole_arn = x\n', {'AWS_PROFILE': 'lab'}, 'export-credentials'),
    ('', '', {'AWS_PROFILE': 'lab\x1b'}, r"profile 'lab\x1B' is not in the AWS"),
    ('[default]\naws_access_key_id = a\n', '', {}, 'give both'),
    (section('default'), '', {'AWS_ACCESS_KEY_ID': KEY_ID}, 'set both'),
    (section('default'), '', {'AWS_SECRET_ACCESS_KEY': SECRET}, 'set both'),
    ('', '', {**KEYS, 'AWS_SESSION_TOKEN': 'a\r\nX-Evil: 1'}, 'invalid character'),
    ('', '', {**KEYS, 'AWS_ACCESS_KEY_ID': f'{KEY_ID}\n'}, 'invalid character'),
    (section('default', more='aws_session_token = a\rX-Evil: 1'), '', {}, 'invalid character'),
], ids=['sso', 'process', 'role', 'unknown', 'half', 'id-only', 'secret-only', 'break-in-token',
        'break-in-id', 'return-in-file'])
def test_no_keys_in_a_profile(server, tmp_path, credentials, config, environment, words):
    profiles(tmp_path, credentials, config)
    status, told, _ = cat(server, tmp_path, **environment)
    assert status == 77 and words in told and not server.requests


@pytest.mark.parametrize('keys,words', [
    ({**KEYS, 'AWS_SECRET_ACCESS_KEY': 'no'}, 'SignatureDoesNotMatch): check the credentials'),
    ({**KEYS, 'AWS_ACCESS_KEY_ID': 'no'}, 'InvalidAccessKeyId): check the credentials'),
])
def test_wrong(server, tmp_path, keys, words):
    status, told, _ = cat(server, tmp_path, **keys)
    assert status == 77 and words in told


@by_both_ways
def test_a_token(server, files, way, tmp_path):
    server.keys[KEY_ID] = (SECRET, 'token')
    assert served(files, way(server, tmp_path, **KEYS, AWS_SESSION_TOKEN='token'))
    status, told, _ = way(server, tmp_path, **KEYS, AWS_SESSION_TOKEN='old')
    assert status != 0 and 'ExpiredToken' in told and 'expired' in told


# --- where it is ---------------------------------------------------------------------------------


@by_both_ways
@pytest.mark.parametrize('key', [
    'x', 'a=b c+d/\u00e4%25', "~!*'();:@&=+$,?#[]", 'a//b', 'a/../b', './x', 'a\\b"<>|{}^`', '100%'
])
def test_keys(server, files, content, way, tmp_path, key):
    server.objects[key] = {'v1': content}
    assert served(files, way(server, tmp_path, key=key, **KEYS))


def test_in_the_hosts_name(server, files, tmp_path):
    environment = {'HOME': str(tmp_path), 'http_proxy': server.url, **KEYS}
    ended = run('cat', '-o', 'endpoint=http://s3.test,addressing_style=virtual',
                f's3://bucket/{KEY}', MIDDLE, env=environment)
    assert ended.returncode == 0 and ended.stdout == files[MIDDLE], ended.stderr
    assert {headers['Host'] for _, _, headers in server.requests} == {'bucket.s3.test'}


@by_both_ways
def test_other_region(server, files, way, tmp_path):
    server.region = 'eu-test-1'
    assert served(files, way(server, tmp_path, **KEYS))
    assert len(server.requests) == 2 + 3, 'only the two of opening are asked twice'
    server.requests.clear()
    assert served(files, way(server, tmp_path, '-o', 'region=eu-test-1', **KEYS))
    assert len(server.requests) == 3


@pytest.mark.parametrize('key,words', [('no', 'NoSuchKey')])
def test_not_there(server, tmp_path, key, words):
    status, told, _ = cat(server, tmp_path, key=key, **KEYS)
    assert status == 66 and words in told


@pytest.mark.parametrize(
    'url', ['s3://bucket', 's3://bucket/', 's3:///x', 's3://b:GEHEIM@bucket/x'])
def test_no_url(server, tmp_path, url):
    ended = run('info', url, env={'HOME': str(tmp_path)}, text=True)
    assert ended.returncode != 0
    assert ended.stderr.count('\n') == 1 and 'GEHEIM' not in ended.stderr


@pytest.mark.parametrize('option', ['region=a.b/', 'endpoint=ftp://x', 'endpoint=x',
                                    'endpoint=http://x/#a', 'endpoint=http://x/?a',
                                    'endpoint=http://x/\r\nA: b', 'endpoint=http://a:b@x'])
def test_no_place(server, tmp_path, option):
    ended = run('info', '-o', option, 's3://bucket/x', env={'HOME': str(tmp_path)}, text=True)
    assert ended.returncode != 0 and 'check -o ' in ended.stderr, ended.stderr


# --- what servers say ----------------------------------------------------------------------------


@by_both_ways
@pytest.mark.parametrize('hours', [-30, 1, 24 * 365])
def test_a_clock_that_is_wrong(server, files, way, tmp_path, hours):
    server.skew = hours * 3600
    assert served(files, way(server, tmp_path, **KEYS))
    assert len(server.requests) == 2 + 3


@by_both_ways
def test_requester_pays(server, files, way, tmp_path):
    server.payer = True
    status, told, _ = way(server, tmp_path, **KEYS)
    assert status == 77 and 'requester_pays' in told
    assert served(files, way(server, tmp_path, '-o', 'requester_pays', **KEYS))
    assert served(files, way(server, tmp_path, AWS_REQUEST_PAYER='requester', **KEYS))


@by_both_ways
def test_slow_down(server, files, way, tmp_path):
    server.busy = 3
    assert served(files, way(server, tmp_path, **KEYS))


@by_both_ways
def test_versions(server, files, way, tmp_path):
    server.versioned = True
    assert served(files, way(server, tmp_path, **KEYS))
    assert [path for path, *_ in server.requests][2:] == [
        '/bucket/a%20b/image.ozx?versionId=v1%2F%3D'
    ]
    server.requests.clear()
    server.may_read_versions = False
    assert served(files, way(server, tmp_path, **KEYS))
    assert [path.endswith('?versionId=v1%2F%3D') for path, *_ in server.requests] == [
        False, False, True, False
    ]


def test_a_stranger_is_told_and_teaches_nothing(server, tmp_path):
    server.elsewhere = server.url.replace('127.0.0.1', 'localhost') + '/away'
    status, told, _ = cat(server, tmp_path, **KEYS)
    assert status == 74 and 'HTTP 400' in told, told
    signed = [(path, 'strange-1' in headers.get('Authorization', 'strange-1'))
              for path, _, headers in server.requests]
    assert set(signed) == {('/bucket/a%20b/image.ozx', False), ('/away', True)}


def test_the_secret_stays_here(server, tmp_path):
    cat(server, tmp_path, **KEYS)
    for _, _, headers in server.requests:
        assert SECRET not in str(headers)
