# SPDX-License-Identifier: BSD-2-Clause
"""repack, with and without --recover, of archives whose names are no paths but mean one each, and
of archives behind a prefix."""
import json
import os
import struct
import zipfile

import pytest

from kit.trees import ARRAY, GROUP, ok, run


FILES = {
    'zarr.json': json.dumps(dict(GROUP, attributes=dict(ome=dict(version='0.5')))).encode(),
    's0/zarr.json': json.dumps(ARRAY).encode(), 's0/c/0/0': b'a' * 64, 's0/c/0/1': b'b' * 3000
}


def archive(path, names, compression=zipfile.ZIP_STORED, prefix=b''):
    """[(name as it is to stand in both headers, data)]: zipfile would normalize some of them
    itself."""
    with zipfile.ZipFile(path, 'w', compression) as z:
        for name, data in names:
            info = zipfile.ZipInfo('x')
            info.filename = name
            info.compress_type = compression
            z.writestr(info, data)
    path.write_bytes(prefix + path.read_bytes())
    return path


def named(rename, more=()):
    return [(rename(n), d) for n, d in FILES.items()] + list(more)


def held(path):
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        return {n: z.read(n) for n in z.namelist() if not n.endswith('/')}


@pytest.fixture(params=((), ('--recover',)), ids=('repack', 'recover'))
def repack(request, tmp_path):
    def repacked(source, *options):
        done = run('repack', '-f', *request.param, *options, source, tmp_path / 'out.ozx')
        done.out = tmp_path / 'out.ozx'
        return done
    return repacked


# --- names with one meaning -----------------------------------------------------------------------

NORMALIZED = {
    'dot': (lambda n: './' + n, 4), 'dots': (lambda n: '././/' + n,
                                             4), 'absolute': (lambda n: '/' + n, 4),
    'absolute_twice': (lambda n: '//' + n, 4), 'double': (lambda n: n.replace('/', '//'), 3),
    'inner_dot': (lambda n: n.replace('/', '/./'), 3), 'backslash': (lambda n: n.replace('/', '\\'),
                                                                     3),
    'backslash_dot': (lambda n: '.\\' + n.replace('/', '\\'),
                      4), 'backslash_absolute': (lambda n: '\\' + n.replace('/', '\\'), 4),
    'one_alone': (lambda n: n.replace('s0/c/0/0', 's0/c/./0/0'), 1)
}


