/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A file that appears whole under its name, or not at all. It is written without a name (O_TMPFILE)
 * where the file system can do that, so that even SIGKILL leaves nothing; else under a temporary
 * name in the directory of the output (`.ozxfs-XXXXXXXX.partial`, whatever the output is called).
 * Committing gives it its name in one atomic step:
 *
 *     not replacing, without a name    linkat            fails if the name is taken
 *     not replacing, temporary name    renameat2 NOREPLACE, or linkat + unlinkat
 *     replacing, without a name        linkat; if the name is taken, linkat to a temporary name,
 *                                      then renameat over the old file
 *     replacing, temporary name        renameat over the old file
 *
 *     in place                         renameat2 EXCHANGE with a temporary name, and what is there
 *                                      then is removed; without it, renameat over the old file
 *
 * A kill between the steps of the third and the last leaves a temporary name behind, never half a
 * file.
 */
#ifndef OZX_IO_OUTPUT_FILE_H
#define OZX_IO_OUTPUT_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

struct ozx_output_file {
    int fd;           /* open for reading and writing; owned */
    int directory_fd; /* owned */
    struct stat directory;
    int old_fd;       /* O_PATH, of what stands under the name now; -1: nothing; owned */
    struct stat old;  /* of that; st_nlink 0: nothing */
    const char *name; /* last component, borrowed from the path given */
    bool replace;
    bool can_sync_directory;
    bool in_place;    /* only that file is replaced: */
    int read_fd;      /* it is open here (owned), */
    struct stat read; /* and was like that when it was begun to be read */
    char temporary[32]; /* "" while the file has no name */
};

#define OZX_OUTPUT_FILE_INIT                                                                       \
    {                                                                                              \
        .fd = -1, .directory_fd = -1, .old_fd = -1, .read_fd = -1                                  \
    }

/* A name for what is not finished: `.ozxfs-XXXXXXXX.partial`, random. */
void ozx_temporary_name(char name[32]);

/* Looks at the directory and at what stands under the name; nothing is made. -EEXIST: something
 * does, and `replace` is false (or it is no regular file, which is never replaced). */
int ozx_output_file_prepare(struct ozx_output_file *file, const char *path, bool replace,
                            struct ozx_error *error) OZX_CHECKED;

/* After preparing to replace: what is replaced is the file that `fd` reads, or nothing. A commit
 * fails with -ESTALE if that was changed, or another has its name. The new file gets its extended
 * attributes, too. Unless `force`: -EEXIST if it has other names (hard links) or another owner,
 * which the new one cannot have. */
int ozx_output_file_in_place(struct ozx_output_file *file, int fd, bool force,
                             struct ozx_error *error) OZX_CHECKED;

/* Makes the file, empty. Its mode is 0666 less the umask; 0600 if it is to replace another. */
int ozx_output_file_create(struct ozx_output_file *file, struct ozx_error *error) OZX_CHECKED;

/* Gives the file its name, and the access of the file that it replaces (io/access.h). What it holds
 * must be on the disk already (fsync); this syncs the directory. -EEXIST: the name was taken
 * meanwhile, and not replaced. */
int ozx_output_file_commit(struct ozx_output_file *file, struct ozx_error *error) OZX_CHECKED;

/* True if an empty file is to be replaced: who calls may have made it and hold it open, as
 * thumbnailing services do. */
bool ozx_output_file_is_awaited(const struct ozx_output_file *file);

/* In place of a commit: copies what was made into that file, which stays the same one. There is
 * nothing to lose in it; if the copy fails it is empty again. -ESTALE: it is not, or another has
 * its name. */
int ozx_output_file_fill(struct ozx_output_file *file, struct ozx_error *error) OZX_CHECKED;

/* Closes all; a file that was not committed is gone. May be called at any stage, and twice. */
void ozx_output_file_close(struct ozx_output_file *file);

#define OZX_AUTO_OUTPUT_FILE OZX_CLEANUP(ozx_output_file_close)

#endif
