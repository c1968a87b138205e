/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How large shards are to be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pack/shard_array.h"

#define AUTO_BYTES (UINT64_C(64) << 20)
#define AUTO_CHUNKS (UINT64_C(1) << 14)  /* an index of 256 KiB, which a reader gets first */
#define BYTES_CHUNKS (UINT64_C(1) << 18) /* of 4 MiB: what verify looks for overlaps in */

static uint64_t chunks_along(const struct ozx_array *array, uint32_t dimension)
{
    uint64_t size = array->shape.sizes[dimension], chunk = array->chunk_shape.sizes[dimension];

    return size / chunk + (size % chunk != 0);
}

/* At most `most` chunks: the last dimension first, as that is how chunks follow each other in the
 * shard. A dimension that takes several shards has them of nearly the same size. */
static void fill(struct ozx_shard_array *self, uint64_t most)
{
    for (uint32_t i = self->chunks.shape.count; i-- > 0;) {
        uint64_t along = chunks_along(&self->chunks, i), factor = along < most ? along : most;
        uint64_t shards;

        factor += factor == 0; /* there are chunks, so it is not */
        shards = (along + factor - 1) / factor;
        self->factors[i] = shards ? (along + shards - 1) / shards : 1;
        most /= self->factors[i] ? self->factors[i] : 1;
    }
}

static void by_size(struct ozx_shard_array *self, uint64_t size_bytes, uint64_t most)
{
    uint64_t mean = self->count ? self->data_bytes / self->count : 0;
    uint64_t chunks = size_bytes / (mean ? mean : 1);

    fill(self, chunks < 1 ? 1 : chunks < most ? chunks : most);
}

static int say(struct ozx_error *error, const char *hint, const char *path, const char *text)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "array '%s': %s",
                         ozx_escape(name, sizeof name, path, strlen(path)), text);
}

static int by_shape(struct ozx_shard_array *self, const struct ozx_shape *shape,
                    struct ozx_error *error)
{
    char text[160];

    for (uint32_t i = 0; i < shape->count; i++) {
        uint64_t chunk = self->chunks.chunk_shape.sizes[i], along = chunks_along(&self->chunks, i);
        uint64_t factor = shape->sizes[i] / chunk;

        if (factor >= along || shape->sizes[i] >= self->chunks.shape.sizes[i]) {
            self->factors[i] = along; /* over the edge there are no chunks */
            continue;
        }
        if (shape->sizes[i] % chunk) {
            snprintf(text, sizeof text,
                     "the shard's size %" PRIu64 " is not a multiple of the chunk's, %" PRIu64
                     ", in dimension %" PRIu32,
                     shape->sizes[i], chunk, i);
            return say(error, "give a multiple", self->path, text);
        }
        self->factors[i] = factor;
    }
    return 0;
}

/* 1: one chunk in each. */
static int judge(const struct ozx_shard_array *self, struct ozx_error *error)
{
    uint64_t chunks = 1, shards = 1, all;

    for (uint32_t i = 0; i < self->chunks.shape.count; i++) {
        uint64_t along = chunks_along(&self->chunks, i), factor = self->factors[i];

        if (__builtin_mul_overflow(chunks, factor, &chunks) || chunks > OZX_SHARD_CHUNKS_MAX)
            return say(error, "give a smaller one", self->path,
                       "a shard of that shape has more than 16,777,216 chunks");
        if (__builtin_mul_overflow(shards, along / factor + (along % factor != 0), &shards) ||
            __builtin_mul_overflow(self->chunks.chunk_shape.sizes[i], factor, &all))
            return say(error, NULL, self->path, "its grid is too large");
    }
    if (__builtin_mul_overflow(chunks, shards, &all) || all > INT64_MAX)
        return say(error, NULL, self->path, "its grid is too large");
    return chunks == 1;
}

/* The chunks that there are would be in shards as they are now. */
static bool is_as_before(const struct ozx_shard_array *self)
{
    for (uint32_t i = 0; i < self->chunks.shape.count; i++) {
        uint64_t factor = self->files.chunk_shape.sizes[i] / self->chunks.chunk_shape.sizes[i];
        uint64_t all = chunks_along(&self->chunks, i);

        if ((factor < all ? factor : all) != self->factors[i])
            return false;
    }
    return true;
}

int ozx_shard_choose(struct ozx_shard_array *self, const struct ozx_shard_wish *wish,
                     struct ozx_error *error)
{
    bool has_shape = wish->mode == OZX_SHARD_SHAPE && wish->shape.count == self->chunks.shape.count;
    int failure = 0;

    if (!self->count || (self->count == 1 && !(self->is_sharded && has_shape)))
        return 1;
    if (has_shape)
        failure = by_shape(self, &wish->shape, error);
    else if (wish->mode == OZX_SHARD_BYTES)
        by_size(self, wish->size_bytes, BYTES_CHUNKS);
    else
        by_size(self, AUTO_BYTES, AUTO_CHUNKS);
    if (!failure)
        failure = judge(self, error);
    return self->is_sharded && failure >= 0 ? is_as_before(self) : failure;
}
