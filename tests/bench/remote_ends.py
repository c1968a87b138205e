# SPDX-License-Identifier: BSD-2-Clause
"""The two ends of the line that `remote` measures on: the archives at the one, and at the other the
programs that read them. Knows no row and no target.
"""
import concurrent.futures
import contextlib
import json
import os
import random
import resource
import select
import shutil
import subprocess
import sys
import time
import zipfile

from kit.line import served
from machine import cpu_seconds, memory_mib
from stored_zip import Writer

MIB = 1 << 20
SMALL, SMALL_COUNT = 1 << 16, 4832
LARGE, LARGE_COUNT = MIB, 160
LONG_COUNT = 640  # chunks of the archive that is read from its begin to its end
TAIL, HEAD = 1 << 18, 1 << 16  # bytes that are asked for at first, to open an archive
PATIENCE_S = 60  # with others than ozxfs
GROUP = b'{"zarr_format":3,"node_type":"group","attributes":{}}'
FAILED = float("nan")


# --- the archives --------------------------------------------------------------------------------


def chunk(size):
    return random.randbytes(64) + bytes(size - 64)


class Archive:
    """One that is served: where its bytes are."""

    def __init__(self, path, entries):
        self.path = path
        with Writer(path) as archive:
            for name, data in entries:
                archive.add(name, data)
        self.size = os.path.getsize(path)
        with zipfile.ZipFile(path) as archive:
            self.directory = archive.start_dir

    def where(self):
        """{name: (offset, size)} of its chunks."""
        with zipfile.ZipFile(self.path) as archive:
            entries = archive.infolist()
        found = {}
        with open(self.path, "rb") as file:
            for entry in entries:
                file.seek(entry.header_offset + 26)
                lengths = file.read(4)
                name, extra = (int.from_bytes(lengths[at:at + 2], "little") for at in (0, 2))
                found[entry.filename] = (entry.header_offset + 30 + name + extra, entry.file_size)
        return found

    def opening(self):
        """What opening it asks for: at once, and then."""
        rest = [f"{self.directory}-{self.size - TAIL - 1}"] \
            if self.directory < self.size - TAIL else []
        return [f"-{TAIL}", f"0-{HEAD - 1}"], rest


def chunks_of_two_sizes():
    yield "zarr.json", GROUP
    for name, size, count in (("l", LARGE, LARGE_COUNT), ("s", SMALL, SMALL_COUNT)):
        for n in range(count):
            yield f"{name}/c/{n}", chunk(size)


def an_image():
    for name in ("zarr.json", "0/zarr.json", "1/zarr.json", "labels/zarr.json"):
        yield name, GROUP
    for n in range(LONG_COUNT):
        yield f"l/c/{n}", chunk(LARGE)


def many_entries(count):
    yield "zarr.json", GROUP
    for n in range(count - 1):
        yield f"image/s0/c/{n // 10000}/{n // 100 % 100}/{n % 100}", b"0123456789abcdef"


# --- who reads them ------------------------------------------------------------------------------


def read_chunks(root, names, readers, seconds):
    """The sizes of those that were read, and in what time."""
    until = time.monotonic() + seconds

    def read(name):
        if time.monotonic() > until:
            return 0
        with open(root / name, "rb", buffering=0) as file:
            return len(file.read(MIB))

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(readers) as pool:
        sizes = [size for size in pool.map(read, names) if size]
    return sizes, time.monotonic() - began


class Mount:
    """One of ozxfs, and the process that fetches for it."""

    def __init__(self, setting, root, before):
        self.root = root
        self.fetchers = setting.fetchers() - before

    def cpu(self):
        return cpu_seconds(self.fetchers)

    def peak_mib(self):
        return memory_mib(self.fetchers)[1]


