# SPDX-License-Identifier: BSD-2-Clause
"""What is measured. A Case is run for one contender in one round and returns {row key: value}; its
rows say what the value is and which target ozxfs is held to. Knows contenders only as "something
that gives a mounted tree", and nothing of printing.

Every case mounts for itself: warm is a fresh mount on a warm archive, hot the same operations once
more on that mount. Cold drops the caches after mounting, so that an index read at mount does not
warm the archive for the one contender and not for the other.
"""
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

from case import Case, Row, rate
from contenders import NotServed
from data import PAGE, shuffled
from machine import BenchError, on_files, touch_free_memory

HERE = Path(__file__).parent


class Contents(Case):
    """Every byte of a sample, and what must not be there. No figures: a failure ends the bench."""
    name = "contents"

    def rows(self):
        return []

    def run(self, contender, number):
        library = self.bench.datasets
        if number > 0:
            return {}
        chunks, shards = library.chunks(), library.shards()
        for data, files in ((chunks, shuffled(chunks.files, 2000, 1) + chunks.files[-1:]),
                            (shards, shards.files[:1] + shards.files[-1:])):
            listing = self.listing(files, "contents")
            with contender.mounted(data) as mount:
                self.bench.client.run("check", mount.root, listing)
                absent = self.listing([(0, path + ".absent") for _, path in files], "absent")
                self.bench.client.run("miss", mount.root, absent)
        return {}


class MountTime(Case):
    """From exec of the mount command to the end of the first stat of the last file."""
    needs_native = False

    def __init__(self, bench, count, flat=False):
        super().__init__(bench)
        self.count, self.flat = count, flat
        self.name = "mount"
        self.tag = f"mount{'-flat' if flat else ''}.{count}"

    def rows(self):
        what = f"{self.count:,} entries{' in one directory' if self.flat else ''}"
        big = self.count >= 100_000
        limit = {100_000: 8, 1_000_000: 64}.get(self.count)
        faster = ("times-faster", 10) if big else ()
        peak = ("peak", limit) if limit else ()
        return [
            Row(f"{self.tag}.cold", f"mount {what}, archive cold", "s", False, faster, 4),
            Row(f"{self.tag}.warm", f"mount {what}, archive warm", "s", False, faster, 4),
            Row(f"{self.tag}.rss", f"resident memory, {what}", "MiB", False,
                ("at-most", limit) if limit else ()),
            Row(f"{self.tag}.peak", f"peak memory of mounting {what}", "MiB", False, peak)]

    def takes(self, contender):
        if self.count > 1_000_000 or self.flat:
            return contender.name in ("ozxfs", "mount-zip", "fuse-zip")
        return contender.name != "native" and contender.reads != "aligned"

    def data(self):
        return self.bench.datasets.entries(self.count, self.flat)

    def run(self, contender, number):
        data = self.data()
        if not contender.mounts:
            return self.open_in_process(contender, data)
        source = contender.source(data)
        if source is None:
            raise NotServed(f"{contender.name}: no image of {data.name}")
        contender.prepare(data)
        values = {}
        for state in ("cold", "warm"):
            on_files(self.bench.client, "cool" if state == "cold" else "warm", [source])
            touch_free_memory(256 * self.count)
            with contender.mounted(data) as mount:
                values[f"{self.tag}.{state}"] = mount.mount_s
                resident, peak = mount.memory_mib()
        return values | {f"{self.tag}.rss": resident, f"{self.tag}.peak": peak}

    def open_in_process(self, contender, data):
        on_files(self.bench.client, "warm", [data.archive])
        result = run_arrays(contender.python, "open-zip", data.archive, data.files[-1][1])
        return {f"{self.tag}.warm": result["seconds"], f"{self.tag}.rss": result["rss_mib"]}


class Walk(Case):
    """find -printf %s: every name and every size, checked by their sum."""
    name = "walk"

    def rows(self):
        files = f"find -printf %s over {self.data().entry_count:,} files"
        return [Row("walk.cold", f"{files}, cold", "s", False, (), 3),
                Row("walk.warm", f"{files}, warm", "s", False, ("at-most-native", 2), 3),
                Row("walk.hot", f"{files}, hot", "s", False, (), 3)]

    def data(self):
        return self.bench.datasets.chunks()

    def run(self, contender, number):
        data, values = self.data(), {}
        listing = self.listing(data.files, "all-chunks")
        with contender.mounted(data) as mount:
            self.cool(mount, listing, 64 << 20)
            values["walk.cold"] = self.find(mount)
        with contender.mounted(data) as mount:
            self.warm(mount, listing)
            values["walk.warm"] = self.find(mount)
            values["walk.hot"] = self.find(mount)
        return values

    def find(self, mount):
        with tempfile.TemporaryFile("w+") as sizes:
            start = time.monotonic()
            subprocess.run(["find", mount.root, "-type", "f", "-printf", "%s\\n"], stdout=sizes,
                           check=True)
            seconds = time.monotonic() - start
            sizes.seek(0)
            found = [int(line) for line in sizes]
        if (len(found), sum(found)) != (mount.data.entry_count, mount.data.total_bytes):
            raise BenchError(f"{mount.contender.name}: find saw {len(found)} files, "
                             f"{sum(found)} bytes")
        return seconds


