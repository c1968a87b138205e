/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which members of a hierarchy's metadata any part of ozxfs looks at. Whoever reads another one
 * adds it here.
 *
 * People write tens of MiB where Zarr lets them: attributes (a record for each frame), and lists of
 * the OME block that say nothing of its shape (a colour for each label). Those are emptied, so that
 * it can still be seen that they are there, and of which type.
 */
#include <string.h>

#include "zarr/json_scan.h"

/* Of a zarr.json, a .zgroup and a .zarray; all that is below them. */
static const char *const zarr_keys[] = {
    "zarr_format",     "node_type",
    "shape",           "data_type",
    "chunk_grid",      "chunk_key_encoding",
    "fill_value",      "codecs",
    "dimension_names", "storage_transformers",
    "chunks",          "dtype",
    "compressor",      "filters",
    "order",           "dimension_separator",
};

/* Of OME-Zarr 0.1 to 0.6 (RFC-5), at any depth of the block. Not in it, as nobody here asks for
 * them: colors and properties of image-label, rdefs and windows of omero, metadata of a multiscale.
 * And of the archive comment of RFC-9, at the end. */
static const char *const ome_keys[] = {
    "ome",
    "version",
    "multiscales",
    "omero",
    "plate",
    "well",
    "image-label",
    "labels",
    "series",
    "bioformats2raw.layout",
    "scene",
    "name",
    "type",
    "path",
    "axes",
    "unit",
    "discrete",
    "longName",
    "orientation",
    "anatomicalOrientation",
    "value",
    "datasets",
    "coordinateTransformations",
    "coordinateSystems",
    "transformations",
    "transformation",
    "scale",
    "translation",
    "rotation",
    "affine",
    "mapAxis",
    "input",
    "output",
    "forward",
    "inverse",
    "input_axes",
    "output_axes",
    "channels",
    "label",
    "color",
    "active",
    "rows",
    "columns",
    "wells",
    "row",
    "column",
    "row_index",
    "column_index",
    "rowIndex",
    "columnIndex",
    "acquisitions",
    "id",
    "field_count",
    "maximumfieldcount",
    "images",
    "acquisition",
    "source",
    "image",
    "zipFile",
    "centralDirectory",
    "jsonFirst",
};

#define HAS(list, key, size) has(list, sizeof(list) / sizeof(list)[0], key, size)

static bool has(const char *const *list, size_t count, const char *key, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == size && memcmp(list[i], key, size) == 0)
            return true;
    return false;
}

static bool is(const char *wanted, const char *key, size_t size)
{
    return has(&wanted, 1, key, size);
}

static enum ozx_json_fate judge_root(const char *key, size_t size, enum ozx_json_place *below)
{
    *below = OZX_JSON_WHOLE;
    if (HAS(zarr_keys, key, size))
        return OZX_JSON_KEEP;
    *below = OZX_JSON_ATTRIBUTES;
    if (is("attributes", key, size))
        return OZX_JSON_KEEP;
    *below = OZX_JSON_CONSOLIDATED;
    if (is("consolidated_metadata", key, size))
        return OZX_JSON_KEEP;
    *below = OZX_JSON_OME; /* .zattrs, the archive comment */
    if (HAS(ome_keys, key, size))
        return OZX_JSON_KEEP;
    *below = OZX_JSON_EXTENSION;
    return OZX_JSON_UNKNOWN;
}

enum ozx_json_fate ozx_json_judge_key(enum ozx_json_place place, const char *key, size_t size,
                                      enum ozx_json_place *below)
{
    *below = place;
    switch (place) {
    case OZX_JSON_ROOT:
        return judge_root(key, size, below);
    case OZX_JSON_ATTRIBUTES:
        *below = OZX_JSON_OME;
        if (is("ome", key, size))
            return OZX_JSON_KEEP;
        return HAS(ome_keys, key, size) ? OZX_JSON_EMPTY : OZX_JSON_UNKNOWN;
    case OZX_JSON_OME:
        return HAS(ome_keys, key, size) ? OZX_JSON_KEEP : OZX_JSON_UNKNOWN;
    case OZX_JSON_EXTENSION:
        return is("must_understand", key, size) ? OZX_JSON_KEEP : OZX_JSON_DROP;
    case OZX_JSON_CONSOLIDATED:
        return is("metadata", key, size) ? OZX_JSON_EMPTY : OZX_JSON_UNKNOWN;
    default:
        return OZX_JSON_KEEP;
    }
}
