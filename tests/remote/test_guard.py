# SPDX-License-Identifier: BSD-2-Clause
"""Root's archives: a server out there leads nobody into the network here. All rows run at once, in
a network namespace whose loopback has a public address, too."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

import pytest

from kit.info import write
from kit.launch import OZXFS
from images import column
from server import serving

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('ip'),
                                reason='needs root and ip(8)')

PUBLIC, OTHER = '203.0.113.5', '203.0.113.6'  # RFC 5737: of nobody
SCRIPT = f"""ip link set lo up && ip addr add {PUBLIC}/32 dev lo && ip addr add {OTHER}/32 dev lo
exec "$@"
"""
CHUNKS = [f'0/c/{number}/0' for number in range(28, -1, -2)]  # against the readahead
# the first URL's host, the proxy, who needs none; the exit status
TABLE = [
    (PUBLIC, '', '', 77),
    ('127.0.0.2', '', '', 0),
    # A proxy of the network here is no first URL that is in it.
    (PUBLIC, '127.0.0.2', '127.0.0.1', 77),
    (PUBLIC, '127.0.0.2', 'localhost, 127.0.0.0/8', 77),
    (PUBLIC, PUBLIC, '127.0.0.1', 77),
    # Whom the proxy is asked for is the proxy's affair.
    (PUBLIC, '127.0.0.2', '', 0),
    (PUBLIC, '127.0.0.2', '127.0.0.2', 0),
    ('127.0.0.2', '127.0.0.3', '127.0.0.0/8', 0),
    ('127.0.0.2', '127.0.0.3', '127.0.0.1', 77),
]


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """Of each row exit status and standard error; requests and connections of a `cat`."""
    archive = write(tmp_path_factory.mktemp('guard') / 'x.ozx', column(30, 100_000))
    ended = subprocess.run(['unshare', '--net', 'sh', '-c', SCRIPT, 'sh', sys.executable, __file__,
                            archive], stdout=subprocess.PIPE, check=True)
    rows, cat = json.loads(ended.stdout)
    return dict(zip(TABLE, rows)) | {'cat': cat}


@pytest.mark.parametrize('row', TABLE, ids=lambda row: '-'.join(map(str, row)))
def test_redirected_to_loopback(results, row):
    status, told = results[row]
    assert status == row[-1], told
    assert ('redirects to a private address' in told) == (status == 77)


def test_connections_behind_a_redirect(results):
    """They are looked at, and used again."""
    status, requests, connections = results['cat']
    assert status == 0 and requests >= 12 and connections <= 6, results['cat']


def info(server, row):
    """The server is the proxy, too."""
    number, (first, proxy, no_proxy, _) = row
    environment = {name: value for name, value in os.environ.items()
                   if not name.lower().endswith('_proxy')}
    if proxy:
        environment['http_proxy'] = f'http://{proxy}:{server.server_port}'
        environment['no_proxy'] = no_proxy
    url = server.url('redirect_from_outside', key=str(number)).replace('127.0.0.1', first)
    ended = subprocess.run([OZXFS, 'info', url], env=environment, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True, check=False)
    return ended.returncode, ended.stderr


def cat(server):
    server.inside = OTHER
    url = server.url('redirect_from_outside').replace('127.0.0.1', PUBLIC)
    ended = subprocess.run([OZXFS, 'cat', url, *CHUNKS], stdout=subprocess.DEVNULL, check=False)
    return ended.returncode, len(server.requests), server.connections


def main(path):
    with open(path, 'rb') as file:
        archive = file.read()
    with serving(archive, address='') as server, concurrent.futures.ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda row: info(server, row), enumerate(TABLE)))
    with serving(archive, address='') as server:
        print(json.dumps([rows, cat(server)]))


if __name__ == '__main__':
    main(*sys.argv[1:])
