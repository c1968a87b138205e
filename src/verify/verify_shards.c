/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the index of each shard fits the shard:
 *
 *     [inner chunk | inner chunk | ...][offset, size | offset, size | ... | CRC-32C]  CRCs behind
 *
 * The inner chunks may be shards themselves; then theirs are asked, too. What a codec behind the
 * sharding hides (a compressor) cannot be looked into: no finding, but noted.
 *
 * The work is bounded by the bytes of the file: inner shards are looked into only where no two
 * inner chunks overlap, each part of the file once for each level of sharding.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "verify/verify_parts.h"
#include "zarr/crc32c.h"
#include "zarr/metadata.h"

#define BLOCK_SIZE 65536 /* of an index, a multiple of its records */
#define RECORD_SIZE 16
#define CRC_SIZE 4
#define ABSENT UINT64_MAX /* offset and size of an inner chunk that is not there */

/* Of larger indices (4 MiB) no ranges are kept: overlaps and inner shards are not looked for. */
#define RANGES_MAX (1u << 18)

#define FOUND 1 /* something is wrong, and told */

/* Where an inner chunk lies in the shard. */
struct range {
    uint64_t offset_bytes, size_bytes;
};

struct ranges {
    struct range *list; /* NULL: not kept */
    size_t count;
};

/* A shard: all of a file, or an inner chunk of another. */
struct part {
    const struct ozx_sharding *sharding;
    uint32_t node;
    bool stored; /* the file is not compressed: any part of it can be read at once */
    uint64_t at_bytes, size_bytes; /* in the file; without the checksums behind */
    const struct part *up;         /* the shard that it lies in; NULL */
};

/* --- telling ---------------------------------------------------------------------------------- */

OZX_PRINTF(3, 4)
static int tell(const struct ozx_verify_shards *s, const struct part *part, const char *format, ...)
{
    char text[256], where[64] = "";
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (part->up)
        snprintf(where, sizeof where,
                 "in the inner chunk at byte %" PRIu64 ", itself a shard: ", part->at_bytes);
    ozx_verify_find_node(s->v, OZX_RULE_SHARD_INDEX, OZX_VERDICT_WARN, part->node, "%s%s", where,
                         text);
    return FOUND;
}

/* --- the index -------------------------------------------------------------------------------- */

static uint64_t swap_if(bool swap, uint64_t value)
{
    return swap ? __builtin_bswap64(value) : value;
}

/* Up to the first record of the block that does not fit; `first`: its number in the shard. */
static int judge_records(const struct ozx_verify_shards *s, const struct part *part, size_t size,
                         uint64_t first, struct ranges *ranges)
{
    const struct ozx_sharding *sharding = part->sharding;
    uint64_t low = sharding->index_at_start ? sharding->index_size_bytes : 0;
    uint64_t high = part->size_bytes - (sharding->index_at_start ? 0 : sharding->index_size_bytes);
    struct ozx_bytes b = ozx_bytes_of(s->block, size);

    for (uint64_t i = first; b.left_bytes >= RECORD_SIZE; i++) {
        uint64_t offset = swap_if(sharding->index_big_endian, ozx_bytes_u64(&b));
        uint64_t length = swap_if(sharding->index_big_endian, ozx_bytes_u64(&b));
        if (offset == ABSENT && length == ABSENT)
            continue;
        if (offset < low || offset > high || length > high - offset)
            return tell(s, part,
                        "inner chunk %" PRIu64 " is stated to be %" PRIu64 " bytes at %" PRIu64
                        ", which the shard of %" PRIu64 " bytes does not hold",
                        i, length, offset, part->size_bytes);
        if (ranges->list && length)
            ranges->list[ranges->count++] = (struct range){offset, length};
    }
    return 0;
}

/* Reads all of the index. */
static int read_index(const struct ozx_verify_shards *s, const struct part *part,
                      struct ranges *ranges)
{
    const struct ozx_sharding *sharding = part->sharding;
    uint64_t at = part->at_bytes +
                  (sharding->index_at_start ? 0 : part->size_bytes - sharding->index_size_bytes);
    uint64_t left = sharding->chunks_per_shard * RECORD_SIZE, first = 0;
    uint32_t crc = 0;
    uint8_t stated[CRC_SIZE];
    struct ozx_bytes b = ozx_bytes_of(stated, sizeof stated);
    size_t got;
    int result;

    while (left) {
        size_t size = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;
        result = ozx_archive_read(s->v->archive, part->node, s->block, size, at, &got, s->error);
        if (!result)
            result = judge_records(s, part, size, first, ranges);
        if (result)
            return result;
        if (sharding->index_crc32c)
            crc = ozx_crc32c(crc, s->block, size);
        first += size / RECORD_SIZE;
        at += size;
        left -= size;
    }
    if (!sharding->index_crc32c)
        return 0;
    result = ozx_archive_read(s->v->archive, part->node, stated, sizeof stated, at, &got, s->error);
    if (result || ozx_bytes_u32(&b) == crc)
        return result;
    return tell(s, part, "the index of the shard does not match its CRC-32C");
}

/* --- its ranges ------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->offset_bytes != y->offset_bytes)
        return x->offset_bytes < y->offset_bytes ? -1 : 1;
    return x->size_bytes < y->size_bytes ? -1 : x->size_bytes > y->size_bytes;
}

static bool is_same(const struct range *a, const struct range *b)
{
    return a->offset_bytes == b->offset_bytes && a->size_bytes == b->size_bytes;
}

/* Puts them in the order of the file. Two inner chunks with the same bytes are fine: what is the
 * same may be stored once. */