@pytest.mark.parametrize('compression', (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
                         ids=('stored', 'deflated'))
@pytest.mark.parametrize('what', NORMALIZED)
def test_normalized(tmp_path, repack, what, compression):
    rename, count = NORMALIZED[what]
    done = repack(archive(tmp_path / 'a.zip', named(rename), compression))
    assert done.returncode == 0 and held(done.out) == FILES
    line = [x for x in done.stderr.splitlines() if 'normal form' in x]
    assert len(line) == 1 and (f' {count} names are '
                               if count > 1 else ' 1 name is ') in line[0] and '(name)' in line[0]
    assert ok('verify', done.out)


@pytest.mark.parametrize('what', NORMALIZED)
def test_normalized_of_an_archive_without_its_end(tmp_path, what):
    whole = archive(tmp_path / 'a.zip', named(NORMALIZED[what][0])).read_bytes()
    (tmp_path / 'cut.zip').write_bytes(whole[:whole.index(b'PK\1\2') + 20])
    done = run('repack', '--recover', tmp_path / 'cut.zip', tmp_path / 'out.ozx')
    assert 'normal form' in done.stderr and held(tmp_path / 'out.ozx') == FILES


@pytest.mark.parametrize('what', NORMALIZED)
def test_everything_else_refuses_them(tmp_path, what):
    """What is served or judged is as it stands: the policy's rule name."""
    path = archive(tmp_path / 'a.zip', named(NORMALIZED[what][0]))
    for verb, *more in (('info',), ('ls',), ('cat', 'zarr.json'), ('unpack', tmp_path / 'd')):
        done = run(verb, path, *more)
        assert done.returncode == 2 and '(name, at byte' in done.stderr and len(
            done.stderr.splitlines()) == 1, verb
        assert done.stderr.endswith("'ozxfs repack' writes the names in their normal form\n"), verb
    assert 'fail  name ' in run('verify', path).stdout


def test_roots_and_directories(tmp_path, repack):
    """Entries of the root itself are not needed; other directories may be there in any form, and
    twice."""
    dirs = [('./', b''), ('/', b''), ('.//', b''), ('./s0/', b''), ('s0//', b''),
            ('./empty/.//', b'')]
    done = repack(archive(tmp_path / 'a.zip', dirs + named(lambda n: './' + n)))
    assert done.returncode == 0 and held(done.out) == FILES
    with zipfile.ZipFile(done.out) as z:
        assert [n for n in z.namelist() if n.endswith('/')] == ['empty/']


def test_directories_of_windows(tmp_path, repack):
    done = repack(
        archive(tmp_path / 'a.zip', [('s0\\', b''),
                                     ('e\\', b'')] + named(lambda n: n.replace('/', '\\'))))
    assert done.returncode == 0 and held(done.out) == FILES
    with zipfile.ZipFile(done.out) as z:
        assert [n for n in z.namelist() if n.endswith('/')] == ['e/']


def test_same_name_twice_counts_as_ever(tmp_path, repack):
    """Not two names that become one: one name, of which the last entry counts."""
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        path = archive(tmp_path / 'a.zip', [('./s0/c/0/0', b'old')] + named(lambda n: './' + n))
    done = repack(path)
    assert done.returncode == 0 and 'duplicate' in done.stderr and held(done.out) == FILES


def test_subdir(tmp_path, repack):
    done = repack(archive(tmp_path / 'a.zip', named(lambda n: './top//' + n)), '--subdir', 'top')
    assert done.returncode == 0 and held(done.out) == FILES


def test_names_beyond_ascii(tmp_path, repack):
    done = repack(archive(tmp_path / 'a.zip', named(lambda n: './' + n, [('./käse/日本', b'x')])))
    assert done.returncode == 0 and held(done.out) == dict(FILES, **{'käse/日本': b'x'})


def test_cp437(tmp_path, repack):
    path = archive(tmp_path / 'a.zip', named(lambda n: './' + n, [('./k?se/c', b'x')]))
    path.write_bytes(path.read_bytes().replace(b'./k?se/c', b'./k\x84se/c'))
    done = repack(path)
    assert done.returncode == 0 and held(done.out) == dict(FILES, **{'käse/c': b'x'})


def test_local_name_must_become_the_same(tmp_path):
    path = archive(tmp_path / 'a.zip', named(lambda n: './' + n))
    data = bytearray(path.read_bytes())
    data[data.index(b'./s0/c/0/0'):][:0] = b''
    at = data.index(b'./s0/c/0/0')
    data[at:at + 10] = b'./s0/c/0/9'
    path.write_bytes(data)
    done = run('repack', path, tmp_path / 'out.ozx')
    assert done.returncode == 2 and '(local, at byte' in done.stderr and not (tmp_path /
                                                                              'out.ozx').exists()
    data[at:at + 10] = b's0//c//0/0'  # another form, but of the same
    path.write_bytes(data)
    assert run('repack', path, tmp_path / 'out.ozx').returncode == 0


# --- names without one ----------------------------------------------------------------------------

BAD = ('../x', 'a/../b', './..', '..', 'a/.', '.', './.', 'a/./.', 'x' * 256,
       './' + 'y/' * 2050 + 'z', './a\x01b', './a\x7fb', './a\x00b', 'a//\\b')
BAD_WINDOWS = ('C:\\x', 'c:x', '\\\\host\\share\\x', '..\\x', 'a\\..\\b', 'a\\.', 'a\\b:\x02')


def bytewise(path, name):
    """zipfile cuts a name at its NUL."""
    marked = name.replace('\0', '\1')
    archive(path, named(lambda n: './' + n, [(marked, b'x')]))
    if '\0' in name:
        path.write_bytes(path.read_bytes().replace(marked.encode(), name.encode()))
    return path


@pytest.mark.parametrize('name', BAD)
def test_refused(tmp_path, name):
    done = run('repack', bytewise(tmp_path / 'a.zip', name), tmp_path / 'out.ozx')
    assert done.returncode == 2 and '(name, at byte' in done.stderr and len(
        done.stderr.splitlines()) == 1 and not (tmp_path / 'out.ozx').exists()


@pytest.mark.parametrize('name', BAD)
def test_recover_loses_what_has_no_normal_form(tmp_path, name):
    """Never written under another name; the rest is recovered."""
    done = run('repack', '--recover', bytewise(tmp_path / 'a.zip', name), tmp_path / 'out.ozx')
    assert done.returncode == 2
    if (tmp_path / 'out.ozx').exists():
        assert held(tmp_path / 'out.ozx') == FILES and 'lost' in done.stderr


@pytest.mark.parametrize('name', BAD_WINDOWS)
def test_refused_of_windows(tmp_path, name):
    path = archive(tmp_path / 'a.zip', named(lambda n: n.replace('/', '\\'), [(name, b'x')]))
    done = run('repack', path, tmp_path / 'out.ozx')
    assert done.returncode == 2 and '(name, at byte' in done.stderr and not (tmp_path /
                                                                             'out.ozx').exists()
    run('repack', '--recover', path, tmp_path / 'out.ozx')
    assert not (tmp_path / 'out.ozx').exists() or held(tmp_path / 'out.ozx') == FILES


def test_mixed_separators(tmp_path, repack):
    """Where one name has a '/', nobody knows what a '\\' is."""
    done = repack(archive(tmp_path / 'a.zip', named(lambda n: n, [('s0\\c\\1\\0', b'x')])))
    assert done.returncode == 2 and 'a backslash' in done.stderr
    assert not done.out.exists() or ('lost' in done.stderr and held(done.out) == FILES)


def test_mixed_separators_without_an_end(tmp_path):
    """Then only those entries are lost."""
    whole = archive(tmp_path / 'a.zip', named(lambda n: './' + n,
                                              [('s0\\c\\1\\0', b'x')])).read_bytes()
    (tmp_path / 'cut.zip').write_bytes(whole[:whole.index(b'PK\1\2') + 4])
    done = run('repack', '--recover', tmp_path / 'cut.zip', tmp_path / 'out.ozx')
    assert done.returncode == 2 and 'has a backslash' in done.stderr and held(
        tmp_path / 'out.ozx') == FILES


@pytest.mark.parametrize('pair',
                         (('./a', 'a'), ('/a', './a'), ('b/c', 'b//c'), ('./b/c', '/b/./c')))
def test_two_that_become_one(tmp_path, repack, pair):
    done = repack(archive(tmp_path / 'a.zip', named(lambda n: n, [(n, b'x') for n in pair])))
    assert done.returncode == 2 and not done.out.exists()
    line = done.stderr.splitlines()[-1]
    assert all(f"'{n}'" in line for n in pair) and 'both' in line


def test_a_file_that_becomes_a_directory(tmp_path, repack):
    done = repack(archive(tmp_path / 'a.zip', named(lambda n: n, [('./a', b'x'), ('a/b', b'y')])))
    assert done.returncode == 2 and '(conflict' in done.stderr and not done.out.exists()


# --- prefixes -------------------------------------------------------------------------------------

def prefixed(tmp_path, kind, prefix):
    if kind == 'zip64':
        source = archive(tmp_path / 'in.zip', named(lambda n: n))
        ok('repack', '-q', source, tmp_path / 'p.ozx')
        (tmp_path / 'a.zip').write_bytes(prefix + (tmp_path / 'p.ozx').read_bytes())
    else:
        archive(tmp_path / 'a.zip', named(lambda n: n), prefix=prefix)
    return tmp_path / 'a.zip'


PREFIXES = {
    'byte': b'#', 'script': b'#!/bin/sh\nexec unzip "$0"\n', 'large': bytes(200_000),
    'looks_like_an_end': b'PK\5\6' + bytes(18) + b'x' * 70_000
}


def stand_of(stub):
    return '1 byte before the archive' if len(
        stub) == 1 else f'{len(stub)} bytes before the archive'


@pytest.mark.parametrize('prefix', PREFIXES)
@pytest.mark.parametrize('kind', ('plain', 'zip64'))
def test_prefix(tmp_path, repack, kind, prefix):
    stub = PREFIXES[prefix]
    path = prefixed(tmp_path, kind, stub)
    for verb in ('info', 'ls'):
        done = run(verb, path)
        assert done.returncode == 2 and stand_of(
            stub) in done.stderr and 'self-extracting' in done.stderr, done.stderr
        assert 'repack' in done.stderr and len(done.stderr.splitlines()) == 1
    verdict = run('verify', path)
    assert verdict.returncode == 2 and stand_of(stub) in verdict.stdout
    done = repack(path)
    assert done.returncode == 0 and held(done.out) == FILES and stand_of(stub) in done.stderr
    assert ok('verify', done.out)


def test_prefix_that_is_counted(tmp_path):
    """Its offsets are right, as zip -A leaves them: it is read, and named for what it is, with the
    length."""
    for stub, words in ((b'#', '1 byte'), (bytes(5000), '5000 bytes')):
        (tmp_path / 'a.zip').write_bytes(stub)
        with zipfile.ZipFile(tmp_path / 'a.zip', 'a') as z:
            z.writestr('zarr.json', '{"zarr_format":3,"node_type":"group"}')
        for verb in ('info', 'verify'):
            assert f'{words} before the first entry, as in a self-extracting archive' in run(
                verb, tmp_path / 'a.zip').stdout


@pytest.mark.parametrize('kind', ('plain', 'zip64'))
def test_prefix_and_names(tmp_path, repack, kind):
    path = archive(tmp_path / 'a.zip', named(lambda n: './' + n), prefix=b'x' * 999)
    done = repack(path)
    assert done.returncode == 0 and held(
        done.out) == FILES and '999 bytes' in done.stderr and '4 names' in done.stderr


def test_prefix_onto_itself(tmp_path):
    path = prefixed(tmp_path, 'plain', b'stub')
    before = path.read_bytes()
    done = run('repack', '-f', path, path)
    assert done.returncode == 73 and path.read_bytes() == before


@pytest.mark.parametrize('how', ('offset', 'size', 'random'))
def test_no_prefix_where_it_does_not_fit(tmp_path, how):
    """Only an archive that is whole behind it is called one."""
    path = prefixed(tmp_path, 'plain', b'x' * 500)
    data = bytearray(path.read_bytes())
    at = data.rindex(b'PK\5\6') + dict(offset=16, size=12, random=12)[how]
    value, = struct.unpack_from('<I', data, at)
    struct.pack_into('<I', data, at, value ^ (7 if how != 'random' else 0x5555))
    path.write_bytes(data)
    done = run('info', path)
    assert done.returncode == 2 and 'before the archive' not in done.stderr
    assert run('repack', path,
               tmp_path / 'out.ozx').returncode == 2 and not os.path.exists(tmp_path / 'out.ozx')
