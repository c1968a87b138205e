# SPDX-License-Identifier: BSD-2-Clause
"""What is tried against a server on the user's machine: by other pages of the browser, by other
users, by archives."""
import contextlib
import json
import socket
import threading
import time

import pytest

from hostile import GROUP, HOSTILE, archive, array_in, viewer  # noqa: F401
from viewer import needs_view

pytestmark = needs_view
SECURITY = {
    'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options':
    'nosniff',
    'referrer-policy':
    'no-referrer',
    'cache-control':
    'no-store'
}


def answers(got):
    """The status of each answer of a connection."""
    return [int(part.split(b' ', 1)[0]) for part in got.split(b'HTTP/1.1 ')[1:]]


# --- who asks -------------------------------------------------------------------------------------


def test_address(viewer):
    assert len(viewer.base) == 66 and set(viewer.base[1:-1]) <= set('0123456789abcdef')
    with pytest.raises(OSError):  # only there
        socket.create_connection(('127.0.0.2', viewer.port), timeout=5)
    with open('/proc/net/tcp6') as table:
        assert not any(line.split()[1].endswith(':%04X' % viewer.port)
                       for line in table.readlines()[1:])


def test_host(viewer):
    """DNS rebinding: a name of somebody else's that leads here."""
    wrong = ('evil.example', 'evil.example:%d', '127.0.0.1', 'localhost', '127.0.0.1:1',
             '127.0.0.1:%d.evil.example', 'localhost.:%d', '[::1]:%d', '127.1:%d', '0.0.0.0:%d',
             'user@127.0.0.1:%d', ' ', '127.0.0.1:0%d')
    for host in wrong:
        host = host % viewer.port if '%d' in host else host
        assert viewer.request('', Host=host)[0] == 403, host
    for host in ('127.0.0.1:%d', 'localhost:%d', 'LocalHost:%d'):
        assert viewer.request('', Host=host % viewer.port)[0] == 200, host
    two = 'GET %s HTTP/1.1\r\nHost: %s\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
    assert set(answers(viewer.raw((two % (viewer.base, viewer.host)).encode()))) <= {400, 403}
    for none in ('GET %s HTTP/1.1\r\nConnection: close\r\n\r\n', 'GET %s HTTP/1.0\r\n\r\n'):
        got = viewer.raw((none % viewer.base).encode())
        assert got.split(b' ', 2)[1] in (b'400', b'403'), got
    absolute = 'GET http://%s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' % (
        viewer.host, viewer.base, viewer.host)
    assert answers(viewer.raw(absolute.encode())) == [404]


def test_token(viewer):
    token = viewer.base[1:-1]
    wrong = [
        '', token[:-1], token[1:], token + '0',
        token.upper() + 'A', token[:-1] + 'g', '0' * 64,
        token[:-1] + '%' + format(ord(token[-1]), 'x'), './' + token, '/' + token, token + '//',
        token + '/..'
    ]
    for base in wrong:
        for path in ('', 'tree.json', 'archive.ozx'):
            status, headers, _ = viewer.request(path, base='/%s/' % base)
            assert status == 404 and 'access-control-allow-origin' not in headers, (base, path)
    assert viewer.request('', base='/' + token)[0] == 404


def test_order_of_checks(viewer):
    assert viewer.request('', 'POST', base='/x/', Host='evil.example')[0] == 405
    assert viewer.request('', 'GET', base='/x/', Host='evil.example')[0] == 403


