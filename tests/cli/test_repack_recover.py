# SPDX-License-Identifier: BSD-2-Clause
"""repack --recover: of a broken archive, all that is whole and nothing that is not; every loss
said; hostile archives cost no more than others."""
import os
import random
import struct
import time
import zlib

import pytest

from kit.launch import sampled
from kit.trees import SANITIZED, contents, make_tree, ok, run

# noqa: E402  (unpack_tools makes the package known)
from corpus import RECIPES, REFUSE, Damaged, Sparse, Unreadable
from corpus.recipe import Entry, image as forged, pattern  # noqa: E402


def recover(folder, data, *options):
    """(exit status, stderr, {name: bytes} of what was written)"""
    (folder / 'a.ozx').write_bytes(data)
    (folder / 'r.ozx').unlink(missing_ok=True)
    done = run('repack', '--recover', '--ome-version', '0.5', *options, folder / 'a.ozx',
               folder / 'r.ozx')
    assert done.returncode in (0, 2), done.stderr
    assert all(
        line.startswith('ozxfs: ') and line.isprintable() for line in done.stderr.splitlines())
    assert sorted(os.listdir(folder)) in (['a.ozx'], ['a.ozx', 'r.ozx'])
    return done.returncode, done.stderr, contents(folder / 'r.ozx') if (folder /
                                                                        'r.ozx').exists() else {}


# --- broken downloads -----------------------------------------------------------------------------

@pytest.mark.parametrize('zip64', [False, True])
def test_cut_everywhere(tmp_path, zip64):
    made = forged(Entry(b'empty', b''), Entry(b'k\xc3\xa4se', pattern(40)), Entry(b'nothing/', b''),
                  Entry(b'deflated', b'x' * 5000, method=8))
    for entry in made.entries if zip64 else ():
        entry.zip64, entry.local_zip64 = ('usize', 'csize', 'offset'), ('usize', 'csize')
    whole = made.bytes()
    files = {e.name.decode(): e.data for e in made.entries}
    for cut in list(range(0, len(whole), 23 if SANITIZED else
                          7)) + [len(whole) - 1, made.directory_offset, made.directory_offset + 4]:
        status, said, found = recover(tmp_path, whole[:cut])
        assert all(files[name] == data for name, data in found.items())
        if cut > made.entries[1].offset:  # the root zarr.json and its neighbour are there
            wanted = {
                e.name.decode(): e.data
                for e, after in zip(made.entries, made.entries[1:] + [None])
                if cut >= (after.offset if after else made.directory_offset)
            }
            assert found == wanted, (cut, said)
        assert (status == 0) == (cut >= made.directory_offset + 4), (cut, said)
        assert status == 0 or 'lost: ' in said or 'nothing to recover' in said \
            or 'no-root' in said, said


def test_nothing_is_broken(tmp_path):
    made = forged()
    status, said, found = recover(tmp_path, made.bytes())
    assert status == 0 and said == '' and found == {e.name.decode(): e.data for e in made.entries}


SECOND = [
    n for n, r in RECIPES.items()
    if r.mount == REFUSE and not r.large and n.startswith(('end_in_comment_', 'end_two_',
                                                           'record_in_extensible_'))
]


@pytest.mark.parametrize('name', SECOND)
def test_second_archive(tmp_path, name):
    """What is refused because some read another archive's end: the entries from the front, and
    nothing of the other one."""
    status, said, found = recover(tmp_path, b''.join(RECIPES[name].build().parts))
    image = {e.name.decode(): e.data for e in forged().entries}
    assert status == 0 and 'two ways' in said
    assert {n: found.get(n) for n in image} == image and set(found) - set(image) <= {'trap', 'x'}


def test_round_trip(tmp_path):
    """Without its end, a packed archive comes out as it was."""
    directory = make_tree(tmp_path / 'd', 3)
    ok('pack', directory, tmp_path / 'p.ozx')
    whole = (tmp_path / 'p.ozx').read_bytes()
    end = whole.rindex(b'PK\6\6')
    (tmp_path / 'cut.ozx').write_bytes(whole[:end - 100])
    assert ok('repack', '--recover', tmp_path / 'cut.ozx', tmp_path / 'r.ozx').returncode == 0
    assert (tmp_path / 'r.ozx').read_bytes() == whole


