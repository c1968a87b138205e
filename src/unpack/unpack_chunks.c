/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which files are shards, and the metadata of arrays that have none any more.
 */
#include "unpack/unpack_chunks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "base/array.h"
#include "unpack/unpack_rewrite.h"
#include "zarr/chunk_keys.h"
#include "zarr/metadata_files.h"
#include "zarr/sharding_nodes.h"

struct find {
    struct ozx_archive *archive;
    const struct ozx_unpack_options *options;
    uint8_t *marks;
    struct ozx_unpack_chunks *chunks;
    int first_failure;
    const struct ozx_unpack_array *array; /* the one at hand, */
    char array_path[OZX_PATH_SIZE];       /* from the archive's root, */
    char path[OZX_PATH_SIZE];             /* and of a node below it */
};

void ozx_unpack_chunks_free(struct ozx_unpack_chunks *chunks)
{
    free(chunks->list);
    *chunks = (struct ozx_unpack_chunks){.count = 0};
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(struct find *f, const struct ozx_error *error)
{
    if (!f->first_failure)
        f->first_failure = error->code;
    f->options->problem(f->options->context, OZX_UNPACK_ARCHIVE, error);
}

static void refuse(struct find *f, const char *text)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    ozx_error_set(&error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, "unpack it without --chunks",
                  "array '%s' cannot be unpacked as chunks: %s",
                  ozx_escape(name, sizeof name, f->array_path, strlen(f->array_path)), text);
    tell(f, &error);
}

/* --- the files of an array -------------------------------------------------------------------- */

/* Would what is no shard stand where a chunk, or a directory of chunks, is to be? */
static bool is_in_the_way(const struct ozx_array *chunks, const char *rest, bool is_directory)
{
    uint64_t index[OZX_DIMENSIONS_MAX];
    size_t size = strlen(rest);
    uint32_t depth;
    bool inside;

    if (ozx_array_judge_key(chunks, rest, size, index) == OZX_KEY_INSIDE)
        return true;
    return !is_directory && ozx_chunk_is_directory(chunks, rest, size, index, &depth, &inside) &&
           inside;
}

static void mark_file(struct find *f, uint32_t node, bool is_directory)
{
    char text[OZX_ESCAPED_SIZE + 64], name[OZX_ESCAPED_SIZE];
    size_t skip = strlen(f->array_path);
    const char *rest;
    uint64_t index[OZX_DIMENSIONS_MAX];

    ozx_archive_path(f->archive, node, f->path);
    rest = f->path + skip + (skip != 0);
    if (!is_directory &&
        ozx_array_judge_key(&f->array->shards, rest, strlen(rest), index) == OZX_KEY_INSIDE) {
        f->marks[node] |= OZX_UNPACK_SHARD;
        return;
    }
    if (!is_in_the_way(&f->array->chunks, rest, is_directory))
        return;
    snprintf(text, sizeof text, "'%s' stands where a chunk is to be",
             ozx_escape(name, sizeof name, rest, strlen(rest)));
    refuse(f, text);
}

/* All below `directory`; a directory of shards only gets its mark. True: nothing else is in it. */
static bool mark_below(struct find *f, uint32_t directory)
{
    uint32_t first, count;
    bool only_shards = true;

    ozx_archive_children(f->archive, directory, &first, &count);
    for (uint32_t node = first; node < first + count; node++) {
        struct ozx_node_stat stat;

        ozx_archive_stat(f->archive, node, &stat);
        mark_file(f, node, stat.is_directory);
        if (stat.is_directory)
            only_shards &= mark_below(f, node);
        else
            only_shards &= (f->marks[node] & OZX_UNPACK_SHARD) != 0;
    }
    if (!count || !only_shards)
        return false;
    f->marks[directory] |= OZX_UNPACK_NO_DIRECTORY;
    return true;
}

/* --- arrays ----------------------------------------------------------------------------------- */

/* Why its shards cannot be split; NULL if they can. */
static const char *defect_of(const struct ozx_array *array)
{
    const char *defect = ozx_chunk_keys_defect(array);

    if (array->codecs.count != 1)
        return "sharding is not its only codec";
    if (defect)
        return defect;
    if (!array->sharding->index_readable)
        return "the index of its shards is encoded";
    return NULL;
}

/* The digest of its metadata, which the parser took. */
static int read_digest(struct find *f, uint32_t file, struct ozx_node_digest *digest)
{
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_json_cursor cursor;
    size_t size;
    int failure = ozx_metadata_text(f->archive, file, &text, &size, &error);

    if (failure)
        return failure;
    cursor = ozx_json_text(text, size);
    return ozx_node_digest(text, (struct ozx_json_range){cursor.at, cursor.end}, digest);
}

