/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as a zarr.json whose arrays, its own and those that it consolidates, are put into
 * shards, and taken out again: metadata with the shards that were wanted, and then every byte that
 * was there; or it is refused with a reason.
 */
#include <string.h>

#include "fuzz.h"
#include "zarr/sharding_nodes.h"

/* All arrays that are like the one at the root. */
struct wish {
    struct ozx_node_digest digest;
    struct ozx_shape shape;
    const struct ozx_shape *wanted; /* NULL: no shards */
    bool is_array;                  /* the root is one */
};

static bool find(void *context, const char *path, const struct ozx_node_digest **digest,
                 const struct ozx_shape **shard_shape)
{
    const struct wish *wish = context;

    if (!*path && !wish->is_array)
        return false;
    *digest = &wish->digest;
    *shard_shape = wish->wanted;
    return true;
}

/* Such an array is not sharded (pack/shard_judge.c): what is wrong may be read in two ways. */
static bool is_wrong(const struct ozx_metadata *metadata)
{
    for (size_t i = 0; i < metadata->defect_count; i++)
        if (metadata->defects[i].part == OZX_PART_ZARR)
            return true;
    return false;
}

/* The array that the text is, with its digest; NULL if it is none. */
static struct ozx_metadata *parse(const char *text, size_t size, struct ozx_node_digest *digest)
{
    struct ozx_json_cursor cursor = ozx_json_text(text, size);
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_metadata *metadata = NULL;

    if (ozx_metadata_parse(OZX_METADATA_ZARR_JSON, text, size, NULL, 0, &metadata, &error))
        return NULL;
    if (metadata->array && metadata->array->has_shape && metadata->array->has_grid &&
        !is_wrong(metadata) &&
        !ozx_node_digest(text, (struct ozx_json_range){cursor.at, cursor.end}, digest))
        return metadata;
    ozx_metadata_free(metadata);
    return NULL;
}

static char *change(struct wish *wish, const char *text, size_t size, size_t *made_size)
{
    const struct ozx_sharding_change wanted = {.context = wish, .find = find, .hint = "none"};
    struct ozx_error error = OZX_ERROR_INIT;
    char *made = NULL;
    int failure = ozx_sharding_change_text(&wanted, "", text, size, &made, made_size, &error);

    FUZZ_CHECK(failure == error.code && (!failure || (error.text[0] && !made)));
    FUZZ_CHECK(ozx_utf8_valid(error.text, strlen(error.text)));
    FUZZ_CHECK(!made || strlen(made) <= *made_size);
    return made;
}

/* Shards of two chunks along each dimension. */
static void choose(struct wish *wish, const struct ozx_array *array)
{
    wish->shape = array->sharding ? array->sharding->chunk_shape : array->chunk_shape;
    for (uint32_t i = 0; i < wish->shape.count; i++)
        if (wish->shape.sizes[i] <= INT64_MAX / 2)
            wish->shape.sizes[i] *= 2;
    wish->wanted = &wish->shape;
}

static void check_shards(const char *text, size_t size, const struct ozx_shape *chunks,
                         struct wish *wish)
{
    struct ozx_metadata *m = parse(text, size, &wish->digest);
    const struct ozx_shape *shards, *inner;

    if (!m) /* 64 MiB may be passed, or a depth */
        return;
    shards = &m->array->chunk_shape;
    FUZZ_CHECK(shards->count == wish->shape.count);
    for (uint32_t i = 0; i < shards->count; i++)
        FUZZ_CHECK(shards->sizes[i] == wish->shape.sizes[i]);
    if (m->array->sharding) {
        inner = &m->array->sharding->chunk_shape;
        FUZZ_CHECK(inner->count == chunks->count);
        for (uint32_t i = 0; i < inner->count; i++)
            FUZZ_CHECK(inner->sizes[i] == chunks->sizes[i]);
    }
    ozx_metadata_free(m);
}

/* Shards of another shape, and then what comes of those that there were: the same chunks. */
static void to_others(const char *text, size_t size, const struct ozx_array *array,
                      struct wish *wish)
{
    const struct ozx_shape chunks = array->sharding->chunk_shape;
    size_t plain_size = 0, sharded_size = 0, back_size = 0;
    char *plain = change(wish, text, size, &plain_size), *sharded, *back = NULL;

    choose(wish, array);
    sharded = change(wish, text, size, &sharded_size);
    if (sharded) {
        check_shards(sharded, sharded_size, &chunks, wish);
        wish->wanted = NULL;
        back = change(wish, sharded, sharded_size, &back_size);
    }
    FUZZ_CHECK(!back || !plain ||
               (back_size == plain_size && memcmp(back, plain, plain_size) == 0));
    free(back);
    free(sharded);
    free(plain);
}

static void there_and_back(const char *text, size_t size, const struct ozx_array *array,
                           struct wish *wish)
{
    struct ozx_shape chunks = array->chunk_shape;
    size_t sharded_size = 0, back_size = 0;
    char *sharded, *back;

    choose(wish, array);
    sharded = change(wish, text, size, &sharded_size);
    if (!sharded)
        return;
    check_shards(sharded, sharded_size, &chunks, wish);
    wish->wanted = NULL;
    back = change(wish, sharded, sharded_size, &back_size);
    FUZZ_CHECK(!back || (back_size == size && memcmp(back, text, size) == 0));
    free(back);
    free(sharded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size ? (const char *)data : "";
    struct wish wish = {.is_array = false};
    size_t made_size = 0;
    struct ozx_metadata *m = parse(text, size, &wish.digest);

    wish.is_array = m != NULL;
    if (m && !m->array->sharding)
        there_and_back(text, size, m->array, &wish);
    else if (m && m->array->codecs.count == 1)
        to_others(text, size, m->array, &wish);
    else if (!m) /* consolidated metadata of anything, which differ from nothing's digest */
        free(change(&wish, text, size, &made_size));
    ozx_metadata_free(m);
    return 0;
}
