# SPDX-License-Identifier: BSD-2-Clause
"""Archives, mounts, and the record of which readers really ran."""
import json
import os
import subprocess
import zipfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import zarr

import pictures
import shapes
import writers
from kit import launch
from readers import READERS, fingerprint

RAN = Counter()

# The command line of ngff-zarr takes picture files: {case: (file, options)}.
CLI = {
    "cli-png": (pictures.CELL, ["--chunks", "128"]),
    "cli-rgb-sharded": (pictures.STAINED, ["--chunks", "128", "--chunks-per-shard", "2"]),
    "cli-nifti": (pictures.BRAIN, []),
}


@dataclass
class Archive:
    path: Path
    arrays: dict  # {path: fingerprint}: what a reader must find
    files: dict  # {name: bytes}: as Python's zipfile sees them (the last of a name counts)


def all_arrays(directory):
    # Not the consolidated metadata: ngff-zarr's does not know what was added later (labels).
    group = zarr.open_group(directory, mode="r", use_consolidated=False)
    return {path: fingerprint(node[...]) for path, node in group.members(max_depth=None)
            if isinstance(node, zarr.Array)}


def name_of(entry):
    """Without the UTF-8 flag zipfile takes CP437; ozxfs takes UTF-8 where it is that (zip's is)."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeDecodeError:
        return entry.filename


def files_of(archive):
    with zipfile.ZipFile(archive) as file:
        return {name_of(i): file.read(i) for i in file.infolist() if not i.is_dir()}


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """source(shape): its directory and {path: fingerprint}; made once."""
    base = tmp_path_factory.mktemp("source")

    @cache
    def make(shape):
        pixels = shapes.SHAPES[shape](base / shape)
        arrays = all_arrays(base / shape)
        for path, picture in pixels.items():
            assert arrays[path] == fingerprint(picture), f"{shape}: {path} is not the picture"
        return base / shape, arrays

    return make


@pytest.fixture(scope="session")
def archive_of(source, tmp_path_factory):
    """archive_of(writer, shape): the archive and what is in it."""
    base = tmp_path_factory.mktemp("archive")

    @cache
    def make(writer, shape):
        out = base / f"{shape}.{writer}.ozx"
        if writer == "ngff-zarr-cli":
            picture, options = CLI[shape]
            writers.ngff_zarr_cli(picture, out, *options)
            unpacked = base / f"{shape}.{writer}"
            with zipfile.ZipFile(out) as file:
                file.extractall(unpacked)
            arrays = all_arrays(unpacked)
        else:
            directory, arrays = source(shape)
            try:
                writers.WRITERS[writer](directory, out)
            except writers.NotThere as reason:
                pytest.skip(str(reason))
        return Archive(out, arrays, files_of(out))

    return make


def is_mounted(directory):
    """Bytes: somebody else's mount may have a name that is not UTF-8."""
    with open("/proc/self/mounts", "rb") as mounts:
        return any(line.split()[1] == os.fsencode(directory) for line in mounts)


@pytest.fixture(scope="module")
def mounted(request, archive_of, tmp_path_factory):
    """The archive of the (writer, shape) asked for, mounted: (Archive, directory)."""
    writer, shape = request.param
    archive = archive_of(writer, shape)
    directory = tmp_path_factory.mktemp("mount") / f"{shape}.ome.zarr"
    directory.mkdir()
    done = ozxfs("mount", archive.path, directory)
    try:
        assert done.returncode == 0, f"ozxfs mount: {done.returncode}: {done.stderr}"
        assert is_mounted(directory), "ozxfs mount says 0, but nothing is mounted"
        yield archive, directory
        done = ozxfs("umount", directory)
        assert done.returncode == 0, f"ozxfs umount: {done.returncode}: {done.stderr}"
        assert not is_mounted(directory)
    finally:
        if is_mounted(directory):
            subprocess.run(["umount", "-l", directory], check=False)


def ozxfs(*arguments):
    return launch.run(*arguments, text=True)


@pytest.fixture(params=READERS)
def reader(request):
    """A reader that counts itself once it has read arrays."""
    read = READERS[request.param]

    def counted(root, paths):
        try:
            arrays = read(root, paths)
        except ImportError as missing:
            pytest.skip(f"{request.param}: {missing}")
        RAN[request.param] += len(arrays)
        return arrays

    return counted


def pytest_configure(config):
    """Warnings that are part of the game: duplicates on purpose, a file that is no Zarr node."""
    config.addinivalue_line("filterwarnings", "ignore:Duplicate name")
    config.addinivalue_line("filterwarnings", "ignore:Object at .* is not recognized")


def pytest_sessionfinish():
    """For tests/run, which does not pass without the readers that must have run."""
    build = os.environ.get("OZXFS_BUILD_DIR")
    if build:
        text = json.dumps({name: RAN[name] for name in READERS}, indent=1)
        (Path(build) / "readers-run.json").write_text(text + "\n")
