/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The process that parses the archive and serves it.
 */
#ifndef OZX_MOUNT_WORKER_H
#define OZX_MOUNT_WORKER_H

#include "mount/mount.h"

/* Runs in a process of its own, forked before any thread was made, until the file system is
 * unmounted. Says over `socket` how far it is (mount/channel.h). `contents` are owned by it. `table`
 * is where the table of files is wanted (mount/table.h), or -1. Returns the process's exit status. */
int ozx_worker_run(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                   int socket, int table) OZX_CHECKED;

#endif
