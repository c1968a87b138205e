# SPDX-License-Identifier: BSD-2-Clause
"""verify tells of exactly the rules that an archive breaks: RFC-9's, gaps and data, metadata."""
import pytest

import verify_cases_consolidated  # noqa: F401  (registers more of them)
import verify_cases_data  # noqa: F401  (registers more of them)
import verify_cases_ome  # noqa: F401  (registers more of them)
import verify_cases_shards  # noqa: F401  (registers more of them)
from verify_cases import CASES
from kit.verify import rules_of, told_of, verify, write


@pytest.mark.parametrize('name', CASES)
def test_case(tmp_path, name):
    case = CASES[name]
    code, report = verify(write(case.build(), tmp_path / case.name), *case.options)
    assert told_of(report) == case.told
    assert report['verdict'] == ('fail'
                                 if 'fail' in case.told.values() else 'warn' if case.told else 'ok')
    assert code == (2 if report['verdict'] == 'fail' else 0)
    for rule, text in case.text.items():
        assert text in rules_of(report)[rule]['findings'][0]['text']
    for rule, entry in case.entry.items():
        assert rules_of(report)[rule]['findings'][0]['entry'] == entry
