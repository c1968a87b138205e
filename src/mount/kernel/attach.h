/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mount of an image, which is nowhere yet.
 */
#ifndef OZX_MOUNT_KERNEL_ATTACH_H
#define OZX_MOUNT_KERNEL_ATTACH_H

#include "mount/mount.h"

/* Of the image with the archive as its device; source and options are those of the mount. `*mount`
 * is the caller's. -EPERM, -ENODEV, with the reason. */
int ozx_kernel_image_attach(const struct ozx_mount_options *options, int image, int archive,
                            int *mount, struct ozx_error *why) OZX_CHECKED;

#endif
