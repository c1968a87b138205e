# SPDX-License-Identifier: BSD-2-Clause
"""repack --in-place: what is replaced is the file that was read, or nothing; the new one is like it
but for its bytes."""
import errno
import os
import pathlib
import shutil
import subprocess
import warnings
import zipfile

import pytest
from kit.faulty import SAMPLE
from kit.harness import wait_until
from kit.launch import OZXFS, ok, run_text as run
from kit.trees import RENAMEAT2, contents, left_beside, without

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason='other users can be had by root only')


@pytest.fixture
def messy(tmp_path):
    """The sample, as zipped by somebody: compressed, in another order, one name twice."""
    path = tmp_path / 'image.ozx'
    with zipfile.ZipFile(SAMPLE) as sample, zipfile.ZipFile(
            path, 'w', zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        archive.writestr('zarr.json', b'an older one')
        for name in reversed(sample.namelist()):
            archive.writestr(zipfile.ZipInfo(name), sample.read(name), zipfile.ZIP_DEFLATED)
    return path


def expected(messy, tmp_path, *options):
    ok('repack', '-q', *options, messy, tmp_path / 'other.ozx')
    data = (tmp_path / 'other.ozx').read_bytes()
    os.remove(tmp_path / 'other.ozx')
    return data


def in_place(path, *options, **how):
    return run('repack', '-q', '--in-place', *options, path, **how)


def untouched(done, status, path, before, beside=()):
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1), done.stderr
    assert path.read_bytes() == before and sorted(os.listdir(path.parent)) == sorted(
        {path.name, *beside})
    return done.stderr


# --- the new file ---------------------------------------------------------------------------------

@pytest.mark.parametrize('options', [(), ('--align', '4096'), ('--exclude', 'labels')])
def test_is_what_repack_writes_elsewhere(messy, tmp_path, options):
    new = expected(messy, tmp_path, *options)
    done = in_place(messy, *options)
    assert (done.returncode, done.stderr) == (
        0, '') and messy.read_bytes() == new and os.listdir(tmp_path) == ['image.ozx']
    assert in_place(messy, *options).returncode == 0 or '--exclude' in options
    assert messy.read_bytes() == new and ok('verify', messy)


def test_mode_and_attributes_are_kept(messy, tmp_path):
    messy.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(messy, 4711, 5711)
    kept = {'user.origin': b'microscope 7', 'user.empty': b''}
    try:
        for name, value in kept.items():
            os.setxattr(messy, name, value)
    except OSError as e:
        if e.errno != errno.EOPNOTSUPP:
            raise
        kept = {}
    old = messy.stat()
    assert in_place(messy).returncode == 0
    new = messy.stat()
    assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid,
                                                     old.st_gid) and new.st_ino != old.st_ino
    assert {
        name: os.getxattr(messy, name)
        for name in os.listxattr(messy)
        if name.startswith('user.')
    } == kept


def test_a_link_is_followed(messy, tmp_path):
    new = expected(messy, tmp_path)
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub/link.ozx').symlink_to('../image.ozx')
    assert in_place(tmp_path / 'sub/link.ozx').returncode == 0
    assert messy.read_bytes() == new and os.readlink(
        tmp_path / 'sub/link.ozx') == '../image.ozx' and os.listdir(
            tmp_path / 'sub') == ['link.ozx']


@pytest.mark.parametrize('code', [errno.EINVAL, errno.ENOSYS])
def test_without_exchange(messy, tmp_path, code):
    new = expected(messy, tmp_path)
    assert in_place(messy, preexec_fn=without(RENAMEAT2, code)).returncode == 0
    assert messy.read_bytes() == new and os.listdir(tmp_path) == ['image.ozx']


def test_dry_run_changes_nothing(messy, tmp_path):
    before = messy.read_bytes()
    done = in_place(messy, '-n')
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(contents(messy))
    assert messy.read_bytes() == before and os.listdir(tmp_path) == ['image.ozx']


# --- what is refused ------------------------------------------------------------------------------

def test_hard_links(messy, tmp_path):
    before, new = messy.read_bytes(), expected(messy, tmp_path)
    os.link(messy, tmp_path / 'second.ozx')
    assert 'has 2 names (hard links)' in untouched(in_place(messy), 73, messy, before,
                                                   ['second.ozx'])
    assert in_place(messy, '--force').returncode == 0
    assert messy.read_bytes() == new and (tmp_path / 'second.ozx').read_bytes() == before


