/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A second opinion on images: fsck.erofs of erofs-utils, 1.9 or later (those before do not know
 * encoded extents).
 */
#ifndef OZX_FUZZ_FSCK_H
#define OZX_FUZZ_FSCK_H

#include <stddef.h>
#include <stdint.h>

/* Has the program that OZXFS_FSCK names look at the image, with an archive of zeros as its device;
 * small ones are read through, too. It must find nothing. Without OZXFS_FSCK nothing is done. */
void fuzz_fsck(const uint8_t *image, size_t size_bytes, uint64_t archive_size_bytes);

#endif
