# SPDX-License-Identifier: BSD-2-Clause
"""Stores by writers that are older than Zarr v3: ome-zarr-py, iohub and zarr-python 2, installed
(OZXFS_LONG=1) by requirements-old.txt into a virtual environment of their own, and the layout of
bioformats2raw, rebuilt. Each is converted, sharded, and made chunks again, with equal pixels."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import zarr

import stores
from conftest import metadata
from kit import launch

HERE = Path(__file__).parent
BUILD = Path(os.environ.get('OZXFS_BUILD_DIR') or HERE.parent.parent / 'build-tests/gcc').parent
REQUIREMENTS = HERE / 'requirements-old.txt'
# What the stores have: iohub states 'identity', which OME-Zarr 0.4 does not have; those of
# zarr-python are no images, and an attribute is NaN.
OWN = {'iohub': {'ome-block'}, 'zarr': {'ome-block', 'zarr-json'}}

pytestmark = pytest.mark.filterwarnings('ignore')


@pytest.fixture(scope='module')
def old_python():
    """Made once, and again when the list changes."""
    if not launch.LONG:
        pytest.skip('OZXFS_LONG=1 installs the old writers')
    venv = Path(os.environ.get('OZXFS_OLD_VENV') or BUILD / 'venv-old')
    python, mark = venv / 'bin/python', venv / 'requirements'
    if not mark.exists() or mark.read_bytes() != REQUIREMENTS.read_bytes():
        subprocess.run([sys.executable, '-m', 'venv', '--clear', venv], check=True)
        done = subprocess.run([python, '-m', 'pip', 'install', '-q', '-r', REQUIREMENTS],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            pytest.skip('the old writers cannot be installed: ' + done.stderr.strip()[-200:])
        mark.write_bytes(REQUIREMENTS.read_bytes())
    return python


def arrays_of(root):
    """{path: array}; '/' is the root itself."""
    node = zarr.open(root, mode='r', zarr_format=3)
    if isinstance(node, zarr.Array):
        return {'/': node}
    return {path: array for path, array in node.members(max_depth=None)
            if isinstance(array, zarr.Array)}


def compare(before, root, name):
    after = arrays_of(root)
    assert before.keys() == after.keys(), name
    for path, pixels in before.items():
        if pixels.dtype.kind == 'V' and after[path].shards:
            continue  # zarr-python 3.1 reads none, whoever wrote them
        found = numpy.asarray(after[path][...])
        if found.dtype.kind in 'OT':
            found = found.astype(object).astype(str)
        assert numpy.array_equal(pixels, found, equal_nan=pixels.dtype.kind in 'fcmM'), (name, path)


def judge(archive, allowed):
    found = launch.run_text('verify', '--strict', archive).stdout
    assert set(re.findall(r'^(?:warn|fail) +([a-z0-9-]+)', found, re.M)) <= allowed, found


def all_ways(source, tmp_path, before, name):
    """Converted; and sharded; and from that to chunks again."""
    verb = 'repack' if source.is_file() else 'pack'
    for how in [], ['--shard']:
        out, tree, shards = (tmp_path / kind for kind in ('out.ozx', 'tree', 'shards'))
        launch.ok(verb, '-f', '--convert', *how, '--ome-version', '0.5', source, out)
        judge(out, OWN.get(name.split('-')[0], set()) | ({'sharding'} if not how else set()))
        launch.ok('unpack', *['--chunks'] * len(how), out, tree)
        compare(before, tree, name)
        if how:
            launch.ok('unpack', out, shards)
            compare(before, shards, name)
            shutil.rmtree(shards)
        shutil.rmtree(tree)
    return out


def test_installed_writers(old_python, tmp_path):
    folder = tmp_path / 'stores'
    folder.mkdir()
    subprocess.run([old_python, HERE / 'old_writers.py', folder], check=True,
                   env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'))
    kinds, arrays = {}, 0
    for kept in sorted(folder.glob('*.npz')):
        source = kept.with_suffix('')
        before = dict(numpy.load(kept))
        assert before, source.name
        all_ways(source, tmp_path, before, source.name)
        kinds.setdefault(re.match('[a-z]+', source.name)[0], []).append(source.name)
        arrays += len(before)
    print(f'{arrays} arrays compared, of', {kind: len(names) for kind, names in kinds.items()})
    assert kinds.keys() == {'ome', 'iohub', 'zarr'} and sum(map(len, kinds.values())) >= 18


# --- bioformats2raw -------------------------------------------------------------------------------

LZ4 = dict(id='blosc', cname='lz4', clevel=5, shuffle=1, blocksize=0)


def write_image(path, dtype, seed):
    """Two levels, as bioformats2raw writes a series."""
    axes = [dict(name=n, type=t) for n, t in zip('tczyx', ('time', 'channel') + ('space', ) * 3)]
    for axis in axes[2:]:
        axis['unit'] = 'micrometer'
    scales = ([1.0, 1.0, 1.0, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0, 1.0])
    stores.group(path, dict(multiscales=[dict(
        metadata=dict(method='loci.common.image.SimpleImageScaler', version='Bio-Formats 8.0.1'),
        axes=axes, name='image', version='0.4', datasets=[
            dict(path=str(i), coordinateTransformations=[dict(scale=s, type='scale')])
            for i, s in enumerate(scales)])], omero=dict(
                channels=[dict(color='FF0000', coefficient=1, active=True, label='Channel 0',
                               window=dict(min=0.0, max=255.0, start=1.0, end=101.0),
                               family='linear', inverted=False)] * 2,
                rdefs=dict(defaultT=0, model='color', defaultZ=0))))
    before = {}
    for level, size in enumerate((16, 8)):
        shape, chunks = (1, 2, 3, size, size), (1, 1, 1, 10, 10)
        stores.write_array(path / str(level), dtype, shape, chunks, separator='/', compressor=LZ4,
                           seed=seed, skip=False)
        before[str(level)] = stores.values(dtype, shape, seed)
    return before


def write_ome(path, series):
    stores.group(path / 'OME', dict(series=series))
    (path / 'OME/METADATA.ome.xml').write_text('<OME/>')


@pytest.mark.parametrize('dtype', ['|u1', '>u2', '>f4', '<u2'])
@pytest.mark.parametrize('is_plate', [False, True])
def test_bioformats2raw(tmp_path, dtype, is_plate):
    root = tmp_path / 'store.zarr'
    series = ['A/1/0', 'A/1/1', 'B/2/0'] if is_plate else ['0', '1']
    attributes = {'bioformats2raw.layout': 3}
    if is_plate:
        attributes['plate'] = dict(
            columns=[dict(name='1'), dict(name='2')], rows=[dict(name='A'), dict(name='B')],
            name='plate', field_count=2, version='0.4',
            wells=[dict(path='A/1', rowIndex=0, columnIndex=0),
                   dict(path='B/2', rowIndex=1, columnIndex=1)],
            acquisitions=[dict(id=0, starttime=1234)])
    stores.group(root, attributes)
    write_ome(root, series)
    before = {}
    for number, path in enumerate(series):
        for level, pixels in write_image(root / path, dtype, number).items():
            before[f'{path}/{level}'] = pixels
    for well in {path.rpartition('/')[0] for path in series} - {''}:
        stores.group(root / well.split('/')[0])
        images = [dict(path=p[-1], acquisition=0) for p in series if p.startswith(well)]
        stores.group(root / well, dict(well=dict(images=images, version='0.4')))
    out = all_ways(root, tmp_path, before, 'store')
    made = metadata(out)['attributes']['ome']
    assert made['version'] == '0.5' and made['bioformats2raw.layout'] == 3
    assert metadata(out, 'OME')['attributes']['ome']['series'] == series
    assert json.loads(json.dumps(made.get('plate'))) == (
        {k: v for k, v in attributes['plate'].items() if k != 'version'} if is_plate else None)
