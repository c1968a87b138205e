/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount shows: one archive as its root, or several, each as a directory of the root.
 */
#ifndef OZX_MOUNT_CONTENTS_H
#define OZX_MOUNT_CONTENTS_H

#include <limits.h>
#include <stdbool.h>

#include "io/source.h"

struct ozx_mount_archive {
    struct ozx_source *source; /* owned */
    const char *file;          /* as it was given; what messages call it where there are several */
    char name[NAME_MAX + 1];   /* of its directory, where there are several */
};

struct ozx_mount_contents {
    struct ozx_mount_archive *archives; /* owned */
    uint32_t count;
    bool several; /* a list is shown, be it of one */
};

/* Names the directory of the last archive: ozx_directory_name_of, with a number if the name is
 * taken. */
void ozx_mount_contents_name_last(struct ozx_mount_contents *contents);

/* Closes every descriptor from 3 on but those of the sources and the `count` of `others` (negative ones
 * are none). -ENOMEM. */
int ozx_mount_contents_close_others(const struct ozx_mount_contents *contents, const int *others,
                                    size_t count) OZX_CHECKED;

/* Closes the sources and frees the list. What is closed already is fine. */
void ozx_mount_contents_close(struct ozx_mount_contents *contents);

/* The name of the directory that an archive is shown as: its own, without the path and what says
 * that it is an archive, with `suffix`; cut where that would be too long. */
void ozx_directory_name(const char *archive_path, const char *suffix, char name[NAME_MAX + 1]);

/* The same with ".ome.zarr", and with a `number` from 2 on with "-NUMBER.ome.zarr". */
void ozx_directory_name_of(const char *archive_path, unsigned number, char name[NAME_MAX + 1]);

#endif
