#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tally.py STEPS.tsv BUILD-DIRECTORY...: counts single tests, and fails if one failed.

Of a test that meson ran, the cases are counted: those of its JUnit file (pytest), else the lines
"ok NAME", "not ok NAME", "FAIL NAME" that it printed (C, TAP), else it counts as one. A test that
meson calls failed counts as failed at least once, whatever its cases say (a crash after the last
case). STEPS.tsv has a verdict and a name per line. The last line is the sum.
"""
import json
import re
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

VERDICTS = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped", "IGNORED": "skipped"}
LINE = re.compile(r"^(?:(ok)|not ok|FAIL)\b[^#\n]*(# *[Ss][Kk][Ii][Pp]\b)?", re.MULTILINE)


def junit_cases(path):
    for case in xml.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        verdict = ("failed" if kinds & {"failure", "error"}
                   else "skipped" if "skipped" in kinds else "passed")
        yield verdict, f"{case.get('classname')}.{case.get('name')}"


def printed_cases(text):
    for line in LINE.finditer(text):
        verdict = "skipped" if line[2] else "passed" if line[1] else "failed"
        yield verdict, line[0].strip()


def cases_of(build, entry):
    """(verdict, name) of each case of one line of meson's log."""
    name = entry["name"].split(" / ")[-1]
    verdict = VERDICTS.get(entry["result"], "failed")
    junit = build / "junit" / f"{name}.xml"
    cases = (list(junit_cases(junit)) if junit.exists()
             else list(printed_cases(entry.get("stdout") or "")))
    if not cases or verdict == "failed" and all(v != "failed" for v, _ in cases):
        cases.append((verdict, f"{name} ({entry['result']})"))
    return cases


def tests_of(build):
    log = build / "meson-logs" / "testlog.json"
    if not log.exists():
        return [("failed", f"{build.name}: no test ran")]
    with open(log, encoding="utf-8") as lines:
        return [case for line in lines for case in cases_of(build, json.loads(line))]


def main():
    steps, *builds = map(Path, sys.argv[1:])
    groups = {"steps": [tuple(line.split("\t")) for line in steps.read_text().splitlines()]}
    groups |= {build.name: tests_of(build) for build in builds}
    total = Counter()
    for group, cases in groups.items():
        count = Counter(verdict for verdict, _ in cases)
        total += count
        for verdict, name in cases:
            if verdict == "failed":
                print(f"failed: {group}: {name}")
        print(f"{group}: {count['passed']} passed, {count['failed']} failed, "
              f"{count['skipped']} skipped")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    sys.exit(total["failed"] > 0)


if __name__ == "__main__":
    main()
