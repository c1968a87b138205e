# SPDX-License-Identifier: BSD-2-Clause
"""The shapes of OME-Zarr that people have, each written as a directory by ngff-zarr.

A shape is a function(directory) that fills the directory and returns {path of an array: pixels of
the source picture}; the other arrays (lower scales) are checked against the directory.
"""
import json

import ngff_zarr
import numpy

import pictures

SPACE = {"z": 2.0, "y": 0.5, "x": 0.5}


def write_image(directory, pixels, dims, *, version="0.5", name="image", scales=(2,), label=False,
                **options):
    """One multiscale image; returns {path of its full scale below `directory`: pixels}."""
    scale = {d: SPACE[d] for d in dims if d in SPACE}
    image = ngff_zarr.to_ngff_image(pixels, dims=list(dims), scale=scale, name=name)
    method = (ngff_zarr.Methods.ITKWASM_LABEL_IMAGE if label
              else ngff_zarr.Methods.ITKWASM_BIN_SHRINK)
    factors = [{d: f for d in scale} for f in scales]
    multiscales = ngff_zarr.to_multiscales(
        image, factors, method=method, chunks=options.pop("chunks", 64))
    ngff_zarr.to_ngff_zarr(str(directory), multiscales, version=version, **options)
    return {datasets(directory)[0]: pixels}


def datasets(directory):
    if (directory / "zarr.json").exists():
        meta = json.loads((directory / "zarr.json").read_text())["attributes"]["ome"]
    else:
        meta = json.loads((directory / ".zattrs").read_text())
    return [d["path"] for d in meta["multiscales"][0]["datasets"]]


def write_group(directory, **ome):
    directory.mkdir(parents=True, exist_ok=True)
    meta = {"zarr_format": 3, "node_type": "group",
            "attributes": {"ome": {"version": "0.5", **ome}}}
    (directory / "zarr.json").write_text(json.dumps(meta, indent=2))


def below(prefix, arrays):
    return {f"{prefix}/{path}": pixels for path, pixels in arrays.items()}


def image(directory):
    return write_image(directory, pictures.cell(), "yx", scales=(2, 4))


def image_sharded(directory):
    return write_image(directory, pictures.cell(), "yx", scales=(2, 4), chunks_per_shard=2)


def channels(directory):
    return write_image(directory, pictures.stained(), "cyx", chunks_per_shard={"y": 4, "x": 4})


def volume(directory):
    return write_image(directory, pictures.brain(), "tzyx", chunks=32)


def volume_sharded(directory):
    return write_image(directory, pictures.brain(), "tzyx", chunks=32, chunks_per_shard=2)


def labels(directory):
    """An image and, below labels/, a label image with many missing chunks."""
    arrays = write_image(directory, pictures.cell(), "yx")
    write_group(directory / "labels", labels=["nuclei"])
    arrays |= below("labels/nuclei", write_image(
        directory / "labels" / "nuclei", pictures.nuclei(pictures.cell()), "yx", label=True))
    path = directory / "labels" / "nuclei" / "zarr.json"
    meta = json.loads(path.read_text())
    meta["attributes"]["ome"]["image-label"] = {"source": {"image": "../../"}}
    path.write_text(json.dumps(meta, indent=2))
    return arrays


def plate(directory):
    """An HCS plate of two wells with two fields each."""
    metadata = ngff_zarr.Plate(
        rows=[ngff_zarr.PlateRow(name="A"), ngff_zarr.PlateRow(name="B")],
        columns=[ngff_zarr.PlateColumn(name="1")], field_count=2, version="0.5", name="plate",
        wells=[ngff_zarr.PlateWell(path=f"{r}/1", rowIndex=i, columnIndex=0)
               for i, r in enumerate("AB")])
    ngff_zarr.to_hcs_zarr(ngff_zarr.HCSPlate(store=str(directory), plate_metadata=metadata),
                          str(directory))
    arrays = {}
    for row in "AB":
        for field in range(2):
            pixels = numpy.roll(pictures.retina(), 7 * field + ord(row), axis=0)
            image_ = ngff_zarr.to_ngff_image(pixels, dims=["y", "x"])
            multiscales = ngff_zarr.to_multiscales(
                image_, [2], method=ngff_zarr.Methods.ITKWASM_BIN_SHRINK, chunks=64)
            ngff_zarr.write_hcs_well_image(
                str(directory), multiscales, metadata, row_name=row, column_name="1",
                field_index=field, acquisition_id=None, version="0.5")
            where = f"{row}/1/{field}"
            arrays |= below(where, {datasets(directory / where)[0]: pixels})
    return arrays


def bioformats2raw(directory):
    """What bioformats2raw makes of a multi-series file: 0/, 1/ and OME/ with the OME-XML."""
    write_group(directory, **{"bioformats2raw.layout": 3})
    arrays = {}
    for series, pixels in enumerate((pictures.cell(), pictures.retina())):
        arrays |= below(str(series), write_image(directory / str(series), pixels, "yx"))
    write_group(directory / "OME", series=["0", "1"])
    (directory / "OME" / "METADATA.ome.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">\n'
        '  <Image ID="Image:0" Name="cell"/>\n  <Image ID="Image:1" Name="retina"/>\n</OME>\n')
    return arrays


def collection(directory):
    """Several images under one root group that is no image."""
    write_group(directory)
    arrays = below("light/cell", write_image(directory / "light" / "cell", pictures.cell(), "yx"))
    write_group(directory / "light")
    arrays |= below("tissue ü", write_image(
        directory / "tissue ü", pictures.stained(), "cyx", chunks_per_shard={"y": 2, "x": 2}))
    return arrays


def image_v2(directory):
    """OME-Zarr 0.4 on Zarr v2: .zgroup, .zattrs, .zarray; no .ozx, but many people have it."""
    return write_image(directory, pictures.cell(), "yx", version="0.4")


def volume_v2(directory):
    return write_image(directory, pictures.brain(), "tzyx", version="0.4", chunks=32)


SHAPES = {
    "image": image,
    "image-sharded": image_sharded,
    "channels-sharded": channels,
    "volume": volume,
    "volume-sharded": volume_sharded,
    "labels": labels,
    "plate": plate,
    "bioformats2raw": bioformats2raw,
    "collection": collection,
    "image-v2": image_v2,
    "volume-v2": volume_v2,
}
