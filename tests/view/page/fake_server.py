# SPDX-License-Identifier: BSD-2-Clause
"""A server as `ozxfs view` is one, of a scene that is in memory only."""
import http.server
import io
import json
import os
import threading
import urllib.parse

import numpy
from PIL import Image

import scene

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../src/view/page')
TYPES = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
         '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.json': 'application/json',
         '.png': 'image/png'}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
          "connect-src 'self'")
FIELDS_PER_WELL = 2


class Refused(Exception):
    pass


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, 'png', compress_level=1)
    return out.getvalue()


class Scene:
    """The tree, by numbers, and the answers."""

    def __init__(self):
        self.images = scene.images()
        self.nodes = []
        self.ids = {}
        self.add('', 'group')
        for path, picture in self.images.items():
            self.add(path, 'image')
            for name in picture.labels:
                self.add(path + '/labels', 'labels')
                self.add(path + '/labels/' + name, 'label')
        self.add('odd', 'image')
        self.nodes[self.ids['plate']]['kind'] = 'plate'
        for row, column in scene.WELLS:
            self.nodes[self.ids['plate/%s/%d' % (row, column)]]['kind'] = 'well'

    def add(self, path, kind):
        if path in self.ids:
            return self.ids[path]
        folder, _, name = path.rpartition('/')
        parent = -1 if path == '' else self.add(folder, 'group')
        self.ids[path] = len(self.nodes)
        self.nodes.append({'id': self.ids[path], 'parent': parent, 'name': name, 'path': path,
                           'kind': kind, 'image': kind in ('image', 'label')})
        return self.ids[path]

    def path(self, number):
        return self.nodes[int(number)]['path']

    def label_of(self, path):
        """The levels of a label image, or None."""
        image, _, name = path.partition('/labels/')
        return self.images[image].labels[name] if name else None

    def tree(self):
        return {'file': scene.NAME + '.ozx', 'size': 123456, 'zarr': '3', 'nodes': self.nodes}

    def node(self, number):
        return {'path': self.path(number), 'metadata': {
            'zarr_format': 3, 'node_type': 'group', 'attributes': {'note': scene.TEXT}}}

    def image(self, number):
        path = self.path(number)
        if path == 'odd':
            return {'name': 'odd', 'message': 'array 0: unknown codec \'' + scene.TEXT + "'"}
        levels, picture = self.label_of(path), None
        if levels is None:
            picture = self.images[path]
            levels = picture.levels
        base = levels[0]
        return {
            'name': picture.title if picture else path, 'data_type': str(base.dtype),
            'axes': list('tczyx'), 't': base.shape[0], 'c': base.shape[1], 'z': base.shape[2],
            'unit': 'micrometer', 'pixel_size': dict(zip('xyz', (0.25, 0.25, 1.5))), 'rgb': False,
            'label': picture is None, 'levels': [{
                'width': a.shape[4], 'height': a.shape[3], 'depth': a.shape[2],
                'scale_x': 2.0**i, 'scale_y': 2.0**i, 'scale_z': 1.0
            } for i, a in enumerate(levels)],
            'channels': [self.channel(c, levels[-1][0, n]) for n, c in
                         enumerate(picture.channels)] if picture else [],
            'labels': [{'id': self.ids[path + '/labels/' + name], 'name': name}
                       for name in (picture.labels if picture else ())],
        }

    @staticmethod
    def channel(said, values):
        low, high = int(values.min()), int(values.max())
        counts, _ = numpy.histogram(values[len(values) // 2], 256, (low, high))
        return {'label': said.label, 'color': said.color, 'active': said.active,
                'start': said.start, 'end': said.end, 'min': low, 'max': high,
                'histogram': counts.tolist()}

    def plate(self):
        wells = []
        for row, column in scene.WELLS:
            fields = [self.ids['plate/%s/%d/%d' % (row, column, n)] for n in range(FIELDS_PER_WELL)]
            wells.append({'row': scene.ROWS.index(row), 'column': scene.COLUMNS.index(column),
                          'id': self.ids['plate/%s/%d' % (row, column)], 'image': fields[0],
                          'fields': fields})
        return {'rows': list(scene.ROWS), 'columns': list(map(str, scene.COLUMNS)), 'wells': wells}

    def tile(self, number, level, z, t, x, y, query):
        path = self.path(number)
        if path == 'damaged':
            raise Refused(scene.DAMAGED)
        edges = [slice(int(n) * scene.TILE, (int(n) + 1) * scene.TILE) for n in (y, x)]
        levels = self.label_of(path)
        if levels is not None:
            return scene.render(levels[int(level)][0][:, 0][(slice(None), *edges)], [],
                                levels[int(level)][(0, 0, 0, *edges)])
        chosen = []
        for part in filter(None, query['c'].split(',')):
            channel, color, start, end = part.split(':')
            chosen.append((int(channel), color, float(start), float(end)))
        labels = None
        if 'l' in query:
            labels = self.label_of(self.path(query['l']))[int(level)][(0, 0, 0, *edges)]
        plane = self.images[path].levels[int(level)][int(t), :, int(z)]
        return scene.render(plane[(slice(None), *edges)], chosen, labels)

    def thumbnail(self, number):
        path = self.path(number)
        if path == 'damaged':
            raise Refused(scene.DAMAGED)
        picture = self.images.get(path)
        if not picture:
            return numpy.zeros((8, 8, 3), 'uint8')
        return scene.shown(picture, level=len(picture.levels) - 1)[:96, :96]

    def answer(self, path, query):
        """Bytes and how the name ends."""
        kind, _, rest = path.partition('/')
        number, end = os.path.splitext(rest)
        if kind in ('tile', 'thumbnail'):
            pixels = self.thumbnail(number) if kind == 'thumbnail' else self.tile(
                *number.split('/'), query)
            return png(pixels), end
        answers = {'tree.json': self.tree, 'findings.json': self.findings}
        value = answers[path]() if path in answers else {
            'node': self.node, 'image': self.image, 'plate': lambda _: self.plate()}[kind](number)
        return json.dumps(value).encode(), '.json'

    @staticmethod
    def findings():
        return {'findings': [{'level': 'warning', 'rule': 'compressed', 'text': scene.TEXT},
                             {'level': 'error', 'rule': 'crc', 'text': 'zarr.json: wrong'}],
                'truncated': False}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        prefix = '/' + self.server.token + '/'
        split = urllib.parse.urlsplit(self.path)
        if not split.path.startswith(prefix):
            return self.send(404, b'', '.json')
        path = split.path[len(prefix):]
        query = dict(part.split('=', 1) for part in filter(None, split.query.split('&')))
        if path == 'alive':
            return self.send(204, b'', '')
        file = os.path.join(PAGE, path or 'view.html')
        if '/' not in path and os.path.isfile(file):
            with open(file, 'rb') as stream:
                return self.send(200, stream.read(), os.path.splitext(file)[1])
        try:
            return self.send(200, *self.server.scene.answer(path, query))
        except Refused as why:
            return self.send(422, json.dumps({'message': str(why)}).encode(), '.json')

    def send(self, status, body, end):
        self.send_response(status)
        if end:
            self.send_header('Content-Type', TYPES[end])
        if status != 204:
            self.send_header('Content-Length', str(len(body)))
        for name, value in (('Content-Security-Policy', POLICY), ('Cache-Control', 'no-store'),
                            ('X-Content-Type-Options', 'nosniff'),
                            ('Referrer-Policy', 'no-referrer')):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    token = 'f00d' * 8

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.scene = Scene()
        self.url = 'http://127.0.0.1:%d/%s/' % (self.server_address[1], self.token)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        """A request that was cancelled."""

    def node(self, path):
        return self.scene.ids[path]

    def end(self):
        self.shutdown()
        self.server_close()
