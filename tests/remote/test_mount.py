# SPDX-License-Identifier: BSD-2-Clause
"""A mount of a URL: the same tree, EIO in time where the server fails, nothing secret in the list
of mounts, and an end with all processes."""
import concurrent.futures
import contextlib
import errno
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from kit.info import write
from kit.launch import run_text
from kit.proc import descriptors_of
from kit.trees import tree

from images import column
from mounts import mounted, read
from answers import OPENING_REQUESTS
from processes import fetchers, wait_until
from s3 import KEY_ID, SECRET, serving_s3
from server import serving
from test_s3 import section
from test_secrets import SignedHandler, put

CHUNK = 1 << 18
COUNT = 16
LOGIN, QUERY = 'anna:GEHEIM-1@', '?X-Amz-Signature=GEHEIM-2'
MIDDLE = ('0/c/5/0', '0/c/9/0')  # in neither of opening's two ranges


@pytest.fixture(scope='module')
def files():
    return column(COUNT, CHUNK)


@pytest.fixture(scope='module')
def archive(files, tmp_path_factory):
    return write(tmp_path_factory.mktemp('archive') / 'x.ozx', files)


@pytest.fixture(scope='module')
def server(archive):
    with serving(archive.read_bytes()) as running:
        yield running


def test_the_same_tree(server, archive, tmp_path):
    with mounted(tmp_path / 'there', server.url()) as there, mounted(tmp_path / 'here',
                                                                     archive) as here:
        assert tree(there) == tree(here)
    wait_until(lambda: not fetchers())


def test_beside_a_file(server, archive, tmp_path):
    with mounted(tmp_path / 'all', server.url(), archive) as root:
        names = sorted(os.listdir(root))
        assert names == ['x-2.ome.zarr', 'x.ome.zarr']
        assert tree(root / names[0]) == tree(root / names[1])


def test_a_mount_point_is_made(server, tmp_path):
    ended = run_text('mount', server.url(query=QUERY), cwd=tmp_path)
    assert ended.returncode == 0 and ended.stdout.endswith('x.ome.zarr\n'), ended.stderr
    assert 'zarr.json' in os.listdir(tmp_path / 'x.ome.zarr')
    assert run_text('umount', tmp_path / 'x.ome.zarr').returncode == 0 and not os.listdir(tmp_path)


def test_secrets_are_not_in_the_list_of_mounts(server, tmp_path):
    with mounted(tmp_path / 'm', server.url(login=LOGIN, query=QUERY)) as root:
        line, = (line for line in pathlib.Path('/proc/self/mountinfo').read_text().splitlines()
                 if str(root) in line)
        assert f' fuse.ozxfs {server.url()} ' in line
        assert 'GEHEIM' not in line and 'anna' not in line
        shown = b''.join(path.read_bytes()
                         for path in pathlib.Path('/proc').glob('[0-9]*/cmdline')
                         if b'ozxfs' in path.read_bytes())
        assert b'GEHEIM' not in shown


def servers_of_mounts():
    """The processes that parse archives: they have given up their ids, and are ozxfs itself."""
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):
            if (os.readlink(path / 'exe') == os.path.realpath(os.environ['OZXFS'])
                    and '\nUid:\t65534\t' in (path / 'status').read_text()):
                yield path


