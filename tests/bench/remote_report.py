# SPDX-License-Identifier: BSD-2-Clause
"""What `remote` prints: a row for each thing that was measured, below it its targets, and at the
end how many were missed. Knows neither a row nor who is measured.
"""
import statistics


def figure(value):
    """Three digits of it."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


class Report:
    def __init__(self):
        self.judged, self.missed, self.where, self.what = 0, [], "", ""

    def title(self, text):
        self.where = text
        print(text, flush=True)

    def row(self, what, unit, results, less=False):
        """{who: figures}; `less` is better."""
        self.what = what
        parts = []
        for who, values in results.items():
            known = [v for v in values if v == v]
            best = (min if less else max)(known) if known else None
            middle = f" ({figure(statistics.median(known))})" if len(known) > 1 else ""
            parts.append(f"{who} {figure(best)}{middle}" if known else f"{who} not in time")
        print(f"  {what:38} {', '.join(parts)}{' ' * bool(unit)}{unit}", flush=True)

    def judge(self, words, own, needed, holds):
        self.judged += 1
        if not holds:
            self.missed.append(f"{self.where}: {self.what}: {words}")
        print(f"      {words:48} {figure(own):>7} of {figure(needed):<7} "
              f"{'met' if holds else 'MISSED'}", flush=True)

    def at_most(self, words, own, most, unless=None):
        """`unless`: what is enough where that is missed, of libcurl alone in the same run."""
        if own > most and unless is not None and own <= unless:
            words, most = f"{words}, or what libcurl / 0.85 is", unless
        self.judge(f"<= {words}", own, most, own <= most)

    def at_least(self, words, own, least, unless=None):
        if own < least and unless is not None and own >= unless:
            words, least = f"{words}, or 0.85 x libcurl", unless
        self.judge(f">= {words}", own, least, own >= least)

    def of_other(self, who, factor, own, results):
        """Nothing is said of who was not measured."""
        if who in results:
            self.judge(f">= {factor} x {who}", own, factor * max(results[who]),
                       own >= factor * max(results[who]))

    def end(self):
        print(f"{self.judged} targets, {self.judged - len(self.missed)} met, "
              f"{len(self.missed)} missed")
        for text in self.missed:
            print(f"  missed: {text}")
