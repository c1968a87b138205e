/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The groups above a tree that is added: what they become. Private to the room.
 */
#ifndef OZX_EDIT_ADD_PARENTS_H
#define OZX_EDIT_ADD_PARENTS_H

#include "edit/add.h"
#include "edit/change.h"

struct ozx_add_parent {
    size_t path_size_bytes; /* of the directory: so many bytes of the tree's path */
    bool is_new;            /* there is no such group yet */
    bool has_consolidated;
    struct ozx_metadata *metadata; /* owned; NULL: it is new */
    struct ozx_change_text text;   /* of its zarr.json; NULL: it stays as it is */
    char *file;                    /* the path of that; owned */
};

struct ozx_add_parents {
    struct ozx_add_parent *list; /* owned; the root first, each below the one before */
    uint32_t count, room;
};

/* Finds them: -EBADMSG if nothing can stand below one of them, -EEXIST if something is at `path` already. */
int ozx_add_parents_find(struct ozx_archive *archive, const char *path,
                         struct ozx_add_parents *parents, struct ozx_error *error) OZX_CHECKED;

/* Makes their texts. `version`: of the tree, or "". */
int ozx_add_parents_change(struct ozx_archive *archive, const struct ozx_add_options *options,
                           const char *version, struct ozx_add_parents *parents,
                           struct ozx_error *error) OZX_CHECKED;

/* add_consolidated.c: what is new, in the consolidated metadata of the group `number`, whose text is there. */
int ozx_add_consolidated(const struct ozx_add_options *options,
                         const struct ozx_add_parents *parents, uint32_t number,
                         struct ozx_error *error) OZX_CHECKED;

void ozx_add_parents_free(struct ozx_add_parents *parents);

#endif
