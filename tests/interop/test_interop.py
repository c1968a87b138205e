# SPDX-License-Identifier: BSD-2-Clause
"""Real shapes, by real writers, mounted by ozxfs, read by real readers: the pixels must be those of
the source pictures."""
import os
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import zarr

import pictures
from conftest import CLI
from readers import READERS, fingerprint
from shapes import SHAPES
from writers import WRITERS

# Zarr v2 makes no .ozx: that pack refuses it is tested with pack.
CASES = [(w, s) for s in SHAPES for w in WRITERS if (w, s[-3:]) != ("ozxfs-pack", "-v2")]
CASES += [("ngff-zarr-cli", s) for s in CLI]
each_case = pytest.mark.parametrize("mounted", CASES, indirect=True, ids="/".join)


@each_case
def test_reader_sees_the_pixels(mounted, reader):
    archive, directory = mounted
    assert reader(directory, sorted(archive.arrays)) == archive.arrays


@each_case
def test_zarr_python_finds_all_arrays(mounted):
    """By listing directories, not by knowing the paths."""
    archive, directory = mounted
    found = zarr.open_group(directory, mode="r", use_consolidated=False).members(max_depth=None)
    assert {p for p, node in found if isinstance(node, zarr.Array)} == set(archive.arrays)


@each_case
def test_files_are_the_archives(mounted):
    """Exactly the archive's names, each with its bytes; nothing invented, nothing hidden."""
    archive, directory = mounted
    seen = {}
    for folder, _, names in os.walk(directory, onerror=pytest.fail):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                seen[os.path.relpath(path, directory)] = file.read()
    assert seen.keys() == archive.files.keys()
    assert [n for n in seen if seen[n] != archive.files[n]] == []


@pytest.mark.parametrize("mounted", [("ngff-zarr", "volume-sharded"), ("zip-deflated", "image")],
                         indirect=True, ids="/".join)
def test_all_readers_at_once(mounted):
    """Five programs, each in its own process, three rounds: nobody gets another one's bytes."""
    archive, directory = mounted
    paths = sorted(archive.arrays)
    installed = [name for name in READERS if is_installed(name)]
    with ProcessPoolExecutor(len(installed), get_context("spawn")) as pool:
        jobs = [
            pool.submit(READERS[name], directory, paths) for _ in range(3) for name in installed
        ]
        assert [job.result(300) for job in jobs] == [archive.arrays] * len(jobs)


def is_installed(name):
    try:
        return READERS[name](Path("."), []) == {}
    except ImportError:
        return False


def names_of(archive):
    with zipfile.ZipFile(archive.path) as file:
        return file.infolist()


def test_zipstore_writes_duplicates(archive_of):
    """Else the case of duplicates would not be tested by a real writer."""
    names = [i.filename for i in names_of(archive_of("zarr-zipstore", "image"))]
    assert names.count("zarr.json") > 1


def test_pipe_writes_data_descriptors(archive_of):
    assert all(i.flag_bits & 8 for i in names_of(archive_of("python-pipe", "image")))


def test_zip_deflates(archive_of):
    assert any(i.compress_type == zipfile.ZIP_DEFLATED
               for i in names_of(archive_of("zip-deflated", "image")))


def test_labels_have_missing_chunks(source):
    """Readers must meet names that do not exist, and take them for the fill value."""
    directory, _ = source("labels")
    labels = zarr.open_array(directory / "labels" / "nuclei" / "scale0" / "image", mode="r")
    assert 0 < labels.nchunks_initialized < labels.nchunks


@pytest.mark.parametrize("case", CLI)
def test_cli_archive_holds_the_picture(archive_of, case):
    """What the command line wrote is the file that it was given (as skimage and nibabel read it).
    """
    picture = {"cli-png": pictures.cell, "cli-rgb-sharded": pictures.stained,
               "cli-nifti": pictures.brain}[case]()
    assert fingerprint(picture) in archive_of("ngff-zarr-cli", case).arrays.values()
