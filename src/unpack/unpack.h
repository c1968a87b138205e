/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Unpacking an archive into a directory:
 *
 *     which entries?  ->  can all of them be read?  ->  a temporary directory beside the output
 *     ->  directories, files (bytes, CRC, mtime)    ->  the disk  ->  the output's name
 *
 * Everything is made below the temporary directory, by paths in which no symbolic link is followed
 * (io/beneath.h), and every file anew. Whatever fails, the temporary directory is removed and the
 * output is as it was.
 */
#ifndef OZX_UNPACK_UNPACK_H
#define OZX_UNPACK_UNPACK_H

#include <signal.h>

#include "archive/archive.h"
#include "io/output_tree.h"

/* What a message is about. */
enum ozx_unpack_about {
    OZX_UNPACK_ARCHIVE,
    OZX_UNPACK_OUTPUT,        /* writing it */
    OZX_UNPACK_OUTPUT_CREATE, /* making it: its name, its directory, its permissions */
};

struct ozx_unpack_progress {
    uint64_t files, files_total;
    uint64_t bytes, bytes_total;
};

struct ozx_unpack_result {
    uint64_t files, directories, data_bytes;
    uint64_t shards, chunks; /* of files: taken apart, and what became of them */
    uint64_t hole_bytes;   /* of data_bytes: not written, since they are zeros */
    uint64_t shared_bytes; /* of data_bytes: shared with the archive by the file system */
};

struct ozx_unpack_options {
    const char
        *archive_path;  /* by which the archive was opened: to keep it out of what is removed */
    const char *output; /* the directory; must not exist, or be empty, unless `force` */
    /* files and directories (with all below) of the archive, or patterns */
    const char *const *paths;
    size_t path_count;        /* (archive/glob.h); 0: everything */
    /* those of sharded arrays as files, where sharding is the only codec; without paths */
    bool chunks;
    bool keep_consolidated;   /* as they are, even if they list what is not unpacked */
    bool force;               /* replace the directory, if it holds a root zarr.json */
    bool sync;                /* bring all to the disk before it gets its name */
    unsigned jobs;            /* threads, at least 1 */
    const volatile sig_atomic_t *cancel; /* non-zero: stop with -EINTR; may be NULL */

    /* Called on the calling thread. `progress` may be NULL. */
    void *context;
    void (*problem)(void *context, enum ozx_unpack_about about, const struct ozx_error *problem);
    void (*warning)(void *context, enum ozx_unpack_about about, const struct ozx_error *warning);
    void (*progress)(void *context, const struct ozx_unpack_progress *progress);
    /* What metadata say of what is not unpacked: what was done about it; what remains. */
    void (*note)(void *context, const struct ozx_error *note);
    void (*left_out)(void *context, const struct ozx_error *warning);
};

/* The three steps, for a caller that does the second one in a process without rights. On failure
 * every reason went through `problem`, and the first one's code is returned. */

/* Makes the temporary directory beside the output; `output_tree` is to be closed in any case.
 * Nothing of the archive is read. */
int ozx_unpack_begin(const struct ozx_unpack_options *options,
                     struct ozx_output_tree *output_tree) OZX_CHECKED;

/* Fills the directory `root_fd`, which is empty. -EBADMSG: it is in the archive's bytes (a wrong
 * CRC, an entry that nobody can read). */
int ozx_unpack(struct ozx_archive *archive, const struct ozx_unpack_options *options, int root_fd,
               struct ozx_unpack_result *result) OZX_CHECKED;

/* Brings all to the disk, and gives it the output's name. */
int ozx_unpack_commit(const struct ozx_unpack_options *options,
                      struct ozx_output_tree *output_tree) OZX_CHECKED;

#endif
