/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of an array: whether each is a chunk that a reader would ever ask for. Shards are
 * looked into by verify_shards.c.
 */
#include <inttypes.h>
#include <string.h>

#include "verify/verify_parts.h"
#include "zarr/metadata.h"
#include "zarr/metadata_files.h"

struct chunks {
    struct ozx_verify *v;
    const struct ozx_array *array;
    const uint16_t *states;
    struct ozx_error *error;
    uint64_t inside; /* chunks found */
    struct ozx_verify_shards shards;
    size_t key_size;
    char key[OZX_PATH_SIZE];
};

/* --- keys ------------------------------------------------------------------------------------- */

static int judge_file(struct chunks *c, uint32_t node)
{
    if (ozx_metadata_file_of(c->key, c->key_size) == OZX_METADATA_ZARR_JSON)
        return 0;
    switch (ozx_array_judge_key(c->array, c->key, c->key_size, NULL)) {
    case OZX_KEY_NONE:
        if (c->v->options->rule_set == OZX_RULES_DRAFT) /* allowed there */
            return 0;
        ozx_verify_find_node(c->v, OZX_RULE_CHUNK_KEY, OZX_VERDICT_WARN, node,
                             "is not a chunk key of the array: no reader asks for it");
        return 0;
    case OZX_KEY_OUTSIDE:
        ozx_verify_find_node(c->v, OZX_RULE_CHUNK_KEY, OZX_VERDICT_WARN, node,
                             "lies outside the grid of the array: it can never be read");
        return 0;
    case OZX_KEY_INSIDE:
        break;
    }
    c->inside++;
    if (c->v->options->quick || !c->array->sharding)
        return 0;
    return ozx_verify_shard(&c->shards, node, c->array->sharding);
}

/* No deeper than a path can be long. */
static int walk(struct chunks *c, uint32_t directory)
{
    size_t key_size = c->key_size;
    uint32_t first, count;
    int failure = 0;

    ozx_archive_children(c->v->archive, directory, &first, &count);
    for (uint32_t node = first; node < first + count && !failure; node++) {
        struct ozx_node_stat stat;
        size_t size;
        const char *name = ozx_archive_name(c->v->archive, node, &size);
        ozx_archive_stat(c->v->archive, node, &stat);
        memcpy(c->key + key_size, name, size);
        c->key_size = key_size + size;
        if (!stat.is_directory) {
            failure = judge_file(c, node);
        } else if (!(c->states[node] & OZX_VERIFY_NODE)) {
            c->key[c->key_size++] = '/';
            failure = walk(c, node);
        }
        if (!failure && c->v->options->cancel && *c->v->options->cancel)
            failure = ozx_error_interrupted(c->error);
    }
    c->key_size = key_size;
    return failure;
}

int ozx_verify_chunks(struct ozx_verify *v, uint32_t zarr_json, const struct ozx_array *array,
                      const uint16_t *states, struct ozx_error *error)
{
    struct chunks c = {.v = v, .array = array, .states = states, .error = error};
    int failure;

    if (!array->has_shape || !array->has_grid || array->key_encoding == OZX_KEYS_UNKNOWN ||
        array->has_storage_transformers)
        return 0; /* a defect of the metadata, told there, or nothing that is known here */
    failure = ozx_verify_shards_begin(&c.shards, v, error);
    if (failure)
        return failure;
    failure = walk(&c, ozx_archive_parent(v->archive, zarr_json));
    ozx_verify_shards_end(&c.shards, zarr_json);
    if (!failure && c.inside > 1 && !array->sharding)
        ozx_verify_find_node(
            v, OZX_RULE_SHARDING, OZX_VERDICT_WARN, zarr_json,
            "%" PRIu64 " chunks, each an entry of its own: the array is not sharded", c.inside);
    return failure;
}