class Setting:
    """One line with its two ends, and what runs at this one."""

    def __init__(self, given, folder, client, base, rtt_ms):
        self.given, self.folder, self.client, self.base = given, folder, client, base
        self.rtt_ms, self.asked = rtt_ms, 0
        self.environment = dict(os.environ, SSL_CERT_FILE=str(folder / "crt"),
                                CURL_CA_BUNDLE=str(folder / "crt"), HOME=str(folder),
                                REQUESTS_CA_BUNDLE=str(folder / "crt"), no_proxy="*")

    def url(self, archive):
        return f"{self.base}/{archive.path.name}"

    def ozxfs(self, *arguments):
        return self.client.run(self.given.ozxfs, *arguments, env=self.environment)

    def bare_command(self, archive, readers):
        more = [self.folder / "crt"] if self.given.tls else []
        return [*self.client.enter, self.folder / "bare", self.url(archive), str(readers), *more]

    def bare(self, archive, ranges, readers):
        """Seconds of libcurl alone."""
        done = subprocess.run(self.bare_command(archive, readers), check=True, text=True,
                              input="".join(f"{r}\n" for r in ranges), capture_output=True)
        return float(done.stdout.split()[0])

    def bare_cpu(self, archive, ranges, readers):
        """Seconds of it, and of the processor."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = self.bare(archive, ranges, readers)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def log(self):
        """Requests and bytes since the last call."""
        return served(self.folder)

    def fetchers(self):
        """Those of this machine."""
        here, found = os.readlink(f"/proc/{self.client.pid}/ns/net"), set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), \
                    open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as name:
                if name.read().startswith("ozxfs-fetch") and \
                        os.readlink(f"/proc/{pid}/ns/net") == here:
                    found.add(int(pid))
        return found

    @contextlib.contextmanager
    def mounted(self, archive, name="m"):
        root = self.folder / name
        root.mkdir(exist_ok=True)
        before = self.fetchers()
        self.ozxfs("mount", self.url(archive), root)
        try:
            yield Mount(self, root, before)
        finally:
            self.ozxfs("umount", root)


class Other:
    """One who is measured beside ozxfs: begun anew each time, as ozxfs is, without what it kept."""
    name = ""

    def __init__(self, setting):
        self.setting = setting


class Gdal(Other):
    name = "GDAL"
    install = "no Python here has osgeo: apt install python3-gdal"

    @staticmethod
    def find():
        """A Python that has it."""
        for python in (os.environ.get("GDAL_PYTHON"), sys.executable, "/usr/bin/python3"):
            if python and subprocess.run([python, "-c", "import osgeo.gdal"], check=False,
                                         capture_output=True).returncode == 0:
                return python
        return None

    @contextlib.contextmanager
    def running(self, archive):
        self.archive = archive
        command = [*self.setting.client.enter, self.find(),
                   os.path.join(os.path.dirname(__file__), "remote_gdal.py")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, env=self.setting.environment) as process:
            self.process = process
            try:
                yield self
            finally:
                process.kill()

    def ask(self, query, names, readers, seconds):
        self.process.stdin.write(json.dumps({
            "url": self.setting.url(self.archive) + query, "names": names, "readers": readers,
            "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE_S + seconds)[0]:
            raise TimeoutError("GDAL")
        return json.loads(self.process.stdout.readline())

    def open_seconds(self, archive):
        """Of a process that runs already; the server takes the query for nothing."""
        self.setting.asked += 1
        with self.running(archive):
            try:
                return self.ask(f"?{self.setting.asked}", [], 1, 0)["open"]
            except TimeoutError:
                return FAILED

    def read(self, names, readers, seconds):
        got = self.ask("", names, readers, seconds)
        return got["sizes"], got["seconds"]


class Ratarmount(Other):
    name = "ratarmount"
    install = "it is not on PATH: pip install ratarmount requests aiohttp fsspec"

    @staticmethod
    def find():
        return shutil.which("ratarmount")

    @contextlib.contextmanager
    def mounted(self, archive):
        self.setting.asked += 1
        root = self.setting.folder / f"r{self.setting.asked}"
        root.mkdir()
        command = [*self.setting.client.enter, "ratarmount", "--index-file", ":memory:", "-f",
                   self.setting.url(archive), root]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=self.setting.environment) as process:
            until = time.monotonic() + PATIENCE_S
            while not os.path.ismount(root) and process.poll() is None:
                if time.monotonic() > until:
                    process.terminate()
                time.sleep(0.01)
            try:
                yield root if os.path.ismount(root) else None
            finally:
                if os.path.ismount(root):
                    subprocess.run(["umount", "-l", root], check=True)
                process.terminate()

    @contextlib.contextmanager
    def running(self, archive):
        with self.mounted(archive) as self.root:
            if not self.root:
                raise SystemExit("remote: ratarmount does not mount this URL")
            yield self

    def open_seconds(self, archive):
        """From its start to a name that it knows."""
        began = time.monotonic()
        with self.mounted(archive) as root:
            if not root:
                return FAILED
            os.stat(root / "zarr.json")
            return time.monotonic() - began

    def read(self, names, readers, seconds):
        return read_chunks(self.root, names, readers, seconds)
