/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CRC-32 (APPNOTE 4.4.7), by libdeflate if the build found it, else by zlib. The parts of a file
 * can be summed in any order and by any thread: with `after` bytes behind each part,
 *
 *     CRC of the whole = XOR over all parts of ozx_crc32_shift(CRC of the part, after)
 */
#ifndef OZX_ZIP_CRC_H
#define OZX_ZIP_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc` (0 at the start) over `size_bytes` more bytes. */
uint32_t ozx_crc32(uint32_t crc, const void *data, size_t size_bytes);

/* What `crc` contributes to a whole in which `after_bytes` bytes follow. */
uint32_t ozx_crc32_shift(uint32_t crc, uint64_t after_bytes);

/* For --version: the library's name and version as built ("libdeflate 1.14"). */
const char *ozx_crc32_library(void);

#endif
