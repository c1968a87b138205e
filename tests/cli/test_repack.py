# SPDX-License-Identifier: BSD-2-Clause
"""repack: what a mount shows, as pack would write it."""
import os
import resource
import shutil
import subprocess
import warnings
import zipfile

import pytest

from kit.launch import sampled
from kit.trees import GROUP, OZXFS, contents, left_beside, make_tree, messages, ok, run, tree

from corpus import EIO, RECIPES, Sparse  # noqa: E402  (unpack_tools makes the package known)
from corpus.recipe import Entry, image as forged  # noqa: E402


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    """(directory, archive)"""
    base = tmp_path_factory.mktemp('image')
    directory = make_tree(base / 'd')
    ok('pack', directory, base / 'a.ozx')
    return directory, base / 'a.ozx'


def messy(path, directory, prefix='', compression=zipfile.ZIP_DEFLATED):
    """The tree as people zip it: wrong order, directory entries, compression, something twice, no
    comment."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, 'w', compression) as archive:
        warnings.simplefilter('ignore')
        if prefix:
            archive.mkdir(prefix.rstrip('/')) if hasattr(archive, 'mkdir') else archive.writestr(
                prefix, b'')
        archive.writestr(prefix + 's0/zarr.json', b'an older one')
        for file in sorted(directory.rglob('*'), reverse=True):
            archive.write(file, prefix + str(file.relative_to(directory)))
    return path


# --- the same as pack -----------------------------------------------------------------------------


@pytest.mark.parametrize('options', [(), ('--align', '4096'), ('--align', '32768', '-j', '1'),
                                     ('-j', '16', '--no-verify')])
def test_is_what_pack_writes(image, tmp_path, options):
    directory, archive = image
    packing = [o for o in options if o != '--no-verify']
    ok('pack', *packing, directory, tmp_path / 'p.ozx')
    done = ok('repack', *options, archive, tmp_path / 'r.ozx',
              env={**os.environ, 'TZ': 'Asia/Kolkata'})
    assert not done.stdout and not messages(done.stderr)
    assert (tmp_path / 'r.ozx').read_bytes() == (tmp_path / 'p.ozx').read_bytes()
    ok('repack', tmp_path / 'r.ozx', tmp_path / 'back.ozx')
    assert (tmp_path / 'back.ozx').read_bytes() == archive.read_bytes()


def test_says_of_an_archive_what_pack_says_of_a_directory(image, tmp_path):
    """One input seam: repack used to look for `.zgroup` below descriptor -1."""
    with zipfile.ZipFile(tmp_path / 'v2.zip', 'w') as archive:
        archive.writestr('.zgroup', '{"zarr_format":2}')
        archive.writestr('0/.zarray', '{}')
    refused = run('repack', tmp_path / 'v2.zip', tmp_path / 'r.ozx')
    assert refused.returncode == 2 and 'is Zarr v2' in refused.stderr and not (tmp_path /
                                                                               'r.ozx').exists()
    refused = run('repack', '--exclude', '/zarr.json', image[1], tmp_path / 'r.ozx')
    assert refused.returncode == 2 and 'the root zarr.json was excluded' in refused.stderr and not (
        tmp_path / 'r.ozx').exists()


def test_messy(image, tmp_path):
    directory, archive = image
    done = ok('repack', messy(tmp_path / 'm.zip', directory), tmp_path / 'r.ozx')
    assert 'duplicate' in done.stderr and len(messages(done.stderr)) == 1
    assert contents(tmp_path / 'r.ozx') == contents(archive)
    with zipfile.ZipFile(tmp_path / 'r.ozx') as new, zipfile.ZipFile(archive) as packed:
        assert new.namelist() == packed.namelist() and new.comment == packed.comment
        assert all(i.compress_type == 0 and i.flag_bits == 0x800 for i in new.infolist())
    assert ok('verify', tmp_path / 'r.ozx').returncode == 0


def test_subdir(image, tmp_path):
    directory, archive = image
    messy(tmp_path / 'm.zip', directory, 'top/image.zarr/')
    done = run('repack', tmp_path / 'm.zip', tmp_path / 'r.ozx')
    assert done.returncode == 2 and '--subdir' in done.stderr and not (tmp_path / 'r.ozx').exists()
    ok('repack', '--subdir', 'top/image.zarr/', tmp_path / 'm.zip', tmp_path / 'r.ozx')
    assert contents(tmp_path / 'r.ozx') == contents(archive)


def test_deterministic(image, tmp_path):
    """Not even the archive's own mtime counts where an entry states none."""
    (tmp_path / 'a.zip').write_bytes(
        forged(change=(b's0/c/0/0',
                       dict(local={'time': 0, 'date': 0}, central={'time': 0, 'date': 0}))).bytes())
    seen = set()
    for n, (time, zone, jobs) in enumerate(
        ((1e9, 'UTC', 1), (1.5e9, 'Asia/Tokyo', 4), (1.7e9, 'America/New_York', 16))):
        os.utime(tmp_path / 'a.zip', (time, time))
        ok('repack', '-j', jobs, tmp_path / 'a.zip', tmp_path / f'{n}.ozx',
           env={**os.environ, 'TZ': zone})
        seen.add((tmp_path / f'{n}.ozx').read_bytes())
    assert len(seen) == 1
    with zipfile.ZipFile(tmp_path / '0.ozx') as archive:
        assert archive.getinfo('s0/c/0/0').date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.getinfo('s0/c/0/1').date_time == (2024, 5, 6, 7, 8, 10)


