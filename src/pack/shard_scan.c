/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The walk over the input below: finds each array, its chunks and what else is in its directories,
 * and has their shards settled.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "pack/plan_build.h"
#include "pack/shards.h"
#include "zarr/json.h"
#include "zip/name.h"

struct scan {
    struct ozx_shards *self;
    const struct ozx_shard_options *options;
    int first_problem;
    bool any_suits; /* an array has as many dimensions as the shape that is wished for */
    struct ozx_shard_array *array;       /* whose chunks are looked for, */
    const struct ozx_sharding *sharding; /* and what its files are; NULL: the chunks */
    uint64_t table_budget;         /* places that tables may have yet */
    size_t key_start;              /* of its keys in the path */
    size_t path_size;
    char path[OZX_NAME_PATH_MAX + 1 + OZX_NAME_COMPONENT_MAX + 2];
};

static int scan_directory(struct scan *s, uint32_t key);

/* --- telling ---------------------------------------------------------------------------------- */

static int tell(struct scan *s, const struct ozx_error *error)
{
    if (error->code == -ENOMEM)
        return -ENOMEM;
    if (!s->first_problem)
        s->first_problem = error->code;
    s->options->problem(s->options->context, error);
    return 0;
}

static int __attribute__((noinline))
refuse(struct scan *s, const char *path, const char *hint, const char *text)
{
    struct ozx_error error = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    ozx_error_set(&error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                  "array '%s' cannot be sharded: %s",
                  *path ? ozx_escape(name, sizeof name, path, strlen(path)) : "/", text);
    return tell(s, &error);
}

static bool is_cancelled(const struct scan *s)
{
    return s->options->plan->cancel && *s->options->plan->cancel;
}

/* --- names ------------------------------------------------------------------------------------ */

/* Appends a name to the path; false if that is no path of an archive, which the packer will tell.
 */
static bool push(struct scan *s, const struct ozx_input_listing *listing,
                 const struct ozx_input_item *item)
{
    size_t size = s->path_size;

    if (item->name_size_bytes > OZX_NAME_COMPONENT_MAX ||
        size + 1 + item->name_size_bytes > OZX_NAME_PATH_MAX)
        return false;
    if (size)
        s->path[size++] = '/';
    memcpy(s->path + size, ozx_input_name(listing, item), item->name_size_bytes);
    s->path_size = size + item->name_size_bytes;
    s->path[s->path_size] = '\0';
    return true;
}

static void pop(struct scan *s, size_t size)
{
    s->path_size = size;
    s->path[size] = '\0';
}

static bool is_left_out(struct scan *s, const struct ozx_input_item *item)
{
    const char *name = s->path + s->path_size - item->name_size_bytes;
    struct ozx_plan_options question = *s->options->plan;

    question.excludes_matched = NULL;
    question.only_match = false;
    return ozx_plan_excludes(&question, s->path, name, item->is_directory);
}

/* --- the chunks of an array ------------------------------------------------------------------- */

static int __attribute__((noinline))
look(struct scan *s, struct ozx_input_listing *listing, const struct ozx_input_item *item,
     struct ozx_input_file *file)
{
    struct ozx_input *below = s->self->below;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = below->kind->look(below, listing, s->path, s->path_size, item, file, &error);

    if (!failure || failure == -ENOMEM)
        return failure;
    failure = tell(s, &error);
    return failure ? failure : 1;
}

static int __attribute__((noinline))
list(struct scan *s, uint32_t key, struct ozx_input_listing *listing)
{
    struct ozx_input *below = s->self->below;
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = below->kind->list(below, s->path, s->path_size, key, listing, &error);

    if (!failure || failure == -ENOMEM)
        return failure;
    failure = tell(s, &error);
    return failure ? failure : 1;
}

/* A file that is a shard already. */
static int __attribute__((noinline))
add_shard(struct scan *s, const struct ozx_input_file *file, const uint64_t *index)
{
    struct ozx_error error = OZX_ERROR_INIT;
    bool was_told = s->array->in_order;
    int failure;

    s->array->in_order |= file->in_order;
    if (file->in_order) /* its chunks are wanted in another order */
        return was_told ? 0
                        : refuse(s, s->array->path, "repack it without --shard first",
                                 "its shards are compressed in the archive");
    failure = ozx_shard_split(s->array,
                              &(struct ozx_shard_source){.input = s->self->below,
                                                         .path = s->path,
                                                         .file = *file,
                                                         .sharding = s->sharding,
                                                         .index = index,
                                                         .cancel = s->options->plan->cancel},
                              &error);
    return failure && failure != -EINTR ? tell(s, &error) : failure;
}

