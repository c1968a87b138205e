# SPDX-License-Identifier: BSD-2-Clause
"""Run by the Python of requirements-old.txt: old_writers.py FOLDER writes stores into it as the
real writers of OME-Zarr 0.1 to 0.4 do, and beside each, as NAME.npz, what zarr-python 2 reads of
it. Knows nothing of ozxfs."""
import itertools
import sys
import warnings
from pathlib import Path

import numpy
import zarr

warnings.simplefilter('ignore')

SHAPES = {'tczyx': (2, 2, 3, 40, 50), 'czyx': (2, 3, 40, 50), 'zyx': (5, 40, 50), 'yx': (40, 50)}


def pixels(shape, dtype='u2', seed=1):
    count = int(numpy.prod(shape, dtype=int))
    numbers = (numpy.arange(count, dtype='i8') * 37 + seed) % 251 + 1
    return numbers.reshape(shape).astype(dtype)


def keep(folder, name, store=None):
    """What zarr-python 2 reads of the store."""
    group = zarr.open(str(store or folder / name), mode='r')
    arrays = {'': group} if isinstance(group, zarr.Array) else {}

    def visit(path, node):
        if isinstance(node, zarr.Array):
            arrays[path] = node

    if not arrays:
        group.visititems(visit)
    read = {path or '/': node[...] for path, node in arrays.items()}
    numpy.savez(folder / (name + '.npz'), **{
        path: data.astype(str) if data.dtype.kind == 'O' else data for path, data in read.items()})


# --- ome-zarr-py ----------------------------------------------------------------------------------


def by_ome_zarr(folder):
    from ome_zarr import format as formats
    from ome_zarr.io import parse_url
    from ome_zarr.scale import Scaler
    from ome_zarr.writer import (write_image, write_labels, write_plate_metadata,
                                 write_well_metadata)
    numbered = {'0.1': formats.FormatV01, '0.2': formats.FormatV02, '0.3': formats.FormatV03,
                '0.4': formats.FormatV04}

    for version, axes in itertools.product(numbered, SHAPES):
        if version in ('0.1', '0.2') and axes != 'tczyx':  # these have no other
            continue
        name = f'ome-zarr-{version}-{axes}'
        fmt = numbered[version]()
        root = zarr.group(parse_url(str(folder / name), mode='w', fmt=fmt).store, overwrite=True)
        shape = SHAPES[axes]
        write_image(pixels(shape), root, axes=None if version in ('0.1', '0.2') else axes,
                    fmt=fmt, scaler=Scaler(max_layer=2),
                    storage_options={'chunks': (1, ) * (len(shape) - 2) + (32, 32)})
        if version in ('0.3', '0.4'):
            write_labels(pixels(shape, 'i4', 5), root, 'nuclei', axes=axes, fmt=fmt,
                         label_metadata={'colors': [{'label-value': 1, 'rgba': [255, 0, 0, 255]}],
                                         'properties': [{'label-value': 1, 'class': 'a'}]})
        keep(folder, name)

    fmt = formats.FormatV04()
    root = zarr.group(parse_url(str(folder / 'ome-zarr-plate'), mode='w', fmt=fmt).store)
    write_plate_metadata(root, ['A', 'B'], ['1', '2'], ['A/1', 'B/2'], name='plate', fmt=fmt,
                         field_count=2, acquisitions=[{'id': 0, 'name': 'first',
                                                       'maximumfieldcount': 2}])
    for row, column in ('A1', 'B2'):
        well = root.require_group(row).require_group(column)
        write_well_metadata(well, [{'path': '0', 'acquisition': 0}, {'path': '1'}], fmt=fmt)
        for field in '01':
            write_image(pixels((2, 40, 50), '>u2', ord(row)), well.require_group(field),
                        axes='cyx', fmt=fmt, scaler=Scaler(max_layer=1))
    keep(folder, 'ome-zarr-plate')


# --- iohub ----------------------------------------------------------------------------------------


