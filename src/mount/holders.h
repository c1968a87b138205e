/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who still has a file system mounted that was unmounted here: bind mounts of it, and mount
 * namespaces that are copies of this one (of containers, of services).
 */
#ifndef OZX_MOUNT_HOLDERS_H
#define OZX_MOUNT_HOLDERS_H

#include <stdbool.h>

#include "mount/mount_id.h"

struct ozx_holders {
    bool elsewhere; /* there are other namespaces among them */
    char text[400]; /* "on /mnt/b, and in the mount namespace of bash (123)"; "" without any */
};

/* False if the file system of this mount is surely gone. Costs one system call. */
bool ozx_holders_may_exist(const struct ozx_mount_id *mount);

/* As far as we may see: an ordinary user sees the namespaces of own processes. */
void ozx_holders_find(const struct ozx_mount_id *mount, struct ozx_holders *out);

#endif
