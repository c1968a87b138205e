/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the packer's walk is shown of arrays that are sharded: shards in place of chunks, other
 * sizes of their metadata. All else is the input's below.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pack/plan_build.h"
#include "pack/shards.h"

/* The array of whose files or shards a directory is one, with its numbers. Beyond both grids there
 * are none: such a directory is like any other. */
static struct ozx_shard_array *find_directory(const struct ozx_shards *self, const char *path,
                                              size_t size, const char **rest, uint64_t *index,
                                              uint32_t *depth)
{
    struct ozx_shard_array *array = ozx_shards_find(self, path, size, rest);
    size_t rest_size = array ? size - (size_t)(*rest - path) : 0;
    bool inside, inside_shards;

    if (!array || !ozx_chunk_is_directory(&array->files, *rest, rest_size, index, depth, &inside) ||
        !ozx_chunk_is_directory(&array->shards, *rest, rest_size, index, depth, &inside_shards))
        return NULL;
    return inside || inside_shards ? array : NULL;
}

/* --- listing ---------------------------------------------------------------------------------- */

/* An item, unless it is the last one again. */
static int add(struct ozx_input_listing *listing, const char *name, size_t size, bool is_directory,
               struct ozx_input_item **item)
{
    const struct ozx_input_item *last =
        listing->count ? &listing->items[listing->count - 1] : NULL;

    if (last && last->is_directory && is_directory && last->name_size_bytes == size &&
        memcmp(ozx_input_name(listing, last), name, size) == 0)
        return 0;
    return ozx_input_listing_add(listing, name, size, is_directory, item);
}

/* What is in the directory besides chunks. */
static int list_others(const struct ozx_shard_array *array, const char *rest,
                       struct ozx_input_listing *listing)
{
    size_t size = strlen(rest), start = size + (size != 0);
    int failure = 0;

    for (uint32_t i = 0; i < array->other_count && !failure; i++) {
        const struct ozx_shard_other *other = &array->others[i];
        struct ozx_input_item *item = NULL;
        const char *slash;

        if (strncmp(other->path, rest, size) != 0 || (size && other->path[size] != '/'))
            continue;
        slash = strchr(other->path + start, '/');
        failure = add(listing, other->path + start,
                      slash ? (size_t)(slash - other->path) - start : strlen(other->path + start),
                      slash || other->is_directory, &item);
        if (!failure && !slash && item) {
            item->key = other->key;
            item->is_lost = other->is_lost;
        }
    }
    return failure;
}

/* The shards in the directory, and the directories of shards. */
static int list_shards(const struct ozx_shard_array *array, const char *rest, const uint64_t *index,
                       uint32_t depth, struct ozx_input_listing *listing)
{
    bool is_flat = array->shards.separator != '/' || !array->shards.shape.count;
    bool is_root = !*rest && array->shards.key_encoding == OZX_KEYS_DEFAULT;
    char key[OZX_CHUNK_KEY_MAX];
    struct ozx_input_item *item;
    uint32_t first, end, last;
    int failure = 0;

    ozx_shard_below(array, index, depth, &first, &end);
    if (first < end && is_root && !is_flat)
        return add(listing, "c", 1, true, &item);
    while (first < end && !failure) {
        uint64_t numbers[OZX_DIMENSIONS_MAX];
        bool is_last = is_flat || depth + 1 == array->shards.shape.count;

        ozx_shard_index(array, first, numbers);
        if (is_flat)
            ozx_chunk_put_key(&array->shards, numbers, key);
        else
            snprintf(key, sizeof key, "%" PRIu64, numbers[depth]);
        failure = add(listing, key, strlen(key), !is_last, &item);
        last = first + 1;
        if (!is_last)
            ozx_shard_below(array, numbers, depth + 1, &first, &last);
        first = last;
    }
    return failure;
}

