/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bytes that entries take in the file, as far as the central directory tells: local header,
 * name and data, to find entries that share bytes (rules overlap, bounds) while an index is built.
 * As long as entries come in the order of the file, as nearly all do, each is judged when the next
 * one comes, and none is kept. Where one does not, the walk begins anew with a list of all: 24
 * bytes for each.
 */
#ifndef OZX_ARCHIVE_EXTENTS_H
#define OZX_ARCHIVE_EXTENTS_H

#include "archive/index.h"
#include "zip/directory.h"

#define OZX_EXTENT_NO_NODE UINT32_MAX /* a directory's entry: nobody reads its data */

struct ozx_extent {
    uint64_t offset_bytes; /* of the local header */
    uint64_t size_bytes;   /* header without name, and data */
    uint32_t node;         /* a draft's number, or OZX_EXTENT_NO_NODE */
    uint16_t name_size_bytes;
};

struct ozx_extents {
    bool has_list;
    struct ozx_extent *list; /* owned; freed by the user with free() */
    uint32_t count, room;
    struct ozx_extent last; /* without a list: not judged yet */
    uint64_t first_offset_bytes;
    int looks;              /* local headers that were looked at */
    struct ozx_error found; /* what is wrong; code 0: nothing */
    /* Borrowed, set by the user. */
    struct ozx_source *source;
    struct ozx_draft *draft;
    struct ozx_index_facts *facts;
};

/* -ENOMEM; -EAGAIN: not in order, and there is no list. */
int ozx_extents_add(struct ozx_extents *extents, const struct ozx_zip_entry *entry,
                    uint32_t node) OZX_CHECKED;

/* When all are added. Refuses entries that share bytes with each other or with what begins at
 * `limit_bytes`, the central directory; gives each file of the draft its slack, and counts gaps.
 *
 * By central sizes an entry takes its name's length too, but a local header may have a shorter
 * name: then the entry is damaged (rule local, EIO when read) and overlaps nothing. Where only a
 * name's length makes an overlap, the local header is looked at, for a few entries at most. */
int ozx_extents_check(struct ozx_extents *extents, uint64_t limit_bytes,
                      struct ozx_error *error) OZX_CHECKED;

#endif
