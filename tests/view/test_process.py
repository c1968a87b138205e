# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a viewer: what they may, how they end, and what the command says."""
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import zipfile

import pytest

from hostile import archive, array_in, viewer  # noqa: F401
from kit.launch import LONG, OZXFS, run_text
from kit.proc import descriptors_of, is_gone, kib_of, status_of
from viewer import SANITIZED, Viewer, needs_cage, needs_view, viewing, wait_until

pytestmark = needs_view


@pytest.fixture(scope='module', autouse=True)
def slow_request(archive):  # noqa: F811
    """(A thread, [seconds]): how long a server of its own lets one send a byte now and then."""
    taken = []

    def drip():
        with viewing(archive) as slow, slow.connect() as connection:
            begin = time.monotonic()
            with contextlib.suppress(OSError):
                connection.sendall(b'GET / HTTP/1.1\r\nX-Slow: ')
                connection.settimeout(0.2)
                while time.monotonic() < begin + 30:
                    connection.send(b'a')
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(100):
                            break
            taken.append(time.monotonic() - begin)

    thread = threading.Thread(target=drip)
    thread.start()
    yield thread, taken
    thread.join()

# --- its processes --------------------------------------------------------------------------------


@needs_cage
def test_rights(viewer, archive):
    server, decoder = viewer.child(listens=True), viewer.child(listens=False)
    assert server and decoder and server != decoder
    for pid in (server, decoder):
        state = status_of(pid)
        assert (state['NoNewPrivs'], state['Seccomp'], int(state['CapEff'], 16)) == ('1', '2', 0)
        if os.geteuid() == 0:
            assert state['Uid'].split() == ['65534'] * 4
    held = {
        pid: [target for number, target in descriptors_of(pid).items() if number > 2]
        for pid in (server, decoder)
    }
    assert all(t.startswith('socket:') or 'eventfd' in t for t in held[server]), held
    files = [t for t in held[decoder] if not t.startswith('socket:')]
    assert files == [str(archive)], held


@needs_cage
def test_server_cannot_reach_out(archive):
    program = os.environ.get('OZXFS_PROBE')
    if not program:
        pytest.skip('no probe')
    with subprocess.Popen([program, 'view', '--no-open', str(archive)],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            assert process.stdout.readline().startswith('http://')
        finally:
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1].splitlines()
    assert len(said) == 2 and all('probe: ' in line for line in said), said
    for line in said:
        assert 'ALLOWED' not in line, line


def test_decoder_that_dies(archive):
    """It is answered by 503, and there is a new one, as often as that happens."""
    with viewing(archive) as viewer:
        for _ in range(2):
            assert viewer.request('tree.json')[0] == 200
            old = viewer.child(listens=False)
            os.kill(old, signal.SIGKILL)
            seen = []

            def is_back(seen=seen):
                status, headers, body = viewer.request('tree.json')
                seen.append(status)
                assert status in (200, 503) and (status == 200 or 'retry-after' in headers), body
                return status == 200

            assert wait_until(is_back, timeout=20), seen
            assert viewer.child(listens=False) not in (None, old)


def test_decoder_that_stands_still(archive):
    with viewing(archive) as viewer:
        old = viewer.child(listens=False)
        os.kill(old, signal.SIGSTOP)
        assert viewer.request('')[0] == 200, 'the page does not need it'
        os.kill(old, signal.SIGCONT)
        assert viewer.request('tree.json')[0] == 200


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
                         ids=lambda n: n.name)
def test_end(archive, number):
    with viewing(archive) as viewer:
        children = viewer.children()
        with viewer.connect() as connection:
            connection.send(b'GET ')
            assert viewer.end(number) == 0
        assert len(children) == 2 and not any(os.path.exists('/proc/%d' % c) for c in children)
        with pytest.raises(OSError):
            viewer.connect(timeout=5)


def test_parent_that_dies(archive):
    with viewing(archive) as viewer:
        children = viewer.children()
        viewer.process.kill()
        viewer.process.wait(timeout=30)
        assert wait_until(lambda: all(map(is_gone, children)))


