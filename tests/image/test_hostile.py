# SPDX-License-Identifier: BSD-2-Clause
"""Metadata and chunks of a stranger: one clear line each, nothing written, within the memory
that is promised."""
import gzip
import json
import os
import resource
import struct
import subprocess
import zipfile
import zlib

import pytest

from kit.info import OZXFS, write
from kit.launch import LONG
from rendering import CODECS, needs_png, numpy, run

pytestmark = needs_png
ABSENT = struct.pack('<QQ', 2**64 - 1, 2**64 - 1)
BYTES = {'name': 'bytes', 'configuration': {'endian': 'little'}}
MIB = 1 << 20
OVER = 2**62


def array(shape=(4, 4), chunks=(4, 4), codecs=(BYTES,), **changes):
    return {
        'zarr_format': 3, 'node_type': 'array', 'shape': list(shape), 'data_type': 'uint16',
        'fill_value': 0, 'chunk_grid': {
            'name': 'regular', 'configuration': {'chunk_shape': list(chunks)}
        }, 'chunk_key_encoding': {'name': 'default'}, 'codecs': list(codecs), **changes
    }


def shard(chunks=(2, 2), codecs=(BYTES,), index=(BYTES,), **more):
    return {
        'name': 'sharding_indexed', 'configuration': {
            'chunk_shape': list(chunks), 'codecs': list(codecs), 'index_codecs': list(index), **more
        }
    }


def deep(levels):
    return shard((2, 2), [deep(levels - 1)] if levels else [BYTES])


def index(*records):
    return b''.join(struct.pack('<QQ', *r) for r in records) + ABSENT * (4 - len(records))


def coded(*names):
    return array(codecs=[BYTES, *({'name': n} for n in names)])


def ordered(*order, late=False):
    codecs = [{'name': 'transpose', 'configuration': {'order': list(order)}}, BYTES]
    return array(codecs=codecs[::-1] if late else codecs)


