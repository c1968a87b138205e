/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fusermount3, the set-user-ID program by which ordinary users mount and unmount. It is looked for
 * in the directories that this build was told (-Dfusermount_path), never in the caller's PATH: what
 * it says is believed, and it is handed the mount.
 */
#ifndef OZX_MOUNT_FUSERMOUNT_H
#define OZX_MOUNT_FUSERMOUNT_H

#include <stdbool.h>

#include "base/error.h"

/* Mounts on `path` and puts the open /dev/fuse in `*device`, which the caller owns. `options` are
 * separated by commas, those in a value with a backslash. */
int ozx_fusermount(const char *path, const char *options, int *device,
                   struct ozx_error *error) OZX_CHECKED;

/* Unmounts what is topmost on `path`. -EBUSY: in use; else -EPERM. */
int ozx_fusermount_unmount(const char *path, bool lazy, struct ozx_error *error) OZX_CHECKED;

#endif
