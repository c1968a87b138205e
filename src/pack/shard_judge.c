/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether an array can be sharded: by its metadata, and by what --exclude would leave out of it.
 */
#include <stdio.h>
#include <string.h>

#include "pack/plan_build.h"
#include "pack/shards.h"
#include "zip/format.h"

bool ozx_shard_stays(const struct ozx_shard_wish *wish, const struct ozx_array *array)
{
    if (!array->sharding || wish->mode == OZX_SHARD_BYTES)
        return false;
    return wish->mode != OZX_SHARD_SHAPE || wish->shape.count != array->shape.count;
}

const char *ozx_shard_defect(const struct ozx_metadata *metadata, char *text, size_t room_bytes)
{
    const struct ozx_array *array = metadata->array;
    const char *defect;

    for (size_t i = 0; i < metadata->defect_count; i++)
        if (metadata->defects[i].part == OZX_PART_ZARR && !metadata->defects[i].is_spelling &&
            array->has_grid) {
            const char *where = metadata->defects[i].where;
            snprintf(text, room_bytes, "%s%s%s", where, *where ? " " : "",
                     metadata->defects[i].text);
            return text;
        }
    defect = ozx_chunk_keys_defect(array);
    if (defect || !array->sharding)
        return defect;
    if (array->codecs.count != 1)
        return "it is sharded, and sharding is not its only codec";
    if (!array->sharding->index_readable)
        return "it is sharded, and its shards' index has codecs beside bytes and crc32c";
    if (array->sharding->chunks_per_shard > OZX_SHARD_CHUNKS_MAX)
        return "it is sharded, and its shards have more than 16,777,216 chunks";
    return NULL;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A shard's path, or that of a directory on the way from the array to it (`key`, in `path`). */
static bool is_matched(const struct ozx_plan_options *question, char *path, char *key)
{
    for (char *at = key; *at; at++) {
        bool found;

        if (*at != '/')
            continue;
        *at = '\0';
        found = ozx_plan_excludes(question, path, name_of(path), true);
        *at = '/';
        if (found)
            return true;
    }
    return ozx_plan_excludes(question, path, name_of(path), false);
}

bool ozx_shard_is_left_out(const struct ozx_shard_array *array, const struct ozx_plan_options *plan)
{
    struct ozx_plan_options question = *plan;
    char path[OZX_NAME_PATH_MAX + OZX_CHUNK_KEY_MAX + 2], *key;
    uint64_t index[OZX_DIMENSIONS_MAX];
    bool found = false;

    question.excludes_matched = NULL;
    question.only_match = false;
    key = mempcpy(path, array->path, array->path_size_bytes);
    if (key > path)
        *key++ = '/';
    for (uint32_t i = 0; question.exclude_count && i < array->shard_count && !found; i++) {
        ozx_shard_index(array, i, index);
        ozx_chunk_put_key(&array->shards, index, key);
        found = is_matched(&question, path, key);
    }
    return found;
}
