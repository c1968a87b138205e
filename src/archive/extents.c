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

int ozx_extents_add(struct ozx_extents *extents, const struct ozx_zip_entry *entry, uint32_t node)
{
    if (ozx_array_reserve((void **)&extents->list, extents->count, &extents->room,
                          sizeof *extents->list))
        return -ENOMEM;
    extents->list[extents->count++] =
        (struct ozx_extent){.offset_bytes = entry->local_offset_bytes,
                            .size_bytes = OZX_LOCAL_SIZE + entry->compressed_size_bytes,
                            .node = node,
                            .name_size_bytes = entry->name_size_bytes};
    return 0;
}

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

    if (named->node != OZX_EXTENT_NO_NODE)
        ozx_escape(name, sizeof name, draft->names + draft->nodes[named->node].name_offset,
                   draft->nodes[named->node].name_size);
    if (!second)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_BOUNDS, first->offset_bytes, hint,
                             "the entry '%s' reaches into the central directory", name);
    return ozx_error_set(error, -EBADMSG, OZX_RULE_OVERLAP, second->offset_bytes, hint,
                         "the entry '%s' begins inside the entry at byte %" PRIu64
                         ", which ends at %" PRIu64 " or later",
                         name, first->offset_bytes, end);
}

int ozx_extents_check(struct ozx_extents *extents, struct ozx_source *source, uint64_t limit_bytes,
                      struct ozx_draft *draft, struct ozx_index_facts *facts,
                      struct ozx_error *error)
{
    int looks = 0;

    sort(extents);
    for (uint32_t i = 0; i < extents->count; i++) {
        const struct ozx_extent *e = &extents->list[i];
        const struct ozx_extent *next = i + 1 < extents->count ? e + 1 : NULL;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no list, no entries */
        uint64_t room = (next ? next->offset_bytes : limit_bytes) - e->offset_bytes;
        uint64_t slack = 0;
        if (room >= e->size_bytes + e->name_size_bytes)
            slack = room - e->size_bytes - e->name_size_bytes;
        else if (room < e->size_bytes || ++looks > LOOKS_MAX || !has_shorter_name(source, e))
            return refuse(draft, e, next, error);
        if (slack > LOCAL_REST_MAX)
            facts->gap_bytes += slack;
        if (e->node != OZX_EXTENT_NO_NODE)
            draft->nodes[e->node].slack_bytes =
                (uint16_t)(slack < UINT16_MAX ? slack : UINT16_MAX);
    }
    if (extents->count)
        facts->gap_bytes += extents->list[0].offset_bytes;
    return 0;
}
