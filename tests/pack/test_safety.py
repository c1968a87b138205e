# SPDX-License-Identifier: BSD-2-Clause
"""The old archive, the new one, or none: kills, full disks, failing calls, sources that change,
races."""
import errno
import os
import random
import resource
import signal
import subprocess
import time

import checker
import pytest
from conftest import FAULTS, IMAGE, LONG, OZXFS, messages, ome, pack, run, write

BIG = 40 << 20


def is_leftover(name):
    return name.startswith('.ozxfs-') and name.endswith('.partial') and len(name) == 23


def start(*args, env=None, **kwargs):
    return subprocess.Popen([OZXFS, 'pack', *map(str, args)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env=dict(os.environ, **(env or {})), **kwargs)


def faulty(fault, **env):
    if not FAULTS:
        pytest.skip('the preloaded faults are built by meson')
    preload = os.environ.get('LD_PRELOAD', '')
    return dict(env, LD_PRELOAD=f'{preload}:{FAULTS}'.strip(':'), OZXFS_FAULT=fault)


def check_folder(out, old, root, *, leftovers=False):
    """Under the name: the old bytes or a sound archive (`root` packed), and nothing else in the
    folder."""
    left = [n for n in os.listdir(out.parent) if n != out.name]
    assert all(is_leftover(n) for n in left) and (leftovers or not left), left
    for n in left:
        os.unlink(out.parent / n)
    if not out.exists():
        assert old is None
        return 'none'
    if old is not None and out.read_bytes() == old:
        return 'old'
    checker.check_tree(out, root, crc=False)
    return 'new'


@pytest.fixture
def large(tmp_path):
    """Large and small files: long enough to be killed at any stage."""
    root = write(
        tmp_path / 'large',
        dict(IMAGE, **{f's0/c/{i}/{k}': os.urandom(3000)
                       for i in range(20)
                       for k in range(40)}))
    with open(root / 'shard', 'wb') as f:
        for _ in range(BIG >> 20):
            f.write(os.urandom(1 << 20))
    return root


@pytest.mark.parametrize('old', (None, b'the old archive'))
def test_sigkill_at_random(large, out, old):
    began = time.time()
    pack(large, out)
    takes = time.time() - began
    out.unlink()
    seen = set()
    rng = random.Random(9)
    for _ in range(100 if LONG else 20):
        if old is not None:
            out.write_bytes(old)
        elif out.exists():
            out.unlink()
        p = start(large, out, '-f')
        time.sleep(rng.random() * takes * 1.2)
        p.kill()
        p.communicate()
        seen.add(check_folder(out, old, large, leftovers=True))
    assert seen <= {'old' if old else 'none', 'new'}


@pytest.mark.parametrize(
    'number', (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU))
def test_signals_leave_nothing(large, out, number):
    out.write_bytes(b'old')
    seen = set()
    rng = random.Random(number)
    for i in range(12):
        p = start(large, out, '-f', env=dict(OZXFS_NO_TMPFILE='1',
                                             **({'LD_PRELOAD': FAULTS} if FAULTS else {})))
        time.sleep(0.02 + rng.random() * 0.15)
        p.send_signal(number)
        said = p.communicate(timeout=60)[1].decode()
        result = check_folder(out, b'old', large)
        # Before the handler stands, the signal kills: there is nothing to clean up then.
        assert p.returncode in ((0,) if result == 'new' else (75, -number)), said
        assert result == 'new' or len(messages(said)) == (p.returncode == 75), said
        seen.add(p.returncode)
        if result == 'new':
            out.write_bytes(b'old')


def test_ignored_signals_stay_ignored(image, out):
    p = start(image, out, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    p.send_signal(signal.SIGHUP)
    assert p.communicate() and p.returncode == 0


CALLS = ('openat64', 'pwrite64', 'fsync', 'fchmod', 'linkat', 'renameat', 'renameat2', 'pread64',
         'any')


@pytest.mark.parametrize('named', (False, True))
@pytest.mark.parametrize('force', (False, True))
@pytest.mark.parametrize('action', ('kill', 'after'))
def test_kill_at_every_call(image, tmp_path, out, action, force, named):
    env = dict(OZXFS_NO_TMPFILE='1') if named else {}
    for n in range(1, 400):
        old = b'old' if force else None
        if force:
            out.write_bytes(old)
        elif out.exists():
            out.unlink()
        code = run('pack', *(['-f'] if force else []), '-j', 1, image, out,
                   env=faulty(f'any:{n}:{action}', **env)).returncode
        result = check_folder(out, old, image, leftovers=named or force)
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            assert result == 'new' and n > 8
            return
    pytest.fail('never came to an end')


@pytest.mark.parametrize('named', (False, True))
@pytest.mark.parametrize('force', (False, True))
@pytest.mark.parametrize('code', (errno.EIO, errno.ENOSPC, errno.EACCES))
@pytest.mark.parametrize('call', CALLS)
def test_errors_at_every_call(image, out, call, code, force, named):
    """One error line, not zero, nothing left behind; the target as it was, or (directory sync) the
    new one."""
    env = dict(OZXFS_NO_TMPFILE='1') if named else {}
    for n in range(1, 200):
        old = b'old' if force else None
        if force:
            out.write_bytes(old)
        elif out.exists():
            out.unlink()
        done = run('pack', '-j', 1, *(['-f'] if force else []), image, out,
                   env=faulty(f'{call}:{n}:{code}', **env))
        result = check_folder(out, old, image)
        if done.returncode == 0:  # the fault did not happen, or there was another way
            assert result == 'new'
            if n > 1 or call != 'any':
                return
        else:
            assert done.returncode in (71, 73, 74, 77) and len(messages(
                done.stderr.decode())) == 1, done
            assert result == (('old' if force else 'none')
                              if b'directory cannot be synced' not in done.stderr else 'new')
    pytest.fail('never came to an end')


@pytest.mark.parametrize('call', ('pwrite64', 'pread64'))
def test_short_calls_are_completed(image, out, call):
    for n in range(1, 12):
        pack(image, out, '-f', '-j', 1, env=faulty(f'{call}:{n}:short'), lines=0)
        checker.check_tree(out, image)


@pytest.mark.parametrize('code', (errno.EINTR,))
def test_interrupted_calls_go_on(image, out, code):
    for n in range(1, 8):
        pack(image, out, '-f', '-j', 1, env=faulty(f'pwrite64:{n}:{code}'), lines=0)
        checker.check_tree(out, image)


def test_file_size_limit(image, out):
    """SIGXFSZ would kill; it is ignored, and the write fails."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))  # noqa: E731
    done = pack(image, out, code=74, lines=1, preexec_fn=limit)
    assert b'too large' in done.stderr
    assert not os.listdir(out.parent)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / 'disk'
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'none', folder],
                      capture_output=True).returncode:
        pytest.skip('a small tmpfs is mounted by root')
    yield folder
    subprocess.run(['umount', folder], check=True)


@pytest.mark.parametrize('old', (None, b'old'))
def test_no_space(image, small_disk, old):
    out = small_disk / 'image.ozx'
    if old:
        out.write_bytes(old)
    done = pack(image, out, '-f', code=74, lines=1)
    assert b'No space left' in done.stderr
    assert check_folder(out, old, image) == ('old' if old else 'none')


# --- a source that changes ------------------------------------------------------------------------

def grow(root):
    with open(root / 'foozarr.json', 'a') as f:
        f.write('x')


def shrink(root):
    os.truncate(root / 'foozarr.json', 1)


def rewrite(root):
    with open(root / 'foozarr.json', 'r+') as f:
        f.write('Data')


def rewrite_and_hide(root):
    before = os.stat(root / 'foozarr.json')
    rewrite(root)
    os.utime(root / 'foozarr.json', ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(root):
    (root / 'new').write_text('data')
    os.rename(root / 'new', root / 'foozarr.json')


def remove(root):
    (root / 'foozarr.json').unlink()


def to_link(root):
    remove(root)
    os.symlink('big.bin', root / 'foozarr.json')


def to_fifo(root):
    remove(root)
    os.mkfifo(root / 'foozarr.json')


def to_directory(root):
    remove(root)
    (root / 'foozarr.json').mkdir()


def add(root):
    (root / 'labels/cells/c/0/1').write_bytes(b'new chunk')


def remove_folder(root):
    os.rename(root / 'labels', root.parent / 'gone')


def link_folder(root):
    remove_folder(root)
    os.symlink(root.parent / 'gone', root / 'labels')


CHANGES = (grow, shrink, rewrite, rewrite_and_hide, replace, remove, to_link, to_fifo, to_directory,
           add, remove_folder, link_folder)


@pytest.mark.parametrize('change', CHANGES)
def test_change_while_packed(image, out, change):
    """Stopped at its first write (big.bin, the rest is not read yet), changed, continued."""
    out.write_bytes(b'old')
    p = start(image, out, '-f', '-j', 1, env=faulty('pwrite64:1:stop'))
    os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
    change(image)
    p.send_signal(signal.SIGCONT)
    said = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 74 and 'changed while it was being packed' in said and len(
        messages(said)) == 1, said
    assert check_folder(out, b'old', image) == 'old'


@pytest.mark.parametrize('change', CHANGES)
def test_change_while_streamed(large, change):
    """The reader of the pipe waits while the source changes: what came before is no archive."""
    p = subprocess.Popen([OZXFS, 'pack', '-j', '1', large, '-'], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    head = p.stdout.read(100000)
    change(large)
    body, said = p.communicate(timeout=60)
    assert p.returncode == 74 and b'changed while it was being packed' in said
    assert b'PK\x05\x06' not in (head + body)[-100:]


# --- the target -----------------------------------------------------------------------------------

@pytest.mark.parametrize('named', (False, True))
def test_race_for_the_name(image, out, named):
    """Somebody makes the target after pack has looked: it is theirs."""
    p = start(image, out, '-j', 1, env=faulty('pwrite64:1:stop',
                                              **(dict(OZXFS_NO_TMPFILE='1') if named else {})))
    os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
    out.write_bytes(b'theirs')
    p.send_signal(signal.SIGCONT)
    said = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 73 and len(messages(said)) == 1
    assert os.listdir(out.parent) == [out.name] and out.read_bytes() == b'theirs'


def test_rename_without_flags(image, out):
    """File systems without RENAME_NOREPLACE: a link does the same."""
    pack(image, out, lines=0, env=faulty(f'renameat2:1:{errno.EINVAL}', OZXFS_NO_TMPFILE='1'))
    assert os.listdir(out.parent) == [out.name]
    assert os.stat(out).st_nlink == 1
    checker.check_tree(out, image)


def test_two_at_once(image, out):
    both = [start(image, out) for _ in range(2)]
    assert sorted(p.wait(60) for p in both if p.communicate()) == [0, 73]
    checker.check_tree(out, image)
    assert os.listdir(out.parent) == [out.name]


def test_force_replaces(image, out):
    out.write_bytes(b'old')
    pack(image, out, '--force', lines=0)
    checker.check_tree(out, image)
    assert os.listdir(out.parent) == [out.name]


def test_force_on_a_new_name(image, out):
    pack(image, out, '--force', lines=0)
    checker.check_tree(out, image)


def test_open_readers_keep_the_old(image, out):
    out.write_bytes(b'old')
    with open(out, 'rb') as f:
        pack(image, out, '-f')
        assert f.read() == b'old'


@pytest.mark.parametrize('umask,mode', ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)))
@pytest.mark.parametrize('named', (False, True))
def test_mode_by_umask(image, out, umask, mode, named):
    env = faulty('none:0:0', OZXFS_NO_TMPFILE='1') if named else {}
    pack(image, out, preexec_fn=lambda: os.umask(umask), env=env)
    assert os.stat(out).st_mode & 0o7777 == mode


def test_mode_of_the_old_is_kept(image, out):
    out.write_bytes(b'old')
    out.chmod(0o600)
    pack(image, out, '-f')
    assert os.stat(out).st_mode & 0o7777 == 0o600


def test_longest_name(image, out):
    name = out.with_name('x' * 251 + '.ozx')
    pack(image, name, lines=0)
    pack(image, name, '-f', lines=0)
    assert os.listdir(out.parent) == [name.name]


def test_relative_and_odd_paths(image, out):
    for i, name in enumerate(('plain.ozx', './dot.ozx', '-dash.ozx', ' .ozx', 'é.ozx', '%s.ozx')):
        pack('--', image, name, cwd=out.parent, lines=0)
        assert len(os.listdir(out.parent)) == i + 1
    pack('.', out.parent / 'here.ozx', cwd=image, lines=0)
    pack(f'{image}/', out.parent / 'slash.ozx', lines=0)


def test_input_through_a_symlink(image, tmp_path, out):
    os.symlink(image, tmp_path / 'link')
    pack(tmp_path / 'link', out, lines=0)
    checker.check_tree(out, image)


def test_reading_back_finds_damage(image, out):
    """Stopped at a later write; a byte of the metadata that is written already is turned."""
    p = start(image, out, '-j', 1, env=faulty('pwrite64:3:stop', OZXFS_NO_TMPFILE='1'))
    os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
    part = next(out.parent / n for n in os.listdir(out.parent) if is_leftover(n))
    with open(part, 'r+b') as f:
        f.seek(150)
        byte = f.read(1)
        f.seek(150)
        f.write(bytes([byte[0] ^ 1]))
    p.send_signal(signal.SIGCONT)
    said = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 74 and 'zarr.json' in said and len(messages(said)) == 1, said
    assert not os.listdir(out.parent)


# --- streams --------------------------------------------------------------------------------------

def test_pipe_that_closes(large):
    p = subprocess.Popen([OZXFS, 'pack', large, '-'], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    p.stdout.read(10)
    p.stdout.close()
    said = p.stderr.read().decode()
    assert p.wait(60) == 74 and 'Broken pipe' in said and len(messages(said)) == 1


def test_pipe_that_nobody_reads_can_be_interrupted(large):
    p = subprocess.Popen([OZXFS, 'pack', large, '-'], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    p.stdout.read(10)
    time.sleep(0.2)
    p.send_signal(signal.SIGINT)
    assert p.wait(10) == 75
    p.communicate()


def test_full_device(image):
    with open('/dev/full', 'wb') as f:
        pack(image, '-', code=74, lines=1, capture_output=False, stdout=f, stderr=subprocess.PIPE)


def test_closed_standard_descriptors(image, out):
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        # noqa: B023
        pack(image, out, '-f', preexec_fn=lambda: [os.close(fd) for fd in closed],
             capture_output=False, stdin=None)
        checker.check_tree(out, image)


def test_no_descriptors_to_spare(large, out):
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))  # noqa: E731
    pack(large, out, preexec_fn=limit, lines=0)
    checker.check_tree(out, large)


def test_version_stays(image, out):
    write(image, {'zarr.json': ome('0.6')})
    pack(image, out, lines=0)
    assert checker.check(out)['version'] == '0.6'
