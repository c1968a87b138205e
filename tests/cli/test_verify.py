# SPDX-License-Identifier: BSD-2-Clause
"""The verb verify: options, exit codes, text, JSON, several files, and how it behaves in a shell.
"""
import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from kit.info import on_terminal
from kit.verify import OZXFS, rules_of, run, told_of, verify, write

from corpus.recipe import COMMENT, pattern
from corpus.zipforge import Entry
from verify_cases import CASES, CLEAN, archive, clean, entry

HERE = os.path.dirname(os.path.abspath(__file__))
MANUAL = os.path.join(HERE, '..', '..', 'man', 'ozxfs-verify.1')


@pytest.fixture
def sound(tmp_path):
    return write(clean(), tmp_path / 'sound.ozx')


@pytest.fixture
def warned(tmp_path):
    return write(clean(trailing=bytes(9)), tmp_path / 'warned.ozx')


@pytest.fixture
def broken(tmp_path):
    return write(CASES['crc_wrong'].build(), tmp_path / 'broken.ozx')


# --- exit codes -----------------------------------------------------------------------------------

def test_exit_codes(sound, warned, broken, tmp_path):
    assert run(sound).returncode == 0
    assert run('--strict', sound).returncode == 0
    assert run(warned).returncode == 0
    assert run('--strict', warned).returncode == 1
    assert run(broken).returncode == 2
    assert run('--strict', broken).returncode == 2
    assert run('--quick', broken).returncode == 0
    assert run(tmp_path / 'missing.ozx').returncode == 66
    assert run(tmp_path).returncode == 66


def test_worst_of_several(sound, warned, broken, tmp_path):
    assert run(sound, warned).returncode == 0
    assert run('--strict', sound, warned, sound).returncode == 1
    assert run(broken, sound).returncode == 2
    assert run(sound, tmp_path / 'missing.ozx', broken).returncode == 66


@pytest.mark.skipif(os.geteuid() == 0, reason='root may read everything')
def test_no_permission(sound):
    os.chmod(sound, 0)
    assert run(sound).returncode == 77


@pytest.mark.parametrize('arguments', [(), ('--nonsense', 'x'), ('-j', '0', 'x'),
                                       ('-j', 'many', 'x'), ('-j', '65', 'x'), ('x', '-j'),
                                       ('--jobs=1x', 'x')])
def test_usage(arguments):
    result = run(*arguments)
    assert result.returncode == 64 and not result.stdout
    assert re.fullmatch(r"ozxfs: verify: [^\n]+ 'ozxfs verify --help'\n", result.stderr)


def test_help():
    result = run('--help')
    assert result.returncode == 0 and result.stdout.startswith(
        'Usage: ozxfs verify') and not result.stderr
    for option in ('--quick', '--strict', '--json', '--jobs', '--verbose', '--quiet'):
        assert option in result.stdout


# --- text -----------------------------------------------------------------------------------------

def test_sound_is_one_line(sound):
    assert re.fullmatch(r'%s: sound \(3 entries, [\d.]+ KiB\)\n' % re.escape(str(sound)),
                        run(sound).stdout)


def test_finding_has_rule_level_entry_and_byte(broken):
    lines = run(broken).stdout.splitlines()
    assert len(lines) == 3 and lines[0] == f'{broken}:'
    assert re.match(
        r"fail  crc +policy +the data have CRC-32 [0-9a-f]{8}, .* \('s0/c/0/0', byte \d+\)",
        lines[1])
    assert lines[2].startswith(f'{broken}: invalid: 1 rule is broken (')


def test_many_findings_are_counted(tmp_path):
    path = write(archive([*clean().entries, *(entry('s0/x%d' % i, b'') for i in range(40))]),
                 tmp_path / 'x.ozx')
    assert '... and 37 more' in run(path).stdout
    assert run(path).stdout.count('not a chunk key') == 3
    assert run('-v', path).stdout.count('not a chunk key') == 40


def test_verbose_lists_every_rule(sound):
    shown = run('-v', sound).stdout
    for rule in rules_of(verify(sound)[1]):
        assert re.search(r'^(ok|-) +%s ' % rule, shown, re.M)


def test_quick_says_what_was_left_out(sound):
    shown = run('-v', '--quick', sound).stdout
    assert re.search(r'^- +crc .*\(not checked\)$', shown, re.M) and 'data not read' in shown


def test_quiet(warned, broken):
    assert len(run('-q', warned, broken).stdout.splitlines()) == 2


def test_quiet_keeps_the_reason_of_a_refusal(tmp_path):
    path = tmp_path / 'text.ozx'
    path.write_bytes(b'not a ZIP\n')
    assert re.fullmatch(
        re.escape(f'{path}: invalid: it cannot be trusted, and mount refuses it: ') +
        r'no end of central directory [^\n]+\n', run('-q', path).stdout)


