/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A source with bytes of memory behind it.
 */
#include <string.h>

#include "io/source_kind.h"

struct concat {
    struct ozx_source source;
    struct ozx_source *front; /* owned, as `back` is */
    uint8_t *back;
};

static int read_concat(struct ozx_source *source, void *buffer, size_t size_bytes,
                       uint64_t offset_bytes)
{
    const struct concat *concat = (const struct concat *)source;
    struct ozx_source *front = concat->front;
    uint64_t left = offset_bytes < front->size_bytes ? front->size_bytes - offset_bytes : 0;
    size_t of_front = left < size_bytes ? (size_t)left : size_bytes;
    int failure = of_front ? front->kind->read(front, buffer, of_front, offset_bytes) : 0;

    if (!failure && size_bytes > of_front)
        memcpy((uint8_t *)buffer + of_front,
               concat->back + (offset_bytes + of_front - front->size_bytes), size_bytes - of_front);
    return failure;
}

static int identity(struct ozx_source *source)
{
    struct ozx_source *front = ((struct concat *)source)->front;

    return front->kind->identity ? front->kind->identity(front) : 0;
}

static void will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count)
{
    ozx_source_will_need(((struct concat *)source)->front, ranges, count);
}

static size_t descriptors(const struct ozx_source *source, int *out)
{
    return ozx_source_descriptors(((const struct concat *)source)->front, out);
}

static void hand_on_waits(struct ozx_source *source)
{
    struct ozx_source *front = ((struct concat *)source)->front;

    ozx_source_on_wait(front, source->on_wait);
    ozx_source_on_work(front, source->stopped);
}

static void close_concat(struct ozx_source *source)
{
    struct concat *concat = (struct concat *)source;

    ozx_source_close(concat->front);
    free(concat->back);
    free(concat);
}

static const struct ozx_source_kind concat_kind = {.read = read_concat,
                                                   .will_need = will_need,
                                                   .identity = identity,
                                                   .wait = hand_on_waits,
                                                   .descriptors = descriptors,
                                                   .close = close_concat};

int ozx_source_open_concat(struct ozx_source *front, void *back, uint64_t back_size_bytes,
                           struct ozx_source **out)
{
    struct concat *concat;

    if (back_size_bytes > INT64_MAX - front->size_bytes)
        return -EFBIG;
    concat = calloc(1, sizeof *concat);
    if (!concat)
        return -ENOMEM;
    concat->source = (struct ozx_source){.kind = &concat_kind,
                                         .size_bytes = front->size_bytes + back_size_bytes,
                                         .mtime = front->mtime,
                                         .fd = front->fd};
    concat->front = front;
    concat->back = back;
    *out = &concat->source;
    return 0;
}
