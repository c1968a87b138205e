# SPDX-License-Identifier: BSD-2-Clause
"""What the page is tested with: images, a plate, labels, names that are hostile, pixels that cannot
be had; and how they look, by the rules of ozxfs-thumbnail(1)."""
import dataclasses

import numpy

from image.rendering import rgba_of, rounded

NAME = '<img src=x onerror=alert(1)>"\'&amp;'  # of a node: it cannot have a slash
TEXT = NAME + '\u202e</script><script>alert(2)</script><style>*{display:none}</style>'
TILE = 256
ROWS, COLUMNS = 'ABC', (1, 2, 3, 4)
WELLS = [('A', 1), ('A', 3), ('B', 2), ('C', 4)]
FIELDS = 2  # of each well
DAMAGED = 'damaged/0/c/0/0/0/0/0'


@dataclasses.dataclass
class Channel:
    label: str
    color: str
    start: float
    end: float
    active: bool = True


@dataclasses.dataclass
class Picture:
    """An image: levels of (t, c, z, y, x), each half as large as the one before."""
    levels: list
    channels: list
    pixel: tuple = (0.25, 0.25, 1.5)  # of x, y and z, in micrometers
    labels: dict = dataclasses.field(default_factory=dict)  # name: levels of (t, 1, z, y, x)
    title: str = 'image'


def halved(data):
    return data[..., ::2, ::2]


def pyramid(data, count=3):
    levels = [data]
    for _ in range(count - 1):
        levels.append(halved(levels[-1]))
    return levels


