/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A shard, as the files of its inner chunks:
 *
 *     all of it is read: its CRC-32  ->  its index: CRC-32C, every place within the shard
 *     ->  a file for each inner chunk that is there
 *
 * The index is read in blocks, and never kept: nothing depends on how large a shard is.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "io/beneath.h"
#include "unpack/unpack_chunks.h"
#include "unpack/unpack_state.h"
#include "zarr/crc32c.h"
#include "zip/crc.h"

#define RECORD_SIZE 16
#define CRC_SIZE 4
#define BLOCK_RECORDS 4096
#define BLOCK_SIZE (BLOCK_RECORDS * RECORD_SIZE) /* of the buffer, in front of what is copied */
#define ABSENT UINT64_MAX

struct split {
    struct ozx_unpack_state *state;
    const struct ozx_unpack_array *array;
    uint32_t node;
    uint8_t *buffer;
    uint64_t size_bytes, sum_bytes; /* of the shard; of all its inner chunks */
    uint64_t number;                /* of the record at hand */
    uint64_t shard[OZX_DIMENSIONS_MAX];
    size_t array_size; /* of the array's part of paths */
    int directory_fd;  /* owned; of the last chunk */
    char directory[OZX_PATH_SIZE + OZX_CHUNK_KEY_MAX + 1];
    char path[OZX_PATH_SIZE + OZX_CHUNK_KEY_MAX + 1];
};

/* --- failing ---------------------------------------------------------------------------------- */

static int __attribute__((noinline)) fail(struct split *s, const char *text)
{
    char path[OZX_PATH_SIZE], name[OZX_ESCAPED_SIZE];
    const char *relative = ozx_unpack_path(s->state, s->node, path);
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                  "unpack without --chunks, or get the file again", "shard '%s': %s",
                  ozx_escape(name, sizeof name, relative, strlen(relative)), text);
    return ozx_crew_stop(&s->state->crew, &error, false);
}

static int read_bytes(struct split *s, uint8_t *buffer, size_t size, uint64_t offset)
{
    struct ozx_error error = OZX_ERROR_INIT;
    size_t got = 0;

    if (!size)
        return 0;
    if (ozx_crew_stopped(&s->state->crew))
        return -ECANCELED;
    if (ozx_archive_read(s->state->archive, s->node, buffer, size, offset, &got, &error))
        return ozx_crew_stop(&s->state->crew, &error, false);
    return got == size ? 0 : fail(s, "it is shorter than the archive states");
}

/* --- the shard as a whole --------------------------------------------------------------------- */

static int check_crc(struct split *s)
{
    struct ozx_node_entry entry;
    uint32_t crc = 0;

    for (uint64_t at = 0; at < s->size_bytes;) {
        uint64_t left = s->size_bytes - at;
        size_t size = left < OZX_EXTRACT_BUFFER_SIZE ? (size_t)left : OZX_EXTRACT_BUFFER_SIZE;
        int failure = read_bytes(s, s->buffer, size, at);

        if (failure)
            return failure;
        crc = ozx_crc32(crc, s->buffer, size);
        at += size;
    }
    ozx_archive_entry(s->state->archive, s->node, &entry);
    return crc == entry.crc32 ? 0 : ozx_unpack_fail_crc(s->state, s->node);
}

/* --- the index -------------------------------------------------------------------------------- */

static void take_record(const struct split *s, const uint8_t *at, uint64_t *offset, uint64_t *size)
{
    struct ozx_bytes b = ozx_bytes_of(at, RECORD_SIZE);

    *offset = ozx_bytes_u64(&b);
    *size = ozx_bytes_u64(&b);
    if (s->array->index_big_endian) {
        *offset = __builtin_bswap64(*offset);
        *size = __builtin_bswap64(*size);
    }
}

