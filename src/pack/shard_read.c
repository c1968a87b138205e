/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading shards: chunk for chunk of the input below, and the index behind them. Each chunk that
 * was read is asked whether it changed; where the input states its CRC-32, that is compared, too,
 * when the last part of it was read, by whichever thread.
 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "pack/shards.h"
#include "zip/crc.h"
#include "zip/format.h"

/* What a thread keeps. */
struct own {
    struct ozx_input_reader plain, chunks; /* of the input below: for its files, and for chunks */
    /* The file that is open; NULL: none. */
    const struct ozx_shard_array *array;
    struct ozx_shard_file file;
    int fd;
    /* The directory of the last file. */
    uint32_t directory;
    char directory_path[OZX_NAME_PATH_MAX + OZX_CHUNK_KEY_MAX + 2];
    char path[OZX_NAME_PATH_MAX + OZX_CHUNK_KEY_MAX + 2];
    /* The metadata that were made last. */
    char *made; /* owned */
};

static void end(void *context)
{
    struct own *own = context;

    ozx_cleanup_close(&own->fd);
    ozx_input_reader_release(&own->plain);
    ozx_input_reader_release(&own->chunks);
    free(own->made);
    free(own);
}

static struct own *own_of(struct ozx_input_reader *reader)
{
    struct own *own = reader->own;

    if (own)
        return own;
    own = calloc(1, sizeof *own);
    if (!own)
        return NULL;
    own->plain = own->chunks = (struct ozx_input_reader)OZX_INPUT_READER_INIT;
    own->fd = -1;
    reader->own = own;
    reader->end = end;
    return own;
}

/* --- a chunk ---------------------------------------------------------------------------------- */

/* The file in the input below; `own` gets its paths. */
static struct ozx_input_place place_of(struct own *own, const struct ozx_shard_array *array,
                                       const struct ozx_shard_file *file)
{
    char key[OZX_CHUNK_KEY_MAX];
    size_t directory_size;
    const char *slash;

    ozx_chunk_put_key(&array->files, file->index, key);
    snprintf(own->path, sizeof own->path, "%s%s%s", array->path, *array->path ? "/" : "", key);
    slash = strrchr(own->path, '/');
    directory_size = slash ? (size_t)(slash - own->path) : 0;
    if (strlen(own->directory_path) != directory_size || !own->directory ||
        memcmp(own->directory_path, own->path, directory_size) != 0) {
        memcpy(own->directory_path, own->path, directory_size);
        own->directory_path[directory_size] = '\0';
        own->directory++;
    }
    return (struct ozx_input_place){.path = own->path,
                                    .directory_path = own->directory_path,
                                    .name = slash ? slash + 1 : own->path,
                                    .directory = own->directory,
                                    .more_here = true, /* mostly: a row of a shard */
                                    .size_bytes = file->size_bytes,
                                    .key = file->key};
}

static int close_file(const struct ozx_shards *self, struct own *own, struct ozx_error *error)
{
    struct ozx_input_place place;
    int failure;

    if (!own->array)
        return 0;
    place = place_of(own, own->array, &own->file);
    failure = self->below->kind->check(self->below, &own->chunks, &place, own->fd, error);
    ozx_cleanup_close(&own->fd);
    own->fd = -1;
    own->array = NULL;
    return failure;
}

static int open_file(const struct ozx_shards *self, struct own *own,
                     const struct ozx_shard_array *array, const struct ozx_shard_file *file,
                     struct ozx_error *error)
{
    struct ozx_input_place place;
    int failure;

    if (own->array == array && own->file.number == file->number)
        return 0;
    failure = close_file(self, own, error);
    if (failure)
        return failure;
    place = place_of(own, array, file);
    failure = self->below->kind->open(self->below, &own->chunks, &place, &own->fd, error);
    if (!failure) {
        own->array = array;
        own->file = *file;
    }
    return failure;
}

/* --- its CRC-32 ------------------------------------------------------------------------------- */