static int add_chunk(struct scan *s, struct ozx_input_listing *listing,
                     const struct ozx_input_item *item, const uint64_t *index)
{
    struct ozx_input_file file;
    int failure;

    if (is_left_out(s, item))
        return refuse(s, s->array->path, "exclude whole arrays, or pack without --shard first",
                      "--exclude leaves out some of its chunks");
    if (item->is_lost)
        return 0;
    failure = look(s, listing, item, &file);
    if (failure)
        return failure == 1 ? 0 : failure;
    if (file.mtime_s > s->array->mtime_s)
        s->array->mtime_s = file.mtime_s;
    if (s->sharding)
        return add_shard(s, &file, index);
    s->array->in_order |= file.in_order;
    return ozx_shard_array_add(s->array, index, file.size_bytes, file.key);
}

static int scan_chunks(struct scan *s, uint32_t key, const uint64_t *index, uint32_t depth);

static int add_other(struct scan *s, const struct ozx_input_item *item)
{
    struct ozx_shard_array *array = s->array;
    const struct ozx_sharding *sharding = s->sharding;
    size_t key_start = s->key_start;
    int failure = ozx_shard_array_add_other(array, s->path + s->key_start, item->key,
                                            item->is_directory, item->is_lost);

    if (failure || !item->is_directory || is_left_out(s, item))
        return failure;
    s->array = NULL;
    failure = scan_directory(s, item->key); /* another array may be in there */
    s->array = array;
    s->sharding = sharding;
    s->key_start = key_start;
    return failure;
}

static int scan_item(struct scan *s, struct ozx_input_listing *listing,
                     const struct ozx_input_item *item)
{
    const char *rest = s->path + s->key_start;
    size_t size = s->path_size - s->key_start;
    uint64_t index[OZX_DIMENSIONS_MAX];
    uint32_t depth;
    bool inside;

    if (!item->is_directory) {
        if (ozx_array_judge_key(&s->array->files, rest, size, index) == OZX_KEY_INSIDE)
            return add_chunk(s, listing, item, index);
        if (strcmp(rest, "zarr.json") != 0 && size > 10 &&
            strcmp(rest + size - 10, "/zarr.json") == 0)
            return refuse(s, s->array->path, "move it out of there",
                          "another node's zarr.json is among its chunks");
        return add_other(s, item);
    }
    if (!ozx_chunk_is_directory(&s->array->files, rest, size, index, &depth, &inside) || !inside)
        return add_other(s, item);
    if (is_left_out(s, item))
        return refuse(s, s->array->path, "exclude whole arrays, or pack without --shard first",
                      "--exclude leaves out some of its chunks");
    ozx_cleanup_close(&listing->fd); /* one directory is open at a time */
    listing->fd = -1;
    return scan_chunks(s, item->key, index, depth);
}

/* A directory of chunks, at s->path. */
static int scan_chunks(struct scan *s, uint32_t key, const uint64_t *index, uint32_t depth)
{
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing listing = OZX_INPUT_LISTING_INIT;
    size_t size = s->path_size;
    int failure = list(s, key, &listing);

    if (failure)
        return failure == 1 ? 0 : failure;
    failure = ozx_shard_array_add_directory(s->array, index, depth, size <= s->key_start,
                                            listing.fingerprint);
    for (uint32_t i = 0; i < listing.count && !failure; i++) {
        if (is_cancelled(s))
            return -EINTR;
        if (!push(s, &listing, &listing.items[i]))
            continue;
        failure = scan_item(s, &listing, &listing.items[i]);
        pop(s, size);
    }
    return failure;
}

/* --- an array --------------------------------------------------------------------------------- */

