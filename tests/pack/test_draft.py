# SPDX-License-Identifier: BSD-2-Clause
"""RFC-9's draft revision: what pack writes for it, how verify judges by it, and how readers of
streams take gaps."""
import json
import shutil
import struct
import subprocess
import zipfile

import pytest
from conftest import ARRAY, HERE, ome, pack, run, write

PLAIN = {
    'zarr.json': ome(), 's0/zarr.json': ARRAY, 's0/c/0/0': b'a' * 16, 's0/c/0/1': b'b' * 5000,
    's0/c/1/0': b'', 's0/c/1/1': b'd' * 300_000
}
ALIGNED = ('512', '4096', '32768')


@pytest.fixture
def plain(tmp_path):
    return write(tmp_path / 'image.zarr', PLAIN)


def verdicts(archive, *options):
    """{rule: (verdict, level, count)} of what was found, and the exit code."""
    done = run('verify', '--json', *options, archive)
    rules = json.loads(done.stdout)['files'][0]['rules']
    return {r['id']: (r['verdict'], r['level'], r['count'])
            for r in rules
            if r['count']}, done.returncode


def fails(archive, *options):
    found, code = verdicts(archive, *options)
    assert (code == 2) == any(v[0] == 'fail' for v in found.values())
    return {rule: level for rule, (verdict, level, _) in found.items() if verdict == 'fail'}


def data_offsets(path):
    """{name: (offset of the local header, of its data)}"""
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        return {
            i.filename: (i.header_offset, i.header_offset + 30 +
                         sum(struct.unpack_from('<HH', raw, i.header_offset + 26)))
            for i in z.infolist()
        }


# --- pack -----------------------------------------------------------------------------------------

@pytest.mark.parametrize('verb', ('pack', 'repack'))
@pytest.mark.parametrize('align', ('1',) + ALIGNED)
def test_gaps_in_place_of_padding_fields(plain, out, tmp_path, align, verb):
    pack(plain, out, '--rules', 'draft', '--align', align)
    if verb == 'repack':
        pack(plain, tmp_path / 'p.ozx')
        first = out.read_bytes()
        assert run('repack', '-f', '--rules=draft', '--align', align, tmp_path / 'p.ozx',
                   out).returncode == 0
        assert out.read_bytes() == first
    offsets = data_offsets(out)
    assert offsets['zarr.json'][0] == 0  # never in front of the first
    assert all(data % int(align) == 0 for name, (_, data) in offsets.items() if name != 'zarr.json')
    assert b'\x35\xd9' not in out.read_bytes()[:30 + 9 + 40]
    assert not fails(out, '--rules', 'draft') and not fails(out)
    for rules in ('r2', 'draft'):
        assert not {'gap', 'leading', 'extra-fields', 'zip64', 'json-first', 'comment-keys'} & set(
            verdicts(out, '--rules', rules)[0])
    assert run('unpack', out, tmp_path / 'd').returncode == 0
    assert (tmp_path / 'd/s0/c/1/1').read_bytes() == PLAIN['s0/c/1/1']


@pytest.mark.parametrize('align', ALIGNED)
def test_stream_is_the_same(plain, out, align):
    pack(plain, out, '--rules', 'draft', '--align', align)
    assert pack(plain, '-', '--rules', 'draft', '--align', align).stdout == out.read_bytes()


def test_without_align_both_want_the_same_bytes(plain, out):
    """What pack writes by default violates nothing of the draft; padding fields do."""
    pack(plain, out)
    assert pack(plain, '-', '--rules', 'draft').stdout == pack(plain, '-', '--rules',
                                                               'r2').stdout == out.read_bytes()
    assert not fails(out, '--rules', 'draft')
    pack(plain, out, '-f', '--align', '4096')
    assert fails(out, '--rules', 'draft') == {'extra-fields': 'MUST'} and not fails(out)


@pytest.mark.parametrize('value', ('', 'r3', 'R2', 'drafts'))
@pytest.mark.parametrize('verb', ('pack', 'repack', 'verify'))
def test_other_rules_are_unknown(plain, out, verb, value):
    done = run(verb, '--rules', value, plain, *([] if verb == 'verify' else [out]))
    assert done.returncode == 64 and (b'draft' if value else
                                      b"option '--rules' requires a value") in done.stderr


# --- verify ---------------------------------------------------------------------------------------


