/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who shares bytes with whom.
 */
#include "archive/extents.h"

#include <inttypes.h>

#include "base/array.h"
#include "base/bytes.h"
#include "zip/format.h"

/* Name and extra field of a local header: a space up to this size may belong to an entry. */
#define LOCAL_REST_MAX (2 * UINT64_C(65535))

/* Local headers that are looked at; an archive with more doubtful entries than that is refused. */
#define LOOKS_MAX 64

static int by_offset(const void *a, const void *b)
{
    const struct ozx_extent *x = a, *y = b;

    return (x->offset_bytes > y->offset_bytes) - (x->offset_bytes < y->offset_bytes);
}

static void sort(struct ozx_extents *extents)
{
    for (uint32_t i = 1; i < extents->count; i++)
        if (extents->list[i - 1].offset_bytes > extents->list[i].offset_bytes) {
            qsort(extents->list, extents->count, sizeof *extents->list, by_offset);
            return;
        }
}

/* True if the local header is there with a shorter name than the central one. */
static bool has_shorter_name(struct ozx_source *source, const struct ozx_extent *e)
{
    uint8_t header[OZX_LOCAL_SIZE];
    struct ozx_bytes b = ozx_bytes_of(header, sizeof header);

    if (ozx_source_read(source, header, sizeof header, e->offset_bytes))
        return false;
    if (ozx_bytes_u32(&b) != OZX_LOCAL_SIGNATURE)
        return false;
    ozx_bytes_take(&b, 22);
    return ozx_bytes_u16(&b) < e->name_size_bytes;
}

static int refuse(const struct ozx_draft *draft, const struct ozx_extent *first,
                  const struct ozx_extent *second, struct ozx_error *error)
{
    static const char hint[] = "recreate the archive with another tool";
    char name[OZX_ESCAPED_SIZE] = "a directory";
    uint64_t end = first->offset_bytes + first->size_bytes + first->name_size_bytes;
    const struct ozx_extent *named = second ? second : first;

    if (named->node != OZX_EXTENT_NO_NODE) {
        size_t size;
        const char *raw = ozx_node_name(draft->names, &draft->nodes[named->node], &size);
        ozx_escape(name, sizeof name, raw, size);
    }
    if (!second)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_BOUNDS, first->offset_bytes, hint,
                             "the entry '%s' reaches into the central directory", name);
    return ozx_error_set(error, -EBADMSG, OZX_RULE_OVERLAP, second->offset_bytes, hint,
                         "the entry '%s' begins inside the entry at byte %" PRIu64
                         ", which ends at %" PRIu64 " or later",
                         name, first->offset_bytes, end);
}

/* One entry, when it is known what comes behind it: another one, or (NULL) what begins at
 * `limit_bytes`. */
static int judge(struct ozx_extents *x, const struct ozx_extent *e, const struct ozx_extent *next,
                 uint64_t limit_bytes, struct ozx_error *error)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no list, no entries */
    uint64_t room = (next ? next->offset_bytes : limit_bytes) - e->offset_bytes;
    uint64_t slack = 0;

    if (room >= e->size_bytes + e->name_size_bytes)
        slack = room - e->size_bytes - e->name_size_bytes;
    else if (room < e->size_bytes || ++x->looks > LOOKS_MAX || !has_shorter_name(x->source, e))
        return refuse(x->draft, e, next, error);
    if (slack > LOCAL_REST_MAX)
        x->facts->gap_bytes += slack;
    if (e->node != OZX_EXTENT_NO_NODE)
        x->draft->nodes[e->node].slack_bytes = (uint16_t)(slack < UINT16_MAX ? slack : UINT16_MAX);
    return 0;
}

/* What is wrong is told when all were walked over: a header that is wrong by itself comes first. */
static int add_in_order(struct ozx_extents *x, const struct ozx_extent *extent)
{
    if (x->count && extent->offset_bytes < x->last.offset_bytes)
        return -EAGAIN;
    if (!x->count++)
        x->first_offset_bytes = extent->offset_bytes;
    else if (!x->found.code)
        (void)judge(x, &x->last, extent, 0, &x->found);
    x->last = *extent;
    return 0;
}

int ozx_extents_add(struct ozx_extents *x, const struct ozx_zip_entry *entry, uint32_t node)
{
    const struct ozx_extent extent = {.offset_bytes = entry->local_offset_bytes,
                                      .size_bytes = OZX_LOCAL_SIZE + entry->compressed_size_bytes,
                                      .node = node,
                                      .name_size_bytes = entry->name_size_bytes};

    if (!x->has_list)
        return add_in_order(x, &extent);
    if (ozx_array_grow(x->list, x->count, &x->room))
        return -ENOMEM;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    x->list[x->count++] = extent;
    return 0;
}

int ozx_extents_check(struct ozx_extents *x, uint64_t limit_bytes, struct ozx_error *error)
{
    if (x->has_list && x->count) {
        sort(x);
        x->first_offset_bytes = x->list[0].offset_bytes;
        for (uint32_t i = 0; i + 1 < x->count && !x->found.code; i++)
            (void)judge(x, &x->list[i], &x->list[i + 1], 0, &x->found);
        x->last = x->list[x->count - 1];
    }
    if (x->count && !x->found.code)
        (void)judge(x, &x->last, NULL, limit_bytes, &x->found);
    if (x->found.code) {
        *error = x->found;
        return error->code;
    }
    if (x->count)
        x->facts->gap_bytes += x->first_offset_bytes;
    return 0;
}