static int __attribute__((noinline)) settle(struct scan *s, struct ozx_shard_array *array)
{
    const struct ozx_shard_other *other = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    char text[OZX_ESCAPED_SIZE + 64], name[OZX_ESCAPED_SIZE];
    struct ozx_shards *self = s->self;
    int failure = ozx_shard_choose(array, &s->options->wish, &error);

    if (failure < 0)
        return tell(s, &error);
    if (failure) {
        self->sharded_before += array->is_sharded;
        return 0;
    }
    failure = ozx_shard_array_settle(array, &other);
    if (failure == -EEXIST) {
        snprintf(text, sizeof text, "'%s' stands where a shard is to be",
                 ozx_escape(name, sizeof name, other->path, strlen(other->path)));
        return refuse(s, array->path, "move it away", text);
    }
    if (!failure && ozx_shard_is_left_out(array, s->options->plan))
        return refuse(s, array->path, "exclude whole arrays, or pack without --shard first",
                      "--exclude matches the name of a shard");
    if (!failure)
        failure = ozx_array_grow(self->arrays, self->array_count, &self->array_room);
    if (!failure)
        self->arrays[self->array_count++] = *array;
    return failure ? failure : 1;
}

static int scan_array(struct scan *s, uint32_t key, const struct ozx_metadata *metadata,
                      const struct ozx_node_digest *digest)
{
    OZX_AUTO_FREE struct ozx_shard_array *array = calloc(1, sizeof *array);
    char text[256];
    const char *defect = ozx_shard_defect(metadata, text, sizeof text);
    int failure;

    if (!array)
        return -ENOMEM;
    if (defect)
        return refuse(s, s->path,
                      metadata->array->sharding
                          ? "use --shard=auto, which leaves it as it is"
                          : "exclude it with --exclude, or pack without --shard",
                      defect);
    failure = ozx_shard_array_init(array, s->path, s->path_size, metadata->array);
    if (failure == -EFBIG)
        return refuse(s, s->path, NULL, "its grid is too large");
    if (!failure && !array->is_sharded)
        failure = ozx_shard_array_use_table(array, &s->table_budget, s->self->below->kind->size_of,
                                            s->self->below);
    array->digest = *digest;
    s->array = array;
    s->sharding = metadata->array->sharding;
    s->key_start = s->path_size + (s->path_size != 0);
    if (!failure)
        failure = scan_chunks(s, key, NULL, 0);
    s->array = NULL;
    s->sharding = NULL;
    if (!failure)
        failure = settle(s, array);
    if (failure == 1)
        return 0;
    ozx_shard_array_free(array);
    return failure;
}

/* --- a node ----------------------------------------------------------------------------------- */

static int add_text(struct ozx_shards *self, const char *path, const struct ozx_input_file *file)
{
    int failure = ozx_array_grow(self->texts, self->text_count, &self->text_room);
    char *copy;

    if (failure)
        return failure;
    copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    self->texts[self->text_count++] = (struct ozx_shard_text){
        .path = copy, .source_bytes = file->size_bytes, .key = file->key};
    return 0;
}

/* The zarr.json at s->path. 1: there is none that can be used here; the packer tells why. */
static int __attribute__((noinline))
read_metadata(struct scan *s, struct ozx_input_listing *listing, const struct ozx_input_item *item,
              struct ozx_input_file *file, struct ozx_metadata **metadata,
              struct ozx_node_digest *digest)
{
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_json_cursor cursor;
    int failure = look(s, listing, item, file);

    if (failure)
        return failure;
    if (file->size_bytes > OZX_JSON_SIZE_MAX)
        return refuse(s, s->path, NULL, "its metadata are larger than 64 MiB") ? -ENOMEM : 1;
    failure = ozx_shards_read_text(s->self->below, s->path, file->size_bytes, file->key, &text,
                                   &error);
    if (failure)
        return tell(s, &error) ? -ENOMEM : 1;
    failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, text, file->size_bytes, NULL, 0, metadata,
                                 &error);
    if (failure)
        return failure == -ENOMEM ? failure : 1;
    cursor = ozx_json_text(text, file->size_bytes);
    failure = ozx_node_digest(text, (struct ozx_json_range){cursor.at, cursor.end}, digest);
    return failure == -ENOMEM ? failure : failure != 0;
}

