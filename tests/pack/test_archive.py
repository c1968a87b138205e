# SPDX-License-Identifier: BSD-2-Clause
"""What pack writes: order, headers, comment, times, alignment; checked from the bytes."""
import json
import os
import subprocess
import time

import checker
import pytest
from conftest import ARRAY, GROUP, IMAGE, messages, names, ome, pack, run, write

PLATE = {
    'zarr.json': ome(plate=dict(wells=[dict(path='A/1')])), 'A/zarr.json': GROUP,
    'A/1/zarr.json': ome(well=dict(images=[dict(path='0')])),
    'A/1/0/zarr.json': ome(multiscales=[]), 'A/1/0/s0/zarr.json': ARRAY, 'A/1/0/s0/c/0/0': b'1',
    'B/zarr.json': GROUP, 'B/2/zarr.json': ome(), 'B/2/0/zarr.json': ome(),
    'B/2/0/s0/zarr.json': ARRAY, 'B/2/0/s0/c/0/0': b'2'
}
BIOFORMATS = {
    'zarr.json': ome(**{'bioformats2raw.layout': 3}), 'OME/zarr.json': ome(series=['0', '1']),
    'OME/METADATA.ome.xml': '<OME/>', '0/zarr.json': ome(), '0/0/zarr.json': ARRAY,
    '0/0/c/0/0': b'0', '1/zarr.json': ome(), '1/0/zarr.json': ARRAY, '1/0/c/0/0': b'1'
}
ODD_NAMES = (
    'a-b', 'a/b', 'a0', 'a b', 'a/zarr.json.bak', 'a/Zarr.json', 'b/zarr.json', 'b-/zarr.json',
    'b-/x', 'b/x', 'a!/b', 'z/zarr.json/c', 'A', '~', 'é', 'e\u0301', '日本/語', 'mit Leerzeichen',
    '.zattrs', '.zgroup', '-n', "'", '"', '%s', 'c.0.0', 'x' * 255,
    'deep/' + '/'.join('d' * 20 for _ in range(60)) + '/f')
SORTING = {'zarr.json': ome(), **{n: '{}' if n.endswith('/zarr.json') else n for n in ODD_NAMES}}
EMPTY = {'zarr.json': ome(), 'none': b'', 'e': None, 'f/g/h': None, 'f/g-': b'1', 'f/g.x': None}
SIZES = (0, 1, 4095, 4096, 262000, 262143, 262144, 262145, 524288, 8 << 20, (8 << 20) + 1,
         (17 << 20) - 3)
SHAPES = dict(image=IMAGE, plate=PLATE, bioformats=BIOFORMATS, sorting=SORTING, empty=EMPTY,
              alone={'zarr.json': ome()},
              sizes={'zarr.json': ome(), **{f'c/{n}': os.urandom(n) for n in SIZES}})


@pytest.mark.parametrize('jobs', (1, 4))
@pytest.mark.parametrize('shape', SHAPES)
def test_shape(tmp_path, out, shape, jobs):
    root = write(tmp_path / 'in', SHAPES[shape])
    pack(root, out, '-j', jobs, lines=0)
    result = checker.check_tree(out, root)
    assert result['version'] == '0.5'


@pytest.mark.parametrize('shape', SHAPES)
def test_stream_is_the_same(tmp_path, out, shape):
    root = write(tmp_path / 'in', SHAPES[shape])
    pack(root, out)
    streamed = pack(root, '-', lines=0).stdout
    assert streamed == out.read_bytes()


def test_order_by_hand(tmp_path, out):
    root = write(
        tmp_path / 'in', {
            n: '{}' if n != 'zarr.json' else ome()
            for n in ('b/zarr.json', 'a/c/zarr.json', 'a/zarr.json', 'a-/zarr.json', 'foozarr.json',
                      'zarr.json', 'a/x', 'a-', 'Z')
            if n != 'a-'
        })
    pack(root, out)
    assert names(out) == [
        'zarr.json', 'a-/zarr.json', 'a/zarr.json', 'b/zarr.json', 'a/c/zarr.json', 'Z', 'a/x',
        'foozarr.json'
    ]