static bool is_same(const struct ozx_input_listing *listing, uint32_t a, uint32_t b)
{
    return strcmp(ozx_input_name(listing, &listing->items[a]),
                  ozx_input_name(listing, &listing->items[b])) == 0;
}

/* A directory of shards that something else is in, too. */
static void remove_twins(struct ozx_input_listing *listing)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < listing->count; i++)
        if (!kept || !is_same(listing, kept - 1, i))
            listing->items[kept++] = listing->items[i];
    listing->count = kept;
}

static int list(struct ozx_input *input, const char *path, size_t path_size_bytes, uint32_t key,
                struct ozx_input_listing *listing, struct ozx_error *error)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    uint64_t index[OZX_DIMENSIONS_MAX];
    const char *rest;
    uint32_t depth;
    const struct ozx_shard_array *array =
        find_directory(self, path, path_size_bytes, &rest, index, &depth);
    int failure;

    /* What the walk must not come upon is the input's below to know. */
    self->below->output_file = input->output_file;
    self->below->output_directory = input->output_directory;
    if (!array)
        return self->below->kind->list(self->below, path, path_size_bytes, key, listing, error);
    listing->mtime_s = array->mtime_s;
    failure = list_others(array, rest, listing);
    if (!failure)
        failure = list_shards(array, rest, index, depth, listing);
    if (failure)
        return failure;
    ozx_input_listing_sort(listing);
    remove_twins(listing);
    return 0;
}

static int look(struct ozx_input *input, struct ozx_input_listing *listing, const char *path,
                size_t path_size_bytes, const struct ozx_input_item *item,
                struct ozx_input_file *file, struct ozx_error *error)
{
    struct ozx_shards *self = ozx_shards_of(input);
    const struct ozx_shard_text *text;
    const char *rest;
    const struct ozx_shard_array *array = ozx_shards_find(self, path, path_size_bytes, &rest);
    uint32_t shard;
    int failure;

    if (array && ozx_shard_find(array, rest, path_size_bytes - (size_t)(rest - path), &shard)) {
        *file = (struct ozx_input_file){.size_bytes = ozx_shard_size(array, shard),
                                        .mtime_s = array->mtime_s,
                                        .in_order = array->in_order};
        return 0;
    }
    failure =
        self->below->kind->look(self->below, listing, path, path_size_bytes, item, file, error);
    text = failure ? NULL : ozx_shards_find_text(self, path);
    if (!text)
        return failure;
    if (file->size_bytes != text->source_bytes || file->key != text->key)
        return ozx_input_changed(input, path, error);
    file->size_bytes = text->size_bytes;
    file->in_order = false;
    return 0;
}

static bool holds_node(struct ozx_input *input, char *path, size_t path_size_bytes, uint32_t key)
{
    struct ozx_input *below = ozx_shards_of(input)->below;

    return below->kind->holds_node(below, path, path_size_bytes, key);
}

static bool exists(const struct ozx_input *input, const char *path)
{
    const struct ozx_input *below = ozx_shards_of(input)->below;

    return below->kind->exists(below, path);
}

/* Nothing that is sharded is asked for like this. */
static int find(const struct ozx_input *input, const char *path, struct ozx_input_file *file,
                struct ozx_error *error)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    const struct ozx_shard_text *text = ozx_shards_find_text(self, path);
    int failure = self->below->kind->find(self->below, path, file, error);

    if (!failure && text)
        file->size_bytes = text->size_bytes;
    return failure;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* All directories of an array's chunks are asked for when the array's is. */
static bool are_unchanged(const struct ozx_shards *self, const struct ozx_shard_array *array)
{
    const struct ozx_input *below = self->below;
    char path[OZX_NAME_PATH_MAX + OZX_CHUNK_KEY_MAX + 2];

    for (uint32_t i = 0; i < array->directory_count; i++) {
        const struct ozx_shard_directory *directory = &array->directories[i];

        ozx_shard_directory_path(array, directory, path, sizeof path);
        if (!below->kind->is_unchanged(below, path, directory->fingerprint))
            return false;
    }
    return true;
}

