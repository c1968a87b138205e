# SPDX-License-Identifier: BSD-2-Clause
"""Draws the results as one SVG, by hand: bars of the ratio to the unpacked directory (logarithmic),
and mount time against the number of entries (both axes logarithmic). Knows only report.Results.
"""
import math
from html import escape

COLOURS = {"ozxfs": "#d1495b", "ozxfs -o backend=kernel": "#e8871e", "kernel (aligned)": "#f2c14e",
           "mount-zip": "#4c72b0", "fuse-zip": "#7f9fc9",
           "ratarmount": "#8d8d8d", "archivemount": "#c9b458", "squashfuse_ll": "#5a9367",
           "ZipStore": "#9467bd"}
# key, label: what the picture shows (the table has all)
BARS = [("open.cold.1", "open+read+close 4 KiB, cold"), ("open.warm.1", "… warm"),
        ("open.hot.1", "… hot"), ("missing.first", "missing chunk, first"),
        ("missing.again", "… repeated"), ("seq.cold.1", "sequential, cold"),
        ("seq.warm.1", "… warm"), ("seq.hot.1", "… hot"),
        ("rand.warm.1", "64 KiB in a shard, warm"), ("rand.hot.1", "… hot"),
        ("arrays.zarr-python.chunks", "zarr-python, chunks of shards"),
        ("arrays.tensorstore.chunks", "tensorstore, chunks of shards")]
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 210, 60, 9, 10
LOWEST = 0.01
STYLE = ("text{font:12px sans-serif;fill:#333}.small{font-size:10px}.title{font-size:14px;"
         "font-weight:bold}.grid{stroke:#ddd}.native{stroke:#333;stroke-dasharray:4 3}")


class Drawing:
    def __init__(self):
        self.parts, self.height = [], 0

    def text(self, x, y, text, anchor="start", kind=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                          f'class="{kind}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, kind="grid"):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'class="{kind}"/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
                          f'height="{height}" fill="{colour}"/>')

    def curve(self, points, colour):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                          'stroke-width="2"/>')
        self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                       for x, y in points]

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height}" '
                f'viewBox="0 0 {WIDTH} {self.height}">\n<style>{STYLE}</style>\n'
                f'<rect width="{WIDTH}" height="{self.height}" fill="#fff"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


class Scale:
    """A logarithmic axis."""

    def __init__(self, low, high, start, end):
        self.low, self.span = math.log10(low), math.log10(high) - math.log10(low) or 1
        self.start, self.end = start, end

    def __call__(self, value):
        part = (math.log10(value) - self.low) / self.span
        return self.start + (self.end - self.start) * min(max(part, 0), 1)


def decades(low, high):
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def legend(drawing, names, y):
    x = 20
    for name in names:
        drawing.bar(x, y - 9, 10, 10, COLOURS.get(name, "#000"))
        drawing.text(x + 14, y, name)
        x += 34 + 7 * len(name)


def draw_bars(drawing, results, names, top):
    scale = Scale(LOWEST, 2, LEFT, WIDTH - RIGHT)
    drawing.text(20, top, "Speed as a fraction of the unpacked directory (1 = as fast)",
                 kind="title")
    y = top + 30
    first = y
    for key, label in BARS:
        shown = [(n, results.ratio(key, n)) for n in names if results.ratio(key, n)]
        if not shown:
            continue
        drawing.text(LEFT - 8, y + len(shown) * BAR / 2 + 4, label, "end")
        for name, ratio in shown:
            drawing.bar(LEFT, y, scale(ratio) - LEFT, BAR - 1, COLOURS.get(name, "#000"))
            drawing.text(scale(ratio) + 3, y + BAR - 1.5, f"{ratio:.2g}", kind="small")
            y += BAR
        y += GAP
    for mark in (0.01, 0.1, 1):
        drawing.line(scale(mark), first - 8, scale(mark), y, "native" if mark == 1 else "grid")
        drawing.text(scale(mark), first - 12, f"{mark:g}", "middle", "small")
    return y


def draw_mounts(drawing, results, names, top):
    curves = {}
    for name in names:
        found = [(int(key.split(".")[1]), results.median(key, name)) for key in results.rows
                 if key.startswith("mount.") and key.endswith(".cold")]
        found = [(count, seconds) for count, seconds in found if seconds]
        if len(found) > 1:
            curves[name] = sorted(found)
    if not curves:
        return top
    counts = [count for curve in curves.values() for count, _ in curve]
    times = [seconds for curve in curves.values() for _, seconds in curve]
    x = Scale(min(counts), max(counts), LEFT, WIDTH - RIGHT - 60)
    bottom = top + 280
    y = Scale(min(times), max(times), bottom, top + 30)
    drawing.text(20, top, "Seconds from `mount` to the first stat, by entries (archive cold)",
                 kind="title")
    for mark in decades(min(times), max(times)):
        if min(times) <= mark <= max(times):
            drawing.line(LEFT, y(mark), WIDTH - RIGHT - 60, y(mark))
            drawing.text(LEFT - 8, y(mark) + 4, f"{mark:g} s", "end", "small")
    for mark in sorted(set(counts)):
        drawing.line(x(mark), top + 20, x(mark), bottom)
        drawing.text(x(mark), bottom + 16, f"{mark:,}", "middle", "small")
    taken = []
    for name, curve in curves.items():
        drawing.curve([(x(count), y(seconds)) for count, seconds in curve],
                      COLOURS.get(name, "#000"))
        at = y(curve[-1][1]) + 4
        while any(abs(at - other) < 12 for other in taken):
            at += 12
        taken.append(at)
        label = name.removeprefix("ozxfs -o ")
        drawing.text(x(curve[-1][0]) + 8, at, label, kind="small")
    return bottom + 30


def write(results, order, path, facts):
    drawing = Drawing()
    names = [n for n in order if n != "native" and n != "ZipStore"
             and any(n in by for by in results.samples.values())]
    bottom = 20
    if any("native" in by for by in results.samples.values()):
        legend(drawing, names, 24)
        bottom = draw_bars(drawing, results, names, 54) + 30
    bottom = draw_mounts(drawing, results, names, bottom)
    drawing.text(20, bottom + 8, f"{facts['machine']['cores']} cores, Linux "
                 f"{facts['machine']['kernel']}, {facts['machine']['date']}", kind="small")
    drawing.height = int(bottom + 24)
    with open(path, "w", encoding="utf-8") as out:
        out.write(drawing.svg())
