# SPDX-License-Identifier: BSD-2-Clause
"""verify --manifest and --check, against sha256sum's format, Python's hashlib and the zarr-checksum
package."""
import hashlib
import json
import os
import random
import subprocess
import zipfile

import pytest

from kit.info import image, on_terminal, write
from kit.launch import OZXFS, ok
from kit.verify import run

pytestmark = pytest.mark.skipif(os.environ.get('OZXFS_HAVE_NETTLE') != '1',
                                reason='built without nettle')
FILES = {**image(), 'empty': b'', 'a-b/x': b'1', 'a/b': b'2', 'a.b': b'3'}
MD5 = '0' * 32
NAMES = ('x', '"', 'é', 'ü𝄞', '日本', 'a b', "it's", '~', '{}', '%41', '#', 'A', 'a', '\u2028')


def data_of(size):
    return random.Random(size).randbytes(size)


def manifest(path, kind='sha256'):
    return ok('verify', '--manifest', kind, path).stdout


def lines_of(text):
    return dict(reversed(line.split('  ', 1)) for line in text.splitlines())


def digests(files):
    return {name: hashlib.sha256(as_bytes(data)).hexdigest() for name, data in files.items()}


def as_bytes(data):
    return data if isinstance(data, bytes) else json.dumps(data).encode()


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / 'a.ozx', FILES)


@pytest.fixture
def written(archive, tmp_path):
    path = tmp_path / 'a.sha256'
    path.write_text(manifest(archive))
    return path


# --- writing --------------------------------------------------------------------------------------

def test_every_length_around_a_block(tmp_path):
    files = {**FILES, **{f'd/{size}': data_of(size) for size in range(200)}}
    assert lines_of(manifest(write(tmp_path / 'x.ozx', files))) == digests(files)


