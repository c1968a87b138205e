# SPDX-License-Identifier: BSD-2-Clause
"""make_picture.py DIR: a real microscopy picture as OME-Zarr 0.5, converted by ngff-zarr.

The picture is cell.png of the scikit-image wheel (660 x 550, 8-bit, CC0): a cell floating in
saline, its phase image from a digital hologram. DIR becomes the OME-Zarr; DIR.npy holds the pixels,
to compare with later.
"""
import sys
from pathlib import Path

import ngff_zarr
import numpy
import skimage
from skimage.io import imread


def main():
    out = Path(sys.argv[1])
    pixels = imread(Path(skimage.__file__).parent / "data" / "cell.png")
    image = ngff_zarr.to_ngff_image(
        pixels, dims=["y", "x"], scale={"y": 0.107, "x": 0.107},
        axes_units={"y": "micrometer", "x": "micrometer"}, name="cell")
    method = ngff_zarr.Methods.ITKWASM_BIN_SHRINK
    multiscales = ngff_zarr.to_multiscales(image, [2, 4], method=method, chunks=128)
    ngff_zarr.to_ngff_zarr(str(out), multiscales, version="0.5")
    numpy.save(f"{out}.npy", pixels)


if __name__ == "__main__":
    main()
