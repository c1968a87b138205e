# SPDX-License-Identifier: BSD-2-Clause
"""Recipes for names: what no path may be, charsets, and names that quarrel with each other.

Ids: name, name-charset, conflict, duplicate, case.
"""
import struct
import zlib

from .recipe import OME_GROUP, REFUSE, SERVE, Entry, add, image, pattern, recipe, refused, served
from .zipforge import UNICODE_PATH_ID, UTF8, extra_field, zip64_field


def named(name, **fields):
    return image(Entry(name, b'' if name.endswith(b'/') else b'content of it', **fields))


# --- name -----------------------------------------------------------------------------------------

for _name, _note, _bytes in (
    ('empty', 'an empty name', b''), ('slash', 'a lone slash',
                                      b'/'), ('absolute', 'an absolute path', b'/etc/passwd'),
    ('absolute_double', 'an absolute path with two slashes',
     b'//host/share'), ('dot', 'the name `.`', b'.'), ('dot_dir', 'the directory `./`', b'./'),
    ('dot_first', '`./` in front',
     b'./a'), ('dot_middle', '`.` in the middle', b'a/./b'), ('dot_last', '`.` at the end', b'a/.'),
    ('dotdot', 'the name `..`', b'..'), ('dotdot_first', '`..` in front', b'../a'),
    ('dotdot_middle', '`..` in the middle',
     b'a/../b'), ('dotdot_last', '`..` at the end',
                  b'a/..'), ('dotdot_dir', 'the directory `a/../`',
                             b'a/../'), ('double_slash', 'an empty component', b'a//b'),
    ('double_slash_last', 'a directory with two slashes',
     b'a//'), ('backslash', 'a backslash',
               b'a\\b'), ('backslash_dotdot', 'a traversal in the manner of Windows',
                          b'..\\..\\a'), ('backslash_only', 'a lone backslash', b'\\'),
    ('nul_middle', 'a NUL inside',
     b'a\0b'), ('nul_last', 'a NUL at the end',
                b'a\0'), ('nul_hides', 'a NUL that would cut zarr.json out',
                          b'zarr.json\0.txt'), ('0x01', 'the control character 0x01',
                                                b'a\x01'), ('newline', 'a newline', b'a\nb'),
    ('tab', 'a tab', b'a\tb'), ('escape', 'a terminal\'s escape sequence',
                                b'\x1b[2Jgone'), ('0x1f', 'the control character 0x1F', b'a\x1f'),
    ('0x7f', 'the control character 0x7F',
     b'a\x7f'), ('0x1f_in_dir', 'a control character in a directory\'s name',
                 b'a\x1f/b'), ('component_256', 'a component of 256 bytes',
                               b'x' * 256), ('component_256_dir',
                                             'a directory of 256 bytes', b'x' * 256 + b'/'),
    ('component_256_middle', 'a component of 256 bytes in the middle',
     b'a/' + b'x' * 256 + b'/b'), ('path_4096', 'a path of 4,096 bytes',
                                   b'/'.join([b'd' * 255] * 15 + [b'e' * 256])[:-1] + b'e'),
    ('path_4096_short', 'a path of 4,096 bytes, every component short',
     b'ab/' * 1365 + b'c'), ('65535', 'a name of 65,535 bytes',
                             b'n' * 65535), ('deep_30000', 'a path of 30,000 levels',
                                             b'd/' * 30000 + b'f')):
    add('name', REFUSE, 'name_' + _name, _note, lambda b=_bytes: refused(named(b)))

for _name, _note, _bytes in (('latin1', 'a byte of Latin-1', b'caf\xe9'),
                             ('lone_continuation', 'a lone continuation byte',
                              b'a\x80'), ('overlong', 'an overlong slash', b'a\xc0\xafb'),
                             ('overlong_3', 'an overlong form of three bytes',
                              b'\xe0\x80\xaf'), ('surrogate', 'a surrogate', b'\xed\xa0\x80'),
                             ('beyond', 'beyond U+10FFFF',
                              b'\xf4\x90\x80\x80'), ('cut_off', 'a sequence cut off', b'a\xe2\x82'),
                             ('0xff', 'the byte 0xFF', b'\xff')):
    add('name', REFUSE, 'name_utf8_' + _name, 'bit 11 says UTF-8: ' + _note,
        lambda b=_bytes: refused(named(b, flags=UTF8)))