PLAIN = bytes(32)
CASES = {  # (metadata, chunk, what is said, exit status)
    'chunk-zero': (array(chunks=(0, 4)), PLAIN, 'no valid shape, chunk grid or data type', 2),
    'no-dimensions': (array((), ()), PLAIN, 'no dimensions', 69),
    'empty': (array((0, 4)), PLAIN, 'it is empty', 69),
    'rank-100': (array([1] * 100, [1] * 100), PLAIN, 'no valid shape, chunk grid or data type', 2),
    'chunk-huge': (array((4, 4), (OVER, OVER)), PLAIN, 'decodes to more than 32 MiB', 69),
    'chunk-33-mib': (array((4, 4), (4, 33 * MIB // 8)), PLAIN, 'decodes to more than 32 MiB', 69),
    'shape-huge': (array((OVER, OVER), (OVER, OVER)), PLAIN,
                   'larger than any that can be shown', 69),
    'chunk-short': (array(), bytes(31), '31 bytes where 32 belong', 2),
    'chunk-long': (array(), bytes(33), '33 bytes where 32 belong', 2),
    'chunk-empty': (array(), b'', '0 bytes where 32 belong', 2),
    'unknown-codec': (coded('lz\u0007ma'), PLAIN, "the codec 'lz\\x07ma' is not supported", 69),
    'unknown-type': (array(data_type='complex64'), PLAIN,
                     "the data type 'complex64' is not supported", 69),
    'no-codecs': (array(codecs=[]), PLAIN, 'no step from array to bytes', 2),
    'two-bytes': (array(codecs=[BYTES, BYTES]), PLAIN, 'more than one step from array to bytes', 2),
    'order-twice': (ordered(0, 0), PLAIN, 'no valid order', 2),
    'order-beyond': (ordered(0, 64), PLAIN, 'no valid order', 2),
    'order-short': (ordered(0), PLAIN, 'no valid order', 2),
    'order-late': (ordered(1, 0, late=True), PLAIN, 'no valid order', 2),
    'inner-zero': (array(codecs=[shard((0, 2))]), PLAIN, 'do not divide the shard', 2),
    'inner-odd': (array(codecs=[shard((3, 2))]), PLAIN, 'do not divide the shard', 2),
    'inner-rank': (array(codecs=[shard((2,))]), PLAIN, 'no valid chunk_shape', 2),
    'inner-huge': (array((4, 4), (OVER, OVER), [shard((1, 1))]), PLAIN,
                   'more inner chunks than can be counted', 2),
    'nested-deep': (array(codecs=[deep(30)]), PLAIN, 'nested too deep', 2),
    'index-short': (array(codecs=[shard()]), PLAIN, 'too short for its index', 2),
    'index-compressed': (array(codecs=[shard(index=[BYTES, {'name': 'gzip'}])]), PLAIN,
                         'the index of shards is compressed', 2),
    'index-crc': (array(codecs=[shard(index=[BYTES, {'name': 'crc32c'}])]), bytes(99),
                  'do not match their checksum', 2),
    'index-beyond': (array(codecs=[shard()]), bytes(8) + index((0, 99)),
                     'which the shard of 72 bytes does not hold', 2),
    'index-overflow': (array(codecs=[shard()]), bytes(8) + index((2**64 - 8, 16)),
                       'does not hold', 2),
    'index-half-absent': (array(codecs=[shard()]), bytes(8) + index((2**64 - 1, 8)),
                          'does not hold', 2),
    'gzip-none': (coded('gzip'), PLAIN, 'gzip data cannot be decoded', 2),
    'gzip-cut': (coded('gzip'), gzip.compress(PLAIN)[:-9], 'gzip data cannot be decoded', 2),
    'gzip-bomb': (coded('gzip'), gzip.compress(bytes(50 * MIB)), 'hold more than the chunk has', 2),
    'zlib-bomb': (coded('numcodecs.zlib'), zlib.compress(bytes(50 * MIB)),
                  'hold more than the chunk has', 2),
    'bomb-behind-a-shard': (array(codecs=[shard(), {'name': 'gzip'}]),
                            gzip.compress(bytes(50 * MIB)),
                            'hold more than the chunk has', 2),
    'zstd-none': (coded('zstd'), PLAIN, 'zstd data cannot be decoded', 2),
    'blosc-none': (coded('blosc'), PLAIN, 'blosc data cannot be decoded', 2),
    'blosc-blocks': (array((1, 12 * MIB), (1, 12 * MIB), [BYTES, {'name': 'blosc'}]),
                     struct.pack('<BBBBIII', 2, 1, 1, 2, 24 * MIB, 16 * MIB, 64) + bytes(48),
                     'blocks of more than 8 MiB', 2),
    'fill-none': (array(fill_value=[1]), PLAIN, 'no valid fill value', 2),
    'no-json': (b'{', PLAIN, '', 2),
}


def limited():
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


@pytest.mark.parametrize('case', CASES)
def test_one_clear_line(tmp_path, case):
    metadata, chunk, said, status = CASES[case]
    archive = write(tmp_path / 'x.ozx', {'zarr.json': metadata, 'c/0/0': chunk})
    done = subprocess.run([OZXFS, 'thumbnail', archive, tmp_path / 'x.png'], capture_output=True,
                          text=True, timeout=60, preexec_fn=limited)
    if 'not built in' in done.stderr:
        pytest.skip(done.stderr)
    assert (done.returncode, done.stdout) == (status, ''), done
    assert done.stderr.startswith('ozxfs: ') and done.stderr.count('\n') == 1, done
    assert said in done.stderr, done
    assert sorted(os.listdir(tmp_path)) == ['x.ozx']


@pytest.mark.parametrize('shape,chunks', [((2**40, 2**40), (1, 1)), ((4096, 4096), (1, 1)),
                                          ((2**40, 1), (2**20, 1)), ((1, 2**40), (1, 2**39))])
def test_all_is_fill(tmp_path, shape, chunks):
    """However large and however small its chunks: an answer soon."""
    archive = write(tmp_path / 'x.ozx', {'zarr.json': array(shape, chunks)})
    done = subprocess.run([OZXFS, 'thumbnail', archive, tmp_path / 'x.png'], capture_output=True,
                          text=True, timeout=60, preexec_fn=limited)
    assert done.returncode == 0 or 'more chunks than are read for one' in done.stderr, done


@pytest.mark.parametrize('entry', ['zarr.json', 'c/0/0'])
@pytest.mark.parametrize('compressed', [False, True], ids=['stored', 'deflated'])
def test_damaged(tmp_path, entry, compressed):
    """A byte that is wrong is no picture: not even one without a codec that notices."""
    archive = tmp_path / 'x.ozx'
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(archive, 'w', method) as made:
        made.writestr('zarr.json', json.dumps(array((9, 9), (16, 16))))
        made.writestr('c/0/0', bytes(512))
    with zipfile.ZipFile(archive) as made:
        crc = struct.pack('<I', made.getinfo(entry).CRC)
    archive.write_bytes(archive.read_bytes().replace(crc, b'abcd'))
    done = run('thumbnail', archive, tmp_path / 'x.png')
    assert done.returncode == 2 and done.stderr.count('\n') == 1
    assert f"entry '{entry}': CRC-32 mismatch" in done.stderr
    assert os.listdir(tmp_path) == ['x.ozx']


@pytest.mark.skipif(not LONG, reason='two minutes')
def test_of_millions_of_entries(tmp_path):
    """The list of them is not counted as memory for decoding."""
    with zipfile.ZipFile(tmp_path / 'x.ozx', 'w') as file:
        file.writestr('zarr.json', json.dumps(array()))
        file.writestr('c/0/0', PLAIN)
        for number in range(2500000):
            file.writestr('a/%d/%d' % divmod(number, 1000), b'')
    assert run('thumbnail', tmp_path / 'x.ozx', tmp_path / 'x.png').returncode == 0


def test_memory_is_bounded(tmp_path):
    """The largest chunk, twice encoded, into the largest picture."""
    data = numpy.random.default_rng(1).integers(0, 256, (4096, 4096), dtype='uint16')
    codecs = [BYTES, {'name': 'gzip'}, {'name': 'crc32c'}]
    encoded = gzip.compress(data.tobytes(), 1)
    google = pytest.importorskip('google_crc32c')
    encoded += struct.pack('<I', google.value(encoded))
    archive = write(tmp_path / 'x.ozx',
                    {'zarr.json': array((4096, 4096), (4096, 4096), codecs), 'c/0/0': encoded})
    if 'gzip' not in CODECS:
        pytest.skip('built without zlib')
    if os.environ.get('OZXFS_SANITIZED') == '1':
        pytest.skip('a sanitizer takes memory of its own')
    code = ('import resource, subprocess, sys; s = subprocess.run(sys.argv[1:]).returncode; '
            'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(s)')
    done = run_python(code, OZXFS, 'thumbnail', '-s', '1024', archive, tmp_path / 'x.png')
    assert done.returncode == 0, done
    assert int(done.stdout) <= 128 * 1024, done


def run_python(code, *arguments):
    import sys
    return subprocess.run([sys.executable, '-c', code, *map(str, arguments)], capture_output=True,
                          text=True, timeout=60)


def test_metadata_of_the_group(tmp_path):
    """What the levels of an image are said to be is believed of nobody."""
    def group(path, **more):
        return {
            'zarr_format': 3, 'node_type': 'group', 'attributes': {
                'ome': {
                    'version': '0.5', **more, 'multiscales': [{
                        'axes': [{'name': n, 'type': 'space'} for n in 'yx'], 'datasets': [{
                            'path': path,
                            'coordinateTransformations': [{'type': 'scale', 'scale': [1, 1]}]
                        }]
                    }]
                }
            }
        }

    for path, said in (('none', 'is missing'), ('../x', 'is missing'), ('.', 'it is a group'),
                       ('a\u001b', 'is missing')):
        archive = write(tmp_path / 'x.ozx', {'zarr.json': group(path), '0/zarr.json': array()})
        done = run('thumbnail', archive, tmp_path / 'x.png')
        assert done.returncode in (2, 66) and said in done.stderr, (path, done)
        assert '\u001b' not in done.stderr, (path, done)
    archive = write(tmp_path / 'x.ozx',
                    {'zarr.json': json.dumps({'zarr_format': 3, 'node_type': 'group'})})
    done = run('thumbnail', archive, tmp_path / 'x.png')
    assert done.returncode == 66 and 'holds no image' in done.stderr, done
