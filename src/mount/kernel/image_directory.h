/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entries of a directory, in blocks. Each block has its entries, sorted, and behind them their
 * names.
 */
#ifndef OZX_MOUNT_KERNEL_IMAGE_DIRECTORY_H
#define OZX_MOUNT_KERNEL_IMAGE_DIRECTORY_H

#include "mount/kernel/image.h"

/* What a directory lists: rows first ... end-1, "." and "..". */
struct ozx_kernel_image_listing {
    const struct ozx_table *table;
    const uint32_t *nids; /* of each row; not needed to measure */
    uint32_t row, first, end;
};

/* Bytes that it takes, from the start of a block on. */
uint64_t ozx_kernel_image_directory_size(const struct ozx_kernel_image_listing *listing);

/* Writes it to `to`, which is zero. */
void ozx_kernel_image_directory_write(const struct ozx_kernel_image_listing *listing, uint8_t *to);

#endif
