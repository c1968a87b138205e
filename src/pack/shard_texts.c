/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The metadata of a hierarchy whose arrays are sharded: of each of these, and of the groups whose
 * consolidated metadata list one. A text is made each time that it is asked for, and not kept.
 */
#include <stdio.h>
#include <string.h>

#include "pack/shards.h"
#include "zarr/sharding_nodes.h"
#include "zip/crc.h"

static bool find(void *context, const char *path, const struct ozx_node_digest **digest,
                 const struct ozx_shape **shard_shape)
{
    const char *rest;
    const struct ozx_shard_array *array = ozx_shards_find(context, path, strlen(path), &rest);

    if (!array || *rest)
        return false;
    *digest = &array->digest;
    *shard_shape = &array->shards.chunk_shape;
    return true;
}

/* Without edits `*out` stays as it is. */
static int make(const struct ozx_shards *self, const struct ozx_shard_text *text, char **out,
                size_t *size_bytes, struct ozx_error *error)
{
    const struct ozx_sharding_change change = {
        .context = (void *)(uintptr_t)self,
        .find = find,
        .hint = "consolidate the metadata again, or pack without --shard"};
    OZX_AUTO_FREE char *path = NULL, *source = NULL;
    int failure;

    if (asprintf(&path, "%s%szarr.json", text->path, *text->path ? "/" : "") < 0)
        return ozx_error_memory(error);
    failure =
        ozx_shards_read_text(self->below, path, text->source_bytes, text->key, &source, error);
    return failure ? failure
                   : ozx_sharding_change_text(&change, text->path, source, text->source_bytes, out,
                                              size_bytes, error);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct ozx_shard_text *)a)->path,
                  ((const struct ozx_shard_text *)b)->path);
}

int ozx_shards_measure(struct ozx_shards *self, struct ozx_error *error)
{
    uint32_t kept = 0, count = self->text_count;
    int failure = 0;

    for (uint32_t i = 0; i < count && !failure; i++) {
        struct ozx_shard_text text = self->texts[i];
        OZX_AUTO_FREE char *made = NULL;
        size_t size = 0;

        failure = self->array_count ? make(self, &text, &made, &size, error) : 0;
        text.size_bytes = size;
        if (made) {
            char *path = self->texts[kept].path;
            self->texts[kept++] = text;
            self->texts[i].path = i + 1 == kept ? text.path : path;
        }
    }
    for (uint32_t i = kept; i < count; i++)
        free(self->texts[i].path);
    self->text_count = kept;
    if (kept)
        qsort(self->texts, kept, sizeof *self->texts, by_path);
    return failure;
}

int ozx_shards_make_text(const struct ozx_shards *self, const struct ozx_shard_text *text,
                         char **out, size_t *size_bytes, struct ozx_error *error)
{
    char *made = NULL;
    int failure = make(self, text, &made, size_bytes, error);

    if (!failure && (!made || *size_bytes != text->size_bytes)) {
        free(made);
        return ozx_input_changed(&self->input, text->path, error);
    }
    if (!failure)
        *out = made;
    return failure;
}

int ozx_shards_read_text(const struct ozx_input *below, const char *path, uint64_t size_bytes,
                         uint64_t key, char **out, struct ozx_error *error)
{
    OZX_CLEANUP(ozx_input_reader_release) struct ozx_input_reader reader = OZX_INPUT_READER_INIT;
    OZX_AUTO_FREE char *text = malloc(size_bytes + 1), *directory = strdup(path);
    OZX_AUTO_CLOSE int fd = -1;
    struct ozx_input_place place = {
        .path = path, .directory_path = directory, .size_bytes = size_bytes, .key = key};
    char *slash = directory ? strrchr(directory, '/') : NULL;
    int failure;

    if (!text || !directory)
        return ozx_error_memory(error);
    place.name = slash ? path + (slash - directory) + 1 : path;
    *(slash ? slash : directory) = '\0';
    failure = below->kind->open(below, &reader, &place, &fd, error);
    if (!failure)
        failure = below->kind->read(below, &reader, &place, fd, text, size_bytes, 0, error);
    if (!failure)
        failure = below->kind->check(below, &reader, &place, fd, error);
    if (!failure)
        failure = below->kind->check_crc(below, &place, ozx_crc32(0, text, size_bytes), error);
    if (failure)
        return failure;
    text[size_bytes] = '\0';
    *out = ozx_take(text);
    return 0;
}
