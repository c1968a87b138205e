# SPDX-License-Identifier: BSD-2-Clause
"""GDAL as one of those that `remote` measures: run by a Python that has osgeo, in the namespace of
the client. Each line of the input is {"url", "names", "readers", "seconds"}; the answer is the
seconds that the archive took to open and what was read after that, by so many threads.
"""
import concurrent.futures
import json
import sys
import time

from osgeo import gdal

gdal.SetConfigOption("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR")


def read(path):
    file = gdal.VSIFOpenL(path, "rb")
    size = len(gdal.VSIFReadL(1, 1 << 20, file))
    gdal.VSIFCloseL(file)
    return size


def race(url, names, readers, seconds):
    archive = "/vsizip/{/vsicurl/" + url + "}/"
    began = time.monotonic()
    if gdal.VSIStatL(archive + "zarr.json") is None:
        raise SystemExit("remote_gdal: it does not open " + url)
    opened = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(readers) as pool:
        sizes = list(pool.map(
            lambda name: read(archive + name) if time.monotonic() < opened + seconds else 0,
            names))
    return {"open": opened - began, "seconds": time.monotonic() - opened,
            "sizes": [size for size in sizes if size]}


for line in sys.stdin:
    print(json.dumps(race(**json.loads(line))), flush=True)
