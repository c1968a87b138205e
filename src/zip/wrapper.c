/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bytes of a ZIP of one entry.
 */
#include "zip/wrapper.h"

#include "base/bytes.h"

static void make_head(const struct ozx_zip_compressed *compressed, uint8_t *p)
{
    p = ozx_put_u32(p, OZX_LOCAL_SIGNATURE);
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u16(p, 0);
    p = ozx_put_u16(p, compressed->method);
    p = ozx_put_u32(p, 0x00210000); /* 1980-01-01 */
    p = ozx_put_u32(p, compressed->crc32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = ozx_put_u16(p, 1);
    p = ozx_put_u16(p, 20);
    *p++ = 'x';
    p = ozx_put_u16(p, OZX_EXTRA_ZIP64);
    p = ozx_put_u16(p, 16);
    p = ozx_put_u64(p, compressed->uncompressed_size_bytes);
    ozx_put_u64(p, compressed->compressed_size_bytes);
}

static uint8_t *put_central(uint8_t *p, const struct ozx_zip_compressed *compressed)
{
    p = ozx_put_u32(p, OZX_CENTRAL_SIGNATURE);
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u16(p, 0);
    p = ozx_put_u16(p, compressed->method);
    p = ozx_put_u32(p, 0x00210000);
    p = ozx_put_u32(p, compressed->crc32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = ozx_put_u16(p, 1);
    p = ozx_put_u16(p, OZX_WRAPPER_EXTRA_SIZE);
    p = ozx_put_u16(p, 0); /* comment */
    p = ozx_put_u16(p, 0); /* disk */
    p = ozx_put_u16(p, 0);
    p = ozx_put_u32(p, 0);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    *p++ = 'x';
    p = ozx_put_u16(p, OZX_EXTRA_ZIP64);
    p = ozx_put_u16(p, OZX_WRAPPER_EXTRA_SIZE - OZX_EXTRA_HEADER_SIZE);
    p = ozx_put_u64(p, compressed->uncompressed_size_bytes);
    p = ozx_put_u64(p, compressed->compressed_size_bytes);
    return ozx_put_u64(p, 0);
}

static void make_tail(const struct ozx_zip_compressed *compressed, uint8_t *tail)
{
    uint64_t directory = OZX_WRAPPER_HEAD_SIZE + compressed->compressed_size_bytes;
    uint8_t *p = put_central(tail, compressed);
    uint64_t size = (uint64_t)(p - tail);

    p = ozx_put_u32(p, OZX_END64_SIGNATURE);
    p = ozx_put_u64(p, OZX_END64_SIZE - OZX_END64_SIZE_FIELD_EXCLUDES);
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u32(p, 0);
    p = ozx_put_u32(p, 0);
    p = ozx_put_u64(p, 1);
    p = ozx_put_u64(p, 1);
    p = ozx_put_u64(p, size);
    p = ozx_put_u64(p, directory);
    p = ozx_put_u32(p, OZX_LOCATOR_SIGNATURE);
    p = ozx_put_u32(p, 0);
    p = ozx_put_u64(p, directory + size);
    p = ozx_put_u32(p, 1);
    p = ozx_put_u32(p, OZX_END_SIGNATURE);
    p = ozx_put_u32(p, 0); /* disks */
    p = ozx_put_u16(p, OZX_SENTINEL16);
    p = ozx_put_u16(p, OZX_SENTINEL16);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    ozx_put_u16(p, 0);
}

void ozx_wrapper_make(const struct ozx_zip_compressed *compressed,
                      uint8_t head[OZX_WRAPPER_HEAD_SIZE], uint8_t tail[OZX_WRAPPER_TAIL_SIZE])
{
    make_head(compressed, head);
    make_tail(compressed, tail);
}
