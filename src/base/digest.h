/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-256 (FIPS 180-4) and MD5 (RFC 1321) by nettle, for manifests that other programs read and for
 * signatures. MD5 says that two files are the same as far as accidents go, and nothing against an
 * attacker.
 */
#ifndef OZX_BASE_DIGEST_H
#define OZX_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OZX_DIGEST_SIZE 32     /* of the longest */
#define OZX_DIGEST_HEX_SIZE 65 /* as text, with its NUL */
#define OZX_DIGEST_STATE_SIZE 256

enum ozx_digest_kind { OZX_DIGEST_SHA256, OZX_DIGEST_MD5 };

struct ozx_digest {
    enum ozx_digest_kind kind;
    _Alignas(16) unsigned char state[OZX_DIGEST_STATE_SIZE]; /* nettle's */
};

/* False: built without nettle, and none of the next four may be called. */
bool ozx_digest_is_there(void);

void ozx_digest_begin(struct ozx_digest *digest, enum ozx_digest_kind kind);
void ozx_digest_add(struct ozx_digest *digest, const void *data, size_t size_bytes);
/* Once. */
void ozx_digest_end(struct ozx_digest *digest, uint8_t out[OZX_DIGEST_SIZE]);

/* HMAC-SHA-256 (RFC 2104) of `data` by `key`. `out` may be `key`. */
void ozx_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size_bytes,
                     uint8_t out[OZX_DIGEST_SIZE]);

/* In lower case; `hex` is returned. */
const char *ozx_digest_hex(enum ozx_digest_kind kind, const uint8_t digest[OZX_DIGEST_SIZE],
                           char hex[OZX_DIGEST_HEX_SIZE]);

#endif
