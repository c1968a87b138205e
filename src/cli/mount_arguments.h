/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line of `ozxfs mount`, and of `mount.ozxfs` as mount(8) calls it.
 */
#ifndef OZX_CLI_MOUNT_ARGUMENTS_H
#define OZX_CLI_MOUNT_ARGUMENTS_H

#include "cli/remote_options.h"
#include "mount/mount.h"

struct ozx_mount_arguments {
    struct ozx_mount_options options; /* without mount_point and, unless it was given, fsname */
    char *const *archives;            /* as they were given; argv's */
    int archive_count;     /* at least 1; from 2 on each becomes a directory of the mount */
    const char *directory; /* NULL: not given */
    struct ozx_remote_options remote;
    int ready_fd;    /* -1: none */
    const char *log; /* NULL: none */
    bool nonempty;
    bool plain;         /* nothing but -v was asked for */
    bool fake;          /* mount(8) -f: do everything but mount */
    char *fuse_options; /* owned; other strings are argv's */
    /* While the command line is read. */
    bool helper;        /* called by mount(8) */
    bool sloppy;        /* mount(8) -s: unknown keys are no error */
    unsigned file_mask; /* permission bits to clear */
    unsigned directory_mask;
    char ignored[256]; /* keys that have no effect, with commas */
    char *fuse_end;    /* of fuse_options, which has room for whatever is in argv */
};

/* Defaults, and the room that `argv` can need. OZX_EXIT_OK, or the exit status of what was told. To
 * be released in any case. */
int ozx_mount_arguments_init(struct ozx_mount_arguments *arguments, int argc, char **argv,
                             const struct ozx_remote_urls *urls);

/* What the options mean together, once they are read. */
void ozx_mount_arguments_finish(struct ozx_mount_arguments *arguments);

/* -1: go on; else the exit status (--help, a usage error). `arguments` is to be released in both
 * cases. The lists behind -o are taken apart in place. */
int ozx_mount_arguments_parse(int argc, char **argv, const struct ozx_remote_urls *urls,
                              struct ozx_mount_arguments *arguments);
void ozx_mount_arguments_release(struct ozx_mount_arguments *arguments);

/* True for the names by which mount(8) calls its helpers. */
bool ozx_mount_is_helper(const char *program);

#endif
