/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The chunks of an array that are there, in a list: 16 bytes for each, and 24 once a place or a
 * size does not fit 32 bits.
 *
 * How many there are is the owner's to know: it counts what it adds.
 */
#ifndef OZX_PACK_SHARD_LIST_H
#define OZX_PACK_SHARD_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define OZX_SHARD_BEYOND UINT64_MAX /* the place of a chunk beyond the array's edge */

/* A chunk that is there. */
struct ozx_shard_chunk {
    uint64_t
        place;    /* its number in the grid of chunks; once settled, chunks of one shard together */
    uint64_t key; /* the input's own; of a sharded array: where it is in its file */
    uint64_t size_bytes;
};

struct ozx_shard_row {
    uint64_t key;
    uint32_t place; /* UINT32_MAX: beyond the edge */
    uint32_t size_bytes;
};

/* All zero: empty. One of the two is NULL. */
struct ozx_shard_list {
    struct ozx_shard_row *rows;   /* owned */
    struct ozx_shard_chunk *wide; /* owned */
    uint32_t room;
};

static inline struct ozx_shard_chunk ozx_shard_list_get(const struct ozx_shard_list *list,
                                                        uint32_t at)
{
    const struct ozx_shard_row *row;

    if (list->wide)
        return list->wide[at];
    row = &list->rows[at];
    return (struct ozx_shard_chunk){.place =
                                        row->place == UINT32_MAX ? OZX_SHARD_BEYOND : row->place,
                                    .key = row->key,
                                    .size_bytes = row->size_bytes};
}

/* Behind the `count` that are there. -ENOMEM. */
int ozx_shard_list_add(struct ozx_shard_list *list, uint32_t count,
                       const struct ozx_shard_chunk *chunk) OZX_CHECKED;
/* In place of one that is there; it fits (that one did, or ozx_shard_list_widen was called). */
void ozx_shard_list_put(struct ozx_shard_list *list, uint32_t at,
                        const struct ozx_shard_chunk *chunk);
/* From now on all fits. -ENOMEM. */
int ozx_shard_list_widen(struct ozx_shard_list *list, uint32_t count) OZX_CHECKED;
/* Those from `first` to in front of `count`, by place, or by key and size. */
void ozx_shard_list_sort(struct ozx_shard_list *list, uint32_t first, uint32_t count, bool by_key);
void ozx_shard_list_free(struct ozx_shard_list *list);

#endif
