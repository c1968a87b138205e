/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as .zattrs and as .zgroup or .zarray (a byte 0 between them): what comes out is JSON to
 * jansson, which knows nothing of it, and metadata of v3 without a defect of Zarr; or it is refused
 * with a reason.
 */
#include <string.h>

#include "fuzz.h"
#include "zarr/json.h"
#include "zarr/v2.h"

/* Levels that shrink, of as many dimensions as the path has bytes. */
static int shape_of(void *context, const char *path, struct ozx_shape *shape,
                    struct ozx_error *error)
{
    size_t size = strlen(path);

    (void)context, (void)error;
    if (!size || size > OZX_DIMENSIONS_MAX)
        return 0;
    shape->count = (uint32_t)size;
    for (size_t i = 0; i < size; i++)
        shape->sizes[i] = (unsigned char)path[i];
    return 1;
}

static const struct ozx_v2_levels levels = {.shape_of = shape_of};

static void check_refusal(int failure, const struct ozx_error *error)
{
    FUZZ_CHECK(failure == error->code && error->text[0]);
    FUZZ_CHECK(ozx_utf8_valid(error->text, strlen(error->text)));
}

/* The zarr.json parses, and what Zarr asks of it is there. Defects of what was in the attributes,
 * and of OME-Zarr, were there before. */
static void check_made(const struct ozx_text *made, bool is_array)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_metadata *m = NULL;
    int failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, made->bytes, made->size_bytes, NULL, 0,
                                     &m, &error);

    /* Attributes of almost 64 MiB, or nested almost too deep, may be beyond the bounds now. */
    FUZZ_CHECK(!failure || !strstr(error.text, "not JSON"));
    if (failure)
        return;
    FUZZ_CHECK(m->zarr_format == 3 && m->is_array == is_array && m->is_group == !is_array);
    FUZZ_CHECK(!is_array || (m->array->has_shape && m->array->has_grid && m->array->data_type &&
                             m->array->has_fill_value && m->array->codecs.count &&
                             m->array->key_encoding == OZX_KEYS_DEFAULT));
    /* duplicates and the like were in the attributes */
    for (size_t i = 0; i < m->defect_count; i++)
        FUZZ_CHECK(m->defects[i].part != OZX_PART_ZARR || !is_array ||
                   strncmp(m->defects[i].where, "codecs", 6) != 0);
    ozx_metadata_free(m);
}

static void convert(const char *zattrs, size_t zattrs_size, const char *node, size_t node_size,
                    bool is_array)
{
    struct ozx_text attributes = {.bytes = NULL}, made = {.bytes = NULL};
    struct ozx_v2_report report = {.said = 0};
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = ozx_v2_attributes(zattrs, zattrs_size, is_array ? NULL : &levels, &attributes,
                                    &report, &error);
    const char *const names[] = {"t", "c", "z", "y", "x"};
    struct ozx_v2_array array = {.attributes = failure ? "" : attributes.bytes,
                                 .zattrs = failure ? NULL : zattrs,
                                 .zattrs_size_bytes = zattrs_size,
                                 .names = names,
                                 .name_count = 5,
                                 .last_names = true};

    if (failure)
        check_refusal(failure, &error);
    error = (struct ozx_error)OZX_ERROR_INIT;
    failure = is_array ? ozx_v2_array(node, node_size, &array, &made, &report, &error)
                       : ozx_v2_group(node, node_size, array.attributes, &made, &error);
    if (failure)
        check_refusal(failure, &error);
    else
        check_made(&made, is_array);
    ozx_text_free(&attributes);
    ozx_text_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size ? (const char *)data : "";
    const char *end = size ? memchr(text, '\0', size) : NULL;
    size_t first = end ? (size_t)(end - text) : size;
    const char *rest = end ? end + 1 : text;
    size_t rest_size = end ? size - first - 1 : size;

    convert(text, first, rest, rest_size, true);
    convert(text, first, rest, rest_size, false);
    return 0;
}
