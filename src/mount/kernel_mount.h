/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The act of mounting, by libfuse: mount(2) where that is allowed, else fusermount3.
 */
#ifndef OZX_MOUNT_KERNEL_MOUNT_H
#define OZX_MOUNT_KERNEL_MOUNT_H

#include "mount/mount.h"

struct ozx_kernel_mount {
    int id; /* of the mount, see mount/mountinfo.h */
    unsigned device_minor;
};

/* Mounts on options->mount_point and sends the /dev/fuse descriptor over `socket`
 * (OZX_MESSAGE_DEVICE); this process never has it. On failure nothing is mounted. */
int ozx_kernel_mount(const struct ozx_mount_options *options, int socket,
                     struct ozx_kernel_mount *out, struct ozx_error *error) OZX_CHECKED;

/* Lets the kernel read files ahead by whole requests, not by its 128 KiB. To be called when INIT is
 * answered, which sets it back. Only root may; without that nothing is lost but speed. */
void ozx_kernel_mount_readahead(unsigned device_minor, unsigned max_read_bytes);

#endif
