/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the backend of the kernel holds, as its own sources see it.
 */
#ifndef OZX_MOUNT_KERNEL_STATE_H
#define OZX_MOUNT_KERNEL_STATE_H

#include "mount/direct.h"
#include "mount/kernel/file.h"

struct ozx_direct {
    const struct ozx_mount_options *options;
    int archive; /* owned: another descriptor of the file that was given, which outlives it */
    int breaks;  /* signalfd: somebody is about to write to the archive */
    struct ozx_kernel_image_file image;
    uint64_t meta_end_bytes;
    bool attached;
    pid_t keeper;   /* keeper.c */
    int keeper_end; /* owned; -1: there is no keeper */
};

/* Takes the lease on the archive (lease.c), and makes `breaks`. */
int ozx_lease_take(struct ozx_direct *direct, struct ozx_error *why) OZX_CHECKED;
/* True once it is being broken, or is gone. */
bool ozx_lease_is_broken(const struct ozx_direct *direct);
/* Lets who waits go on. */
void ozx_lease_end(const struct ozx_direct *direct);

void ozx_kernel_watch(struct ozx_direct *direct, const struct ozx_own_mount *own, int signals,
                      const struct ozx_direct_events *events);

#endif
