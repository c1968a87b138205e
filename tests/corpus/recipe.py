# SPDX-License-Identifier: BSD-2-Clause
"""What a recipe is: an archive for one id of the policy table, with the verdict that it must meet
and the exact view that a mount of it must show, known without asking ozxfs.

Role: the registry (RECIPES), the views, and the well-formed archive that most recipes start from.
The recipes themselves stand in recipes_*.py. `tests/data/policy.tsv` is this registry as a table:
`policy_lines` prints it, tests/mount/test_policy.py compares.
"""
import functools
import json
import os
import struct
from dataclasses import dataclass, field, replace

from .zipforge import Entry, Sparse, Zip, write_parts

REFUSE, EIO, SERVE = 'REFUSE', 'EIO', 'SERVE'

# Every id of the policy table and what `verify` says of it; `plain` is ours: nothing is wrong, and
# it must be served.
IDS = {
    'no-end': 'fail',
    'tail-fit': 'fail',
    'tail-padding': 'warn',
    'leading': 'warn',
    'gap': 'warn',
    'count': 'fail',
    'disks': 'fail',
    'zip64-tail': 'fail',
    'zip64-extra': 'fail',
    'extra-odd': 'warn',
    'bounds': 'fail',
    'overlap': 'fail',
    'name': 'fail',
    'name-charset': 'warn',
    'conflict': 'fail',
    'duplicate': 'fail',
    'encrypted': 'fail',
    'method': 'fail',
    'special': 'fail',
    'local': 'fail',
    'compressed': 'warn',
    'descriptor': 'warn',
    'attributes': '-',
    'no-root': 'fail',
    'nested': 'fail',
    'comment': 'warn',
    'json-first': 'fail',
    'case': 'warn',
    'changed': '-',
    'crc': 'fail',
    'ome-path': 'fail',
    'consolidated': 'fail',
    'plain': '-',
}


@dataclass
class Unreadable:
    """A file that is visible with its size, every read of which is EIO."""
    size: int


@dataclass
class Damaged:
    """A file of which a read gives the right bytes or EIO; reading all of it must fail if
    `must_fail`."""
    data: bytes
    size: int
    must_fail: bool = True


@dataclass
class Made:
    """An archive, made: its layout, and its view {path: bytes | Sparse | Unreadable | Damaged |
    None for a directory}; None if refused. `change` (path -> None) is what happens to the archive
    while it is mounted (row `changed`)."""
    parts: list
    view: dict | None
    change: object = None
    extra: dict = field(default_factory=dict)

    def write(self, path):
        write_parts(self.parts, path)
        os.utime(path, (1_700_000_000, 1_700_000_000))

    def directories(self):
        """All directories of the view, those that only follow from longer paths too; without the
        root."""
        found = {p for p, content in self.view.items() if content is None}
        for path in self.view:
            while b'/' in path:
                path = path.rsplit(b'/', 1)[0]
                found.add(path)
        return found


@dataclass
class Recipe:
    name: str
    id: str
    mount: str
    verify: str
    rules: tuple    # the ids that the refusal may name, the usual one first
    note: str
    build: object   # () -> Made
    large: bool     # made once for a session, or sparse beyond 4 GiB: not for fuzz seeds


RECIPES = {}


def add(policy_id, mount, name, note, build, rules=None, verify=None, large=False):
    """Registers a recipe. `rules`: default the id itself; `verify`: default what the table says of
    the id."""
    assert name not in RECIPES and policy_id in IDS, name
    RECIPES[name] = Recipe(name, policy_id, mount, verify or IDS[policy_id],
                           tuple(rules or (policy_id, )), note, build, large)


def recipe(policy_id, mount, **options):
    """Decorator: the function's name is the recipe's, its docstring's first paragraph the note."""
    def register(function):
        add(policy_id, mount, function.__name__,
            ' '.join(function.__doc__.split('\n\n')[0].split()).rstrip('.'), function, **options)
        return function
    return register


def refused(archive):
    """A Made that must not mount. `archive`: a Zip or bytes."""
    return Made([archive] if isinstance(archive, bytes) else archive.layout(), None)


