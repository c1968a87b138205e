/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount shows: one archive as its root, or several, each as a directory of the root, or all
 * that are in a directory.
 */
#ifndef OZX_MOUNT_CONTENTS_H
#define OZX_MOUNT_CONTENTS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "io/source.h"

/* What stands for one thing of a directory of archives: if any of it is another one, it is taken
 * for another thing. */
struct ozx_seen {
    int kind; /* enum ozx_item_kind (mount/many/catalog.h) */
    dev_t device;
    ino_t inode;
    mode_t mode; /* permission bits; with an ACL, those of the owner alone */
    uid_t uid;
    gid_t gid;
    uint64_t size_bytes;   /* 0 for a directory */
    struct timespec mtime; /* of a directory it says nothing */
};

struct ozx_mount_archive {
    struct ozx_source *source; /* owned */
    const char *file;          /* as it was given; what messages call it where there are several */
    char name[NAME_MAX + 1];   /* of its directory, where there are several */
};

#define OZX_MOUNT_CONTENTS_INIT                                                                    \
    {                                                                                              \
        .directory = -1, .requests = -1                                                            \
    }

struct ozx_mount_contents {
    struct ozx_mount_archive *archives; /* owned */
    uint32_t count;
    bool several;         /* a list is shown, be it of one */
    int directory;        /* owned; of which all archives are shown, in place of a list; -1: none */
    struct ozx_seen root; /* that directory, once the porter was started */
    int requests;         /* owned; to the porter (mount/many/porter.h), from then on; -1: none */
};

/* Names the directory of the last archive: ozx_directory_name_of, with a number if the name is
 * taken. */
void ozx_mount_contents_name_last(struct ozx_mount_contents *contents);

/* Closes every descriptor from 3 on but those of the contents and the `count` of `others` (negative
 * ones are none). -ENOMEM. */
int ozx_mount_contents_close_others(const struct ozx_mount_contents *contents, const int *others,
                                    size_t count) OZX_CHECKED;

/* How many threads serve it at most, unless it is said otherwise: those that wait for servers wait
 * long, and have nothing to do. */
unsigned ozx_mount_contents_threads(const struct ozx_mount_contents *contents);

/* Closes all of it and frees the list. What is closed already is fine. */
void ozx_mount_contents_close(struct ozx_mount_contents *contents);

/* The name of the directory that an archive is shown as: its own, without the path and what says
 * that it is an archive, with `suffix`; cut where that would be too long. */
void ozx_directory_name(const char *archive_path, const char *suffix, char name[NAME_MAX + 1]);

/* The same with ".ome.zarr", and with a `number` from 2 on with "-NUMBER.ome.zarr". */
void ozx_directory_name_of(const char *archive_path, unsigned number, char name[NAME_MAX + 1]);

#endif
