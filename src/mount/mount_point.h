/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory to mount on: the one that was given, looked at, or one made for the occasion.
 */
#ifndef OZX_MOUNT_MOUNT_POINT_H
#define OZX_MOUNT_MOUNT_POINT_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

/* `directory` as an absolute path without symlinks, if one can mount on it. Each obstacle has its
 * own words: -ENOENT, -ENOTDIR, -ENOTEMPTY (unless `hide_contents`), -EBUSY (an ozxfs mount or the
 * remains of one are there). */
int ozx_mount_point_check(const char *directory, bool hide_contents, char resolved[PATH_MAX],
                          struct ozx_error *error) OZX_CHECKED;

/* Makes NAME.ome.zarr beside the archive, where NAME is the archive's name without .ozx,
 * .ome.zarr.zip, .zarr.zip or .zip; if nothing can be written there, in $XDG_RUNTIME_DIR/ozxfs or
 * else /tmp/ozxfs-UID. `*made` is false if an empty directory of that name was there already. */
int ozx_mount_point_make(const char *archive_path, char resolved[PATH_MAX], bool *made,
                         struct ozx_error *error) OZX_CHECKED;

/* -EBUSY, with the words for it, if an ozxfs mount (a dead one too) is on this resolved path already. */
int ozx_mount_point_refuse_used(const char *resolved, struct ozx_error *error) OZX_CHECKED;

#endif
