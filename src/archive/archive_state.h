/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An open archive, as its own sources see it: archive.c opens it and answers what is in it,
 * archive_read.c reads entries.
 */
#ifndef OZX_ARCHIVE_ARCHIVE_STATE_H
#define OZX_ARCHIVE_ARCHIVE_STATE_H

#include "archive/archive.h"
#include "archive/index.h"
#include "zarr/comment.h"
#include "zip/decompress.h"
#include "zip/local.h"

struct ozx_archive {
    struct ozx_source *source; /* owned */
    struct ozx_zip_end_records records;
    struct ozx_tree tree;
    enum ozx_names names; /* how they are taken */
    bool crcs_unknown;
    struct ozx_index_facts facts;
    struct ozx_warnings warnings;
    struct ozx_zip_streams *streams; /* NULL unless an entry is compressed */
    char *comment_text;
    struct ozx_comment comment;
};

/* Puts the entry's path in front of what a lower floor says of it. Returns the code. */
int ozx_archive_name_entry(const struct ozx_archive *archive, uint32_t node,
                           struct ozx_error *error);
/* -EIO, for a node that the policy lets nobody read. */
int ozx_archive_fail_by_policy(const struct ozx_archive *archive, uint32_t node,
                               struct ozx_error *error);
/* What the central directory says of a file whose local header was not read yet, at `where`. */
struct ozx_zip_expected ozx_archive_expect(const struct ozx_archive *archive, uint32_t node,
                                           uint64_t where, char path[OZX_PATH_SIZE]);
/* The local header was read. Two threads may get here at once; both store the same. */
void ozx_archive_remember(struct ozx_node *n, uint64_t data_offset);

#endif