@pytest.mark.parametrize('compression', [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_large_compressed(tmp_path, compression):
    """One reader for each compressed file: several would each start at its front."""
    data = os.urandom(1000) * 6_000
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w', compression) as archive:
        archive.writestr('zarr.json', '{"attributes":{"ome":{"version":"0.6"}}}')
        for i in range(4):
            archive.writestr(f'c/{i}', data[i:])
    ok('repack', tmp_path / 'a.zip', tmp_path / 'r.ozx')
    found = contents(tmp_path / 'r.ozx')
    assert all(found[f'c/{i}'] == data[i:] for i in range(4))
    with zipfile.ZipFile(tmp_path / 'r.ozx') as archive:
        assert b'"version":"0.6"' in archive.comment


# --- the version ----------------------------------------------------------------------------------

def test_version(tmp_path):
    def write(metadata, comment):
        with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
            archive.writestr('zarr.json', metadata)
            archive.comment = comment

    def version(*options):
        ok('repack', '-f', *options, tmp_path / 'a.zip', tmp_path / 'r.ozx')
        with zipfile.ZipFile(tmp_path / 'r.ozx') as archive:
            return archive.comment

    stated = b'{"ome":{"version":"0.7"}}'
    expected = b'{"ome":{"version":"%s","zipFile":{"centralDirectory":{"jsonFirst":true}}}}'
    write('{"attributes":{"ome":{"version":"0.5"}}}', stated)
    assert version() == expected % b'0.5' and version('--ome-version', '0.9') == expected % b'0.9'
    write('{}', stated)
    assert version() == expected % b'0.7'
    write('{}', b'')
    done = run('repack', '-f', tmp_path / 'a.zip', tmp_path / 'r.ozx')
    assert done.returncode == 2 and '--ome-version' in done.stderr
    assert version('--ome-version', '0.9') == expected % b'0.9'


# --- what is refused ------------------------------------------------------------------------------

@pytest.mark.parametrize('name,rule', [(b'x/inner.OZX', 'nested'), (b'.ozx', 'nested')])
def test_nested(tmp_path, name, rule):
    (tmp_path / 'a.zip').write_bytes(forged(Entry(name, b'x')).bytes())
    done = run('repack', tmp_path / 'a.zip', tmp_path / 'r.ozx')
    assert done.returncode == 2 and rule in done.stderr and os.listdir(tmp_path) == ['a.zip']
    said = ok('repack', '-v', '--exclude', '*.[oO][zZ][xX]', tmp_path / 'a.zip',
              tmp_path / 'r.ozx').stderr
    assert 'left out: ' + name.decode() in said
    assert name.decode() not in contents(tmp_path / 'r.ozx')


def test_same_file(image, tmp_path):
    """Neither by its name, nor by another, nor with --force."""
    archive = tmp_path / 'a.ozx'
    shutil.copy(image[1], archive)
    os.link(archive, tmp_path / 'b.ozx')
    before = archive.read_bytes()
    for out in ('a.ozx', './a.ozx', 'b.ozx'):
        for force in ([], ['-f']):
            done = run('repack', *force, archive, tmp_path / out, cwd=tmp_path)
            assert done.returncode == 73 and 'is the archive being read' in done.stderr
    (tmp_path / 'c.ozx').symlink_to('a.ozx')
    assert run('repack', '-f', archive, tmp_path / 'c.ozx').returncode == 73
    assert archive.read_bytes() == before and sorted(
        os.listdir(tmp_path)) == ['a.ozx', 'b.ozx', 'c.ozx']


def test_target(image, tmp_path):
    (tmp_path / 'r.ozx').write_text('old')
    done = run('repack', image[1], tmp_path / 'r.ozx')
    assert done.returncode == 73 and (tmp_path / 'r.ozx').read_text() == 'old'
    ok('repack', '-f', image[1], tmp_path / 'r.ozx')
    assert (tmp_path / 'r.ozx').read_bytes() == image[1].read_bytes()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 ** 20, 2 ** 20))
    done = run('repack', '-f', '--align', 4096, image[1], tmp_path / 'r.ozx', preexec_fn=limit)
    assert done.returncode == 74 and (tmp_path / 'r.ozx').read_bytes() == image[1].read_bytes()
    assert os.listdir(tmp_path) == ['r.ozx']