def waves(times, planes, height, width):
    """Something that differs at each place, plane and time."""
    t, z, y, x = numpy.ogrid[:times, :planes, :height, :width]
    first = 2000 + 1000 * (numpy.sin(x / 23 + z) + numpy.cos(y / 31 + t))
    first = first + (x // 64 + y // 64) % 2 * 1500
    second = 500 + 20 * ((x * 3 + y * 5 + z * 37 + t * 101) % 97)
    both = numpy.broadcast_arrays(first, second)
    return numpy.stack(both, 1).astype('uint16')


def spots(height, width):
    y, x = numpy.ogrid[:height, :width]
    number = 1 + y // 50 * 20 + x // 50
    inside = (y % 50 - 25) ** 2 + (x % 50 - 25) ** 2 < 300
    return numpy.where(inside, number, 0).astype('uint16')[None, None, None]


def cells():
    return Picture(pyramid(waves(2, 5, 500, 700)),
                   [Channel('DAPI', '4040FF', 500, 5500), Channel('GFP', '00FF40', 500, 2500)],
                   labels={'nuclei': pyramid(spots(500, 700))}, title='cells')


def field(number):
    y, x = numpy.ogrid[:120, :160]
    data = ((x * (number + 1) + y * 2) % 251).astype('uint8')[None, None, None]
    return Picture([data], [Channel('one', 'FFFFFF', 0, 255)], title='field')


def blend(planes, channels):
    """Light of channels: (number, color, start, end) of planes (c, y, x)."""
    light = numpy.zeros((*planes.shape[1:], 3))
    for number, color, start, end in channels:
        share = numpy.clip((planes[number].astype(float) - start) / (end - start), 0, 1)
        light = light + share[..., None] * [int(color[i:i + 2], 16) for i in (0, 2, 4)]
    return numpy.minimum(light, 255)


def render(planes, channels, labels=None):
    light = blend(planes, channels)
    if labels is not None:
        rgba = rgba_of(labels, None)
        light = light + (rgba[..., :3] - light) * rgba[..., 3:] / 510
    return rounded(light).astype('uint8')


def render_labels(plane):
    return rgba_of(plane, None)[..., :3].astype('uint8')


def check_same(got, expected):
    """But for a sum here and there that was rounded in another order."""
    different = numpy.abs(got.astype(int) - expected)
    assert different.max() <= 1 and (different > 0).mean() < 0.001, (different.max(),
                                                                     (different > 0).mean())


def shown(picture, level=0, z=0, t=0, channels=None, labels=None):
    """A whole plane as it looks."""
    if channels is None:
        channels = [(n, c.color, c.start, c.end) for n, c in enumerate(picture.channels)
                    if c.active]
    over = picture.labels[labels][level][0, 0, 0] if labels else None
    return render(picture.levels[level][t, :, z], channels, over)


def images():
    """path: Picture. A plate's fields are below plate/."""
    hostile = field(5)
    hostile.channels[0].label = hostile.title = TEXT
    hostile.labels[NAME] = [spots(120, 160)]
    damaged = Picture(pyramid(spots(300, 300), 2), [Channel('spots', 'FFFFFF', 0, 100)])
    plate = {'plate/%s/%d/%d' % (row, column, number): field(index * 2 + number)
             for index, (row, column) in enumerate(WELLS) for number in range(FIELDS)}
    return {'cells': cells(), NAME: hostile, 'damaged': damaged, **plate}


# ---- the same as an archive


def node(**ome):
    return {'ome': {'version': '0.5', **ome}, 'note': TEXT}


def multiscale(picture, axes='tczyx'):
    """Attributes of an image whose levels are 0, 1, ..."""
    x, y, z = picture.pixel
    kinds = {'t': 'time', 'c': 'channel'}
    scales = [[{'t': 1.0, 'c': 1.0, 'z': z, 'y': y * 2**i, 'x': x * 2**i}[n] for n in axes]
              for i in range(len(picture.levels))]
    return {'name': picture.title, 'axes': [
        {'name': n, 'type': kinds.get(n, 'space'), **({'unit': 'micrometer'} if n in 'xyz' else {})}
        for n in axes], 'datasets': [
            {'path': str(i), 'coordinateTransformations': [{'type': 'scale', 'scale': scale}]}
            for i, scale in enumerate(scales)]}


def omero(channel):
    return {'label': channel.label, 'color': channel.color, 'active': channel.active, 'window': {
        'start': channel.start, 'end': channel.end, 'min': 0, 'max': 65535}}


def write_levels(zarr, folder, levels):
    for number, data in enumerate(levels):
        zarr.create_array(folder, name=str(number), shape=data.shape, dtype=data.dtype,
                          chunks=(1, 1, 1, 256, 256),
                          compressors=zarr.codecs.ZstdCodec())[...] = data


def write_image(zarr, folder, picture):
    zarr.create_group(folder, attributes=node(
        multiscales=[multiscale(picture)], omero={'channels': list(map(omero, picture.channels))}))
    write_levels(zarr, folder, picture.levels)
    if picture.labels:
        zarr.create_group(folder / 'labels', attributes=node(labels=list(picture.labels)))
    for name, levels in picture.labels.items():
        label = Picture(levels, [], picture.pixel, title=name)
        zarr.create_group(folder / 'labels' / name, attributes=node(
            multiscales=[multiscale(label)], **{'image-label': {}}))
        write_levels(zarr, folder / 'labels' / name, levels)


def write(folder):
    """All of it below a folder."""
    import zarr
    zarr.create_group(folder, attributes=node())
    zarr.create_group(folder / 'plate', attributes=node(plate={
        'rows': [{'name': name} for name in ROWS],
        'columns': [{'name': str(name)} for name in COLUMNS],
        'wells': [{'path': '%s/%d' % well, 'rowIndex': ROWS.index(well[0]),
                   'columnIndex': COLUMNS.index(well[1])} for well in WELLS]}))
    for row, column in WELLS:
        row_folder = folder / 'plate' / row
        if not row_folder.exists():
            zarr.create_group(row_folder)
        zarr.create_group(row_folder / str(column), attributes=node(
            well={'images': [{'path': str(n)} for n in range(FIELDS)]}))
    for path, picture in images().items():
        write_image(zarr, folder / path, picture)
    write_image(zarr, folder / 'odd', field(4))
    array = folder / 'odd/0/zarr.json'
    array.write_text(array.read_text().replace('"zstd"', '"<b>unknown</b>"'))
    for name in (DAMAGED, 'damaged/1/c/0/0/0/0/0'):
        chunk = folder / name
        chunk.write_bytes(chunk.read_bytes()[:40] + b'damaged' * 20)