@pytest.mark.parametrize('method',
                         ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS', 'get', 'X'])
def test_methods(viewer, method):
    status, headers, _ = viewer.request('', method)
    assert (status, headers['allow']) == (405, 'GET, HEAD')


def test_headers_of_all_answers(viewer):
    for path, wanted in (('', 200), ('tree.json', 200), ('nothing', 404), ('zarr/zarr.json', 200),
                         ('tile/%d/0/0/0/0/0.png?c=0:FFFFFF:0:9' % array_in(viewer), 200), ('alive',
                                                                                            204)):
        for method in ('GET', 'HEAD'):
            status, headers, body = viewer.request(path, method)
            assert status == wanted and (method == 'GET' or not body)
            assert SECURITY.items() <= headers.items(), (path, headers)
            assert ('access-control-allow-origin' in headers) == path.startswith('zarr/')
    assert viewer.request('', Host='x')[1].items() >= SECURITY.items()


# --- what is asked for ----------------------------------------------------------------------------


def test_addresses_that_are_none(viewer):
    tile = 'tile/%d/0/0/0/0/0.png?' % array_in(viewer)
    wrong = [
        'zarr/', 'zarr/..', 'zarr/../zarr.json', 'zarr/../../etc/passwd', 'zarr//etc/passwd',
        'zarr/%2e%2e/%2e%2e/etc/passwd', 'zarr/a/../zarr.json', 'zarr/zarr.json%00',
        'zarr/zarr.json%0', 'zarr/zarr.json%zz', 'zarr/a', 'zarr/a/', 'zarr/a/c/9/9',
        '../' + viewer.base[1:], 'view.html/', 'page.h', 'view%2ehtml', '%2e', '.', '..',
        'archive.ozx/', 'tree.jsonx', 'node/-1.json', 'node/99.json', 'node/4294967295.json',
        'node/4294967296.json', 'node/+1.json', 'node/01.json', 'node/1',
        'image/99999999999999999999.json', tile[:-5], tile[:-7] + '.png', tile + 'c=0',
        tile + 'c=0:FFFFFF:0:inf', tile + 'c=0:FFFFFF:nan:1', tile + 'c=0:FFFFFF:0x1:1',
        tile + 'c=0:FFFFF:0:1', tile + 'c=0:FFFFFF:0:1,',
        tile + 'c=' + ','.join(33 * ['0:FFFFFF:0:1']), tile + 'c=0:FFFFFF:0:1&l=-1',
        'thumbnail/1.png?s=0', 'thumbnail/1.png?s=1025', 'thumbnail/1.png?s=x', 'plate/0.json',
        tile.replace('/0/0/0/0/0', '/0/9223372036854775807/0/0/0') + 'c=0:FFFFFF:0:1',
        tile.replace('/0/0/0/0/0', '/0/0/0/9223372036854775807/0') + 'c=0:FFFFFF:0:1',
        'zarr/' + 'a' * 5000
    ]
    for path in wrong:
        status, _, body = viewer.request(path)
        assert status == 404, (path, status, body[:200])
        assert 'message' in json.loads(body)
    assert viewer.request(tile + 'c=0%3AFFFFFF%3A0%3A1e1%2C0:00ff00:-1:%2B1')[0] == 200


def test_hostile_names(viewer, archive):
    headers, body = viewer.get('tree.json')
    tree = json.loads(body)
    assert headers['content-type'] == 'application/json'
    assert tree['file'] == archive.name and not tree['truncated']
    nodes = {node['path']: node for node in tree['nodes']}
    assert set(nodes) == {'', 'a', 'bad', *HOSTILE} and nodes['a']['image'] is True
    for name in HOSTILE:
        said = viewer.json('node/%d.json' % nodes[name]['id'])
        assert said == {'path': name, 'metadata': GROUP}
    assert viewer.json('node/%d.json' % nodes['bad']['id'])['text'] == '{"zarr_format": NaN}'
    assert 'message' in viewer.json('image/0.json')
    findings = viewer.json('findings.json')
    assert {'level', 'rule', 'text'} <= findings['findings'][0].keys()


# --- bytes ----------------------------------------------------------------------------------------


def test_raw_files_and_ranges(viewer, archive):
    data, chunk = archive.read_bytes(), bytes(range(100)) * 100
    for path, whole in (('archive.ozx', data), ('zarr/a/c/0/0', chunk)):
        for value, part in ((None, whole), ('bytes=0-0', whole[:1]), ('bytes=5-', whole[5:]),
                            ('bytes=-7', whole[-7:]), ('bytes=3-99999999',
                                                       whole[3:]), ('bytes=-99999999', whole)):
            status, headers, body = viewer.request(path, **({'Range': value} if value else {}))
            assert (status, body) == (206 if value else 200, part), (path, value)
            assert headers['access-control-allow-origin'] == '*'
            assert headers['content-length'] == str(len(part))
            if value:
                at = whole.index(part) if len(part) > 7 else {'-': len(whole) - 7}.get(value[6], 0)
                assert headers['content-range'] == 'bytes %d-%d/%d' % (at, at + len(part) - 1,
                                                                       len(whole))
        for value in ('bytes=%d-' % len(whole), 'bytes=-0'):
            status, headers, body = viewer.request(path, Range=value)
            assert (status, body) == (416, b'')
            assert headers['content-range'] == 'bytes */%d' % len(whole)
        for value in ('bytes=1-0', 'bytes=0-1,3-4', 'bytes=', 'lines=1-2', 'bytes=a-b',
                      'bytes=--1'):
            status, _, body = viewer.request(path, Range=value)
            assert (status, body) == (200, whole), value
        assert viewer.request(path, 'HEAD')[1]['content-length'] == str(len(whole))
    assert viewer.request('archive.ozx', Range='bytes=0-1', If_Range='"x"')[0] == 200
    status, headers, body = viewer.request('zarr/a/c/2/2')
    assert (status, headers['access-control-allow-origin']) == (404, '*')
    assert viewer.json('zarr/%3Cscript%3Ealert(1)/zarr.json') == GROUP
    assert viewer.json('zarr/%c3%BCn%C3%AF%20%23%3F%3B%3D/zarr.json') == GROUP


def test_preflight(viewer):
    status, headers, _ = viewer.request('zarr/zarr.json', 'OPTIONS', Origin='https://x.example')
    assert status == 204 and headers['access-control-allow-headers'] == 'Range'
    assert viewer.request('zarr/zarr.json', 'OPTIONS', base='/x/')[0] == 405
    assert viewer.request('zarr/zarr.json', 'OPTIONS', Host='evil.example')[0] == 403


# --- how it is asked ------------------------------------------------------------------------------


def test_requests_that_are_too_large(viewer):
    for request in ('GET %s HTTP/1.1\r\nHost: %s\r\nX: %s\r\n\r\n',
                    'GET %s%s HTTP/1.1\r\nX: %s\r\n\r\n'):
        got = viewer.raw((request % (viewer.base, viewer.host, 'x' * 100000)).encode())
        assert answers(got) in ([431], [414], [413], []), got[:100]
    many = ''.join('X%d: y\r\n' % i for i in range(20000))
    got = viewer.raw(
        ('GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n' % (viewer.base, viewer.host, many)).encode())
    assert answers(got) in ([431], [413], []), got[:100]
    for nonsense in (b'\0' * 100, b'\xff' * 5000 + b'\r\n\r\n', b'GET\r\n\r\n', b'\r\n' * 100,
                     b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'a' * 500):
        got = viewer.raw(nonsense, half=True)
        assert 200 not in answers(got), nonsense
    assert viewer.request('')[0] == 200


def test_pipelined_requests(viewer):
    one = 'GET %s%s HTTP/1.1\r\nHost: %s\r\n%s\r\n'
    asked = ''.join(one % (viewer.base, path, viewer.host, more)
                    for path, more in (('alive', ''), ('x', ''), ('zarr/zarr.json', ''),
                                       ('tree.json', 'Connection: close\r\n')))
    got = viewer.raw(asked.encode())
    assert answers(got) == [204, 404, 200, 200]
    assert got.index(b'"zarr_format"') < got.index(b'"nodes"')
    body = 'GET %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 40\r\n\r\n' % (viewer.base, viewer.host)
    smuggled = 'GET /evil HTTP/1.1\r\nHost: x\r\n\r\n'.ljust(40)
    got = viewer.raw((body + smuggled).encode())
    assert answers(got)[:1] == [200] and 403 not in answers(got)


def test_many_and_slow_connections(viewer):
    """Those that send nothing, or one byte at a time, keep the others waiting for seconds at
    most."""
    slow = []
    stop = threading.Event()

    def drip():
        while not stop.wait(0.5):
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.send(b'a')

    for number in range(100):
        slow.append(viewer.connect())
        if number % 2:
            slow[-1].send(b'GET / HTTP/1.1\r\nX-Slow: ')
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        begin = time.monotonic()
        assert viewer.request('tree.json')[0] == 200
        assert time.monotonic() - begin < 15
    finally:
        stop.set()
        thread.join()
        for connection in slow:
            connection.close()
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(viewer.request('tree.json')[0]))
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [200] * 50


def test_one_who_does_not_read(viewer):
    with viewer.connect() as connection:
        for _ in range(50):
            connection.sendall(('GET %sarchive.ozx HTTP/1.1\r\nHost: %s\r\n\r\n' %
                                (viewer.base, viewer.host)).encode())
        assert viewer.request('tree.json')[0] == 200
