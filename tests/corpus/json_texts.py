# SPDX-License-Identifier: BSD-2-Clause
"""Metadata that people have and that is not quite JSON: what ozxfs says of each, and which readers
open an array that has it (tests/interop/test_json_readers.py asks them). `member` makes an
attribute, `change` edits a whole text."""
import json

ARRAY = {
    'zarr_format': 3, 'node_type': 'array', 'shape': [4, 4], 'data_type': 'float32',
    'chunk_grid': {'name': 'regular', 'configuration': {'chunk_shape': [4, 4]}},
    'chunk_key_encoding': {'name': 'default', 'configuration': {'separator': '/'}},
    'fill_value': 0.5, 'codecs': [{'name': 'bytes',
                                   'configuration': {'endian': 'little'}}], 'attributes': {'x': 1}
}
PYTHON, TENSORSTORE, ZARRS, ZARRITA = 'zarr-python', 'tensorstore', 'zarrista', 'zarrita.js'
ALL = {PYTHON, TENSORSTORE, ZARRS, ZARRITA}


def member(value):
    """The attribute x of any zarr.json that has attributes, with this value."""
    return lambda text: text.replace(b'"attributes": {', b'"attributes": {"y": ' + value + b', ', 1)


def key(name):
    return lambda text: text.replace(b'"attributes": {', b'"attributes": {"' + name + b'": 1, ', 1)


def deep(levels):
    """With the object and its attributes, so many lists and objects inside each other."""
    return member(b'[' * (levels - 2) + b']' * (levels - 2))


