# SPDX-License-Identifier: BSD-2-Clause
"""The programs that make archives: each writer is a function(directory, out.ozx)."""
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import zarr
from ngff_zarr.rfc9_zip import write_store_to_zip

OZXFS = os.environ.get("OZXFS", "ozxfs")


class NotThere(Exception):
    """The writer is not on this machine: skipped, and said so."""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, f"{command[0]} failed ({done.returncode}): {done.stderr}"


def ngff_zarr_rfc9(directory, out):
    write_store_to_zip(str(directory), str(out), version="0.5")


def zarr_zipstore(directory, out):
    """zarr-python into its ZipStore, attributes set afterwards: metadata is in there twice."""
    source = zarr.open_group(directory, mode="r", use_consolidated=False)
    with zarr.storage.ZipStore(out, mode="w") as store:
        copy = zarr.create_group(store, zarr_format=source.metadata.zarr_format)
        copy.attrs.update(source.attrs)
        for path, node in sorted(source.members(max_depth=None)):
            if isinstance(node, zarr.Group):
                copy.create_group(path).attrs.update(node.attrs)
            else:
                zarr.from_array(store, data=node, name=path).attrs.update({"copied": True})


def zip_stored(directory, out):
    run_zip("-0", directory, out)


def zip_deflated(directory, out):
    run_zip("-6", directory, out)


def run_zip(level, directory, out):
    try:
        run("zip", "-q", "-r", level, str(out), ".", cwd=directory)
    except FileNotFoundError:
        raise NotThere("zip is not installed") from None


def python_to_pipe(directory, out):
    """Python's zipfile to something that cannot seek: sizes and CRC in data descriptors."""
    with open(out, "wb") as file:
        cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
        with zipfile.ZipFile(cat.stdin, "w") as archive:
            for path in sorted(p for p in Path(directory).rglob("*") if p.is_file()):
                archive.write(path, path.relative_to(directory))
        cat.stdin.close()
        assert cat.wait(60) == 0


def ozxfs_pack(directory, out):
    run(OZXFS, "pack", str(directory), str(out))


def ngff_zarr_cli(picture, out, *options):
    """The command line: from a picture file at once to the .ozx."""
    run(str(Path(sys.executable).parent / "ngff-zarr"), "-q", "-i", str(picture), "-o", str(out),
        *options)


WRITERS = {
    "ngff-zarr": ngff_zarr_rfc9,
    "zarr-zipstore": zarr_zipstore,
    "zip-stored": zip_stored,
    "zip-deflated": zip_deflated,
    "python-pipe": python_to_pipe,
    "ozxfs-pack": ozxfs_pack,
}