@pytest.mark.parametrize('shape', SHAPES)
def test_deterministic(tmp_path, out, shape):
    """Another copy, another time zone, other numbers of threads: the same bytes."""
    root = write(tmp_path / 'in', SHAPES[shape])
    other = tmp_path / 'other'
    subprocess.run(['cp', '-a', root, other], check=True)
    pack(root, out, '-j', 1, env=dict(TZ='Pacific/Kiritimati'))
    for tz, jobs, source in (('America/St_Johns', 3, other), ('UTC', 16, root)):
        second = out.with_name('second.ozx')
        pack(source, second, '-f', '-j', jobs, env=dict(TZ=tz, LC_ALL='C'))
        assert second.read_bytes() == out.read_bytes()


@pytest.mark.parametrize('mtime,stated,dos',
                         ((0, 0, 315532800), (-5, -5, 315532800), (315532799, 315532799, 315532800),
                          (1700000001, 1700000001, 1700000000), (2**31 - 1, 2**31 - 1, 2**31 - 2),
                          (2**31 + 10, 2**31 - 1, 2**31 + 10), (5000000000, 2**31 - 1, 4354819198)))
def test_times(image, out, mtime, stated, dos):
    try:
        os.utime(image / 'big.bin', (mtime, mtime))
        if int(os.stat(image / 'big.bin').st_mtime) != mtime:
            pytest.skip('this file system cannot hold that time')
    except OSError:
        pytest.skip('this file system cannot hold that time')
    pack(image, out)
    entry = next(e for e in checker.check(out)['entries'] if e['text'] == 'big.bin')
    assert entry['mtime'] == stated
    assert checker.dos_seconds(entry['time'], entry['date']) == dos


@pytest.mark.parametrize('how', ('--mtime', 'epoch', 'day', 'both', 'instant'))
def test_mtime_clamps(image, out, how):
    os.utime(image / 'foozarr.json', (1000000000, 1000000000))
    limit = 1577836800
    args, env = dict(
        zip(('--mtime', 'epoch', 'day', 'both', 'instant'),
            ((['--mtime', limit], {}), ([], dict(SOURCE_DATE_EPOCH=str(limit))),
             (['--mtime', '2020-01-01'], {}),
             (['--mtime', f'@{limit}'], dict(SOURCE_DATE_EPOCH='5')),
             (['--mtime', '2020-01-01T00:00:00Z'], {}))))[how]
    pack(image, out, *args, env=env)
    for entry in checker.check(out)['entries']:
        assert entry['mtime'] == (1000000000 if entry['text'] == 'foozarr.json' else limit)


@pytest.mark.parametrize('align', (1, 2, 4, 8, 512, 4096, 32768))
def test_align(image, out, align):
    pack(image, out, '--align', align)
    checker.check_tree(out, image, align=align)
    assert pack(image, '-', '--align', align).stdout == out.read_bytes()


@pytest.mark.parametrize('bad', ('0', '3', '65536', '-4', 'x', ''))
def test_align_refused(image, out, bad):
    pack(image, out, f'--align={bad}', code=64, lines=1)
    assert not out.exists()


# --- version --------------------------------------------------------------------------------------

def version_of(root, out, *args, **kwargs):
    done = pack(root, out, *args, **kwargs)
    return checker.check(out)['version'], '\n'.join(messages(done.stderr.decode()))


def test_version_from_root(tmp_path, out):
    assert version_of(write(tmp_path / 'in', {'zarr.json': ome('0.6')}), out) == ('0.6', '')


def test_version_override_warns(image, out):
    version, said = version_of(image, out, '--ome-version', '0.6')
    assert version == '0.6' and '0.5' in said and len(said.splitlines()) == 1


def test_version_found_below(tmp_path, out):
    root = write(tmp_path / 'in', dict(PLATE, **{'zarr.json': GROUP}))
    assert version_of(root, out) == ('0.5', '')


