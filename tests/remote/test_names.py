# SPDX-License-Identifier: BSD-2-Clause
"""A name server that answers late, or never, at opening and while mounted: in namespaces of a
network, whose name server is this program, and of mounts, for resolv.conf. (It is below HTTP, and
what comes of it is the same for all transports.)"""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from kit.info import write
from kit.launch import SANITIZED, run

from images import column
from mounts import DEADLINE, mounted, read
from server import serving

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, ('ip', 'unshare'))),
                       reason='needs root, ip(8) and unshare(1)'),
    pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
]
SLACK = 4 * (1 + 2 * SANITIZED)
LATE_S = 2
ADDRESSES = ('127.0.0.1', '127.0.0.2')
FILES = column(16, 1 << 18)
MIDDLE = ('0/c/9/0', '0/c/5/0')  # in neither of opening's two ranges
SCRIPT = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


class Names:
    """One host's address. `wait_s`: until it is told; None: it is not."""

    def __init__(self):
        self.wait_s, self.address, self.asked = 0, ADDRESSES[0], 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, whom = self.socket.recvfrom(512)
            self.asked += 1
            if self.wait_s is not None:
                threading.Timer(self.wait_s, self.answer, (question, whom)).start()

    def answer(self, question, whom):
        end = question.index(b'\0', 12) + 5
        (kind,) = struct.unpack('!H', question[end - 4:end - 2])
        record = b'\xc0\x0c' + struct.pack('!HHIH', 1, 1, 0, 4) + socket.inet_aton(self.address)
        told = record if kind == 1 else b''  # an address of IPv4
        self.socket.sendto(question[:2] + struct.pack('!HHHHH', 0x8180, 1, bool(told), 0, 0) +
                           question[12:end] + told, whom)


def opened(url):
    began = time.monotonic()
    ended = run('cat', url, MIDDLE[0], env={'OZXFS_DEADLINE': str(DEADLINE)})
    return (ended.returncode, ended.stderr.decode(), ended.stdout == FILES[MIDDLE[0]],
            time.monotonic() - began)


def read_timed(path, right):
    began = time.monotonic()
    got, failure = read(path)
    return got == right, failure, time.monotonic() - began


def moved(names, content, folder, wait_s):
    """The server is elsewhere while this is mounted, and its name is looked up again."""
    names.wait_s, names.address = 0, ADDRESSES[0]
    with contextlib.ExitStack() as stack:
        with serving(content) as server:
            url = server.url().replace('127.0.0.1', 'archive.test')
            root = stack.enter_context(mounted(folder, url))
            server.drop_all()
        names.wait_s, names.address = wait_s, ADDRESSES[1]
        stack.enter_context(serving(content, address=ADDRESSES[1], port=server.server_port))
        first = read_timed(root / MIDDLE[0], FILES[MIDDLE[0]])
        names.wait_s = 0
        time.sleep(1.1)  # nobody tries again at once
        return first, read_timed(root / MIDDLE[1], FILES[MIDDLE[1]])


def main(folder):
    folder = pathlib.Path(folder)
    content = write(folder / 'x.ozx', FILES).read_bytes()
    names, results = Names(), {}
    for name, wait_s in (('late', LATE_S), ('never', None)):
        names.wait_s = wait_s
        with serving(content) as server:
            results[f'opened-{name}'] = opened(server.url().replace('127.0.0.1', 'archive.test'))
        results[f'mounted-{name}'] = moved(names, content, folder / name, wait_s)
    print(json.dumps(results | {'asked': names.asked}))


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp('names')
    resolv = folder / 'resolv.conf'
    resolv.write_text('nameserver 127.0.0.1\n')
    for path in (resolv, folder, folder.parent):
        path.chmod(0o755)
    environment = {name: value for name, value in os.environ.items()
                   if not name.lower().endswith('_proxy')}
    ended = subprocess.run(['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c',
                            SCRIPT, 'sh', resolv, sys.executable, __file__, folder],
                           stdout=subprocess.PIPE, env=environment, timeout=100, check=True)
    return json.loads(ended.stdout)


def test_an_answer_that_is_late(results):
    status, told, right, seconds = results['opened-late']
    assert (status, told, right) == (0, '', True) and seconds >= LATE_S
    first, then = results['mounted-late']
    assert first[:2] == [True, 0] and first[2] >= LATE_S and then[:2] == [True, 0]


def test_no_answer(results):
    """It ends in time, though the C library waits for longer; and is served once there is one."""
    status, told, _, seconds = results['opened-never']
    assert status in (66, 74) and told.count('\n') == 1 and seconds < DEADLINE + SLACK
    assert 'name server' in told or 'in time' in told
    first, then = results['mounted-never']
    assert first[0] is False and first[1] == 5 and first[2] < DEADLINE + SLACK
    assert then[:2] == [True, 0]


if __name__ == '__main__':
    main(*sys.argv[1:])
