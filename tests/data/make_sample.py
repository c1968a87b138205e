#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_sample.py OUT.ozx: the generated sample tests/data/sample.ozx, byte for byte.

An OME-Zarr 0.5 image (two scales, 8-bit, no codec but `bytes`) with one label image, as an RFC-9
archive. Standard library only; the same bytes at every run, so that a test can compare.
"""
import json
import sys
import zipfile

SIZE, CHUNK = 64, 32


def metadata(**fields):
    return (json.dumps({"zarr_format": 3, **fields}, indent=1) + "\n").encode()


def array(size):
    return metadata(
        node_type="array", shape=[size, size], data_type="uint8", fill_value=0, attributes={},
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [CHUNK, CHUNK]}},
        chunk_key_encoding={"name": "default", "configuration": {"separator": "/"}},
        codecs=[{"name": "bytes"}], dimension_names=["y", "x"])


def image(name, scales):
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "yx"]
    datasets = [
        {"path": f"s{k}", "coordinateTransformations": [{"type": "scale", "scale": [2.0**k] * 2}]}
        for k in range(scales)]
    return {"version": "0.5", "multiscales": [{"name": name, "axes": axes, "datasets": datasets}]}


def cells(y, x):
    """A bright round cell in each quarter, on a slope."""
    distance = (y % 32 - 16) ** 2 + (x % 32 - 16) ** 2
    return min(255, y + x + max(0, 128 - distance))


def label(y, x):
    """The cells on the diagonal, numbered; the others are missing chunks (fill value)."""
    inside = (y % 32 - 16) ** 2 + (x % 32 - 16) ** 2 < 100
    return (1 + y // 32 + x // 32) if inside and y // 32 == x // 32 else 0


def chunks(path, size, pixel):
    for cy in range(0, size, CHUNK):
        for cx in range(0, size, CHUNK):
            data = bytes(pixel(y, x) for y in range(cy, cy + CHUNK) for x in range(cx, cx + CHUNK))
            if any(data):
                yield f"{path}/c/{cy // CHUNK}/{cx // CHUNK}", data


def entries():
    """All files in RFC-9's order: root zarr.json, the others breadth-first, the rest by path."""
    labels = dict(image("cells", 1), **{"image-label": {"source": {"image": "../../"}}})
    meta = {
        "zarr.json": metadata(node_type="group", attributes={"ome": image("sample", 2)}),
        "labels/zarr.json": metadata(
            node_type="group", attributes={"ome": {"version": "0.5", "labels": ["cells"]}}),
        "s0/zarr.json": array(SIZE),
        "s1/zarr.json": array(SIZE // 2),
        "labels/cells/zarr.json": metadata(node_type="group", attributes={"ome": labels}),
        "labels/cells/s0/zarr.json": array(SIZE),
    }
    data = {
        **dict(chunks("labels/cells/s0", SIZE, label)),
        **dict(chunks("s0", SIZE, cells)),
        **dict(chunks("s1", SIZE // 2, lambda y, x: cells(2 * y, 2 * x))),
    }
    return [*meta.items(), *sorted(data.items())]


def main():
    with zipfile.ZipFile(sys.argv[1], "w") as archive:
        for name, data in entries():
            archive.writestr(zipfile.ZipInfo(name), data)
        comment = {"ome": {"version": "0.5", "zipFile": {"centralDirectory": {"jsonFirst": True}}}}
        archive.comment = json.dumps(comment).encode()


if __name__ == "__main__":
    main()
