/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking a mount away: by umount2(2) where that is allowed, else by fusermount3.
 */
#ifndef OZX_MOUNT_UNMOUNT_H
#define OZX_MOUNT_UNMOUNT_H

#include <stdbool.h>

#include "base/error.h"

/* Unmounts what is topmost on `path` (absolute, no symlinks). `lazy`: now, even if it is in use; it
 * ends when its last user leaves. -EBUSY: in use; -EPERM: not allowed; -EINVAL: nothing is mounted
 * there. */
int ozx_unmount(const char *path, bool lazy, struct ozx_error *error) OZX_CHECKED;

/* `ozxfs umount PATH`: finds the mount without touching it, refuses what is not ozxfs, unmounts,
 * and without `lazy` waits until the processes that served it are gone. -ENOENT, -ENOTDIR ...: no
 * such path; -EINVAL: nothing is mounted there, or it is not ozxfs; -EBUSY, -EPERM: as above;
 * -ETIMEDOUT: unmounted, but the daemon did not end. */
int ozx_umount_run(const char *path, bool lazy, struct ozx_error *error) OZX_CHECKED;

#endif