for _name, _note, _bytes in (('overlong_dots', 'an overlong `..`', b'\xc0\xae\xc0\xae/x'),
                             ('overlong_nul', 'an overlong NUL, as Java writes it', b'a\xc0\x80b'),
                             ('overlong_4', 'an overlong slash of four bytes',
                              b'a\xf0\x80\x80\xafb'), ('5_bytes', 'a form of five bytes',
                                                       b'\xf8\x88\x80\x80\x80'),
                             ('cesu_8', 'a character beyond U+FFFF as two surrogates',
                              b'\xed\xa0\xbd\xed\xb4\xac'),
                             ('low_surrogate', 'a lone low surrogate', b'a\xed\xbf\xbf'),
                             ('utf16_mark', 'the byte order mark of UTF-16',
                              b'\xff\xfea'), ('no_continuation',
                                              'a first byte, and no continuation', b'\xe2(\xa1'),
                             ('in_directory', 'a byte of Latin-1 in a directory\'s name',
                              b'caf\xe9/x'), ('shift_jis', 'a name in Shift-JIS',
                                              '日本'.encode('shift_jis'))):
    add('name', REFUSE, 'name_utf8_' + _name, 'bit 11 says UTF-8: ' + _note,
        lambda b=_bytes: refused(named(b, flags=UTF8)))

for _name, _note, _bytes in (('dotdot_dir_first', 'the directory `../`',
                              b'../'), ('dotdot_slashes', '`..` behind two slashes', b'a//../b'),
                             ('dotdot_of_file', '`..` behind a file\'s name', b'zarr.json/../x'),
                             ('dotdot_many', 'far more `..` than there are levels',
                              b'../' * 500 + b'etc/passwd'), ('drive',
                                                              'a path of Windows with its drive',
                                                              b'C:\\Windows\\x'),
                             ('unc', 'a path of Windows with its server',
                              b'\\\\host\\share\\x'), ('mixed_slashes', 'slashes of both kinds',
                                                       b'a/..\\b'), ('nul_only', 'a lone NUL',
                                                                     b'\0'),
                             ('nul_padding', 'a name filled up with NULs, as in a tar',
                              b'padded'.ljust(100, b'\0')), ('utf16', 'a name in UTF-16',
                                                             'name'.encode('utf-16-le')),
                             ('carriage_return', 'a carriage return, to overwrite the line',
                              b'zarr.json\rgood'), ('bell', 'a bell', b'\x07'),
                             ('title', 'a sequence that sets a terminal\'s title',
                              b'\x1b]0;owned\x07'), ('backspace',
                                                     'backspaces that show another name',
                                                     b'bad' + b'\b' * 3 + b'good'),
                             ('delete_in_dir', 'a DEL in a directory\'s name',
                              b'a\x7f/b'), ('component_258_utf8',
                                            'a component of 86 characters and 258 bytes',
                                            '\u2592'.encode() * 86),
                             ('path_4096_dir', 'a directory\'s path of 4,096 bytes',
                              b'ab/' * 1365 + b'c/'), ('slashes_only', 'a hundred slashes',
                                                       b'/' * 100), ('spaces_and_slash',
                                                                     'an absolute path of a space',
                                                                     b'/ ')):
    add('name', REFUSE, 'name_' + _name, _note, lambda b=_bytes: refused(named(b)))


def unicode_path(raw, name):
    """Info-ZIP's field that gives the name `raw` in UTF-8 (APPNOTE 4.6.9)."""
    return extra_field(UNICODE_PATH_ID, b'\1' + struct.pack('<I', zlib.crc32(raw)) + name)


add('name', REFUSE, 'name_unicode_path_mends', 'a `..` that a Unicode path field would normalize',
    lambda: refused(named(b'../x', extra=unicode_path(b'../x', b'x'))))
add('name', REFUSE, 'name_unicode_path_only', 'an empty name and a Unicode path field',
    lambda: refused(named(b'', extra=unicode_path(b'', b'x'))))
