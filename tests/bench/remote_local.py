# SPDX-License-Identifier: BSD-2-Clause
"""What archives at URLs may not cost those that are here: a build that can read URLs beside one
that cannot (-Dremote=disabled), in turn. Start, `info`, opens and reads through a mount, memory of
its processes, and that no libcurl is in one of them.
"""
import os
import random
import subprocess
import time

import remote_ends as ends
from machine import processes_naming

STARTS, OPENS = 30, 4000
NOISE = 1.05


def times(binaries, *arguments):
    """Of each the best of some, in turn: what else the machine does only adds to it."""
    best = [float("inf")] * len(binaries)
    for _ in range(STARTS):
        for number, binary in enumerate(binaries):
            began = time.perf_counter()
            subprocess.run([binary, *arguments], check=True, capture_output=True)
            best[number] = min(best[number], time.perf_counter() - began)
    return [seconds * 1000 for seconds in best]


def anonymous_mib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as lines:
            total += sum(int(text.split()[1]) for text in lines if text.startswith("RssAnon:"))
    return total / 1024


def opens(root):
    names = [f"s/c/{n}" for n in range(ends.SMALL_COUNT)]
    random.Random(1).shuffle(names)
    began = time.perf_counter()
    for name in names[:OPENS]:
        os.close(os.open(root / name, os.O_RDONLY))
    return OPENS / (time.perf_counter() - began)


def mounted(binary, archive, root):
    """Opens a second, chunks of 1 MiB a second, MiB of memory, and whether libcurl is there."""
    subprocess.run([binary, "mount", archive, root], check=True)
    try:
        rate = opens(root)
        sizes, took = ends.read_chunks(root, [f"l/c/{n}" for n in range(ends.LARGE_COUNT)], 1, 60)
        pids = processes_naming(str(root))
        memory, curl = anonymous_mib(pids), False
        for pid in pids:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
                curl = curl or "libcurl" in maps.read()
        assert pids
        return rate, len(sizes) / took, memory, curl
    finally:
        subprocess.run([binary, "umount", root], check=True)


def measure(given, folder, report):
    archive = ends.Archive(folder / "local.ozx", ends.chunks_of_two_sizes()).path
    root = folder / "m"
    root.mkdir()
    both = {"ozxfs": given.ozxfs, "without URLs": os.path.abspath(given.local)}
    rows = {(what, unit, less): {who: [] for who in both} for what, unit, less in (
        ("start", "ms", True), ("info", "ms", True), ("opens", "/s", False),
        ("1 MiB in order", "/s", False), ("memory of a mount", "MiB", True))}
    curl = {}
    for _ in range(given.rounds):
        starts, infos = times(both.values(), "--version"), times(both.values(), "info", archive)
        for number, (who, binary) in enumerate(both.items()):
            *through, curl[who] = mounted(binary, archive, root)
            for row, value in zip(rows.values(), (starts[number], infos[number], *through)):
                row[who].append(value)
    report.title("archives here")
    for (what, unit, less), results in rows.items():
        report.row(what, unit, results, less)
        own, other = (min(v) if less else max(v) for v in results.values())
        if less:
            report.at_most(f"{NOISE} x the build without", own, NOISE * other)
        else:
            report.at_least("the build without / 1.05", own, other / NOISE)
    report.row("libcurl in a process of the mount", "", {who: [int(c)] for who, c in curl.items()})
    report.at_most("0", int(curl["ozxfs"]), 0)
