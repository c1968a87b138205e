# SPDX-License-Identifier: BSD-2-Clause
"""Turns samples into a table and JSON: best, median, ratio to native, and whether ozxfs reaches its
targets. A ratio is the median over the rounds of (its value / native's value of the same round):
on a shared machine the two halves of a round see the same weather.
"""
import json
from statistics import median

PEERS_TO_BEAT = ("mount-zip", "fuse-zip")


def ratios(samples, other):
    return [a / b for a, b in zip(samples, other) if a is not None and b]


def present(samples):
    return [value for value in samples if value is not None]


class Results:
    def __init__(self):
        self.rows = {}     # key -> Row
        self.samples = {}  # key -> {contender: [value or None, by round]}
        self.notes = []    # what was skipped, and why

    def add(self, case, contender, number, values):
        for row in case.rows():
            self.rows[row.key] = row
        for key, value in values.items():
            row = self.samples.setdefault(key, {}).setdefault(contender.name, [])
            row += [None] * (number - len(row)) + [value]

    def ratio(self, key, name, base="native"):
        both = self.samples.get(key, {})
        found = ratios(both.get(name, []), both.get(base, []))
        return median(found) if found else None

    def best(self, key, name):
        values = present(self.samples.get(key, {}).get(name, []))
        return (max if self.rows[key].higher else min)(values) if values else None

    def median(self, key, name):
        values = present(self.samples.get(key, {}).get(name, []))
        return median(values) if values else None

    def verdict(self, key):
        """(target in words, ozxfs's figure in words, reached?) or None."""
        row = self.rows[key]
        own = self.median(key, "ozxfs")
        if not row.target or own is None:
            return None
        kind, number = row.target
        if kind == "ratio":
            value = self.ratio(key, "ozxfs")
            return value and (f">= {number} of native", f"{value:.2f}", value >= number)
        if kind == "at-most-native":
            value = self.ratio(key, "ozxfs")
            return value and (f"<= {number}x native", f"{value:.2f}x", value <= number)
        if kind == "times-faster":
            found = [(name, self.ratio(key, name, "ozxfs")) for name in PEERS_TO_BEAT]
            found = [(name, value) for name, value in found if value]
            if not found:
                return None
            return (f">= {number}x faster than {' and '.join(n for n, _ in found)}",
                    ", ".join(f"{value:.0f}x" for _, value in found),
                    all(value >= number for _, value in found))
        unit = row.unit
        if kind == "peak":
            # What stays, and one and a half times the central directory (one entry: see data.py).
            entries = int(key.split(".")[1])
            limit = number + 1.5 * entries * 88 / 2**20
            return f"<= {limit:.0f} {unit}", f"{own:.1f}", own <= limit
        return f"<= {number} {unit}", f"{own:.2f}", own <= number


def number(value, row):
    return "-" if value is None else f"{value:,.{row.digits}f}"


def table(results, order):
    lines = ["", "best = of all rounds; ratio = to native, median of the rounds' ratios "
             "(for times and memory, smaller is better)"]
    for key, row in results.rows.items():
        by = results.samples.get(key, {})
        if not by:
            continue
        verdict = results.verdict(key)
        lines += ["", f"{row.title} [{row.unit}]" + (
            f"   target {verdict[0]}: {verdict[1]} {'met' if verdict[2] else 'MISSED'}"
            if verdict else "")]
        for name in order:
            if name not in by:
                continue
            ratio = results.ratio(key, name)
            lines.append(f"  {name:<14} best {number(results.best(key, name), row):>10}   median "
                         f"{number(results.median(key, name), row):>10}"
                         + (f"   ratio {ratio:7.3f}" if ratio is not None else ""))
    return "\n".join(lines)


def growth(results):
    """Mount time and memory per entry, from the two largest counts: linear means that it is the
    same between all."""
    lines = []
    counts = sorted(int(key.split(".")[1]) for key in results.rows
                    if key.startswith("mount.") and key.endswith(".warm"))
    for small, large in zip(counts, counts[1:]):
        parts = []
        for kind, unit, scale in (("cold", "us", 1e6), ("warm", "us", 1e6), ("rss", "bytes", 2**20),
                                  ("peak", "bytes", 2**20)):
            low, high = (results.median(f"mount.{n}.{kind}", "ozxfs") for n in (small, large))
            if low is not None and high is not None:
                parts.append(f"{kind} {(high - low) * scale / (large - small):.2f} {unit}")
        if parts:
            lines.append(f"  {small:,} to {large:,}: " + ", ".join(parts))
    return "\n".join(["", "ozxfs, per further entry:", *lines]) if lines else ""


def targets(results):
    lines, missed = [], 0
    for key, row in results.rows.items():
        verdict = results.verdict(key)
        if verdict:
            words, value, reached = verdict
            missed += not reached
            lines.append(f"  {'met   ' if reached else 'MISSED'}  {row.title}: {value} ({words})")
    if not lines:
        return ""
    return "\n".join(["", f"targets: {len(lines) - missed} met, {missed} missed", *lines])


# What serving by the kernel must be worth: key, contender, by whose figure (None: the median
# itself), bound.
KERNEL, ALIGNED, FUSE = "ozxfs -o backend=kernel", "kernel (aligned)", "ozxfs"
KERNEL_TARGETS = [("open.warm.1", KERNEL, FUSE, 3), ("missing.first", KERNEL, FUSE, 8),
                  ("open.hot.1", KERNEL, "native", 1), ("walk.1000000.warm", KERNEL, FUSE, 0.6),
                  ("seq.warm.1", KERNEL, FUSE, 1.2), ("seq.warm.1", ALIGNED, FUSE, 2.5),
                  ("seq.cold.1", KERNEL, "native", 0.9), ("mount.1000000.warm", KERNEL, FUSE, 1.5),
                  ("writer.wait", KERNEL, None, 100)]


def kernel_verdicts(results):
    """[(what, bar, figure, reached)] in words but the last, of what was measured."""
    verdicts = []
    for key, name, base, bound in KERNEL_TARGETS:
        row = results.rows.get(key)
        value = row and (results.ratio(key, name, base) if base else results.median(key, name))
        if value:
            reached = value >= bound if row.higher else value <= bound
            of = f"of {base}" if base else row.unit
            verdicts.append((f"{row.title}, {name}", f"{'>' if row.higher else '<'}= {bound} {of}",
                             f"{value:.2f}", reached))
    return verdicts


def kernel(results):
    lines = [f"  {'met   ' if reached else 'MISSED'}  {what}: {figure} ({bar})"
             for what, bar, figure, reached in kernel_verdicts(results)]
    return "\n".join(["", "served by the kernel:", *lines]) if lines else ""


def write_json(results, path, facts):
    rows = []
    for key, row in results.rows.items():
        verdict = results.verdict(key)
        rows.append({
            "key": key, "title": row.title, "unit": row.unit,
            "better": "higher" if row.higher else "lower",
            "target": verdict and {"words": verdict[0], "value": verdict[1],
                                   "met": bool(verdict[2])},
            "contenders": {name: {"best": results.best(key, name),
                                  "median": results.median(key, name),
                                  "ratio": results.ratio(key, name), "samples": samples}
                           for name, samples in results.samples.get(key, {}).items()}})
    with open(path, "w", encoding="utf-8") as out:
        json.dump(facts | {"notes": results.notes, "rows": rows,
                           "kernel": kernel_verdicts(results)}, out, indent=1)
        out.write("\n")