static int check_record(struct split *s, uint64_t offset, uint64_t size)
{
    char text[96];

    if (offset == ABSENT && size == ABSENT)
        return 0;
    if (offset > s->size_bytes || size > s->size_bytes - offset) {
        snprintf(text, sizeof text, "inner chunk %" PRIu64 " is not within it", s->number);
        return fail(s, text);
    }
    /* Else a small archive could fill a disk. */
    s->sum_bytes += size;
    return s->sum_bytes > s->size_bytes ? fail(s, "its inner chunks overlap") : 0;
}

/* Goes through all records. Of the first time the sum is compared, too. */
static int each_record(struct split *s,
                       int (*take)(struct split *s, uint64_t offset, uint64_t size), bool check_sum)
{
    const struct ozx_unpack_array *array = s->array;
    uint64_t at = array->index_at_start ? 0 : s->size_bytes - array->index_size_bytes;
    uint32_t crc = 0;
    uint8_t stated[CRC_SIZE];
    int failure = 0;

    for (s->number = 0; s->number < array->chunks_per_shard && !failure;) {
        uint64_t left = array->chunks_per_shard - s->number;
        size_t records = left < BLOCK_RECORDS ? (size_t)left : BLOCK_RECORDS;

        failure = read_bytes(s, s->buffer, records * RECORD_SIZE, at);
        if (!failure && check_sum)
            crc = ozx_crc32c(crc, s->buffer, records * RECORD_SIZE);
        for (size_t i = 0; i < records && !failure; i++) {
            uint64_t offset, size;

            take_record(s, s->buffer + i * RECORD_SIZE, &offset, &size);
            failure = take(s, offset, size);
            s->number++;
        }
        at += records * RECORD_SIZE;
    }
    if (failure || !check_sum || !array->index_crc32c)
        return failure;
    failure = read_bytes(s, stated, sizeof stated, at);
    if (!failure) {
        struct ozx_bytes b = ozx_bytes_of(stated, sizeof stated);
        failure = ozx_bytes_u32(&b) == crc ? 0 : fail(s, "its index does not match its CRC-32C");
    }
    return failure;
}

/* --- a chunk ---------------------------------------------------------------------------------- */

/* The numbers of the chunk at hand; false: beyond the array's edge, where nobody reads it. */
static bool place_of(const struct split *s, uint64_t index[OZX_DIMENSIONS_MAX])
{
    const struct ozx_array *chunks = &s->array->chunks;
    uint64_t rest = s->number;
    bool inside = true;

    for (uint32_t i = chunks->shape.count; i-- > 0;) {
        uint64_t factor = s->array->shards.chunk_shape.sizes[i] / chunks->chunk_shape.sizes[i];
        uint64_t size = chunks->shape.sizes[i], chunk = chunks->chunk_shape.sizes[i];

        index[i] = s->shard[i] * factor + rest % factor;
        rest /= factor;
        inside &= index[i] < size / chunk + (size % chunk != 0);
    }
    return inside;
}

/* The directory of s->path (up to `size`), made where it is not there. */
static int go_to(struct split *s, size_t size)
{
    int root = s->state->files->root_fd, fd;

    if (s->directory_fd >= 0 && strlen(s->directory) == size &&
        memcmp(s->directory, s->path, size) == 0)
        return 0;
    memcpy(s->directory, s->path, size);
    s->directory[size] = '\0';
    fd = ozx_beneath_open_own(root, s->directory, O_RDONLY | O_DIRECTORY);
    for (size_t i = s->array_size; fd == -ENOENT && i <= size; i++) {
        if (i < size && s->directory[i] != '/')
            continue;
        s->directory[i] = '\0'; /* its parents first */
        if (i && mkdirat(root, s->directory, 0777) < 0 && errno != EEXIST)
            return -errno;
        s->directory[i] = i < size ? '/' : '\0';
    }
    if (fd == -ENOENT)
        fd = ozx_beneath_open_own(root, s->directory, O_RDONLY | O_DIRECTORY);
    ozx_cleanup_close(&s->directory_fd);
    s->directory_fd = fd;
    return fd < 0 ? fd : 0;
}

