# SPDX-License-Identifier: BSD-2-Clause
"""What pack and repack leave out without being asked, by one list, and what they tell of: junk,
files of no array, empty directories."""
import json
import os
import re
import zipfile

import pytest
from conftest import ARRAY, GROUP, messages, ome, pack, run, write

HEX = '0123456789abcdef' * 2
PLAIN = {'zarr.json': ome(), 's0/zarr.json': ARRAY, 's0/c/0/0': b'a' * 16, 's0/c/1/1': b'b' * 16}
# Each with the kind that the summary names.
JUNK = {
    '.DS_Store': '.DS_Store', 's0/c/.DS_Store': '.DS_Store', '._zarr.json': '._*',
    's0/c/0/._0': '._*', '._': '._*', 'Thumbs.db': 'Thumbs.db', 's0/desktop.ini': 'desktop.ini',
    f'zarr.{HEX}.partial': '*.partial', f's0/c/0/0.{HEX}.partial': '*.partial',
    f's0/zarr.json.{HEX}.partial': '*.partial', '.ozxfs-abcd1234.partial': '*.partial',
    's0/c/0/0.__lock': '*.__lock', 's0/.nfs00000000004a1b2c0000000f': 'removed while open',
    '.fuse_hidden0000000a00000001': 'removed while open', '__MACOSX/._zarr.json': '__MACOSX/',
    's0/__MACOSX/a/b/._0': '__MACOSX/', '.Trash-1000/files/0': '.Trash*/',
    '.Trashes/501/x': '.Trash*/', '.fseventsd/no_log': 'folders of a volume',
    '$RECYCLE.BIN/x': 'folders of a volume', 's0/c/@eaDir/x': 'folders of a volume',
    'System Volume Information/y': 'folders of a volume',
    '.Spotlight-V100/z': 'folders of a volume', 'lost+found/#1': 'folders of a volume'
}
NO_JUNK = ('.zattrs', 'a/.DS_Store2', 'thumbs.db', 'x.partial', '.partial', f'x{HEX}.partial',
           f'x.{HEX[1:]}.partial', f'x.{HEX.upper()}.partial', f'x.{HEX}.partial/y', '__MACOSX2/x',
           'q/__macosx/x', '.hidden', 'a/Desktop.ini', 'lock.__lock2', '_.x', '._dir/x',
           'd.__lock/x', '.nfs', '.nfs00000000004a1b2c', 'a/.Trash-x/y', '.Trash2/z',
           'f/.DS_Store/x', 'f/__MACOSX')
# Directories of the list in which a Zarr node is, at any depth and of either format, and files
# beside it.
NODES = ('__MACOSX/zarr.json', '__MACOSX/c/0/0', 'b/.Trash-1/x/y/zarr.json', 'b/.Trash-1/k',
         '@eaDir/a/.zgroup', 's1/lost+found/.zarray', '$RECYCLE.BIN/.zattrs', '._x/zarr.json')


def files_of(archive):
    with zipfile.ZipFile(archive) as z:
        return {n for n in z.namelist() if not n.endswith('/')}


def zipped(root, path, *more):
    """As a file manager zips a tree: every entry by itself, no order; `more` stands in front."""
    with zipfile.ZipFile(path, 'w') as z:
        for name, data in more:
            z.writestr(name, data)
        for file in sorted(root.rglob('*'), reverse=True):
            z.write(file, str(file.relative_to(root)))
    return path


@pytest.fixture
def plain(tmp_path):
    return write(tmp_path / 'image.zarr', PLAIN)


@pytest.fixture(params=('pack', 'repack', 'recover'))
def make(request, tmp_path, out):
    """Writes a directory by pack, or zipped by repack (--recover); what was said."""
    def made(root, *options):
        source = root if request.param == 'pack' else zipped(root, tmp_path / 'in.zip')
        verb = ['repack', '--recover'] if request.param == 'recover' else [request.param]
        done = run(*verb, '-f', *options, source, out)
        assert done.returncode == 0, done.stderr
        return done.stderr.decode()
    return made


# --- junk -----------------------------------------------------------------------------------------

