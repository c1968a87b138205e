# SPDX-License-Identifier: BSD-2-Clause
"""What the page is tested with: images, a plate, labels, names that are hostile, pixels that cannot
be had; and how they look, by the rules of ozxfs-thumbnail(1)."""
import dataclasses

import numpy

from image.rendering import rgba_of, rounded

NAME = '<img src=x onerror=alert(1)>"\'&amp;'  # of a node: it cannot have a slash
TEXT = NAME + '</script><script>alert(2)</script><style>*{display:none}</style>'
TILE = 256
ROWS, COLUMNS = 'ABC', (1, 2, 3, 4)
WELLS = [('A', 1), ('A', 3), ('B', 2), ('C', 4)]
DAMAGED = 'chunk c/0/0/0/0/0: the zstd frame is damaged'


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
    plate = {'plate/%s/%d/%d' % (row, column, number): field(index * 2 + number)
             for index, (row, column) in enumerate(WELLS) for number in range(2)}
    return {'cells': cells(), NAME: hostile, 'damaged': field(3), **plate}
