/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The codecs of an array with their configurations, as whoever decodes chunks needs them:
 *
 *     transpose* -> bytes | sharding_indexed -> (blosc | crc32c | gzip | zlib | zstd)*
 *
 * Source: Zarr core specification v3 and its register of codecs. The text is untrusted; what comes
 * out is valid: orders are permutations, the chunks of a shard divide it. Threads: a chain never
 * changes.
 */
#ifndef OZX_ZARR_CHAIN_H
#define OZX_ZARR_CHAIN_H

#include "zarr/metadata.h"

#define OZX_CHAIN_CODECS_MAX 8 /* bytes to bytes, of one list */
#define OZX_CHAIN_DEPTH_MAX 4  /* shards inside each other */

enum ozx_chain_codec {
    OZX_CHAIN_BLOSC,
    OZX_CHAIN_CRC32C,
    OZX_CHAIN_GZIP,
    OZX_CHAIN_ZLIB,
    OZX_CHAIN_ZSTD,
    OZX_CHAIN_CODEC_KINDS
};

struct ozx_chain_sharding;

struct ozx_chain {
    uint32_t dimensions;
    uint8_t axes
        [OZX_DIMENSIONS_MAX]; /* what is stored as dimension i is dimension axes[i] of the chunk */
    struct ozx_chain_sharding *sharding; /* NULL: bytes; owned */
    bool big_endian;                     /* of bytes */
    uint32_t behind_count;
    enum ozx_chain_codec behind[OZX_CHAIN_CODECS_MAX]; /* in the order of encoding */
};

struct ozx_chain_sharding {
    struct ozx_shape
        chunk_shape; /* of the inner chunks, in the order of dimensions as it is stored */
    struct ozx_chain inner,
        index;            /* `index` has neither sharding nor transpose; behind: only crc32c */
    uint64_t chunk_count; /* of one shard */
    uint64_t index_size_bytes;
    bool index_at_start;
};

/* `text` is the zarr.json of an array whose chunks have that shape. -EBADMSG (what is wrong),
 * -ENOTSUP (a codec that is not known here), -ENOMEM. The caller frees `*out`. */
int ozx_chain_parse(const char *text, size_t size_bytes, const struct ozx_shape *chunk_shape,
                    struct ozx_chain **out, struct ozx_error *error) OZX_CHECKED;

void ozx_chain_free(struct ozx_chain *chain); /* NULL is fine */

/* "blosc", ...; static */
const char *ozx_chain_codec_name(enum ozx_chain_codec codec);

/* a * b, or false if it is more than 64 bits. */
static inline bool ozx_multiply(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

#endif