def test_damaged_inside(tmp_path):
    """A directory that is right, and bytes that are not: the entry is lost, with its CRC."""
    made = forged(Entry(b'later', pattern(100)))
    data = bytearray(made.bytes())
    for entry in made.entries[2:4]:
        data[entry.offset + 60] ^= 4
    status, said, found = recover(tmp_path, bytes(data))
    assert status == 2 and said.count(
        'lost: ') == 2 and '(crc, at byte' in said and "'s0/c/0/0'" in said
    assert set(found) == {'zarr.json', 's0/zarr.json', 'later'}


def test_header_overwritten(tmp_path):
    """What is in the place of a header belongs to nothing; behind it, it goes on."""
    made = forged(Entry(b'later', pattern(100)))
    data = bytearray(made.bytes()[:made.directory_offset])
    data[made.entries[2].offset:made.entries[2].offset + 4] = b'JUNK'
    status, said, found = recover(tmp_path, bytes(data))
    assert status == 2 and 'there not part of any entry' in said
    assert set(found) == {'zarr.json', 's0/zarr.json', 's0/c/0/1', 'later'}


def test_no_root_left(tmp_path):
    made = forged()
    status, said, found = recover(tmp_path,
                                  made.bytes()[made.entries[1].offset:made.directory_offset])
    assert status == 2 and found == {} and 'no-root' in said


@pytest.mark.parametrize(
    'data', [b'', b'x', b'PK\3\4', b'PK\5\6' + bytes(18),
             bytes(100_000), b'PK' * 50_000],
    ids=['empty', 'letter', 'signature', 'end record', 'zeros', 'PKPK'])
def test_nothing_to_recover(tmp_path, data):
    status, said, found = recover(tmp_path, data)
    assert status == 2 and found == {}


def test_names_that_cannot_be(tmp_path):
    bad = [b'../x', b'/../x', b'a/.', b'', b'a\nb', b'a\\b', b'\xff\xfe']
    made = forged(*(Entry(name, b'x', flags=0x800) for name in bad))
    status, said, found = recover(tmp_path, made.bytes()[:made.directory_offset + 4])
    assert status == 2 and said.count('lost: ') == len(bad)
    assert set(found) == {e.name.decode() for e in made.entries[:4]}


def test_last_of_a_name(tmp_path):
    made = forged(Entry(b's0/c/0/0', b'newer'))
    _, said, found = recover(tmp_path, made.bytes()[:made.directory_offset + 4])
    assert found['s0/c/0/0'] == b'newer' and 'duplicate' in said


# --- streaming writers ----------------------------------------------------------------------------

FORMS = ['signed', 'plain', 'signed64', 'plain64']


def streamed(form, method, *more):
    made = forged(Entry(b'empty', b''), Entry(b'large', pattern(300_000)), *more)
    for entry in made.entries:
        entry.descriptor, entry.method, entry.flags = form, method, 0x808
    return made


@pytest.mark.parametrize('method', [0, 8])
@pytest.mark.parametrize('form', FORMS)
def test_descriptors(tmp_path, form, method):
    made = streamed(form, method)
    whole, files = made.bytes(), {e.name.decode(): e.data for e in made.entries}
    assert recover(tmp_path, whole[:made.directory_offset + 4])[::2] == (0, files)
    status, said, found = recover(tmp_path, whole[:made.directory_offset])
    assert status == 2 and found == files and 'more may have followed' in said
    del files['large']
    for cut in (1, 12, 100, 200_000 if not method else 30):
        status, said, found = recover(tmp_path, whole[:made.directory_offset - cut])
        assert status == 2 and found == files and 'its end is unknown' in said


def lie(data, form, crc=None):
    """A descriptor in the middle of data that states the distance to itself, and a record behind
    it."""
    size = len(data)
    crc = zlib.crc32(data) ^ 1 if crc is None else crc
    return ((b'PK\7\x08' if 'signed' in form else b'') + struct.pack('<I', crc) +
            (struct.pack('<QQ', size, size) if '64' in form else struct.pack('<II', size, size)) +
            b'PK\3\4')


@pytest.mark.parametrize('form', FORMS)
def test_descriptor_in_the_data(tmp_path, form):
    """Right in all but the CRC: the true one is found behind it."""
    data = pattern(500)
    for other in FORMS:
        data += lie(data, other) + pattern(70)
    made = streamed(form, 0, Entry(b'with lies', data))
    status, said, found = recover(tmp_path, made.bytes()[:made.directory_offset + 4])
    assert status == 0 and found['with lies'] == data, said


