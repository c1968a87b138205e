/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bytes of one file of an archive, brought to a file on the disk and summed on the way. Long
 * runs of zeros become holes. Where the file system can share blocks between files (btrfs, XFS) and
 * the data is aligned in the archive, they are shared rather than written; copy_file_range would do
 * no more than that elsewhere, and slower than a write of what was read for the CRC anyway.
 */
#ifndef OZX_UNPACK_EXTRACT_H
#define OZX_UNPACK_EXTRACT_H

#include <stdatomic.h>

#include "archive/archive.h"

#define OZX_EXTRACT_BUFFER_SIZE (512 * 1024) /* stays in a core's cache */
#define OZX_EXTRACT_BLOCK_SIZE 4096          /* parts of a file begin at multiples of this */

/* What is shared by all who extract from one archive to one file system. */
struct ozx_extract_shared {
    struct ozx_archive *archive; /* borrowed */
    const atomic_bool *stop;     /* asked between buffers; borrowed */
    atomic_bool cannot_share;    /* the file system does not share blocks: no need to ask again */
    atomic_uint_fast64_t bytes_done; /* counted as it goes on */
    atomic_uint_fast64_t hole_bytes, shared_bytes;
};

/* Part of a file to be brought over: from `offset_bytes` on, to the same place in `fd`. */
struct ozx_extract_part {
    uint32_t node;
    int fd; /* of a file in which nothing was written there yet */
    uint64_t offset_bytes, size_bytes;
};

/* `buffer` has OZX_EXTRACT_BUFFER_SIZE. `*crc32` goes on over the part. `*ends_in_hole`: the file's
 * size is still to be set. On failure `*output_failed` says whether the error is about the output;
 * -ECANCELED without an error if `stop` was found set. */
int ozx_extract(struct ozx_extract_shared *shared, const struct ozx_extract_part *part,
                uint8_t *buffer, uint32_t *crc32, bool *ends_in_hole, bool *output_failed,
                struct ozx_error *error) OZX_CHECKED;

#endif
