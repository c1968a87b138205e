# SPDX-License-Identifier: BSD-2-Clause
"""More cases for test_verify_cases.py: what OME-Zarr asks of images, their labels and scenes."""
from corpus.recipe import pattern

from verify_cases import AXES, archive, array, case, group, image_group, multiscale
from verify_cases_data import OME, PATH

ARRAY = {'s0/zarr.json': array(), 's0/c/0/0': pattern(64)}


def below(prefix, files):
    return {prefix + '/' + name: data for name, data in files.items()}


LABEL = {'zarr.json': group({'multiscales': [multiscale('s0')], 'image-label': {}}), **ARRAY}


def in_order(files):
    def rank(file):
        return not file[0].endswith('zarr.json'), file[0].count('/'), file[0]

    return archive(dict(sorted(files.items(), key=rank)))


def labelled(*groups, listed=None, more=None):
    """An image with a label image below each of `groups`; `listed`: what labels/zarr.json is."""
    files = {'zarr.json': image_group('s0'), **ARRAY, **(more or {})}
    if listed is not None:
        files['labels/zarr.json'] = listed
    for path in groups:
        files |= below(path, LABEL)
    return in_order(files)


# --- labels ---------------------------------------------------------------------------------------

case('labels_listed', {},
     lambda: labelled('labels/a', 'labels/b', listed=group({'labels': ['a', 'b']})))
case('labels_none', {}, lambda: labelled(listed=group({'labels': []})))
case('labels_unlisted', OME,
     lambda: labelled('labels/a', 'labels/b', listed=group({'labels': ['a']})),
     text={'ome-block': 'does not list this label image'},
     entry={'ome-block': 'labels/b/zarr.json'})
case('labels_all_unlisted', OME,
     lambda: labelled('labels/a', 'labels/b', listed=group({'labels': []})))
case('labels_no_key', OME, lambda: labelled('labels/a', listed=group({})),
     text={'ome-block': 'attributes.ome.labels is missing'},
     entry={'ome-block': 'labels/zarr.json'})
case('labels_no_block', OME, lambda: labelled('labels/a', listed=group()),
     text={'ome-block': 'attributes.ome.labels is missing'})
case('labels_no_version', OME,
     lambda: labelled('labels/a', listed=group({'labels': ['a']}, version=None)),
     text={'ome-block': 'attributes.ome.version is missing'})
case('labels_other_version', OME,
     lambda: labelled('labels/a', listed=group({'labels': ['a']}, version='0.4')),
     text={'ome-block': "'0.4'"})
BETWEEN = {'labels/more/zarr.json': group()}
case('labels_in_a_group', {},
     lambda: labelled('labels/more/a', listed=group({'labels': ['more/a']}), more=BETWEEN))
case('labels_in_a_group_unlisted', OME,
     lambda: labelled('labels/more/a', listed=group({'labels': []}), more=BETWEEN))
case(
    'labels_of_no_image', {}, lambda: archive(
        {'zarr.json': group({'bioformats2raw.layout': 3}), 'labels/zarr.json': group()}))

# --- plates and series ----------------------------------------------------------------------------


def plate(wells=('A/1',), fields=('0',), **more):
    """A plate with the well A/1, which has the image 0; what is listed."""
    block = {'rows': [{'name': 'A'}], 'columns': [{'name': '1'}],
             'wells': [{'path': path, 'rowIndex': 0, 'columnIndex': 0} for path in wells]}
    return in_order({'zarr.json': group({'plate': block}), 'A/zarr.json': group(),
                   'A/1/zarr.json': group({'well': {'images': [{'path': f} for f in fields]}}),
                   **below('A/1/0', LABEL), **more})


def series(listed, *images, **more):
    files = {'zarr.json': group({'bioformats2raw.layout': 3}),
             'OME/zarr.json': group({'series': listed} if listed else {}), **more}
    for path in images:
        files |= below(path, LABEL)
    return in_order(files)


case('plate_listed', {}, plate)
case('plate_well_unlisted', OME, lambda: plate(wells=()),
     text={'ome-block': 'the plate does not list this well'}, entry={'ome-block': 'A/1/zarr.json'})
case('plate_field_unlisted', OME, lambda: plate(fields=()),
     text={'ome-block': 'the well does not list this image'},
     entry={'ome-block': 'A/1/0/zarr.json'})
