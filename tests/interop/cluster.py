# SPDX-License-Identifier: BSD-2-Clause
"""What tests/interop/cluster runs, in namespaces of its own."""
import argparse
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask.array
import numpy
import zarr
from distributed import Client, LocalCluster

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from kit.line import Namespace, ThisNamespace, ended, line, nginx, served  # noqa: E402

OZXFS, PYTHON = os.path.abspath(os.environ['OZXFS']), sys.executable
PROCESSES = 4
PLANE, CHUNKS = (1024, 1024), (16, 128, 128)
NET = '10.77.0'  # the bridge is .1, nodes are .2 and up
NUMBERS = itertools.count(2)  # no name twice: what ended goes a moment later


def sh(command, *arguments, **options):
    return subprocess.run(['sh', '-euc', command, 'sh', *map(str, arguments)], check=True,
                          **options)


def make(folder, depth):
    """An image as a directory and as www/image.ozx; its pixels."""
    shape = (depth, *PLANE)
    pixels = numpy.random.default_rng(7).integers(0, 4000, shape, dtype='uint16')
    group = zarr.create_group(folder / 'image.ome.zarr')
    array = group.create_array('0', shape=shape, chunks=CHUNKS, dtype='uint16',
                               dimension_names=['z', 'y', 'x'])
    array[:] = pixels
    scale = [{'type': 'scale', 'scale': [1.0, 1.0, 1.0]}]
    group.attrs['ome'] = {
        'version': '0.5', 'multiscales': [{
            'axes': [{'name': axis, 'type': 'space'} for axis in 'zyx'],
            'datasets': [{'path': '0', 'coordinateTransformations': scale}]
        }]
    }
    (folder / 'www').mkdir()
    sh('"$1" pack -q "$2/image.ome.zarr" "$2/www/image.ozx"', OZXFS, folder)
    return pixels


@contextlib.contextmanager
def mounted(source, tree):
    sh('"$1" mount "$2" "$3"', OZXFS, source, tree)
    try:
        yield
    finally:
        sh('"$1" umount "$2"', OZXFS, tree)


# --- what is computed ----------------------------------------------------------------------------


def where_it_runs(tree):
    """Of a worker: its network, and the mount that it sees. It has what it needs to read after."""
    zarr.array(numpy.zeros(4))[:]  # pylint: disable=expression-not-assigned
    return os.readlink('/proc/self/ns/net'), os.stat(tree).st_dev


def check(client, tree, pixels, title, networks=1, log=lambda: None):
    """The sum, in a time that is printed, and results that need every pixel in an order that mixes
    the workers."""
    places = client.run(where_it_runs, str(tree))
    assert len({network for network, _ in places.values()}) == networks, places
    assert len({device for _, device in places.values()}) == networks, places
    lazy = dask.array.from_zarr(f'{tree}/0')
    log()
    start = time.perf_counter()
    total = lazy.sum(dtype='uint64').compute()
    took = time.perf_counter() - start
    sent = log()
    assert total == pixels.sum(dtype='uint64')
    part = numpy.s_[::3, 100:900:7, ::5]
    results = dask.compute(lazy.max(axis=0), lazy.mean(axis=(1, 2)),
                           lazy[part].astype('float64').std(axis=0))
    expected = pixels.max(axis=0), pixels.mean(axis=(1, 2)), pixels[part].std(axis=0)
    for got, right in zip(results, expected):
        numpy.testing.assert_allclose(got, right, rtol=1e-12)
    print(f'{title:24} {len(places)} workers, {networks} networks and mounts: results equal; sum '
          f'in {took:.2f} s, {pixels.nbytes / took / 2 ** 20:.0f} MiB/s of pixels' +
          (f'; {sent[0]} requests, {sent[1] / 2 ** 20:.1f} MiB' if sent else ''), flush=True)


# --- who computes it -----------------------------------------------------------------------------


