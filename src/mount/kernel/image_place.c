/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a row's inode, extents, chunks and entries go, one row after the other.
 */
#include "mount/kernel/image_place.h"

#define CHUNK_FILE_BYTES (UINT64_C(64) << 10) /* smaller files are no chunks */
#define CHUNK_BITS_MAX 16
#define CHUNK_SHARE 16 /* a chunk, and with it a copy, is at most this part of its file */
#define CHUNK_COPIES_MAX (UINT64_C(64) << 20)

uint64_t ozx_kernel_image_tail_size(const struct ozx_kernel_image *image, const struct ozx_row *row)
{
    uint64_t whole = image->options.archive_size_bytes / OZX_EROFS_BLOCK * OZX_EROFS_BLOCK;
    uint64_t end = row->offset_bytes + row->size_bytes;

    if (row->kind != OZX_ROW_FILE || end <= whole)
        return 0;
    return row->offset_bytes > whole ? row->size_bytes : end - whole;
}

uint64_t ozx_kernel_image_count_extents(const struct ozx_kernel_image *image,
                                        const struct ozx_row *row)
{
    uint64_t tail = ozx_kernel_image_tail_size(image, row), extent = UINT64_C(1)
                                                                     << image->extent_bits;

    return ((row->size_bytes - tail + extent - 1) >> image->extent_bits) + (tail > 0);
}

static unsigned chunk_bits_of(const struct ozx_row *row)
{
    unsigned bits = CHUNK_BITS_MAX;

    while (bits > OZX_EROFS_BLOCK_BITS && UINT64_C(1) << bits > row->size_bytes / CHUNK_SHARE)
        bits--;
    return bits;
}

uint64_t ozx_kernel_image_last_chunk_size(const struct ozx_row *row, unsigned chunk_bits)
{
    return row->size_bytes & ((UINT64_C(1) << chunk_bits) - 1);
}

static bool is_chunked(const struct ozx_kernel_image_cursor *cursor,
                       const struct ozx_kernel_image *image, const struct ozx_row *row)
{
    return row->kind == OZX_ROW_FILE && row->offset_bytes % OZX_EROFS_BLOCK == 0 &&
           row->size_bytes >= CHUNK_FILE_BYTES &&
           cursor->chunk_copy_bytes - image->chunks_bytes +
                   ozx_kernel_image_last_chunk_size(row, chunk_bits_of(row)) <=
               CHUNK_COPIES_MAX;
}

static bool is_extended(const struct ozx_kernel_image *image, const struct ozx_row *row,
                        uint32_t links)
{
    uint64_t age = (uint64_t)row->mtime_s - (uint64_t)image->epoch_s;

    return row->size_bytes > UINT32_MAX || age > UINT32_MAX || links > UINT16_MAX ||
           image->options.uid > UINT16_MAX || image->options.gid > UINT16_MAX ||
           image->options.root_uid > UINT16_MAX;
}

/* The children of the directory at `row`: those from the cursor on that have it as their parent. */
static void list(struct ozx_kernel_image_cursor *cursor, const struct ozx_kernel_image *image,
                 uint32_t row, struct ozx_kernel_image_shape *out)
{
    const struct ozx_table *table = image->table;
    uint32_t end = cursor->child;

    out->subdirectory_count = 0;
    for (; end < table->count && table->rows[end].parent == row; end++)
        out->subdirectory_count += table->rows[end].kind == OZX_ROW_DIRECTORY;
    out->listing = (struct ozx_kernel_image_listing){table, image->nids, row, cursor->child, end};
    cursor->child = end;
    out->directory_size = ozx_kernel_image_directory_size(&out->listing);
}

/* Behind its inode, if both fit a block; the inode begins another one where only that helps. */
static void place_directory(struct ozx_kernel_image_cursor *cursor,
                            struct ozx_kernel_image_shape *out)
{
    uint64_t whole = out->inode_size + out->directory_size;

    if (whole > OZX_EROFS_BLOCK) {
        out->layout = OZX_EROFS_FLAT_PLAIN;
        out->directory_bytes = cursor->directory_bytes;
        cursor->directory_bytes += ozx_kernel_image_round_to_block(out->directory_size);
        cursor->meta_bytes = out->inode_bytes + out->inode_size;
        return;
    }
    if (out->inode_bytes % OZX_EROFS_BLOCK + whole > OZX_EROFS_BLOCK)
        out->inode_bytes = ozx_kernel_image_round_to_block(out->inode_bytes);
    out->layout = OZX_EROFS_FLAT_INLINE;
    out->directory_bytes = out->inode_bytes + out->inode_size;
    cursor->meta_bytes = out->inode_bytes + whole;
}

static void place_file(struct ozx_kernel_image_cursor *cursor, const struct ozx_kernel_image *image,
                       const struct ozx_row *row, struct ozx_kernel_image_shape *out)
{
    uint64_t end = out->inode_bytes + out->inode_size;

    if (row->size_bytes == 0) {
        out->layout = OZX_EROFS_FLAT_PLAIN;
        cursor->meta_bytes = end;
        return;
    }
    if (is_chunked(cursor, image, row)) {
        out->layout = OZX_EROFS_CHUNK_BASED;
        out->chunk_bits = chunk_bits_of(row);
        out->record_size = sizeof(struct ozx_erofs_chunk);
        out->record_count = ((row->size_bytes - 1) >> out->chunk_bits) + 1;
        out->records_bytes = end;
        cursor->chunk_copy_bytes +=
            ozx_kernel_image_round_to_block(ozx_kernel_image_last_chunk_size(row, out->chunk_bits));
    } else {
        out->layout = OZX_EROFS_COMPRESSED_FULL;
        out->record_size =
            row->size_bytes > UINT32_MAX ? OZX_EROFS_EXTENT_LONG : OZX_EROFS_EXTENT_SHORT;
        out->record_count = ozx_kernel_image_count_extents(image, row);
        out->records_bytes =
            ozx_kernel_image_round(end + sizeof(struct ozx_erofs_map_header), out->record_size);
    }
    cursor->meta_bytes = out->records_bytes + out->record_size * out->record_count;
}

void ozx_kernel_image_place(struct ozx_kernel_image_cursor *cursor,
                            const struct ozx_kernel_image *image, uint32_t i,
                            struct ozx_kernel_image_shape *out)
{
    const struct ozx_row *row = &image->table->rows[i];
    const bool is_directory = row->kind == OZX_ROW_DIRECTORY;

    out->inode_bytes = ozx_kernel_image_round(cursor->meta_bytes, OZX_EROFS_SLOT);
    if (is_directory)
        list(cursor, image, i, out);
    out->inode_size = is_extended(image, row, is_directory ? out->subdirectory_count + 2 : 1)
                          ? sizeof(struct ozx_erofs_extended)
                          : sizeof(struct ozx_erofs_compact);
    if (is_directory)
        place_directory(cursor, out);
    else
        place_file(cursor, image, row, out);
}
