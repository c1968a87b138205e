/* SPDX-License-Identifier: BSD-2-Clause
 *
 * .zgroup and .zarray as zarr.json.
 */
#include <inttypes.h>
#include <string.h>

#include "zarr/v2_parts.h"

#define NAME_MAX_BYTES 256 /* of a dimension; longer ones are left out */

static int check_format(const struct ozx_v2_value *root, struct ozx_error *error)
{
    struct ozx_v2_value format;
    char shown[OZX_ESCAPED_SIZE];
    int64_t number;

    if (!ozx_v2_find(root, "zarr_format", &format))
        return OZX_V2_REFUSE(error, "zarr_format: is missing");
    if (!ozx_v2_integer(&format, &number) || number != 2)
        return OZX_V2_REFUSE(error, "zarr_format: %s is not 2", ozx_v2_show(&format, shown));
    return 0;
}

static int finish(const struct ozx_text *out, struct ozx_error *error)
{
    return out->no_memory ? ozx_error_memory(error) : 0;
}

int ozx_v2_group(const char *zgroup, size_t size_bytes, const char *attributes,
                 struct ozx_text *out, struct ozx_error *error)
{
    struct ozx_v2_value root;
    int failure = zgroup ? ozx_v2_load(zgroup, size_bytes, &root, error) : 0;

    if (!failure && zgroup)
        failure = check_format(&root, error);
    if (failure)
        return failure;
    ozx_text_put(out, "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":");
    ozx_text_put(out, attributes[0] ? attributes : "{}");
    ozx_text_put(out, "}");
    return finish(out, error);
}

/* --- shape and chunks ------------------------------------------------------------------------- */

static int read_sizes(const struct ozx_v2_value *root, const char *key, struct ozx_shape *out,
                      struct ozx_error *error)
{
    struct ozx_v2_value list, size = {.text = root->text};
    struct ozx_json_cursor cursor;
    char shown[OZX_ESCAPED_SIZE];
    int64_t number;

    if (!ozx_v2_find(root, key, &list))
        return OZX_V2_REFUSE(error, "%s: is missing", key);
    cursor = ozx_json_within(list.text, list.range);
    if (!ozx_json_enter(&cursor, '['))
        return OZX_V2_REFUSE(error, "%s: is not a list", key);
    out->count = 0;
    while (ozx_json_next_element(&cursor, &size.range) == OZX_JSON_ITEM) {
        if (out->count == OZX_DIMENSIONS_MAX)
            return OZX_V2_REFUSE(error, "%s: has more than %d dimensions", key,
                                 OZX_DIMENSIONS_MAX);
        if (!ozx_v2_integer(&size, &number) || number < 0)
            return OZX_V2_REFUSE(error, "%s: %s is not a size", key, ozx_v2_show(&size, shown));
        out->sizes[out->count++] = (uint64_t)number;
    }
    return 0;
}

static int read_chunks(const struct ozx_v2_value *root, const struct ozx_shape *shape,
                       struct ozx_shape *out, struct ozx_error *error)
{
    int failure = read_sizes(root, "chunks", out, error);

    if (failure)
        return failure;
    if (out->count != shape->count)
        return OZX_V2_REFUSE(error, "chunks: has %u dimensions, the shape %u", out->count,
                             shape->count);
    for (uint32_t i = 0; i < out->count; i++) {
        if (out->sizes[i])
            continue;
        if (shape->sizes[i])
            return OZX_V2_REFUSE(error, "chunks: 0 is not a size of a chunk");
        out->sizes[i] = 1; /* there are none, and v3 has no other word for it */
    }
    return 0;
}

static int read_order(const struct ozx_v2_value *root, bool *is_fortran, struct ozx_error *error)
{
    struct ozx_v2_value order;
    char shown[OZX_ESCAPED_SIZE];

    if (!ozx_v2_find(root, "order", &order))
        return OZX_V2_REFUSE(error, "order: is missing");
    *is_fortran = ozx_v2_is_word(&order, "\"F\"");
    if (*is_fortran || ozx_v2_is_word(&order, "\"C\""))
        return 0;
    return OZX_V2_REFUSE(error, "order: %s is neither \"C\" nor \"F\"",
                         ozx_v2_show(&order, shown));
}

static void put_sizes(const struct ozx_shape *shape, struct ozx_text *out)
{
    ozx_text_put(out, "[");
    for (uint32_t i = 0; i < shape->count; i++)
        ozx_text_format(out, "%s%" PRIu64, i ? "," : "", shape->sizes[i]);
    ozx_text_put(out, "]");
}

int ozx_v2_shape(const char *zarray, size_t size_bytes, struct ozx_shape *shape, char *separator,
                 struct ozx_error *error)
{
    struct ozx_v2_value root, stated;
    int failure = ozx_v2_load(zarray, size_bytes, &root, error);