@AS_ROOT
def test_of_another_owner(messy, tmp_path, folder):
    before, new = messy.read_bytes(), expected(messy, tmp_path)
    inside = pathlib.Path(folder) / 'of others'
    inside.mkdir()
    inside.chmod(0o777)
    messy = pathlib.Path(shutil.copy(messy, inside))

    def other():
        os.setgroups([])
        os.setresgid(5713, 5713, 5713)
        os.setresuid(4714, 4714, 4714)

    assert 'belongs to another user' in untouched(in_place(messy, preexec_fn=other), 73, messy,
                                                  before)
    assert in_place(messy, '-f', preexec_fn=other).returncode == 0
    assert messy.read_bytes() == new and messy.stat(
    ).st_uid == 4714 and not messy.stat().st_mode & 0o022


def test_recover(messy, tmp_path):
    """The damaged archive may be worth more than what is left of it: --force, or another file."""
    messy.write_bytes(messy.read_bytes()[:-200])
    before = messy.read_bytes()
    assert '--force' in untouched(in_place(messy, '--recover'), 64, messy, before)
    assert in_place(messy, '--recover', '--force').returncode == 0
    assert messy.read_bytes() != before and os.listdir(tmp_path) == ['image.ozx'] and ok(
        'verify', messy)


def test_what_cannot_be_read_stays(tmp_path):
    (tmp_path / 'x.ozx').write_bytes(b'no archive')
    untouched(in_place(tmp_path / 'x.ozx'), 2, tmp_path / 'x.ozx', b'no archive')
    assert in_place(tmp_path / 'none.ozx').returncode == 66


@pytest.mark.parametrize(
    'arguments',
    [['-i'], ['-i', 'a', 'b'], ['-i', '--no-verify', 'a'], ['-i', '--convert', '--recover', 'a']])
def test_usage(arguments):
    done = run('repack', *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (64, 1)


# --- somebody else is at work ---------------------------------------------------------------------

def write_to(path):
    with open(path, 'r+b') as archive:
        archive.write(b'PK')


def write_and_hide(path):
    """The old size and mtime: the ctime tells."""
    was = path.stat()
    write_to(path)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def replace(path):
    path.with_name('theirs').write_bytes(b'theirs')
    os.rename(path.with_name('theirs'), path)


def replace_by_a_folder(path):
    os.remove(path)
    path.mkdir()


@pytest.mark.parametrize('call', ['linkat:1', 'linkat:2', 'renameat2:1'])
@pytest.mark.parametrize('change',
                         [write_to, write_and_hide, replace, replace_by_a_folder, os.remove])
def test_changed_meanwhile(call, change, messy, tmp_path, faulty):
    """Stopped while the new file is complete already, up to the very call that exchanges them."""
    if call.startswith('linkat:2'):
        call = 'fsync:1'  # in the process without rights: the data are on their way to the disk
    if (call, change) == ('renameat2:1', write_and_hide):
        pytest.skip('between the last look and the exchange nothing tells of it')
    environment = dict(os.environ, **faulty.environment(call + ':stop'))
    with subprocess.Popen([OZXFS, 'repack', '-q', '--in-place', messy], env=environment,
                          stderr=subprocess.PIPE, text=True) as process:
        assert wait_until(
            lambda: faulty.page.fired or process.poll() is not None) and process.poll() is None
        stopped = faulty.page.process
        assert wait_until(lambda: open(f'/proc/{stopped}/stat', encoding='ascii').read().rsplit(
            ')', 1)[1].split()[0] == 'T')
        change(messy)
        theirs = messy.read_bytes() if messy.is_file() else None
        os.kill(stopped, 18)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 74 and len(said.splitlines()) == 1, said
    assert (messy.read_bytes() if messy.is_file() else None) == theirs
    assert messy.is_dir() == (change is replace_by_a_folder) and left_beside(tmp_path) == []


@pytest.mark.skipif(os.environ.get('OZXFS_HAVE_MOUNT') != '1', reason='built without mount')
def test_a_mount_goes_on(messy, ozxfs, folder):
    path = os.path.join(folder, 'mounted.ozx')
    shutil.copy(messy, path)
    where, old = ozxfs.directory(), contents(SAMPLE)
    assert ozxfs.run('mount', path, where).returncode == 0
    assert in_place(path).returncode == 0
    for name, data in old.items():
        with open(os.path.join(where, name), 'rb') as file:
            assert file.read() == data
    assert ozxfs.run('umount', where).returncode == 0
