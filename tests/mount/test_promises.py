# SPDX-License-Identifier: BSD-2-Clause
"""mount warns, in one line, of what the metadata name and is not there; it reads no more than a few
files of metadata for it."""
import json
import os
import zipfile

import pytest

from corpus import RECIPES

GROUP = {'zarr_format': 3, 'node_type': 'group'}


def ome(**block):
    return {**GROUP, 'attributes': {'ome': {'version': '0.5', **block}}}


def image(*paths):
    axes = [{'name': n, 'type': 'space'} for n in 'yx']
    return ome(multiscales=[{
        'axes': axes,
        'datasets': [{'path': p, 'coordinateTransformations': [{'type': 'scale', 'scale': [1, 1]}]}
                     for p in paths]
    }])


def mounted(ozxfs, folder, files, *options):
    """What mount says of an archive of these files; it is mounted all the same."""
    path = os.path.join(folder, 'x.ozx')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.comment = b'{"ome":{"version":"0.5"}}'
        for name, data in files.items():
            archive.writestr(name, data if isinstance(data, bytes) else json.dumps(data))
    return said_of(ozxfs, path, *options)


def said_of(ozxfs, path, *options, words='does not exist'):
    where = ozxfs.directory()
    done = ozxfs.run('mount', *options, path, where)
    assert done.returncode == 0 and os.path.exists(where + '/zarr.json'), done.stderr
    ozxfs.umount(where)
    return [line for line in done.stderr.decode().splitlines() if words in line]


ARRAY = {'zarr_format': 3, 'node_type': 'array'}
IMAGE = {'zarr.json': image('s0', 's1'), 's0/zarr.json': ARRAY, 's1/zarr.json': ARRAY}
PLATE = ome(plate={'wells': [{'path': 'A/1'}]})
CASES = {
    'dataset': ({**IMAGE, 'zarr.json': image('s0', 's2')}, "dataset 's2'"),
    'dataset_without_zarr_json': ({'zarr.json': image('s0'), 's0/c/0/0': b'x'}, "dataset 's0'"),
    'datasets': ({'zarr.json': image('s0', 's1',
                                     's2')}, "dataset 's0', which does not exist (and 2 more)"),
    'label': ({**IMAGE, 'labels/zarr.json': ome(labels=['cells'])}, "label image 'cells'"),
    'well': ({
        'zarr.json': ome(plate={'wells': [{'path': 'A/1'}, {'path': 'A/2'}]}),
        'A/1/zarr.json': ome(well={'images': []})
    }, "well 'A/2'"),
    'field': ({'zarr.json': ome(well={'images': [{'path': '0'}]})}, "field '0'"),
    'series': ({
        'zarr.json': ome(**{'bioformats2raw.layout': 3}), 'OME/zarr.json': ome(series=['0', '1']),
        '0/zarr.json': image()
    }, "series image '1'"),
    'dataset_of_a_label': (
        {**IMAGE, 'labels/zarr.json': ome(labels=['cells']), 'labels/cells/zarr.json': image('s9')
         }, "OME metadata of 'labels/cells' name the dataset 's9'"),
    'dataset_of_a_series': ({
        'zarr.json': ome(**{'bioformats2raw.layout': 3}), 'OME/zarr.json': ome(series=['0']),
        '0/zarr.json': image('s9')
    }, "of '0' name the dataset 's9'"),
    'field_of_a_well': ({
        'zarr.json': PLATE, 'A/1/zarr.json': ome(well={'images': [{'path': '0'}]})
    }, "of 'A/1' name the field '0'"),
    'dataset_of_a_field': ({
        'zarr.json': PLATE, 'A/1/zarr.json': ome(well={'images': [{'path': '0'}]}),
        'A/1/0/zarr.json': image('s9')
    }, "of 'A/1/0' name the dataset 's9'"),
    'label_of_a_field': ({
        'zarr.json': PLATE, 'A/1/zarr.json': ome(well={'images': [{'path': '0'}]}),
        'A/1/0/zarr.json': image('s0'), 'A/1/0/s0/zarr.json': ARRAY,
        'A/1/0/labels/zarr.json': ome(labels=['cells'])
    }, "of 'A/1/0/labels' name the label image 'cells'"),
    'consolidated': ({
        **IMAGE, 'zarr.json': {
            **image('s0'), 'consolidated_metadata': {
                'kind': 'inline', 'metadata': {'s0': ARRAY, 's9': ARRAY}
            }
        }
    }, "'s9'"),
}


@pytest.mark.parametrize('case', CASES)
def test_told(ozxfs, folder, case):
    files, words = CASES[case]
    said = mounted(ozxfs, folder, files)
    assert len(said) == 1 and words in said[0] and 'warning' in said[0], said


def test_subdir(ozxfs, folder):
    files = {'zarr.json': GROUP, **{'deep/' + n: d for n, d in CASES['dataset'][0].items()}}
    assert not mounted(ozxfs, folder, files)
    assert "'s2'" in mounted(ozxfs, folder, files, '-o', 'subdir=deep')[0]


@pytest.mark.parametrize('files', (IMAGE, {'zarr.json': GROUP}, {'zarr.json': b'not JSON'},
                                   {'zarr.json': b'{"attributes": {"ome": [1]}}'}))
def test_nothing_to_tell(ozxfs, folder, files):
    assert not mounted(ozxfs, folder, files)


@pytest.mark.parametrize('name', ['zarr.json', 'labels/zarr.json'])
def test_damaged_metadata(ozxfs, folder, name):
    """The first is told; what it says is not taken for a promise."""
    mounted(ozxfs, folder, {**CASES['label'][0], 'more': b''})
    path = os.path.join(folder, 'x.ozx')
    with zipfile.ZipFile(path) as archive:
        crc = archive.getinfo(name).CRC.to_bytes(4, 'little')
    with open(path, 'r+b') as archive:
        data = archive.read().replace(crc, b'abcd')
        archive.seek(0)
        archive.write(data)
    said = said_of(ozxfs, path, words='')
    assert len(said) == 1 and f"warning: entry '{name}': CRC-32 mismatch" in said[0], said


def test_large_metadata_are_not_read(ozxfs, folder):
    """More than 1 MiB would keep the mount waiting."""
    files = {**CASES['dataset'][0]}
    files['zarr.json'] = json.dumps(files['zarr.json']).encode() + b' ' * (1 << 20)
    assert not mounted(ozxfs, folder, files)


def test_few_files_are_read(ozxfs, folder):
    """A plate of a thousand wells would keep it waiting, too."""
    wells = ['A/%d' % i for i in range(100)]
    files = {
        'zarr.json': ome(plate={'wells': [{'path': w} for w in wells]}),
        **{w + '/zarr.json': ome(well={'images': []})
           for w in wells}
    }
    missing = ome(well={'images': [{'path': '0'}]})
    assert not mounted(ozxfs, folder, {**files, wells[99] + '/zarr.json': missing})
    assert mounted(ozxfs, folder, {**files, wells[50] + '/zarr.json': missing})


def test_the_corpus_agrees_with_verify(ozxfs, folder):
    """Each row that verify fails for what is not there at the root is warned of."""
    for name, recipe in RECIPES.items():
        if recipe.id not in ('ome-path', 'consolidated'
                             ) or recipe.verify != 'fail' or name == 'consolidated_shape':
            continue
        path = os.path.join(folder, name + '.ozx')
        recipe.build().write(path)
        assert len(said_of(ozxfs, path)) == 1, name