class WalkLarge(Walk):
    """The same over entries that no tree is made of."""
    needs_native = False

    def __init__(self, bench, count):
        super().__init__(bench)
        self.count, self.tag = count, f"walk.{count}"

    def rows(self):
        return [Row(f"{self.tag}.warm", f"find -printf %s over {self.data().entry_count:,} files, "
                    "warm", "s", False, (), 3)]

    def takes(self, contender):
        return contender.mounts and contender.reads == "archive"

    def data(self):
        return self.bench.datasets.entries(self.count)

    def run(self, contender, number):
        on_files(self.bench.client, "warm", [self.data().archive])
        with contender.mounted(self.data()) as mount:
            return {f"{self.tag}.warm": self.find(mount)}


class Writer(Case):
    """How long who opens the archive for writing waits until nothing of it is served any more."""
    name, needs_native = "writer", False

    def rows(self):
        return [Row("writer.wait", f"a writer waits for a mount of {self.data().entry_count:,} "
                    "entries", "ms", False)]

    def takes(self, contender):
        return contender.holds_writers

    def data(self):
        return self.bench.datasets.entries(max(self.sizes["counts"]))

    def run(self, contender, number):
        with contender.mounted(self.data()) as mount:
            start = time.monotonic()
            with open(contender.source(mount.data), "r+b"):
                return {"writer.wait": (time.monotonic() - start) * 1e3}


class OpenCold(Case):
    name = "open-cold"

    def rows(self):
        title = "open+read+close of random 4 KiB chunks, cold"
        return [Row("open.cold.1", f"{title}, 1 process", "k/s", True, ("ratio", 1.2), 2),
                Row("open.cold.4", f"{title}, 4 processes", "k/s", True, (), 2)]

    def data(self):
        return self.bench.datasets.chunks()

    def run(self, contender, number):
        data, values = self.data(), {}
        count = self.sizes["cold_opens"]
        for processes in (1, 4):
            files = shuffled(data.files, count, number * 10 + processes)
            listing = self.listing(files, "cold-chunks")
            with contender.mounted(data) as mount:
                self.cool(mount, listing, count * PAGE)
                result, = self.loop(mount, "open", listing, processes)
                values[f"open.cold.{processes}"] = rate(result)
        return values


class Open(Case):
    """Also throughput from 1 to 16 processes: warm shows the daemon's locks, hot the kernel's."""
    name = "open"
    targets = {("warm", 1): 0.13, ("warm", 4): 0.15, ("hot", 1): 0.85}

    def rows(self):
        title = "open+read+close of random 4 KiB chunks"
        rows = [Row(f"open.{state}.{p}", f"{title}, {state}, {p} process{'es'[:2 * (p > 1)]}",
                    "k/s", True, ("ratio", self.targets[state, p])
                    if (state, p) in self.targets else ())
                for state in ("warm", "hot") for p in (1, 2, 4, 8, 16)]
        return rows + [Row("open.cpu", "daemon CPU per 10,000 opens, warm", "s", False,
                           ("at-most", 0.30), 2)]

    def data(self):
        return self.bench.datasets.chunks()

    def run(self, contender, number):
        data, values = self.data(), {}
        files = shuffled(data.files, self.sizes["opens"], number)
        listing = self.listing(files, "chunks")
        for processes in (1, 2, 4, 8, 16):
            with contender.mounted(data) as mount:
                self.warm(mount, listing)
                before = mount.cpu_seconds()
                warm, hot = self.loop(mount, "open", listing, processes, 2)
                used = mount.cpu_seconds() - before
            values[f"open.warm.{processes}"] = rate(warm)
            values[f"open.hot.{processes}"] = rate(hot)
            if processes == 1 and mount.pids:
                values["open.cpu"] = used / warm["ops"] * 10_000
        return values


