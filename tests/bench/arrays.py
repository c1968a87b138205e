# SPDX-License-Identifier: BSD-2-Clause
"""The bench's side that needs Zarr packages: a child process of its own, run by the tests' Python.

  arrays.py have                     prints the readers that can be imported
  arrays.py make DIRECTORY EDGE      writes the volume: EDGE cubed, `sharded` and `unsharded`
  arrays.py read READER ROOT         times READER on the volume at ROOT, checks every value
  arrays.py open-zip ARCHIVE KEY     times zarr-python's ZipStore until it has KEY, and its memory

The volume is not compressed: then what is measured is the way to the bytes, not zstd.
"""
import json
import random
import sys
import time

SEED = 5
CHUNK, INNER = 64, 32  # edges: of an unsharded chunk, of a chunk inside a shard
CHUNK_READS = 200


def pixels(edge):
    import numpy
    return numpy.random.default_rng(SEED).integers(0, 256, (edge,) * 3, dtype="uint8")


def make(root, edge):
    import zarr
    data = pixels(edge)
    group = zarr.create_group(root, attributes={"ome": {"version": "0.5"}, "edge": edge})
    shard = max(INNER, edge // 2)
    common = {"shape": data.shape, "dtype": "uint8", "compressors": None, "fill_value": 0}
    group.create_array("sharded", chunks=(INNER,) * 3, shards=(shard,) * 3, **common)[...] = data
    group.create_array("unsharded", chunks=(min(CHUNK, edge),) * 3, **common)[...] = data


class ZarrPython:
    def __init__(self, root):
        import zarr
        self.group = zarr.open_group(self.store(zarr, root), mode="r")

    def store(self, zarr, root):
        return root

    def open(self, name):
        array = self.group[name]
        return lambda box: array[box]


class ZipStore(ZarrPython):
    def store(self, zarr, root):
        return zarr.storage.ZipStore(root, mode="r")


class Zarrs(ZarrPython):
    def store(self, zarr, root):
        import zarrs  # noqa: F401  (registers its pipeline)
        zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline",
                         "codec_pipeline.strict": True})
        return root


class TensorStore:
    def __init__(self, root):
        import tensorstore
        self.tensorstore, self.root = tensorstore, root

    def open(self, name):
        array = self.tensorstore.open(
            {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{self.root}/{name}"}},
            open=True).result()
        return lambda box: array[box].read().result()


READERS = {"zarr-python": ZarrPython, "tensorstore": TensorStore, "zarrs": Zarrs,
           "ZipStore": ZipStore}
MODULES = {"zarr-python": "zarr", "tensorstore": "tensorstore", "zarrs": "zarrs"}


def read(reader, root):
    """Chunk reads first: after the whole array its pages would be hot."""
    import numpy
    import zarr
    source = READERS[reader](root)
    edge = zarr.open_group(root if reader != "ZipStore" else zarr.storage.ZipStore(root, mode="r"),
                           mode="r").attrs["edge"]
    expected = pixels(edge)
    get = source.open("sharded")
    spots = random.Random(SEED)
    boxes = [tuple(slice(at * INNER, (at + 1) * INNER) for at in
                   (spots.randrange(edge // INNER) for _ in range(3))) for _ in range(CHUNK_READS)]
    start = time.perf_counter()
    parts = [get(box) for box in boxes]
    times = {"chunks": (time.perf_counter() - start) / CHUNK_READS}
    assert all(numpy.array_equal(p, expected[b]) for p, b in zip(parts, boxes)), "wrong pixels"
    for name in ("sharded", "unsharded"):
        start = time.perf_counter()
        data = source.open(name)((slice(None),) * 3)
        times[name] = time.perf_counter() - start
        assert numpy.array_equal(data, expected), f"{name}: wrong pixels"
    return times | {"bytes": expected.nbytes}


def open_zip(archive, key):
    import asyncio

    import zarr

    async def look():
        store = await zarr.storage.ZipStore.open(archive, mode="r")
        return await store.exists(key)

    before = resident_mib()
    start = time.perf_counter()
    found = asyncio.run(look())
    seconds = time.perf_counter() - start
    assert found, f"{key} is not there"
    return {"seconds": seconds, "rss_mib": resident_mib() - before}


def resident_mib():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def have():
    import importlib
    found = []
    for name, module in MODULES.items():
        try:
            importlib.import_module(module)
            found.append(name)
        except ImportError:
            pass
    return found if "zarr-python" in found else []


def main():
    verb, *args = sys.argv[1:]
    if verb == "make":
        make(args[0], int(args[1]))
    else:
        verbs = {"have": have, "read": read, "open-zip": open_zip}
        print(json.dumps(verbs[verb](*args)))


if __name__ == "__main__":
    main()