def foreign(path, extra=b'', compression=zipfile.ZIP_STORED, prefix=b'',
            comment=b'{"ome":{"version":"0.5"}}', order=lambda names: names):
    with zipfile.ZipFile(path, 'w', compression) as z:
        if prefix:
            z.fp.write(prefix)
            z.start_dir = len(prefix)
        for name in order(list(PLAIN)):
            info = zipfile.ZipInfo(name)
            info.extra, info.compress_type = extra, compression
            data = PLAIN[name]
            z.writestr(info, json.dumps(data) if isinstance(data, dict) else data)
        z.comment = comment
    return path


def field(number, data=b''):
    return struct.pack('<HH', number, len(data)) + data


@pytest.mark.parametrize('extra,fine',
                         ((field(0x5455, b'\1\0\0\0\0'), True),
                          (field(0x7875, b'\1\4\0\0\0\0\4\0\0\0\0'), True), (b'', True),
                          (field(0xCAFE), False), (field(0xD935, b'\1\0'), False),
                          (field(0x7075, b'\1\0\0\0\0x'), False), (b'\0\0\0', False),
                          (field(0x5855, b'12345678'), False)))
def test_extra_fields(tmp_path, extra, fine):
    path = foreign(tmp_path / 'a.ozx', extra)
    assert ('extra-fields' in fails(path, '--rules', 'draft')) != fine
    assert 'extra-fields' not in verdicts(path)[0]


def test_extra_field_of_one_header_only(tmp_path):
    """Local and central headers are asked alike."""
    path = foreign(tmp_path / 'a.ozx', field(0x5455, b'\1\0\0\0\0'))
    raw = path.read_bytes()
    at = raw.index(b'UT\5\0')
    path.write_bytes(raw[:at] + b'\xfe\xca' + raw[at + 2:])
    assert verdicts(path, '--rules', 'draft')[0]['extra-fields'][2] == 1
    at = raw.rindex(b'UT\5\0')
    path.write_bytes(raw[:at] + b'\xfe\xca' + raw[at + 2:])
    assert verdicts(path, '--rules', 'draft')[0]['extra-fields'][2] == 1


def test_every_violated_must(tmp_path):
    path = foreign(tmp_path / 'a.ozx', field(0xCAFE), zipfile.ZIP_DEFLATED, prefix=b'#!/bin/sh\n')
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b'PK\1\2')
    raw[at + 8] |= 1  # encrypted, says the last entry
    path.write_bytes(raw)
    found = fails(path, '--rules', 'draft')
    assert {'stored', 'leading', 'extra-fields', 'encrypted'} <= set(found)
    assert all(found[rule] == 'MUST' for rule in ('stored', 'leading', 'extra-fields', 'encrypted'))
    assert not {'stored', 'leading', 'extra-fields'} & set(fails(path))


def test_prefix_is_no_offset_0(tmp_path):
    whole = foreign(tmp_path / 'a.ozx').read_bytes()
    (tmp_path / 'b.ozx').write_bytes(b'stub' + whole)
    assert fails(tmp_path / 'b.ozx', '--rules', 'draft')['leading'] == 'MUST'


def test_zip64_fields_are_free_records_are_not(tmp_path):
    path = foreign(tmp_path / 'a.ozx')
    assert verdicts(path)[0]['zip64'][2] == 1 + len(PLAIN)
    assert verdicts(path, '--rules', 'draft')[0]['zip64'] == ('warn', 'SHOULD', 1)


def test_order_of_the_directory_only(tmp_path, plain, out):
    """Data first, metadata last in the file, but not in the directory."""
    pack(plain, out)
    raw = out.read_bytes()
    with zipfile.ZipFile(out) as z:
        entries = z.infolist()
        start = z.start_dir
    bodies = {
        e.filename: raw[e.header_offset:n]
        for e, n in zip(entries, [e.header_offset for e in entries[1:]] + [start])
    }
    directory, body = bytearray(raw[start:]), b''
    for name in reversed(list(bodies)):
        at = directory.index(b'PK\1\2' + raw[start + 4:start + 8])
        while directory[at + 46:at + 46 + len(name)] != name.encode() or directory[at +
                                                                                   28] != len(name):
            at = directory.index(b'PK\1\2', at + 1)
        struct.pack_into('<Q', directory, at + 46 + len(name) + 4 + 16, len(body))
        body += bodies[name]
    (tmp_path / 'late.ozx').write_bytes(body + directory)
    assert verdicts(tmp_path / 'late.ozx')[0]['json-first'][0] == 'warn'
    assert 'json-first' not in verdicts(tmp_path / 'late.ozx', '--rules', 'draft')[0]
    late = foreign(tmp_path / 'b.ozx', order=lambda names: names[::-1])
    assert verdicts(late, '--rules', 'draft')[0]['json-first'][0] == 'warn'


