# SPDX-License-Identifier: BSD-2-Clause
"""The server of faults by its transports, and a certificate for those with TLS."""
import contextlib
import importlib.util
import shutil
import ssl
import subprocess

from faults import TRANSPORTS
from s3 import S3Asked, serving_s3
from server import serving


def are_here():
    """HTTP/2 needs Python's h2, TLS openssl(1)."""
    here = set(TRANSPORTS)
    if not shutil.which('openssl'):
        here -= {'tls', 'http2'}
    if not importlib.util.find_spec('h2'):
        here -= {'http2'}
    return here


def make_certificate(folder, name, alternative, days=2, more=()):
    key, certificate = folder / f'{name}.key', folder / f'{name}.crt'
    subprocess.run([
        'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-keyout', key, '-out', certificate, '-days',
        str(days), '-subj', '/CN=test', '-addext', f'subjectAltName={alternative}', *more
    ], check=True, capture_output=True)
    certificate.chmod(0o644)
    return certificate, key


def open_to_all(folder):
    """The fetcher is nobody there."""
    for above in (folder, folder.parent):
        above.chmod(0o755)
    return folder


def tls_of(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextlib.contextmanager
def serving_by(transport, content, pair):
    """`pair`: certificate and key."""
    if transport == 'http2':
        from http2 import serving_http2
        with serving_http2(content, *pair) as server:
            yield server
    else:
        with serving(content, tls_of(*pair) if transport == 'tls' else None) as server:
            yield server


@contextlib.contextmanager
def serving_s3_by(transport, objects, pair):
    with serving_s3(objects, tls_of(*pair) if transport == 'tls' else None) as server:
        if transport == 'http2':
            from http2 import Stream, speak_http2
            speak_http2(server, *pair, stream=type('S3Stream', (S3Asked, Stream), {}))
        yield server
