/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all kinds of sources have in common: the range is looked at before a read, and whether it is
 * still the same thing after it. Knows no kind.
 */
#include "io/source_kind.h"

#include <stdio.h>
#include <string.h>

static _Thread_local struct {
    int failure;
    char text[256];
} reason;

void ozx_source_set_reason(int failure, const char *text)
{
    char harmless[sizeof reason.text];

    reason.failure = failure;
    snprintf(reason.text, sizeof reason.text, "%s",
             ozx_escape_message(harmless, sizeof harmless, text));
}

const char *ozx_source_reason(int failure)
{
    return failure && failure == reason.failure ? reason.text : strerror(-failure);
}

void ozx_source_close(struct ozx_source *source)
{
    if (source)
        source->kind->close(source);
}

void ozx_source_on_wait(struct ozx_source *source, void (*on_wait)(void))
{
    source->on_wait = on_wait;
    if (source->kind->wait)
        source->kind->wait(source);
}

void ozx_source_will_wait(const struct ozx_source *source)
{
    if (source->on_wait)
        source->on_wait();
}

void ozx_source_on_work(struct ozx_source *source, int (*stopped)(void))
{
    source->stopped = stopped;
    if (source->kind->wait)
        source->kind->wait(source);
}

int ozx_source_stopped(const struct ozx_source *source)
{
    return source->stopped ? source->stopped() : 0;
}

uint64_t ozx_source_size(const struct ozx_source *source)
{
    return source->size_bytes;
}

int64_t ozx_source_mtime(const struct ozx_source *source)
{
    return source->mtime.tv_sec;
}

int ozx_source_fd(const struct ozx_source *source)
{
    return source->fd;
}

size_t ozx_source_descriptors(const struct ozx_source *source, int out[OZX_SOURCE_DESCRIPTORS_MAX])
{
    if (source->kind->descriptors)
        return source->kind->descriptors(source, out);
    if (source->fd < 0)
        return 0;
    out[0] = source->fd;
    return 1;
}

static bool has_range(const struct ozx_source *source, uint64_t size_bytes, uint64_t offset_bytes)
{
    return offset_bytes <= source->size_bytes && size_bytes <= source->size_bytes - offset_bytes;
}

/* Asked after the read: a change before or during it shows here, one after it does no harm. */
static int judge(struct ozx_source *source, int failure)
{
    int changed = source->kind->identity ? source->kind->identity(source) : 0;

    return changed ? changed : failure;
}

int ozx_source_read(struct ozx_source *source, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes)
{
    if (!has_range(source, size_bytes, offset_bytes))
        return -EIO;
    reason.failure = 0;
    return judge(source, source->kind->read(source, buffer, size_bytes, offset_bytes));
}

int ozx_source_read_now(struct ozx_source *source, void *buffer, size_t size_bytes,
                        uint64_t offset_bytes)
{
    if (!has_range(source, size_bytes, offset_bytes))
        return -EIO;
    if (!source->kind->read_now)
        return -EAGAIN;
    reason.failure = 0;
    return judge(source, source->kind->read_now(source, buffer, size_bytes, offset_bytes));
}

int ozx_source_read_two(struct ozx_source *source, void *first, size_t first_size_bytes,
                        void *second, size_t second_size_bytes, uint64_t offset_bytes)
{
    int failure = 1;

    if (!has_range(source, first_size_bytes, offset_bytes) ||
        !has_range(source, second_size_bytes, offset_bytes + first_size_bytes))
        return -EIO;
    reason.failure = 0;
    if (source->kind->read_two)
        failure = source->kind->read_two(source, first, first_size_bytes, second, second_size_bytes,
                                         offset_bytes);
    if (failure <= 0)
        return judge(source, failure);
    /* It has no such request, or was cut short: part by part, with all that goes with it. */
    failure = source->kind->read(source, first, first_size_bytes, offset_bytes);
    if (!failure)
        failure = source->kind->read(source, second, second_size_bytes,
                                     offset_bytes + first_size_bytes);
    return judge(source, failure);
}

bool ozx_source_hears(const struct ozx_source *source)
{
    return source->kind->will_need != NULL;
}

void ozx_source_will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count)
{
    if (source->kind->will_need)
        source->kind->will_need(source, ranges, count);
}
