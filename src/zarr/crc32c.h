/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CRC-32C (Castagnoli), the checksum of shard indices and of the codec crc32c. Source: RFC 3720,
 * appendix B.4. Not the CRC-32 of ZIP.
 */
#ifndef OZX_ZARR_CRC32C_H
#define OZX_ZARR_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* `crc`: of what comes before, 0 for nothing. Any number of threads. */
uint32_t ozx_crc32c(uint32_t crc, const void *data, size_t size_bytes);

#endif
