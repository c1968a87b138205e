/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A part of a source: what stands behind its first bytes, or these alone.
 */
#include "io/source_kind.h"

#define RANGES_AT_ONCE 64

struct behind {
    struct ozx_source source;
    struct ozx_source *whole;
    uint64_t skip_bytes;
    bool owns_whole;
};

static int read_behind(struct ozx_source *source, void *buffer, size_t size_bytes,
                       uint64_t offset_bytes)
{
    const struct behind *behind = (const struct behind *)source;

    return behind->whole->kind->read(behind->whole, buffer, size_bytes,
                                     behind->skip_bytes + offset_bytes);
}

static int read_two(struct ozx_source *source, void *first, size_t first_size_bytes, void *second,
                    size_t second_size_bytes, uint64_t offset_bytes)
{
    const struct behind *behind = (const struct behind *)source;
    struct ozx_source *whole = behind->whole;

    if (!whole->kind->read_two)
        return 1;
    return whole->kind->read_two(whole, first, first_size_bytes, second, second_size_bytes,
                                 behind->skip_bytes + offset_bytes);
}

static void will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count)
{
    const struct behind *behind = (const struct behind *)source;
    struct ozx_range moved[RANGES_AT_ONCE];

    while (count) {
        size_t part = count < RANGES_AT_ONCE ? count : RANGES_AT_ONCE;

        for (size_t i = 0; i < part; i++)
            moved[i] = (struct ozx_range){ranges[i].offset_bytes + behind->skip_bytes,
                                          ranges[i].size_bytes};
        ozx_source_will_need(behind->whole, moved, part);
        ranges += part;
        count -= part;
    }
}

static int identity(struct ozx_source *source)
{
    struct ozx_source *whole = ((struct behind *)source)->whole;

    return whole->kind->identity ? whole->kind->identity(whole) : 0;
}

static size_t descriptors(const struct ozx_source *source, int *out)
{
    return ozx_source_descriptors(((const struct behind *)source)->whole, out);
}

static void hand_on_waits(struct ozx_source *source)
{
    struct ozx_source *whole = ((struct behind *)source)->whole;

    ozx_source_on_wait(whole, source->on_wait);
    ozx_source_on_work(whole, source->stopped);
}

static void close_behind(struct ozx_source *source)
{
    struct behind *behind = (struct behind *)source;

    if (behind->owns_whole)
        ozx_source_close(behind->whole);
    free(behind);
}

static const struct ozx_source_kind behind_kind = {.read = read_behind,
                                                   .read_two = read_two,
                                                   .will_need = will_need,
                                                   .identity = identity,
                                                   .wait = hand_on_waits,
                                                   .descriptors = descriptors,
                                                   .close = close_behind};

static int open_part(struct ozx_source *whole, uint64_t skip_bytes, uint64_t size_bytes,
                     struct ozx_source **out)
{
    struct behind *behind = calloc(1, sizeof *behind);

    if (!behind)
        return -ENOMEM;
    behind->source = (struct ozx_source){
        .kind = &behind_kind, .size_bytes = size_bytes, .mtime = whole->mtime, .fd = whole->fd};
    behind->whole = whole;
    behind->skip_bytes = skip_bytes;
    *out = &behind->source;
    return 0;
}

int ozx_source_open_behind(struct ozx_source *whole, uint64_t skip_bytes, struct ozx_source **out)
{
    if (skip_bytes >= whole->size_bytes)
        return -EINVAL;
    return open_part(whole, skip_bytes, whole->size_bytes - skip_bytes, out);
}

int ozx_source_open_front(struct ozx_source *whole, uint64_t size_bytes, struct ozx_source **out)
{
    if (size_bytes > whole->size_bytes)
        return -EINVAL;
    return open_part(whole, 0, size_bytes, out);
}

void ozx_source_own(struct ozx_source *part)
{
    if (part->kind == &behind_kind)
        ((struct behind *)part)->owns_whole = true;
}