@contextlib.contextmanager
def processes():
    with LocalCluster(n_workers=PROCESSES, threads_per_worker=1, dashboard_address=None,
                      host='127.0.0.1', silence_logs='ERROR') as cluster, \
            Client(cluster) as client:
        yield client


def start_program(stack, space, folder, module, *arguments):
    name = f'{module}{next(NUMBERS)}.log'
    log = stack.enter_context(open(folder / name, 'wb'))
    stack.enter_context(ended(subprocess.Popen(
        [*space.enter, PYTHON, '-m', f'distributed.cli.{module}', *arguments, '--no-dashboard'],
        stderr=log), signal.SIGKILL))


def start_node(stack, folder, source, tree):
    """A machine of the network, with a mount of its own and one worker."""
    number, space = next(NUMBERS), Namespace(stack, isolated=True)
    sh('''ip link add "v$1" type veth peer name eth0 netns "$2"
          ip link set "v$1" master bridge up''', number, space.pid)
    space.run('sh', '-euc', f'''
        ip link set lo up; ip addr add {NET}.{number}/24 dev eth0; ip link set eth0 up
        ip route add default via {NET}.1
        "$1" mount "$2" "$3"''', 'sh', OZXFS, source, tree)
    start_program(stack, space, folder, 'dask_worker', f'tcp://{NET}.1:8786', '--nthreads', '1',
                  '--local-directory', folder)


@contextlib.contextmanager
def nodes(count, folder, source, tree):
    """A client of so many machines; it has a mount, too, which they do not inherit."""
    with contextlib.ExitStack() as stack:
        start_program(stack, ThisNamespace(), folder, 'dask_scheduler', '--host', f'{NET}.1')
        for _ in range(count):
            start_node(stack, folder, source, tree)
        stack.enter_context(mounted(source, tree))
        client = stack.enter_context(Client(f'tcp://{NET}.1:8786', timeout=60))
        client.wait_for_workers(count, timeout=60)
        yield client


def serve(stack, folder, rtt_ms):
    """The URL of the archive, at the other end of a line that the nodes come to by the bridge."""
    server = Namespace(stack)
    stack.enter_context(line(folder, server, ThisNamespace(), rtt_ms))
    server.run('ip', 'route', 'add', f'{NET}.0/24', 'dev', 'line')
    sh('echo 1 >/proc/sys/net/ipv4/ip_forward')
    return stack.enter_context(nginx(folder, server)) + '/image.ozx'


def arguments():
    parser = argparse.ArgumentParser(prog='cluster', description=__doc__)
    parser.add_argument('folder', type=Path, help=argparse.SUPPRESS)
    parser.add_argument('--url', action='store_true', help='the archive is on a web server')
    parser.add_argument('--rtt', metavar='MS', type=float, default=10,
                        help='the round trip to it (default: 10)')
    return parser.parse_args()


def main():
    given = arguments()
    os.environ['no_proxy'] = '*'  # these machines are all there is
    folder, tree = given.folder, given.folder / 'tree.ome.zarr'
    pixels = make(folder, 128 if given.url else 32)
    tree.mkdir()
    sh(f'ip link set lo up; ip link add bridge type bridge; ip addr add {NET}.1/24 dev bridge; '
       'ip link set bridge up')
    with contextlib.ExitStack() as stack:
        source, counts, log = folder / 'www' / 'image.ozx', [3], {}
        if given.url:
            source, counts = serve(stack, folder, given.rtt), [1, 2, 4]
            log = {'log': lambda: served(folder)}
        with processes() as client:
            check(client, folder / 'image.ome.zarr', pixels, 'directory')
        with mounted(source, tree), processes() as client:
            check(client, tree, pixels, 'LocalCluster', **log)
        for count in counts:
            with nodes(count, folder, source, tree) as client:
                check(client, tree, pixels, f'nodes: {count}', count, **log)


if __name__ == '__main__':
    main()
