# SPDX-License-Identifier: BSD-2-Clause
"""What cannot be mapped is refused by array and field, and nothing is written; what a store
misstates is put right."""
import json
import zipfile

import numpy
import pytest
import zarr

import stores
from conftest import convert, metadata, tree
from kit import launch

GOOD = dict(zarr_format=2, shape=[4, 4], chunks=[2, 2], dtype='<f4', order='C', fill_value=0,
            compressor=None, filters=None)


def array(store, **changes):
    stores.group(store, {})
    (store / 'a').mkdir(exist_ok=True)
    zarray = {k: v for k, v in dict(GOOD, **changes).items() if v is not ...}
    (store / 'a' / '.zarray').write_text(json.dumps(zarray))
    return store


REFUSED = {
    'structured': (dict(dtype=[['x', '<f4'], ['y', '<i2']]), 'dtype:'),
    'longdouble': (dict(dtype='<f16'), 'dtype:'),
    'clongdouble': (dict(dtype='<c32'), 'dtype:'),
    'object': (dict(dtype='|O'), 'dtype:'),
    'no-order': (dict(dtype='|i4'), 'dtype:'),
    'nonsense': (dict(dtype='float'), 'dtype:'),
    'no-dtype': (dict(dtype=...), 'dtype:'),
    'empty': (dict(dtype='|S0'), 'dtype:'),
    'vlen-array': (dict(dtype='|O', filters=[dict(id='vlen-array', dtype='<i4')]), 'filters[0]'),
    'pickle': (dict(dtype='|O', filters=[dict(id='pickle')]), 'filters[0]'),
    'json2': (dict(dtype='|O', filters=[dict(id='json2')]), 'filters[0]'),
    'msgpack2': (dict(dtype='|O', filters=[dict(id='msgpack2')]), 'filters[0]'),
    'categorize': (dict(filters=[dict(id='categorize', labels=['a'], dtype='<f4', astype='|u1')]),
                   'filters[0]'),
    'n5': (dict(compressor=dict(id='n5_wrapper')), 'compressor'),
    'imagecodecs': (dict(compressor=dict(id='imagecodecs_jpeg')), 'compressor'),
    'no-id': (dict(compressor=dict(level=1)), 'compressor'),
    'field': (dict(compressor=dict(id='zstd', nonsense=1)), "no field 'nonsense'"),
    'level': (dict(compressor=dict(id='gzip', level=10)), 'compressor.level'),
    'cname': (dict(compressor=dict(id='blosc', cname='lzo')), 'compressor.cname'),
    'after-bytes': (dict(filters=[dict(id='zlib'), dict(id='delta', dtype='<f4')]), 'filters[1]'),
    'other-type': (dict(filters=[dict(id='delta', dtype='<i4')]), 'filters[0].dtype'),
    'other-order': (dict(filters=[dict(id='delta', dtype='>f4')]), 'filters[0].dtype'),
    'chain': (dict(
        filters=[dict(id='delta', dtype='<f4', astype='<i2'),
                 dict(id='delta', dtype='<f4')]), 'filters[1].dtype'),
    'quantize': (dict(filters=[dict(id='quantize', digits=1, dtype='<f4', astype='<f2')]),
                 'filters[0].astype'),
    'packbits': (dict(filters=[dict(id='packbits')]), 'filters[0]'),
    'vlen-of-numbers': (dict(filters=[dict(id='vlen-utf8')]), 'filters[0]'),
    'zfpy-big': (dict(dtype='>f4', compressor=dict(id='zfpy', mode=4,
                                                   tolerance=0.1)), 'compressor'),
    'pcodec-f': (dict(order='F', compressor=dict(id='pcodec', level=8)), 'compressor'),
    'chunks': (dict(chunks=[2]), 'chunks:'),
    'zero-chunk': (dict(chunks=[0, 2]), 'chunks:'),
    'no-shape': (dict(shape=...), 'shape:'),
    'negative': (dict(shape=[-1, 4]), 'shape:'),
    'order': (dict(order='K'), 'order:'),
    'format': (dict(zarr_format=3), 'zarr_format:'),
    'fill-fraction': (dict(dtype='<i4', fill_value=0.5), 'fill_value:'),
    'fill-range': (dict(dtype='|u1', fill_value=256), 'fill_value:'),
    'fill-negative': (dict(dtype='<u4', fill_value=-1), 'fill_value:'),
    'fill-text': (dict(fill_value='much'), 'fill_value:'),
    'fill-base64': (dict(dtype='|S4', fill_value='??'), 'fill_value:'),
    'fill-long': (dict(dtype='|V2', fill_value='AAAA'), 'fill_value:'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_by_array_and_field(store, out, name):
    changes, field = REFUSED[name]
    said = convert(array(store, **changes), out, '--ome-version', '0.5', code=2)
    assert "'a/.zarray': " in said and field in said, said
    assert not out.exists()


FILLS = [('<u8', 18446744073709551615, 18446744073709551615),
         ('<i8', -9223372036854775808, -9223372036854775808), ('<i4', 7.0, 7), ('<i4', '5', 5),
         ('<i4', True, 1), ('|b1', 1, True), ('|b1', False, False), ('|b1', 0.0, False),
         ('|b1', 1.0, True), ('<f4', 3, 3.0),
         ('<f8', 1e300, 1e300), ('<f8', 'NaN', 'NaN'), ('<f4', 1e300, 'Infinity'),
         ('<f2', -1e6, '-Infinity'), ('<c8', [1, 'NaN'], [1.0, 'NaN']),
         ('<M8[ns]', -9223372036854775808, 'NaT'), ('<M8[s]', 5, 5), ('<i4', None, 0),
         ('<M8[s]', None, 'NaT'), ('|V2', None, 'AAA='), ('<U2', 'ü', 'ü'), ('|S4', 'eHk=', 'eHk=')]


@pytest.mark.parametrize('dtype,stated,wanted', FILLS)
def test_fill_values(store, out, dtype, stated, wanted):
    convert(array(store, dtype=dtype, fill_value=stated), out, '--ome-version', '0.5')
    found = metadata(out, 'a')['fill_value']
    assert found == wanted and type(found) is type(wanted)


def test_not_finite_as_json_does_not_have_it(store, out):
    array(store)
    for word in ('NaN', 'Infinity', '-Infinity'):
        (store / 'a' / '.zarray').write_text(
            json.dumps(GOOD).replace('"fill_value": 0', '"fill_value": ' + word))
        convert(store, out, '--ome-version', '0.5')
        assert metadata(out, 'a')['fill_value'] == word


def test_zeros_and_their_sign(store, out):
    """JSON's -0 is an integer to Python, and so to who wrote and reads v2."""
    array(store)
    for stated, wanted in (('-0', '0.0'), ('-0.0', '-0.0')):
        (store / 'a' / '.zarray').write_text(
            json.dumps(GOOD).replace('"fill_value": 0', '"fill_value": ' + stated))
        convert(store, out, '--ome-version', '0.5')
        assert repr(metadata(out, 'a')['fill_value']) == wanted


@pytest.mark.parametrize('separator', './')
def test_the_separator_is_that_of_the_files(store, out, separator, tmp_path):
    """Nested stores of zarr-python 2 stated '.', or nothing; what believes it reads fill."""
    stores.group(store, {})
    stores.write_array(store / 'a', '<u2', (5, 5), (2, 2), separator=separator,
                       states='./'.replace(separator, ''))
    said = convert(store, out, '--ome-version', '0.5')
    assert 'dimension_separator is not what the names of the chunks have' in said
    launch.ok('unpack', out, tmp_path / 'v3')
    pixels = zarr.open_array(tmp_path / 'v3' / 'a', mode='r')[...]
    assert numpy.count_nonzero(pixels) == 25 - 4  # a chunk is missing


def test_mixed_and_unmatched_names(store, out):
    array(store)
    (store / 'a' / '0.0').write_bytes(b'x' * 16)
    (store / 'a' / '1').mkdir()
    (store / 'a' / '1' / '0').write_bytes(b'x' * 16)
    assert "'a' has chunks named like 0.0 and chunks named like 0/0" in convert(
        store, out, '--ome-version', '0.5', code=2)
    (store / 'a' / '0.0').unlink()
    for name in ('readme', '01', '0.0.0', '1/0/0', '1/x', '-1'):
        path = store / 'a' / name
        if name == '1/0/0':
            continue
        path.write_bytes(b'')
        said = convert(store, out, '--ome-version', '0.5', code=2)
        assert 'and not named like its chunks' in said, (name, said)
        path.unlink()
    (store / 'a' / 'readme').write_text('')
    (store / 'a' / '.DS_Store').write_text('')
    convert(store, out, '--ome-version', '0.5', '--exclude', 'readme')
    assert {n for n in tree(out) if n.startswith('a/')} == {'a/zarr.json', 'a/c/1/0'}
    (store / 'a' / 'c').write_text('')
    assert "where Zarr v3 has its chunks" in convert(store, out, '--ome-version', '0.5', code=2)


def zipped(store, path):
    """The store as a ZIP, and what repack --convert makes of it, or says."""
    out = path.with_suffix('.ozx')
    with zipfile.ZipFile(path, 'w') as file:
        for each in sorted(store.rglob('*')):
            if each.is_file():
                file.write(each, each.relative_to(store))
    done = launch.run_text('repack', '--convert', '-f', '--ome-version', '0.5', path, out)
    return (tree(out) if done.returncode == 0 else None), done.stderr


def test_names_like_those_of_chunks_in_an_archive(store, out, tmp_path):
    """There a directory of chunks is not listed but looked at name by name: what is no chunk of
    the array is seen all the same, in its place."""
    array(store)
    for name in ('0.0', '0.1', '1.0', '1.1'):
        (store / 'a' / name).write_bytes(name.encode() * 16)
    for name, shape in (('none', []), ('one', [25]), ('three', [12, 2, 11])):
        (store / name).mkdir()
        zarray = dict(GOOD, shape=shape, chunks=[1] * len(shape), dtype='|u1')
        (store / name / '.zarray').write_text(json.dumps(zarray))
        for index in numpy.ndindex(*shape):
            key = '.'.join(map(str, index)) or '0'
            (store / name / key).write_bytes(bytes([sum(index) + 1]))
    stores.group(store / 'group', {})
    for name in ('7', '1.2', 'x'):
        (store / 'group' / name).write_text(name)
    (store / 'a' / '.DS_Store').write_text('')
    for index in range(12):  # left out, and behind all chunks of that index
        (store / 'three' / f'{index}é.{"0" * 32}.partial').write_bytes(b'')
    convert(store, out, '--ome-version', '0.5')
    made, said = zipped(store, tmp_path / 'x.zip')
    assert made == tree(out), said
    assert made['none/c'] == b'\1' and made['three/c/11/1/10'] == bytes([23])
    assert made['group/7'] == b'7' and made['one/c/24'] == bytes([25])
    for name in ('readme', '01', '0.0.0', '5', '.0', '0..1'):
        (store / 'a' / name).write_bytes(b'')
        made, said = zipped(store, tmp_path / 'x.zip')
        assert made is None and 'and not named like its chunks' in said, (name, said)
        (store / 'a' / name).unlink()
    (store / 'a' / '1').mkdir()
    (store / 'a' / '1' / '0').write_bytes(b'x' * 16)
    made, said = zipped(store, tmp_path / 'x.zip')
    assert made is None and 'chunks named like 0.0 and chunks named like 0/0' in said


def test_one_directory_too_high(store, out):
    array(store / 'image')
    assert "there is a hierarchy in 'image/'" in convert(store, out, '--ome-version', '0.5', code=2)


def test_broken_json(store, out):
    array(store)
    (store / 'a' / '.zattrs').write_text('{"x": }')
    said = convert(store, out, '--ome-version', '0.5', code=2)
    assert "'a/.zattrs': is not JSON" in said and 'line 1' in said
    (store / 'a' / '.zattrs').unlink()
    (store /
     '.zattrs').write_text('{"multiscales": [{"version": "0.2", "datasets": [{"path": "../a"}]}]}')
    assert "'.zattrs': multiscales[0].datasets[0]: there is no array '../a'" in convert(
        store, out, code=2)
    (store / '.zattrs').write_text('{"multiscales": [{"version": "0.4"}], "ome": {}}')
    assert "'.zattrs': ome: exists already" in convert(store, out, code=2)
