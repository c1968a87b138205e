/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The act of mounting.
 */
#ifndef OZX_MOUNT_KERNEL_MOUNT_H
#define OZX_MOUNT_KERNEL_MOUNT_H

#include "mount/mount.h"
#include "mount/mount_id.h"

/* Mounts on `options->place` (held; its directory is let go) and sends the /dev/fuse descriptor
 * over `socket`; no copy of it is kept. -EBUSY: an ozxfs mount is there by now, or somebody keeps
 * the directory locked; -ESTALE: the directory is not there any more. On failure nothing is
 * mounted. */
int ozx_kernel_mount(const struct ozx_mount_options *options, int socket, struct ozx_mount_id *out,
                     struct ozx_error *error) OZX_CHECKED;

/* The first half of it, for another mount than FUSE's: locks the directory until `*lock` is closed,
 * and refuses one that is used. */
int ozx_kernel_mount_begin(const struct ozx_mount_options *options, int *lock,
                           struct ozx_error *error) OZX_CHECKED;

/* Lets the kernel read ahead by 256 KiB, but no more than `max_read_bytes`, as root. Left as it is
 * where that cannot be. */
void ozx_kernel_mount_readahead(unsigned device_minor, unsigned max_read_bytes);

#endif
