# SPDX-License-Identifier: BSD-2-Clause
"""-o timeout=: an array that was opened before the time is read long after it, and has the same
pixels. (An absent chunk would be 0.)"""
import time

import numpy
import pytest

import conftest


def zarr_python(path):
    import zarr

    array = zarr.open_array(path, mode="r")
    return array.shape, lambda part: numpy.asarray(array[part])


def tensorstore(path):
    import tensorstore

    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    array = tensorstore.open(spec, open=True).result()
    return array.shape, lambda part: array[part].read().result()


@pytest.mark.parametrize("opened", [zarr_python, tensorstore], ids=lambda f: f.__name__)
def test_an_open_array_outlives_the_timeout(opened, source, archive_of, tmp_path):
    directory, arrays = source("image")
    path = max(sorted(arrays), key=lambda p: numpy.prod(arrays[p][0]))
    mount = tmp_path / "mount.ome.zarr"
    mount.mkdir()
    done = conftest.ozxfs("mount", "-o", "timeout=1", archive_of("ozxfs-pack", "image").path, mount)
    assert done.returncode == 0, done.stderr
    try:
        try:
            shape, right = opened(directory / path)
        except ImportError as missing:
            pytest.skip(str(missing))
        _, mounted = opened(mount / path)
        step = max(1, shape[-1] // 3)
        for start in range(0, shape[-1], step):  # parts that were not read before
            part = (..., slice(start, min(start + step, shape[-1])))
            assert right(part).any(), "a part that is 0 shows nothing"
            assert (mounted(part) == right(part)).all()
            time.sleep(2.5)
        assert conftest.is_mounted(mount)
    finally:
        assert conftest.ozxfs("umount", mount).returncode == 0