static struct ozx_shard_part *find_part(struct ozx_shards *self,
                                        const struct ozx_shard_array *array, uint32_t chunk)
{
    int failure;

    for (uint32_t i = 0; i < self->part_count; i++)
        if (self->parts[i].array == array && self->parts[i].chunk == chunk)
            return &self->parts[i];
    failure = ozx_array_grow(self->parts, self->part_count, &self->part_room);
    if (failure)
        return NULL;
    self->parts[self->part_count] = (struct ozx_shard_part){.array = array, .chunk = chunk};
    return &self->parts[self->part_count++];
}

/* Adds the sum of a part of a chunk that is a file; true once all of it is summed. -ENOMEM. */
static int add_part(struct ozx_shards *self, const struct ozx_shard_array *array,
                    const struct ozx_shard_file *file, uint64_t offset, uint64_t size,
                    uint32_t *crc, bool *whole)
{
    uint64_t all = file->size_bytes;
    struct ozx_shard_part *part;

    *whole = size == all;
    if (*whole)
        return 0;
    pthread_mutex_lock(&self->lock);
    part = find_part(self, array, file->number);
    if (part) {
        part->crc32 ^= ozx_crc32_shift(*crc, all - offset - size);
        part->done_bytes += size;
        *crc = part->crc32;
        *whole = part->done_bytes == all;
        if (*whole)
            *part = self->parts[--self->part_count];
    }
    pthread_mutex_unlock(&self->lock);
    return part ? 0 : -ENOMEM;
}

/* The same of a chunk in a file: true once all of that is. */
static bool add_to_origin(struct ozx_shards *self, const struct ozx_shard_array *array,
                          const struct ozx_shard_file *file, uint64_t offset, uint64_t size,
                          uint32_t *crc)
{
    uint64_t end = file->offset_bytes + offset + size;
    uint32_t part = ozx_crc32_shift(*crc, file->size_bytes - end);
    bool whole;

    pthread_mutex_lock(&self->lock);
    whole = ozx_shard_sum_origin(array, file->number, part, size, crc);
    pthread_mutex_unlock(&self->lock);
    return whole;
}

static int check_part(struct ozx_shards *self, struct own *own, const struct ozx_shard_array *array,
                      const struct ozx_shard_file *file, const uint8_t *buffer, size_t size,
                      uint64_t offset, struct ozx_error *error)
{
    struct ozx_input_place place;
    uint32_t crc;
    bool whole;

    if (!self->below->kind->states_crc || (array->is_sharded && !size))
        return 0;
    crc = ozx_crc32(0, buffer, size);
    if (array->is_sharded)
        whole = add_to_origin(self, array, file, offset, size, &crc);
    else if (add_part(self, array, file, offset, size, &crc, &whole))
        return ozx_error_memory(error);
    if (!whole)
        return 0;
    place = place_of(own, array, file);
    return self->below->kind->check_crc(self->below, &place, crc, error);
}

/* --- a shard ---------------------------------------------------------------------------------- */

static int read_chunk(struct ozx_shards *self, struct own *own, const struct ozx_shard_array *array,
                      uint32_t chunk, uint8_t *buffer, size_t size, uint64_t offset,
                      struct ozx_error *error)
{
    struct ozx_input_place place;
    struct ozx_shard_file file;
    int failure;

    ozx_shard_file_of(array, chunk, &file);
    failure = open_file(self, own, array, &file, error);
    if (failure)
        return failure;
    place = place_of(own, array, &file);
    failure = self->below->kind->read(self->below, &own->chunks, &place, own->fd, buffer, size,
                                      file.offset_bytes + offset, error);
    return failure ? failure : check_part(self, own, array, &file, buffer, size, offset, error);
}

static int read_shard(struct ozx_shards *self, struct own *own, const struct ozx_shard_array *array,
                      uint32_t shard, uint8_t *buffer, size_t size, uint64_t offset,
                      struct ozx_error *error)
{
    uint64_t data = ozx_shard_data_size(array, shard);
    uint64_t before = ozx_shard_bytes_before(array, array->firsts[shard]);
    uint32_t chunk = ozx_shard_chunk_at(array, shard, offset), end = ozx_shard_end(array, shard);
    uint64_t start = ozx_shard_bytes_before(array, chunk) - before;

