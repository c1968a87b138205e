# SPDX-License-Identifier: BSD-2-Clause
"""Secrets in files: a signed URL, which expires and is renewed, and headers. Neither is shown, and
both go to one host only."""

import pytest

from kit.info import write
from kit.launch import run

from images import column
from server import Handler, serving

CHUNK = 1 << 18
COUNT = 12
PATHS = [f'0/c/{n}/0' for n in (4, 6, 8)]  # in none of opening's two ranges
TOKEN = 'Bearer GEHEIM-5'


class SignedHandler(Handler):
    """Answers while the URL's query is the one that is valid now, so many times."""

    def do_GET(self):
        path, _, query = self.path.partition('?')
        server = self.server
        with server.lock:
            good = query == server.valid and server.left > 0
            server.left -= good
            if not good:
                server.expired()
                server.requests.append((self.path, self.command, dict(self.headers)))
        if good:
            self.path = path
            super().do_GET()
            return
        self.connection.sendall(b'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')


@pytest.fixture(scope='module')
def files():
    return column(COUNT, CHUNK)


@pytest.fixture(scope='module')
def content(files, tmp_path_factory):
    return write(tmp_path_factory.mktemp('archive') / 'x.ozx', files).read_bytes()


@pytest.fixture
def server(content):
    with serving(content) as running:
        running.valid, running.left, running.expired = 'sig=GEHEIM-1', 1000, lambda: None
        yield running


def put(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def cat(url, *options):
    ended = run('cat', *options, url, *PATHS, env={'OZXFS_DEADLINE': '3'})
    told = ended.stderr.decode()
    assert 'GEHEIM' not in told and all(line.startswith('ozxfs: ') for line in told.splitlines())
    return ended.returncode, told, ended.stdout


def all_of(files):
    return b''.join(files[path] for path in PATHS)


# --- signed URLs ---------------------------------------------------------------------------------

@pytest.fixture
def signed(server):
    server.RequestHandlerClass = SignedHandler
    return server


def test_of_a_file(signed, files, tmp_path):
    url = put(tmp_path / 'url', f'# from the portal\n\n  {signed.url()}?sig=GEHEIM-1  \n')
    assert cat(signed.url(), '-o', f'url_file={url}') == (0, '', all_of(files))
    status, told, _ = cat(signed.url())
    assert status == 77 and 'denies access' in told


@pytest.mark.parametrize('renewed', [True, False])
def test_one_that_expires(signed, files, tmp_path, renewed):
    """Opening's two, and then a new one is needed."""
    url = put(tmp_path / 'url', f'{signed.url()}?sig=GEHEIM-1')
    signed.left = 2

    def expired():
        if renewed:
            signed.valid, signed.left = 'sig=GEHEIM-2', 1000
            put(url, f'{signed.url()}?sig=GEHEIM-2')

    signed.expired = expired
    status, told, out = cat(signed.url(), '-o', f'url_file={url}')
    if renewed:
        assert (status, told, out) == (0, '', all_of(files))
    else:
        assert status == 74 and 'expired' in told and out == b''


def test_one_that_is_renewed_to_another_object(signed, files, tmp_path):
    url = put(tmp_path / 'url', f'{signed.url("etag_changed", "later")}?sig=GEHEIM-1')
    signed.left = 2

    def expired():
        signed.valid, signed.left = 'sig=GEHEIM-2', 1000
        put(url, f'{signed.url("etag_changed", "later")}?sig=GEHEIM-2')

    signed.expired = expired
    status, told, out = cat(signed.url('etag_changed', 'later'), '-o', f'url_file={url}')
    assert status == 74 and 'changed' in told and out == b''


@pytest.mark.parametrize('text,mode,words', [
    ('{url}?sig=GEHEIM-1', 0o644, 'others may read the file of url_file: chmod 600 it'),
    ('{url}?sig=GEHEIM-1', 0o620, 'others may read'),
    ('{other}?sig=GEHEIM-1', 0o600, 'that of another file'),
    ('http://127.0.0.2:1/x.ozx?GEHEIM', 0o600, 'that of another file'),
    ('GEHEIM', 0o600, 'no valid URL'),
    ('file:///GEHEIM', 0o600, 'no valid URL'),
    ('# GEHEIM', 0o600, 'no valid URL'),
    ('', 0o600, 'no valid URL'),
])
def test_files_that_are_refused(signed, tmp_path, text, mode, words):
    text = text.format(url=signed.url(), other=signed.url().replace('x.ozx', 'y.ozx'))
    url = put(tmp_path / 'url', text, mode)
    status, told, _ = cat(signed.url(), '-o', f'url_file={url}')
    assert status != 0 and words in told and not signed.requests, told


@pytest.mark.parametrize('name', ['url_file', 'header_file'])
def test_no_file(signed, tmp_path, name):
    for path in (tmp_path / 'nothing', tmp_path):
        status, told, _ = cat(signed.url(), '-o', f'{name}={path}')
        assert status != 0 and f'the file of {name}' in told and not signed.requests


# --- headers -------------------------------------------------------------------------------------

def test_headers(server, files, tmp_path):
    headers = put(tmp_path / 'headers', f'# comment\nAuthorization: {TOKEN}\r\n\nX-Lab: 7\n')
    assert cat(server.url(), '-o', f'header_file={headers}') == (0, '', all_of(files))
    assert {(told['Authorization'], told['X-Lab']) for _, _, told in server.requests} == {(TOKEN,
                                                                                            '7')}


def test_headers_stay_with_their_host(server, files, tmp_path):
    headers = put(tmp_path / 'headers', f'Authorization: {TOKEN}')
    url = server.url('redirect_to_other_host')
    assert cat(url, '-o', f'header_file={headers}') == (0, '', all_of(files))
    told = {(headers['Host'].split(':')[0], headers.get('Authorization'))
            for _, _, headers in server.requests}
    assert told == {('127.0.0.1', TOKEN), ('localhost', None)}


@pytest.mark.parametrize('text,mode,words', [
    (f'Authorization: {TOKEN}', 0o640, 'others may read the file of header_file'),
    ('GEHEIM', 0o600, 'is not a header'),
    (': GEHEIM', 0o600, 'is not a header'),
    ('GEHEIM GEHEIM: a', 0o600, 'is not a header'),
    ('A: GEHEIM\x01', 0o600, 'is not a header'),
    ('range: bytes=0-1', 0o600, 'ozxfs sets itself'),
    ('Accept-Encoding: gzip', 0o600, 'ozxfs sets itself'),
    ('Host: GEHEIM', 0o600, 'ozxfs sets itself'),
    ('A: ' + 'GEHEIM' * 20000, 0o600, 'too large'),
])
def test_headers_that_are_refused(server, tmp_path, text, mode, words):
    headers = put(tmp_path / 'headers', text, mode)
    status, told, _ = cat(server.url(), '-o', f'header_file={headers}')
    assert status != 0 and words in told and not server.requests, told
