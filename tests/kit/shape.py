# SPDX-License-Identifier: BSD-2-Clause
"""The shapes of the JSON that the verbs print, as their manual pages document them: each key that
is there is in its shape and in the page, and each that the page promises is there.

A shape is a type, a value, a predicate, [shape of the items], (one shape, or another), or an object
as {key: shape}; a key that ends in '?' need not be there."""
import math
import re


class Misfit(AssertionError):
    pass


def boolean(value):
    return value is True or value is False


def count(value):
    return type(value) is int and 0 <= value < 1 << 63


def number(value):
    return type(value) in (int, float) and math.isfinite(value)


def text(value):
    """Half of a surrogate pair is no text."""
    return isinstance(value, str) and value.encode('utf-8', 'surrogatepass').decode(
        'utf-8', 'replace') == value


def matching(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def check_object(value, shape, where):
    if not isinstance(value, dict):
        raise Misfit(f'{where}: {value!r} is no object')
    known = {key.rstrip('?') for key in shape}
    if set(value) - known:
        raise Misfit(f'{where}: not documented: {sorted(set(value) - known)}')
    for key, inner in shape.items():
        name = key.rstrip('?')
        if name in value:
            check(value[name], inner, f'{where}.{name}')
        elif name == key:
            raise Misfit(f'{where}: no {key}')


def check_any(value, shapes, where):
    told = []
    for shape in shapes:
        try:
            return check(value, shape, where)
        except Misfit as misfit:
            told.append(str(misfit))
    raise Misfit(max(told, key=len))


def check(value, shape, where='$'):
    """Misfit, which says where, if the value is of another shape."""
    if isinstance(shape, dict):
        check_object(value, shape, where)
    elif isinstance(shape, tuple):
        check_any(value, shape, where)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Misfit(f'{where}: {value!r} is no list')
        for number_, item in enumerate(value):
            check(item, shape[0], f'{where}[{number_}]')
    elif not (shape(value) if callable(shape) else type(value) is type(shape) and value == shape):
        raise Misfit(f'{where}: {value!r}')


def keys(shape, seen=None):
    """All keys of a shape and of what is in it."""
    seen = seen if seen is not None else set()
    if id(shape) in seen:
        return set()
    if isinstance(shape, dict):
        seen.add(id(shape))
        return {key.rstrip('?') for key in shape}.union(*(keys(s, seen) for s in shape.values()))
    if isinstance(shape, (list, tuple)):
        seen.add(id(shape))
        return set().union(*(keys(s, seen) for s in shape))
    return set()


# --- verify ---------------------------------------------------------------------------------------

VERDICT = ('ok', 'warn', 'fail')
FINDING = {
    'verdict': ('warn', 'fail'), 'entry': (text, None), 'offset': (count, None), 'text': text,
    'hint': (text, None)
}
RULE = {
    'id': matching('[a-z0-9-]+'), 'level': ('MUST', 'SHOULD', 'MAY', 'policy', 'metadata'),
    'verdict': (*VERDICT, 'unchecked'), 'text': text, 'count': count, 'findings': [FINDING],
    'note': (text, None)
}
VERIFY = {
    'schema': 1, 'files': [{
        'file': (text, None), 'verdict': (*VERDICT, 'error'), 'exit': count, 'error': (text, None),
        'refused': boolean, 'quick': boolean, 'bytes': count, 'entries': count, 'rules': [RULE]
    }]
}

# --- info -----------------------------------------------------------------------------------------

RULE_ID = matching('[a-z0-9-]+')
SIZES = ([(count, None)], None)
TEXT = (text, None)
DEFECT = {'part': ('zarr', 'ome'), 'where': text, 'text': text}
MISSING = {'kind': ('dataset', 'well', 'field', 'label image', 'series image'), 'path': text}
SHARD = {
    'shape': SIZES, 'codecs': [text], 'index_codecs': [text], 'index_location': ('start', 'end')
}
ARRAY = {
    'shape?': SIZES, 'data_type?': TEXT, 'chunk_shape?': SIZES, 'shard_shape?': SIZES,
    'codecs?': [text], 'shards?': [SHARD], 'fill_value?': TEXT,
    'chunk_key_encoding?': ('default', 'v2', None), 'chunk_keys?': (count, None),
    'dimension_names?': ([TEXT], None)
}
LEVEL = {
    'path': TEXT, 'bytes': count, 'chunk_files': count, 'missing': boolean, 'problem': TEXT,
    'defects': [DEFECT], 'scale': ([number], None), 'translation': ([number], None),
    'zarr_format?': (2, 3), **ARRAY
}
MULTISCALE = {
    'name': TEXT, 'type': TEXT, 'axes': [{'name': TEXT, 'type': TEXT, 'unit': TEXT}],
    'levels': [LEVEL]
}
PLATE = {
    'name': TEXT, 'rows': [TEXT], 'columns': [TEXT], 'acquisitions': count,
    'field_count': (count, None), 'fields': count, 'wells_present': count, 'fields_missing': count,
    'wells': [{
        'path': TEXT, 'row': (count, None), 'column': (count, None), 'fields': (count, None)
    }]
}
END = {'path': TEXT, 'name': TEXT}
SCENE = {
    'coordinate_systems': [TEXT],
    'transformations': [{'type': TEXT, 'input': END, 'output': END}]
}
NODE = {
    'path': text, 'kind': ('image', 'plate', 'well', 'labels', 'scene', 'bioformats2raw', 'series',
                           'group', 'array', 'plain', 'unreadable'), 'zarr_format': (2, 3, None),
    'ome_version': TEXT, 'bytes': count, 'files': count, 'chunk_files': count, 'problem': TEXT,
    'missing': [MISSING], 'defects': [DEFECT], 'children': [], 'multiscales?': [MULTISCALE],
    'image_label?': boolean,
    'channels?': [{'label': TEXT, 'color': (matching('[0-9A-Fa-f]{6}'), None), 'active': boolean}],
    'plate?': PLATE, 'scene?': SCENE, 'well_images?': [TEXT], 'labels?': [TEXT], 'series?': [TEXT],
    'bioformats2raw_layout?': number, **ARRAY
}
NODE['children'].append(NODE)
INFO = {
    'schema': 1, 'file': (text, None), 'size_bytes': count, 'zip': {
        'entries': count, 'files': count, 'directories': count, 'zip64': boolean,
        'data_bytes': count, 'central_directory_bytes': count, 'compressed_files': count,
        'unreadable_files': count, 'replaced_entries': count, 'reclaimable_bytes': count
    }, 'rfc9': {
        'root_zarr_json': boolean, 'comment_version': TEXT, 'comment_defect': TEXT,
        'metadata_version': TEXT, 'versions_agree': boolean, 'json_first_claimed': boolean,
        'json_first_true': boolean
    }, 'warnings': [{'rule': RULE_ID, 'count': count, 'unreadable': boolean, 'text': text}],
    'root': NODE, 'omitted': count
}

# --- ls, mounts, pack -----------------------------------------------------------------------------

TIME = matching(r'\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\dZ')
DIRECTORY = {'path': text, 'type': 'directory', 'mtime': TIME}
FILE = {
    'path': text, 'type': 'file', 'mtime': TIME, 'size_bytes': count,
    'compressed_size_bytes': count, 'method': text, 'crc32': matching('[0-9a-f]{8}'),
    'unreadable': (RULE_ID, None)
}
LS = {'schema': 1, 'file': (text, None), 'path': (text, None), 'entries': [(DIRECTORY, FILE)]}
MOUNTS = {
    'mounts': [{
        'file': TEXT, 'mount_point': TEXT, 'subdir': TEXT, 'backend': ('fuse', 'kernel'),
        'user': TEXT, 'uid': (count, None), 'since': (TIME, None), 'supervisor': (count, None),
        'requests': (count, None), 'read_bytes': (count, None),
        'state': ('serving', 'error', 'changed', 'dead', 'silent', 'hidden'), 'detail': TEXT
    }]
}
PACK = {
    'input': TEXT, 'archive': TEXT, 'dry_run': boolean, 'files': count, 'empty_directories': count,
    'left_out': count, 'consolidated_removed': count, 'data_bytes': count, 'archive_bytes': count,
    'ome_version': TEXT, 'verified': boolean, 'elapsed_s': number
}
SHAPES = {'verify': VERIFY, 'info': INFO, 'ls': LS, 'mounts': MOUNTS, 'pack': PACK}