add('name', REFUSE, 'name_local_is_right', 'a `..` where the local header has a right name',
    lambda: refused(named(b'../x', local={'name': b'ab_x'})))
add('name', REFUSE, 'name_cut_by_length', 'the name\'s length ends within a character',
    lambda: refused(named('aé'.encode(), central={'name_size': 2, 'extra_size': 1})))
add('name', REFUSE, 'name_cp437_backslash', 'no bit 11, not UTF-8, and a backslash',
    lambda: refused(named(b'\xe9\\b', flags=0)))
add('name', REFUSE, 'name_cp437_absolute', 'no bit 11, not UTF-8, and absolute',
    lambda: refused(named(b'/\xe9', flags=0)))
add('name', REFUSE, 'name_of_symlink', 'a symlink that climbs out',
    lambda: refused(image(Entry(b'../x', b'/etc/passwd', mode=0o120777))))
add('name', REFUSE, 'name_of_last', 'a bad name behind 2,000 good ones',
    lambda: refused(image(*(Entry(b'c/%d' % i) for i in range(2000)), Entry(b'c/.'))))

add('name', REFUSE, 'name_cp437_component', '86 bytes of CP437 become a component of 258 bytes',
    lambda: refused(named(b'\xb0' * 86, flags=0)))
add('name', REFUSE, 'name_cp437_path', '1,461 bytes of CP437 become a path of more than 4,095',
    lambda: refused(named(b'/'.join([b'\xb0' * 85] * 17), flags=0)))
add('name', REFUSE, 'name_cp437_control', 'no bit 11, not UTF-8, and a control character',
    lambda: refused(named(b'\xe9\x01', flags=0)))
add('name', REFUSE, 'name_cp437_dotdot', 'no bit 11, not UTF-8, and a `..`',
    lambda: refused(named(b'\xe9/../b', flags=0)))
add('name', REFUSE, 'name_of_directory_entry', 'a directory entry that climbs out',
    lambda: refused(named(b'../../tmp/')))
add('name', REFUSE, 'name_of_encrypted', 'a bad name on an entry that cannot be read anyway',
    lambda: refused(named(b'../x', flags=1)))

add('plain', SERVE, 'plain_component_255', 'components of 255 bytes',
    lambda: served(named(b'x' * 255), add={}))
add('plain', SERVE, 'plain_component_255_utf8', 'a component of 255 bytes in UTF-8',
    lambda: served(named('\u2592'.encode() * 85)))
add('plain', SERVE, 'plain_path_4095', 'a path of 4,095 bytes',
    lambda: served(named(b'/'.join([b'd' * 255] * 16))))
add('plain', SERVE, 'plain_path_2000_levels', 'a path of 2,000 levels',
    lambda: served(named(b'd/' * 1999 + b'f')))
for _name, _note, _bytes in (('colon', 'a drive letter is a name as any other',
                              b'C:/x'), ('dots', 'three dots, and dots in names',
                                         b'...'), ('dotfile', 'a hidden file', b'.zattrs'),
                             ('dot_suffix', 'a name that ends in a dot',
                              b'a./b.'), ('space', 'spaces and a trailing space',
                                          b' a b '), ('percent', 'percent signs', b'100%s%n'),
                             ('quotes', 'quotes, stars, dollars',
                              b'"\'*?$`<>|'), ('hash', 'a name as URLs have them', b'a#b?c=d&e'),
                             ('dash', 'a name like an option', b'-rf')):
    add('plain', SERVE, 'plain_name_' + _name, _note, lambda b=_bytes: served(named(b)))
add('plain', SERVE, 'plain_name_utf8', 'names in UTF-8 with bit 11',
    lambda: served(named('größe/日本/🔬.json'.encode())))
add('plain', SERVE, 'plain_name_utf8_flag_on_ascii', 'bit 11 on an ASCII name',
    lambda: served(named(b'ascii', flags=UTF8)))
add('plain', SERVE, 'plain_name_c1', 'U+0085 is a character as any other',
    lambda: served(named(b'a\xc2\x85b', flags=UTF8)))
