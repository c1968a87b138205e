/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one file that sees nettle.
 */
#include "base/digest.h"

#include "config.h"

#ifdef OZX_HAVE_NETTLE

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <nettle/version.h>

_Static_assert(sizeof(struct sha256_ctx) <= OZX_DIGEST_STATE_SIZE, "room for SHA-256");
_Static_assert(sizeof(struct md5_ctx) <= OZX_DIGEST_STATE_SIZE, "room for MD5");

bool ozx_digest_is_there(void)
{
    return true;
}

void ozx_digest_begin(struct ozx_digest *digest, enum ozx_digest_kind kind)
{
    digest->kind = kind;
    if (kind == OZX_DIGEST_SHA256)
        sha256_init((struct sha256_ctx *)(void *)digest->state);
    else
        md5_init((struct md5_ctx *)(void *)digest->state);
}

void ozx_digest_add(struct ozx_digest *digest, const void *data, size_t size_bytes)
{
    if (digest->kind == OZX_DIGEST_SHA256)
        sha256_update((struct sha256_ctx *)(void *)digest->state, size_bytes, data);
    else
        md5_update((struct md5_ctx *)(void *)digest->state, size_bytes, data);
}

void ozx_digest_end(struct ozx_digest *digest, uint8_t out[OZX_DIGEST_SIZE])
{
#if NETTLE_VERSION_MAJOR >= 4
    if (digest->kind == OZX_DIGEST_SHA256)
        sha256_digest((struct sha256_ctx *)(void *)digest->state, out);
    else
        md5_digest((struct md5_ctx *)(void *)digest->state, out);
#else
    if (digest->kind == OZX_DIGEST_SHA256)
        sha256_digest((struct sha256_ctx *)(void *)digest->state, SHA256_DIGEST_SIZE, out);
    else
        md5_digest((struct md5_ctx *)(void *)digest->state, MD5_DIGEST_SIZE, out);
#endif
}

void ozx_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size_bytes,
                     uint8_t out[OZX_DIGEST_SIZE])
{
    struct hmac_sha256_ctx context;

    hmac_sha256_set_key(&context, key_size, key);
    hmac_sha256_update(&context, size_bytes, data);
#if NETTLE_VERSION_MAJOR >= 4
    hmac_sha256_digest(&context, out);
#else
    hmac_sha256_digest(&context, SHA256_DIGEST_SIZE, out);
#endif
}

#else

bool ozx_digest_is_there(void)
{
    return false;
}

void ozx_digest_begin(struct ozx_digest *digest, enum ozx_digest_kind kind)
{
    digest->kind = kind;
}

void ozx_digest_add(struct ozx_digest *digest, const void *data, size_t size_bytes)
{
    (void)digest, (void)data, (void)size_bytes;
}

void ozx_digest_end(struct ozx_digest *digest, uint8_t out[OZX_DIGEST_SIZE])
{
    (void)digest, (void)out;
}

void ozx_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size_bytes,
                     uint8_t out[OZX_DIGEST_SIZE])
{
    (void)key, (void)key_size, (void)data, (void)size_bytes, (void)out;
}

#endif

/* Bytes of a digest: 32, or 16. */
static size_t digest_size(enum ozx_digest_kind kind)
{
    return kind == OZX_DIGEST_SHA256 ? 32 : 16;
}

const char *ozx_digest_hex(enum ozx_digest_kind kind, const uint8_t digest[OZX_DIGEST_SIZE],
                           char hex[OZX_DIGEST_HEX_SIZE])
{
    size_t size = digest_size(kind);

    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * size] = '\0';
    return hex;
}
