/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking a mount away: by umount2(2) where that is allowed, else by fusermount3.
 */
#ifndef OZX_MOUNT_UNMOUNT_H
#define OZX_MOUNT_UNMOUNT_H

#include <stdbool.h>

#include "base/error.h"
#include "mount/place.h"

/* Unmounts `mount`, if it is what is topmost on `place`; the working directory is / afterwards.
 * `lazy`: now, even if it is in use; it ends when its last user leaves. -ESTALE: something else is
 * there, or nothing; -EBUSY: in use; -EPERM: not allowed. */
int ozx_unmount(const struct ozx_place *place, const struct ozx_mount_id *mount, bool lazy,
                struct ozx_error *error) OZX_CHECKED;

/* `ozxfs umount PATH`: finds the mount without touching it, refuses what is not ozxfs, unmounts,
 * and without `lazy` waits until the processes that served it are gone; then a directory that was
 * made for the mount is gone, too. What else there is to say goes to `note`, whose text is empty
 * if there is nothing: where else the file system is still mounted, and that its daemon lives as
 * long. Descriptors of the process from 3 on are closed, its working directory is / afterwards:
 * what it inherited does not keep the mount busy.
 *
 * -ENOENT, -ENOTDIR ...: no such path; -EINVAL: nothing is mounted there, or it is not ozxfs;
 * -EBUSY, -EPERM: as above; -ETIMEDOUT: unmounted, but the daemon did not end. */
int ozx_umount_run(const char *path, bool lazy, struct ozx_error *note,
                   struct ozx_error *error) OZX_CHECKED;

#endif
