#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""read_plain.py DIR: prints the arrays of the sample with the standard library alone.

Stands in for read.py where no Python packages are to be had. It knows what tests/data/sample.ozx
needs and no more: Zarr v3, 8-bit, the `bytes` codec. It is no test of anything else.
"""
import json
import math
import sys
from itertools import product
from pathlib import Path


def read(directory):
    meta = json.loads((directory / "zarr.json").read_text())
    assert meta["data_type"] == "uint8" and [c["name"] for c in meta["codecs"]] == ["bytes"]
    shape, chunk = meta["shape"], meta["chunk_grid"]["configuration"]["chunk_shape"]
    pixels = []
    for index in product(*(range(math.ceil(s / c)) for s, c in zip(shape, chunk))):
        path = directory.joinpath("c", *map(str, index))
        missing = bytes([meta["fill_value"]]) * math.prod(chunk)
        pixels.append(path.read_bytes() if path.exists() else missing)
    return shape, b"".join(pixels)


def main():
    directory = Path(sys.argv[1])
    for path in sorted(directory.rglob("zarr.json")):
        if json.loads(path.read_text())["node_type"] == "array":
            shape, pixels = read(path.parent)
            print(f"  {path.parent.relative_to(directory)}: shape {tuple(shape)}, dtype uint8, "
                  f"mean {sum(pixels) / len(pixels):.3f}, first values {list(pixels[:6])}")


if __name__ == "__main__":
    main()