def memory_of(process):
    with open(process / 'mem', 'rb') as memory:
        for line in (process / 'maps').read_text().splitlines():
            first, last = (int(end, 16) for end in line.split()[0].split('-'))
            if ' rw' in line and last - first < 1 << 28 and '[vv' not in line:
                with contextlib.suppress(OSError):
                    memory.seek(first)
                    yield memory.read(last - first)


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root, to read the memory of processes')
@pytest.mark.skipif(os.environ['OZXFS_SANDBOX'] != '1', reason='built without the sandbox')
@pytest.mark.parametrize('is_s3', [False, True], ids=['url', 's3'])
def test_who_parses_has_no_secrets(server, tmp_path, monkeypatch, is_s3):
    if is_s3 and os.environ['OZXFS_HAVE_NETTLE'] != '1':
        pytest.skip('built without nettle')
    for name in ('AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'ANOTHER'):
        monkeypatch.setenv(name, 'GEHEIM-3')
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'ID')
    url = 's3://none/always/k/x.ozx' if is_s3 else server.url(login=LOGIN, query=QUERY)
    endpoint = f'endpoint=http://127.0.0.1:{server.server_port}'
    with mounted(tmp_path / 'm', url, options=('-o', endpoint) if is_s3 else ()) as root:
        assert 'zarr.json' in os.listdir(root)
        memory = [part for process in servers_of_mounts() for part in memory_of(process)]
        assert any(b'x.ozx' in part for part in memory), 'nothing was read'
        assert not any(b'GEHEIM' in part for part in memory)


def test_known_by_its_url(server, tmp_path):
    """`mounts` shows it without what is secret, `umount` finds it by it."""
    (tmp_path / 'm').mkdir()
    url = server.url(login=LOGIN, query=QUERY)
    assert run_text('mount', url, tmp_path / 'm').returncode == 0
    one, = [one for one in json.loads(run_text('mounts', '--json').stdout)['mounts']
            if one['mount_point'] == str(tmp_path / 'm')]
    assert one['file'] == server.url() and one['state'] == 'serving'
    ended = run_text('umount', url)
    assert ended.returncode == 0, ended.stderr
    assert not os.listdir(tmp_path / 'm')
    ended = run_text('umount', url)
    assert ended.returncode == 66 and 'GEHEIM' not in ended.stderr
    wait_until(lambda: not fetchers())


def test_the_kernel_does_not_serve_it(server, tmp_path):
    ended = run_text('mount', '-o', 'backend=kernel', server.url(query=QUERY), tmp_path)
    assert ended.returncode in (64, 69) and ended.stderr.count('\n') == 1
    assert 'served by FUSE' in ended.stderr or 'backend' in ended.stderr
    with mounted(tmp_path / 'm', server.url(), options=['-o', 'backend=auto']) as root:
        assert os.listdir(root)


def test_run(server):
    """For the time of one command; nothing secret is in what it is given."""
    ended = run_text('run', server.url(query=QUERY), '--', 'sh', '-c',
                     'env; cat /proc/self/mountinfo; cat {}/zarr.json')
    assert ended.returncode == 0, ended.stderr
    assert '"multiscales"' in ended.stdout and 'GEHEIM' not in ended.stdout
    wait_until(lambda: not fetchers())


@pytest.mark.parametrize('name,status,words', [('status_404', 66, 'no such file'),
                                               ('status_403', 77, 'denies'),
                                               ('login_page', 69, 'neither'),
                                               ('silent', 74, 'time')])
def test_what_cannot_be_opened_is_the_commands_answer(server, tmp_path, name, status, words):
    began = time.monotonic()
    ended = run_text('mount', server.url(name, key='o'), tmp_path, env={'OZXFS_DEADLINE': '2'})
    assert ended.returncode == status and words in ended.stderr and ended.stderr.count('\n') == 1
    assert time.monotonic() - began < 6
    wait_until(lambda: not fetchers())


def test_a_server_that_wants_to_be_asked_tomorrow(server, tmp_path):
    """Nobody waits for that, be it the one who was told or who comes later."""
    with mounted(tmp_path / 'm', server.url('retry_tomorrow', 'later', 'm')) as root:
        assert read(root / MIDDLE[0])[1] == errno.EIO
        asked = len(server.requests)
        time.sleep(1.1)  # nobody tries again at once
        assert read(root / MIDDLE[1])[1] == errno.EIO
        assert len(server.requests) == asked


