/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The copies of a node's metadata that groups above it hold (zarr/consolidated.h): readers take
 * them in place of the node's zarr.json, so whoever changes that changes them. Private to the room.
 */
#ifndef OZX_EDIT_CONSOLIDATED_COPY_H
#define OZX_EDIT_CONSOLIDATED_COPY_H

#include "edit/change.h"

/* -EBADMSG: consolidated metadata of a group above that `why` ("are ..."), with what to do. */
int ozx_copy_refuse(const char *why, struct ozx_error *error);

/* The text of a zarr.json as its copy: no byte order mark, no white space around it, and without
 * what the node itself consolidates. `out` has NULL in it; the caller frees its text. */
int ozx_copy_of(const char *text, size_t size_bytes, struct ozx_change_text *out,
                struct ozx_error *error) OZX_CHECKED;

/* In the zarr.json `group` of the directory `above`, each copy of the node `path` (both from the
 * root, "" for it) becomes that of `text`, and keeps what it consolidates itself. `*changed`: there
 * was one. -EBADMSG: the consolidated metadata of the group are of another kind, or wrong. */
int ozx_copy_replace(struct ozx_change_text *group, const char *above, const char *path,
                     const struct ozx_change_text *text, bool *changed,
                     struct ozx_error *error) OZX_CHECKED;

#endif