def test_version_breadth_first_and_disagreement(tmp_path, out):
    root = write(tmp_path / 'in',
                 {'zarr.json': GROUP, 'a/b/zarr.json': ome('0.6'), 'z/zarr.json': ome('0.5')})
    version, said = version_of(root, out, lines=1)
    assert version == '0.5' and "a/b/zarr.json" in said and '0.6' in said


@pytest.mark.parametrize('meta', (GROUP, dict(GROUP, attributes=dict(ome=dict(version=5))),
                                  dict(GROUP, attributes=[]), ome('')))
def test_version_missing(tmp_path, out, meta):
    root = write(tmp_path / 'in', {'zarr.json': meta})
    assert b'--ome-version' in pack(root, out, code=2, lines=1).stderr
    assert not os.listdir(out.parent)
    assert version_of(root, out, '--ome-version', '0.5') == ('0.5', '')


@pytest.mark.parametrize('bad', ('', ' ', 'a b', 'x' * 40, 'a\nb', '5', 'latest', 'v0.5', '0.5 ',
                                 '0.', '.5', '0.5.', '0.5x', '0,5', '0.6-', '0.5.' + '1' * 40))
def test_version_refused(image, out, bad):
    pack(image, out, '--ome-version', bad, code=64, lines=1)


@pytest.mark.parametrize('good',
                         ('0.5', '0.5.2', '1.0', '0.6.dev3', '0.6-rc.1', '1.0a2', '0.6-draft'))
def test_version_taken(image, out, good):
    assert version_of(image, out, '--ome-version', good)[0] == good


# --- what is left out -----------------------------------------------------------------------------

@pytest.mark.parametrize(
    'glob,gone', (('labels', {'labels/zarr.json', 'labels/cells/zarr.json', 'labels/cells/c/0/0'}),
                  ('labels/', {'labels/zarr.json', 'labels/cells/zarr.json', 'labels/cells/c/0/0'}),
                  ('/labels', {'labels/zarr.json', 'labels/cells/zarr.json', 'labels/cells/c/0/0'}),
                  ('*.bin', {'big.bin'}), ('s0/c/0/*', {'s0/c/0/0', 's0/c/0/1'}),
                  ('0', {'s0/c/0/0', 's0/c/0/1', 's0/c/1/0', 'labels/cells/c/0/0'}),
                  ('[fb]*', {'foozarr.json', 'big.bin'})))
def test_exclude(image, out, glob, gone):
    pack(image, out, '--exclude', glob)
    files = {n for n in names(out) if not n.endswith('/')}
    assert files == set(IMAGE) - gone


def test_exclude_several_and_spares_validation(image, out):
    os.symlink('x', image / 'link')
    os.mkfifo(image / 'pipe')
    pack(image, out, '--exclude', 'link', '--exclude=pipe', '--exclude', 'big*', lines=0)
    assert 'big.bin' not in names(out)


@pytest.mark.parametrize('glob',
                         ('nope', 'big.bin/', '/0', 'Labels', '', '/', 'labels/cell', '.DS_Store'))
def test_exclude_that_matches_nothing(image, out, glob):
    """A mistake: what was to be left out would be in the archive. Named, and nothing is written."""
    for args in ((), ('-n',)):
        said = pack(image, out, '--exclude', 'labels', '--exclude', glob, *args, code=64,
                    lines=1).stderr.decode()
        assert "'%s' matches nothing" % glob in said
    assert not out.exists()


def test_exclude_that_matches_what_is_left_out_already(image, out):
    write(image, {'__MACOSX/x': '1'})
    pack(image, out, '--exclude', 'labels', '--exclude', 'labels/cells', '--exclude', 'c',
         '--exclude', '__MACOSX/x')


def test_exclude_root_metadata(image, out):
    pack(image, out, '--exclude', '/zarr.json', code=2, lines=1)


# --- what it says ---------------------------------------------------------------------------------

def test_quiet_by_default(image, out):
    done = pack(image, out, lines=0)
    assert done.stdout == b''


