# SPDX-License-Identifier: BSD-2-Clause
"""Who is measured: the unpacked directory, ozxfs, and what users would pick instead. Each knows how
to find itself, what it reads (archive, image or tree) and its command line; mounting, waiting and
unmounting are the same for all. Knows no case.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from machine import (BenchError, alive, cpu_seconds, is_mount, memory_mib, processes_naming,
                     wait_until)

MOUNT_TIMEOUT_S = 300
UNMOUNT_TIMEOUT_S = 30


class NotServed(Exception):
    """It ran, but does not serve this data set."""


class Contender:
    name = ""
    program = ""
    reads = "archive"
    mounts = True
    holds_writers = False  # who opens the archive for writing waits for it

    def __init__(self, folder):
        self.folder = Path(folder)  # for what it keeps: indexes
        self.path = shutil.which(self.program) if self.program else None

    def missing(self):
        """Why it cannot take part, or None."""
        return None if self.path else f"{self.program} is not on PATH"

    def source(self, data):
        return {"archive": data.archive, "image": data.image, "tree": data.tree,
                "aligned": data.tree and data.aligned}[self.reads]

    def version(self):
        done = subprocess.run([self.path, "--version"], capture_output=True, text=True)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return next((line for line in lines if self.program in line), *lines[:1] or ["?"])

    def command(self, source, point):
        return [self.path, source, point]

    def prepare(self, data):
        """Once per data set, outside of every clock."""

    @contextlib.contextmanager
    def mounted(self, data):
        """A Mount of its own, gone with its daemon afterwards."""
        self.prepare(data)
        # A short prefix: a path's length is part of what open() costs, and the same for all.
        point = Path(tempfile.mkdtemp(prefix="ozxb", dir=tempfile.gettempdir()))
        mount = Mount(self, data, point)
        try:
            mount.start()
            yield mount
        finally:
            mount.end()


class Mount:
    def __init__(self, contender, data, point):
        self.contender, self.data = contender, data
        self.root, self.pids, self.mount_s = point, [], 0.0

    def start(self):
        source = self.contender.source(self.data)
        command = [str(part) for part in self.contender.command(source, self.root)]
        with tempfile.TemporaryFile("w+") as said:
            start = time.monotonic()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            # Not wait(timeout): it looks only every 50 ms, which would be measured.
            guard = threading.Timer(MOUNT_TIMEOUT_S, child.kill)
            guard.start()
            try:
                served = child.wait() == 0 and wait_until(self._served, 20, 0.0005)
            finally:
                guard.cancel()
            self.mount_s = time.monotonic() - start
            said.seek(0)
            words = said.read(4000).strip().splitlines()
        self.pids = processes_naming(str(self.root))
        if not served:
            raise NotServed(f"{self.contender.name}: {words[-1] if words else 'no tree'}")
        if not self.pids:
            raise BenchError(f"{self.contender.name}: its daemon is not found")

    def _served(self):
        """The deepest file is there: the end of the first stat after the mount."""
        try:
            os.stat(self.root / self.data.files[-1][1])
        except OSError:
            return False
        return True

    def memory_mib(self):
        return memory_mib(self.pids)

    def cpu_seconds(self):
        return cpu_seconds(self.pids)

    def end(self):
        tool = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
        if is_mount(self.root):
            done = subprocess.run([*tool, self.root], capture_output=True, text=True)
            if done.returncode != 0:
                subprocess.run([*tool, "-l" if tool[0] == "umount" else "-z", self.root],
                               capture_output=True)
        if not wait_until(lambda: not any(map(alive, self.pids)), UNMOUNT_TIMEOUT_S):
            raise BenchError(f"{self.contender.name}: still runs after its unmount: {self.pids}")
        if not is_mount(self.root):
            self.root.rmdir()


class Native(Contender):
    name, reads = "native", "tree"

    def missing(self):
        return None

    def version(self):
        return "the unpacked directory"

    @contextlib.contextmanager
    def mounted(self, data):
        mount = Mount(self, data, data.tree)
        yield mount


class Ozxfs(Contender):
    name, program = "ozxfs", "ozxfs"

    def __init__(self, folder, binary=None):
        super().__init__(folder)
        self.path = binary or self.path

    def command(self, source, point):
        return [self.path, "mount", source, point]


class OzxfsRings(Ozxfs):
    """ozxfs once more, with FUSE's requests by io_uring."""
    name = "ozxfs -o io_uring"
    switch = Path("/sys/module/fuse/parameters/enable_uring")

    def missing(self):
        absent = super().missing()
        if absent:
            return absent
        done = subprocess.run([self.path, "--version"], capture_output=True, text=True)
        if "io_uring" not in done.stdout:
            return "ozxfs was built with a libfuse without io_uring"
        if not self.switch.exists() or self.switch.read_text().strip() != "Y":
            return f"the kernel has no FUSE over io_uring, or {self.switch} is off"
        return None

    def command(self, source, point):
        return [self.path, "mount", "-o", "io_uring", source, point]


