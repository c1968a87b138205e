/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small well-formed ZIP in memory, for tests that then change single bytes of it. STORED entries
 * only; the full art of forging is tests/corpus (Python). Aborts without memory.
 */
#ifndef OZX_TESTS_FORGE_H
#define OZX_TESTS_FORGE_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "zip/format.h"

#ifndef FORGE_MAX
#define FORGE_MAX 64
#endif

struct forge {
    uint8_t *data;
    size_t size_bytes, room_bytes;
    struct {
        const char *name; /* borrowed */
        size_t name_size, data_size, local_offset, central_offset;
    } entry[FORGE_MAX];
    size_t count, directory_offset, end_offset;
};

static inline uint8_t *forge_room(struct forge *f, size_t size)
{
    uint8_t *at;

    if (f->size_bytes + size > f->room_bytes) {
        f->room_bytes = 2 * (f->size_bytes + size);
        f->data = realloc(f->data, f->room_bytes);
        if (!f->data)
            abort();
    }
    at = f->data + f->size_bytes;
    memset(at, 0, size);
    f->size_bytes += size;
    return at;
}

static inline void forge_bytes(struct forge *f, const void *data, size_t size)
{
    uint8_t *room = forge_room(f, size);

    if (size)
        memcpy(room, data, size);
}

/* Local header and data. The CRC stays 0 in both headers: a mount does not ask. */
static inline void forge_entry(struct forge *f, const char *name, size_t name_size,
                               const void *data, size_t size)
{
    uint8_t *p;

    if (f->count == FORGE_MAX)
        abort();
    f->entry[f->count].name = name;
    f->entry[f->count].name_size = name_size;
    f->entry[f->count].data_size = size;
    f->entry[f->count++].local_offset = f->size_bytes;
    p = forge_room(f, OZX_LOCAL_SIZE);
    p = ozx_put_u32(p, OZX_LOCAL_SIGNATURE);
    p = ozx_put_u16(p, 20);
    p += 12; /* flags, method, time and date, CRC */
    p = ozx_put_u32(p, (uint32_t)size);
    p = ozx_put_u32(p, (uint32_t)size);
    ozx_put_u16(p, (uint16_t)name_size);
    forge_bytes(f, name, name_size);
    forge_bytes(f, data, size);
}

static inline void forge_text(struct forge *f, const char *name, const char *text)
{
    forge_entry(f, name, strlen(name), text, strlen(text));
}

static inline void forge_central(struct forge *f, size_t i)
{
    uint8_t *p = forge_room(f, OZX_CENTRAL_SIZE);

    f->entry[i].central_offset = (size_t)(p - f->data);
    p = ozx_put_u32(p, OZX_CENTRAL_SIGNATURE);
    p = ozx_put_u16(p, OZX_HOST_UNIX << 8 | 30);
    p = ozx_put_u16(p, 20);
    p += 4; /* flags, method */
    p = ozx_put_u32(p, (uint32_t)((2024 - 1980) << 9 | 5 << 5 | 6) << 16 | 7 << 11 | 8 << 5 | 5);
    p += 4; /* CRC */
    p = ozx_put_u32(p, (uint32_t)f->entry[i].data_size);
    p = ozx_put_u32(p, (uint32_t)f->entry[i].data_size);
    p = ozx_put_u16(p, (uint16_t)f->entry[i].name_size);
    p += 12; /* extra, comment, disk, attributes */
    ozx_put_u32(p, (uint32_t)f->entry[i].local_offset);
    forge_bytes(f, f->entry[i].name, f->entry[i].name_size);
}

/* Central directory, (ZIP64 tail and) end record with `comment`. */
static inline void forge_end(struct forge *f, bool zip64, const char *comment)
{
    size_t directory_size;
    uint8_t *p;

    f->directory_offset = f->size_bytes;
    for (size_t i = 0; i < f->count; i++)
        forge_central(f, i);
    directory_size = f->size_bytes - f->directory_offset;
    if (zip64) {
        size_t record = f->size_bytes;
        p = forge_room(f, OZX_END64_SIZE + OZX_LOCATOR_SIZE);
        p = ozx_put_u32(p, OZX_END64_SIGNATURE);
        p = ozx_put_u64(p, OZX_END64_SIZE - OZX_END64_SIZE_FIELD_EXCLUDES);
        p = ozx_put_u32(p, 45 << 16 | 45) + 8;
        p = ozx_put_u64(p, f->count);
        p = ozx_put_u64(p, f->count);
        p = ozx_put_u64(p, directory_size);
        p = ozx_put_u64(p, f->directory_offset);
        p = ozx_put_u32(p, OZX_LOCATOR_SIGNATURE) + 4;
        p = ozx_put_u64(p, record);
        ozx_put_u32(p, 1);
    }
    f->end_offset = f->size_bytes;
    p = forge_room(f, OZX_END_SIZE);
    p = ozx_put_u32(p, OZX_END_SIGNATURE) + 4;
    p = ozx_put_u16(p, (uint16_t)f->count);
    p = ozx_put_u16(p, (uint16_t)f->count);
    p = ozx_put_u32(p, (uint32_t)directory_size);
    p = ozx_put_u32(p, (uint32_t)f->directory_offset);
    ozx_put_u16(p, (uint16_t)strlen(comment));
    forge_bytes(f, comment, strlen(comment));
}

static inline void forge_free(struct forge *f)
{
    free(f->data);
}

#endif