def test_a_heading_for_each_file(sound, warned, broken):
    lines = run(sound, warned, broken).stdout.splitlines()
    assert [line for line in lines if line.endswith(':')] == [f'{warned}:', f'{broken}:']
    assert lines.index(f'{warned}:') < lines.index(f'{broken}:') < len(lines) - 2


@pytest.mark.parametrize('columns', (20, 40, 61, 62, 80, 120))
def test_findings_are_wrapped_to_the_terminal(warned, broken, columns):
    _, wide = on_terminal('verify', '-v', warned, columns=1000, NO_COLOR='1')
    status, said = on_terminal('verify', '-v', warned, columns=columns, NO_COLOR='1')
    findings = said.split('\n', 1)[1].rsplit(str(warned), 1)[0]
    assert status == 0 and max(map(len, findings.splitlines())) <= max(columns, 31)
    if columns < 100:  # there everything fits
        assert (columns >= 62) == bool(re.search('^ {31}[^ ]', findings, re.M))
    assert ''.join(said.split()) == ''.join(wide.split())
    _, coloured = on_terminal('verify', broken)
    assert f'\x1b[1m{broken}\x1b[0m:' in coloured and '\x1b[31mfail\x1b[0m' in coloured


def test_refused(tmp_path):
    path = tmp_path / 'text.ozx'
    path.write_bytes(b'not a ZIP\n')
    result = run(path)
    assert result.returncode == 2 and not result.stderr
    assert result.stdout.splitlines()[1].startswith(
        'fail  no-end') and 'mount refuses it' in result.stdout.splitlines()[-1]


def test_names_are_harmless(tmp_path):
    path = write(archive([*clean().entries,
                          Entry(b'a\xc2\x9b31mb', b'x', flags=0x800)]), tmp_path / 'x\x1b[2J\n.ozx')
    result = run(path)
    assert '\x1b' not in result.stdout and '\x9b' not in result.stdout
    assert '\\x1B[2J\\n.ozx: ' in result.stdout


# --- JSON -----------------------------------------------------------------------------------------

def test_json_schema(sound, broken, tmp_path):
    result = run('--json', sound, broken, tmp_path / 'missing.ozx')
    assert result.returncode == 66
    report = json.loads(result.stdout)
    assert set(report) == {'schema', 'files'} and report['schema'] == 1
    assert [f['verdict'] for f in report['files']] == ['ok', 'fail', 'error']
    assert [f['exit'] for f in report['files']] == [0, 2, 66]
    for file in report['files']:
        assert set(file) == {
            'file', 'verdict', 'exit', 'error', 'refused', 'quick', 'bytes', 'entries', 'rules'
        }
        for rule in file['rules']:
            assert set(rule) == {'id', 'level', 'verdict', 'count', 'text', 'findings', 'note'}
            assert rule['level'] in ('MUST', 'SHOULD', 'MAY', 'policy', 'metadata')
            for finding in rule['findings']:
                assert set(finding) == {'verdict', 'entry', 'offset', 'text', 'hint'}
    assert report['files'][0]['bytes'] == os.path.getsize(
        sound) and report['files'][0]['entries'] == 3
    assert 'cannot open' in report['files'][2]['error'] and report['files'][2]['rules'] == []
    finding = rules_of(report['files'][1])['crc']['findings'][0]
    assert finding['entry'] == 's0/c/0/0' and isinstance(finding['offset'], int)


def test_json_keeps_a_thousand(tmp_path):
    more = [entry('s0/x%05d' % i, b'') for i in range(3500)]
    code, report = verify(write(archive([*clean().entries, *more]), tmp_path / 'x.ozx'))
    rule = rules_of(report)['chunk-key']
    assert rule['count'] == 3500 and len(rule['findings']) == 1000
    assert [f['entry'] for f in rule['findings']] == ['s0/x%05d' % i for i in range(1000)]


def test_json_of_any_bytes(tmp_path):
    path = os.fsencode(tmp_path) + b'/\xff\xfe.ozx'
    write(clean(), path)
    result = subprocess.run([OZXFS, 'verify', '--json', path], capture_output=True, timeout=60)
    assert json.loads(result.stdout)['files'][0]['file'] is None  # as in every verb


def test_same_report_whatever_the_threads(tmp_path):
    files = [
        entry('s0/bad%04d' % i, b'x' * i, local={'crc': 1}, central={'crc': 1}) for i in range(3000)
    ]
    path = write(archive([*clean().entries, *files]), tmp_path / 'x.ozx')
    reports = {run('--json', '-j', jobs, path).stdout for jobs in (1, 2, 3, 8, 8)}
    assert len(reports) == 1


# --- the table of rules ---------------------------------------------------------------------------

