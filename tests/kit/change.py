# SPDX-License-Identifier: BSD-2-Clause
"""For the tests of what changes an archive in place: edit and add."""
import json
import subprocess
import zipfile

from kit.launch import OZXFS, run_text as run

OME = {'version': '0.5'}


def group(**attributes):
    return json.dumps({'zarr_format': 3, 'node_type': 'group', 'attributes': attributes}).encode()


def ome(**block):
    return group(ome={**OME, **block})


ARRAY = json.dumps({
    'zarr_format': 3, 'node_type': 'array', 'shape': [4, 4], 'data_type': 'uint8', 'fill_value': 0,
    'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [2, 4]}},
    'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '/'}},
    'codecs': [{'name': 'bytes'}], 'attributes': {}}).encode()


def make(folder, files):
    """The files {name: bytes}; a name with '/' behind is an empty directory."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith('/'):
            path.mkdir()
        else:
            path.write_bytes(data)
    return folder


def packed(folder, files, *options):
    """An archive of them, as pack makes it."""
    make(folder / 'tree', files)
    done = run('pack', '-q', *options, folder / 'tree', folder / 'x.ozx')
    assert done.returncode == 0, done.stderr
    return folder / 'x.ozx'


def change(verb, *arguments):
    return subprocess.run([OZXFS, verb, *map(str, arguments)], capture_output=True, text=True,
                          check=False)


def add(*arguments):
    return change('add', *arguments)


def edit(*arguments):
    return change('edit', *arguments)


def added(*arguments):
    """With nothing to say but what pack says of such a tree: that."""
    done = add(*arguments)
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    return done.stderr


def edited(*arguments):
    done = edit(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def contents(path):
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def ome_of(path, name):
    """The OME block of a zarr.json."""
    return json.loads(contents(path)[name])['attributes']['ome']


def comment_of(path):
    with zipfile.ZipFile(path) as opened:
        return json.loads(opened.comment)['ome']


def findings(path, *options):
    """The rules of verify --strict that found something."""
    done = run('verify', '--strict', '--json', *options, path)
    return {rule['id'] for rule in json.loads(done.stdout)['files'][0]['rules'] if rule['count']}
