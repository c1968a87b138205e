# SPDX-License-Identifier: BSD-2-Clause
"""https: a certificate that is trusted, and those that are not, over HTTP/1.1 and HTTP/2, at
opening and while mounted. Keys and certificates are made here, by openssl(1)."""
import contextlib
import errno
import os
import shutil
import ssl
import subprocess
import time

import pytest

from kit.info import write
from kit.launch import run_text

from images import column
from mounts import mounted, read
from server import serving
from transports import are_here, make_certificate, open_to_all, serving_by, tls_of

pytestmark = pytest.mark.skipif(not shutil.which('openssl'), reason='no openssl here')
TRANSPORTS = ('tls', 'http2')
FILES = column(16, 1 << 18)
MIDDLE = ('0/c/9/0', '0/c/5/0')  # in neither of opening's two ranges
# What is wrong with the server, and what is said. Without TLS there is no such thing.
FAULTS = {
    'unknown': 'not trusted',
    'other_name': 'not valid for this name',
    'expired': 'certificate',
    'old_tls': 'TLS 1.2',
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return open_to_all(tmp_path_factory.mktemp('tls'))


@pytest.fixture(scope='module')
def content(folder):
    return write(folder / 'x.ozx', FILES).read_bytes()


@contextlib.contextmanager
def serving_tls(content, certificate, key):
    with serving(content, tls_of(certificate, key)) as server:
        yield server.url()


def info(url, certificate=None):
    return run_text('info', url,
                    env={'OZXFS_DEADLINE': '3', 'SSL_CERT_FILE': str(certificate or '')})


def make_expired(folder):
    """Of two days in 2020."""
    for name, text in (('index', ''), ('serial', '01\n'), ('conf', f"""
[ca]
default_ca = own
[own]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = policy
x509_extensions = more
[policy]
commonName = supplied
[more]
subjectAltName = IP:127.0.0.1
""")):
        (folder / name).write_text(text)
    key, request, certificate = (folder / f'expired.{end}' for end in ('key', 'csr', 'crt'))
    for command in (['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                     '-nodes', '-keyout', key, '-out', request, '-subj', '/CN=test'],
                    ['ca', '-batch', '-notext', '-selfsign', '-config', folder / 'conf', '-keyfile',
                     key, '-in', request, '-out', certificate, '-startdate', '200101000000Z',
                     '-enddate', '200103000000Z']):
        subprocess.run(['openssl', *command], check=True, capture_output=True)
    certificate.chmod(0o644)
    return certificate, key


@pytest.fixture(scope='module')
def pairs(folder):
    """Of each fault certificate and key of a server that has it; and the good one."""
    return {
        'good': make_certificate(folder, 'good', 'IP:127.0.0.1'),
        'unknown': make_certificate(folder, 'unknown', 'IP:127.0.0.1'),
        'other_name': make_certificate(folder, 'other', 'DNS:example.org'),
        'expired': make_expired(folder),
        'old_tls': make_certificate(folder, 'old', 'IP:127.0.0.1'),
    }


@pytest.fixture(scope='module')
def trusted(folder, pairs):
    """All but one of them."""
    both = folder / 'trusted.crt'
    both.write_bytes(b''.join(pair[0].read_bytes() for name, pair in pairs.items()
                              if name != 'unknown'))
    both.chmod(0o644)
    return both


def context_of(pairs, name, transport):
    context = tls_of(*pairs[name])
    if transport == 'http2':
        context.set_alpn_protocols(['h2'])
    if name == 'old_tls':
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('ALL:@SECLEVEL=0')
    return context


def give(server, context):
    """To who connects from now on, which everybody has to."""
    server.tls = context
    server.drop_all()


@pytest.fixture(params=TRANSPORTS)
def server(request, content, pairs):
    if request.param not in are_here():
        pytest.skip('no Python h2 here')
    with serving_by(request.param, content, pairs['good']) as running:
        running.transport = request.param
        yield running


def test_trusted(server, pairs):
    ended = info(server.url(), pairs['good'][0])
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize('name', FAULTS)
def test_at_opening(server, pairs, trusted, name):
    give(server, context_of(pairs, name, server.transport))
    ended = info(server.url(), trusted)
    assert ended.returncode == 74 and FAULTS[name] in ended.stderr
    assert not ended.stdout and ended.stderr.count('\n') == 1
    assert not server.requests, 'nothing was asked for'


@pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
@pytest.mark.parametrize('name', FAULTS)
def test_while_mounted(server, pairs, trusted, name, tmp_path):
    """It turns up behind a connection that was good, and is gone again."""
    with mounted(tmp_path / 'm', server.url(), env={'SSL_CERT_FILE': str(trusted)}) as root:
        give(server, context_of(pairs, name, server.transport))
        asked = len(server.requests)
        assert read(root / MIDDLE[0]) == (b'', errno.EIO) and len(server.requests) == asked
        give(server, context_of(pairs, 'good', server.transport))
        time.sleep(1.1)  # nobody tries again at once
        assert [read(root / path) for path in MIDDLE] == [(FILES[path], 0) for path in MIDDLE]


def test_a_file_of_certificates_that_is_none(folder, content):
    certificate, key = make_certificate(folder, 'cut', 'IP:127.0.0.1')
    with serving_tls(content, certificate, key) as url:
        ended = info(url, folder / 'nothing.crt')
        assert ended.returncode == 74 and 'SSL_CERT_FILE' in ended.stderr


def test_not_from_https_to_http(folder, content):
    certificate, key = make_certificate(folder, 'redirect', 'IP:127.0.0.1')
    with serving(content) as plain, serving_tls(content, certificate, key) as url:
        ended = info(url.replace('/none/', f'/redirect_to_plain_{plain.server_port}/'), certificate)
        assert ended.returncode == 74 and 'from https to http' in ended.stderr
        assert not plain.requests
