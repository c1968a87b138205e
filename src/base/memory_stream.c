/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory_stream.h"

#include <string.h>
#include <sys/types.h>

static bool grow(struct ozx_memory_stream *m, size_t needed_bytes)
{
    size_t room = m->room_bytes + m->room_bytes / 2;
    char *moved;

    if (room < needed_bytes)
        room = needed_bytes;
    moved = realloc(m->bytes, room);
    if (!moved)
        return false;
    m->bytes = moved;
    m->room_bytes = room;
    return true;
}

/* What stdio has in its buffer; 0 is an error. */
static ssize_t take(void *cookie, const char *bytes, size_t size_bytes)
{
    struct ozx_memory_stream *m = cookie;
    size_t needed = m->size_bytes + size_bytes;

    if (m->failed || (needed > m->room_bytes && !grow(m, needed))) {
        m->failed = true; /* what comes after a gap is not taken */
        return 0;
    }
    memcpy(m->bytes + m->size_bytes, bytes, size_bytes);
    m->size_bytes = needed;
    return (ssize_t)size_bytes;
}

int ozx_memory_stream_begin(struct ozx_memory_stream *memory)
{
    *memory = (struct ozx_memory_stream){.out = NULL};
    memory->out = fopencookie(memory, "w", (cookie_io_functions_t){.write = take});
    return memory->out ? 0 : -ENOMEM;
}

int ozx_memory_stream_end(struct ozx_memory_stream *memory)
{
    bool failed = ferror(memory->out) != 0;

    if (fclose(memory->out) || memory->failed)
        failed = true;
    memory->out = NULL;
    if (!failed)
        return 0;
    free(memory->bytes);
    memory->bytes = NULL;
    memory->size_bytes = 0;
    return -ENOMEM;
}
