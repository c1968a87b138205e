/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing the names of chunks, and reading those of their directories.
 */
#include "zarr/chunk_keys.h"

#include <inttypes.h>
#include <stdio.h>

const char *ozx_chunk_keys_defect(const struct ozx_array *array)
{
    if (array->has_storage_transformers)
        return "it has storage transformers";
    if (!array->has_shape || !array->has_grid)
        return "its chunk grid is not regular";
    if (array->key_encoding == OZX_KEYS_UNKNOWN)
        return "its chunk key encoding is not known";
    return NULL;
}

size_t ozx_chunk_put_key(const struct ozx_array *array, const uint64_t *index,
                         char key[OZX_CHUNK_KEY_MAX])
{
    bool prefixed = array->key_encoding == OZX_KEYS_DEFAULT;
    size_t size = 0;

    if (prefixed)
        key[size++] = 'c';
    else if (!array->shape.count)
        key[size++] = '0';
    for (uint32_t i = 0; i < array->shape.count; i++) {
        if (i || prefixed)
            key[size++] = array->separator;
        size += (size_t)snprintf(key + size, OZX_CHUNK_KEY_MAX - size, "%" PRIu64, index[i]);
    }
    key[size] = '\0';
    return size;
}

/* A number without leading zeros, to the next '/' or the end. What does not fit 64 bits is
 * UINT64_MAX, which no grid has. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
    const char *start = *at;
    uint64_t value = 0;
    bool overflow = false;

    for (; *at < end && **at != '/'; ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        overflow |= __builtin_mul_overflow(value, UINT64_C(10), &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value);
    }
    *out = overflow ? UINT64_MAX : value;
    return *at > start && (*start != '0' || *at == start + 1);
}

bool ozx_chunk_is_directory(const struct ozx_array *array, const char *path, size_t path_size_bytes,
                            uint64_t index[OZX_DIMENSIONS_MAX], uint32_t *depth, bool *inside)
{
    const char *at = path, *end = path + path_size_bytes;
    bool all = true;
    uint32_t count = 0;

    if (path_size_bytes && (array->separator != '/' || !array->shape.count))
        return false;
    if (path_size_bytes && array->key_encoding == OZX_KEYS_DEFAULT) {
        if (*at++ != 'c' || (at < end && *at++ != '/'))
            return false;
        if (at == end && at[-1] == '/')
            return false;
    }
    while (at < end) {
        if (count + 1 >= array->shape.count || !take_number(&at, end, &index[count]))
            return false;
        all &=
            index[count] < array->shape.sizes[count] / array->chunk_shape.sizes[count] +
                               (array->shape.sizes[count] % array->chunk_shape.sizes[count] != 0);
        count++;
        if (at < end && ++at == end) /* behind a '/' there must be more */
            return false;
    }
    *depth = count;
    if (inside)
        *inside = all;
    return true;
}

struct ozx_array ozx_chunk_keys_of(const struct ozx_array *array,
                                   const struct ozx_shape *chunk_shape)
{
    return (struct ozx_array){.has_shape = true,
                              .shape = array->shape,
                              .has_grid = true,
                              .chunk_shape = *chunk_shape,
                              .key_encoding = array->key_encoding,
                              .separator = array->separator};
}
