/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash table of things that carry their link themselves, so that what is in it costs no memory of
 * its own. The key is up to the owner: it gives the hash, and compares what has the same one.
 * Hashes are keyed at random, as names come from whoever may write in the directory.
 *
 * Threads: none; the owner locks.
 */
#ifndef OZX_MOUNT_MANY_HASH_H
#define OZX_MOUNT_MANY_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ozx_link {
    struct ozx_link *next;
    uint64_t hash;
};

struct ozx_hash {
    struct ozx_link **buckets; /* owned; the links are not */
    size_t bucket_count;       /* a power of two */
    size_t count;
    uint64_t key[2];
};

int ozx_hash_open(struct ozx_hash *table) OZX_CHECKED; /* -ENOMEM */
void ozx_hash_close(struct ozx_hash *table);           /* a zeroed one is fine */

/* Of a name in a directory, or of a number alone (name NULL, size 0). */
uint64_t ozx_hash_of(const struct ozx_hash *table, uint64_t number, const char *name, size_t size);

/* Never fails: a table that cannot grow gets slower. */
void ozx_hash_add(struct ozx_hash *table, struct ozx_link *link, uint64_t hash);
/* It must be in the table. */
void ozx_hash_remove(struct ozx_hash *table, struct ozx_link *link);

/* The links of this hash, one after the other; NULL: no more. */
struct ozx_link *ozx_hash_first(const struct ozx_hash *table, uint64_t hash);
struct ozx_link *ozx_hash_next(const struct ozx_link *link);

#endif
