# SPDX-License-Identifier: BSD-2-Clause
"""What a case of the bench is, and what most of them do."""
from dataclasses import dataclass

from machine import on_files, touch_free_memory


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str
    higher: bool = True  # is better
    target: tuple = ()   # (kind, number); kinds: see report.verdict
    digits: int = 1


class Case:
    name = ""
    needs_native = True  # it has a native figure to compare with

    def __init__(self, bench):
        self.bench = bench
        self.sizes = bench.datasets.sizes

    def rows(self):
        raise NotImplementedError

    def takes(self, contender):
        return contender.mounts

    def data(self):
        raise NotImplementedError

    def run(self, contender, number):
        """{row key: value} of round `number`."""
        raise NotImplementedError

    # -- what most cases do -------------------------------------------------------------------

    def listing(self, files, name):
        return self.bench.datasets.write_list(name, files)

    def warm(self, mount, listing):
        """What a warm run may find in memory: the archive or image; natively the files."""
        client = self.bench.client
        if mount.contender.reads == "tree":
            client.run("warm", mount.root, listing)
        else:
            on_files(client, "warm", [mount.contender.source(mount.data)])
        touch_free_memory(mount.data.total_bytes)

    def cool(self, mount, listing, used_bytes):
        native = mount.contender.reads == "tree"
        files = [] if native else [mount.contender.source(mount.data)]
        self.bench.caches.drop(files, mount.root, listing, used_bytes)

    def loop(self, mount, mode, listing, processes=1, passes=1):
        return self.bench.client.run(mode, mount.root, listing, processes, passes,
                                     self.sizes["limit_s"])


def rate(result, what="ops", scale=1e3):
    return result[what] / result["seconds"] / scale
