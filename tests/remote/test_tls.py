# SPDX-License-Identifier: BSD-2-Clause
"""https: a certificate that is trusted, and those that are not. Keys and certificates are made
here, by openssl(1)."""
import contextlib
import shutil
import ssl
import subprocess

import pytest

from kit.info import image, write
from kit.launch import run_text

from server import serving

pytestmark = pytest.mark.skipif(not shutil.which('openssl'), reason='no openssl here')


def make_certificate(folder, name, alternative, days=2, more=()):
    key, certificate = folder / f'{name}.key', folder / f'{name}.crt'
    subprocess.run([
        'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-keyout', key, '-out', certificate, '-days',
        str(days), '-subj', '/CN=test', '-addext', f'subjectAltName={alternative}', *more
    ], check=True, capture_output=True)
    certificate.chmod(0o644)
    return certificate, key


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('tls')
    for above in (path, path.parent):
        above.chmod(0o755)
    return path


@pytest.fixture(scope='module')
def content(folder):
    return write(folder / 'x.ozx', image()).read_bytes()


@contextlib.contextmanager
def serving_tls(content, certificate, key, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if newest:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
        context.set_ciphers('ALL:@SECLEVEL=0')
    with serving(content, context) as server:
        yield server.url().replace('http://', 'https://')


def info(url, certificate=None):
    return run_text('info', url,
                    env={'OZXFS_DEADLINE': '3', 'SSL_CERT_FILE': str(certificate or '')})


def test_trusted(folder, content):
    certificate, key = make_certificate(folder, 'good', 'IP:127.0.0.1')
    with serving_tls(content, certificate, key) as url:
        ended = info(url, certificate)
        assert ended.returncode == 0, ended.stderr
        refused = info(url)
        assert refused.returncode == 74 and not refused.stdout
        assert 'not trusted' in refused.stderr and refused.stderr.count('\n') == 1


def test_other_name(folder, content):
    certificate, key = make_certificate(folder, 'other', 'DNS:example.org')
    with serving_tls(content, certificate, key) as url:
        ended = info(url, certificate)
        assert ended.returncode == 74 and 'not valid for this name' in ended.stderr
        assert not ended.stdout


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


def test_expired(folder, content):
    certificate, key = make_expired(folder)
    with serving_tls(content, certificate, key) as url:
        ended = info(url, certificate)
        assert ended.returncode == 74 and 'certificate' in ended.stderr, ended.stderr
        assert not ended.stdout and ended.stderr.count('\n') == 1


def test_old_tls(folder, content):
    certificate, key = make_certificate(folder, 'old', 'IP:127.0.0.1')
    with serving_tls(content, certificate, key, ssl.TLSVersion.TLSv1_1) as url:
        ended = info(url, certificate)
        assert ended.returncode == 74 and 'TLS 1.2' in ended.stderr and not ended.stdout


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
