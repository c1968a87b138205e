/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a path to the array that is sharded, or to the metadata that are rewritten; and back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pack/shards.h"
#include "zip/format.h"

static struct ozx_shard_array *find_exactly(const struct ozx_shards *self, const char *path,
                                            size_t size)
{
    uint32_t low = 0, high = self->array_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct ozx_shard_array *array = &self->arrays[middle];
        size_t shorter = size < array->path_size_bytes ? size : array->path_size_bytes;
        int order = memcmp(path, array->path, shorter);

        if (!order && size == array->path_size_bytes)
            return array;
        if (order < 0 || (!order && size < array->path_size_bytes))
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct ozx_shard_array *ozx_shards_find(const struct ozx_shards *self, const char *path,
                                        size_t path_size_bytes, const char **rest)
{
    size_t size = path_size_bytes;

    while (self->array_count) {
        struct ozx_shard_array *array = find_exactly(self, path, size);

        if (array) {
            *rest = path + size + (size && size < path_size_bytes);
            return array;
        }
        if (!size)
            break;
        while (size && path[size - 1] != '/')
            size--;
        size -= size != 0;
    }
    return NULL;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct ozx_shard_text *)a)->path,
                  ((const struct ozx_shard_text *)b)->path);
}

const struct ozx_shard_text *ozx_shards_find_text(const struct ozx_shards *self, const char *path)
{
    size_t size = strlen(path);
    char directory[OZX_NAME_PATH_MAX + 1];
    const struct ozx_shard_text key = {.path = directory};

    if (!self->text_count || size < 9 || strcmp(path + size - 9, "zarr.json") != 0 ||
        (size > 9 && path[size - 10] != '/') || size >= sizeof directory)
        return NULL;
    size -= size > 9 ? 10 : 9;
    memcpy(directory, path, size);
    directory[size] = '\0';
    return bsearch(&key, self->texts, self->text_count, sizeof key, by_path);
}

void ozx_shard_directory_path(const struct ozx_shard_array *self,
                              const struct ozx_shard_directory *directory, char *path,
                              size_t room_bytes)
{
    uint64_t place = directory->place, index[OZX_DIMENSIONS_MAX];
    size_t size = (size_t)snprintf(path, room_bytes, "%s", self->path);

    for (uint32_t i = directory->depth; i-- > 0;) {
        uint64_t chunk = self->files.chunk_shape.sizes[i], all = self->files.shape.sizes[i];
        uint64_t along = all / chunk + (all % chunk != 0);
        index[i] = place % along;
        place /= along;
    }
    if (!directory->is_root && self->files.key_encoding == OZX_KEYS_DEFAULT)
        size += (size_t)snprintf(path + size, room_bytes - size, "%sc", size ? "/" : "");
    for (uint32_t i = 0; i < directory->depth; i++)
        size += (size_t)snprintf(path + size, room_bytes - size, "%s%" PRIu64, size ? "/" : "",
                                 index[i]);
}