static int judge_overlaps(const struct ozx_verify_shards *s, const struct part *part,
                          struct ranges *ranges)
{
    size_t kept = 0;

    if (!ranges->count)
        return 0;
    qsort(ranges->list, ranges->count, sizeof *ranges->list, by_offset);
    for (size_t i = 1; i < ranges->count; i++) {
        const struct range *last = &ranges->list[kept], *next = &ranges->list[i];
        if (is_same(last, next))
            continue;
        if (next->offset_bytes < last->offset_bytes + last->size_bytes)
            return tell(s, part,
                        "two inner chunks overlap: %" PRIu64 " bytes at %" PRIu64 " and %" PRIu64
                        " at %" PRIu64,
                        last->size_bytes, last->offset_bytes, next->size_bytes, next->offset_bytes);
        ranges->list[++kept] = *next;
    }
    ranges->count = kept + 1;
    return 0;
}

/* --- shards ----------------------------------------------------------------------------------- */

static int judge_part(struct ozx_verify_shards *s, struct part *part);

static bool can_look_into(const struct ozx_sharding *sharding)
{
    return !sharding->behind && sharding->index_readable;
}

static void note_unchecked(struct ozx_verify_shards *s, const struct ozx_sharding *sharding)
{
    s->unchecked += !s->noted;
    s->noted = true;
    if (!s->reason)
        s->reason = sharding;
}

static int judge_inner(struct ozx_verify_shards *s, const struct part *part,
                       const struct ranges *ranges)
{
    int result = 0;

    for (size_t i = 0; i < ranges->count && !result; i++) {
        struct part inner = {.sharding = part->sharding->inner,
                             .node = part->node,
                             .stored = true,
                             .at_bytes = part->at_bytes + ranges->list[i].offset_bytes,
                             .size_bytes = ranges->list[i].size_bytes,
                             .up = part};
        result = judge_part(s, &inner);
        if (!result && s->v->options->cancel && *s->v->options->cancel)
            result = ozx_error_set(s->error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                   "interrupted");
    }
    return result;
}

static int judge_part(struct ozx_verify_shards *s, struct part *part)
{
    const struct ozx_sharding *sharding = part->sharding, *inner = sharding->inner;
    uint64_t need = sharding->index_size_bytes + sharding->trailer_size_bytes;
    OZX_AUTO_FREE struct range *list = NULL;
    struct ranges ranges = {.count = 0};
    int result;

    if (part->size_bytes < need)
        return tell(s, part,
                    "%" PRIu64 " bytes: too short for the index of a shard, which takes %" PRIu64,
                    part->size_bytes, need);
    part->size_bytes -= sharding->trailer_size_bytes;
    if (sharding->chunks_per_shard <= RANGES_MAX) {
        list = malloc((size_t)sharding->chunks_per_shard * sizeof *list);
        if (!list)
            return ozx_error_memory(s->error);
        ranges.list = list;
    }
    result = read_index(s, part, &ranges);
    if (!result)
        result = judge_overlaps(s, part, &ranges);
    if (result || !inner)
        return result;
    if (!can_look_into(inner) || !part->stored || !ranges.list) {
        note_unchecked(s, inner);
        return 0;
    }
    return judge_inner(s, part, &ranges);
}

int ozx_verify_shard(struct ozx_verify_shards *shards, uint32_t node,
                     const struct ozx_sharding *sharding)
{
    struct ozx_node_entry entry;
    struct ozx_node_stat stat;
    struct part part = {.sharding = sharding, .node = node};
    int result;

    shards->noted = false;
    if (!can_look_into(sharding)) {
        note_unchecked(shards, sharding);
        return 0;
    }
    ozx_archive_stat(shards->v->archive, node, &stat);
    ozx_archive_entry(shards->v->archive, node, &entry);
    part.stored = entry.method == 0;
    part.size_bytes = stat.size_bytes;
    result = judge_part(shards, &part);
    /* What the policy does not let be read was told by the rule that says so. */
    if (result == FOUND || (result == -EIO && shards->error->rule))
        return 0;
    return result;
}

/* --- an array --------------------------------------------------------------------------------- */

int ozx_verify_shards_begin(struct ozx_verify_shards *shards, struct ozx_verify *v,
                            struct ozx_error *error)
{
    *shards = (struct ozx_verify_shards){.v = v, .error = error, .block = malloc(BLOCK_SIZE)};
    if (!shards->block)
        return ozx_error_memory(error);
    return 0;
}

void ozx_verify_shards_end(struct ozx_verify_shards *shards, uint32_t zarr_json)
{
    const struct ozx_sharding *reason = shards->reason;
    const char *plural = shards->unchecked == 1 ? "" : "s";

    free(shards->block);
    shards->block = NULL;
    if (reason && reason->behind)
        ozx_verify_note(shards->v, OZX_RULE_SHARD_INDEX, zarr_json,
                        "%" PRIu64
                        " shard%s not checked: '%.40s' after the sharding hides the index",
                        shards->unchecked, plural, reason->behind);
    else if (reason && !reason->index_readable)
        ozx_verify_note(shards->v, OZX_RULE_SHARD_INDEX, zarr_json,
                        "%" PRIu64 " shard%s not checked: the form of the index is not supported",
                        shards->unchecked, plural);
    else if (reason)
        ozx_verify_note(shards->v, OZX_RULE_SHARD_INDEX, zarr_json,
                        "inside %" PRIu64 " shard%s not checked: compressed, or too many chunks",
                        shards->unchecked, plural);
}
