# SPDX-License-Identifier: BSD-2-Clause
"""s3:// against versitygw, a gateway that others wrote: its word on signatures, ranges, versions
and signed URLs. Uploads are signed here. Where it is not installed these are skipped:
tests/lib.sh has how to get it (ensure_versitygw), OZXFS_VERSITYGW names it."""
import contextlib
import datetime
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse

import pytest

from kit.info import write
from kit.launch import run

from images import column
from s3 import digest
from transports import make_certificate

PROGRAM = os.environ.get('OZXFS_VERSITYGW') or shutil.which('versitygw')
pytestmark = pytest.mark.skipif(not PROGRAM or not shutil.which('openssl'),
                                reason='no versitygw here (OZXFS_VERSITYGW)')
KEY_ID, SECRET, REGION = 'KEYOFTHETESTS', 'secret/of+the=tests', 'us-east-1'
KEYS = {'AWS_ACCESS_KEY_ID': KEY_ID, 'AWS_SECRET_ACCESS_KEY': SECRET}
CHUNK, COUNT = 1 << 18, 12
START = 40  # seconds
MIDDLE = '0/c/5/0'  # in neither of opening's two ranges
SPECIAL = 'a=b c+d/\u00e4%25~(1)\'!*.ozx'


def image(seed):
    return column(COUNT, CHUNK, seed)


class Gateway:
    def __init__(self, folder, port, certificate):
        self.folder, self.port, self.certificate = folder, port, certificate
        self.url = f'https://127.0.0.1:{port}'
        self.tls = ssl.create_default_context(cafile=certificate)

    def is_up(self):
        """This one, by its certificate, and not another on its port."""
        with contextlib.suppress(OSError), \
                socket.create_connection(('127.0.0.1', self.port), timeout=5) as probe, \
                self.tls.wrap_socket(probe, server_hostname='127.0.0.1'):
            return True
        return False

    def sign(self, method, path, query, headers, body_hash):
        now = datetime.datetime.now(datetime.timezone.utc)
        when, day = now.strftime('%Y%m%dT%H%M%SZ'), now.strftime('%Y%m%d')
        scope = f'{day}/{REGION}/s3/aws4_request'
        if query is None:
            query = {'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Date': when,
                     'X-Amz-Credential': f'{KEY_ID}/{scope}', 'X-Amz-SignedHeaders': 'host',
                     **headers}
            signed = {'host': f'127.0.0.1:{self.port}'}
        else:
            signed = {'host': f'127.0.0.1:{self.port}', 'x-amz-content-sha256': body_hash,
                      'x-amz-date': when}
        query = urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote, safe='')
        names = ';'.join(sorted(signed))
        request = '\n'.join([method, path, query, *(f'{n}:{signed[n]}' for n in sorted(signed)), '',
                             names, body_hash])
        text = '\n'.join(['AWS4-HMAC-SHA256', when, scope,
                          hashlib.sha256(request.encode()).hexdigest()])
        key = ('AWS4' + SECRET).encode()
        for step in scope.split('/'):
            key = digest(key, step)
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return query, signature, dict(signed, Authorization=(
            f'AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, '
            f'Signature={signature}'))

    def put(self, path, body=b'', **query):
        path = urllib.parse.quote(path, safe='/-._~')
        query, _, headers = self.sign('PUT', path, query, {}, hashlib.sha256(body).hexdigest())
        connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=self.tls,
                                                 timeout=20)
        connection.request('PUT', f'{path}?{query}' if query else path, body, headers)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        assert answer.status == 200, told

    def signed_url(self, path, seconds):
        query, signature, _ = self.sign('GET', path, None, {'X-Amz-Expires': str(seconds)},
                                        'UNSIGNED-PAYLOAD')
        return f'{self.url}{path}?{query}&X-Amz-Signature={signature}'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture(scope='module')
def files():
    return image(18)


@contextlib.contextmanager
def started(folder, certificate, key):
    """It is given a number of a port, which somebody else may have by then: it ends, and is started
    on another."""
    for _ in range(5):
        made = Gateway(folder, free_port(), certificate)
        with open(folder / 'log', 'ab') as log:
            process = subprocess.Popen(
                [PROGRAM, '--port', f'127.0.0.1:{made.port}', '--cert', certificate, '--key', key,
                 '--region', REGION, 'posix', '--versioning-dir', folder / 'versions',
                 folder / 'root'],
                env=dict(os.environ, ROOT_ACCESS_KEY=KEY_ID, ROOT_SECRET_KEY=SECRET), stdout=log,
                stderr=log)
        try:
            until = time.monotonic() + START
            while process.poll() is None and time.monotonic() < until:
                if made.is_up():
                    yield made
                    return
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait()
        if time.monotonic() >= until:
            break
    pytest.fail(f'versitygw does not start: {(folder / "log").read_text()[-2000:]}')


