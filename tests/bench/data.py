# SPDX-License-Identifier: BSD-2-Clause
"""The data sets of the bench, made once into a folder: each as an unpacked directory, as an .ozx,
and as a squashfs image (uncompressed, like the archive) where its tools are installed.

  chunks      4 KiB chunks in c/Z/Y/X                      100,000 of them
  shards      64 MiB shards                                2.5 GiB of them
  entries-N   N entries of 8 bytes, to grow the index; never unpacked
  flat-N      the same in one directory
  volume      a Zarr v3 volume, sharded and unsharded, by zarr-python where that is installed

Contents are made of a stamp and a pattern for each page, so that client.c can tell from a page
alone that it is the right one. Knows nothing of mounts and contenders.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from stored_zip import Writer

PAGE = 4096
MASK = (1 << 64) - 1
SHARD = 64 << 20
VERSION = 3  # of the data: another one makes new folders


def _pattern():
    x, out = 1, bytearray()
    for _ in range(PAGE - 8):
        x = (x * 25173 + 13849) & 0xFFFF
        out.append(x >> 8)
    return bytes(out)


PATTERN = _pattern()


def _seed(path):
    value = 0xCBF29CE484222325
    for byte in path.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def contents(path, size):
    """What a file of the bench holds; client.c knows the same rule."""
    seed = _seed(path)
    pack = struct.Struct("<Q").pack
    pages = (pack(seed + p * 0x9E3779B97F4A7C15 & MASK) for p in range((size + PAGE - 1) // PAGE))
    return b"".join(part for stamp in pages for part in (stamp, PATTERN))[:size]


def _grid(i):
    return f"c/{i // 10000}/{i // 100 % 100}/{i % 100}"


def _array_json(count):
    """zarr.json of a uint8 array whose chunks are the files of `chunks` and `entries-N`."""
    return json.dumps({
        "zarr_format": 3, "node_type": "array", "shape": [-(-count // 10000) * 16, 1600, 1600],
        "data_type": "uint8", "fill_value": 0, "codecs": [{"name": "bytes"}],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [16, 16, 16]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}}).encode()


GROUP_JSON = json.dumps({"zarr_format": 3, "node_type": "group",
                         "attributes": {"ome": {"version": "0.5"}}}).encode()


class DataSet:
    """One set: `archive`, `image` (or None), `tree` (or None), `files` [(size, path)]."""

    def __init__(self, folder, name, files, meta, unpacked=True):
        self.name, self.files, self.meta = name, files, meta
        self.folder = folder
        self.archive = folder / f"{name}.ozx"
        self.aligned = folder / f"{name}-aligned.ozx"  # made by who reads it
        self.squashfs = folder / f"{name}.squashfs"
        self.tree = folder / name if unpacked else None
        self.total_bytes = sum(size for size, _ in files) + sum(map(len, meta.values()))

    @property
    def image(self):
        return self.squashfs if self.squashfs.exists() else None

    @property
    def entry_count(self):
        return len(self.files) + len(self.meta)

    def entries(self):
        """(name, bytes) in RFC-9 order."""
        yield from self.meta.items()
        for size, path in self.files:
            yield path, contents(path, size)

    def make(self, say, want_image):
        if self.tree and not self.tree.exists():
            say(f"{self.tree.name}: unpacked, {self.entry_count:,} files")
            part = self.tree.with_name(self.tree.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            _write_tree(part, self.entries())
            part.rename(self.tree)
        if not self.archive.exists():
            say(f"{self.archive.name}")
            with Writer(self.archive) as archive:
                for name, data in self.entries():
                    archive.add(name, data)
        if want_image and not self.image and shutil.which("mksquashfs"):
            say(f"{self.squashfs.name}")
            self._make_image()

    def _make_image(self):
        part = self.squashfs.with_suffix(".part")
        options = ["-noI", "-noD", "-noF", "-noX", "-no-xattrs", "-no-duplicates", "-no-progress",
                   "-quiet"]
        if self.tree:
            subprocess.run(["mksquashfs", self.tree, part, "-noappend", *options], check=True,
                           stdout=subprocess.DEVNULL)
        elif shutil.which("sqfstar"):
            part.unlink(missing_ok=True)
            child = subprocess.Popen(["sqfstar", *options, part], stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, bufsize=1 << 20)
            with child.stdin:
                _write_tar(child.stdin, self.entries())
            if child.wait() != 0:
                raise RuntimeError("sqfstar failed")
        else:
            return
        part.rename(self.squashfs)


def _write_tree(root, entries):
    made = set()
    for name, data in entries:
        path = f"{root}/{name}"
        folder = os.path.dirname(path)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)


def _tar_header(name, size_bytes, kind):
    """One ustar header; the standard library's takes most of a minute for a million."""
    fields = [name.encode().ljust(100, b"\0"), b"0000755\0", b"0000000\0" * 2,
              b"%011o\0" % size_bytes, b"%011o\0" % 0, b" " * 8, kind, bytes(100), b"ustar\00000"]
    fields[5] = b"%06o\0 " % sum(map(sum, fields))
    return b"".join(fields).ljust(512, b"\0")


