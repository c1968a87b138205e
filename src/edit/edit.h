/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changing the metadata of one node of an archive (edit/append.h writes).
 */
#ifndef OZX_EDIT_EDIT_H
#define OZX_EDIT_EDIT_H

#include "base/error.h"
#include "io/source.h"

struct ozx_edit_options {
    const char *node;         /* the node's directory in the archive, "" or "/" for the root */
    char *const *assignments; /* KEY=JSON, or KEY= to remove */
    int count;
    int64_t now_s; /* the time of the new entry */
};

/* `*source` is over `fd`, which is open for reading and writing, by nobody else; it is taken (and
 * NULL) where the archive could be opened. ozx_append_settle was called before. -EINVAL: an
 * assignment is none; -ENOENT: there is no such node or key; -EBADMSG: the archive, or what the
 * metadata would become, is refused. */
int ozx_edit(struct ozx_source **source, int fd, const struct ozx_edit_options *options,
             struct ozx_error *error) OZX_CHECKED;

#endif