def test_every_rule_is_broken_by_a_test(sound):
    from corpus import IDS
    broken = {rule
              for case in CASES.values()
              for rule in case.told} | {i
                                        for i, verdict in IDS.items()
                                        if verdict != '-'}
    never = {'attributes', 'changed'}
    draft = {'extra-fields', 'comment-keys'}  # tests/pack/test_draft.py
    assert set(rules_of(verify(sound)[1])) == broken | never | draft


def test_every_policy_id_is_a_rule(sound):
    from corpus import IDS
    assert set(IDS) - {'plain'} <= set(rules_of(verify(sound)[1]))


def test_manual_lists_every_rule(sound):
    with open(MANUAL, encoding='utf-8') as page:
        text = page.read()
    for rule in rules_of(verify(sound)[1]).values():
        assert re.search(r'^\.It (Cm|Sy) %s$' % rule['id'], text, re.M), rule['id']


# --- behaviour ------------------------------------------------------------------------------------

def test_stdout_full(sound):
    with open('/dev/full', 'w') as full:
        assert subprocess.run([OZXFS, 'verify', str(sound)], stdout=full, stderr=subprocess.PIPE,
                              timeout=60).returncode == 74


def test_no_progress_without_a_terminal(broken):
    assert run(broken).stderr == ''


def sparse_archive(path, size):
    """An archive with one entry of `size` zeros and a wrong CRC; takes a while to sum."""
    from corpus.zipforge import Sparse
    made = archive(
        [*(entry(n, d) for n, d in CLEAN.items()),
         entry('big', Sparse(size, {0: b'start'}))], comment=COMMENT)
    from corpus.zipforge import write_parts
    write_parts(made.layout(), path)
    return path


def test_progress_and_interrupt(tmp_path):
    """On a terminal there is a progress line; an interrupt ends it with 75."""
    path = sparse_archive(tmp_path / 'big.ozx', 40 << 30)
    master, slave = pty.openpty()
    process = subprocess.Popen([OZXFS, 'verify', '-j', '1', str(path)], stdout=subprocess.PIPE,
                               stderr=slave, env={**os.environ, 'TERM': 'xterm'})
    os.close(slave)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert process.wait(timeout=30) == 75
    assert time.monotonic() - started < 5
    seen = os.read(master, 65536).decode()
    os.close(master)
    assert 'checking data' in seen and 'interrupted' in seen


def test_changed_while_read(tmp_path):
    path = sparse_archive(tmp_path / 'big.ozx', 40 << 30)
    process = subprocess.Popen([OZXFS, 'verify', '-j', '1', str(path)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    os.utime(path)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 74 and 'changed' in said


def test_memory_is_bounded(tmp_path):
    """A gigabyte of data, in large and in small entries, within 64 MiB."""
    from corpus.zipforge import Sparse, write_parts
    entries = [entry(n, d) for n, d in CLEAN.items()] + [entry('big', Sparse(1 << 30, {5: b'x'}))]
    entries += [entry('t%d' % i, pattern(100, i)) for i in range(2000)]
    write_parts(archive(entries).layout(), tmp_path / 'x.ozx')
    timed = subprocess.run([
        '/usr/bin/env', 'python3', '-c', 'import resource,subprocess,sys\n'
        'code=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL).returncode\n'
        'print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)', OZXFS, 'verify',
        str(tmp_path / 'x.ozx')
    ], capture_output=True, text=True, timeout=120)
    code, kib = map(int, timed.stdout.split())
    assert code == 0
    if os.environ.get('OZXFS_SANITIZED') != '1':
        assert kib < 64 * 1024


# --- what pack writes -----------------------------------------------------------------------------

def make_store(root, sharded):
    from verify_cases import array, image_group, shard
    from verify_cases import sharded as sharded_array
    files = {'zarr.json': image_group('s0')}
    if sharded:
        files.update(
            {'s0/zarr.json': sharded_array((32, 16)), 's0/c/0/0': shard(), 's0/c/1/0': shard()})
    else:
        files.update({'s0/zarr.json': array(), 's0/c/0/0': pattern(64)})
    for name, data in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as out:
            out.write(data)
    os.makedirs(os.path.join(root, 'empty'))
    return root


@pytest.mark.parametrize('options', [(), ('--align', '4096'), ('-j', '3')])
@pytest.mark.parametrize('sharded', [True, False])
def test_nothing_to_say_of_what_pack_writes(tmp_path, sharded, options):
    verbs = subprocess.run([OZXFS, '--help'], capture_output=True, text=True, timeout=60).stdout
    if not re.search(r'^ +pack ', verbs, re.M):
        pytest.skip('this build has no pack')
    root = make_store(tmp_path / 'image.zarr', sharded)
    packed = tmp_path / 'image.ozx'
    subprocess.run([OZXFS, 'pack', '-q', *options, str(root), str(packed)], check=True, timeout=60)
    code, report = verify(packed, '--strict')
    assert code == 0 and told_of(report) == {}