def by_iohub(folder):
    from iohub.ngff import open_ome_zarr

    with open_ome_zarr(folder / 'iohub-fov', layout='fov', mode='w', channel_names=['a', 'b'],
                       version='0.4') as fov:
        fov.create_image('0', pixels(SHAPES['tczyx']), chunks=(1, 1, 1, 32, 32))
        fov.initialize_pyramid(3)
    keep(folder, 'iohub-fov')
    with open_ome_zarr(folder / 'iohub-hcs', layout='hcs', mode='w', channel_names=['DAPI'],
                       version='0.4') as plate:
        for row, column, field in (('A', '1', '0'), ('A', '1', '1'), ('B', '12', '0')):
            position = plate.create_position(row, column, field)
            position.create_image('0', pixels((1, 1, 2, 40, 50), 'f4', ord(field)))
    keep(folder, 'iohub-hcs')
    with open_ome_zarr(folder / 'iohub-tiled', layout='tiled', mode='w', channel_names=['DAPI'],
                       version='0.4') as tiled:
        grid = tiled.make_tiles('tiled', grid_shape=(2, 3), tile_shape=(1, 1, 1, 16, 16),
                                dtype='u2')
        for row, column in itertools.product(range(2), range(3)):
            grid.write_tile(pixels((1, 1, 1, 16, 16), 'u2', row * 3 + column), row, column)
    keep(folder, 'iohub-tiled')


# --- zarr-python 2 --------------------------------------------------------------------------------


def by_zarr(folder):
    import numcodecs
    store = zarr.DirectoryStore(str(folder / 'zarr-2'))
    root = zarr.group(store, overwrite=True)
    for dtype, order, separator in itertools.product(
        ('u1', '>i4', 'f8', '>c8', 'bool', '<U3', '>U2', 'S4', 'M8[s]', 'm8[ms]', 'V3'), 'CF',
            './'):
        array = root.create_dataset(f'{dtype.strip("<>")}-{order}-{ord(separator)}', shape=(7, 5),
                                    chunks=(3, 2), dtype=dtype, order=order,
                                    dimension_separator=separator)
        part = pixels((4, 5), 'u1')
        array[:4] = (numpy.full((4, 5), b'abc', 'V3') if dtype == 'V3' else part.astype(dtype))
    root.create_dataset('texts', data=numpy.array(['a', 'ü', ''], object), chunks=2,
                        object_codec=numcodecs.VLenUTF8())
    root.create_dataset('empty', shape=(0, 4), chunks=(2, 2), dtype='i4')
    root.create_dataset('scalar', data=numpy.float32(2.5))
    root.create_dataset('nan', shape=(4, ), chunks=(2, ), dtype='f4', fill_value=numpy.nan)
    root.create_dataset('no-fill', shape=(4, ), chunks=(2, ), dtype='i4', fill_value=None)
    codecs = [numcodecs.Zlib(1), numcodecs.GZip(9), numcodecs.BZ2(), numcodecs.LZMA(),
              numcodecs.LZ4(), numcodecs.Zstd(3), None, numcodecs.Blosc('lz4', 5, -1),
              numcodecs.Blosc('zstd', 3, 2)]
    for number, codec in enumerate(codecs):
        root.create_dataset(f'codec-{number}', data=pixels((9, 9)), chunks=4, compressor=codec)
    root.create_dataset('filters', data=pixels((9, 9), 'i4'), chunks=4, filters=[
        numcodecs.Delta('i4'), numcodecs.Shuffle(4)])
    resized = root.create_dataset('resized', data=pixels((9, 9)), chunks=2)
    resized.resize(3, 3)
    resized.attrs['nan'] = float('nan')
    zarr.consolidate_metadata(store)
    keep(folder, 'zarr-2')
    nested = zarr.NestedDirectoryStore(str(folder / 'zarr-2-nested'))
    zarr.group(nested, overwrite=True).create_dataset('a/b c/ü', data=pixels((9, 9)), chunks=2)
    keep(folder, 'zarr-2-nested')
    zarr.save_array(str(folder / 'zarr-2-array'), pixels((9, 9)), chunks=4)
    keep(folder, 'zarr-2-array')
    with zarr.ZipStore(str(folder / 'zarr-2.zip'), mode='w') as archive:
        zarr.copy_all(zarr.open(store, mode='r'), zarr.group(archive))
    with zarr.ZipStore(str(folder / 'zarr-2.zip'), mode='r') as archive:
        keep(folder, 'zarr-2.zip', archive.path)


if __name__ == '__main__':
    for writer in by_ome_zarr, by_iohub, by_zarr:
        writer(Path(sys.argv[1]))
