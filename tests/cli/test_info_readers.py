# SPDX-License-Identifier: BSD-2-Clause
"""`info --json` against what other programs read from the same image: ngff-zarr, ome-zarr-models,
zarr-python."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop'))

from kit.info import info, pack_directory  # noqa: E402
from kit.verify import told_of, verify  # noqa: E402

numpy = pytest.importorskip('numpy')
zarr = pytest.importorskip('zarr')

IMAGES = [
    'image', 'image-sharded', 'channels-sharded', 'volume', 'volume-sharded', 'labels', 'image-v2',
    'volume-v2'
]


@pytest.fixture(scope='session')
def shape(tmp_path_factory):
    """shape(name): (a directory that ngff-zarr wrote, what info says of it packed); each is made
    once."""
    pytest.importorskip('ngff_zarr')
    shapes = pytest.importorskip('shapes', reason='its pictures are not here', exc_type=ImportError)
    base, made = tmp_path_factory.mktemp('shapes'), {}

    def make(name):
        if name not in made:
            directory = base / name
            shapes.SHAPES[name](directory)
            made[name] = directory, info(pack_directory(directory, base / (name + '.ozx')))
        return made[name]
    return make


def find(node, path):
    """The node of that path in the tree."""
    for child in node['children']:
        if child['path'] == path:
            return child
        found = find(child, path)
        if found:
            return found
    return None


def same_array(said, read, path):
    """A level or an array against zarr-python's."""
    assert said['problem'] is None
    assert said['shape'] == list(read.shape), path
    assert said['data_type'] == str(read.dtype), path
    assert said['chunk_shape'] == list(read.chunks), path
    assert said['shard_shape'] == (list(read.shards) if read.shards else None), path
    assert said['chunk_files'] == said_files(read), path


def said_files(read):
    """The files of chunks or shards that are there."""
    return sum(1 for p in read.store.root.joinpath(read.path).rglob('*')
               if p.is_file() and p.name not in ('zarr.json', '.zarray', '.zattrs'))


def codec_names(read):
    """Zarr v3: the codecs that chunks go through, inside shards if there are any."""
    codecs = read.metadata.to_dict()['codecs']
    for codec in codecs:
        if codec['name'] == 'sharding_indexed':
            codecs = codec['configuration']['codecs']
    return [codec['name'] for codec in codecs]


@pytest.mark.parametrize('name', IMAGES)
def test_ngff_zarr_reads_the_same(shape, name):
    import ngff_zarr
    directory, said = shape(name)
    read = ngff_zarr.from_ngff_zarr(str(directory))
    multiscale = said['root']['multiscales'][0]
    assert said['root']['kind'] == 'image'
    assert [a['name'] for a in multiscale['axes']] == list(read.images[0].dims)
    assert [a['unit'] for a in multiscale['axes']] == [(read.images[0].axes_units or {}).get(d)
                                                       for d in read.images[0].dims]
    assert len(multiscale['levels']) == len(read.images)
    for level, image in zip(multiscale['levels'], read.images):
        assert level['shape'] == list(image.data.shape)
        assert level['data_type'] == str(image.data.dtype)
        # What has no scale of its own (time, channels) ngff-zarr leaves out or gives a 1.
        assert level['scale'] == [image.scale.get(d, 1.0) for d in image.dims]
        assert level['translation'] == [image.translation.get(d, 0.0) for d in image.dims]


@pytest.mark.parametrize('name', IMAGES)
def test_zarr_python_reads_the_same(shape, name):
    directory, said = shape(name)
    for level in said['root']['multiscales'][0]['levels']:
        read = zarr.open_array(directory / level['path'], mode='r')
        same_array(level, read, level['path'])
        assert level['zarr_format'] == read.metadata.zarr_format
        if level['zarr_format'] == 3:
            assert [c.split('(')[0] for c in level['codecs']] == codec_names(read)
        files = [p for p in (directory / level['path']).rglob('*') if p.is_file()]
        assert level['bytes'] == sum(p.stat().st_size for p in files)