@pytest.mark.parametrize(
    'ome_keys,fine',
    (('"version":"0.5"', True),
     ('"version":"0.5","zipFile":{"centralDirectory":{"jsonFirst":false}}', True),
     ('"version":"0.5","x":1', False), ('"version":"0.5","zipFile":{"y":1}', False),
     ('"version":"0.5","zipFile":{"centralDirectory":{"jsonLast":true}}', False)))
def test_keys_of_the_comment(tmp_path, ome_keys, fine):
    path = foreign(tmp_path / 'a.ozx', comment=b'{"mine":1,"ome":{%s}}' % ome_keys.encode())
    assert ('comment-keys' in verdicts(path, '--rules', 'draft')[0]) != fine
    assert 'comment-keys' not in verdicts(path)[0]


def test_files_that_are_no_keys_are_allowed(tmp_path, plain, out):
    write(plain, {'s0/notes.txt': 'x'})
    pack(plain, out)
    assert 'chunk-key' in verdicts(out)[0] and 'chunk-key' not in verdicts(out, '--rules',
                                                                           'draft')[0]


def test_gaps_that_are_no_padding(tmp_path, plain, out):
    """A byte that is not zero, more zeros than any alignment takes, zeros in front of the
    directory."""
    pack(plain, out, '--rules', 'draft', '--align', '4096')
    raw = bytearray(out.read_bytes())
    at = data_offsets(out)['s0/c/0/1'][0]
    assert raw[at - 8:at] == bytes(8)
    raw[at - 5] = 1
    out.write_bytes(raw)
    assert verdicts(out)[0]['gap'][0] == 'warn' and 'gap' not in verdicts(out, '--rules',
                                                                          'draft')[0]
    # an entry that is not listed
    raw[at - 60:at - 26] = b'PK\3\4' + bytes(22) + b'\1\0\0\0a' + bytes(3)
    out.write_bytes(raw)
    assert verdicts(out, '--rules', 'draft')[0]['gap'][0] == 'warn'


# --- readers of streams ---------------------------------------------------------------------------

def written(plain, out, *options):
    pack(plain, out, '-f', *options)
    return out


def java_entries(tmp_path, archive):
    if not shutil.which('java'):
        pytest.skip('no java here')
    done = subprocess.run(['java', HERE / 'readers' / 'Stream.java', archive], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_java_stream_ends_at_a_gap(plain, out, tmp_path):
    """ZipInputStream takes the first gap for the end, without a word: the table in ozxfs-pack(1)
    says so."""
    assert len(java_entries(tmp_path, written(plain, out))) == len(PLAIN)
    assert len(java_entries(tmp_path, written(plain, out, '--align', '4096'))) == len(PLAIN)
    assert java_entries(tmp_path, written(plain, out, '--align', '4096', '--rules',
                                          'draft')) == ['zarr.json']


@pytest.mark.parametrize('options',
                         ((), ('--align', '4096'), ('--align', '4096', '--rules', 'draft'),
                          ('--align', '32768', '--rules', 'draft')))
def test_bsdtar_stream_reads_on(plain, out, tmp_path, options):
    if not shutil.which('bsdtar'):
        pytest.skip('no bsdtar here')
    (tmp_path / 'x').mkdir()
    with open(written(plain, out, *options), 'rb') as f:
        feed = subprocess.Popen(['cat'], stdin=f, stdout=subprocess.PIPE)
        subprocess.run(['bsdtar', '-xf', '-', '-C', tmp_path / 'x'], stdin=feed.stdout, check=True,
                       timeout=60)
        feed.stdout.close()
        feed.wait()
    assert (tmp_path / 'x/s0/c/1/1').read_bytes() == PLAIN['s0/c/1/1'] and (
        tmp_path / 'x/s0/c/0/1').read_bytes() == PLAIN['s0/c/0/1']