    if (!failure)
        failure = read_sizes(&root, "shape", shape, error);
    if (failure)
        return failure;
    *separator = ozx_v2_find(&root, "dimension_separator", &stated) &&
                         ozx_v2_is_word(&stated, "\"/\"")
                     ? '/'
                     : '.';
    return 0;
}

/* --- names of dimensions ---------------------------------------------------------------------- */

struct names {
    uint32_t count;
    char text[OZX_DIMENSIONS_MAX][NAME_MAX_BYTES];
};

/* What xarray writes; false: nothing that would do as names. */
static bool read_xarray(const struct ozx_v2_array *array, uint32_t count, struct names *out)
{
    const struct ozx_json_cursor start = ozx_json_text(array->zattrs, array->zattrs_size_bytes);
    const struct ozx_v2_value root = {array->zattrs, {start.at, array->zattrs_size_bytes}};
    struct ozx_v2_value list, name = {.text = array->zattrs};
    struct ozx_json_cursor cursor;

    out->count = 0;
    if (!ozx_v2_find(&root, "_ARRAY_DIMENSIONS", &list))
        return false;
    cursor = ozx_json_within(list.text, list.range);
    if (!ozx_json_enter(&cursor, '['))
        return false;
    while (ozx_json_next_element(&cursor, &name.range) == OZX_JSON_ITEM)
        if (out->count == count || !ozx_v2_string(&name, out->text[out->count++], NAME_MAX_BYTES))
            return false;
    return out->count == count;
}

/* OME-Zarr's, if they are as many as there are dimensions. */
static bool take_axes(const struct ozx_v2_array *array, uint32_t count, struct names *out)
{
    size_t first = array->last_names && array->name_count > count ? array->name_count - count : 0;

    if (!array->names || array->name_count - first != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = array->names[first + i];
        if (strlen(name) >= NAME_MAX_BYTES)
            return false;
        strcpy(out->text[i], name);
    }
    out->count = count;
    return true;
}

/* Some readers refuse an array that has a name twice. */
static bool are_distinct(const struct names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (names->text[i][0] && strcmp(names->text[i], names->text[j]) == 0)
                return false;
    return true;
}

static int put_names(const struct ozx_v2_array *array, uint32_t count, struct ozx_text *out,
                     struct ozx_v2_report *report, struct ozx_error *error)
{
    OZX_AUTO_FREE struct names *names = malloc(2 * sizeof *names);
    struct names *others = names + 1;
    bool has, has_others;

    if (!names)
        return ozx_error_memory(error);
    has = take_axes(array, count, names);
    has_others = array->zattrs && read_xarray(array, count, others);
    for (uint32_t i = 0; has && has_others && i < count; i++)
        if (strcmp(names->text[i], others->text[i]) != 0)
            report->said |= OZX_V2_DIMENSIONS;
    if (!has && has_others) {
        *names = *others;
        has = true;
    }
    if (!has || !count || !are_distinct(names))
        return 0;
    ozx_text_put(out, ",\"dimension_names\":[");
    for (uint32_t i = 0; i < count; i++) {
        ozx_text_put(out, i ? "," : "");
        ozx_text_string(out, names->text[i]);
    }
    ozx_text_put(out, "]");
    return 0;
}

/* --- an array --------------------------------------------------------------------------------- */

struct facts {
    struct ozx_shape shape, chunks;
    struct ozx_v2_type type;
    bool is_fortran;
};

static int read_facts(const struct ozx_v2_value *root, struct facts *facts, struct ozx_error *error)
{
    struct ozx_v2_value dtype;
    int failure = check_format(root, error);

    if (!failure)
        failure = read_sizes(root, "shape", &facts->shape, error);
    if (!failure)
        failure = read_chunks(root, &facts->shape, &facts->chunks, error);
    if (!failure)
        failure = read_order(root, &facts->is_fortran, error);
    if (failure)
        return failure;
    if (!ozx_v2_find(root, "dtype", &dtype))
        return OZX_V2_REFUSE(error, "dtype: is missing");
    return ozx_v2_type(&dtype, "dtype", &facts->type, error);
}

static int put_array(const struct ozx_v2_value *root, const struct facts *facts,
                     struct ozx_text *out, struct ozx_v2_report *report, struct ozx_error *error)
{
    struct ozx_v2_value fill;
    int failure;

    ozx_text_put(out, "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":");
    put_sizes(&facts->shape, out);
    ozx_text_put(out, ",\"data_type\":");
    ozx_v2_put_type(&facts->type, out);
    ozx_text_put(out, ",\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":");
    put_sizes(&facts->chunks, out);
    ozx_text_put(out, "}},\"chunk_key_encoding\":{\"name\":\"default\",\"configuration\":"
                      "{\"separator\":\"/\"}},\"fill_value\":");
    failure = ozx_v2_put_fill(&facts->type, ozx_v2_find(root, "fill_value", &fill) ? &fill : NULL,
                              out, report, error);
    if (failure)
        return failure;
    ozx_text_put(out, ",\"codecs\":");
    return ozx_v2_put_codecs(root, &facts->type, facts->shape.count, facts->is_fortran, out,
                             report, error);
}

int ozx_v2_array(const char *zarray, size_t size_bytes, const struct ozx_v2_array *array,
                 struct ozx_text *out, struct ozx_v2_report *report, struct ozx_error *error)
{
    struct ozx_v2_value root;
    struct facts facts = {.is_fortran = false};
    int failure = ozx_v2_load(zarray, size_bytes, &root, error);

    if (!failure)
        failure = read_facts(&root, &facts, error);
    if (!failure)
        failure = put_array(&root, &facts, out, report, error);
    if (!failure) {
        ozx_text_put(out, ",\"attributes\":");
        ozx_text_put(out, array->attributes[0] ? array->attributes : "{}");
        failure = put_names(array, facts.shape.count, out, report, error);
    }
    if (failure)
        return failure;
    ozx_text_put(out, "}");
    return finish(out, error);
}
