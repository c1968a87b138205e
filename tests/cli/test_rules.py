# SPDX-License-Identifier: BSD-2-Clause
"""The rules stand in a table of the program, in ozxfs-verify(1) and in tests/data/policy.tsv: the
three are held together here.

The program's table is asked by `verify --json`, which lists every rule. A rule of the policy's
level has a row in policy.tsv; the manual names each rule once, and its level where that is MUST,
SHOULD or MAY.
"""
import csv
import json
import os
import re
import subprocess

import pytest

from kit.verify import OZXFS

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, '..', 'data', 'sample.ozx')
MANUAL = os.path.join(HERE, '..', '..', 'man', 'ozxfs-verify.1')
POLICY = os.path.join(HERE, '..', 'data', 'policy.tsv')
PLAIN = {'plain'}  # rows of policy.tsv that no rule is about


@pytest.fixture(scope='module')
def rules():
    said = subprocess.run([OZXFS, 'verify', '--quick', '--json', SAMPLE], capture_output=True,
                          timeout=60, check=True).stdout
    return {rule['id']: rule for rule in json.loads(said)['files'][0]['rules']}


@pytest.fixture(scope='module')
def manual():
    """Rule id -> the first word of what the manual says of it, in the order of the page."""
    with open(MANUAL, encoding='utf-8') as page:
        body = page.read().split('\n.Sh RULES\n', 1)[1].split('\n.Sh ', 1)[0]
    return re.findall(r'^\.It Sy ([a-z0-9-]+)\n(\S+)', body, flags=re.M)


def test_the_manual_has_every_rule_once(rules, manual):
    assert sorted(name for name, _ in manual) == sorted(rules)


def test_the_manual_says_the_level(rules, manual):
    said = {name: word.rstrip('.') for name, word in manual}
    for name, rule in rules.items():
        stated = said[name] if said[name] in ('MUST', 'SHOULD', 'MAY') else None
        assert stated == (rule['level'] if rule['level'] in ('MUST', 'SHOULD',
                                                             'MAY') else None), name


def test_the_policy_has_a_row_for_every_rule_of_its_level(rules):
    with open(POLICY, encoding='utf-8') as table:
        ids = {row['id']
               for row in csv.DictReader(table, delimiter='\t', quoting=csv.QUOTE_NONE)} - PLAIN
    assert ids <= set(rules), 'policy.tsv names a rule that is none'
    policy = {name for name, rule in rules.items() if rule['level'] == 'policy'}
    assert policy <= ids, 'rules without a row'