add('plain', SERVE, 'plain_name_not_normalised', 'two forms of one letter are two names',
    lambda: served(image(Entry('\u00e9'.encode(), b'one'), Entry('e\u0301'.encode(), b'two'))))


# --- name-charset ---------------------------------------------------------------------------------

def charset(raw, shown, **fields):
    made = named(raw, flags=0, **fields)
    return served(made, drop=[raw], add={shown: made.entries[-1].data})


def cp437(raw):
    """Python's own table: a second opinion."""
    return raw.decode('cp437').encode()


ALL_HIGH = [bytes(range(low, low + 32)) for low in range(0x80, 0x100, 32)]
for _raw in ALL_HIGH:
    add('name-charset', SERVE, 'charset_cp437_%02x' % _raw[0],
        'CP437 0x%02X to 0x%02X, no bit 11' % (_raw[0], _raw[-1]),
        lambda r=_raw: charset(r, cp437(r)))
add('name-charset', SERVE, 'charset_cp437_dir', 'CP437 in a directory\'s name',
    lambda: charset(b'caf\x82/x', 'café/x'.encode()))
add('name-charset', SERVE, 'charset_cp437_255',
    '85 bytes of CP437 become a component of exactly 255',
    lambda: charset(b'\xb0' * 85, '░'.encode() * 85))
add('name-charset', SERVE, 'charset_utf8_unflagged', 'no bit 11, yet valid UTF-8: taken as it is',
    lambda: charset('größe'.encode(), 'größe'.encode()))
add('name-charset', SERVE, 'charset_overlong_is_cp437', 'no bit 11, not quite UTF-8: CP437',
    lambda: charset(b'\xc0\xaf', cp437(b'\xc0\xaf')))


@recipe('name-charset', SERVE)
def charset_unicode_path_ignored():
    """A Unicode path extra field says another name: ignored."""
    field = extra_field(UNICODE_PATH_ID,
                        b'\1' + struct.pack('<I', zlib.crc32(b'caf\x82')) + b'other')
    return charset(b'caf\x82', 'café'.encode(), extra=field, local_extra=field)


@recipe('name-charset', SERVE)
def charset_unicode_path_hides_nothing():
    """A Unicode path field on an ASCII name, naming zarr.json: ignored."""
    field = extra_field(UNICODE_PATH_ID, b'\1' + struct.pack('<I', zlib.crc32(b'a')) + b'zarr.json')
    return served(image(Entry(b'a', b'a', extra=field)))


@recipe('name-charset', SERVE)
def charset_mixed():
    """Flagged, unflagged and CP437 names in one directory."""
    made = image(Entry('ä'.encode(), b'1'), Entry('ö'.encode(), b'2', flags=0),
                 Entry(b'\x81', b'3', flags=0))
    return served(made, drop=[b'\x81'], add={'ü'.encode(): b'3'})


# --- conflict -------------------------------------------------------------------------------------

def both(*names):
    return image(*(Entry(n, b'' if n.endswith(b'/') else b'of ' + n) for n in names))


for _name, _note, _names in (('file_then_child', 'a file `a`, then `a/b`', (b'a', b'a/b')),
                             ('child_then_file', '`a/b`, then a file `a`', (b'a/b', b'a')),
                             ('deep', 'a file `a/b` and `a/b/c/d`', (b'a/b/c/d', b'a/b')),
                             ('file_then_dir', '`x`, then `x/`',
                              (b'x', b'x/')), ('dir_then_file', '`x/`, then `x`', (b'x/', b'x')),
                             ('child_dir', 'a file `a` and an empty directory `a/b/`',
                              (b'a', b'a/b/')), ('duplicate_too', '`a` twice, then `a/b`',
                                                 (b'a', b'a', b'a/b')),
                             ('sorted_apart', '`a`, `a-`, `a.x`, `a/b`: not neighbours when sorted',
                              (b'a', b'a-', b'a.x', b'a/b')), ('in_directory', '`d/x` and `d/x/`',
                                                               (b'd/x', b'd/x/'))):
    add('conflict', REFUSE, 'conflict_' + _name, _note, lambda n=_names: refused(both(*n)))
