/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Chunk keys: which names a reader of an array would ever ask for.
 */
#include <string.h>

#include "zarr/metadata.h"

/* How many chunks lie along a dimension. */
static uint64_t chunks_along(const struct ozx_array *array, uint32_t dimension)
{
    uint64_t size = array->shape.sizes[dimension], chunk = array->chunk_shape.sizes[dimension];

    return size / chunk + (size % chunk != 0);
}

uint64_t ozx_array_chunk_count(const struct ozx_array *array)
{
    uint64_t count = 1;
    bool overflow = false;

    if (!array->has_shape || !array->has_grid)
        return 0;
    for (uint32_t i = 0; i < array->shape.count; i++) {
        uint64_t along = chunks_along(array, i);
        if (!along)
            return 0;
        overflow |= __builtin_mul_overflow(count, along, &count);
    }
    return overflow ? UINT64_MAX : count;
}

/* A decimal number without leading zeros at `*at`, which moves behind it. What needs more than 64
 * bits is UINT64_MAX: a well-formed number, but beyond every shape. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
    const char *start = *at;
    uint64_t value = 0;
    bool overflow = false;

    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        overflow |= __builtin_mul_overflow(value, UINT64_C(10), &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value);
    }
    *out = overflow ? UINT64_MAX : value;
    return *at > start && (*start != '0' || *at == start + 1);
}

enum ozx_key ozx_array_judge_key(const struct ozx_array *array, const char *key,
                                 size_t key_size_bytes, uint64_t index[OZX_DIMENSIONS_MAX])
{
    const char *at = key, *end = key + key_size_bytes;
    bool prefixed = array->key_encoding == OZX_KEYS_DEFAULT, inside = true;

    if (!array->has_shape || !array->has_grid || array->key_encoding == OZX_KEYS_UNKNOWN)
        return OZX_KEY_NONE;
    if (array->shape.count == 0)
        return key_size_bytes == 1 && *key == (prefixed ? 'c' : '0') ? OZX_KEY_INSIDE
                                                                     : OZX_KEY_NONE;
    if (prefixed && (at == end || *at++ != 'c'))
        return OZX_KEY_NONE;
    for (uint32_t i = 0; i < array->shape.count; i++) {
        uint64_t number;
        if ((i || prefixed) && (at == end || *at++ != array->separator))
            return OZX_KEY_NONE;
        if (!take_number(&at, end, &number))
            return OZX_KEY_NONE;
        inside &= number < chunks_along(array, i);
        if (index)
            index[i] = number;
    }
    if (at != end)
        return OZX_KEY_NONE;
    return inside ? OZX_KEY_INSIDE : OZX_KEY_OUTSIDE;
}
