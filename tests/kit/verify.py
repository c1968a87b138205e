# SPDX-License-Identifier: BSD-2-Clause
"""Running `ozxfs verify` from tests, and reading what it says."""
import json

from kit import launch
from kit.launch import OZXFS  # noqa: F401


def run(*arguments, **options):
    """stdout and stderr as text; a minute is more than any test archive takes."""
    return launch.run('verify', *arguments, text=True, **{'timeout': 60, **options})


def verify(path, *options):
    """(exit code, the file's part of the JSON)."""
    result = run('--json', *options, path)
    report = json.loads(result.stdout)
    assert report['schema'] == 1 and len(report['files']) == 1
    assert report['files'][0]['exit'] == result.returncode
    return result.returncode, report['files'][0]


def rules_of(report):
    return {r['id']: r for r in report['rules']}


def told_of(report):
    """{rule: verdict} of every rule that has findings."""
    return {r['id']: r['verdict'] for r in report['rules'] if r['count']}


def write(zip_archive, path):
    with open(path, 'wb') as out:
        for part in zip_archive.layout():
            out.write(bytes(part) if isinstance(part, int) else part)
    return path