def test_labels(shape):
    _, said = shape('labels')
    labels = find(said['root'], 'labels')
    assert (labels['kind'], labels['labels']) == ('labels', ['nuclei'])
    nuclei = find(labels, 'labels/nuclei')
    assert (nuclei['kind'], nuclei['image_label']) == ('image', True)


def test_plate_against_models(shape):
    models = pytest.importorskip('ome_zarr_models')
    directory, said = shape('plate')
    read = models.open_ome_zarr(zarr.open_group(directory, mode='r',
                                                use_consolidated=False)).ome_attributes.plate
    plate = said['root']['plate']
    assert said['root']['kind'] == 'plate'
    assert plate['name'] == read.name
    assert plate['rows'] == [r.name for r in read.rows]
    assert plate['columns'] == [c.name for c in read.columns]
    assert [(w['path'], w['row'], w['column']) for w in plate['wells']] == sorted(
        (w.path, w.rowIndex, w.columnIndex) for w in read.wells)
    assert plate['field_count'] == read.field_count
    for well in plate['wells']:
        one = models.open_ome_zarr(
            zarr.open_group(directory / well['path'], mode='r', use_consolidated=False))
        assert well['fields'] == len(one.ome_attributes.well.images)
    assert plate['fields'] == sum(w['fields'] for w in plate['wells'])
    assert plate['wells_present'] == len(plate['wells'])
    assert [c['kind'] for c in said['root']['children']] == ['image']


def test_bioformats2raw(shape):
    _, said = shape('bioformats2raw')
    assert said['root']['kind'] == 'bioformats2raw'
    assert said['root']['bioformats2raw_layout'] == 3
    assert [(c['path'], c['kind']) for c in said['root']['children']] == [('0', 'image'),
                                                                          ('1', 'image'),
                                                                          ('OME', 'series')]
    assert find(said['root'], 'OME')['series'] == ['0', '1']


def test_collection(shape):
    _, said = shape('collection')
    assert said['root']['kind'] == 'group'
    assert find(said['root'], 'light/cell')['kind'] == 'image'
    assert find(said['root'], 'tissue ü')['kind'] == 'image'


@pytest.fixture(scope='session')
def own_image(tmp_path_factory):
    """An image with everything that info tells, its arrays written by zarr-python."""
    directory = tmp_path_factory.mktemp('own') / 'own.ome.zarr'
    root = zarr.create_group(directory, zarr_format=3)
    root.create_array('0', shape=(2, 40, 60), chunks=(1, 10, 10), shards=(2, 20, 30),
                      dtype='uint16', fill_value=7, dimension_names=['c', 'y', 'x'])[...] = 1
    root.create_array('1', shape=(2, 20, 30), chunks=(1, 10, 10), dtype='uint16', compressors=None,
                      dimension_names=['c', 'y', 'x'])[:, :10] = 1
    transforms = [[{'type': 'scale', 'scale': [1.0, 0.25 * k, 0.3 * k]},
                   {'type': 'translation', 'translation': [0, 1.5 * k, 0.1]}] for k in (1, 2)]
    root.attrs['ome'] = {
        'version': '0.5', 'multiscales': [{
            'name': 'cells', 'type': 'gaussian',
            'axes': [{'name': 'c',
                      'type': 'channel'}, {'name': 'y', 'type': 'space', 'unit': 'micrometer'},
                     {'name': 'x', 'type': 'space', 'unit': 'micrometer'}],
            'datasets': [{'path': str(k), 'coordinateTransformations': t}
                         for k, t in enumerate(transforms)],
            'coordinateTransformations': [{'type': 'scale', 'scale': [1.0, 2.0, 2.0]}]
        }], 'omero': {
            'channels': [{
                'label': 'DAPI', 'color': '0000FF', 'active': True,
                'window': {'min': 0, 'max': 9, 'start': 0, 'end': 9}
            }, {
                'label': 'GFP', 'color': '00FF00', 'active': False,
                'window': {'min': 0, 'max': 9, 'start': 0, 'end': 9}
            }]
        }
    }
    return directory, info(pack_directory(directory, directory.parent / 'own.ozx'))


