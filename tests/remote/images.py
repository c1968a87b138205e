# SPDX-License-Identifier: BSD-2-Clause
"""The image that the tests of archives at URLs serve: random chunks in one column."""
import random

from kit.info import array, group, multiscale


def column(count, chunk_bytes, seed=18):
    """{name: bytes} of an array of so many chunks."""
    data = random.Random(seed)
    files = {
        'zarr.json': group(multiscales=[multiscale()]),
        '0/zarr.json': array((count, chunk_bytes), (1, chunk_bytes))
    }
    return files | {f'0/c/{n}/0': data.randbytes(chunk_bytes) for n in range(count)}
