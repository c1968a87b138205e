/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a node's metadata mean, in a few numbers: two that are equal mean the same, whatever the
 * order of keys, the spaces, the escapes, and whether a number is written 1, 1.0 or 1e0. For
 * comparing a zarr.json with what consolidated metadata say of it, without keeping either.
 *
 * The numbers are hashes under a key of this process: nobody can make two metadata that differ and
 * look equal, and they mean nothing to another process.
 *
 * "uint8" and {"name": "uint8"} are the same, as are NaN and "NaN" (Zarr v3: extension points, fill
 * values), as is a float that was rounded to its data type, and codecs whose defaults are written
 * or not (endian, index_location, ...). Of a key that is there twice the last counts, as in most
 * parsers.
 */
#ifndef OZX_ZARR_NODE_DIGEST_H
#define OZX_ZARR_NODE_DIGEST_H

#include <stdint.h>

#include "zarr/json_text.h"

#define OZX_NODE_DEPTH_MAX 32

enum ozx_node_field {
    OZX_FIELD_TYPE, /* zarr_format and node_type */
    OZX_FIELD_SHAPE,
    OZX_FIELD_DATA_TYPE,
    OZX_FIELD_CHUNK_GRID,
    OZX_FIELD_CHUNK_KEYS, /* chunk_key_encoding */
    OZX_FIELD_CODECS,
    OZX_FIELD_FILL_VALUE,
    OZX_FIELD_TRANSFORMERS, /* storage_transformers */
    OZX_FIELD_ATTRIBUTES,   /* and dimension_names: these move no pixel */
    OZX_FIELD_COUNT,
};

struct ozx_node_digest {
    uint64_t fields[OZX_FIELD_COUNT];
};

/* The name of a field in zarr.json, for messages; static. */
const char *ozx_node_field_name(enum ozx_node_field field);

/* -EBADMSG if the value is no object of JSON; -ENOMEM (an object of many members is sorted: 24
 * bytes for each member of those that are open at once). What is deeper than OZX_NODE_DEPTH_MAX is
 * compared as it is written: each level is walked over once more. */
int ozx_node_digest(const char *text, struct ozx_json_range value,
                    struct ozx_node_digest *out) OZX_CHECKED;

#endif
