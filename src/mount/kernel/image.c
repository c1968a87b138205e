/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An EROFS image of a tree, in two passes over the rows: the first says where everything goes, the
 * second writes it there. A file's bytes are described in one of two ways:
 *
 *     extents   of at most 1 << extent_bits bytes, at any byte of the archive
 *               (EROFS_INODE_COMPRESSED_FULL with plain extents: the kernel copies)
 *     chunks    of whole blocks, where a large file begins at a block's start
 *               (EROFS_INODE_CHUNK_BASED: it does not)
 *
 * Bytes that no device has in whole blocks are copied into the image: the archive's last,
 * incomplete block, and a file's last, incomplete chunk, which else showed what stands behind the
 * file in the archive.
 */
#include "mount/kernel/image.h"

#include "mount/kernel/image_place.h"

/* Small, since a kernel that reads a part of an extent reads all of it, but no smaller: each has a
 * price of its own. Of 16 to 128 KiB this one has the fastest reads at random, and streams but for
 * a tenth. */
#define EXTENT_BITS 16
#define EXTENT_BITS_MAX 20                     /* OZX_EROFS_PLEN_MAX */
#define RECORDS_BYTES_MAX (UINT64_C(64) << 20) /* of extents; else they are made larger */

static void survey(struct ozx_kernel_image *image)
{
    const struct ozx_table *table = image->table;
    /* Of whole extents, and a part of one at each end; no more than that will fit mostly. */
    const uint64_t most = (table->facts.files_bytes >> EXTENT_BITS) + UINT64_C(2) * table->count;

    image->extent_bits = EXTENT_BITS;
    image->epoch_s = table->facts.oldest_s;
    if (most * OZX_EROFS_EXTENT_SHORT <= RECORDS_BYTES_MAX)
        return;
    for (; image->extent_bits < EXTENT_BITS_MAX; image->extent_bits++) {
        uint64_t records_bytes = 0;
        for (uint32_t i = 0; i < table->count; i++)
            if (table->rows[i].kind != OZX_ROW_DIRECTORY)
                records_bytes +=
                    ozx_kernel_image_count_extents(image, &table->rows[i]) * OZX_EROFS_EXTENT_SHORT;
        if (records_bytes <= RECORDS_BYTES_MAX)
            break;
    }
}

static int fail_size(struct ozx_error *error)
{
    return ozx_error_set(error, -EFBIG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the archive is too large for an EROFS image");
}

uint64_t ozx_kernel_image_guess(uint32_t count, uint32_t names_size_bytes)
{
    const uint64_t inode =
        ozx_kernel_image_round(sizeof(struct ozx_erofs_compact) +
                                   sizeof(struct ozx_erofs_map_header) + OZX_EROFS_EXTENT_SHORT,
                               OZX_EROFS_SLOT);

    return ozx_kernel_image_round_to_block(
        OZX_EROFS_META + count * (inode + sizeof(struct ozx_erofs_dirent)) + names_size_bytes);
}

int ozx_kernel_image_plan(const struct ozx_table *table,
                          const struct ozx_kernel_image_options *options,
                          struct ozx_kernel_image *out, struct ozx_error *error)
{
    struct ozx_kernel_image image = {.table = table, .options = *options};
    uint64_t archive_blocks =
        ozx_kernel_image_round_to_block(options->archive_size_bytes) / OZX_EROFS_BLOCK;
    struct ozx_kernel_image_cursor cursor = {
        .child = 1, .meta_bytes = OZX_EROFS_META + OZX_EROFS_FIRST_NID * OZX_EROFS_SLOT};

    if (archive_blocks >= OZX_EROFS_BLOCKS_MAX - OZX_EROFS_ARCHIVE_BLOCK)
        return fail_size(error);
    image.nids = malloc(sizeof *image.nids * table->count);
    if (!image.nids)
        return ozx_error_memory(error);
    survey(&image);
    for (uint32_t i = 0, part = 0; i < table->count; i++) {
        struct ozx_kernel_image_shape shape;
        for (; part < OZX_IMAGE_PARTS && i == ozx_kernel_image_part(&image, part); part++)
            image.parts[part] = cursor;
        ozx_kernel_image_place(&cursor, &image, i, &shape);
        if (cursor.meta_bytes / OZX_EROFS_SLOT > UINT32_MAX) {
            free(image.nids);
            return fail_size(error);
        }
        image.nids[i] = (uint32_t)((shape.inode_bytes - OZX_EROFS_META) / OZX_EROFS_SLOT);
    }
    image.meta_end_bytes = cursor.meta_bytes;
    image.directories_bytes = ozx_kernel_image_round_to_block(cursor.meta_bytes);
    image.data_bytes = image.directories_bytes + cursor.directory_bytes;
    image.chunks_bytes = image.data_bytes + ozx_kernel_image_round_to_block(table->data_size);
    image.chunk_copies_bytes = cursor.chunk_copy_bytes;
    image.size_bytes = image.chunks_bytes + image.chunk_copies_bytes;
    if (options->archive_size_bytes % OZX_EROFS_BLOCK) {
        uint64_t whole = options->archive_size_bytes / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK;
        image.tail_bytes = image.size_bytes;
        /* Kernels (6.18) take two extents for neighbours whose addresses are, whatever their
         * devices, and read both from the first one's. */
        if (image.tail_bytes == whole)
            image.tail_bytes += OZX_EROFS_BLOCK;
        image.size_bytes = image.tail_bytes + OZX_EROFS_BLOCK;
    }
    if (image.size_bytes / OZX_EROFS_BLOCK >= OZX_EROFS_ARCHIVE_BLOCK) {
        free(image.nids);
        return fail_size(error);
    }
    *out = image;
    return 0;
}

void ozx_kernel_image_free(struct ozx_kernel_image *image)
{
    free(image->nids);
    image->nids = NULL;
}