def test_server_that_dies(archive, tmp_path):
    process = subprocess.Popen(
        [OZXFS, 'view', '--no-open', str(archive)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True)
    with process:
        viewer = Viewer(process, process.stdout.readline().strip())
        os.kill(viewer.child(listens=True), signal.SIGKILL)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 74 and "the server's process ended" in said


@pytest.mark.skipif(not LONG, reason='15 seconds; OZXFS_LONG=1')
def test_end_with_the_last_page(archive):
    with viewing(archive, '--exit') as viewer:
        assert viewer.request('alive')[0] == 204
        assert viewer.process.wait(timeout=30) == 0


def test_browser(archive, tmp_path):
    """It is given, without a shell, an address that is good for one time; everybody sees it."""
    opener, given = tmp_path / 'xdg-open', tmp_path / 'given'
    opener.write_text('#!/bin/sh\nprintf "%%s\\n" "$#" "$@" >%s.new\nmv %s.new %s\n' %
                      (given, given, given))
    opener.chmod(0o755)
    path = '%s:%s' % (tmp_path, os.environ['PATH'])
    for display, options, opened in ((':9', (), True), ('', (), False),
                                     (':9', ('--no-open', ), False)):
        environment = dict(os.environ, PATH=path, DISPLAY=display, WAYLAND_DISPLAY='')
        with viewing(archive, *options, no_open=False, env=environment) as viewer:
            assert bool(wait_until(given.exists, timeout=10 if opened else 0.3)) == opened
            if not opened:
                continue
            count, address = given.read_text().split()
            given.unlink()
            once = address.removeprefix('http://%s' % viewer.host)
            assert count == '1' and len(once) == 66 and once != viewer.base
            for name in ('tree.json', 'x', 'view.js'):
                assert viewer.request(name, base=once)[0] == 404
            assert viewer.request('', 'HEAD', base=once)[0] == 404
            assert viewer.request('', base=once, Host='evil.example')[0] == 403
            status, headers, _ = viewer.request('', base=once)
            assert (status, headers['location']) == (303, viewer.base)
            assert headers['referrer-policy'] == 'no-referrer'
            assert viewer.request('', base=once)[0] == 404


# --- the command ----------------------------------------------------------------------------------


def test_messages(archive, tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as bad:
        bad.writestr('a', 'b')
    data = (tmp_path / 'x.zip').read_bytes()
    (tmp_path / 'x.ozx').write_bytes(data[:-1])
    for arguments, code, said in (((), 64, 'no file given'), ((archive, archive), 64,
                                                              'more than one'),
                                  ((tmp_path / 'none.ozx', ), 66, 'none.ozx'),
                                  ((tmp_path / 'x.ozx', ), 2, 'x.ozx'), (('--port', '65536',
                                                                          archive), 64, '--port')):
        done = run_text('view', *arguments)
        assert done.returncode == code and said in done.stderr and not done.stdout, done
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        done = run_text('view', '--port', taken.getsockname()[1], archive)
    assert done.returncode == 71 and 'Address already in use' in done.stderr, done


def test_port(archive):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with viewing(archive, '--port', str(port)) as viewer:
        assert viewer.port == port and viewer.request('')[0] == 200


def test_memory_of_many_tiles(archive):
    if SANITIZED:
        pytest.skip("a sanitizer's memory is not ozxfs's")
    with viewing(archive) as viewer:
        array = array_in(viewer)
        for number in range(40):
            viewer.get('tile/%d/0/0/0/0/%d.png?c=0:FFFFFF:0:%d' % (array, number % 2, number + 1))
        used = [kib_of(child, 'VmHWM') for child in viewer.children()]
        assert sum(used) < 64 << 10, used


def test_slow_request(slow_request):
    """All that time began before the other tests."""
    thread, taken = slow_request
    thread.join()
    assert 4 < taken[0] < 12
