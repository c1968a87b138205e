/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory to mount on: the one that was given, looked at, or one made for the occasion.
 */
#ifndef OZX_MOUNT_MOUNT_POINT_H
#define OZX_MOUNT_MOUNT_POINT_H

#include <stdbool.h>
#include <sys/types.h>

#include "mount/place.h"
#include "mount/start_guard.h"

/* Finds `directory` and holds it in `place`, if one can mount on it. Each obstacle has its own
 * words: -ENOENT, -ENOTDIR, -ENOTEMPTY (unless `hide_contents`), -EBUSY (an ozxfs mount or the
 * remains of one are there), -EPERM (mount/place.h). */
int ozx_mount_point_check(const char *directory, bool hide_contents, struct ozx_place *place,
                          struct ozx_error *error) OZX_CHECKED;

/* Makes NAME.ome.zarr (ozx_directory_name) beside the archive; if that is there with files in it
 * (the directory that the archive was packed from, say), NAME.ozx.ome.zarr; if that is, too, or
 * nothing can be written there, NAME.ome.zarr in $XDG_RUNTIME_DIR/ozxfs or else /tmp/ozxfs-UID. An
 * empty directory of that name that is the caller's own is taken, too.
 *
 * What is made has the sticky bit, which nobody else gives to such a directory: by that it is known
 * after a crash, and `place->made` is set for one that was left. `guard` is told of each that is
 * tried. */
int ozx_mount_point_make(const char *archive_path, const struct ozx_start_guard *guard,
                         struct ozx_place *place, struct ozx_error *error) OZX_CHECKED;

/* -EBUSY, with the words for it, if an ozxfs mount (a dead one too) is on this place already. */
int ozx_mount_point_refuse_used(const struct ozx_place *place, struct ozx_error *error) OZX_CHECKED;

/* Removes the directory, if it was made for a mount, is empty, and belongs to the caller or (who
 * calls is root) to `user`. True if it did. */
bool ozx_mount_point_remove_made(const struct ozx_place *place, uid_t user);

#endif
