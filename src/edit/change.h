/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What edit and add do to texts of an archive: metadata and the archive comment.
 */
#ifndef OZX_EDIT_CHANGE_H
#define OZX_EDIT_CHANGE_H

#include <stdio.h>

#include "archive/archive.h"
#include "zarr/comment.h"
#include "zarr/metadata.h"

struct ozx_change_text {
    char *text; /* owned; NULL: none */
    size_t size_bytes;
};

/* Sets one member, as ozx_json_edit_known, and with its errors. */
int ozx_change_set(struct ozx_change_text *text, const char *key, const char *value,
                   struct ozx_error *error) OZX_CHECKED;

/* The same of a text, which may have any character in it. */
int ozx_change_set_text(struct ozx_change_text *text, const char *key, const char *value,
                        struct ozx_error *error) OZX_CHECKED;

/* What is there already may stay wrong; nothing may become wrong: -EBADMSG. `version`: the node's
 * new OME-Zarr version, "" if it has none or the one that it had. */
int ozx_change_judge(const struct ozx_metadata *old, const char *text, size_t size,
                     char version[OZX_VERSION_TEXT_MAX], struct ozx_error *error) OZX_CHECKED;

/* The comment says what is true of the new directory: its order, and the root's version, if that
 * becomes another ("": it does not). `comment` (with NULL in it) gets the archive's new one, if it
 * changes. */
int ozx_change_comment(const struct ozx_archive *archive, const char *version,
                       struct ozx_change_text *comment, struct ozx_error *error) OZX_CHECKED;

#endif
