/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The metadata of a hierarchy whose arrays are sharded: of each of these, and of the groups whose
 * consolidated metadata list one. A text is made each time that it is asked for, and not kept.
 */
#include <stdio.h>
#include <string.h>

#include "pack/shards.h"
#include "zarr/consolidated.h"
#include "zarr/sharding_text.h"
#include "zip/crc.h"

struct rewrite {
    const struct ozx_shards *self;
    const char *text;
    struct ozx_text_edits edits;
    int failure;
    const char *why; /* static */
    char array[OZX_ESCAPED_SIZE];
};

static const enum ozx_node_field compared[] = {OZX_FIELD_TYPE, OZX_FIELD_SHAPE,
                                               OZX_FIELD_CHUNK_GRID, OZX_FIELD_CHUNK_KEYS,
                                               OZX_FIELD_CODECS, OZX_FIELD_TRANSFORMERS};

static struct ozx_shard_array *find_array(const struct ozx_shards *self, const char *path)
{
    const char *rest;
    struct ozx_shard_array *array = ozx_shards_find(self, path, strlen(path), &rest);

    return array && !*rest ? array : NULL;
}

static void put(struct rewrite *r, const struct ozx_shard_array *array, struct ozx_json_range node)
{
    struct ozx_node_digest digest;

    if (r->failure)
        return;
    r->failure = ozx_node_digest(r->text, node, &digest);
    for (size_t i = 0; i < sizeof compared / sizeof compared[0] && !r->failure; i++)
        if (digest.fields[compared[i]] != array->digest.fields[compared[i]])
            r->failure = -EBADMSG;
    if (!r->failure)
        r->failure = ozx_sharding_put(r->text, node, &array->shards.chunk_shape, &r->edits);
    if (r->failure == -EBADMSG) {
        r->why = "the metadata of array '%s' differ from its zarr.json";
        ozx_escape(r->array, sizeof r->array, array->path, array->path_size_bytes);
    }
}

static bool listed(void *context, const struct ozx_consolidated_node *node)
{
    struct rewrite *r = context;
    const struct ozx_shard_array *array = node->path ? find_array(r->self, node->path) : NULL;

    if (array)
        put(r, array, node->value);
    return false;
}

static void rewrite(struct rewrite *r, const char *directory, size_t size_bytes)
{
    const struct ozx_shard_array *array = find_array(r->self, directory);
    struct ozx_json_cursor cursor = ozx_json_text(r->text, size_bytes);
    const struct ozx_consolidated_walk walk = {.text = r->text,
                                               .size_bytes = size_bytes,
                                               .directory = directory,
                                               .context = r,
                                               .listed = listed};
    struct ozx_consolidated_facts facts;

    if (array) {
        put(r, array, (struct ozx_json_range){cursor.at, cursor.end});
        return;
    }
    if (ozx_consolidated_each(&walk, &facts) || r->failure)
        return;
    if (r->self->array_count && facts.is_there && (facts.is_wrong || facts.is_other_kind)) {
        r->failure = -EBADMSG;
        r->why = "they are not understood";
    }
}

/* Without edits `*out` stays as it is. */
static int make(const struct ozx_shards *self, const struct ozx_shard_text *text, char **out,
                size_t *size_bytes, struct ozx_error *error)
{
    OZX_AUTO_FREE char *path = NULL, *source = NULL;
    OZX_AUTO_FREE struct rewrite *r = calloc(1, sizeof *r);
    char name[OZX_ESCAPED_SIZE], why[OZX_ESCAPED_SIZE + 80];
    int failure;

    if (!r || asprintf(&path, "%s%szarr.json", text->path, *text->path ? "/" : "") < 0)
        return ozx_error_memory(error);
    failure = ozx_shards_read_text(self->below, path, text->source_bytes, text->key, &source, error);
    if (failure)
        return failure;
    r->self = self;
    r->text = source;
    rewrite(r, text->path, text->source_bytes);
    if (!r->failure && r->edits.count)
        r->failure = ozx_text_edits_apply(&r->edits, source, text->source_bytes, out, size_bytes);
    ozx_text_edits_free(&r->edits);
    if (r->failure != -EBADMSG)
        return r->failure ? ozx_error_memory(error) : 0;
    snprintf(why, sizeof why, r->array[0] ? "metadata of array '%s' differ from its own" : "%s",
             r->array[0] ? r->array : r->why ? r->why : "they cannot be rewritten");
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "consolidate the metadata again, or pack without --shard",
                         "consolidated metadata in '%s' cannot be rewritten for shards: %s",
                         ozx_escape(name, sizeof name, path, strlen(path)), why);
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

int ozx_shards_make_text(const struct ozx_shards *self, const struct ozx_shard_text *text, char **out,
                         size_t *size_bytes, struct ozx_error *error)
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
