/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where everything goes in an image: asked row by row, in the same way by the pass that plans and
 * by the one that writes.
 */
#ifndef OZX_MOUNT_KERNEL_IMAGE_PLACE_H
#define OZX_MOUNT_KERNEL_IMAGE_PLACE_H

#include "mount/kernel/erofs.h"
#include "mount/kernel/image.h"
#include "mount/kernel/image_directory.h"

/* To a power of two. */
static inline uint64_t ozx_kernel_image_round(uint64_t value, uint64_t to)
{
    return (value + to - 1) & ~(to - 1);
}

static inline uint64_t ozx_kernel_image_round_to_block(uint64_t value)
{
    return ozx_kernel_image_round(value, OZX_EROFS_BLOCK);
}

/* What stands where, of a row. */
struct ozx_kernel_image_shape {
    uint64_t inode_bytes;   /* where, */
    uint64_t inode_size;    /* and its size */
    unsigned layout;        /* OZX_EROFS_FLAT_PLAIN ... */
    uint64_t records_bytes; /* extents, chunks, inline entries: where, */
    uint64_t record_size, record_count;
    unsigned chunk_bits;
    struct ozx_kernel_image_listing listing; /* of a directory, */
    uint32_t subdirectory_count;
    uint64_t directory_size, directory_bytes;
};

/* Places the row at `i`, and moves the cursor behind it. Sets no more of `out` than its layout has.
 */
void ozx_kernel_image_place(struct ozx_kernel_image_cursor *cursor,
                            const struct ozx_kernel_image *image, uint32_t i,
                            struct ozx_kernel_image_shape *out);

/* The part of a file's bytes that stands in the archive's last, incomplete block. */
uint64_t ozx_kernel_image_tail_size(const struct ozx_kernel_image *image,
                                    const struct ozx_row *row);
uint64_t ozx_kernel_image_count_extents(const struct ozx_kernel_image *image,
                                        const struct ozx_row *row);
/* 0: it is whole. */
uint64_t ozx_kernel_image_last_chunk_size(const struct ozx_row *row, unsigned chunk_bits);

#endif
