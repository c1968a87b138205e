/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of an array: whether each is a chunk that a reader would ever ask for, and, in sharded
 * arrays, whether the index of each shard fits the shard:
 *
 *     [inner chunk | inner chunk | ...][offset, size | offset, size | ... | CRC-32C]
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "verify/verify_parts.h"
#include "zarr/metadata.h"

#define BLOCK_SIZE 65536 /* of an index, a multiple of its records */
#define RECORD_SIZE 16
#define CRC_SIZE 4
#define ABSENT UINT64_MAX /* offset and size of an inner chunk that is not there */

#define CASTAGNOLI UINT32_C(0x82F63B78) /* CRC-32C's polynomial, reversed */

struct chunks {
    struct ozx_verify *v;
    const struct ozx_array *array;
    const uint8_t *states;
    struct ozx_error *error;
    uint64_t inside; /* chunks found */
    uint8_t *block;  /* BLOCK_SIZE */
    uint32_t crc_table[256];
    size_t key_size;
    char key[OZX_PATH_SIZE];
};

/* --- shards ----------------------------------------------------------------------------------- */

static void fill_crc_table(struct chunks *c)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ CASTAGNOLI : crc >> 1;
        c->crc_table[i] = crc;
    }
}

static uint32_t sum(const struct chunks *c, uint32_t crc, size_t size)
{
    for (size_t i = 0; i < size; i++)
        crc = c->crc_table[(crc ^ c->block[i]) & 0xFF] ^ crc >> 8;
    return crc;
}

static uint64_t swap_if(bool swap, uint64_t value)
{
    return swap ? __builtin_bswap64(value) : value;
}

/* The first record of the block that does not fit; `first`: its number of the shard. */
static bool judge_records(const struct chunks *c, size_t size, uint64_t first, uint64_t shard_size,
                          char *what, size_t what_size)
{
    const struct ozx_sharding *sharding = c->array->sharding;
    uint64_t low = sharding->index_at_start ? sharding->index_size_bytes : 0;
    uint64_t high = shard_size - (sharding->index_at_start ? 0 : sharding->index_size_bytes);
    struct ozx_bytes b = ozx_bytes_of(c->block, size);

    for (uint64_t i = first; b.left_bytes >= RECORD_SIZE; i++) {
        uint64_t offset = swap_if(sharding->index_big_endian, ozx_bytes_u64(&b));
        uint64_t length = swap_if(sharding->index_big_endian, ozx_bytes_u64(&b));
        if (offset == ABSENT && length == ABSENT)
            continue;
        if (offset >= low && offset <= high && length <= high - offset)
            continue;
        snprintf(what, what_size,
                 "inner chunk %" PRIu64 " is said to be %" PRIu64 " bytes at %" PRIu64
                 ", which the shard of %" PRIu64 " bytes does not hold",
                 i, length, offset, shard_size);
        return false;
    }
    return true;
}

/* Reads all of the index. 1: what is wrong stands in `what`. */
static int read_index(struct chunks *c, uint32_t node, uint64_t shard_size, char *what,
                      size_t what_size)
{
    const struct ozx_sharding *sharding = c->array->sharding;
    uint64_t at = sharding->index_at_start ? 0 : shard_size - sharding->index_size_bytes;
    uint64_t left = sharding->chunks_per_shard * RECORD_SIZE, first = 0;
    uint32_t crc = UINT32_MAX;
    uint8_t stated[CRC_SIZE];
    struct ozx_bytes b = ozx_bytes_of(stated, sizeof stated);
    size_t got;
    int failure;

    while (left) {
        size_t size = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;
        failure = ozx_archive_read(c->v->archive, node, c->block, size, at, &got, c->error);
        if (failure)
            return failure;
        if (!judge_records(c, size, first, shard_size, what, what_size))
            return 1;
        if (sharding->index_crc32c)
            crc = sum(c, crc, size);
        first += size / RECORD_SIZE;
        at += size;
        left -= size;
    }
    if (!sharding->index_crc32c)
        return 0;
    failure = ozx_archive_read(c->v->archive, node, stated, sizeof stated, at, &got, c->error);
    if (failure || ozx_bytes_u32(&b) == ~crc)
        return failure;
    snprintf(what, what_size, "the index of the shard has another CRC-32C than it states");
    return 1;
}

static int judge_shard(struct chunks *c, uint32_t node)
{
    const struct ozx_sharding *sharding = c->array->sharding;
    struct ozx_node_stat stat;
    char what[200];
    int result;

    ozx_archive_stat(c->v->archive, node, &stat);
    if (stat.size_bytes < sharding->index_size_bytes) {
        snprintf(what, sizeof what,
                 "%" PRIu64 " bytes: too short for the index of a shard, which takes %" PRIu64,
                 stat.size_bytes, sharding->index_size_bytes);
        result = 1;
    } else {
        result = read_index(c, node, stat.size_bytes, what, sizeof what);
    }
    if (result == 1)
        ozx_verify_find_node(c->v, OZX_RULE_SHARD_INDEX, OZX_VERDICT_WARN, node, "%s", what);
    /* What the policy does not let be read was told by the rule that says so. */
    if (result == 1 || (result == -EIO && c->error->rule))
        return 0;
    return result;
}

/* --- keys ------------------------------------------------------------------------------------- */

static int judge_file(struct chunks *c, uint32_t node)
{
    if (c->key_size == 9 && memcmp(c->key, "zarr.json", 9) == 0)
        return 0;
    switch (ozx_array_judge_key(c->array, c->key, c->key_size, NULL)) {
    case OZX_KEY_NONE:
        ozx_verify_find_node(c->v, OZX_RULE_CHUNK_KEY, OZX_VERDICT_WARN, node,
                             "is no chunk key of the array: no reader asks for it");
        return 0;
    case OZX_KEY_OUTSIDE:
        ozx_verify_find_node(c->v, OZX_RULE_CHUNK_KEY, OZX_VERDICT_WARN, node,
                             "lies outside the grid of the array: it can never be read");
        return 0;
    case OZX_KEY_INSIDE:
        break;
    }
    c->inside++;
    if (c->v->options->quick || !c->array->sharding || !c->array->sharding->index_readable)
        return 0;
    return judge_shard(c, node);
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
            failure = ozx_error_set(c->error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                    "interrupted");
    }
    c->key_size = key_size;
    return failure;
}

int ozx_verify_chunks(struct ozx_verify *v, uint32_t zarr_json, const struct ozx_array *array,
                      const uint8_t *states, struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *block = malloc(BLOCK_SIZE);
    struct chunks c = {.v = v, .array = array, .states = states, .error = error, .block = block};
    int failure;

    if (!block)
        return ozx_error_memory(error);
    if (!array->has_shape || !array->has_grid || array->key_encoding == OZX_KEYS_UNKNOWN)
        return 0; /* a defect of the metadata, told there */
    fill_crc_table(&c);
    failure = walk(&c, ozx_archive_parent(v->archive, zarr_json));
    if (!failure && c.inside > 1 && !array->sharding)
        ozx_verify_find_node(
            v, OZX_RULE_SHARDING, OZX_VERDICT_WARN, zarr_json,
            "%" PRIu64 " chunks, each an entry of its own: the array is not sharded", c.inside);
    return failure;
}