    /* Chunks of no bytes are read, too: whether they changed is asked. */
    for (; chunk < end && start < offset + size; chunk++) {
        struct ozx_shard_chunk there;
        uint64_t end_of_chunk, left;
        size_t part;
        int failure;

        if (!ozx_shard_chunk(array, chunk, &there))
            continue;
        end_of_chunk = start + there.size_bytes;
        left = end_of_chunk - offset;
        part = left < size ? (size_t)left : size;
        if (end_of_chunk < offset || (end_of_chunk == offset && start < end_of_chunk))
            break; /* the last one, in front of the index */
        failure = read_chunk(self, own, array, chunk, buffer, part, offset - start, error);
        if (failure)
            return failure;
        buffer += part;
        size -= part;
        offset += part;
        start = end_of_chunk;
    }
    if (size && offset >= data)
        ozx_shard_read_index(array, shard, buffer, size, offset - data);
    return 0;
}

/* --- the kind --------------------------------------------------------------------------------- */

static const struct ozx_shard_array *find_shard(const struct ozx_input *input,
                                                const struct ozx_input_place *place,
                                                uint32_t *shard)
{
    const char *rest;
    const struct ozx_shard_array *array =
        ozx_shards_find(ozx_shards_of(input), place->path, strlen(place->path), &rest);

    if (!array || !ozx_shard_find(array, rest, strlen(rest), shard))
        return NULL;
    return array;
}

int ozx_shards_open(const struct ozx_input *input, struct ozx_input_reader *reader,
                    const struct ozx_input_place *place, int *fd, struct ozx_error *error)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    const struct ozx_shard_text *text = ozx_shards_find_text(self, place->path);
    struct own *own = own_of(reader);
    uint32_t shard;
    size_t size;

    if (!own)
        return ozx_error_memory(error);
    if (text) {
        free(ozx_take(own->made));
        return ozx_shards_make_text(self, text, &own->made, &size, error);
    }
    if (find_shard(input, place, &shard))
        return 0;
    return self->below->kind->open(self->below, &own->plain, place, fd, error);
}

int ozx_shards_read(const struct ozx_input *input, struct ozx_input_reader *reader,
                    const struct ozx_input_place *place, int fd, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes, struct ozx_error *error)
{
    struct ozx_shards *self = ozx_shards_of(input);
    struct own *own = reader->own;
    const struct ozx_shard_array *array;
    uint32_t shard;

    if (ozx_shards_find_text(self, place->path)) {
        if (size_bytes)
            memcpy(buffer, own->made + offset_bytes, size_bytes);
        return 0;
    }
    array = find_shard(input, place, &shard);
    if (array)
        return read_shard(self, own, array, shard, buffer, size_bytes, offset_bytes, error);
    return self->below->kind->read(self->below, &own->plain, place, fd, buffer, size_bytes,
                                   offset_bytes, error);
}

int ozx_shards_check(const struct ozx_input *input, struct ozx_input_reader *reader,
                     const struct ozx_input_place *place, int fd, struct ozx_error *error)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    struct own *own = reader->own;
    uint32_t shard;

    if (ozx_shards_find_text(self, place->path)) /* asked when it was made */
        return 0;
    if (find_shard(input, place, &shard))
        return close_file(self, own, error);
    return self->below->kind->check(self->below, &own->plain, place, fd, error);
}

int ozx_shards_check_crc(const struct ozx_input *input, const struct ozx_input_place *place,
                         uint32_t crc32, struct ozx_error *error)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    uint32_t shard;

    if (ozx_shards_find_text(self, place->path) || find_shard(input, place, &shard))
        return 0; /* of each part, while it was read */
    return self->below->kind->check_crc(self->below, place, crc32, error);
}
