/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mount that lives as long as the process that started it (`ozxfs run`), and not longer whatever
 * becomes of that process. Each side watches the other:
 *
 *     the caller is gone       the supervisor reads the end of the channel: it ends the command, if
 *                              it was told of one, unmounts and removes the directory
 *     the supervisor is gone   the caller does so when it ends the lease
 *     the worker is gone       the mount stays and answers ENOTCONN until the lease ends
 *
 * One thread; all functions are for the process that called ozx_mount_start.
 */
#ifndef OZX_MOUNT_MOUNT_LEASE_H
#define OZX_MOUNT_MOUNT_LEASE_H

#include <sys/types.h>

#include "mount/mount_id.h"
#include "mount/private_place.h"

struct ozx_mount_lease {
    const struct ozx_private_place *where; /* borrowed */
    pid_t supervisor;                      /* a child */
    int channel;                           /* to it; -1: not started */
    struct ozx_mount_id id;                /* of the mount; 0 as long as it is not known */
};

#define OZX_MOUNT_LEASE_INIT                                                                       \
    {                                                                                              \
        .channel = -1                                                                              \
    }

/* Tells the supervisor of the command that the mount is for. -EPIPE: it is gone. */
int ozx_mount_lease_hand_command(const struct ozx_mount_lease *lease, int pidfd) OZX_CHECKED;

/* What has become of the mount, once the channel is readable: 1 and the reason if it is not served
 * any more, 0 if it is. */
int ozx_mount_lease_look(const struct ozx_mount_lease *lease, struct ozx_error *error) OZX_CHECKED;

/* Begins to end the mount. Of several, all of them before the first is waited for. */
void ozx_mount_lease_release(const struct ozx_mount_lease *lease);

/* Ends the mount, and waits until its processes and its directory are gone: some seconds, if
 * something still uses it. -EBUSY: something of it is left. Nothing to do if it was not started. */
int ozx_mount_lease_end(struct ozx_mount_lease *lease, struct ozx_error *error) OZX_CHECKED;

#endif