def test_a_killed_reader_does_not_wait(server, tmp_path):
    with mounted(tmp_path / 'm', server.url('silent', 'later', 'kill')) as root:
        reader = subprocess.Popen(['cat', root / MIDDLE[0]], stdout=subprocess.DEVNULL)
        wait_until(lambda: sum('/silent/later/kill/' in path
                               for path, _, _ in list(server.requests)) > OPENING_REQUESTS)
        began = time.monotonic()
        reader.kill()
        reader.wait(timeout=10)
        assert time.monotonic() - began < 2


def test_the_fetcher_is_killed(server, files, tmp_path):
    wait_until(lambda: not fetchers())
    with mounted(tmp_path / 'm', server.url()) as root:
        for pid in fetchers():
            os.kill(pid, signal.SIGKILL)
        assert read(root / MIDDLE[0])[1] == errno.EIO
        assert 'zarr.json' in os.listdir(root)


def test_a_cache_in_a_directory(server, files, tmp_path):
    """A file of the fetcher's, without a name, as large as what it has to keep."""
    wait_until(lambda: not fetchers())
    folder = tmp_path / 'kept'
    folder.mkdir()
    with mounted(tmp_path / 'm', server.url(), options=('-o', f'cache={folder}')) as root:
        assert all(read(root / path) == (files[path], 0) for path in files if '/c/' in path)
        (pid,) = fetchers()
        kept = [os.stat(f'/proc/{pid}/fd/{number}')
                for number, target in descriptors_of(pid).items() if target.startswith(str(folder))]
        assert len(kept) == 1 and kept[0].st_nlink == 0 and kept[0].st_mode & 0o777 == 0o600
        assert kept[0].st_size >= COUNT * CHUNK
        assert not list(folder.iterdir())


def test_a_signed_url_is_renewed(archive, files, tmp_path):
    """It expires under a mount, which reads on with the next one as soon as that is in the file."""
    with serving(archive.read_bytes()) as signed:
        signed.RequestHandlerClass = SignedHandler
        signed.valid, signed.left, signed.expired = 'sig=GEHEIM-1', 2, lambda: None
        given = put(tmp_path / 'url', f'{signed.url()}?sig=GEHEIM-1')
        with mounted(tmp_path / 'm', signed.url(), options=('-o', f'url_file={given}')) as root:
            assert read(root / MIDDLE[0])[1] == errno.EIO
            signed.valid, signed.left = 'sig=GEHEIM-2', 1000
            given.write_text(f'{signed.url()}?sig=GEHEIM-2')
            assert [read(root / path) for path in MIDDLE] == [(files[path], 0) for path in MIDDLE]


def test_credentials_are_renewed(archive, files, tmp_path, monkeypatch):
    """A token runs out under a mount, and again under the next one of the same file."""
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        monkeypatch.delenv(name)
    kept = put(tmp_path / 'credentials', section('default', more='aws_session_token = token-1'))
    monkeypatch.setenv('AWS_SHARED_CREDENTIALS_FILE', str(kept))
    with serving_s3({'x.ozx': archive.read_bytes()}) as s3:
        s3.keys[KEY_ID] = (SECRET, 'token-1')
        with mounted(tmp_path / 'm', 's3://bucket/x.ozx',
                     options=('-o', f'endpoint={s3.url}')) as root:
            for number, path in enumerate(reversed(MIDDLE), 2):  # against the readahead
                s3.keys[KEY_ID] = (SECRET, f'token-{number}')
                assert read(root / path)[1] == errno.EIO
                kept.write_text(section('default', more=f'aws_session_token = token-{number}'))
                assert read(root / path) == (files[path], 0)


def test_many_readers(server, files, tmp_path):
    with mounted(tmp_path / 'm',
                 server.url()) as root, concurrent.futures.ThreadPoolExecutor(32) as pool:
        names = [name for name in files if '/c/' in name] * 4
        random.Random(1).shuffle(names)
        assert all(got == (files[name], 0)
                   for name, got in zip(names, pool.map(lambda name: read(root / name), names)))