class Readers(Case):
    """As on a node of a cluster: 64 processes, each with chunks of its own."""
    name = "readers"
    processes = 64

    def rows(self):
        title = f"open+read+close of random 4 KiB chunks by {self.processes} processes"
        return [Row(f"readers.{state}", f"{title}, {state}", "k/s")
                for state in ("cold", "warm", "hot")]

    def data(self):
        return self.bench.datasets.chunks()

    def run(self, contender, number):
        data, values = self.data(), {}
        count = max(self.sizes["cold_opens"], self.processes)
        listing = self.listing(shuffled(data.files, count, number + 100), "readers-cold")
        with contender.mounted(data) as mount:
            self.cool(mount, listing, count * PAGE)
            cold, = self.loop(mount, "open", listing, self.processes)
        listing = self.listing(shuffled(data.files, self.sizes["opens"], number), "readers")
        with contender.mounted(data) as mount:
            self.warm(mount, listing)
            warm, hot = self.loop(mount, "open", listing, self.processes, 2)
        return {"readers.cold": rate(cold), "readers.warm": rate(warm), "readers.hot": rate(hot)}


class Missing(Case):
    """stat of chunks that are not there. Names are new in each round: a native directory is never
    mounted anew, and would know the absent ones of the last round."""
    name = "missing"

    def rows(self):
        return [Row("missing.first", "missing chunk, first lookup", "k/s", True, ("ratio", 0.08)),
                Row("missing.again", "missing chunk, repeated", "k/s", True, ("ratio", 0.6))]

    def data(self):
        return self.bench.datasets.chunks()

    def run(self, contender, number):
        data = self.data()
        salt = random.randrange(10**6)
        present = shuffled(data.files, self.sizes["opens"], number)
        listing = self.listing([(0, f"{path}{salt}") for _, path in present], "missing")
        parents = self.listing([(0, path) for path in
                                sorted({os.path.dirname(path) for _, path in present})], "parents")
        with contender.mounted(data) as mount:
            for line in parents.read_text().splitlines():
                os.stat(mount.root / line.partition(" ")[2])
            first, again = self.loop(mount, "miss", listing, 1, 2)
        return {"missing.first": rate(first), "missing.again": rate(again)}


class SequentialCold(Case):
    name = "seq-cold"

    def rows(self):
        return [Row("seq.cold.1", "sequential read of shards, cold, 1 stream", "MiB/s", True,
                    ("ratio", 0.95), 0),
                Row("seq.cold.4", "sequential read of shards, cold, 4 streams", "MiB/s", True,
                    ("ratio", 0.9), 0)]

    def data(self):
        return self.bench.datasets.shards()

    def run(self, contender, number):
        data, values = self.data(), {}
        listing = self.listing(data.files, "shards")
        for streams in (1, 4):
            with contender.mounted(data) as mount:
                self.cool(mount, listing, data.total_bytes)
                result, = self.loop(mount, "seq", listing, streams)
                values[f"seq.cold.{streams}"] = rate(result, "bytes", 1 << 20)
        return values


class Sequential(Case):
    name = "seq"
    targets = {("warm", 1): 0.45, ("warm", 4): 0.4, ("hot", 1): 0.8}

    def rows(self):
        rows = [Row(f"seq.{state}.{n}", f"sequential read of shards, {state}, {n} "
                    f"stream{'s'[:n > 1]}", "MiB/s", True, ("ratio", self.targets[state, n])
                    if (state, n) in self.targets else (), 0)
                for state in ("warm", "hot") for n in (1, 4)]
        return rows + [Row("seq.cpu", "daemon CPU per GiB streamed, warm", "s", False,
                           ("at-most", 0.35), 2)]

    def data(self):
        return self.bench.datasets.shards()

    def run(self, contender, number):
        data, values = self.data(), {}
        listing = self.listing(data.files, "shards")
        for streams in (1, 4):
            with contender.mounted(data) as mount:
                self.warm(mount, listing)
                before = mount.cpu_seconds()
                warm, hot = self.loop(mount, "seq", listing, streams, 2)
                used = mount.cpu_seconds() - before
            values[f"seq.warm.{streams}"] = rate(warm, "bytes", 1 << 20)
            values[f"seq.hot.{streams}"] = rate(hot, "bytes", 1 << 20)
            if streams == 1 and mount.pids:
                values["seq.cpu"] = used / (warm["bytes"] / 2**30)
        return values