@pytest.mark.parametrize('compression', (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
def test_large_files_are_whole(tmp_path, compression):
    """Longer than what threads share among them, and than a window."""
    files = {'zarr.json': b'{}', 'large': data_of(20_000_000), 'last': b'x' * 600_000}
    path = write(tmp_path / 'x.ozx', files, compression=compression)
    assert lines_of(manifest(path)) == digests(files)


def test_sha256sum_checks_it(archive, written, tmp_path):
    ok('unpack', archive, tmp_path / 'x')
    done = subprocess.run(['sha256sum', '--strict', '-c', written], cwd=tmp_path / 'x',
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count(': OK') == len(FILES), done


def test_the_last_of_a_name_counts(tmp_path):
    path = tmp_path / 'x.ozx'
    with pytest.warns(UserWarning), zipfile.ZipFile(path, 'w') as out:
        for name, data in (('zarr.json', '{}'), ('a', 'old'), ('b', '2'), ('a', 'new')):
            out.writestr(name, data)
    done = run('--manifest', 'sha256', path)
    assert done.returncode == 2 and 'is invalid' in done.stderr  # rule duplicate
    assert lines_of(done.stdout) == digests({'zarr.json': b'{}', 'a': b'new', 'b': b'2'})


def test_order_does_not_count(tmp_path):
    """Where the directory has another order than the file, too."""
    path = write(tmp_path / 'x.ozx', FILES)
    with zipfile.ZipFile(path, 'a') as out:
        out.filelist.reverse()
        out.writestr('one-more', b'')
    said = run('--manifest', 'sha256', path).stdout  # jsonFirst is not true of it
    assert lines_of(said) == digests({**FILES, 'one-more': b''})


def test_no_manifest_of_damaged_data(tmp_path):
    path = write(tmp_path / 'x.ozx', FILES)
    content = path.read_bytes()
    at = content.index(b'0/c/0/0') + 7 + 10
    path.write_bytes(content[:at] + b'\xff' + content[at + 1:])
    for kind in ('sha256', 'zarr-checksum'):
        done = run('--manifest', kind, path)
        assert done.returncode == 2 and not done.stdout
        assert "no manifest: 1 file cannot be read or is damaged, as '0/c/0/0'" in done.stderr


def test_no_manifest_of_a_refused_archive(tmp_path):
    (tmp_path / 'x.ozx').write_bytes(b'PK\3\4')
    done = run('--manifest', 'sha256', tmp_path / 'x.ozx')
    assert done.returncode == 2 and not done.stdout and 'no manifest' in done.stderr


def test_names_are_escaped_on_a_terminal(tmp_path):
    path = write(tmp_path / 'x.ozx', {'zarr.json': '{}', 'a\u202eb': b''})
    status, said = on_terminal('verify', '--manifest', 'sha256', path)
    assert status == 0 and '\u202e' not in said and '\u202e' in manifest(path)


# --- the zarr-checksum package --------------------------------------------------------------------

def stores():
    yield 'nothing', {}
    yield 'one file', {'zarr.json': b'{}'}
    yield 'image', image()
    yield 'files beside directories of like names', FILES
    yield 'deep', {'/'.join('abcdefghijklmnop'[:depth]): data_of(depth) for depth in (16, )}
    yield 'lengths', {f'{size % 7}/{size}': data_of(size) for size in range(130)}
    yield 'names', {f'{a}/{b}': (a + b).encode() for a in NAMES for b in NAMES}
    yield 'names at the root', {name: b'' for name in NAMES}
    yield 'many', {f'0/c/{y}/{x}': b'%d' % (x * y) for y in range(30) for x in range(30)}
    yield 'large', {'zarr.json': b'{}', '0/c/0': data_of(9_000_000)}
    for seed in range(10):
        lot = random.Random(seed)
        yield f'random {seed}', {
            '/'.join(lot.choice(NAMES) + str(depth) for depth in range(lot.randint(1, 6))) +
            f'.{i}': lot.randbytes(lot.choice((0, 1, 55, 56, 64, 1000)))
            for i in range(lot.randint(1, 60))
        }


STORES = dict(stores())


def test_there_are_twenty():
    assert len(STORES) == 20


@pytest.mark.parametrize('name', STORES)
def test_checksum_is_that_of_the_package(tmp_path, name):
    package = pytest.importorskip('zarr_checksum', reason='the package zarr-checksum is not here')
    from zarr_checksum.generators import yield_files_local
    files = STORES[name]
    for path, data in files.items():
        file = tmp_path / 'tree' / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(as_bytes(data))
    (tmp_path / 'tree' / 'no-files' / 'in-it').mkdir(parents=True)
    expected = str(package.compute_zarr_checksum(yield_files_local(tmp_path / 'tree')))
    packed = write(tmp_path / 'x.ozx', files)
    with zipfile.ZipFile(packed, 'a') as out:
        out.writestr('no-files/in-it/', b'')
    done = run('--manifest', 'zarr-checksum', packed)
    assert done.stdout == expected + '\n'
    (tmp_path / 'checksum').write_text(f'Checksum for tree complete:\n\n{expected}\n')
    assert f'{packed}: matches the manifest\n' in run('--check', tmp_path / 'checksum',
                                                        packed).stdout


def test_checksum_without_the_package(tmp_path):
    """The one of an empty store stands in that package's documentation, too."""
    assert run('--manifest', 'zarr-checksum', write(tmp_path / 'x.ozx', {})).stdout == \
        '481a2f77ab786a0f45aafd5db0971caa-0--0\n'


# --- comparing ------------------------------------------------------------------------------------

def check(archive, text, tmp_path, *options):
    path = tmp_path / 'manifest'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run('--check', path, *options, archive)
    return done.returncode, done.stdout, done.stderr


def test_same(archive, written, tmp_path):
    status, said, _ = check(archive, written.read_text(), tmp_path, '-q')
    assert status == 0 and said.splitlines()[0] == f'{archive}: matches the manifest'


@pytest.mark.parametrize('change', (
    lambda text: text.replace('  ', ' *'),
    lambda text: text.replace('  ', '  ./'),
    lambda text: text.replace('\n', '\r\n'),
    lambda text: '\n'.join(reversed(text.splitlines())),
    lambda text: ''.join(line[:64].upper() + line[64:] for line in text.splitlines(True)),
    lambda text: ''.join('\\' + line for line in text.splitlines(True)),
), ids=('binary', 'dot', 'crlf', 'reversed', 'upper', 'escaped'))
def test_same_as_other_programs_write_it(archive, written, tmp_path, change):
    status, said, _ = check(archive, change(written.read_text()), tmp_path)
    assert status == 0 and 'matches the manifest' in said


def test_differences(archive, written, tmp_path):
    lines = [line for line in written.read_text().splitlines(True) if not line.endswith(' a.b\n')]
    text = ''.join('0' * 64 + line[64:] if line.endswith(' empty\n') else line for line in lines)
    status, said, _ = check(archive, text + '1' * 64 + '  0/c/9/9\n' + '1' * 64 + '  0\n', tmp_path)
    assert status == 2
    assert said.splitlines()[:5] == [
        "'empty' differs from the manifest", "'0/c/9/9' is in the manifest, not in the archive",
        "'0' is in the manifest, not in the archive",
        "'a.b' is in the archive, not in the manifest",
        f'{archive}: differs from the manifest: 1 different, 2 missing, 1 not in the manifest'
    ]
    quiet = check(archive, text, tmp_path, '-q')
    assert quiet[0] == 2 and len(quiet[1].splitlines()) == 2


def test_checksum_differs(archive, tmp_path):
    own = manifest(archive, 'zarr-checksum').strip()
    status, said, _ = check(archive, '0' * 32 + own[32:] + '\n', tmp_path)
    assert status == 2 and f'the Zarr checksum is {own}, the manifest states 0000' in said


def test_damaged_data_differ(tmp_path):
    path = write(tmp_path / 'x.ozx', FILES)
    text, content = manifest(path), path.read_bytes()
    at = content.index(b'0/c/0/0') + 7 + 10
    path.write_bytes(content[:at] + b'\xff' + content[at + 1:])
    status, said, _ = check(path, text, tmp_path)
    assert status == 2 and "'0/c/0/0' differs from the manifest" in said and 'fail  crc' in said


@pytest.mark.parametrize('text', (
    '', '\n\n', 'nonsense\n', '0' * 64 + '\n', '0' * 64 + '  \n', '0' * 63 + 'g  x\n',
    '0' * 65 + '  x\n', f'{MD5}-1--\n2', f'{MD5}--1--2', f'{MD5}-1-2', b'\0' * 100,
    b'\xff' * 100, '0' * 64 + '  x\0y\n', '0' * 64 + '  x\n' + 'nonsense',
    f'{MD5}-1--2\n{MD5}-1--2',
))
def test_no_manifest(archive, tmp_path, text):
    status, said, told = check(archive, text, tmp_path)
    assert status == 66
    assert told.startswith(f'ozxfs: {tmp_path / "manifest"}: ') and told.count('\n') == 1


def test_paths_that_lead_elsewhere_are_missing(archive, tmp_path):
    for path in ('../a.ozx', '/etc/passwd', 'x/../zarr.json', 'y' * 5000, '\x1b[2J'):
        status, said, _ = check(archive, '0' * 64 + '  ' + path, tmp_path)
        assert status == 2 and '1 missing' in said and '\x1b' not in said


def test_standard_input_and_fifos(archive, written, tmp_path):
    done = subprocess.run([OZXFS, 'verify', '--check', '-', archive], check=False,
                          input=written.read_bytes(), capture_output=True)
    assert done.returncode == 0 and b'matches the manifest' in done.stdout
    os.mkfifo(tmp_path / 'fifo')
    with subprocess.Popen(f'cat {written} > {tmp_path}/fifo', shell=True):
        assert 'matches the manifest' in run('--check', tmp_path / 'fifo', archive).stdout


@pytest.mark.parametrize('arguments', (
    ('--manifest', 'md5', 'x'), ('--manifest=', 'x'), ('--check', '', 'x'),
    ('--manifest', 'sha256', '--check', 'y', 'x'), ('--manifest', 'sha256', '--quick', 'x'),
    ('--check', 'y', '--quick', 'x'), ('--check', 'y', '--json', 'x'),
    ('--manifest', 'sha256', 'x', 'y'), ('--check', 'm', 'x', 'y')))
def test_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 64 and not done.stdout


def test_missing_manifest(archive, tmp_path):
    done = run('--check', tmp_path / 'none', archive)
    assert done.returncode == 66 and not done.stdout and 'none: cannot read' in done.stderr
    assert run('--check', tmp_path, archive).returncode != 0