for _name, _note, _make in (
    ('symlink_then_child', 'a symlink `out`, then `out/x`: unpacking would follow it', lambda:
     (Entry(b'out', b'/tmp', mode=0o120777), Entry(b'out/x', b'x'))),
    ('child_then_symlink', '`out/x`, then a symlink `out`', lambda:
     (Entry(b'out/x', b'x'), Entry(b'out', b'/tmp', mode=0o120777))),
    ('directory_by_attribute',
     'a directory by its attributes only, without a slash, and a file in it', lambda:
     (Entry(b'd', b'', host=0, mode=0, central={'external': 0x10}), Entry(b'd/x', b'x'))),
    ('directory_by_mode', 'a directory by its mode only, without a slash, and a file in it', lambda:
     (Entry(b'd', b'', mode=0o40755), Entry(b'd/x', b'x'))),
    ('encrypted_then_child', 'an encrypted file `a`, then `a/b`', lambda:
     (Entry(b'a', b'a', flags=1), Entry(b'a/b', b'b'))),
    ('unknown_method_then_dir', 'a file `a` of an unknown method, then `a/`', lambda:
     (Entry(b'a', b'a', method=97), Entry(b'a/', mode=0o40755))),
    ('unflagged', 'a file with bit 11, a directory of the same name without', lambda:
     (Entry('é'.encode(), b'x'), Entry('é/y'.encode(), b'y', flags=0))),
    ('dir_through_cp437', 'a directory entry in CP437, a file in UTF-8', lambda:
     (Entry(b'\x82/', b'', flags=0, mode=0o40755), Entry('é'.encode(), b'x'))),
    ('chunk', 'a chunk `s0/c/0` beside `s0/c/0/0`', lambda:
     (Entry(b's0/c/0', b'chunk'), )), ('array', 'the array `s0` is a file, too', lambda:
                                       (Entry(b's0', b'array'), )),
    ('zarr_json_dir', 'the directory `zarr.json/` beside the file', lambda:
     (Entry(b'zarr.json/', mode=0o40755), )),
    ('of_duplicates', '`a/b` twice, then `a` twice', lambda:
     (Entry(b'a/b', b'1'), Entry(b'a/b', b'2'), Entry(b'a', b'3'), Entry(b'a', b'4'))),
    ('far_apart', '`a` and, 2,000 entries later, `a/b`', lambda:
     (Entry(b'a', b'a'), *(Entry(b'b/%d' % i) for i in range(2000)), Entry(b'a/b', b'b'))),
    ('at_every_level', 'a file at each of 200 levels',
     lambda: [Entry(b'/'.join([b'd'] * i), b'x') for i in range(1, 200)]),
    ('directory_zip64_size', 'a directory entry with a size in its ZIP64 field', lambda:
     (Entry(b'd/', b'', method=8, mode=0o40755, central={'usize': 0xFFFFFFFF}, extra=zip64_field(1)
            ), )), ('directory_encrypted', 'an encrypted directory entry with a size', lambda:
                    (Entry(b'd/', b'data', flags=1, mode=0o40755), ))):
    add('conflict', REFUSE, 'conflict_' + _name, _note, lambda m=_make: refused(image(*m())))
add('conflict', REFUSE, 'conflict_zarr_json', '`zarr.json` is a file, and so is `zarr.json/x`',
    lambda: refused(both(b'zarr.json/x')))
add('conflict', REFUSE, 'conflict_directory_with_data', 'a directory entry with data',
    lambda: refused(image(Entry(b'd/', b'data'))))
add('conflict', REFUSE, 'conflict_directory_deflated_data', 'a deflated directory entry with data',
    lambda: refused(image(Entry(b'd/', b'data' * 9, method=8))))
add('conflict', REFUSE, 'conflict_through_cp437',
    'a file in UTF-8 and a directory in CP437 of the same name',
    lambda: refused(image(Entry('é'.encode(), b'x'), Entry(b'\x82/y', b'y', flags=0))))
add('conflict', SERVE, 'conflict_not_deflated_directory',
    'a directory entry deflated to 2 bytes, as Java writes it',
    lambda: served(image(Entry(b'd/', b'', method=8, mode=0o40755))), verify='-')
