# SPDX-License-Identifier: BSD-2-Clause
"""The real pictures: what the scikit-image and nibabel wheels carry. Nothing is downloaded."""
from functools import cache
from pathlib import Path

import nibabel
import numpy
import skimage
from skimage.io import imread

SKIMAGE = Path(skimage.__file__).parent / "data"
NIBABEL = Path(nibabel.__file__).parent / "tests" / "data"

CELL = SKIMAGE / "cell.png"  # a cell, phase image, 660 x 550, 8-bit
STAINED = SKIMAGE / "ihc.png"  # stained tissue, 512 x 512, RGB
RETINA = SKIMAGE / "microaneurysms.png"  # detail of a retina, 102 x 102, 8-bit
BRAIN = NIBABEL / "example4d.nii.gz"  # magnetic resonance, 128 x 96 x 24 at 2 times, 16-bit


@cache
def cell():
    return imread(CELL)


@cache
def stained():
    """Channels first: (c, y, x)."""
    return numpy.ascontiguousarray(numpy.moveaxis(imread(STAINED), -1, 0))


@cache
def retina():
    return imread(RETINA)


@cache
def brain():
    """(t, z, y, x), 16-bit."""
    volume = numpy.asanyarray(nibabel.load(BRAIN).dataobj)
    return numpy.ascontiguousarray(volume.T.astype("int16"))


def nuclei(picture):
    """A label image: what is bright, numbered by quarters, with much nothing around it."""
    bright = picture > numpy.percentile(picture, 97)
    half_y, half_x = (n // 2 for n in picture.shape)
    quarter = numpy.add.outer(2 * (numpy.arange(picture.shape[0]) >= half_y),
                              numpy.arange(picture.shape[1]) >= half_x)
    return numpy.where(bright, quarter + 1, 0).astype("uint32")
