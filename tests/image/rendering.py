# SPDX-License-Identifier: BSD-2-Clause
"""A picture by the rules of ozxfs-thumbnail(1), in numpy; and running the verb."""
import io
import os

import pytest

from kit.launch import run_text as run

numpy = pytest.importorskip('numpy')
Image = pytest.importorskip('PIL.Image')

needs_png = pytest.mark.skipif(
    os.environ.get('OZXFS_HAVE_PNG', '1') != '1', reason='built without libpng')
CODECS = os.environ.get('OZXFS_CODECS', 'gzip zlib zstd blosc').split()
SEVERAL = [0x0000FF, 0x00FF00, 0xFF0000, 0xFF00FF, 0x00FFFF, 0xFFFF00]
RGB = [0xFF0000, 0x00FF00, 0x0000FF]


def sides(height, width, size):
    longer = max(height, width)
    if longer <= size:
        return height, width
    return tuple(max(1, (side * size + longer // 2) // longer) for side in (height, width))


def shrink(plane, height, width, nearest=False):
    """The values of the picture's pixels; NaN where there is none."""
    rows, columns = ([i * size // count for i in range(count + 1)]
                     for size, count in ((plane.shape[0], height), (plane.shape[1], width)))
    if nearest or plane.size > 1 << 24:
        rows, columns = ([(a + b) // 2 for a, b in zip(ends, ends[1:])] for ends in (rows, columns))
        values = plane[numpy.ix_(rows, columns)].astype(float)
        return numpy.where(numpy.isfinite(values), values, numpy.nan)
    values = numpy.full((height, width), numpy.nan)
    for j in range(height):
        for i in range(width):
            box = plane[rows[j]:rows[j + 1], columns[i]:columns[i + 1]].astype(float)
            box = box[numpy.isfinite(box)]
            if box.size:
                values[j, i] = box.sum() / box.size
    return values


def window_of(values, dtype, rgb):
    if rgb:
        return 0, 255
    if dtype == bool:
        return 0, 1
    finite = numpy.sort(values[numpy.isfinite(values)])
    if not finite.size:
        return 0, 1
    low, high = finite[(finite.size - 1) // 1000], finite[(finite.size - 1) * 999 // 1000]
    return low, high if high > low else low + 1


def rounded(light):
    return numpy.floor(numpy.minimum(light, 255) + 0.5).astype(int)


def render(*arguments, **more):
    """The picture of planes (all channels of an image)."""
    return rounded(light_of(*arguments, **more))


def light_of(channels, size=256, omero=None, chosen=None):
    height, width = sides(*channels[0].shape, size)
    rgb = len(channels) == 3 and channels[0].dtype == numpy.uint8 and not omero
    if chosen is None:
        active = [i for i, c in enumerate(omero or []) if c.get('active') is True]
        chosen = [i for i in active if i < len(channels)] or range(min(6, len(channels)))
    light = numpy.zeros((height, width, 3))
    for number in chosen:
        plane = channels[number]
        values = shrink(plane, height, width)
        said = (omero or [{}] * len(channels))[number]
        low, high = window_of(values, plane.dtype, rgb)
        if 'window' in said:
            low, high = said['window']['start'], said['window']['end']
        color = 0xFFFFFF if len(channels) == 1 else (RGB[number] if rgb else SEVERAL[number % 6])
        color = int(said['color'], 16) if 'color' in said else color
        with numpy.errstate(invalid='ignore', divide='ignore'):
            share = (values / 2 - low / 2) / (high / 2 - low / 2)
        share = numpy.clip(numpy.nan_to_num(share), 0, 1)
        for part in range(3):
            light[..., part] += share * (color >> (16 - 8 * part) & 0xFF)
    return light


def rgba_of(labels, colors):
    """Colours of label numbers, and how opaque they are."""
    mixed = (labels.astype('uint64') & 0xFFFFFFFF) * 2654435761 & 0xFFFFFFFF
    rgba = numpy.stack([64 + (mixed >> shift & 0xFF) * 3 // 4 for shift in (8, 16, 24)] +
                       [mixed * 0 + 255], -1).astype(float)
    rgba[labels == 0] = 0
    for label, color in (colors or {}).items():
        rgba[labels == label] = color
    return rgba


def render_labels(plane, size=256, colors=None):
    rgba = rgba_of(shrink(plane, *sides(*plane.shape, size), nearest=True), colors)
    return rounded(rgba[..., :3] * rgba[..., 3:] / 255)


def render_over(channels, plane, size=256, colors=None, **more):
    """Labels over an image; the label plane may have another size."""
    light = numpy.minimum(light_of(channels, size, **more), 255)
    labels = shrink(plane, *sides(*plane.shape, size), nearest=True)
    rows, columns = (numpy.arange(count) * labels.shape[axis] // count
                     for axis, count in enumerate(light.shape[:2]))
    rgba = rgba_of(labels[numpy.ix_(rows, columns)], colors)
    return rounded(light + (rgba[..., :3] - light) * rgba[..., 3:] / 510)


def picture(archive, *options):
    """What the verb makes of the archive, as an array."""
    out = archive.with_suffix('.png')
    done = run('thumbnail', '--force', *options, archive, out)
    assert (done.returncode, done.stderr) == (0, ''), (options, done)
    return numpy.array(Image.open(io.BytesIO(out.read_bytes()))).astype(int)


def check(archive, expected, *options):
    got = picture(archive, *options)
    assert got.shape == expected.shape, options
    assert numpy.abs(got - expected).max() <= 1, options  # a sum may be rounded in another order
    assert (got != expected).mean() < 0.01, options
