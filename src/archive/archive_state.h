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

struct ozx_archive {
    struct ozx_source *source; /* owned */
    struct ozx_zip_end_records records;
    struct ozx_tree tree;
    enum ozx_names names; /* how they are taken */
    struct ozx_index_facts facts;
    struct ozx_warnings warnings;
    struct ozx_zip_streams *streams; /* NULL unless an entry is compressed */
    char *comment_text;
    struct ozx_comment comment;
};

#endif
