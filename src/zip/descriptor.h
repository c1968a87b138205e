/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Data descriptors (APPNOTE 4.3.9), with or without a central directory that tells what they state:
 *
 *     (signature)  CRC-32  compressed size  size        sizes of 4 bytes, or of 8 with ZIP64
 *
 * The signature is optional, and nothing says whether the sizes have 4 bytes or 8: each of the four
 * forms is tried where it could stand.
 */
#ifndef OZX_ZIP_DESCRIPTOR_H
#define OZX_ZIP_DESCRIPTOR_H

#include <stdbool.h>

#include "zip/window.h"

#define OZX_DESCRIPTOR_MAX 24 /* the largest of them */

struct ozx_zip_descriptor {
    uint32_t crc32;
    uint64_t compressed_size_bytes, uncompressed_size_bytes;
    uint32_t size_bytes; /* its own; 0: there is none */
};

/* Looks for the descriptor of the data that begins at `data_offset_bytes`: the first that states
 * the distance to itself, is followed by a record or the file's end, and, if the data is `stored`,
 * has its CRC. `found->size_bytes` stays 0 if there is none. Reads everything once, and what is
 * stored once more if a descriptor states the distance. -EINTR, or an error of reading. */
int ozx_zip_descriptor_search(struct ozx_window *window, uint64_t data_offset_bytes, bool stored,
                              const volatile sig_atomic_t *cancel,
                              struct ozx_zip_descriptor *found) OZX_CHECKED;

/* The size of the descriptor that `data` starts with, if there is one with these values; else 0. */
size_t ozx_zip_descriptor_size(const uint8_t *data, size_t size_bytes, uint32_t crc32,
                               uint64_t compressed_size_bytes, uint64_t uncompressed_size_bytes);

#endif
