/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Both digest blocks of 64 bytes, and end with a bit, zeros and the length in bits; they differ in the order of
 * bytes and in what a block does to the state.
 */
#include "base/digest.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK_SIZE 64
#define LENGTH_AT (BLOCK_SIZE - 8)

/* Fractional parts of the roots of primes. */
static const uint32_t sha256_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
static const uint32_t sha256_rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* 2^32 |sin(i + 1)| */
static const uint32_t md5_start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
static const uint32_t md5_rounds[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static uint32_t rotate_left(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static uint32_t rotate_right(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static uint32_t load_big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t load_little(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void sha256_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5],
             g = state[6], h = state[7], w[64];

    for (size_t i = 0; i < 16; i++)
        w[i] = load_big(block + 4 * i);
    for (size_t i = 16; i < 64; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3) + w[i - 7] +
               (rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10);
    }
    for (size_t i = 0; i < 64; i++) {
        uint32_t t = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                     (g ^ (e & (f ^ g))) + sha256_rounds[i] + w[i];
        uint32_t u = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
                     ((a & b) | (c & (a | b)));
        h = g;
        g = f;
        f = e;
        e = d + t;
        d = c;
        c = b;
        b = a;
        a = t + u;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

static void md5_block(uint32_t state[8], const uint8_t *block)
{
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

    for (size_t i = 0; i < 64; i++) {
        uint32_t f, t;
        size_t word;
        switch (i / 16) {
        case 0:
            f = (b & c) | (~b & d);
            word = i;
            break;
        case 1:
            f = (d & b) | (~d & c);
            word = (5 * i + 1) % 16;
            break;
        case 2:
            f = b ^ c ^ d;
            word = (3 * i + 5) % 16;
            break;
        default:
            f = c ^ (b | ~d);
            word = 7 * i % 16;
            break;
        }
        t = a + f + md5_rounds[i] + load_little(block + 4 * word);
        a = d;
        d = c;
        c = b;
        b += rotate_left(t, shifts[i / 16][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static void add_block(struct ozx_digest *digest, const uint8_t *block)
{
    if (digest->kind == OZX_DIGEST_SHA256)
        sha256_block(digest->state, block);
    else
        md5_block(digest->state, block);
}

void ozx_digest_begin(struct ozx_digest *digest, enum ozx_digest_kind kind)
{
    digest->kind = kind;
    digest->size_bytes = 0;
    if (kind == OZX_DIGEST_SHA256)
        memcpy(digest->state, sha256_start, sizeof sha256_start);
    else
        memcpy(digest->state, md5_start, sizeof md5_start);
}

void ozx_digest_add(struct ozx_digest *digest, const void *data, size_t size_bytes)
{
    const uint8_t *from = data;
    size_t have = digest->size_bytes % BLOCK_SIZE;

    if (!size_bytes)
        return;
    digest->size_bytes += size_bytes;
    if (have) {
        size_t take = size_bytes < BLOCK_SIZE - have ? size_bytes : BLOCK_SIZE - have;
        memcpy(digest->block + have, from, take);
        if (have + take < BLOCK_SIZE)
            return;
        add_block(digest, digest->block);
        from += take;
        size_bytes -= take;
    }
    for (; size_bytes >= BLOCK_SIZE; from += BLOCK_SIZE, size_bytes -= BLOCK_SIZE)
        add_block(digest, from);
    memcpy(digest->block, from, size_bytes);
}

void ozx_digest_end(struct ozx_digest *digest, uint8_t out[OZX_DIGEST_SIZE])
{
    bool big = digest->kind == OZX_DIGEST_SHA256;
    size_t have = digest->size_bytes % BLOCK_SIZE;
    uint64_t bits = digest->size_bytes * 8;

    digest->block[have++] = 0x80;
    if (have > LENGTH_AT) {
        memset(digest->block + have, 0, BLOCK_SIZE - have);
        add_block(digest, digest->block);
        have = 0;
    }
    memset(digest->block + have, 0, LENGTH_AT - have);
    for (unsigned i = 0; i < 8; i++)
        digest->block[LENGTH_AT + i] = (uint8_t)(bits >> 8 * (big ? 7 - i : i));
    add_block(digest, digest->block);
    for (unsigned i = 0; i < ozx_digest_size(digest->kind); i++)
        out[i] = (uint8_t)(digest->state[i / 4] >> 8 * (big ? 3 - i % 4 : i % 4));
}

size_t ozx_digest_size(enum ozx_digest_kind kind)
{
    return kind == OZX_DIGEST_SHA256 ? 32 : 16;
}

const char *ozx_digest_hex(enum ozx_digest_kind kind, const uint8_t digest[OZX_DIGEST_SIZE],
                           char hex[OZX_DIGEST_HEX_SIZE])
{
    size_t size = ozx_digest_size(kind);

    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * size] = '\0';
    return hex;
}
