/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The part of unpack that makes directories and files. Private to unpack.
 */
#ifndef OZX_UNPACK_UNPACK_FILES_H
#define OZX_UNPACK_UNPACK_FILES_H

#include "unpack/unpack.h"

enum ozx_unpack_mark {
    OZX_UNPACK_WANTED = 1,
    OZX_UNPACK_ABOVE = 2, /* a directory that is only made because something wanted is below it */
    /* a file: its inner chunks are made in its place (unpack_chunks.h) */
    OZX_UNPACK_SHARD = 4,
    /* a directory that only holds such files: made for chunks, if at all */
    OZX_UNPACK_NO_DIRECTORY = 8,
};

struct ozx_unpack_chunks;

struct ozx_unpack_files {
    struct ozx_archive *archive; /* borrowed, as all here */
    const struct ozx_unpack_options *options;
    int root_fd;          /* below which all is made */
    const uint8_t *marks; /* enum ozx_unpack_mark of each node */
    const struct ozx_unpack_chunks *chunks; /* the arrays whose shards are marked */
    uint64_t files_total, bytes_total;
};

/* Makes all that is marked. -EBADMSG, -EIO ... with the error; `*output_failed` says whether it is
 * about the output. Fills in the result's hole_bytes,
 * shared_bytes and chunks. */
int ozx_unpack_files(const struct ozx_unpack_files *files, struct ozx_unpack_result *result,
                     bool *output_failed, struct ozx_error *error) OZX_CHECKED;

#endif