def test_own_image_against_models(own_image):
    models = pytest.importorskip('ome_zarr_models')
    directory, said = own_image
    attributes = models.open_ome_zarr(zarr.open_group(directory, mode='r')).ome_attributes
    read, told = attributes.multiscales[0], said['root']['multiscales'][0]
    assert said['root']['ome_version'] == attributes.version == said['rfc9']['metadata_version']
    assert said['root']['defects'] == []
    assert (told['name'], told['type']) == (read.name, read.type)
    assert [(a['name'], a['type'], a['unit']) for a in told['axes']] == [(a.name, a.type, a.unit)
                                                                         for a in read.axes]
    all_scale = read.coordinateTransformations[0].scale
    for level, dataset in zip(told['levels'], read.datasets, strict=True):
        scale, translation = dataset.coordinateTransformations
        assert level['path'] == dataset.path
        assert level['scale'] == [a * b for a, b in zip(scale.scale, all_scale)]
        assert level['translation'] == [a * b for a, b in zip(translation.translation, all_scale)]
    keys = ('label', 'color', 'active')  # the models leave omero as it is
    assert said['root']['channels'] == [{k: c[k]
                                         for k in keys}
                                        for c in attributes.omero['channels']]


def test_own_image_against_zarr(own_image):
    directory, said = own_image
    for level in said['root']['multiscales'][0]['levels']:
        read = zarr.open_array(directory / level['path'], mode='r')
        same_array(level, read, level['path'])
        assert [c.split('(')[0] for c in level['codecs']] == codec_names(read)
        assert level['fill_value'] == str(read.fill_value)
    first, second = said['root']['multiscales'][0]['levels']
    assert first['dimension_names'] == ['c', 'y', 'x']
    assert (first['chunk_files'], first['chunk_keys']) == (4, 4)
    assert (second['chunk_files'], second['chunk_keys']) == (6, 12)


DTYPES = [
    'bool', 'int8', 'uint16', 'int64', 'uint64', 'float16', 'float32', 'float64',
    'complex64', 'complex128', 'U5', 'S5', 'V5', 'datetime64[s]', 'timedelta64[10us]',
    [('a', 'i4'), ('b', 'f8')], str
]
FILLS = {
    'float32': [numpy.nan, numpy.inf, -numpy.inf, 1e30], 'float16': [numpy.nan],
    'complex64': [complex(numpy.nan, -numpy.inf)], 'uint64': [2**64 - 1],
    'int64': [-2**63, 2**63 - 1], 'bool': [True], 'datetime64[s]': ['2020-01-01', 'NaT']
}


@pytest.mark.filterwarnings('ignore')
def test_what_zarr_python_writes_has_no_defect(tmp_path):
    """Of every data type, with its default and other fill values, and every place of a shard's
    index."""
    root = zarr.create_group(tmp_path / 'all', zarr_format=3)
    for i, dtype in enumerate(DTYPES):
        for k, fill in enumerate([None, *FILLS.get(dtype if isinstance(dtype, str) else '', [])]):
            options = {} if fill is None else {'fill_value': fill}
            root.create_array(f'{i}-{k}', shape=(4,), chunks=(4,), dtype=dtype, **options)
    said = info(pack_directory(tmp_path / 'all', tmp_path / 'all.ozx'))
    assert len(said['root']['children']) > len(DTYPES)
    assert {c['path']: c['defects'] for c in said['root']['children'] if c['defects']} == {}


@pytest.mark.parametrize('name', [
    'image', 'image-sharded', 'channels-sharded', 'volume', 'volume-sharded', 'labels', 'plate',
    'bioformats2raw', 'collection'
])
def test_verify_has_nothing_to_say_of_what_ngff_zarr_writes(shape, name):
    """But what is so: chunks without shards, no ZIP64 fields; labels that were added when the rest
    was consolidated."""
    directory, _ = shape(name)
    told = told_of(verify(directory.parent / (name + '.ozx'))[1])
    assert set(told) <= {'zip64', 'sharding', *(['consolidated'] if name == 'labels' else [])}