static int add(struct find *f, uint32_t directory, uint32_t file, const struct ozx_array *array)
{
    const struct ozx_sharding *sharding = array->sharding;
    const char *defect = defect_of(array);
    struct ozx_unpack_chunks *chunks = f->chunks;
    struct ozx_unpack_array *added;
    int failure;

    ozx_archive_path(f->archive, directory, f->array_path);
    if (defect) {
        refuse(f, defect);
        return 0;
    }
    failure = ozx_array_grow(chunks->list, chunks->count, &chunks->room);
    if (failure)
        return failure;
    added = &chunks->list[chunks->count];
    *added = (struct ozx_unpack_array){.directory = directory,
                                       .shards = ozx_chunk_keys_of(array, &array->chunk_shape),
                                       .chunks = ozx_chunk_keys_of(array, &sharding->chunk_shape),
                                       .chunks_per_shard = sharding->chunks_per_shard,
                                       .index_size_bytes = sharding->index_size_bytes,
                                       .index_at_start = sharding->index_at_start,
                                       .index_big_endian = sharding->index_big_endian,
                                       .index_crc32c = sharding->index_crc32c};
    failure = read_digest(f, file, &added->digest);
    if (failure)
        return failure;
    chunks->count++;
    f->array = added;
    if (mark_below(f, directory)) /* its zarr.json is in it */
        f->marks[directory] &= (uint8_t)~OZX_UNPACK_NO_DIRECTORY;
    return 0;
}

/* The node of a directory, if it is a sharded array. What cannot be read is told by others. */
static int find_array(struct find *f, uint32_t directory)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    uint32_t file;
    int failure;

    if (ozx_archive_lookup(f->archive, directory, OZX_NAME_ZARR_JSON, strlen(OZX_NAME_ZARR_JSON),
                           &file))
        return 0;
    failure = ozx_metadata_load(f->archive, file, &metadata, &error);
    if (failure)
        return failure == -ENOMEM ? failure : 0;
    return metadata->array && metadata->array->sharding ? add(f, directory, file, metadata->array)
                                                        : 0;
}

int ozx_unpack_chunks_find(struct ozx_archive *archive, const struct ozx_unpack_options *options,
                           uint8_t *marks, struct ozx_unpack_chunks *chunks)
{
    OZX_AUTO_FREE struct find *f = calloc(1, sizeof *f);
    uint32_t count = ozx_archive_node_count(archive);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = f ? 0 : -ENOMEM;

    if (f) {
        f->archive = archive;
        f->options = options;
        f->marks = marks;
        f->chunks = chunks;
    }
    for (uint32_t node = 0; node < count && !failure; node++) {
        struct ozx_node_stat stat;

        ozx_archive_stat(archive, node, &stat);
        if (stat.is_directory)
            failure = find_array(f, node);
        if (options->cancel && *options->cancel)
            failure = ozx_error_interrupted(&error);
    }
    if (!failure)
        return f->first_failure;
    if (failure != -EINTR)
        ozx_error_memory(&error);
    options->problem(options->context, OZX_UNPACK_ARCHIVE, &error);
    return failure;
}

static const struct ozx_unpack_array *find_directory(const struct ozx_unpack_chunks *chunks,
                                                     uint32_t directory)
{
    uint32_t low = 0, high = chunks->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (chunks->list[middle].directory == directory)
            return &chunks->list[middle];
        if (chunks->list[middle].directory < directory)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct ozx_unpack_array *ozx_unpack_chunks_of(const struct ozx_unpack_chunks *chunks,
                                                    const struct ozx_archive *archive,
                                                    uint32_t shard)
{
    const struct ozx_unpack_array *array = NULL;

    while (!array && shard != OZX_NODE_ROOT) {
        shard = ozx_archive_parent(archive, shard);
        array = find_directory(chunks, shard);
    }
    return array;
}

/* --- metadata --------------------------------------------------------------------------------- */

static bool find_change(void *context, const char *path, const struct ozx_node_digest **digest,
                        const struct ozx_shape **shard_shape)
{
    const struct ozx_unpack_files *files = context;
    const struct ozx_unpack_array *array;
    uint32_t directory;

    if (ozx_archive_find(files->archive, path, &directory))
        return false;
    array = find_directory(files->chunks, directory);
    if (!array)
        return false;
    *digest = &array->digest;
    *shard_shape = NULL;
    return true;
}

static int rewrite(const struct ozx_unpack_files *files, uint32_t directory, uint32_t file,
                   struct ozx_error *error)
{
    const struct ozx_sharding_change change = {
        .context = (void *)(uintptr_t)files,
        .find = find_change,
        .hint = "consolidate the metadata again, or unpack without --chunks"};
    OZX_AUTO_FREE char *text = NULL, *made = NULL;
    struct ozx_error unread = OZX_ERROR_INIT;
    char path[OZX_PATH_SIZE];
    size_t size, made_size = 0;
    int failure = ozx_metadata_text(files->archive, file, &text, &size, &unread);

    if (failure)
        return failure == -ENOMEM ? ozx_error_memory(error) : 0; /* no reader takes it */
    ozx_unpack_rewrite_path(files->archive, directory, path);
    failure = ozx_sharding_change_text(&change, path, text, size, &made, &made_size, error);
    return failure || !made ? failure : ozx_unpack_rewrite(files, file, made, made_size, error);
}

int ozx_unpack_chunks_rewrite(const struct ozx_unpack_files *files, struct ozx_error *error)
{
    uint32_t count = ozx_archive_node_count(files->archive);
    int failure = 0;

    for (uint32_t node = 0; node < count && !failure; node++) {
        struct ozx_node_stat stat;
        uint32_t file;

        ozx_archive_stat(files->archive, node, &stat);
        if (stat.is_directory &&
            !ozx_archive_lookup(files->archive, node, OZX_NAME_ZARR_JSON,
                                strlen(OZX_NAME_ZARR_JSON), &file))
            failure = rewrite(files, node, file, error);
        if (!failure && files->options->cancel && *files->options->cancel)
            failure = ozx_error_interrupted(error);
    }
    return failure;
}
