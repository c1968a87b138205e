# SPDX-License-Identifier: BSD-2-Clause
"""Verbs on a URL say what they say on the file; the programs are apart, without rights, and secrets
are seen by nobody."""
import contextlib
import email.utils
import json
import os
import pathlib
import random
import re
import signal
import subprocess

import pytest

from kit.info import array, group, multiscale, write
from kit.launch import OZXFS, run, run_text
from kit.proc import children_of, descriptors_of, status_of
from kit.trees import tree

from images import column
from processes import FETCH, fetchers, wait_until
from answers import MODIFIED
from server import serving

PROBE = os.environ.get('OZXFS_PROBE')
CAGED = os.environ.get('OZXFS_SANDBOX') == '1'
ROOT = os.geteuid() == 0
needs_cage = pytest.mark.skipif(not CAGED, reason='built without the sandbox')
needs_root = pytest.mark.skipif(not ROOT, reason='what is not dumpable is shown to root only')
LOGIN, QUERY = 'anna:GEHEIM-1@', '?X-Amz-Signature=GEHEIM-2&a=GEHEIM-3#GEHEIM-4'


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    data = random.Random(18)
    files = {
        'zarr.json': group(multiscales=[multiscale()]), '0/zarr.json': array((12, 1 << 18),
                                                                             (1, 1 << 18)),
        **{f'0/c/{n}/0': data.randbytes(1 << 18)
           for n in range(12)}
    }
    path = write(tmp_path_factory.mktemp('archive') / 'x.ozx', files)
    os.utime(path, (email.utils.parsedate_to_datetime(MODIFIED).timestamp(),) * 2)
    return path


@pytest.fixture(scope='module')
def server(archive):
    with serving(archive.read_bytes()) as running:
        yield running


def without_name(value, *names):
    return json.loads(re.sub('|'.join(re.escape(str(name)) for name in names), 'NAME', value))


@pytest.mark.parametrize('verb', [('info', '--json'), ('ls', '--json', '-lR'),
                                  ('verify', '--json')], ids=lambda v: v[0])
def test_the_same_is_said(server, archive, verb):
    there, here = run_text(*verb, server.url()), run_text(*verb, archive)
    assert (there.returncode, there.stderr) == (here.returncode, here.stderr)
    there, here = without_name(there.stdout, server.url(),
                               archive), without_name(here.stdout, server.url(), archive)
    assert there == here


def test_unpack(server, archive, tmp_path):
    for source, out in ((server.url(), 'there'), (archive, 'here')):
        ended = run_text('unpack', source, tmp_path / out)
        assert ended.returncode == 0, ended.stderr
    assert tree(tmp_path / 'there') == tree(tmp_path / 'here')


def test_unpack_of_several(server, tmp_path):
    ended = run_text('unpack', server.url(),
                     server.url().replace('x.ozx', 'y.ozx'), tmp_path / 'out')
    assert ended.returncode == 0, ended.stderr
    assert sorted(os.listdir(tmp_path / 'out')) == ['x.ome.zarr', 'y.ome.zarr']


def test_nothing_is_left_of_an_unpack_that_failed(server, tmp_path):
    ended = run_text('unpack', server.url('status_404', 'later', 'u'), tmp_path / 'out',
                     env={'OZXFS_DEADLINE': '1'})
    assert ended.returncode == 74 and not os.listdir(tmp_path)


def test_requests(archive):
    """Opening takes two, and all that it says of the archive comes out of them."""
    with serving(archive.read_bytes()) as own:
        assert run('info', own.url()).returncode == 0
        ranges = sorted(headers['Range'] for _, _, headers in own.requests)
    assert ranges == ['bytes=-262144', 'bytes=0-65535']


