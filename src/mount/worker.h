/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The process that parses the archive and serves it.
 */
#ifndef OZX_MOUNT_WORKER_H
#define OZX_MOUNT_WORKER_H

#include <sys/types.h>

#include "mount/mount.h"

/* Starts a process that runs until the file system is unmounted, and, where a directory of archives
 * is shown, its porter; to be called before any thread is made. The worker says over `*socket` how
 * far it is (mount/channel.h); the caller owns that end. `contents` are handed to it, and closed
 * here in any case. `table` is where the table of files is wanted (mount/table.h), or -1. */
int ozx_worker_start(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                     int table, pid_t *pid, int *socket) OZX_CHECKED;

#endif
