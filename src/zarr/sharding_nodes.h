/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The metadata of a hierarchy some of whose arrays are sharded, or are sharded no more: in each
 * array's own zarr.json, and in the consolidated metadata of groups that list it.
 *
 * Any number of threads, as far as `find` allows them.
 */
#ifndef OZX_ZARR_SHARDING_NODES_H
#define OZX_ZARR_SHARDING_NODES_H

#include "zarr/metadata.h"
#include "zarr/node_digest.h"

/* Which arrays change, and into what. */
struct ozx_sharding_change {
    void *context;
    /* False: the array at the path (there may be none) stays as it is. Else what its own metadata
     * are, and the shape of the shards that it gets; NULL: its chunks are to be the inner ones of
     * now. */
    bool (*find)(void *context, const char *path, const struct ozx_node_digest **digest,
                 const struct ozx_shape **shard_shape);
    const char *hint; /* what to do where it cannot be done */
};

/* The new text of the zarr.json in `directory` ("" is the root), from malloc and terminated. `*out`
 * stays NULL if nothing in it changes. -EBADMSG with the error: consolidated metadata that are not
 * understood, or that tell something else of an array than its own; -ENOMEM with the error. */
int ozx_sharding_change_text(const struct ozx_sharding_change *change, const char *directory,
                             const char *text, size_t size_bytes, char **out,
                             size_t *out_size_bytes, struct ozx_error *error) OZX_CHECKED;

#endif