class OzxfsKernel(Ozxfs):
    """The archive served by the kernel's EROFS: no process answers."""
    name = "ozxfs -o backend=kernel"
    linux, holds_writers = (6, 15), True

    def missing(self):
        absent = super().missing()
        release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
        return (absent or os.geteuid() != 0 and "only root mounts EROFS"
                or release < self.linux and "this Linux is older than 6.15" or None)

    def command(self, source, point):
        return [self.path, "mount", "-o", "backend=kernel", source, point]


class OzxfsAligned(OzxfsKernel):
    """... and its chunks are where `pack --align 4096` puts them, so that none is copied."""
    name = "kernel (aligned)"
    reads, holds_writers = "aligned", False

    def prepare(self, data):
        if data.tree and not data.aligned.exists():
            part = data.aligned.with_suffix(".part")
            subprocess.run([self.path, "repack", "-fq", "--align", "4096", data.archive, part],
                           check=True)
            part.rename(data.aligned)


class OzxfsLoop(Ozxfs):
    """ozxfs built with libfuse's loop in place of its own; for who works on the loop."""
    name = "libfuse's loop"
    program = "tests/bench/ozxfs_loop_mt"

    def __init__(self, folder, binary=None):
        super().__init__(folder)
        build = Path(binary).parent.parent if binary else Path()
        self.path = shutil.which(str(build / self.program))

    def missing(self):
        return None if self.path else f"build it: ninja {self.program}"


class MountZip(Contender):
    name = program = "mount-zip"


class FuseZip(Contender):
    name = program = "fuse-zip"

    def command(self, source, point):
        return [self.path, "-r", source, point]


class Ratarmount(Contender):
    """With its index kept in a file, as its users keep it: made by the first mount of a set."""
    name = program = "ratarmount"

    def version(self):
        return super().version() + " (index kept)"

    def index(self, source):
        return self.folder / f"{source.name}.index.sqlite"

    def prepare(self, data):
        if not self.index(data.archive).exists():
            subprocess.run([self.path, "--index-file", self.index(data.archive), "--no-mount",
                            data.archive], capture_output=True, stdin=subprocess.DEVNULL)

    def command(self, source, point):
        return [self.path, "--index-file", self.index(source), source, point]


class Archivemount(Contender):
    name = program = "archivemount"

    def command(self, source, point):
        return [self.path, "-o", "readonly", source, point]


class Squashfuse(Contender):
    name = program = "squashfuse_ll"
    reads = "image"

    def version(self):
        done = subprocess.run([self.path], capture_output=True, text=True)
        line = next((line for line in (done.stdout + done.stderr).splitlines()
                     if line.startswith("squashfuse ")), "squashfuse")
        return f"{line.partition(' (c)')[0]}, own image"


class ZipStore(Contender):
    """In-process: takes part in reading arrays and in opening only."""
    name = "ZipStore"
    mounts = False

    def __init__(self, folder, python=None, readers=()):
        super().__init__(folder)
        self.python, self.readers = python, readers

    def missing(self):
        return None if "zarr-python" in self.readers else "no Python with zarr (tests/run makes it)"

    def version(self):
        done = subprocess.run([self.python, "-c", "import zarr; print(zarr.__version__)"],
                              capture_output=True, text=True)
        return f"zarr-python {done.stdout.strip()}, in-process"


def everyone(folder, binary, python, readers):
    """All contenders, in the order of the report."""
    return [Native(folder), Ozxfs(folder, binary), OzxfsRings(folder, binary),
            OzxfsKernel(folder, binary), OzxfsAligned(folder, binary),
            OzxfsLoop(folder, binary), MountZip(folder),
            FuseZip(folder), Ratarmount(folder), Archivemount(folder), Squashfuse(folder),
            ZipStore(folder, python, readers)]
