# SPDX-License-Identifier: BSD-2-Clause
"""Root's archives: a server out there leads nobody into the network here. In a network namespace
whose loopback has a public address, too."""
import os
import shutil
import subprocess
import sys

import pytest

from kit.info import array, group, multiscale, write
from kit.launch import OZXFS
from server import serving

PUBLIC = '203.0.113.5'  # RFC 5737: of nobody
SCRIPT = f"""ip link set lo up && ip addr add {PUBLIC}/32 dev lo && exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('ip'), reason='needs root and ip(8)')
@pytest.mark.parametrize('first,status', [(PUBLIC, 77), ('127.0.0.2', 0)])
def test_redirected_to_loopback(tmp_path, first, status):
    archive = write(tmp_path / 'x.ozx', {'zarr.json': group(multiscales=[multiscale()]),
                                         '0/zarr.json': array((4, 4), (1, 4))})
    ended = subprocess.run(['unshare', '--net', 'sh', '-c', SCRIPT, 'sh', sys.executable, __file__,
                            str(archive), first], capture_output=True, text=True, timeout=60,
                           check=False)
    assert ended.returncode == status, ended.stderr
    assert ('redirects to a private address' in ended.stderr) == (status == 77)


def main():
    with open(sys.argv[1], 'rb') as archive, serving(archive.read(), address='') as server:
        url = server.url('redirect_from_outside').replace('127.0.0.1', sys.argv[2])
        sys.exit(subprocess.run([OZXFS, 'info', url], check=False).returncode)


if __name__ == '__main__':
    main()