add(
    'plain', SERVE, 'plain_directories',
    'directory entries, empty and not, before and after their children', lambda: served(
        image(Entry(b'empty/', mode=0o40755), Entry(b'd/', mode=0o40755), Entry(b'd/x', b'x'),
              Entry(b'e/y', b'y'), Entry(b'e/', mode=0o40755))))
add('plain', SERVE, 'plain_empty_directories_nested', 'empty directories within empty directories',
    lambda: served(both(b'a/', b'a/b/', b'a/b/c/', b'x/y/z/')))
add('plain', SERVE, 'plain_empty_files', 'files of 0 bytes',
    lambda: served(image(Entry(b'e1'), Entry(b'e2'), Entry(b'd/e3'))))
add('plain', SERVE, 'plain_prefixes', 'names that are prefixes of each other',
    lambda: served(both(b'a', b'aa', b'a.b', b'a-', b'ab/c', b'ab/cc', b'abc')))


# --- duplicate, case ------------------------------------------------------------------------------

def repeated(name, *contents, **fields):
    return served(image(*(Entry(name, c, **fields) for c in contents)))


add('duplicate', SERVE, 'duplicate_two', 'a name twice: the last one in the directory',
    lambda: repeated(b'x', b'old', b'newer'))
add('duplicate', SERVE, 'duplicate_three', 'a name three times',
    lambda: repeated(b'x', b'1', b'22', b'333'))
add('duplicate', SERVE, 'duplicate_shorter', 'the last one is shorter',
    lambda: repeated(b'x', pattern(5000), b'short'))
add('duplicate', SERVE, 'duplicate_last_empty', 'the last one is empty',
    lambda: repeated(b'x', pattern(50), b''))
add('duplicate', SERVE, 'duplicate_same_bytes', 'twice with the same bytes',
    lambda: repeated(b'x', b'same', b'same'))
add('duplicate', SERVE, 'duplicate_deep', 'a duplicated name deep down',
    lambda: repeated(b'a/b/c/d', b'old', b'new'))
add('duplicate', SERVE, 'duplicate_directories', 'a directory entry twice',
    lambda: served(both(b'd/', b'd/x', b'd/')))
add('duplicate', SERVE, 'duplicate_chunk', 'a chunk written again, as zarr-python does',
    lambda: served(image(Entry(b's0/c/0/0', pattern(64, 99)))))
add('duplicate', SERVE, 'duplicate_100', 'a name 100 times',
    lambda: repeated(b'x', *(b'%d' % i for i in range(100))))
add(
    'duplicate', SERVE, 'duplicate_order', 'the last in the directory is the first in the file',
    lambda: served(
        image(Entry(b'x', b'first in the file'), Entry(b'x', b'second in the file'), order=
              [0, 1, 2, 3, 5, 4])))


@recipe('duplicate', SERVE)
def duplicate_zarr_json():
    """The root zarr.json twice: the last counts."""
    return served(
        image(Entry(b'zarr.json', OME_GROUP.replace(b'"multiscales"',
                                                    b'"changed":1,"multiscales"'))))


@recipe('duplicate', SERVE)
def duplicate_through_cp437():
    """The same name once in UTF-8 and once in CP437."""
    made = image(Entry('é'.encode(), b'by UTF-8'), Entry(b'\x82', b'by CP437', flags=0))
    return served(made, drop=[b'\x82'], add={'é'.encode(): b'by CP437'})


@recipe('duplicate', SERVE)
def duplicate_bad_one_first():
    """The overwritten one could not be read: nobody needs it."""
    return served(image(Entry(b'x', b'old', local={'signature': 0}), Entry(b'x', b'new')))


for _name, _names in (('files', (b'A', b'a')), ('directories', (b'Dir/x', b'dir/y')),
                      ('deep', (b'a/b/X', b'a/b/x')), ('zarr_json', (b'Zarr.json', b'ZARR.JSON')),
                      ('file_and_directory', (b'Name', b'name/x'))):
    add('case', SERVE, 'case_' + _name,
        'names that differ only by case: %s' % _name.replace('_', ' '),
        lambda n=_names: served(both(*n)))
