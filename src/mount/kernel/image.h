/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An EROFS image of a tree: inodes, directories, and where in the archive each file's bytes stand.
 * Made from a checked table (ozx_table_check) and nothing else; knows nothing of ZIP, files or the
 * kernel.
 *
 *     ozx_kernel_image_plan -> memory of size_bytes, all zero -> ozx_kernel_image_write
 *     -> (ozx_kernel_image_poison)
 */
#ifndef OZX_MOUNT_KERNEL_IMAGE_H
#define OZX_MOUNT_KERNEL_IMAGE_H

#include <sys/types.h>

#include "mount/table.h"

struct ozx_kernel_image_options {
    uid_t uid;
    gid_t gid;
    mode_t file_mode, directory_mode; /* permission bits */
    uid_t root_uid;                   /* of the root directory alone */
    mode_t root_mode;
    uint64_t archive_size_bytes;
};

/* Where a pass over the rows is. */
struct ozx_kernel_image_cursor {
    uint32_t child;            /* the next directory's first row */
    uint64_t meta_bytes;       /* the next inode, at the earliest */
    uint64_t directory_bytes;  /* the next directory's blocks */
    uint64_t chunk_copy_bytes; /* the next copy of a last chunk */
};

#define OZX_IMAGE_PARTS 8 /* that rows are written in */

struct ozx_kernel_image {
    const struct ozx_table *table; /* borrowed */
    struct ozx_kernel_image_options options;
    uint32_t *nids;              /* owned: of each row */
    int64_t epoch_s;             /* the smallest mtime */
    unsigned extent_bits;        /* of the most bytes that an extent takes */
    uint64_t meta_end_bytes;     /* inodes end here, */
    uint64_t directories_bytes;  /* blocks of directories begin here, */
    uint64_t data_bytes;         /* the table's data here, */
    uint64_t tail_bytes;         /* the archive's last, incomplete block here (0: it has none), */
    uint64_t chunks_bytes;       /* copies of last chunks here, */
    uint64_t size_bytes;         /* and it ends here */
    uint64_t chunk_copies_bytes; /* so much of them */
    /* At the first row of each part, where blocks and copies are counted from 0. */
    struct ozx_kernel_image_cursor parts[OZX_IMAGE_PARTS];
};

/* The first row of a part. */
static inline uint32_t ozx_kernel_image_part(const struct ozx_kernel_image *image, uint32_t part)
{
    return (uint32_t)((uint64_t)image->table->count * part / OZX_IMAGE_PARTS);
}

/* The size of an image of so many rows with short files, about. */
uint64_t ozx_kernel_image_guess(uint32_t count, uint32_t names_size_bytes);

/* `table` is checked and borrowed until ozx_kernel_image_free. -EFBIG: more than an image can hold.
 */
int ozx_kernel_image_plan(const struct ozx_table *table,
                          const struct ozx_kernel_image_options *options,
                          struct ozx_kernel_image *out, struct ozx_error *error) OZX_CHECKED;

/* Bytes of the archive, whole or -errno. */
typedef int (*ozx_kernel_image_read)(void *context, void *to, size_t size_bytes,
                                     uint64_t offset_bytes);

/* Writes the image to `memory`, which is zero. Those few bytes of files that have to stand in it
 * are read by `read`, on any thread. */
int ozx_kernel_image_write(const struct ozx_kernel_image *image, uint8_t *memory,
                           ozx_kernel_image_read read, void *context) OZX_CHECKED;

void ozx_kernel_image_free(struct ozx_kernel_image *image);

/* Makes every extent and every chunk of a written image lead nowhere, so that reading through it is
 * an error: of files, never of directories, and nothing else changes. `meta_end_bytes` of the
 * image's. Allocates nothing. */
void ozx_kernel_image_poison(uint8_t *memory, uint64_t meta_end_bytes);

#endif
