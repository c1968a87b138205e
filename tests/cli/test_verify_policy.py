# SPDX-License-Identifier: BSD-2-Clause
"""Every row of tests/data/policy.tsv, verified: the verdict of the row's rule, and what else may be
said.

A row of the verdict `-` (`plain`, `attributes`, ...) may be told of RFC-9's SHOULDs, which most of
the corpus does not follow (no ZIP64), and never fails. A row that mounts (SERVE) and only warns
must not fail for another reason.
"""
import csv
import os

import pytest

from kit.verify import rules_of, told_of, verify

from corpus import RECIPES

POLICY = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'policy.tsv')

# Rows that tell of another rule than their id, and why.
OTHER_RULE = {
    'root_zarr_json_of_5_gib': 'root-zarr-json',  # it is there, and not to be parsed
}


def rows():
    with open(POLICY, encoding='utf-8') as table:
        return list(csv.DictReader(table, delimiter='\t', quoting=csv.QUOTE_NONE))


ROWS = {row['recipe']: row for row in rows()}


@pytest.mark.parametrize('recipe', [r for r in ROWS if not RECIPES[r].large])
def test_row(tmp_path, recipe):
    check(tmp_path, recipe)


@pytest.mark.parametrize('recipe', [r for r in ROWS if RECIPES[r].large])
def test_large_row(tmp_path, recipe):
    """Holes of gigabytes are not read through here: --quick."""
    check(tmp_path, recipe, '--quick')


def check(tmp_path, recipe, *options):
    row, path = ROWS[recipe], tmp_path / (recipe + '.ozx')
    RECIPES[recipe].build().write(path)
    code, report = verify(path, *options)
    told = told_of(report)
    failed = {rule for rule, verdict in told.items() if verdict == 'fail'}
    if row['verify'] == '-':
        assert code == 0 and not failed
        return
    allowed = {OTHER_RULE.get(recipe)} if recipe in OTHER_RULE else set(
        row['rule'].split('|')) if row['rule'] != '-' else {row['id']}
    assert any(told.get(rule) == row['verify'] for rule in allowed), told
    if row['mount'] == 'REFUSE':
        assert code == 2 and report['refused'] and failed <= allowed | {'single-part'}
        assert all(r['verdict'] == 'unchecked' for r in report['rules'] if not r['count'])
    elif row['verify'] == 'fail':
        assert code == 2 and not report['refused']
    elif row['mount'] == 'SERVE':
        assert code == 0 and not failed
    for rule in failed:
        finding = rules_of(report)[rule]['findings'][0]
        assert finding['text'] and not any(
            ord(c) < 0x20 or ord(c) == 0x7F for c in finding['text'] + (finding['entry'] or ''))
