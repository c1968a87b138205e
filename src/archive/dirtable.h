/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash table of the draft's directories by (parent, name), used while an index is built. Keyed
 * with random bytes, so that nobody can choose names that collide.
 */
#ifndef OZX_ARCHIVE_DIRTABLE_H
#define OZX_ARCHIVE_DIRTABLE_H

#include "archive/index.h"

#define OZX_DIRTABLE_NONE UINT32_MAX

struct ozx_dirtable {
    uint32_t *slots; /* draft numbers, OZX_DIRTABLE_NONE: empty; at most half are used */
    uint32_t slot_count; /* a power of two */
    uint32_t used;
    uint64_t key[2];
};

int ozx_dirtable_init(struct ozx_dirtable *table) OZX_CHECKED; /* -ENOMEM */
void ozx_dirtable_free(struct ozx_dirtable *table);            /* twice is fine */

/* OZX_DIRTABLE_NONE if there is none. */
uint32_t ozx_dirtable_find(const struct ozx_dirtable *table, const struct ozx_draft *draft,
                           uint32_t parent, const char *name, size_t name_size_bytes);
/* A directory that is not in it yet. -ENOMEM. */
int ozx_dirtable_add(struct ozx_dirtable *table, const struct ozx_draft *draft,
                     uint32_t directory) OZX_CHECKED;

#endif
