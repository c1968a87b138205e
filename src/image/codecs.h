/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What codecs made of bytes, undone: gzip, zlib, zstd, blosc, CRC-32C. The only file that sees
 * their libraries.
 *
 * The bytes are untrusted. What comes out is bounded by who asks. Any number of threads.
 * Sources: RFC 1950 to 1952, RFC 8878, c-blosc's header.
 */
#ifndef OZX_IMAGE_CODECS_H
#define OZX_IMAGE_CODECS_H

#include "zarr/chain.h"

/* Undoes one codec: `*out_size_bytes` is the room of `out` and becomes what was written. -EBADMSG:
 * the bytes are damaged, or more comes out than there is room for; -ENOTSUP: not built in; -ENOMEM.
 */
int ozx_codec_decode(enum ozx_chain_codec codec, const uint8_t *data, size_t size_bytes,
                     uint8_t *out, size_t *out_size_bytes, struct ozx_error *error) OZX_CHECKED;

#endif