def test_list(plain, out, make):
    write(plain, {n: 'x' for n in (*JUNK, *NO_JUNK)})
    said = make(plain, '-v')
    assert files_of(out) == set(PLAIN) | set(NO_JUNK)
    assert said.count('left out: ') == len(JUNK) and f'{len(JUNK)} left out' in said
    for name in JUNK:
        folder = next(
            (name[:m.end()]
             for m in re.finditer('/', name)
             if name[:m.end() - 1].split('/')[-1] in ('__MACOSX', '.Trash-1000', '.Trashes',
                                                      '.fseventsd', '$RECYCLE.BIN', '@eaDir',
                                                      'System Volume Information',
                                                      '.Spotlight-V100', 'lost+found')), name)
        assert f'left out: {folder}\n' in said


def test_told_with_a_count(plain, out, make):
    write(plain, {n: 'x' for n in JUNK})
    said = messages(make(plain))
    assert len(said) == 1 and f'left out {len(JUNK)} items of junk (' in said[
        0] and '--keep-junk' in said[0]
    counts = dict(
        (kind, int(count)) for count, kind in re.findall(r'[(,] ?(\d+) ([^,)]+)', said[0]))
    assert counts == {kind: list(JUNK.values()).count(kind) for kind in JUNK.values()}
    assert not make(plain, '-q')


def test_kept_on_demand(plain, out, make):
    write(plain, {n: 'x' for n in JUNK})
    assert not messages(make(plain, '--keep-junk'))
    assert files_of(out) == set(PLAIN) | set(JUNK)


def test_what_zarr_could_read_is_kept(plain, out, make):
    write(plain, {n: GROUP if 'zarr.json' in n else '{}' for n in NODES})
    write(plain, {'._x/._y': 'x', '__MACOSX/.DS_Store': 'x'})
    said = make(plain)
    assert files_of(out) == set(PLAIN) | set(NODES)
    assert 'left out 2 items of junk (1 .DS_Store, 1 ._*)' in said


def test_many_chunks_are_no_junk(plain, out, make):
    """Keys of every encoding, the longest numbers among them."""
    keys = [
        'c', '0', 'c/0', 'c.0.0', '0.0', '9' * 200, 'c/' + '1/' * 40 + '2', '18446744073709551615.1'
    ]
    write(plain, {f'k{i}/{k}': 'x' for i, k in enumerate(keys)})
    assert ' of junk ' not in make(plain)
    assert len(files_of(out)) == len(PLAIN) + len(keys)


def test_damaged_junk_is_no_loss(plain, tmp_path, out):
    write(plain, {'.DS_Store': b'JUNKJUNK', '__MACOSX/x': b'junkjunk'})
    archive = zipped(plain, tmp_path / 'in.zip')
    archive.write_bytes(archive.read_bytes().replace(b'JUNKJUNK',
                                                     b'junkJUNK').replace(b'junkjunk', b'JUNKjunk'))
    done = run('repack', '--recover', archive, out)
    assert done.returncode == 0 and b'left out 2 items of junk' in done.stderr
    assert b'lost' not in done.stderr
    assert run('repack', '--recover', '-f', '--keep-junk', archive, out).returncode == 2


def test_unpack_and_mount_leave_nothing_out(plain, tmp_path):
    write(plain, {n: 'x' for n in JUNK})
    archive = zipped(plain, tmp_path / 'in.zip')
    assert run('unpack', archive, tmp_path / 'd').returncode == 0
    assert {str(f.relative_to(tmp_path / 'd'))
            for f in (tmp_path / 'd').rglob('*')
            if f.is_file()} == set(PLAIN) | set(JUNK)
    assert all(n in run('ls', '-R', archive).stdout.decode() for n in JUNK)


def test_json_counts_it(plain, out):
    write(plain, {n: 'x' for n in JUNK})
    assert json.loads(pack(plain, out, '--json').stdout)['left_out'] == len(JUNK)


# --- files of no array ----------------------------------------------------------------------------

