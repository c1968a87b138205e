# SPDX-License-Identifier: BSD-2-Clause
"""What else a page is told: the tree, plates, metadata, thumbnails; archives at URLs; memory."""
import io
import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ('image', 'remote')]
from images import image, made, random, zarr  # noqa: E402
from rendering import Image, numpy, picture  # noqa: E402
from server import serving  # noqa: E402
from viewer import SANITIZED, needs_view, viewing, wait_until  # noqa: E402

from kit.info import pack_directory, write  # noqa: E402
from kit.proc import kib_of  # noqa: E402

pytestmark = [needs_view, pytest.mark.filterwarnings('ignore')]


def group(folder, **ome):
    zarr.create_group(folder, attributes={'ome': {'version': '0.5', **ome}})


def pixels(body):
    return numpy.array(Image.open(io.BytesIO(body)).convert('RGB')).astype(int)


def test_plate(tmp_path):
    folder = tmp_path / 's'
    group(folder,
          plate={
              'rows': [{
                  'name': 'A'
              }, {
                  'name': '<B>'
              }],
              'columns': [{
                  'name': '1'
              }, {
                  'name': '2'
              }],
              'wells': [{
                  'path': 'A/1',
                  'rowIndex': 0,
                  'columnIndex': 0
              }, {
                  'path': '<B>/2',
                  'rowIndex': 1,
                  'columnIndex': 1
              }, {
                  'path': 'A/2',
                  'rowIndex': 0,
                  'columnIndex': 1
              }, {
                  'path': '../../etc',
                  'rowIndex': 1,
                  'columnIndex': 0
              }]
          })
    for well, fields in (('A/1', ['0', '1']), ('<B>/2', ['x'])):
        zarr.create_group((folder / well).parent)
        group(folder / well, well={'images': [{'path': f} for f in [*fields, 'missing']]})
        for field in fields:
            image(folder / well / field, [random(2, 40, 30)])
    archive = pack_directory(folder, tmp_path / 'x.ozx')
    with viewing(archive) as viewer:
        tree = viewer.json('tree.json')
        nodes = {node['path']: node for node in tree['nodes']}
        assert [nodes[path]['kind'] for path in ('', 'A', 'A/1', 'A/1/0', 'A/1/0/0')
                ] == ['plate', 'group', 'well', 'image', 'array']
        assert all(nodes[n['path'].rpartition('/')[0]]['id'] == n['parent'] for n in tree['nodes']
                   if n['path'])
        assert tree['nodes'][0]['id'] == 0 and tree['nodes'][0]['parent'] == -1
        said = viewer.json('plate/0.json')
        assert (said['rows'], said['columns']) == (['A', '<B>'], ['1', '2'])
        fields = [nodes['A/1/0']['id'], nodes['A/1/1']['id']]
        assert said['wells'] == [{
            'row': 0,
            'column': 0,
            'id': nodes['A/1']['id'],
            'fields': fields,
            'image': fields[0]
        }, {
            'row': 1,
            'column': 1,
            'id': nodes['<B>/2']['id'],
            'fields': [nodes['<B>/2/x']['id']],
            'image': nodes['<B>/2/x']['id']
        }]
        for node, options in ((0, ()), (fields[1], ('--path', 'A/1/1'))):
            got = pixels(viewer.get('thumbnail/%d.png?s=64' % node)[1])
            assert (got == picture(archive, '-s', '64', *options)).all()


def test_kinds(tmp_path):
    folder = tmp_path / 's'
    zarr.create_group(folder, attributes={'ome': {'version': '0.5', 'bioformats2raw.layout': 3}})
    group(folder / 'OME', series=['0'])
    image(folder / '0', [random(1, 20, 20)])
    group(folder / '0/labels', labels=['m'])
    image(folder / '0/labels/m', [random(20, 20)], axes='yx', **{'image-label': {}})
    (folder / 'empty/deep').mkdir(parents=True)
    (folder / 'empty/deep/note.txt').write_text('x')
    with viewing(pack_directory(folder, tmp_path / 'x.ozx')) as viewer:
        nodes = {n['path']: (n['kind'], n['image']) for n in viewer.json('tree.json')['nodes']}
    assert nodes == {
        '': ('series', False),
        'OME': ('series', False),
        '0': ('image', True),
        '0/0': ('array', True),
        '0/labels': ('labels', False),
        '0/labels/m': ('label', True),
        '0/labels/m/0': ('array', True),
        'empty': ('group', False),
        'empty/deep': ('group', False)
    }


def test_zarr_v2(tmp_path):
    zarr.create_group(tmp_path / 's', zarr_format=2, attributes={'a': [1, 'b']})
    zarr.create_array(tmp_path / 's',
                      name='0',
                      shape=(30, 40),
                      chunks=(20, 20),
                      dtype='uint16',
                      zarr_format=2,
                      compressors=None)[...] = 5
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        assert viewer.json('tree.json')['zarr'] == '2'
        said = viewer.json('node/0.json')['metadata']
        assert said == {'.zgroup': {'zarr_format': 2}, '.zattrs': {'a': [1, 'b']}}
        number = next(n['id'] for n in viewer.json('tree.json')['nodes'] if n['path'] == '0')
        assert viewer.json('node/%d.json' % number)['metadata']['.zarray']['shape'] == [30, 40]
        assert viewer.json('image/%d.json' % number)['levels'][0]['width'] == 40


def test_tree_that_is_too_large_to_be_listed(tmp_path):
    text = json.dumps({'zarr_format': 3, 'node_type': 'group', 'attributes': {}})
    files = {'%d/zarr.json' % number: text for number in range(5100)}
    with viewing(write(tmp_path / 'x.ozx', {'zarr.json': text, **files})) as viewer:
        said = viewer.json('tree.json')
        assert len(said['nodes']) == 5000 and said['truncated'] is True


def test_memory_of_large_chunks(tmp_path):
    """Several at a time, each as large as is decoded: they wait for each other."""
    side = 2896
    zarr.create_array(tmp_path / 's',
                      shape=(side, 4 * side),
                      chunks=(side, side),
                      dtype='uint32',
                      compressors=zarr.codecs.ZstdCodec())[...] = 77
    with viewing(pack_directory(tmp_path / 's', tmp_path / 'x.ozx')) as viewer:
        results = []

        def ask(x):
            path = 'tile/0/0/0/0/%d/0.png?c=0:FFFFFF:0:100' % (x * side // 256 + 1)
            results.append((viewer.request(path)[0]))

        threads = [threading.Thread(target=ask, args=(x % 4, )) for x in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 12
        for child in viewer.children() if not SANITIZED else ():
            assert kib_of(child, 'VmHWM') < 128 << 10


@pytest.mark.skipif(not os.environ.get('OZXFS_FETCH'), reason='built without libcurl')
def test_url(tmp_path):
    """Also after a decoder has ended: the next one has a fetcher of its own."""
    archive = made(tmp_path, [random(1, 300, 300)])
    tile = 'tile/0/0/0/0/0/0.png?c=0:FFFFFF:0:200'
    with viewing(archive) as viewer:
        expected = viewer.get(tile)[1]
    with serving(archive.read_bytes()) as server, viewing(server.url()) as viewer:
        assert viewer.get(tile)[1] == expected
        assert viewer.get('archive.ozx')[1] == archive.read_bytes()
        assert viewer.json('tree.json')['file'] == 'x.ozx'
        os.kill(viewer.child(listens=False), signal.SIGKILL)
        assert wait_until(lambda: viewer.request(tile)[0] == 200, timeout=20)
        assert viewer.get(tile)[1] == expected