# name: (change, what is said, the readers that open it)
TAKEN = {
    'nul': (member(b'"ImageJ\\u0000"'), 'a string with U+0000', ALL),
    'nul_in_key': (key(b'a\\u0000b'), 'a string with U+0000', ALL),
    'surrogate_high': (member(b'"a\\ud800b"'), 'half of a surrogate pair', {PYTHON, ZARRITA}),
    'surrogate_low': (member(b'"\\uDFFF"'), 'half of a surrogate pair', {PYTHON, ZARRITA}),
    'surrogate_and_character': (member(b'"\\ud800\\u0041"'), 'half of a surrogate pair',
                                {PYTHON, ZARRITA}),
    'surrogate_in_key': (key(b'\\ud800'), 'half of a surrogate pair', {PYTHON, ZARRITA}),
    'surrogate_as_bytes': (member(b'"\xed\xa0\x80"'), 'half of a surrogate pair', {PYTHON,
                                                                                   ZARRITA}),
    'bom': (lambda t: b'\xef\xbb\xbf' + t, 'a byte order mark', {PYTHON, TENSORSTORE, ZARRITA}),
    'bom_and_blanks': (lambda t: b'\xef\xbb\xbf \n' + t, 'a byte order mark',
                       {PYTHON, TENSORSTORE, ZARRITA}),
    'nan': (member(b'NaN'), 'NaN is not JSON: tensorstore, zarrs and zarrita.js refuse it',
            {PYTHON}),
    'infinity': (member(b'Infinity'), 'Infinity is not JSON', {PYTHON}),
    'minus_infinity': (member(b'[1, -Infinity]'), '-Infinity is not JSON', {PYTHON}),
    'nan_as_fill_value': (lambda t: t.replace(b'"fill_value": 0.5', b'"fill_value": NaN').replace(
        b'"attributes": {', b'"attributes": {"y": NaN, '), 'NaN is not JSON', {PYTHON}),
    'too_large': (member(b'1e400'), 'the number 1e400 is too large', {PYTHON, ZARRITA}),
    'too_large_negative': (member(b'-1.8E+308'), 'the number -1.8E+308 is too large',
                           {PYTHON, ZARRITA}),
    'integer_of_400_digits': (member(b'9' * 400), 'the number 99999999999999999999... is too large',
                              {PYTHON, ZARRITA}),
    'deep_128': (deep(128), 'nested 128 deep: zarrs refuses more than 127', ALL - {ZARRS}),
    'deep_300': (deep(300), 'nested 300 deep', ALL - {ZARRS}),
    # zarr-python: by the size of its stack
    'deep_100000': (deep(100000), 'nested 100000 deep', None),
    'nul_padding': (lambda t: t + b'\0' * 512, 'NUL bytes follow the end', {TENSORSTORE}),
    'key_twice': (lambda t: t.replace(b'"node_type"', b'"node_type": "x", "node_type"'),
                  'a key appears twice', ALL - {ZARRS}),
    'key_twice_escaped': (
        lambda t: t.replace(b'"node_type"', b'"node\\u005ftype": "x", "node_type"'),
        'a key appears twice', ALL - {ZARRS}),
}
# Nothing is said of these.
FINE = {
    'plain': lambda t: t,
    'blanks_around': lambda t: b' \n\t' + t + b'\r\n \t',
    'pair': member(b'"\\ud83d\\ude00 \xf0\x9f\x98\x80"'),
    'escaped_key': lambda t: t.replace(b'node_type', b'node_typ\\u0065'),
    'no_characters': member(b'"\\ufffe \xef\xbf\xbf \xe2\x80\xa8 \x7f"'),
    'deep_127': deep(127),
    'many_digits': member(b'0.' + b'1' * 5000),
    'large_integer': member(b'1' + b'0' * 30),
    'tiny': member(b'[1e-400, -0, -0.0, 1E+2]'),
    'largest': member(b'1.7976931348623157e308'),
    'attribute_twice_left_out': member(b'{"a": 1, "a": 2}'),
    'many': member(b'[' + b'{"a":1},' * 50000 + b'1]'),
}
# Refused, with these words. Neither zarr-python nor tensorstore opens them, but for UTF-16, which
# zarr-python guesses, and what follows a NUL, which tensorstore does not look at.
REFUSED = {
    'empty': (lambda t: b'', 'it is empty'),
    'blank': (lambda t: b' \n', 'it is empty'),
    'list': (lambda t: b'[1]', 'not a JSON object'),
    'null': (lambda t: b'null', 'neither an object nor a list'),
    'zeros': (lambda t: b'\0' * 100, 'neither an object nor a list'),
    'cut_off': (lambda t: t[:-3], 'cut off'),
    'twice': (lambda t: t + t, 'something follows its end'),
    'garbage': (lambda t: t + b';', 'something follows its end'),
    'nul_and_more': (lambda t: t + b'\0x', 'something follows its end'),
    'nul_first': (lambda t: b'\0' + t, 'neither an object nor a list'),
    'bom_twice': (lambda t: b'\xef\xbb\xbf' * 2 + t, 'neither an object nor a list'),
    'blank_and_bom': (lambda t: b' \xef\xbb\xbf' + t, 'neither an object nor a list'),
    'comma': (member(b'[1,]'), 'no value'),
    'comma_in_object': (member(b'{"a": 1,}'), 'a key must be in double quotes'),
    'comment': (lambda t: b'// x\n' + t, 'neither an object nor a list'),
    'comment_inside': (member(b'1 /* x */'), "neither ',' nor '}'"),
    'single_quotes': (member(b"'a'"), 'no value'),
    'key_without_quotes': (member(b'{a: 1}'), 'a key must be'),
    'control': (member(b'"a\x01b"'), 'control character'),
    'line_in_string': (member(b'"a\nb"'), 'control character'),
    'nul_in_string': (member(b'"a\0b"'), 'control character'),
    'escape': (member(b'"\\x41"'), 'an escape sequence is invalid'),
    'escape_short': (member(b'"\\u12"'), 'four hexadecimal digits'),
    'zero_first': (member(b'01'), "neither ',' nor '}'"),
    'plus': (member(b'+1'), 'no value'),
    'point': (member(b'.5'), 'no value'),
    'point_last': (member(b'5.'), 'no digit after its decimal point'),
    'hexadecimal': (member(b'0x10'), "neither ',' nor '}'"),
    'nan_small': (member(b'nan'), 'no value'),
    'nan_negative': (member(b'-NaN'), 'no value'),
    'inf': (member(b'inf'), 'no value'),
    'python_true': (member(b'True'), 'no value'),
    'latin1': (member(b'"\xb5m"'), 'not UTF-8'),
    'latin1_key': (key(b'\xb5m'), 'not UTF-8'),
    'overlong': (member(b'"\xc0\x80"'), 'not UTF-8'),
    'beyond_unicode': (member(b'"\xf4\x90\x80\x80"'), 'not UTF-8'),
    'utf16': (lambda t: t.decode('latin1').encode('utf-16'), 'UTF-16'),
    'utf16_without_mark': (lambda t: t.decode('latin1').encode('utf-16-le'), 'UTF-16'),
    'utf16_be': (lambda t: t.decode('latin1').encode('utf-16-be'), 'UTF-16'),
    'utf32': (lambda t: t.decode('latin1').encode('utf-32'), 'UTF-16'),
}
OPENED_BY_PYTHON = {'utf16', 'utf16_without_mark', 'utf16_be', 'utf32'}


def text(document):
    return json.dumps(document, indent=1).encode()