static int make_file(struct split *s, const uint64_t *index)
{
    char *key = s->path + s->array_size;
    const char *slash;
    int failure, fd;

    if (s->array_size)
        *key++ = '/';
    ozx_chunk_put_key(&s->array->chunks, index, key);
    slash = strrchr(s->path, '/');
    failure = go_to(s, slash ? (size_t)(slash - s->path) : 0);
    if (failure)
        return failure;
    fd = openat(s->directory_fd, slash ? slash + 1 : s->path,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return fd < 0 ? -errno : fd;
}

static int fill_file(struct split *s, int fd, uint64_t offset, uint64_t size)
{
    for (uint64_t at = 0; at < size;) {
        size_t room = OZX_EXTRACT_BUFFER_SIZE - BLOCK_SIZE;
        size_t part = size - at < room ? (size_t)(size - at) : room;
        int failure = read_bytes(s, s->buffer + BLOCK_SIZE, part, offset + at);

        if (failure)
            return failure;
        failure = ozx_descriptors_write(fd, s->buffer + BLOCK_SIZE, part, (int64_t)at);
        if (failure)
            return ozx_unpack_fail_making(s->state, s->node, failure);
        at += part;
        atomic_fetch_add_explicit(&s->state->shared.bytes_done, part, memory_order_relaxed);
    }
    return 0;
}

static int write_chunk(struct split *s, uint64_t offset, uint64_t size)
{
    uint64_t index[OZX_DIMENSIONS_MAX];
    int fd, failure;

    if ((offset == ABSENT && size == ABSENT) || !place_of(s, index))
        return 0;
    fd = make_file(s, index);
    if (fd < 0)
        return ozx_unpack_fail_making(s->state, s->node, fd);
    failure = fill_file(s, fd, offset, size);
    if (failure) {
        close(fd);
        return failure;
    }
    failure = ozx_unpack_end_file(s->state, s->node, fd);
    if (failure)
        return ozx_unpack_fail_making(s->state, s->node, failure);
    atomic_fetch_add_explicit(&s->state->chunks_done, 1, memory_order_relaxed);
    return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int run(struct split *s)
{
    char path[OZX_PATH_SIZE];
    const char *relative = ozx_unpack_path(s->state, s->array->directory, path);
    struct ozx_node_stat stat;
    const char *key;
    int failure;

    s->array_size = strlen(relative);
    memcpy(s->path, relative, s->array_size + 1);
    key = ozx_unpack_path(s->state, s->node, path) + s->array_size + (s->array_size != 0);
    if (ozx_array_judge_key(&s->array->shards, key, strlen(key), s->shard) != OZX_KEY_INSIDE)
        return fail(s, "its name is not a shard's");
    ozx_archive_stat(s->state->archive, s->node, &stat);
    s->size_bytes = stat.size_bytes;
    if (s->size_bytes < s->array->index_size_bytes)
        return fail(s, "it is smaller than its index");
    failure = check_crc(s);
    if (!failure)
        failure = each_record(s, check_record, true);
    return failure ? failure : each_record(s, write_chunk, false);
}

int ozx_unpack_split(struct ozx_unpack_state *state, uint32_t node, uint8_t *buffer)
{
    struct split *s = calloc(1, sizeof *s);
    int failure;

    if (!s)
        return ozx_crew_stop_memory(&state->crew);
    s->state = state;
    s->node = node;
    s->buffer = buffer;
    s->directory_fd = -1;
    s->array = ozx_unpack_chunks_of(state->files->chunks, state->archive, node);
    failure = s->array ? run(s) : fail(s, "it is not an array's");
    ozx_cleanup_close(&s->directory_fd);
    free(s);
    if (!failure)
        atomic_fetch_add_explicit(&state->files_done, 1, memory_order_relaxed);
    return failure;
}
