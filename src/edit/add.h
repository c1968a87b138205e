/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Adding a tree to an archive in place (edit/append.h). Who calls writes the tree's own entries;
 * here is what has to change around them:
 *
 *  - groups that are missing on the way to the tree are made, as Zarr v3 has no implicit ones;
 *  - .../labels/NAME is listed in the `labels` of the group above it;
 *  - consolidated metadata of groups above get what is new.
 *
 * Nothing that is there is replaced but the zarr.json of such groups.
 */
#ifndef OZX_EDIT_ADD_H
#define OZX_EDIT_ADD_H

#include "archive/archive.h"
#include "edit/append.h"

/* The zarr.json of a node of the tree. */
struct ozx_add_node {
    const char *path; /* of the node, below the tree's root, "" for that */
    const char *text; /* not terminated */
    size_t size_bytes;
};

struct ozx_add_options {
    const char *path; /* where the tree goes: as ozx_add_path made it */
    const struct ozx_append_tree *tree;
    const struct ozx_add_node *nodes; /* the root's first */
    size_t node_count;
    bool has_all_nodes; /* false: too large to be copied into consolidated metadata */
    int64_t now_s;      /* the time of what is made */
    void *context;
    void (*warning)(void *context,
                    const struct ozx_error *warning); /* when it is reserved; may be NULL */
};

/* The path without '/' in front or behind. -EINVAL: it is none at which a tree can stand. */
int ozx_add_path(const char *path, char out[OZX_PATH_SIZE], struct ozx_error *error) OZX_CHECKED;

/* Both as ozx_append_reserve and ozx_append_complete. `*source` is over the old archive in `fd`,
 * which is open for reading and writing, by nobody else; it is taken (and NULL) where the archive
 * could be opened. ozx_append_settle was called before. -EEXIST: something is at `path`; -EBADMSG:
 * the archive is refused, or nothing can be added there. */
int ozx_add_reserve(struct ozx_source **source, int fd, const struct ozx_add_options *options,
                    struct ozx_error *error) OZX_CHECKED;
int ozx_add_complete(struct ozx_source **source, int fd, const struct ozx_add_options *options,
                     struct ozx_error *error) OZX_CHECKED;

#endif
