# SPDX-License-Identifier: BSD-2-Clause
"""read.py DIR [PIXELS.npy]: reads the OME-Zarr in DIR with zarr-python and prints what is there.

With PIXELS.npy the first array must equal those pixels (exit code 1 otherwise).
"""
import sys

import zarr


def describe(path, array):
    pixels = array[...]
    first = " ".join(str(v) for v in pixels.reshape(-1)[:6])
    print(f"  {path}: shape {array.shape}, dtype {array.dtype}, "
          f"mean {pixels.mean():.3f}, first values {first}")
    return pixels


def datasets(group):
    for scale in group.attrs["ome"]["multiscales"][0]["datasets"]:
        yield scale["path"]


def main():
    directory = sys.argv[1]
    root = zarr.open_group(directory, mode="r")
    print(f"zarr-python {zarr.__version__} reads {directory}:")
    pictures = [describe(path, root[path]) for path in datasets(root)]
    for name in root["labels"].attrs["ome"]["labels"] if "labels" in root else []:
        for path in datasets(root["labels"][name]):
            describe(f"labels/{name}/{path}", root["labels"][name][path])
    if len(sys.argv) > 2:
        import numpy

        same = numpy.array_equal(pictures[0], numpy.load(sys.argv[2]))
        print(f"  equal to the source picture: {'yes' if same else 'NO'}")
        sys.exit(not same)


if __name__ == "__main__":
    main()