@pytest.fixture(scope='module')
def gateway(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp('gateway')
    for above in (folder, folder.parent):
        above.chmod(0o755)
    for name in ('root', 'versions'):
        (folder / name).mkdir()
    with started(folder, *make_certificate(folder, 'good', 'IP:127.0.0.1')) as made:
        content = write(folder / 'x.ozx', files).read_bytes()
        made.put('/bucket')
        for name in ('x.ozx', SPECIAL):
            made.put(f'/bucket/{name}', content)
        yield made


def cat(gateway, url, *options, **environment):
    environment = {'HOME': '/nonexistent', 'OZXFS_DEADLINE': '5',
                   'SSL_CERT_FILE': str(gateway.certificate), **environment}
    ended = run('cat', *(('-o', f'endpoint={gateway.url}') if url.startswith('s3:') else ()),
                *options, url, MIDDLE, env=environment)
    told = ended.stderr.decode()
    assert SECRET not in told and 'Signature=' not in told and told.count('\n') <= 1
    return ended.returncode, told, ended.stdout


@pytest.mark.parametrize('key', ['x.ozx', SPECIAL])
def test_signed(gateway, files, key):
    assert cat(gateway, f's3://bucket/{key}', **KEYS) == (0, '', files[MIDDLE])


@pytest.mark.parametrize('environment,words', [
    ({**KEYS, 'AWS_SECRET_ACCESS_KEY': 'wrong'}, 'SignatureDoesNotMatch'),
    ({}, 'no credentials were found'),
])
def test_refused(gateway, environment, words):
    status, told, out = cat(gateway, 's3://bucket/x.ozx', **environment)
    assert status == 77 and words in told and not out, told


def test_region_is_learned(gateway, files):
    assert cat(gateway, 's3://bucket/x.ozx', '-o', 'region=eu-west-1', **KEYS) == (
        0, '', files[MIDDLE])


def test_not_there(gateway):
    status, told, _ = cat(gateway, 's3://bucket/no.ozx', **KEYS)
    assert status == 66 and 'NoSuchKey' in told, told


def test_laid_by_hand(gateway, files):
    """A file that did not come by an upload has no ETag."""
    shutil.copy(gateway.folder / 'x.ozx', gateway.folder / 'root' / 'bucket' / 'hand.ozx')
    status, told, out = cat(gateway, 's3://bucket/hand.ozx', **KEYS)
    assert (status, out) == (0, files[MIDDLE]), told
    assert not told or 'no strong ETag' in told


def test_signed_url(gateway, files, tmp_path):
    given = tmp_path / 'url'
    given.touch(0o600)
    given.write_text(gateway.signed_url('/bucket/x.ozx', 60))
    assert cat(gateway, f'{gateway.url}/bucket/x.ozx', '-o', f'url_file={given}') == (
        0, '', files[MIDDLE])
    given.write_text(gateway.signed_url('/bucket/x.ozx', 60)[:-1] + 'g')
    status, told, _ = cat(gateway, f'{gateway.url}/bucket/x.ozx', '-o', f'url_file={given}')
    assert status == 77 and 'has expired, or is wrong' in told


@pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
def test_a_version_is_read_on(gateway, files, tmp_path):
    """The object is replaced while it is mounted."""
    gateway.put('/versioned')
    gateway.put('/versioned', b'<VersioningConfiguration><Status>Enabled</Status>'
                b'</VersioningConfiguration>', versioning='')
    gateway.put('/versioned/x.ozx', (gateway.folder / 'x.ozx').read_bytes())
    environment = {'HOME': '/nonexistent', 'SSL_CERT_FILE': str(gateway.certificate), **KEYS}
    mounted = tmp_path / 'm'
    mounted.mkdir()
    ended = run('mount', '-o', f'endpoint={gateway.url}', 's3://versioned/x.ozx', mounted,
                env=environment)
    assert ended.returncode == 0, ended.stderr
    try:
        gateway.put('/versioned/x.ozx', write(tmp_path / 'y.ozx', image(19)).read_bytes())
        assert (mounted / MIDDLE).read_bytes() == files[MIDDLE]
    finally:
        run('umount', mounted)
