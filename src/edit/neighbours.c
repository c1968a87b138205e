/* SPDX-License-Identifier: BSD-2-Clause */
#include "edit/neighbours.h"

#include <errno.h>
#include <stdio.h>

/* The last file in front of that offset, if it is not `gap`'s own; the root if there is none. */
static uint32_t last_before(const struct ozx_archive *archive, uint32_t gap, uint64_t end_bytes)
{
    uint32_t count = ozx_archive_node_count(archive), last = OZX_NODE_ROOT;
    uint64_t last_offset_bytes = 0;

    for (uint32_t node = 0; node < count; node++) {
        uint64_t offset_bytes = ozx_archive_local_offset(archive, node);
        if (node == gap || offset_bytes >= end_bytes || offset_bytes < last_offset_bytes)
            continue;
        last = node;
        last_offset_bytes = offset_bytes;
    }
    return last;
}

static int check_before(struct ozx_archive *archive, uint32_t gap, uint64_t end_bytes,
                        struct ozx_error *error)
{
    uint32_t node = last_before(archive, gap, end_bytes);
    uint64_t offset_bytes;
    int failure =
        node == OZX_NODE_ROOT ? 0 : ozx_archive_data_offset(archive, node, &offset_bytes, error);

    if (failure != -EIO || error->rule == OZX_RULE_NONE)
        return failure;
    snprintf(error->hint, sizeof error->hint, "see 'ozxfs verify'");
    return error->code = -EBADMSG;
}

int ozx_neighbours_check(struct ozx_archive *archive, const struct ozx_append_entry *entries,
                         uint32_t count, struct ozx_error *error)
{
    int failure = check_before(archive, OZX_NODE_ROOT, OZX_OFFSET_NONE, error);

    for (uint32_t i = 0; i < count && !failure; i++) {
        uint64_t offset_bytes;
        uint32_t node;
        if (ozx_archive_find(archive, entries[i].path, &node))
            continue; /* a new one */
        failure = ozx_archive_data_offset(archive, node, &offset_bytes, error);
        if (!failure)
            failure = check_before(archive, node, offset_bytes, error);
    }
    return failure;
}
