/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which mount is it? A mount has a number, which is given again as soon as it is gone, and since
 * Linux 6.8 a second one that never is. Asking for them asks no file system anything: it works on a
 * mount whose daemon is dead or hangs, and for root on the mount of a user.
 */
#ifndef OZX_MOUNT_MOUNT_ID_H
#define OZX_MOUNT_MOUNT_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ozx_mount_id {
    uint64_t number;       /* the first field of mountinfo */
    uint64_t unique;       /* 0: not known, then nothing but the others is compared */
    unsigned device_major; /* of the file system that is mounted */
    unsigned device_minor;
};

/* The mount that the open directory is in; any descriptor will do, also one of O_PATH. */
int ozx_mount_id_of(int fd, struct ozx_mount_id *out) OZX_CHECKED;

/* The topmost mount on `name` in the open `directory`; without one, the mount that it is in. A
 * symbolic link is not followed. */
int ozx_mount_id_at(int directory, const char *name, struct ozx_mount_id *out) OZX_CHECKED;

bool ozx_mount_id_equal(const struct ozx_mount_id *a, const struct ozx_mount_id *b);

#endif
