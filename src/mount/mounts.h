/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ozxfs mounts that there are in this mount namespace. No file system is asked anything: a dead
 * mount, or one that hangs, is found like any other.
 */
#ifndef OZX_MOUNT_MOUNTS_H
#define OZX_MOUNT_MOUNTS_H

#include "base/error.h"
#include "mount/mountinfo.h"

#define OZX_MOUNTS_OF_ALL ((uid_t)-1)

/* The mounts of `user`, of `source` (what findmnt shows: the archive's absolute path) or of any
 * (NULL), the last one first: one that is mounted on another is unmounted before it. `info` is
 * owned by the caller, `entries` is freed by it and borrows from `info`. -ENOMEM, -ENOENT (no
 * /proc) ... */
int ozx_mounts_find(uid_t user, const char *source, struct ozx_mountinfo *info,
                    const struct ozx_mount_entry ***entries, size_t *count) OZX_CHECKED;

struct ozx_mount_owner {
    uid_t user;       /* who mounted */
    pid_t supervisor; /* 0: there is none, or it is not to be seen */
    int64_t since_s;  /* when that began, seconds since 1970; 0: not known */
};
void ozx_mounts_owner(const struct ozx_mount_entry *entry, struct ozx_mount_owner *out);

#endif