def test_requests_of_a_large_directory(tmp_path):
    """What the first two do not bring of the central directory comes by the MiB, all of it at
    once, and once; and no zarr.json needs another one."""
    names = [f'0/c/{"n" * 200}{number}' for number in range(13_000)]
    files = column(1, 4) | {name: b'' for name in names}
    archive = write(tmp_path / 'many.ozx', files).read_bytes()
    directory = len(archive) - archive.index(b'PK\x01\x02')
    assert directory > 3 << 20
    with serving(archive) as own:
        assert run('info', own.url()).returncode == 0
        ranges = [headers['Range'] for _, _, headers in own.requests]
    assert len(ranges) <= 2 + -(-directory // (1 << 20)), ranges
    asked = [[int(end) for end in text[6:].split('-')] for text in ranges[2:]]
    assert sum(last - first + 1 for first, last in asked) < directory, 'the tail is there'


def test_what_cannot_read_from_servers_says_so(server, tmp_path):
    ended = run_text('repack', server.url(query=QUERY), tmp_path / 'out.ozx')
    assert ended.returncode == 66 and ended.stderr.count(
        '\n') == 1 and 'is a URL' in ended.stderr and 'GEHEIM' not in ended.stderr


# --- processes -----------------------------------------------------------------------------------

@contextlib.contextmanager
def waiting(server, fault_name='silent', when='later', key='w', binary=OZXFS):
    """ozxfs, which waits for an answer."""
    url = server.url(fault_name, when, key, LOGIN, QUERY)
    process = subprocess.Popen([binary, 'cat', url, '0/c/5/0'], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: sum(
            path.startswith(f'/{fault_name}/{when}/{key}/')
            for path, _, _ in list(server.requests)) >= (3 if when == 'later' else 1))
        yield process
    finally:
        process.kill()
        process.communicate()


@needs_root
def test_secrets_are_seen_by_nobody(server):
    with waiting(server, key='s') as process:
        wait_until(fetchers)
        family = [process.pid, *fetchers(), *children_of(process.pid)]
        shown = b''.join(
            pathlib.Path(f'/proc/{pid}/{name}').read_bytes()
            for pid in family
            for name in ('cmdline', 'environ', 'comm', 'mounts'))
        assert b'GEHEIM' not in shown and b'anna' not in shown and b'x.ozx' in shown
        for pid in fetchers():
            assert pathlib.Path(f'/proc/{pid}/cmdline').read_bytes() == b'ozxfs-fetch\0'
            assert pathlib.Path(f'/proc/{pid}/environ').read_bytes() == b''
            assert re.search(r'Max core file size +0 +0 ',
                             pathlib.Path(f'/proc/{pid}/limits').read_text())
    asked = [path for path, _, _ in server.requests if '/s/' in path]
    assert asked and all('GEHEIM-2' in path and '#' not in path
                         for path in asked), 'the server is told'


URLS = [
    'http://anna:GEHEIM@127.0.0.1:1/x.ozx?sig=GEHEIM', 'http://anna:GEHEIM/x@127.0.0.1:1/x.ozx',
    'http://GEHEIM@127.0.0.1:1?GEHEIM', 'https://127.0.0.1:1/x.ozx#GEHEIM', 'http://[::1?GEHEIM',
    's3://key:GEHEIM@bucket/x.ozx?GEHEIM', 'HTTP://a:GEHEIM@127.0.0.1:1/'
]


@pytest.mark.parametrize('verb,url', [('info', url) for url in URLS] +
                         [(verb, URLS[0])
                          for verb in ('cat', 'unpack', 'verify', 'pack', 'repack', 'ls')])
def test_messages_tell_no_secrets(verb, url, tmp_path):
    ended = run_text(verb, url, tmp_path / 'out', env={'OZXFS_DEADLINE': '1'})
    assert ended.returncode != 0 and 'ozxfs: ' in ended.stderr
    assert 'GEHEIM' not in ended.stderr + ended.stdout and 'anna' not in ended.stderr + ended.stdout


@needs_root
@needs_cage
def test_rights_of_the_fetcher(server):
    with waiting(server, key='r'):
        wait_until(fetchers)
        for pid in fetchers():
            state = status_of(pid)
            assert (state['NoNewPrivs'], state['Seccomp']) == ('1', '2')
            assert state['Uid'].split() == ['65534'] * 4 and state['Gid'].split(
            ) == ['65534'] * 4 and not state['Groups'].strip()
            assert all(
                int(state[name], 16) == 0 for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))
            held = descriptors_of(pid)
            assert all(held[fd] == '/dev/null' for fd in range(3))
            assert all(re.match(r'socket:|pipe:|anon_inode:', held[fd])
                       for fd in held
                       if fd > 2), held


@needs_root
@needs_cage
def test_rights_of_the_parser(server):
    """It has the channels, and no other socket; it can make none."""
    with waiting(server, key='p', binary=PROBE) as process:
        child, = children_of(process.pid)
        held = descriptors_of(child)
        assert len([target for fd, target in held.items() if fd > 2]) == 64 and all(
            held[fd].startswith('socket:') for fd in held if fd > 2)
        process.kill()
        said = process.stderr.read().decode()
    assert re.search(r'\bsocket EPERM\b', said) and re.search(
        r'\bexec EPERM\b', said) and re.search(r'\bopen EPERM\b', said), said


def test_only_the_fetcher_is_linked_with_libcurl():
    linked = {
        path: subprocess.run(['ldd', path], capture_output=True, text=True, check=True).stdout
        for path in (OZXFS, FETCH)
    }
    assert 'libcurl' not in linked[OZXFS] and 'libcurl' in linked[FETCH]


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL],
                         ids=lambda n: n.name)
@pytest.mark.parametrize('when', ['always', 'later'])
def test_a_signal_ends_all_of_it(server, number, when):
    with waiting(server, when=when, key=f'{number}-{when}') as process:
        wait_until(fetchers)
        process.send_signal(number)
        process.wait(timeout=5)
    wait_until(lambda: not fetchers())


@pytest.mark.parametrize('verb', ['verify', 'unpack'])
def test_an_interrupt_while_opening(server, tmp_path, verb):
    process = subprocess.Popen([
        OZXFS, verb,
        server.url('silent', 'always', verb), *([tmp_path / 'out'] if verb == 'unpack' else [])
    ], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: any(f'/{verb}/' in path for path, _, _ in list(server.requests)))
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=5)
    assert process.returncode == 75, told
    wait_until(lambda: not fetchers())
    assert not os.listdir(tmp_path)


@needs_root
def test_the_fetcher_is_killed(server):
    with waiting(server, key='k') as process:
        wait_until(fetchers)
        for pid in fetchers():
            os.kill(pid, signal.SIGKILL)
        _, told = process.communicate(timeout=10)
    assert process.returncode == 74 and b'has ended' in told, told


def test_no_fetcher(server, tmp_path):
    """It is looked for beside ozxfs and where it is installed."""
    alone = tmp_path / 'ozxfs'
    alone.write_bytes(pathlib.Path(OZXFS).read_bytes())
    alone.chmod(0o755)
    if any(
            os.access(path, os.X_OK)
            for path in ('/usr/local/libexec/ozxfs-fetch', '/usr/libexec/ozxfs-fetch')):
        pytest.skip('it is installed')
    ended = subprocess.run([alone, 'info', server.url()], capture_output=True, text=True,
                           check=False)
    assert ended.returncode == 71 and 'cannot start ozxfs-fetch' in ended.stderr
