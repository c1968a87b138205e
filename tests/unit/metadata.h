/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of the metadata parser: texts of a zarr.json, and what becomes of them.
 */
#ifndef OZX_TESTS_UNIT_METADATA_H
#define OZX_TESTS_UNIT_METADATA_H

#include "zarr/metadata.h"

#include <stdlib.h>

#include "check.h"

#define GRID(sizes)                                                                                \
    "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":" sizes "}}"
#define KEYS(name, configuration) "\"chunk_key_encoding\":{\"name\":\"" name "\"" configuration "}"
#define ARRAY(shape, grid, keys, codecs)                                                           \
    "{\"zarr_format\":3,\"node_type\":\"array\",\"data_type\":\"uint16\",\"fill_value\":0,"        \
    "\"shape\":" shape "," grid "," keys ",\"codecs\":" codecs "}"
#define BYTES "[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}]"

/* NULL if it is refused. The caller frees what it gets, as with parse(). */
static inline struct ozx_metadata *parse_sized(const char *text, size_t size,
                                               struct ozx_error *error)
{
    struct ozx_metadata *metadata = NULL;
    char *copy = malloc(size + !size); /* so that a sanitizer sees its end */
    int failure = -1;

    if (CHECK(copy)) {
        memcpy(copy, text, size);
        failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, copy, size, NULL, 0, &metadata, error);
    }
    CHECK(!failure == (metadata != NULL));
    free(copy);
    return metadata;
}

static inline struct ozx_metadata *parse(const char *text)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_metadata *metadata = parse_sized(text, strlen(text), &error);

    CHECK(metadata);
    return metadata;
}

static inline bool has_defect(const struct ozx_metadata *metadata, const char *where)
{
    for (size_t i = 0; i < metadata->defect_count; i++)
        if (strcmp(metadata->defects[i].where, where) == 0)
            return true;
    return false;
}

#endif
