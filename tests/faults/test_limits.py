# SPDX-License-Identifier: BSD-2-Clause
"""What a hostile archive may cost, in comparisons and in memory, not in time: names that collide,
that are deep, that are sorted badly or that are all the same cost n log n; a refused archive costs
little memory. (Its second: tests/mount/test_policy.py.)"""
import itertools
import math
import os
import random
import struct
import subprocess
import sys

import pytest
from corpus import RECIPES, REFUSE
from kit.faulty import OZXFS, SANITIZED

ROOT = b'{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5"}}}'
REFUSED_KIB = 64 * 1024
STEPS_PER_BYTE = 4  # comparisons for each byte of a central directory whose names are deep


def write_names(path, names):
    """An archive of empty files; returns the size of its central directory. Made by hand, as there
    are many."""
    import zlib
    with open(path, 'wb') as out:
        directory, at = [], 0
        for name in [b'zarr.json', *names]:
            data = ROOT if name == b'zarr.json' else b''
            common = struct.pack('<HHHHHIIIHH', 20, 0x800, 0, 0, 0x21, zlib.crc32(data), len(data),
                                 len(data), len(name), 0)
            out.write(b'PK\3\4' + common + name + data)
            directory.append(b'PK\1\2' + struct.pack('<H', 0x31E) + common +
                             struct.pack('<HHHII', 0, 0, 0, 0o100644 << 16, at) + name)
            at += 30 + len(name) + len(data)
        size = sum(map(len, directory))
        out.write(b''.join(directory))
        out.write(
            struct.pack('<IQHHIIQQQQ', 0x06064B50, 44, 0x31E, 45, 0, 0, len(directory),
                        len(directory), size, at))
        out.write(struct.pack('<IIQI', 0x07064B50, 0, at + size, 1))
        out.write(
            struct.pack('<IHHHHIIH', 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    return size


def colliding(count):
    """One hash for all, where a hash is h * 33 + c or h * 31 + c."""
    pairs33, pairs31 = (b'Ez', b'FY'), (b'Aa', b'BB')
    for letters in itertools.islice(itertools.product(range(2), repeat=17), count // 2):
        yield b''.join(pairs33[i] for i in letters)
        yield b''.join(pairs31[i] for i in letters)


def flat(count):
    return [b'c/%08d' % i for i in range(count)]


def pipe_organ(names):
    return names[::2] + names[1::2][::-1]


def shuffled(names):
    return random.Random(1).sample(names, len(names))


SHAPES = {
    'ascending': flat,
    'descending': lambda n: flat(n)[::-1],
    'pipe_organ': lambda n: pipe_organ(flat(n)),
    'shuffled': lambda n: shuffled(flat(n)),
    'colliding_files': lambda n: list(colliding(n)),
    'colliding_directories': lambda n: [name + b'/f' for name in colliding(n)],
    'alike_but_for_the_end': lambda n: [b'd/' + b'n' * 200 + b'%08d' % i for i in range(n)],
    'case': lambda n: shuffled([
        bytes(c ^ 0x20
              if i >> k & 1 else c for k, c in enumerate(b'abcdefghijklmnopq')) for i in range(n)
    ]),
    'all_the_same': lambda n: [b'same'] * n,
    'directory_each': lambda n: [b'%d/x/y' % i for i in range(n)],
}


def steps(faulty, path, *arguments):
    done = faulty.run('step:0:none', *arguments, path)
    assert done.returncode in (0, 1, 2), done.stderr
    return faulty.page.calls, done


@pytest.mark.parametrize('verb', ['ls', 'info', 'verify'])
@pytest.mark.parametrize('shape', SHAPES)
def test_comparisons(shape, verb, faulty, folder, figure):
    """Four times the names are four times the comparisons and a few more, and never above 12 n log
    n."""
    counts, path = {}, os.path.join(folder, 'names.ozx')
    for n in (8_000, 32_000):
        write_names(path, SHAPES[shape](n))
        counts[n] = steps(faulty, path, verb)[0]
        assert counts[n] <= 12 * n * math.log2(n), (shape, verb, counts)
    figure(
        f'{verb} {shape}: {counts[8_000]} comparisons for 8,000 names, {counts[32_000]} for 32,000',
        most_permille=max(int(1000 * c / n / math.log2(n)) for n, c in counts.items()))
    assert counts[32_000] <= 6 * counts[8_000] + 10_000, (shape, verb, counts)
    assert counts[8_000] >= 1_000 or shape in ('all_the_same', 'ascending',
                                               'descending'), 'nothing was counted'


def deep_names(entries, levels, chains):
    """`entries` files, in turn in one of `chains` directories that lie `levels` deep."""
    return [b'%d/' % (i % chains) + b'd/' * (levels - 1) + b'%d' % i for i in range(entries)]


@pytest.mark.parametrize('chains', [1, 2, 50])
def test_a_million_components(chains, faulty, folder):
    """1,000 names of 1,000 levels, in turn in so many directories: found again each time, at a cost
    in proportion to the names' bytes."""
    path = os.path.join(folder, 'names.ozx')
    size = write_names(path, deep_names(1_000, 1_000, chains))
    count, done = steps(faulty, path, 'ls', '-R')
    assert done.returncode == 0, done.stderr
    print(f'a million components in {chains} directories: {count} comparisons for {size} bytes')
    assert count <= STEPS_PER_BYTE * size


def memory_kib(*arguments):
    """(exit code, the most memory of any of its processes)"""
    code = (
        'import resource, subprocess, sys\n'
        'done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, '
        'stderr=subprocess.DEVNULL)\n'
        'print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)')
    said = subprocess.run([sys.executable, '-Ic', code, OZXFS, *arguments], capture_output=True,
                          text=True, timeout=120, check=True).stdout
    return tuple(map(int, said.split()))


@pytest.mark.skipif(SANITIZED, reason='AddressSanitizer needs more memory')
def test_memory_of_refusals(folder, figure):
    """Every archive of the corpus that is refused, whatever it claims: 64 MiB at most."""
    path, most, refused = os.path.join(folder, 'refused.ozx'), (0, ''), 0
    for recipe in RECIPES.values():
        if recipe.mount != REFUSE:
            continue
        recipe.build().write(path)
        code, kib = memory_kib('ls', path)
        assert code == 2 and kib <= REFUSED_KIB, (recipe.name, code, kib)
        most, refused = max(most, (kib, recipe.name)), refused + 1
    figure(f'{refused} refused archives: {most[0]} KiB at most ({most[1]})', refused=refused,
           most_kib=most[0])
    assert refused >= 300


@pytest.mark.skipif(SANITIZED, reason='AddressSanitizer needs more memory')
def test_memory_follows_the_directory(folder, figure):
    """A million names, then a header that is wrong: 64 MiB and 2.5 times the directory at most."""
    path = os.path.join(folder, 'names.ozx')
    size = write_names(path, [b's0/c/%d/%d' % (i // 1000, i % 1000)
                              for i in range(1_000_000)] + [b'../out'])
    code, kib = memory_kib('ls', path)
    figure(f'a million names and a bad one: {kib} KiB for a directory of {size // 1024} KiB',
           most_percent=kib * 102400 // ((64 << 20) + 5 * size // 2))
    assert code == 2 and kib * 1024 <= (64 << 20) + 2.5 * size
    os.unlink(path)