case('plate_group_in_a_well', {}, lambda: plate(**{'A/1/tables/zarr.json': group()}))
case('plate_group_in_a_row', {}, lambda: plate(**{'A/2/zarr.json': group()}))
case('series_listed', {}, lambda: series(['0', '1'], '0', '1'))
case('series_unlisted', OME, lambda: series(['0'], '0', '1'),
     text={'ome-block': 'the series of OME do not list this image'},
     entry={'ome-block': '1/zarr.json'})
case('series_without_a_list', {}, lambda: series(None, '0', '1'))

# --- datasets -------------------------------------------------------------------------------------


def pyramid(*shapes, axes=AXES):
    files = {'zarr.json': image_group(*('s%d' % i for i in range(len(shapes))), axes=axes)}
    for i, shape in enumerate(shapes):
        files['s%d/zarr.json' % i] = array(shape, shape)
    return archive(files)


case('datasets_in_order', {}, lambda: pyramid((8, 8), (4, 4), (2, 2)))
case('datasets_of_one_size', {}, lambda: pyramid((8, 8), (8, 8)))
case('datasets_by_one_axis', {}, lambda: pyramid((8, 8), (8, 4), (4, 4)))
case('datasets_upside_down', OME, lambda: pyramid((4, 4), (8, 8)),
     text={'ome-block': "the dataset 's1' is larger than the one before it"})
case('datasets_mixed', OME, lambda: pyramid((8, 8), (2, 2), (4, 4)),
     text={'ome-block': "the dataset 's2'"})

# --- scenes ---------------------------------------------------------------------------------------

V6 = '0.6.dev4'


def image_v6(name='physical'):
    return {
        'multiscales': [{
            'coordinateSystems': [{'name': name, 'axes': AXES}], 'datasets': [{
                'path': 's0', 'coordinateTransformations': [{
                    'type': 'scale', 'scale': [1, 1], 'input': {'path': 's0'},
                    'output': {'name': name}
                }]
            }]
        }]
    }


def move(source, target):
    return {'type': 'translation', 'translation': [0, 1], 'input': source, 'output': target}


def scene(*transforms, systems=('world',), **more):
    block = {
        'coordinateTransformations': list(transforms),
        'coordinateSystems': [{'name': n, 'axes': AXES} for n in systems], **more
    }
    files = {'zarr.json': group({'scene': block}, version=V6)}
    for tile in ('a', 'b'):
        files |= below(tile, {'zarr.json': group(image_v6(), version=V6), **ARRAY})
    made = in_order(files)
    made.comment = (b'{"ome":{"version":"0.6.dev4",'
                    b'"zipFile":{"centralDirectory":{"jsonFirst":true}}}}')
    return made


A, B, WORLD = {'path': 'a', 'name': 'physical'}, {'path': 'b',
                                                  'name': 'physical'}, {'name': 'world'}
case('scene', {}, lambda: scene(move(A, WORLD), move(B, {'path': None, 'name': 'world'})))
case('scene_from_image_to_image', {}, lambda: scene(move(A, B), systems=()))
case('scene_image_missing', PATH, lambda: scene(move({'path': 'c', 'name': 'physical'}, WORLD)),
     text={'ome-path': "the image 'c' is not there"})
case('scene_output_missing', PATH, lambda: scene(move(A, {'path': '../b', 'name': 'physical'})))
case('scene_system_missing', PATH,
     lambda: scene(move(A, B), move({'path': 'b', 'name': 'pixels'}, WORLD)),
     text={'ome-path': "the image 'b' has no coordinate system 'pixels'"})
case(
    'scene_own_system_missing', OME, lambda: scene(move(A, {'name': 'space'})), text={
        'ome-block': "coordinateTransformations[0].output.name is 'space', which is not a "
                     "coordinate system of the scene"
    })
case('scene_input_text', OME, lambda: scene(move('a', WORLD)),
     text={'ome-block': 'input is not an object'})
case('scene_no_output', OME, lambda: scene({'type': 'identity', 'input': A}),
     text={'ome-block': 'output is missing'})
case('scene_no_name', OME, lambda: scene(move({'path': 'a'}, WORLD)),
     text={'ome-block': 'input.name is missing'})
case('scene_no_transformations', OME, lambda: scene(),
     text={'ome-block': 'coordinateTransformations is empty'})
case('scene_many', {}, lambda: scene(*[move(A, WORLD)] * 3000))
