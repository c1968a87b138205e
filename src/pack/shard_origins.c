/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shards of the input whose chunks go into shards of another shape: where each chunk is.
 *
 *     the index of each: its CRC-32C, every chunk within the shard, none over another
 *     ->  the array's chunks, each with its offset in the shard as its key
 *
 * All else in a shard (the index, gaps, chunks beyond the array's edge) is read at once and summed;
 * with what is read of the chunks later, that comes to the CRC-32 which the input states of the
 * shard.
 *
 * Source: Zarr core specification v3, codec sharding_indexed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "pack/shards.h"
#include "zarr/crc32c.h"
#include "zip/crc.h"

#define RECORD_SIZE 16
#define CRC_SIZE 4
#define BLOCK_SIZE 65536 /* a multiple of a record's */
#define ABSENT UINT64_MAX

struct split {
    struct ozx_shard_array *array;
    const struct ozx_shard_source *source;
    struct ozx_error *error;
    struct ozx_input_place place;
    struct ozx_input_reader reader; /* owned */
    int fd;                         /* owned */
    uint8_t *block;                 /* owned */
    uint64_t low_bytes, high_bytes; /* in the shard: what is not its index */
    uint32_t first;                 /* of its chunks in the array's list */
    uint32_t rest_crc32;
    uint64_t data_bytes; /* of the chunks that are taken */
};

static int __attribute__((noinline)) fail(const struct split *s, const char *text)
{
    const char *path = s->source->path;
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(s->error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "pack without --shard, or get the file again", "shard '%s': %s",
                         ozx_escape(name, sizeof name, path, strlen(path)), text);
}

/* Into the block; these bytes are none of a chunk that is taken. */
static int read_rest(struct split *s, size_t size, uint64_t offset)
{
    const struct ozx_input *input = s->source->input;
    int failure;

    if (s->source->cancel && *s->source->cancel)
        return ozx_error_interrupted(s->error);
    failure =
        input->kind->read(input, &s->reader, &s->place, s->fd, s->block, size, offset, s->error);
    if (!failure && input->kind->states_crc)
        s->rest_crc32 ^=
            ozx_crc32_shift(ozx_crc32(0, s->block, size), s->place.size_bytes - offset - size);
    return failure;
}

/* --- the index -------------------------------------------------------------------------------- */

static uint64_t along(const struct ozx_array *grid, uint32_t dimension)
{
    uint64_t size = grid->shape.sizes[dimension], chunk = grid->chunk_shape.sizes[dimension];

    return size / chunk + (size % chunk != 0);
}

/* In the array's grid of chunks; `number`: in the shard. */
static uint64_t place_of(const struct split *s, uint64_t number)
{
    const struct ozx_array *chunks = &s->array->chunks, *files = &s->array->files;
    uint64_t index[OZX_DIMENSIONS_MAX];
    bool inside = true;

    for (uint32_t i = chunks->shape.count; i-- > 0;) {
        uint64_t factor = files->chunk_shape.sizes[i] / chunks->chunk_shape.sizes[i];

        index[i] = s->source->index[i] * factor + number % factor;
        number /= factor;
        inside &= index[i] < along(chunks, i);
    }
    return inside ? ozx_shard_place(chunks, index, chunks->shape.count) : OZX_SHARD_BEYOND;
}

static int take_record(struct split *s, const uint8_t *at, uint64_t number)
{
    struct ozx_shard_array *array = s->array;
    struct ozx_bytes b = ozx_bytes_of(at, RECORD_SIZE);
    uint64_t offset = ozx_bytes_u64(&b), size = ozx_bytes_u64(&b);
    char text[64];
    int failure;

    if (s->source->sharding->index_big_endian) {
        offset = __builtin_bswap64(offset);
        size = __builtin_bswap64(size);
    }
    if (offset == ABSENT && size == ABSENT)
        return 0;
    if (offset < s->low_bytes || offset > s->high_bytes || size > s->high_bytes - offset) {
        snprintf(text, sizeof text, "inner chunk %" PRIu64 " is not within it", number);
        return fail(s, text);
    }
    failure = ozx_shard_list_add(
        &array->list, array->count,
        &(struct ozx_shard_chunk){.place = place_of(s, number), .key = offset, .size_bytes = size});
    if (failure)
        return ozx_error_memory(s->error);
    array->count++;
    return 0;
}

static int read_index(struct split *s)
{
    const struct ozx_sharding *sharding = s->source->sharding;
    uint64_t at = sharding->index_at_start ? 0 : s->high_bytes, number = 0;
    struct ozx_bytes stated = ozx_bytes_of(s->block, CRC_SIZE);
    uint32_t crc = 0;
    int failure = 0;

    while (number < sharding->chunks_per_shard && !failure) {
        uint64_t left = sharding->chunks_per_shard - number;
        size_t size = left < BLOCK_SIZE / RECORD_SIZE ? (size_t)left * RECORD_SIZE : BLOCK_SIZE;

        failure = read_rest(s, size, at);
        if (!failure)
            crc = ozx_crc32c(crc, s->block, size);
        for (size_t i = 0; i < size && !failure; i += RECORD_SIZE)
            failure = take_record(s, s->block + i, number++);
        at += size;
    }
    if (failure || !sharding->index_crc32c)
        return failure;
    failure = read_rest(s, CRC_SIZE, at);
    if (failure)
        return failure;
    return ozx_bytes_u32(&stated) == crc ? 0 : fail(s, "its index does not match its CRC-32C");
}

/* --- its chunks ------------------------------------------------------------------------------- */

static int sum_rest(struct split *s, uint64_t from, uint64_t to)
{
    int failure = 0;

    while (from < to && !failure && s->source->input->kind->states_crc) {
        size_t size = to - from < BLOCK_SIZE ? (size_t)(to - from) : BLOCK_SIZE;

        failure = read_rest(s, size, from);
        from += size;
    }
    return failure;
}

/* In the order of the shard's bytes; those beyond the array's edge are dropped. */
static int take_chunks(struct split *s)
{
    struct ozx_shard_array *array = s->array;
    uint64_t end = s->low_bytes, summed = s->low_bytes;
    uint32_t count = array->count, kept = s->first;
    int failure = 0;

    if (count > s->first)
        ozx_shard_list_sort(&array->list, s->first, count, true);
    for (uint32_t i = s->first; i < count && !failure; i++) {
        const struct ozx_shard_chunk chunk = ozx_shard_list_get(&array->list, i);

        if (chunk.size_bytes && chunk.key < end)
            return fail(s, "its inner chunks overlap");
        if (chunk.size_bytes)
            end = chunk.key + chunk.size_bytes;
        if (chunk.place == OZX_SHARD_BEYOND)
            continue;
        ozx_shard_list_put(&array->list, kept++, &chunk);
        if (!chunk.size_bytes)
            continue;
        s->data_bytes += chunk.size_bytes;
        failure = sum_rest(s, summed, chunk.key);
        summed = end;
    }
    array->count = kept;
    return failure ? failure : sum_rest(s, summed, s->high_bytes);
}

static int add_origin(struct split *s)
{
    struct ozx_shard_array *array = s->array;
    int failure = ozx_array_grow(array->origins, array->origin_count, &array->origin_room);

    if (failure)
        return ozx_error_memory(s->error);
    array->origins[array->origin_count++] = (struct ozx_shard_origin){
        .place = ozx_shard_place(&array->files, s->source->index, array->files.shape.count),
        .key = s->source->file.key,
        .size_bytes = s->source->file.size_bytes,
        .data_bytes = s->data_bytes,
        .rest_crc32 = s->rest_crc32,
        .crc32 = s->rest_crc32};
    array->data_bytes += s->data_bytes;
    return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int run(struct split *s)
{
    const struct ozx_input *input = s->source->input;
    const struct ozx_sharding *sharding = s->source->sharding;
    uint64_t size = s->source->file.size_bytes;
    int failure;

    if (size < sharding->index_size_bytes)
        return fail(s, "it is smaller than its index");
    s->low_bytes = sharding->index_at_start ? sharding->index_size_bytes : 0;
    s->high_bytes = size - (sharding->index_at_start ? 0 : sharding->index_size_bytes);
    s->block = malloc(BLOCK_SIZE);
    if (!s->block)
        return ozx_error_memory(s->error);
    failure = input->kind->open(input, &s->reader, &s->place, &s->fd, s->error);
    if (!failure)
        failure = read_index(s);
    if (!failure)
        failure = take_chunks(s);
    if (!failure)
        failure = input->kind->check(input, &s->reader, &s->place, s->fd, s->error);
    if (!failure && !s->data_bytes) /* no chunk is read that would complete the sum */
        failure = input->kind->check_crc(input, &s->place, s->rest_crc32, s->error);
    return failure ? failure : add_origin(s);
}

int ozx_shard_split(struct ozx_shard_array *array, const struct ozx_shard_source *source,
                    struct ozx_error *error)
{
    char directory[OZX_PATH_SIZE];
    struct split s = {.array = array,
                      .source = source,
                      .error = error,
                      .place = ozx_input_place_of(source->path, &source->file, directory),
                      .reader = OZX_INPUT_READER_INIT,
                      .fd = -1,
                      .first = array->count};
    int failure = run(&s);

    if (failure)
        array->count = s.first;
    ozx_cleanup_close(&s.fd);
    ozx_input_reader_release(&s.reader);
    free(s.block);
    return failure;
}

/* --- once it is settled ----------------------------------------------------------------------- */

/* There is one: a chunk came out of it. */
static uint32_t find_origin(const struct ozx_shard_array *self, uint64_t place)
{
    uint32_t low = 0, high = self->origin_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (self->origins[middle].place <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void ozx_shard_file_of(const struct ozx_shard_array *self, uint32_t chunk,
                       struct ozx_shard_file *file)
{
    struct ozx_shard_chunk there = {.key = 0};
    const struct ozx_shard_origin *origin;

    (void)ozx_shard_chunk(self, chunk, &there);
    ozx_shard_chunk_index(self, chunk, file->index);
    file->number = chunk;
    file->key = there.key;
    file->size_bytes = there.size_bytes;
    file->offset_bytes = 0;
    if (!self->is_sharded)
        return;
    for (uint32_t i = 0; i < self->files.shape.count; i++)
        file->index[i] /= self->files.chunk_shape.sizes[i] / self->chunks.chunk_shape.sizes[i];
    file->number =
        find_origin(self, ozx_shard_place(&self->files, file->index, self->files.shape.count));
    origin = &self->origins[file->number];
    file->key = origin->key;
    file->size_bytes = origin->size_bytes;
    file->offset_bytes = there.key;
}

bool ozx_shard_sum_origin(const struct ozx_shard_array *self, uint32_t number, uint32_t part_crc32,
                          uint64_t size_bytes, uint32_t *crc32)
{
    struct ozx_shard_origin *origin = &self->origins[number];

    origin->crc32 ^= part_crc32;
    origin->done_bytes += size_bytes;
    if (origin->done_bytes != origin->data_bytes)
        return false;
    *crc32 = origin->crc32;
    origin->crc32 = origin->rest_crc32; /* to a stream all is read twice */
    origin->done_bytes = 0;
    return true;
}