def test_archive_in_the_data(tmp_path):
    """The inner entries do not come out, whether the outer one is whole or not."""
    inner = streamed('signed', 0, Entry(b'inner', b'inner'))
    made = forged(Entry(b'outer', inner.bytes(), descriptor='signed'))
    whole = made.bytes()
    assert 'inner' not in recover(tmp_path, whole[:made.directory_offset + 4])[2]
    for cut in (1, 50, len(inner.bytes()) // 2):
        status, said, found = recover(tmp_path, whole[:made.directory_offset - cut])
        assert status == 2 and set(found) == {'zarr.json', 's0/zarr.json', 's0/c/0/0', 's0/c/0/1'
                                              }, said


# --- hostile --------------------------------------------------------------------------------------

@pytest.mark.parametrize('name', sampled((r.name for r in RECIPES.values() if not r.large), 2))
def test_recipe(name, tmp_path):
    """Any forged archive: right bytes or none. What a mount serves right is not lost."""
    recipe = RECIPES[name]
    made = recipe.build()
    data = b''.join(bytes(p) if isinstance(p, int) else p for p in made.parts)
    status, said, found = recover(tmp_path, data, '-q')
    if recipe.mount == REFUSE or recipe.id in ('nested', 'no-root', 'changed'):
        return
    for path, content in made.view.items():
        if content is None or isinstance(content, (Unreadable, Damaged)) or recipe.id == 'crc':
            continue
        if found:
            assert found[path.decode()] == (content.read(0, len(content)) if isinstance(
                content, Sparse) else content), said
    assert (
        status == 0) == (not any(isinstance(c, (Unreadable, Damaged)) for c in made.view.values())
                         and recipe.id != 'crc'), said


def header(name, size, extra=b'', flags=0x800):
    return struct.pack('<IHHHHHIIIHH', 0x04034B50, 20, flags, 0, 0, 0, 0, size, size, len(name),
                       len(extra)) + name + extra


HOSTILE = {
    'headers that claim too much': lambda n: b'JUNK' + header(b'a', 2**31) * (n // 31),
    'names that overlap': lambda n: b'JUNK' + (b'PK\3\4\x14\0' + bytes(20) + b'\xff\xff\xff\xff') *
    (n // 30),
    'extra fields that overlap': lambda n: b'JUNK' +
    (header(b'a', 0xFFFFFFFF)[:28] + b'\xff\xffa\0\0\0\0') * (n // 35),
    'signatures only': lambda n: b'JUNK' + b'PK\3\4' * (n // 4),
    'descriptors that lie': lambda n: header(b'zarr.json', 0, flags=0x808) + b''.join(
        b'PK\7\x08' + struct.pack('<III', 1, at, at) + b'PK\3\4' for at in range(0, n, 20)),
    'descriptors in front of records': lambda n: header(b'zarr.json', 0, flags=0x808) + b''.join(
        struct.pack('<III', 1, at, at) + b'PK\1\2' for at in range(0, n, 16)),
    'central headers': lambda n: b'JUNK' + b'PK\1\2' * (n // 4),
    'tiny entries': lambda n: b''.join(header(b'%d' % i, 0) for i in range(n // 36)),
    'directories below each other': lambda n: b''.join(
        header(b'd/' * 2000 + b'%d/' % i, 0) for i in range(n // 4050)),
}


@pytest.mark.parametrize('kind', HOSTILE)
def test_time_is_linear(tmp_path, kind):
    """Eight MiB made to be slow are read in seconds."""
    data = HOSTILE[kind]((1 if SANITIZED else 8) << 20)
    before = time.monotonic()
    status, said, found = recover(tmp_path, data, '-q')
    assert status == 2 and time.monotonic() - before < 20
    assert len(said) < len(data) + 10_000


def test_mutations(tmp_path):
    """Bytes changed at random behind the root's metadata: what comes out is what the original
    holds, or belongs to no name of it."""
    made = streamed('signed', 0)
    whole, files = made.bytes()[:made.directory_offset +
                                30], {e.name.decode(): e.data
                                      for e in made.entries}
    dice = random.Random(5)
    for _ in range(20 if SANITIZED else 80):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data)) if dice.random() <
                 0.3 else dice.randrange(made.entries[-1].offset + 60)] = dice.randrange(256)
        _, said, found = recover(tmp_path, bytes(data), '-q')
        assert all(files.get(name, content) == content for name, content in found.items()), said
