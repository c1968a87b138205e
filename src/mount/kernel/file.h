/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file that holds an image. It has no name that anybody could open it by, and is gone with the
 * mount.
 */
#ifndef OZX_MOUNT_KERNEL_FILE_H
#define OZX_MOUNT_KERNEL_FILE_H

#include <stdint.h>

#include "base/error.h"

struct ozx_kernel_image_file {
    int fd;          /* -1: none */
    uint8_t *memory; /* of all of it, shared */
    uint64_t size_bytes;
};

#define OZX_IMAGE_FILE_INIT                                                                        \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Makes room for an image that may come, of about that size; only where it goes into memory. */
void ozx_kernel_image_file_expect(uint64_t size_bytes, struct ozx_kernel_image_file *out);

/* Made of zeros, from what was expected or anew: in memory, where it is small or there is much of
 * it, else below /var/tmp. -EPERM, -ENODEV, with the reason. */
int ozx_kernel_image_file_make(uint64_t size_bytes, struct ozx_kernel_image_file *file,
                               struct ozx_error *why) OZX_CHECKED;

void ozx_kernel_image_file_close(struct ozx_kernel_image_file *file);

#endif
