/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A little-endian cursor over bytes in memory, with sticky failure: read past the end and `bad` is
 * set, this and every later read gives 0, and the caller asks once, after the last field.
 * ZIP's numbers are little-endian whatever the machine (APPNOTE 4.1.1 and on).
 */
#ifndef OZX_BASE_BYTES_H
#define OZX_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ozx_bytes {
    const uint8_t *at; /* borrowed */
    size_t left_bytes;
    bool bad;
};

static inline struct ozx_bytes ozx_bytes_of(const void *data, size_t size_bytes)
{
    return (struct ozx_bytes){.at = data, .left_bytes = size_bytes};
}

/* The next `size_bytes` bytes, NULL (and bad) if there are fewer. */
static inline const uint8_t *ozx_bytes_take(struct ozx_bytes *b, size_t size_bytes)
{
    const uint8_t *taken = b->at;

    if (b->bad || size_bytes > b->left_bytes) {
        b->bad = true;
        return NULL;
    }
    b->at += size_bytes;
    b->left_bytes -= size_bytes;
    return taken;
}

static inline uint16_t ozx_bytes_u16(struct ozx_bytes *b)
{
    const uint8_t *p = ozx_bytes_take(b, 2);
    return p ? (uint16_t)((unsigned)p[0] | (unsigned)p[1] << 8) : (uint16_t)0;
}

static inline uint32_t ozx_bytes_u32(struct ozx_bytes *b)
{
    const uint8_t *p = ozx_bytes_take(b, 4);
    return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
             : 0;
}

static inline uint64_t ozx_bytes_u64(struct ozx_bytes *b)
{
    uint64_t low = ozx_bytes_u32(b);
    return low | (uint64_t)ozx_bytes_u32(b) << 32;
}

/* The same, written. The caller guarantees the room; each returns the byte behind. */
static inline uint8_t *ozx_put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    return p + 2;
}

static inline uint8_t *ozx_put_u32(uint8_t *p, uint32_t value)
{
    return ozx_put_u16(ozx_put_u16(p, (uint16_t)value), (uint16_t)(value >> 16));
}

static inline uint8_t *ozx_put_u64(uint8_t *p, uint64_t value)
{
    return ozx_put_u32(ozx_put_u32(p, (uint32_t)value), (uint32_t)(value >> 32));
}

#endif