def _write_tar(out, entries):
    made = {""}
    for name, data in entries:
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in made:
                made.add(folder)
                out.write(_tar_header(folder, 0, b"5"))
        out.write(_tar_header(name, len(data), b"0"))
        out.write(data + bytes(-len(data) % 512))
    out.write(bytes(1024))


class Volume(DataSet):
    """A Zarr v3 volume by zarr-python; there only if `python` can import zarr."""

    def __init__(self, folder, edge, python):
        super().__init__(folder, f"volume-{edge}", [], {})
        self.edge, self.python = edge, python

    def make(self, say, want_image):
        if not self.tree.exists():
            say(f"{self.tree.name}: by zarr-python")
            part = self.tree.with_name(self.tree.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            script = Path(__file__).with_name("arrays.py")
            subprocess.run([self.python, script, "make", part, str(self.edge)], check=True)
            part.rename(self.tree)
        found = [p for p in sorted(self.tree.rglob("*")) if p.is_file()]
        found.sort(key=lambda p: (p.name != "zarr.json", len(p.parts) * (p.name == "zarr.json")))
        self.files = [(p.stat().st_size, str(p.relative_to(self.tree))) for p in found]
        self.total_bytes = sum(size for size, _ in self.files)
        super().make(say, want_image)

    def entries(self):
        for _, path in self.files:
            yield path, (self.tree / path).read_bytes()


class Library:
    """Makes sets when they are asked for. `sizes` is one of SIZES."""

    def __init__(self, folder, sizes, say, want_image, python):
        self.folder = Path(folder) / f"v{VERSION}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sizes, self.say, self.want_image, self.python = sizes, say, want_image, python
        self.made = {}

    def _get(self, name, build):
        if name not in self.made:
            data = build()
            data.make(lambda text: self.say(f"making {text}"), self.want_image)
            os.sync()  # what is not yet written cannot be dropped from the cache
            self.made[name] = data
        return self.made[name]

    def chunks(self):
        count = self.sizes["chunks"]
        return self._get("chunks", lambda: DataSet(
            self.folder, f"chunks-{count}", [(PAGE, _grid(i)) for i in range(count)],
            {"zarr.json": _array_json(count)}))

    def shards(self):
        count = self.sizes["shards"]
        return self._get("shards", lambda: DataSet(
            self.folder, f"shards-{count}", [(SHARD, f"0/c/0/{i}") for i in range(count)],
            {"zarr.json": GROUP_JSON}))

    def entries(self, count, flat=False):
        kind = "flat" if flat else "entries"
        name = (lambda i: f"c/{i}") if flat else _grid
        return self._get(f"{kind}-{count}", lambda: DataSet(
            self.folder, f"{kind}-{count}", [(8, name(i)) for i in range(count - 1)],
            {"zarr.json": _array_json(count)}, unpacked=False))

    def volume(self):
        edge = self.sizes["volume"]
        return self._get("volume", lambda: Volume(self.folder, edge, self.python))

    def write_list(self, name, files):
        """A list for client.c; returns its path."""
        path = self.folder / f"{name}.{os.getpid()}.list"
        path.write_text("".join(f"{size} {file}\n" for size, file in files))
        return path

    def forget_lists(self):
        for path in self.folder.glob(f"*.{os.getpid()}.list"):
            path.unlink()


SIZES = {  # pieces_of: shards for random and mmap reads
    "full": {"chunks": 100_000, "shards": 40, "volume": 512, "opens": 20_000, "cold_opens": 2000,
             "pieces_of": 8, "limit_s": 6.0, "counts": (1000, 10_000, 100_000, 1_000_000)},
    "quick": {"chunks": 10_000, "shards": 4, "volume": 128, "opens": 4000, "cold_opens": 500,
              "pieces_of": 2, "limit_s": 1.0, "counts": (1000, 10_000, 100_000)},
    "smoke": {"chunks": 500, "shards": 1, "volume": 64, "opens": 300, "cold_opens": 100,
              "pieces_of": 1, "limit_s": 0.3, "counts": (1000,)},
}


def shuffled(files, count, seed):
    return random.Random(seed).sample(files, min(count, len(files)))


if __name__ == "__main__":
    sys.exit("data.py is used by run")
