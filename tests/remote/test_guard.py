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

from kit.info import array, group, multiscale, write
from kit.launch import OZXFS
from server import serving

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('ip'),
                                reason='needs root and ip(8)')

PUBLIC = '203.0.113.5'  # RFC 5737: of nobody
SCRIPT = f"""ip link set lo up && ip addr add {PUBLIC}/32 dev lo && exec "$@"
"""
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
    """Of each row: exit status, standard error."""
    archive = write(tmp_path_factory.mktemp('guard') / 'x.ozx',
                    {'zarr.json': group(multiscales=[multiscale()]),
                     '0/zarr.json': array((4, 4), (1, 4))})
    ended = subprocess.run(['unshare', '--net', 'sh', '-c', SCRIPT, 'sh', sys.executable, __file__,
                            archive], stdout=subprocess.PIPE, check=True)
    return dict(zip(TABLE, json.loads(ended.stdout)))


@pytest.mark.parametrize('row', TABLE, ids=lambda row: '-'.join(map(str, row)))
def test_redirected_to_loopback(results, row):
    status, told = results[row]
    assert status == row[-1], told
    assert ('redirects to a private address' in told) == (status == 77)


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


def main(path):
    with open(path, 'rb') as archive, serving(archive.read(), address='') as server, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(json.dumps(list(pool.map(lambda row: info(server, row), enumerate(TABLE)))))


if __name__ == '__main__':
    main(*sys.argv[1:])