/* The nodes below a directory that is no array. */
static int scan_below(struct scan *s, struct ozx_input_listing *listing)
{
    struct ozx_input *below = s->self->below;
    size_t size = s->path_size;
    int failure = 0;

    ozx_cleanup_close(&listing->fd);
    listing->fd = -1;
    for (uint32_t i = 0; i < listing->count && !failure; i++) {
        const struct ozx_input_item *item = &listing->items[i];

        if (is_cancelled(s))
            return -EINTR;
        if (!item->is_directory || !push(s, listing, item))
            continue;
        if (!is_left_out(s, item) &&
            (ozx_junk_of_name(s->path + s->path_size - item->name_size_bytes, true) ==
                 OZX_JUNK_NONE ||
             below->kind->holds_node(below, s->path, s->path_size, item->key)))
            failure = scan_directory(s, item->key);
        pop(s, size);
    }
    return failure;
}

/* The node of a listed directory: 1 if it is an array that was dealt with. */
static int scan_node(struct scan *s, uint32_t key, struct ozx_input_listing *listing)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    const struct ozx_array *array;
    struct ozx_node_digest digest;
    struct ozx_input_file file;
    size_t size = s->path_size;
    int failure = 1;
    bool stays;

    for (uint32_t i = 0; i < listing->count; i++) {
        const struct ozx_input_item *item = &listing->items[i];

        if (item->is_directory || item->is_lost || item->name_size_bytes != 9 ||
            memcmp(ozx_input_name(listing, item), "zarr.json", 9) != 0 || !push(s, listing, item))
            continue;
        failure = is_left_out(s, item)
                      ? 1
                      : read_metadata(s, listing, item, &file, &metadata, &digest);
        pop(s, size);
    }
    if (failure)
        return failure == 1 ? 0 : failure;
    array = metadata->array;
    stays = array && ozx_shard_stays(&s->options->wish, array);
    if (metadata->has_consolidated || (array && !stays))
        failure = add_text(s->self, s->path, &file);
    if (failure || !array)
        return failure;
    s->any_suits |= array->shape.count == s->options->wish.shape.count;
    s->self->sharded_before += stays;
    if (!stays)
        failure = scan_array(s, key, metadata, &digest);
    return failure ? failure : 1;
}

static int scan_directory(struct scan *s, uint32_t key)
{
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing listing = OZX_INPUT_LISTING_INIT;
    int failure;

    if (s->path_size >= OZX_NAME_PATH_MAX)
        return 0;
    failure = list(s, key, &listing);
    if (failure)
        return failure == 1 ? 0 : failure;
    failure = scan_node(s, key, &listing);
    if (failure)
        return failure == 1 ? 0 : failure;
    return scan_below(s, &listing);
}

/* --- all of it -------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct ozx_shard_array *)a)->path,
                  ((const struct ozx_shard_array *)b)->path);
}

static int finish(struct scan *s)
{
    struct ozx_shards *self = s->self;
    const struct ozx_shard_wish *wish = &s->options->wish;
    struct ozx_error error = OZX_ERROR_INIT;

    if (s->first_problem)
        return 0;
    if (wish->mode == OZX_SHARD_SHAPE && !s->any_suits) {
        ozx_error_set(&error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                      "give a size for each dimension", "no array has %" PRIu32 " dimensions",
                      wish->shape.count);
        return tell(s, &error);
    }
    if (self->array_count)
        qsort(self->arrays, self->array_count, sizeof *self->arrays, by_path);
    return ozx_shards_measure(self, &error) ? tell(s, &error) : 0;
}

int ozx_shards_scan(struct ozx_shards *self, const struct ozx_shard_options *options)
{
    OZX_AUTO_FREE struct scan *s = calloc(1, sizeof *s);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = -ENOMEM;

    if (s) {
        s->self = self;
        s->options = options;
        if (self->below->kind->key_count)
            s->table_budget = 2 * self->below->kind->key_count(self->below);
        failure = scan_directory(s, 0);
        if (!failure)
            failure = finish(s);
    }
    if (failure == -ENOMEM)
        ozx_error_memory(&error);
    else if (failure == -EINTR)
        ozx_error_interrupted(&error);
    if (failure)
        options->problem(options->context, &error);
    return failure ? failure : s->first_problem;
}
