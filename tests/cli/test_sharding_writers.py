# SPDX-License-Identifier: BSD-2-Clause
"""Shards as zarr-python and tensorstore write them, with codecs behind, shards inside and the index
at either end: `verify` finds nothing wrong, and an index that is spoiled is found wherever it can
be seen; `info` tells all codecs and the innermost chunks."""
import pytest

from kit.verify import rules_of, told_of, verify

from kit.info import group, info, info_text, multiscale, write

numpy = pytest.importorskip('numpy')
zarr = pytest.importorskip('zarr')
codecs = pytest.importorskip('zarr.codecs')

PIXELS = numpy.arange(64 * 64, dtype='uint16').reshape(64, 64)
SHARDS = (32, 32)
SPOILED, HIDDEN = True, False  # what becomes of an index with a wrong bit


def sharding(chunks=(16, 16), inner=None, **more):
    return codecs.ShardingCodec(chunk_shape=chunks, codecs=inner
                                or [codecs.BytesCodec(), codecs.ZstdCodec()], **more)


BEHIND = {
    'zstd': codecs.ZstdCodec, 'gzip': codecs.GzipCodec, 'blosc': codecs.BloscCodec,
    'crc32c': codecs.Crc32cCodec
}
LAYOUTS = {  # (serializer, compressors, filters, can the index be seen, the line that info has)
    'plain': (sharding(), (), (), SPOILED, 'chunks 16 x 16 in shards 32 x 32; bytes, zstd(0)'),
    'start': (sharding(index_location='start'), (), (), SPOILED,
              'chunks 16 x 16 in shards 32 x 32; bytes, zstd(0)'),
    'default-compressor': (sharding(), 'auto', (), HIDDEN,
                           'shards 32 x 32; sharding_indexed(bytes, zstd(0)), zstd(0)'),
    'transposed': (sharding((16, 8)), (), [codecs.TransposeCodec(order=(1, 0))], SPOILED,
                   'transpose, sharding_indexed(bytes, zstd(0))'),
    'no-crc': (sharding(index_codecs=[codecs.BytesCodec()]), (), (), HIDDEN, 'bytes, zstd(0)'),
    'big-endian': (sharding(index_codecs=[codecs.BytesCodec(endian='big'), codecs.Crc32cCodec()]),
                   (), (), SPOILED, 'bytes, zstd(0)'),
    'nested': (sharding(inner=[sharding((8, 8))]), (), (), SPOILED,
               'chunks 8 x 8 in shards 16 x 16 in shards 32 x 32; bytes, zstd(0)'),
    'nested-gzip': (sharding(inner=[sharding((8, 8)), codecs.GzipCodec()]), (), (), SPOILED,
                    'chunks 8 x 8 in shards 16 x 16 in shards 32 x 32; '
                    'sharding_indexed(bytes, zstd(0)), gzip(5)'),
    'nested-crc32c': (sharding(inner=[sharding((8, 8)), codecs.Crc32cCodec()]), (), (), SPOILED,
                      'sharding_indexed(bytes, zstd(0)), crc32c'),
    'nested-start': (sharding(inner=[sharding((8, 8), index_location='start')],
                              index_location='start'), (), (), SPOILED, 'chunks 8 x 8'),
    **{'behind-' + name: (sharding(), [codec()], (), name == 'crc32c',
                          'sharding_indexed(bytes, zstd(0)), ' + name)
       for name, codec in BEHIND.items()},
    **{'start-behind-' + name: (sharding(index_location='start'), [codec()], (),
                                name == 'crc32c', name)
       for name, codec in BEHIND.items()},
}


def made(tmp_path, layout, pixels=PIXELS):
    """{name: bytes} of an image of that layout."""
    serializer, compressors, filters = LAYOUTS[layout][:3]
    array = zarr.create_array(tmp_path / 's', name='s0', shape=pixels.shape, chunks=SHARDS,
                              dtype='uint16', serializer=serializer, compressors=compressors,
                              filters=filters or None, fill_value=0)
    array[...] = pixels
    assert (zarr.open_array(tmp_path / 's' / 's0', mode='r')[...] == pixels).all()
    files = {
        p.relative_to(tmp_path / 's').as_posix(): p.read_bytes()
        for p in (tmp_path / 's' / 's0').rglob('*')
        if p.is_file()
    }
    return {'zarr.json': group(multiscales=[multiscale(['s0'])]), **files}