def test_dry_run(image, tmp_path):
    listed = ok('repack', '-n', image[1]).stdout.splitlines()
    with zipfile.ZipFile(image[1]) as archive:
        assert [line[14:] for line in listed] == archive.namelist()


def test_usage(image, tmp_path):
    for arguments in ([], [image[1]], [image[1], '-'], [image[1], 'a',
                                                        'b'], ['--align', '3', image[1], 'r'],
                      ['--align', '65536', image[1],
                       'r'], ['--ome-version', '0 5', image[1],
                              'r'], ['-j', '65', image[1],
                                     'r'], ['--ome-version', 'latest', image[1],
                                            'r'], ['--exclude', 'nothing-like-it', image[1],
                                                   'r'], ['--nope', image[1], 'r'], ['--subdir']):
        done = run('repack', *arguments, cwd=tmp_path)
        assert done.returncode == 64 and len(done.stderr.splitlines()) == 1
    assert 'Usage: ozxfs repack' in ok('repack', '--help').stdout
    assert run('repack', tmp_path / 'nope.ozx', tmp_path / 'r.ozx').returncode == 66
    assert os.listdir(tmp_path) == []


# --- every archive of the policy table ------------------------------------------------------------

# what repack sets right (test_normalize.py says to what)
NORMALIZED = ('name', 'tail-fit')
METADATA = ('ome-path', 'consolidated')  # what the metadata say wrong, which repack copies as it is


@pytest.mark.parametrize('name', sampled((r.name for r in RECIPES.values() if not r.large), 4))
def test_recipe(name, tmp_path):
    """What is served and can stand in a .ozx is written as it is served, and `verify` has nothing
    to say of the result."""
    recipe = RECIPES[name]
    made = recipe.build()
    made.write(tmp_path / 'a.ozx')
    done = run('repack', '-q', '--ome-version', '0.5', tmp_path / 'a.ozx', tmp_path / 'r.ozx')
    if done.returncode:
        assert done.returncode == 2 and done.stderr and os.listdir(tmp_path) == ['a.ozx']
        assert made.view is None or recipe.mount == EIO or recipe.id in ('crc', 'no-root',
                                                                         'nested'), done.stderr
        return
    assert (recipe.mount not in (EIO, 'REFUSE')
            or recipe.id in ('changed', *NORMALIZED)) and recipe.id not in ('crc', 'nested')
    verified = run('verify', '-q', tmp_path / 'r.ozx')
    assert verified.returncode == (2 if recipe.verify == 'fail' and recipe.id in METADATA else
                                   0), verified.stdout
    if recipe.mount == 'REFUSE' and recipe.id in NORMALIZED:
        return
    wanted = {
        path.decode(): content.read(0, len(content)) if isinstance(content, Sparse) else content
        for path, content in made.view.items()
        if content is not None
    }
    found = contents(tmp_path / 'r.ozx')
    assert {n: c for n, c in found.items() if not n.endswith('/')} == wanted
    empty = {d for d in made.directories() if not any(p.startswith(d + b'/') for p in made.view)}
    assert {n for n in found if n.endswith('/')} == {d.decode() + '/' for d in empty}
    assert left_beside(tmp_path) == []


def test_unpacks_to_the_tree(image, tmp_path):
    directory, _ = image
    ok('repack', '-q', messy(tmp_path / 'm.zip', directory), tmp_path / 'r.ozx')
    ok('unpack', tmp_path / 'r.ozx', tmp_path / 'u')
    assert tree(tmp_path / 'u') == tree(directory)


def test_many_entries(tmp_path):
    """More than 65,535, and memory that does not follow the data."""
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr('zarr.json', str(GROUP).replace("'", '"'))
        for i in range(70_000):
            archive.writestr(f'c/{i // 1000}/{i % 1000}', b'%d' % i)
    ok('repack', '-q', tmp_path / 'a.zip', tmp_path / 'r.ozx')
    listed = subprocess.run([OZXFS, 'ls', '-R', tmp_path / 'r.ozx'], capture_output=True,
                            text=True).stdout
    assert listed.count('\n') >= 70_000
