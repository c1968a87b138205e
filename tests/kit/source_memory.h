/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A source of bytes in memory, which are borrowed until it is closed.
 */
#ifndef KIT_SOURCE_MEMORY_H
#define KIT_SOURCE_MEMORY_H

#include <string.h>

#include "io/source_kind.h"

struct memory {
    struct ozx_source source;
    const uint8_t *data; /* borrowed */
};

static int read_memory(struct ozx_source *source, void *buffer, size_t size_bytes,
                       uint64_t offset_bytes)
{
    const struct memory *memory = (const struct memory *)source;

    if (size_bytes)
        memcpy(buffer, memory->data + offset_bytes, size_bytes);
    return 0;
}

static void close_memory(struct ozx_source *source)
{
    free(source);
}

static const struct ozx_source_kind memory_kind = {.read = read_memory, .close = close_memory};

static inline int source_open_memory(const void *data, uint64_t size_bytes, struct ozx_source **out)
{
    struct memory *memory = calloc(1, sizeof *memory);

    if (!memory)
        return -ENOMEM;
    memory->source =
        (struct ozx_source){.kind = &memory_kind, .size_bytes = size_bytes, .fd = -1};
    memory->data = data;
    *out = &memory->source;
    return 0;
}

#endif
