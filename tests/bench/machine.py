# SPDX-License-Identifier: BSD-2-Clause
"""What the bench does to the machine: runs the C client, warms and drops caches, reads /proc.
Knows no contender and no case.

cold: as root all caches are dropped, then the binaries are read again and freed memory is touched
(its first use is slow, which would be charged to the case); as an ordinary user only the pages of
the files in question are dropped. warm: the files are read once right before, because the machine
may evict what lies idle.
"""
import hashlib
import json
import mmap
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Something that makes all further figures meaningless."""


class Client:
    """The C loops, compiled into `folder` when they are new."""

    def __init__(self, folder):
        source = HERE / "client.c"
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
        self.binary = Path(folder) / f"client-{digest}"
        if not self.binary.exists():
            compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
            if not compiler:
                raise BenchError("no C compiler for client.c")
            part = self.binary.with_suffix(f".{os.getpid()}")
            subprocess.run([compiler, "-O3", "-std=gnu11", "-pthread", "-o", part, source],
                           check=True)
            part.rename(self.binary)

    def run(self, mode, root, listing, processes=1, passes=1, limit_s=1e9):
        """The passes, each {"ops", "bytes", "seconds"}."""
        done = subprocess.run([self.binary, mode, root, listing, str(processes), str(passes),
                               str(limit_s)], capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(done.stderr.strip() or f"client {mode}: {done.returncode}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def touch_memory(mib):
    """Memory that was just freed by dropping caches is slow at its first use; this takes that once.
    """
    with mmap.mmap(-1, mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for at in range(0, len(memory), mmap.PAGESIZE):
            memory[at] = 1


def on_files(client, mode, files):
    """warm or cool single files (archives, images)."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as listing:
        listing.writelines(f"0 {str(file).lstrip('/')}\n" for file in files)
        listing.flush()
        client.run(mode, "", listing.name)


def available_mib(what="MemAvailable"):
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) // 1024 for line in lines if what in line)


def touch_free_memory(used_bytes):
    """The same before a warm run that is about to take so much, of what is free: a host may have
    taken back what the contender before had, and would give it to this one page by page."""
    mib = min(available_mib("MemFree") // 2, used_bytes >> 20)
    if mib:
        touch_memory(mib)


class Caches:
    def __init__(self, client, how):
        if how == "auto":
            how = "drop" if os.access("/proc/sys/vm/drop_caches", os.W_OK) else "fadvise"
        self.client, self.how = client, how

    def drop(self, files, root, listing, used_bytes):
        """Before a cold run: of `files`, or of the files in `listing` below `root`. `used_bytes`
        is what the run is about to read."""
        os.sync()
        if self.how == "drop":
            with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as control:
                control.write("3\n")
            self.rewarm_binaries()
            touch_memory(min(available_mib() // 2, 256 + 2 * (used_bytes >> 20)))
        elif files:
            on_files(self.client, "cool", files)
        else:
            self.client.run("cool", root, listing)

    def rewarm_binaries(self):
        for command in (["find", "--version"], [sys.executable, "-c", ""], ["umount", "--version"]):
            subprocess.run(command, stdout=subprocess.DEVNULL)


def processes_naming(word):
    """The processes that have `word` in their command line, and their descendants."""
    parents, found = {}, set()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as lines:
                if word.encode() in lines.read():
                    found.add(int(entry))
            parents[int(entry)] = int(_stat_fields(entry)[1])
        except (OSError, ProcessLookupError):
            continue
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _stat_fields(pid):
    """Fields of /proc/PID/stat from the state on (the name before may hold anything)."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as line:
        return line.read().rpartition(")")[2].split()


def alive(pid):
    try:
        return _stat_fields(pid)[0] != "Z"
    except OSError:
        return False


def cpu_seconds(pids):
    """User and system time of all threads, also of those that ended."""
    total = 0
    for pid in pids:
        fields = _stat_fields(pid)
        total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def memory_mib(pids):
    """(resident, peak), the sum over the processes."""
    sums = {"VmRSS": 0, "VmHWM": 0}
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key = line.partition(":")[0]
                if key in sums:
                    sums[key] += int(line.split()[1])
    return sums["VmRSS"] / 1024, sums["VmHWM"] / 1024


def is_mount(path):
    """Without touching it: a dead mount answers nothing."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as lines:
        return any(line.split()[4] == str(path) for line in lines)


def wait_until(what, timeout_s, pause_s=0.002):
    deadline = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


def describe():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        cpu = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"kernel": platform.release(), "cpu": cpu, "cores": os.cpu_count(),
            "memory_gib": round(memory, 1), "date": time.strftime("%Y-%m-%d %H:%M")}