@pytest.mark.parametrize(
    'more,first,count',
    (({'README.md': 'x'}, 'README.md', 1),
     ({'s0/notes.txt': 'x', 's0/c/9/9': 'x', 's0/c/00/0': 'x'}, 's0/c/00/0', 3),
     ({'a/b/c': 'x', 'z': 'x'}, 'a/b/c', 2),
     ({'s0/g/zarr.json': GROUP, 's0/g/0': 'x', 's0/z': 'x', 's0/c/0/1': 'x'}, 's0/g/0', 2),
     ({'s0/a/zarr.json': ARRAY, 's0/a/c/0/1': 'x', 's0/b': 'x'}, 's0/b', 1), ({
         'v2/zarr.json': dict(ARRAY, chunk_key_encoding=dict(
             name='v2', configuration=dict(separator='.'))), 'v2/0.1': 'x', 'v2/c/0/1': 'x'
     }, 'v2/c/0/1', 1)))
def test_files_of_no_array(plain, out, make, more, first, count):
    write(plain, more)
    said = make(plain).splitlines()
    assert len(said) == 1 and f"'{first}'" in said[0] and (
        '1 file is' if count == 1 else f'{count} files are') in said[0] and '(chunk-key)' in said[0]
    assert files_of(out) == set(PLAIN) | set(more)  # never dropped


@pytest.mark.parametrize('more', ({'OME/METADATA.ome.xml': '<OME/>'}, {
    's1/zarr.json': dict(ARRAY, shape=[]), 's1/x': '1'
}, {'s1/zarr.json': '{}', 's1/x': '1'}, {
    's1/zarr.json': dict(ARRAY, chunk_key_encoding=dict(name='another')), 's1/any': '1'
}, {'s0/c/0/1': 'x', 's0/c/1/0': 'x'}, {
    's1/zarr.json': dict(ARRAY, shape=[], chunk_grid=dict(
        name='regular', configuration=dict(chunk_shape=[]))), 's1/c': '1'
}))
def test_no_false_alarm(plain, out, make, more):
    """What belongs there, and what cannot be told because of its metadata."""
    write(plain, more)
    assert 'of any array' not in make(plain)


def test_owners_are_parsed_once(plain, out, make):
    """An array whose files and nested nodes alternate."""
    write(plain, {f's0/{i:03}/zarr.json': GROUP
                  for i in range(200)} | {f's0/{i:03}x': 'x'
                                          for i in range(200)})
    assert '200 files are not chunks' in make(plain)


# --- empty directories ----------------------------------------------------------------------------


@pytest.mark.parametrize('more,first,count',
                         (({'e': None}, 'e/', 1), ({'e/f': None, 's0/c/9': None}, 'e/f/', 2)))
def test_empty_directories(plain, out, make, more, first, count):
    write(plain, more)
    said = make(plain).splitlines()
    assert len(said) == 1 and f"'{first}'" in said[0] and ('1 directory is' if count == 1 else
                                                           f'{count} directories are') in said[0]
    with zipfile.ZipFile(out) as z:
        assert [n for n in z.namelist() if n.endswith('/')] == sorted(n + '/' for n in more)


def test_directories_of_junk_alone_are_empty(plain, out, make):
    write(plain, {'b/__MACOSX/c': 'x', 'd/.DS_Store': 'x'})
    assert '2 directories are empty' in make(plain)
    with zipfile.ZipFile(out) as z:
        assert {'b/', 'd/'} < set(z.namelist())
    assert 'empty' not in make(plain, '--exclude', 'b/', '--exclude', 'd/')


# --- what cannot be looked into -------------------------------------------------------------------

def test_unreadable_trash_is_left_out(no_root):
    """A trash of others cannot be listed, by nobody who reads the image."""
    import subprocess
    image = write(no_root / 'in', dict(PLAIN, **{'.Trashes/x': 'x'}))
    (image / '.Trashes').chmod(0)
    (no_root / 'out').mkdir()
    (no_root / 'out').chmod(0o777)
    user = dict(user=65534, group=65534, extra_groups=[]) if os.geteuid() == 0 else {}
    done = subprocess.run([no_root / 'ozxfs', 'pack', image, no_root / 'out' / 'o.ozx'],
                          capture_output=True, text=True, timeout=60, **user)
    assert done.returncode == 0 and '1 .Trash*/' in done.stderr
