# SPDX-License-Identifier: BSD-2-Clause
"""What people give in place of an archive, and what they are told then."""
import gzip
import io
import json
import os
import tarfile
import zipfile

import pytest

from kit.info import image, run, write

READING = ('info', 'ls', 'verify')


def tar(mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        archive.addfile(tarfile.TarInfo('zarr.json'), io.BytesIO())
    return out.getvalue()


KINDS = {
    'tar': (tar('w'), 'a tar archive', 'pack'), 'tar.gz': (tar('w:gz'), 'a gzip file', 'pack'),
    'gz': (gzip.compress(b'x'), 'a gzip file',
           'pack'), 'tar.bz2': (tar('w:bz2'), 'a bzip2 file',
                                'pack'), 'tar.xz': (tar('w:xz'), 'an xz file', 'pack'),
    '7z': (b'7z\xbc\xaf\x27\x1c' + bytes(30), 'a 7-Zip archive',
           'pack'), 'zst': (b'\x28\xb5\x2f\xfd' + bytes(30), 'a zstd file', 'pack'),
    'rar': (b'Rar!\x1a\x07\x00' + bytes(30), 'a RAR archive',
            'pack'), 'h5': (b'\x89HDF\r\n\x1a\n' + bytes(100), 'an HDF5 file', 'convert'),
    'h5 behind a block': (bytes(512) + b'\x89HDF\r\n\x1a\n', 'an HDF5 file',
                          'convert'), 'tif': (b'II*\0' + bytes(100), 'a TIFF file', 'convert'),
    'big-endian tif': (b'MM\0*' + bytes(100), 'a TIFF file',
                       'convert'), 'btf': (b'II+\0' + bytes(100), 'a TIFF file', 'convert'),
    'czi': (b'ZISRAWFILE' + bytes(100), 'a CZI file',
            'convert'), 'nd2': (b'\xda\xce\xbe\x0a' + bytes(100), 'an ND2 file',
                                'convert'), 'png': (b'\x89PNG\r\n\x1a\n', 'a PNG file', 'convert'),
    'html': (b'\n <!DOCTYPE html><html>', 'an HTML page',
             'again'), 'HTML': (b'\xef\xbb\xbf<HTML>', 'an HTML page', 'again'),
    'xml': (b'<?xml version="1.0"?><Error>', 'an XML text',
            'again'), 'zarr.json': (json.dumps({'zarr_format': 3}).encode(), 'a JSON text', 'pack'),
    'lfs': (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\n', 'a Git LFS pointer',
            'git lfs pull')
}


@pytest.mark.parametrize('verb', READING)
@pytest.mark.parametrize('kind', KINDS)
def test_named_by_its_first_bytes(tmp_path, kind, verb):
    data, name, hint = KINDS[kind]
    path = tmp_path / 'x.ozx'
    path.write_bytes(data)
    done = run(verb, path)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and f'this is {name}' in said and hint in said, said
    assert verb == 'verify' or (len(done.stderr.splitlines()) == 1
                                and f'(no-end, at byte {len(data)})' in said)


def test_cut_off(tmp_path):
    path = write(tmp_path / 'x.ozx', image())
    os.truncate(path, path.stat().st_size - 200)
    assert 'a ZIP archive whose end is missing' in run('info', path).stderr and '--recover' in run(
        'info', path).stderr


@pytest.mark.parametrize('data', [
    b'P', b'PK', b'hello\n',
    bytes(1000), b'\x1f', b'II*', b'\xef\xbb\xbf', b' ' * 600, b'\x80\xff\x01'
])
def test_unknown_is_said_as_before(tmp_path, data):
    (tmp_path / 'x.ozx').write_bytes(data)
    assert 'not a ZIP archive, or its end is missing' in run('info', tmp_path / 'x.ozx').stderr


def test_two_ends_are_not_explained_away(tmp_path):
    """The other reason for the same rule."""
    path = write(tmp_path / 'x.ozx', {'zarr.json': b'{}'}, comment=b'')
    whole = path.read_bytes()
    end = whole[-22:]
    path.write_bytes(whole[:-2] + b'\x16\x00' + end)
    assert 'two end records' in run('info', path).stderr


@pytest.mark.parametrize('verb', ('info', 'ls', 'cat', 'verify', 'unpack', 'repack'))
def test_a_directory(tmp_path, verb):
    more = {'cat': ['zarr.json'], 'unpack': [tmp_path / 'u'],
            'repack': [tmp_path / 'r.ozx']}.get(verb, [])
    (tmp_path / 'd').mkdir()
    done = run(verb, tmp_path / 'd', *more)
    assert done.returncode == 66 and done.stderr.endswith('is a directory: give a .ozx file\n')
    for name in ('zarr.json', '.zgroup', '.zarray', '.zattrs'):
        (tmp_path / 'd' / name).write_text('{}')
        done = run(verb, tmp_path / 'd', *more)
        assert done.returncode == 66
        assert ("is a directory with Zarr in it, not an archive: readers open it as it is; "
                "'ozxfs pack'") in done.stderr
        (tmp_path / 'd' / name).unlink()


@pytest.mark.parametrize(
    'url', ['ftp://example.org/x.ozx', 'FILE:///x.ozx', 'gs://x'])
def test_a_url(url, tmp_path):
    done = run('info', url, cwd=tmp_path)
    assert done.returncode == 66 and len(done.stderr.splitlines()) == 1 and ('URL' in done.stderr
                                                                             or 'http' in url)


def test_a_file_that_is_called_like_a_url(tmp_path):
    for name in ('gs:', 's3:'):
        (tmp_path / name).mkdir()
        write(tmp_path / name / 'x.ozx', image())
    assert run('info', 'gs://x.ozx', cwd=tmp_path).returncode == 0
    assert run('info', './s3://x.ozx', cwd=tmp_path).returncode == 0


def test_all_below_one_folder(tmp_path):
    path = write(tmp_path / 'x.ozx', {'top/' + name: data for name, data in image().items()})
    repack = "folder: 'ozxfs repack' makes an .ozx of it, with --subdir top"
    for done, hint in ((run('info', path), repack), (run('unpack', path, tmp_path / 'u'),
                                                     'folder: give it with --subdir top')):
        said = done.stdout + done.stderr
        assert hint in said and '-o subdir' not in said, said
    done = run('unpack', '--subdir', 'nope', path, tmp_path / 'v')
    assert done.returncode == 66 and "'ozxfs ls -R'" in done.stderr


@pytest.mark.parametrize('typed', ['image.ozx', './x.OZX', '/data/y.zip'])
def test_the_verb_is_missing(typed):
    done = run(typed)
    assert (done.returncode, done.stdout, len(
        done.stderr.splitlines())) == (64, '', 1) and 'a verb is missing' in done.stderr


def test_of_zip(tmp_path):
    """What the magic must not be asked about: an archive."""
    with zipfile.ZipFile(tmp_path / 'x.ozx', 'w') as archive:
        archive.writestr('f.tar', KINDS['tar'][0])
    assert run('ls', tmp_path / 'x.ozx').stdout == 'f.tar\n'


@pytest.mark.parametrize('verb', (('info',), ('ls',), ('verify',), ('cat', '-', 'zarr.json'),
                                  ('unpack', '-', 'x')), ids=lambda verb: verb[0])
def test_standard_input(verb):
    done = run(*(verb if '-' in verb else (*verb, '-')))
    assert done.returncode == 66 and not done.stdout
    assert "-: an archive cannot be read from standard input" in done.stderr
    assert './-' in done.stderr


def test_unpack_to_standard_output(tmp_path):
    done = run('unpack', 'x.ozx', '-', cwd=tmp_path)
    assert done.returncode == 64 and "'ozxfs cat' writes files there" in done.stderr
    assert not list(tmp_path.iterdir())