def test_json(image, out):
    said = json.loads(pack(image, out, '--json', lines=0).stdout)
    assert said['files'] == len(
        IMAGE) and said['empty_directories'] == 0 and said['ome_version'] == '0.5'
    assert said['archive_bytes'] == out.stat().st_size and said['verified'] is True
    assert said['data_bytes'] == sum(os.path.getsize(image / n) for n in IMAGE)
    assert said['archive'] == str(out) and said['input'] == str(image)
    assert json.loads(pack(image, '-', '-q', '--json').stderr)['archive'] is None


def test_dry_run(image, out):
    done = pack(image, out, '--dry-run', lines=0)
    assert not os.listdir(out.parent)
    pack(image, out)
    lines = done.stdout.decode().splitlines()
    assert [line.split(None, 1)[1] for line in lines] == names(out)
    assert [int(line.split()[0])
            for line in lines] == [e['size'] for e in checker.check(out)['entries']]
    assert pack(image, '-n', lines=0).stdout == done.stdout
    assert json.loads(pack(image, '-n', '--json').stdout)['archive_bytes'] == out.stat().st_size


def test_dry_run_refuses_the_same(image, out):
    os.symlink('x', image / 'link')
    pack(image, out, '-n', code=2, lines=1)


def test_extension_warning(image, out):
    done = pack(image, out.with_suffix('.zip'), lines=1)
    assert b'.ozx' in done.stderr
    pack(image, out.with_suffix('.zip'), '-f', '-q', lines=0)


def sharded(codecs):
    return {
        'zarr.json': ome(), 's0/zarr.json': dict(ARRAY, codecs=codecs),
        **{f's0/c/{i}': b''
           for i in range(10001)}
    }


def test_sharding_hint(tmp_path, out):
    root = write(tmp_path / 'in', sharded([dict(name='bytes')]))
    done = pack(root, out, lines=1)
    assert b'sharding_indexed' in done.stderr and b"'s0'" in done.stderr and b'10001' in done.stderr
    pack(root, out, '-f', '-q', lines=0)
    pack(
        write(tmp_path / 'in',
              {'s0/zarr.json': dict(ARRAY, codecs=[dict(name='sharding_indexed')])}), out, '-f',
        lines=0)


def test_help_and_usage(image, out):
    done = run('pack', '--help')
    assert done.returncode == 0 and b'--exclude' in done.stdout and not done.stderr
    for args in ((), (image, ), (image, out, 'x'), (image, out, '--nonsense'),
                 (image, out, '-j', '0'), (image, out, '--mtime', 'soon'),
                 (image, out, '--mtime', '2026-02-30'), (image, out, '--exclude')):
        pack(*args, code=64, lines=1)
    pack(image, out, code=64, lines=1, env=dict(SOURCE_DATE_EPOCH='yesterday'))
    assert not out.exists()


def test_progress_only_on_a_terminal(tmp_path, shm):
    """On a pseudo terminal: a line that comes and goes, without colours, no escapes with NO_COLOR.
    """
    import pty
    out = shm / 'image.ozx'
    root = write(tmp_path / 'in', {'zarr.json': ome()})
    with open(root / 'hole', 'wb') as f:
        f.truncate(1 << 30)
    for env in ({}, dict(NO_COLOR='1')):
        master, slave = pty.openpty()
        done = subprocess.Popen(
            [os.environ.get('OZXFS', 'ozxfs'), 'pack', '-f',
             str(root), str(out)], stderr=slave, env=dict(os.environ, TERM='xterm', **env))
        os.close(slave)
        said = b''
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
        os.close(master)
        assert done.wait(120) == 0
        assert b'GiB' in said and b'files' in said and b'\x1b[3' not in said
        assert (b'\x1b' in said) == (not env)
        assert b'1.0 GiB' in said.splitlines()[-1] and b'in ' in said.splitlines()[-1]


def test_own_reader_sees_the_same_times(image, out):
    now = int(time.time())
    pack(image, out)
    assert all(abs(e['mtime'] - now) < 600 for e in checker.check(out)['entries'])
