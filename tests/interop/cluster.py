# SPDX-License-Identifier: BSD-2-Clause
"""What tests/interop/cluster runs, in namespaces of its own: cluster.py FOLDER."""
import os
import subprocess
import sys
import time

import dask.array
import numpy
import zarr
from distributed import Client, LocalCluster

OZXFS, PYTHON = os.environ['OZXFS'], sys.executable
NODES, PROCESSES = 3, 4
SHAPE, CHUNKS = (32, 1024, 1024), (16, 128, 128)


def sh(command, *arguments, **options):
    return subprocess.run(['sh', '-euc', command, 'sh', *map(str, arguments)], check=True,
                          **options)


def make(folder):
    """An image of 128 chunks as a directory and as an archive; its pixels."""
    pixels = numpy.random.default_rng(7).integers(0, 4000, SHAPE, dtype='uint16')
    group = zarr.create_group(folder + '/image.ome.zarr')
    array = group.create_array('0', shape=SHAPE, chunks=CHUNKS, dtype='uint16',
                               dimension_names=['z', 'y', 'x'])
    array[:] = pixels
    scale = [{'type': 'scale', 'scale': [1.0, 1.0, 1.0]}]
    group.attrs['ome'] = {
        'version': '0.5', 'multiscales': [{
            'axes': [{'name': axis, 'type': 'space'} for axis in 'zyx'],
            'datasets': [{'path': '0', 'coordinateTransformations': scale}]
        }]
    }
    sh('"$1" pack -q "$2/image.ome.zarr" "$2/image.ozx"', OZXFS, folder)
    return pixels


def where_it_runs():
    """Of a worker: its network, and the mount that it sees."""
    return os.readlink('/proc/self/ns/net'), os.stat(TREE).st_dev


def check(client, pixels, title, networks):
    """Results that need every pixel, in an order that mixes the workers."""
    start = time.perf_counter()
    lazy = dask.array.from_zarr(TREE + '/0')
    results = dask.compute(lazy.astype('uint64').sum(), lazy.max(axis=0), lazy.mean(axis=(1, 2)),
                           lazy[::3, 100:900:7, ::5].astype('float64').std(axis=0))
    took = time.perf_counter() - start
    expected = (pixels.astype('uint64').sum(), pixels.max(axis=0), pixels.mean(axis=(1, 2)),
                pixels[::3, 100:900:7, ::5].astype('float64').std(axis=0))
    for got, right in zip(results, expected):
        numpy.testing.assert_allclose(got, right, rtol=1e-12)
    places = client.run(where_it_runs)
    seen = {network for network, _ in places.values()}
    mounts = {device for _, device in places.values()}
    assert len(seen) == networks and len(mounts) == networks, places
    print('%s: %d workers, network namespaces %d, mounts %d: results equal, %.1f s' %
          (title, len(places), len(seen), len(mounts), took), flush=True)


def node(number, folder):
    """A process in namespaces of its own that becomes a worker once it has a network."""
    script = '''
        ip link set lo up
        until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
        ip addr add "10.77.0.$1/24" dev eth0; ip link set eth0 up
        "$2" mount "$3/image.ozx" "$3/tree.ome.zarr"
        exec "$4" -m distributed.cli.dask_worker tcp://10.77.0.1:8786 --nthreads 1 \
            --no-dashboard --local-directory "$3"'''
    process = subprocess.Popen(['unshare', '--net', '--mount', 'sh', '-euc', script, 'sh',
                                str(number), OZXFS, folder, PYTHON],
                               stderr=open('%s/node%d.log' % (folder, number), 'wb'))
    network = os.readlink('/proc/self/ns/net')
    while os.readlink('/proc/%d/ns/net' % process.pid) == network:
        time.sleep(0.02)
    sh('''ip link add "v$1" type veth peer name eth0 netns "$2"
          ip link set "v$1" master bridge up''', number, process.pid)
    return process


def main(folder):
    pixels = make(folder)
    os.mkdir(TREE)
    sh('ip link set lo up; ip link add bridge type bridge; ip addr add 10.77.0.1/24 dev bridge; '
       'ip link set bridge up')
    # The nodes first: who comes later would inherit the mount of this one.
    scheduler = subprocess.Popen([PYTHON, '-m', 'distributed.cli.dask_scheduler', '--host',
                                  '10.77.0.1', '--no-dashboard'],
                                 stderr=open(folder + '/scheduler.log', 'wb'))
    nodes = [node(2 + number, folder) for number in range(NODES)]
    sh('"$1" mount "$2/image.ozx" "$3"', OZXFS, folder, TREE)
    try:
        with LocalCluster(n_workers=PROCESSES, threads_per_worker=1, dashboard_address=None,
                          host='127.0.0.1', silence_logs='ERROR') as cluster, \
                Client(cluster) as client:
            check(client, pixels, 'LocalCluster', 1)
        with Client('tcp://10.77.0.1:8786', timeout=60) as client:
            client.wait_for_workers(NODES, timeout=60)
            check(client, pixels, 'nodes', NODES)
    finally:
        sh('"$1" umount "$2"', OZXFS, TREE)
        for process in [*nodes, scheduler]:
            process.kill()  # and with this process their namespace, all that is in it


TREE = sys.argv[1] + '/tree.ome.zarr' if len(sys.argv) > 1 else ''
if __name__ == '__main__':
    main(sys.argv[1])