def served(archive, change=None, **view):
    """A Made whose view is what the listed entries truly contain, the last of one name winning;
    `view` replaces: `eio` a list of names, `add` and `drop` paths."""
    parts, shown = archive.layout(), {}
    for entry in archive.listed():
        directory = entry.name.endswith(b'/')
        shown[entry.name.rstrip(b'/')] = None if directory else entry.data
    for name in view.get('eio', ()):
        shown[name] = Unreadable(len(shown[name]))
    for name in view.get('drop', ()):
        del shown[name]
    shown.update(view.get('add', {}))
    return Made(parts, shown, change)


# --- the well-formed archive ----------------------------------------------------------------------

def _json(value):
    return json.dumps(value, separators=(',', ':')).encode()


OME_GROUP = _json({
    'zarr_format': 3, 'node_type': 'group', 'attributes': {
        'ome': {
            'version': '0.5', 'multiscales': [{
                'axes': [{'name': 'y', 'type': 'space'}, {'name': 'x', 'type': 'space'}],
                'datasets': [{
                    'path': 's0', 'coordinateTransformations': [{'type': 'scale', 'scale': [1, 1]}]
                }]
            }]
        }
    }
})
# promises nothing
EMPTY_GROUP = _json({
    'zarr_format': 3, 'node_type': 'group', 'attributes': {'ome': {'version': '0.5', 'labels': []}}
})
ARRAY = _json({
    'zarr_format': 3, 'node_type': 'array', 'shape': [8, 16], 'data_type': 'uint8', 'fill_value': 0,
    'codecs': [{'name': 'bytes'}],
    'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [8, 8]}},
    'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '/'}}
})
COMMENT = b'{"ome":{"version":"0.5","zipFile":{"centralDirectory":{"jsonFirst":true}}}}'


@functools.cache
def pattern(size, seed=1):
    """`size` bytes that repeat nowhere near and tell where they come from: a wrong offset shows."""
    state, count = (seed * 2654435761 + 12345) & 0xFFFFFFFF, (size + 3) // 4
    words = [state := (state * 1664525 + 1013904223) & 0xFFFFFFFF for _ in range(count)]
    return struct.pack('>%dI' % count, *words)[:size]


CHUNKS = {b's0/c/0/0': pattern(64, 2), b's0/c/0/1': pattern(64, 3)}


def image(*more, change=None, **fields):
    """A small right image and the entries `more`; `change` = (name, fields of that Entry to
    replace)."""
    entries = [Entry(b'zarr.json', OME_GROUP),
               Entry(b's0/zarr.json', ARRAY)] + [Entry(n, d) for n, d in CHUNKS.items()]
    if change:
        entries = [replace(e, **change[1]) if e.name == change[0] else e for e in entries]
    return Zip(entries + list(more), **{'comment': COMMENT, **fields})


def image64(*more, **fields):
    """The same with ZIP64 everywhere, as RFC-9 advises."""
    made = image(*more, **fields)
    made.zip64 = True
    for entry in made.entries:
        entry.zip64, entry.local_zip64 = ('usize', 'csize', 'offset'), ('usize', 'csize')
    return made


def policy_lines():
    """The registry as the lines of policy.tsv."""
    yield 'id\trecipe\tmount\tverify\trule\tnote'
    for r in sorted(RECIPES.values(), key=lambda r: (list(IDS).index(r.id), r.name)):
        yield '\t'.join((r.id, r.name, r.mount, r.verify,
                         '|'.join(r.rules) if r.mount != SERVE else '-', r.note))


__all__ = [
    'ARRAY', 'CHUNKS', 'COMMENT', 'Damaged', 'EIO', 'EMPTY_GROUP', 'Entry', 'IDS', 'Made',
    'OME_GROUP', 'RECIPES', 'REFUSE', 'Recipe', 'SERVE', 'Sparse', 'Unreadable', 'Zip', 'add',
    'image', 'image64', 'pattern', 'policy_lines', 'recipe', 'refused', 'served'
]
