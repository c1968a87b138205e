/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One function for each library; a library that was not there when this was built is named.
 */
#include "image/codecs.h"

#include <string.h>

#include "base/bytes.h"
#include "config.h"
#include "zarr/crc32c.h"

#ifdef OZX_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef OZX_HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef OZX_HAVE_BLOSC
#include <blosc.h>
#endif

/* Of blosc's own blocks: it takes three times that for itself, and does not ask whether it got it.
 */
#define BLOSC_BLOCK_MAX (8u << 20)

#define DAMAGED "the chunk is damaged: get the archive again"

static int damaged(struct ozx_error *error, enum ozx_chain_codec codec, const char *text)
{
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, DAMAGED, "%s data %s",
                         ozx_chain_codec_name(codec), text);
}

#if !defined(OZX_HAVE_ZLIB) || !defined(OZX_HAVE_ZSTD) || !defined(OZX_HAVE_BLOSC)
static int not_built_in(struct ozx_error *error, enum ozx_chain_codec codec, const char *library)
{
    return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "install that library and build ozxfs again",
                         "the codec '%s' is not built in: it needs %s", ozx_chain_codec_name(codec),
                         library);
}
#endif

static int decode_deflate(enum ozx_chain_codec codec, const uint8_t *data, size_t size,
                          uint8_t *out, size_t *out_size, struct ozx_error *error)
{
#ifdef OZX_HAVE_ZLIB
    const int window = codec == OZX_CHAIN_GZIP ? 16 + MAX_WBITS : MAX_WBITS;
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)data,
                       .avail_in = (uInt)size,
                       .next_out = out,
                       .avail_out = (uInt)*out_size};
    int result;

    if (size > UINT32_MAX || *out_size > UINT32_MAX)
        return damaged(error, codec, "are too large");
    if (inflateInit2(&stream, window) != Z_OK)
        return ozx_error_memory(error);
    do { /* gzip: several members are one text */
        result = inflate(&stream, Z_FINISH);
    } while (result == Z_STREAM_END && codec == OZX_CHAIN_GZIP && stream.avail_in > 1 &&
             stream.next_in[0] == 0x1F && stream.next_in[1] == 0x8B &&
             inflateReset(&stream) == Z_OK);
    inflateEnd(&stream);
    *out_size -= stream.avail_out;
    if (result == Z_STREAM_END)
        return 0;
    if (result == Z_MEM_ERROR)
        return ozx_error_memory(error);
    return damaged(error, codec,
                   stream.avail_out == 0 ? "hold more than the chunk has" : "cannot be decoded");
#else
    (void)data, (void)size, (void)out, (void)out_size;
    return not_built_in(error, codec, "zlib");
#endif
}

static int decode_zstd(const uint8_t *data, size_t size, uint8_t *out, size_t *out_size,
                       struct ozx_error *error)
{
#ifdef OZX_HAVE_ZSTD
    size_t got = ZSTD_decompress(out, *out_size, data, size);

    if (ZSTD_isError(got))
        return damaged(error, OZX_CHAIN_ZSTD, "cannot be decoded, or hold more than the chunk has");
    *out_size = got;
    return 0;
#else
    (void)data, (void)size, (void)out, (void)out_size;
    return not_built_in(error, OZX_CHAIN_ZSTD, "libzstd");
#endif
}

static int decode_blosc(const uint8_t *data, size_t size, uint8_t *out, size_t *out_size,
                        struct ozx_error *error)
{
#ifdef OZX_HAVE_BLOSC
    size_t bytes = 0, stored = 0, block = 0;
    int got;

    if (size < BLOSC_MIN_HEADER_LENGTH || blosc_cbuffer_validate(data, size, &bytes) < 0)
        return damaged(error, OZX_CHAIN_BLOSC, "cannot be decoded");
    blosc_cbuffer_sizes(data, &bytes, &stored, &block);
    if (bytes > *out_size)
        return damaged(error, OZX_CHAIN_BLOSC, "hold more than the chunk has");
    if (block > BLOSC_BLOCK_MAX)
        return damaged(error, OZX_CHAIN_BLOSC, "have blocks of more than 8 MiB");
    got = blosc_decompress_ctx(data, out, *out_size, 1);
    if (got < 0 || (size_t)got != bytes)
        return damaged(error, OZX_CHAIN_BLOSC, "cannot be decoded");
    *out_size = bytes;
    return 0;
#else
    (void)data, (void)size, (void)out, (void)out_size;
    return not_built_in(error, OZX_CHAIN_BLOSC, "c-blosc");
#endif
}

/* Four bytes, little-endian, behind what they sum up. */
static int check_crc32c(const uint8_t *data, size_t size, uint8_t *out, size_t *out_size,
                        struct ozx_error *error)
{
    struct ozx_bytes end;

    if (size < 4 || size - 4 > *out_size)
        return damaged(error, OZX_CHAIN_CRC32C, "have the wrong size");
    size -= 4;
    end = ozx_bytes_of(data + size, 4);
    if (ozx_bytes_u32(&end) != ozx_crc32c(0, data, size))
        return damaged(error, OZX_CHAIN_CRC32C, "do not match their checksum");
    memcpy(out, data, size);
    *out_size = size;
    return 0;
}

int ozx_codec_decode(enum ozx_chain_codec codec, const uint8_t *data, size_t size_bytes,
                     uint8_t *out, size_t *out_size_bytes, struct ozx_error *error)
{
    switch (codec) {
    case OZX_CHAIN_GZIP:
    case OZX_CHAIN_ZLIB:
        return decode_deflate(codec, data, size_bytes, out, out_size_bytes, error);
    case OZX_CHAIN_ZSTD:
        return decode_zstd(data, size_bytes, out, out_size_bytes, error);
    case OZX_CHAIN_BLOSC:
        return decode_blosc(data, size_bytes, out, out_size_bytes, error);
    default:
        return check_crc32c(data, size_bytes, out, out_size_bytes, error);
    }
}
