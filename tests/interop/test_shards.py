# SPDX-License-Identifier: BSD-2-Clause
"""pack --shard and repack --shard: every reader finds the pixels that it found before."""
import json
import zipfile

import numpy as np
import pytest
import zarr
from conftest import ozxfs
from readers import READERS, fingerprint

KEYS = [("default", "/"), ("default", "."), ("v2", "."), ("v2", "/")]
SHAPES = [((), ()), ((1, ), (1, )), ((10, ), (3, )), ((50, 37), (8, 8)), ((7, 20, 33), (2, 5, 8)),
          ((2, 2, 3, 9, 8), (1, 1, 1, 4, 4)), ((2, 1, 2, 3, 5, 4), (1, 1, 1, 2, 2, 2))]
CODECS = {
    "zstd": dict(), "none": dict(compressors=None),
    "gzip": dict(compressors=zarr.codecs.GzipCodec()),
    "blosc": dict(compressors=zarr.codecs.BloscCodec()),
    "big": dict(compressors=None, serializer=zarr.codecs.BytesCodec(endian="big")), "crc": dict(
        compressors=[zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()])
}
HOW = ["--shard", "--shard=1K", "--shard=16,16", "--shard=4,10,16", "--shard=6,"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Arrays of 0 to 6 dimensions, with ragged edges and chunks that are missing: its directory and
    {path: fingerprint}."""
    root = tmp_path_factory.mktemp("shards") / "x.ome.zarr"
    group = zarr.open_group(root, mode="w", zarr_format=3, attributes={"ome": {"version": "0.5"}})
    random = np.random.default_rng(1)
    arrays = {}

    def add(path, shape, chunks, keys, **more):
        array = group.create_array(path, shape=shape, dtype="uint16", fill_value=7,
                                   chunk_key_encoding={"name": keys[0], "separator": keys[1]},
                                   **({"chunks": chunks} if shape else {}), **more)
        array[...] = random.integers(0, 9, shape, dtype="uint16")
        if len(shape) > 1:  # a chunk of the fill value is not written
            array[tuple(slice(0, size) for size in chunks)] = 7
        arrays[path] = fingerprint(array[...])

    for keys in KEYS:
        for shape, chunks in SHAPES:
            add(f"keys/{keys[0]}{ord(keys[1])}/d{len(shape)}-{sum(shape)}", shape, chunks, keys)
    for name, codecs in CODECS.items():
        add(f"codecs/{name}", (50, 37), (8, 8), KEYS[0], **codecs)
    add("transposed", (50, 37), (8, 4), KEYS[0], filters=[zarr.codecs.TransposeCodec(order=(1, 0))])
    zarr.consolidate_metadata(root)
    return root, arrays


@pytest.fixture(scope="module", params=HOW)
def sharded(request, tree, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    done = ozxfs("pack", request.param, tree[0], out / "x.ozx")
    assert done.returncode == 0, done.stderr
    done = ozxfs("verify", "--strict", out / "x.ozx")
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(out / "x.ozx") as file:
        file.extractall(out / "x")
    return out


def test_readers(tree, sharded, reader, request):
    arrays = tree[1]
    name = request.node.callspec.params["reader"]
    # read.mjs takes arrays of at least one dimension, in C order.
    paths = [p for p in arrays if not (name == "zarrita.js" and (p == "transposed" or "d0-" in p))]
    found = reader(sharded / "x", paths)
    assert found == {p: arrays[p] for p in paths}
    assert found
    print(f"{name}: {len(found)} arrays compared")


def test_repack_gives_the_same(tree, sharded, tmp_path, request):
    """An archive of chunks comes to the same shards as their directory, and its CRCs are asked."""
    how = request.node.callspec.params["sharded"]
    assert ozxfs("pack", tree[0], tmp_path / "plain.ozx").returncode == 0
    done = ozxfs("repack", how, tmp_path / "plain.ozx", tmp_path / "out.ozx")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(sharded / "x.ozx") as one, zipfile.ZipFile(tmp_path / "out.ozx") as other:
        assert one.namelist() == other.namelist()
        for name in one.namelist():
            assert one.read(name) == other.read(name), name


def test_consolidated_metadata_are_those_of_the_arrays(sharded):
    listed = json.loads(
        (sharded / "x" / "zarr.json").read_text())["consolidated_metadata"]["metadata"]
    own = {
        str(p.parent.relative_to(sharded / "x")): json.loads(p.read_text())
        for p in (sharded / "x").rglob("zarr.json")
        if p.parent != sharded / "x"
    }
    arrays = {p: m for p, m in listed.items() if m["node_type"] == "array"}
    assert len(arrays) > 30
    for path, metadata in arrays.items():
        for field in ("chunk_grid", "codecs", "shape"):
            assert metadata[field] == own[path][field], path


def test_the_bytes_of_the_other_implementation(tmp_path):
    """An array that zarr-python shards has the shards that come of its chunks."""
    pixels = np.random.default_rng(2).integers(0, 9, (40, 24), dtype="uint16")
    for name, shards in (("chunks", None), ("shards", (16, 24))):
        group = zarr.open_group(tmp_path / name, mode="w", zarr_format=3,
                                attributes={"ome": {"version": "0.5"}})
        group.create_array("a", shape=(40, 24), chunks=(8, 8), shards=shards, dtype="uint16",
                           fill_value=0)[...] = pixels
    done = ozxfs("pack", "--shard=16,24", tmp_path / "chunks", tmp_path / "x.ozx")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "x.ozx") as file:
        names = [n for n in file.namelist() if n.startswith("a/c/")]
        assert names == ["a/c/0/0", "a/c/1/0", "a/c/2/0"]
        for name in names:
            # zarr-python writes inner chunks in Morton order: compared by their index.
            assert inner(file.read(name), 6) == inner((tmp_path / "shards" / name).read_bytes(),
                                                      6), name


def inner(shard, count):
    import google_crc32c
    index = shard[-16 * count - 4:-4]
    assert google_crc32c.value(index) == int.from_bytes(shard[-4:], "little")
    found = []
    for offset, size in np.frombuffer(index, "<u8").reshape(count, 2).tolist():
        found.append(None if offset == 2**64 - 1 and size == offset else shard[offset:offset +
                                                                               size])
    return found


def test_all_readers_are_known():
    assert {"zarr-python", "tensorstore", "zarrs", "zarrita.js"} <= set(READERS)


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("verb", ["pack", "repack"])
def test_converted_and_sharded(tmp_path, reader, verb, separator):
    """Zarr v2 made v3 first, and the chunks of that put into shards."""
    root = tmp_path / "v2.zarr"
    group = zarr.open_group(
        root, mode="w", zarr_format=2, attributes={
            "multiscales": [{
                "version": "0.4", "axes": [{"name": n, "type": "space"} for n in "yx"],
                "datasets": [{
                    "path": p, "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]
                } for p in "01"]
            }]
        })
    pixels = np.random.default_rng(3).integers(0, 9, (50, 37), dtype="uint16")
    pixels[8:16, :8] = 0
    for path in "01":
        array = group.create_array(path, shape=pixels.shape, chunks=(8, 8), dtype="uint16",
                                   fill_value=0,
                                   chunk_key_encoding={"name": "v2", "separator": separator})
        array[...] = pixels
    source = root
    if verb == "repack":
        source = tmp_path / "v2.zarr.zip"
        with zipfile.ZipFile(source, "w") as file:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    file.write(path, "v2.zarr/" + str(path.relative_to(root)))
    done = ozxfs(verb, "--convert", "--shard=16,40", source, tmp_path / "x.ozx")
    assert done.returncode == 0, done.stderr
    done = ozxfs("verify", "--strict", tmp_path / "x.ozx")
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(tmp_path / "x.ozx") as file:
        assert sorted(n for n in file.namelist()
                      if n.startswith("0/c/")) == [f"0/c/{i}/0" for i in range(4)]
        file.extractall(tmp_path / "x")
    assert reader(tmp_path / "x", ["0", "1"]) == dict.fromkeys("01", fingerprint(pixels))


def shards_of_others(root, location):
    """Two arrays that zarr-python shards (in Morton order, with ragged edges and a chunk that is
    missing): their pixels."""
    group = zarr.open_group(root, mode="w", zarr_format=3, attributes={"ome": {"version": "0.5"}})
    pixels = np.random.default_rng(4).integers(0, 9, (50, 37), dtype="uint16")
    pixels[8:16, :8] = 0
    for path, codecs in ("a", {}), ("b", {"compressors": None}):
        shards = {"shape": (32, 16), "index_location": location}
        group.create_array(path, shape=pixels.shape, chunks=(8, 8), shards=shards, dtype="uint16",
                           fill_value=0, **codecs)[...] = pixels
    return pixels


OTHERS = [("start", "16,40", 4), ("end", "8,8", 34), ("end", "1K", 7)]


@pytest.fixture(scope="module", params=OTHERS, ids=lambda other: "-".join(other[:2]))
def shards_in_others(request, tmp_path_factory):
    """What comes of these with other shards, unpacked; and the pixels."""
    location, how, count = request.param
    root = tmp_path_factory.mktemp("others")
    pixels = shards_of_others(root / "in", location)
    zarr.consolidate_metadata(root / "in")
    for done in (ozxfs("pack", f"--shard={how}", root / "in", root / "x.ozx"),
                 ozxfs("verify", "--strict", root / "x.ozx"),
                 ozxfs("unpack", root / "x.ozx", root / "out")):
        assert done.returncode == 0, (done.stdout, done.stderr)
    assert len([p for p in (root / "out/b/c").rglob("*") if p.is_file()]) == count
    return root / "out", fingerprint(pixels)


def test_shards_of_others_in_other_shards(shards_in_others, reader):
    """pack --shard of what zarr-python sharded: the same pixels."""
    assert reader(shards_in_others[0], ["a", "b"]) == dict.fromkeys("ab", shards_in_others[1])


@pytest.mark.parametrize("location", ["start", "end"])
def test_shards_of_others_as_chunks(tmp_path, reader, location):
    """unpack --chunks of what zarr-python sharded: the same pixels, and no shards."""
    pixels = shards_of_others(tmp_path / "in", location)
    done = ozxfs("pack", tmp_path / "in", tmp_path / "x.ozx")
    assert done.returncode == 0, done.stderr
    done = ozxfs("unpack", "--chunks", tmp_path / "x.ozx", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out/a/zarr.json").read_text())["codecs"][0]["name"] == "bytes"
    assert len([p for p in (tmp_path / "out/a/c").rglob("*") if p.is_file()]) == 7 * 5 - 1
    assert reader(tmp_path / "out", ["a", "b"]) == dict.fromkeys("ab", fingerprint(pixels))
