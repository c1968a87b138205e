/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Zarr v3 has the block in attributes.ome, Zarr v2 its members in .zattrs.
 */
#include "zarr/ome_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 64

struct ozx_json_range ozx_attributes_text(const char *text, size_t size_bytes)
{
    const struct ozx_json_cursor cursor = ozx_json_text(text, size_bytes);
    struct ozx_json_range place = {cursor.at, cursor.end}, inner;

    return ozx_json_find(text, place, "attributes", &inner) ? inner : place;
}

bool ozx_ome_text_find(const char *text, size_t size_bytes, const char *key,
                       struct ozx_json_range *out)
{
    struct ozx_json_range place = ozx_attributes_text(text, size_bytes), inner;

    if (ozx_json_find(text, place, "ome", &inner))
        place = inner;
    return ozx_json_find(text, place, key, out);
}

bool ozx_json_number(const char *text, struct ozx_json_range value, double *out)
{
    const size_t size = value.to - value.from;
    char number[NUMBER_SIZE], *end;

    if (!size || size >= sizeof number || text[value.from] == '"')
        return false;
    memcpy(number, text + value.from, size);
    number[size] = '\0';
    *out = strtod(number, &end);
    return *end == '\0' && isfinite(*out);
}

bool ozx_json_number_of(const char *text, struct ozx_json_range object, const char *key,
                        double *out)
{
    struct ozx_json_range value;

    return ozx_json_find(text, object, key, &value) && ozx_json_number(text, value, out);
}