def index_findings(path):
    rule = rules_of(verify(path)[1])['shard-index']
    return rule['count'], rule['note']


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('layout', LAYOUTS)
def test_nothing_is_wrong(tmp_path, layout):
    sparse = PIXELS.copy()
    sparse[:40, :40] = 0  # a shard that is not there, and inner chunks
    for name, pixels in (('full', PIXELS), ('sparse', sparse)):
        path = write(tmp_path / (name + '.ozx'), made(tmp_path / name, layout, pixels))
        assert set(told_of(verify(path)[1])) <= {'zip64'}
        assert LAYOUTS[layout][4] in info_text(path)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('layout', [n for n in LAYOUTS if n != 'no-crc'])
def test_a_spoiled_index_is_found_or_noted(tmp_path, layout):
    files = made(tmp_path, layout)
    seen = LAYOUTS[layout][3]
    data = bytearray(files['s0/c/1/1'])
    data[3 if 'start' in layout else -13] ^= 1
    path = write(tmp_path / 'x.ozx', {**files, 's0/c/1/1': bytes(data)})
    count, note = index_findings(path)
    assert count == (1 if seen else 0)
    assert bool(note) == (not seen or layout == 'nested-gzip')
    if note:
        assert "after the sharding hides the index ('s0/zarr.json')" in note


@pytest.mark.filterwarnings('ignore')
def test_json_tells_each_level_of_shards(tmp_path):
    level = info(write(tmp_path / 'x.ozx',
                       made(tmp_path, 'nested-gzip')))['root']['multiscales'][0]['levels'][0]
    index = {'index_codecs': ['bytes', 'crc32c'], 'index_location': 'end'}
    assert (level['chunk_shape'], level['shard_shape'], level['codecs']) == ([8, 8], [32, 32],
                                                                             ['bytes', 'zstd(0)'])
    assert level['shards'] == [{'shape': [32, 32], 'codecs': ['sharding_indexed'], **index}, {
        'shape': [16, 16], 'codecs': ['sharding_indexed', 'gzip(5)'], **index
    }]


@pytest.mark.parametrize('location', ['start', 'end'])
def test_tensorstore_shards_in_shards(tmp_path, location):
    """It refuses codecs behind the sharding."""
    tensorstore = pytest.importorskip('tensorstore')

    def chain(chunks, inner):
        return [{
            'name': 'sharding_indexed', 'configuration': {
                'chunk_shape': chunks, 'codecs': inner, 'index_location': location,
                'index_codecs': [{'name': 'bytes', 'configuration': {'endian': 'little'}},
                                 {'name': 'crc32c'}]
            }
        }]

    little = [{'name': 'bytes', 'configuration': {'endian': 'little'}}]
    store = tensorstore.open({
        'driver': 'zarr3', 'kvstore': {'driver': 'file', 'path': str(tmp_path / 's0')},
        'create': True, 'metadata': {
            'shape': [64, 64], 'data_type': 'uint16',
            'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [32, 32]}},
            'codecs': chain([16, 16], chain([8, 8], little))
        }
    }).result()
    store.write(PIXELS).result()
    files = {
        's0/' + p.relative_to(tmp_path / 's0').as_posix(): p.read_bytes()
        for p in (tmp_path / 's0').rglob('*')
        if p.is_file()
    }
    path = write(tmp_path / 'x.ozx',
                 {'zarr.json': group(multiscales=[multiscale(['s0'])]), **files})
    assert set(told_of(verify(path)[1])) <= {'zip64'}
    assert 'chunks 8 x 8 in shards 16 x 16 in shards 32 x 32' in info_text(path)