static bool is_unchanged(const struct ozx_input *input, const char *path, uint64_t fingerprint)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    uint64_t index[OZX_DIMENSIONS_MAX];
    const char *rest;
    uint32_t depth;
    const struct ozx_shard_array *array =
        find_directory(self, path, strlen(path), &rest, index, &depth);

    if (!array)
        return self->below->kind->is_unchanged(self->below, path, fingerprint);
    return *rest || are_unchanged(self, array);
}

static int check_output(const struct ozx_input *input, const struct ozx_output_file *output,
                        struct ozx_error *error)
{
    const struct ozx_input *below = ozx_shards_of(input)->below;

    return below->kind->check_output(below, output, error);
}

static const char *version(const struct ozx_input *input)
{
    const struct ozx_input *below = ozx_shards_of(input)->below;

    return below->kind->version(below);
}

static void tell(struct ozx_input *input, const struct ozx_input_teller *teller)
{
    const struct ozx_shards *self = ozx_shards_of(input);
    struct ozx_error note = OZX_ERROR_INIT;

    if (self->below->kind->tell)
        self->below->kind->tell(self->below, teller);
    if (self->sharded_before)
        ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "%" PRIu64 " array%s sharded already, and stay%s so", self->sharded_before,
                      self->sharded_before == 1 ? " is" : "s are",
                      self->sharded_before == 1 ? "s" : "");
    else if (!self->array_count)
        ozx_error_set(&note, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "no array has chunks that a shard could join: none is sharded");
    if (note.text[0])
        teller->note(teller->context, &note);
}

static void close_input(struct ozx_input *input)
{
    struct ozx_shards *self = ozx_shards_of(input);

    for (uint32_t i = 0; i < self->array_count; i++)
        ozx_shard_array_free(&self->arrays[i]);
    for (uint32_t i = 0; i < self->text_count; i++)
        free(self->texts[i].path);
    free(self->arrays);
    free(self->texts);
    free(self->parts);
    pthread_mutex_destroy(&self->lock);
    ozx_input_close(self->below);
    free(self);
}

static void count(const struct ozx_shards *self, struct ozx_shard_counts *counts)
{
    *counts = (struct ozx_shard_counts){.arrays = self->array_count};
    for (uint32_t i = 0; i < self->array_count; i++) {
        counts->chunks += self->arrays[i].count;
        counts->shards += self->arrays[i].shard_count;
    }
}

int ozx_input_of_shards(struct ozx_input *below, const struct ozx_shard_options *options,
                        struct ozx_input **out, struct ozx_shard_counts *counts)
{
    struct ozx_shards *self = calloc(1, sizeof *self);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (!self) {
        ozx_input_close(below);
        failure = ozx_error_memory(&error);
        options->problem(options->context, &error);
        return failure;
    }
    self->kind = (struct ozx_input_kind){.subject = below->kind->subject,
                                         .hint_above = below->kind->hint_above,
                                         .hint_v2 = below->kind->hint_v2,
                                         .hint_no_zarr = below->kind->hint_no_zarr,
                                         .states_crc = below->kind->states_crc,
                                         .list = list,
                                         .look = look,
                                         .holds_node = holds_node,
                                         .exists = exists,
                                         .find = find,
                                         .open = ozx_shards_open,
                                         .read = ozx_shards_read,
                                         .check = ozx_shards_check,
                                         .check_crc = ozx_shards_check_crc,
                                         .is_unchanged = is_unchanged,
                                         .check_output = check_output,
                                         .version = version,
                                         .tell = tell,
                                         .close = close_input};
    self->input = *below;
    self->input.kind = &self->kind;
    self->below = below;
    pthread_mutex_init(&self->lock, NULL);
    failure = ozx_shards_scan(self, options);
    if (failure) {
        close_input(&self->input);
        return failure;
    }
    count(self, counts);
    *out = &self->input;
    return 0;
}