class Pieces(Case):
    """64 KiB at random in 64 MiB shards."""
    name = "rand"

    def rows(self):
        title = "64 KiB at random in a 64 MiB shard"
        rows = [Row("rand.warm.1", f"{title}, warm", "k/s", True, ("ratio", 0.35)),
                Row("rand.hot.1", f"{title}, hot", "k/s", True, ("ratio", 0.8))]
        return rows + [Row(f"rand.{state}.{p}", f"{title}, {state}, {p} processes", "k/s")
                       for state in ("warm", "hot") for p in (2, 4, 8)]

    def data(self):
        return self.bench.datasets.shards()

    def run(self, contender, number):
        data, values = self.data(), {}
        listing = self.listing(data.files[:self.sizes["pieces_of"]], "pieces")
        for processes in (1, 2, 4, 8):
            with contender.mounted(data) as mount:
                self.warm(mount, listing)
                warm, hot = self.loop(mount, "rand", listing, processes, 2)
            values[f"rand.warm.{processes}"] = rate(warm)
            values[f"rand.hot.{processes}"] = rate(hot)
        return values


class Mapped(Case):
    name = "mmap"

    def rows(self):
        return [Row("mmap.warm", "mmap, all bytes, warm", "GiB/s", True, ("ratio", 0.12), 2),
                Row("mmap.hot", "mmap, all bytes, hot", "GiB/s", True, ("ratio", 0.7), 2),
                Row("mmap.page", "mmap, pages at random, warm", "k/s")]

    def data(self):
        return self.bench.datasets.shards()

    def run(self, contender, number):
        data = self.data()
        listing = self.listing(data.files[:self.sizes["pieces_of"]], "mapped")
        with contender.mounted(data) as mount:
            self.warm(mount, listing)
            warm, hot = self.loop(mount, "mmap", listing, 1, 2)
        with contender.mounted(data) as mount:
            self.warm(mount, listing)
            page, = self.loop(mount, "page", listing)
        return {"mmap.page": rate(page), "mmap.warm": rate(warm, "bytes", 1 << 30),
                "mmap.hot": rate(hot, "bytes", 1 << 30)}


def run_arrays(python, *args):
    done = subprocess.run([python, HERE / "arrays.py", *map(str, args)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BenchError(f"arrays.py {args[0]}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


class Arrays(Case):
    """Real readers on a real volume; the pixels are compared."""
    name = "arrays"
    titles = {"chunks": "random chunks of a sharded array", "sharded": "a whole sharded array",
              "unsharded": "a whole unsharded array"}
    targets = {("chunks", "zarr-python"): 1.0, ("chunks", "tensorstore"): 0.9}

    def rows(self):
        rows = []
        for reader in self.bench.readers:
            for what, title in self.titles.items():
                target = self.targets.get((what, reader))
                rows.append(Row(f"arrays.{reader}.{what}", f"{reader}: {title}",
                                "/s" if what == "chunks" else "MiB/s", True,
                                ("ratio", target) if target else (), 0))
        return rows

    def takes(self, contender):
        return bool(self.bench.readers)

    def data(self):
        return self.bench.datasets.volume()

    def run(self, contender, number):
        data, values = self.data(), {}
        listing = self.listing(data.files, "volume")
        for reader in self.bench.readers:
            if not contender.mounts:
                if reader == "zarr-python":
                    on_files(self.bench.client, "warm", [data.archive])
                    values |= self.read(reader, "ZipStore", data.archive)
                continue
            with contender.mounted(data) as mount:
                self.warm(mount, listing)
                values |= self.read(reader, reader, mount.root)
        return values

    def read(self, reader, by, root):
        times = run_arrays(self.bench.python, "read", by, root)
        mib = times["bytes"] / 2**20
        return {f"arrays.{reader}.chunks": 1 / times["chunks"],
                f"arrays.{reader}.sharded": mib / times["sharded"],
                f"arrays.{reader}.unsharded": mib / times["unsharded"]}


NAMES = ("contents", "mount", "walk", "writer", "open-cold", "open", "readers", "missing",
         "seq-cold", "seq", "rand", "mmap", "arrays")
OF_KERNEL = ("contents", "mount", "walk", "writer", "open", "missing", "seq-cold", "seq")


def make(bench, names, full):
    """The cases of a run, in order."""
    cases = []
    for name in names:
        if name == "mount":
            cases += [MountTime(bench, count) for count in bench.datasets.sizes["counts"]]
            if full:
                cases += [MountTime(bench, 1_000_000, flat=True), MountTime(bench, 5_000_000)]
            continue
        kinds = (Contents, Walk, Writer, OpenCold, Open, Readers, Missing, SequentialCold,
                 Sequential, Pieces, Mapped, Arrays)
        cases += [kind(bench) for kind in kinds if kind.name == name]
        if name == "walk":
            cases.append(WalkLarge(bench, max(bench.datasets.sizes["counts"])))
    return cases
