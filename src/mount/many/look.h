/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What there is in a directory of archives, as the file system says: the one place of the porter
 * that looks. All below one directory, no symbolic link followed, no other file system entered,
 * nothing opened that is not a regular file or a directory.
 */
#ifndef OZX_MOUNT_MANY_LOOK_H
#define OZX_MOUNT_MANY_LOOK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "mount/many/catalog.h"
#include "mount/mount.h"

struct ozx_look {
    int root;                 /* borrowed */
    bool all_files;           /* other files and Zarr directories count, too */
    bool has_mount_point;     /* which is not shown: */
    dev_t mount_point_device; /* its directory */
    ino_t mount_point_inode;
    char mount_point_name[NAME_MAX + 1]; /* in that */
};

/* `place`, where it will be mounted, may be NULL. */
void ozx_look_start(struct ozx_look *look, int root, bool all_files, const struct ozx_place *place);

/* Opens a directory by its path from the root, "" for that itself. -errno. */
int ozx_look_directory(const struct ozx_look *look, const char *path, int *fd,
                       struct stat *st) OZX_CHECKED;

/* The root itself, which is always a directory. */
void ozx_look_at_root(int root, struct ozx_seen *out);

/* Looks at a name in an open directory, whose stat is `st`. `type`: what readdir said (DT_UNKNOWN:
 * nothing). False: there is nothing to be shown. */
bool ozx_look_at(const struct ozx_look *look, int directory, const struct stat *st,
                 const char *name, unsigned char type, struct ozx_seen *out);

/* Opens a file to be read, if it is still what was seen; -ESTALE if not. */
int ozx_look_open(const struct ozx_look *look, const char *path, const struct ozx_seen *seen,
                  int *fd) OZX_CHECKED;

bool ozx_seen_is_same(const struct ozx_seen *a, const struct ozx_seen *b);

/* True for the ending of an archive: .ozx or .zarr.zip, in any case. */
bool ozx_look_is_archive_name(const char *name);

/* True if the open directory is a Zarr store itself, by the names in it. */
bool ozx_look_is_zarr(int directory);
/* True for the names by which a directory is known to be a Zarr store itself. */
bool ozx_look_is_zarr_name(const char *name);

/* True if what changes in the directory is told by inotify, as far as its file system goes. */
bool ozx_look_is_local(int directory);

#endif
