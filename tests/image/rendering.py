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


def channels_of(count, omero, chosen):
    if chosen is not None:
        return chosen
    active = [i for i, c in enumerate(omero or []) if c.get('active') is True and i < count]
    return active or range(min(6, count))


def shade(values, count, dtype, omero=None):
    """The light of some channels (number: values) of an image of so many."""
    rgb = count == 3 and dtype == numpy.uint8 and not omero
    light = 0
    for number, plane in values.items():
        said = (omero or [{}] * count)[number]
        low, high = window_of(plane, dtype, rgb)
        if 'window' in said:
            low, high = said['window']['start'], said['window']['end']
        color = 0xFFFFFF if count == 1 else (RGB[number] if rgb else SEVERAL[number % 6])
        color = int(said['color'], 16) if 'color' in said else color
        with numpy.errstate(invalid='ignore', divide='ignore'):
            share = (plane / 2 - low / 2) / (high / 2 - low / 2)
        share = numpy.clip(numpy.nan_to_num(share), 0, 1)[..., None]
        light = light + share * [color >> shift & 0xFF for shift in (16, 8, 0)]
    return light


def light_of(channels, size=256, omero=None, chosen=None):
    height, width = sides(*channels[0].shape, size)
    values = {n: shrink(channels[n], height, width)
              for n in channels_of(len(channels), omero, chosen)}
    return shade(values, len(channels), channels[0].dtype, omero)


def layout(rows, columns, size):
    """Pixels left of and above the cells, and from one to the next."""
    left, top = 6 * min(4, max(map(len, rows))) + 1, 9
    step = min((size - left) // len(columns), (size - top) // len(rows))
    return (left, top, step) if step >= 2 else (0, 0, min(size // len(columns), size // len(rows)))


def render_sheet(rows, columns, wells, size=256, omero=None, chosen=None):
    """A plate: (row, column): the channels of a well. Without its names."""
    left, top, step = layout(rows, columns, size)
    first = next(iter(wells.values()))
    shape = top + step * len(rows), left + step * len(columns)
    values = {n: numpy.full(shape, numpy.nan)
              for n in channels_of(len(first), omero, chosen)}
    light = numpy.zeros((*shape, 3))
    for row in range(len(rows)):
        for column in range(len(columns)):
            y, x = top + row * step, left + column * step
            light[y:y + step - 1, x:x + step - 1] = 0 if (row, column) in wells else 40
            channels = wells.get((row, column), [])
            for number in set(values) & set(range(len(channels))):
                height, width = sides(*channels[number].shape, step - 1)
                at = y + (step - 1 - height) // 2, x + (step - 1 - width) // 2
                values[number][at[0]:at[0] + height, at[1]:at[1] + width] = shrink(
                    channels[number], height, width)
    return rounded(light + shade(values, len(first), first[0].dtype, omero))


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
