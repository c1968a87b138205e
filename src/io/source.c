/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Exact positional reads of a file or of memory, and the watch over a file's size and mtime.
 * Knows nothing of ZIP.
 */
#include "io/source.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>

#include "base/stat.h"

struct ozx_source {
    struct ozx_source *front; /* owned; NULL unless concatenated: then `data` is the back, owned */
    struct ozx_source *whole; /* NULL unless this is what stands behind `skip_bytes` of it */
    uint64_t skip_bytes;
    bool owns_whole;
    int fd;                   /* -1: memory; concatenated: the front's, borrowed */
    const uint8_t *data;      /* borrowed; only for memory */
    uint64_t size_bytes;
    struct timespec mtime;
    atomic_bool changed; /* sticky */
    void (*on_wait)(void);
    int (*stopped)(void);
    atomic_bool never_asks; /* the file system cannot read without waiting */
};

int ozx_source_open_fd(int fd, struct ozx_source **out)
{
    struct stat st;
    struct ozx_source *source;

    if (ozx_fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    source = calloc(1, sizeof *source);
    if (!source)
        return -ENOMEM;
    source->fd = fd;
    source->size_bytes = (uint64_t)st.st_size;
    source->mtime = st.st_mtim;
    *out = source;
    return 0;
}

int ozx_source_open_memory(const void *data, uint64_t size_bytes, struct ozx_source **out)
{
    struct ozx_source *source = calloc(1, sizeof *source);

    if (!source)
        return -ENOMEM;
    source->fd = -1;
    source->data = data;
    source->size_bytes = size_bytes;
    *out = source;
    return 0;
}

int ozx_source_open_concat(struct ozx_source *front, void *back, uint64_t back_size_bytes,
                           struct ozx_source **out)
{
    struct ozx_source *source;

    if (back_size_bytes > INT64_MAX - front->size_bytes)
        return -EFBIG;
    source = calloc(1, sizeof *source);
    if (!source)
        return -ENOMEM;
    source->front = front;
    source->fd = front->fd;
    source->data = back;
    source->size_bytes = front->size_bytes + back_size_bytes;
    source->mtime = front->mtime;
    *out = source;
    return 0;
}

int ozx_source_open_behind(struct ozx_source *whole, uint64_t skip_bytes, struct ozx_source **out)
{
    struct ozx_source *source;

    if (skip_bytes >= whole->size_bytes)
        return -EINVAL;
    source = calloc(1, sizeof *source);
    if (!source)
        return -ENOMEM;
    source->whole = whole;
    source->skip_bytes = skip_bytes;
    source->fd = whole->fd;
    source->size_bytes = whole->size_bytes - skip_bytes;
    source->mtime = whole->mtime;
    *out = source;
    return 0;
}

void ozx_source_own(struct ozx_source *behind)
{
    behind->owns_whole = true;
}

void ozx_source_close(struct ozx_source *source)
{
    if (!source)
        return;
    if (source->whole) {
        if (source->owns_whole)
            ozx_source_close(source->whole);
        source->fd = -1;
    }
    if (source->front) {
        ozx_source_close(source->front);
        free((void *)(uintptr_t)source->data);
    } else if (source->fd >= 0) {
        close(source->fd);
    }
    free(source);
}

void ozx_source_on_wait(struct ozx_source *source, void (*on_wait)(void))
{
    source->on_wait = on_wait;
}

void ozx_source_will_wait(const struct ozx_source *source)
{
    if (source->on_wait)
        source->on_wait();
}

void ozx_source_on_work(struct ozx_source *source, int (*stopped)(void))
{
    source->stopped = stopped;
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

/* 0 if the open file is the one that was measured at the start, else -ESTALE, from now on; an fstat
 * that fails says nothing about the file, and fails this one read. */
static int check_unchanged(struct ozx_source *source)
{
    struct stat st;

    if (ozx_fstat(source->fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size == source->size_bytes && st.st_mtim.tv_sec == source->mtime.tv_sec &&
        st.st_mtim.tv_nsec == source->mtime.tv_nsec)
        return 0;
    atomic_store_explicit(&source->changed, true, memory_order_relaxed);
    return -ESTALE;
}

/* preadv(2), but with `on_wait` called before it waits. */
static ssize_t read_parts(struct ozx_source *source, const struct iovec *parts, int count,
                          uint64_t offset_bytes)
{
    if (source->on_wait) {
#ifdef RWF_NOWAIT
        if (!atomic_load_explicit(&source->never_asks, memory_order_relaxed)) {
            ssize_t got = preadv2(source->fd, parts, count, (off_t)offset_bytes, RWF_NOWAIT);
            if (got > 0)
                return got;
            if (got < 0 && errno != EAGAIN && errno != EINTR)
                atomic_store_explicit(&source->never_asks, true, memory_order_relaxed);
        }
#endif
        source->on_wait();
    }
    return preadv(source->fd, parts, count, (off_t)offset_bytes);
}

static int read_file(struct ozx_source *source, uint8_t *buffer, size_t size_bytes,
                     uint64_t offset_bytes)
{
    int failure = 0, changed;

    if (atomic_load_explicit(&source->changed, memory_order_relaxed))
        return -ESTALE;
    while (size_bytes) {
        const struct iovec part = {buffer, size_bytes};
        ssize_t got = read_parts(source, &part, 1, offset_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            failure = got < 0 ? -errno : -EIO;
            break;
        }
        buffer += got;
        size_bytes -= (size_t)got;
        offset_bytes += (uint64_t)got;
    }
    /* Asked after the read: a change before or during it shows here, one after it does no harm. */
    changed = check_unchanged(source);
    return changed ? changed : failure;
}

static int read_concat(struct ozx_source *source, uint8_t *buffer, size_t size_bytes,
                       uint64_t offset_bytes)
{
    uint64_t seam = source->front->size_bytes;
    uint64_t left = offset_bytes < seam ? seam - offset_bytes : 0;
    size_t of_front = left < size_bytes ? (size_t)left : size_bytes;
    int failure = of_front ? ozx_source_read(source->front, buffer, of_front, offset_bytes) : 0;

    if (!failure && size_bytes > of_front)
        memcpy(buffer + of_front, source->data + (offset_bytes + of_front - seam),
               size_bytes - of_front);
    return failure;
}

int ozx_source_read(struct ozx_source *source, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes)
{
    if (offset_bytes > source->size_bytes || size_bytes > source->size_bytes - offset_bytes)
        return -EIO;
    if (source->whole)
        return ozx_source_read(source->whole, buffer, size_bytes,
                               source->skip_bytes + offset_bytes);
    if (source->front)
        return read_concat(source, buffer, size_bytes, offset_bytes);
    if (source->fd >= 0)
        return read_file(source, buffer, size_bytes, offset_bytes);
    if (size_bytes)
        memcpy(buffer, source->data + offset_bytes, size_bytes);
    return 0;
}

int ozx_source_read_two(struct ozx_source *source, void *first, size_t first_size_bytes,
                        void *second, size_t second_size_bytes, uint64_t offset_bytes)
{
    const struct iovec parts[] = {{first, first_size_bytes}, {second, second_size_bytes}};
    int failure;

    if (source->fd >= 0 && !source->front && !source->whole &&
        !atomic_load_explicit(&source->changed, memory_order_relaxed) &&
        read_parts(source, parts, 2, offset_bytes) ==
            (ssize_t)(first_size_bytes + second_size_bytes))
        return check_unchanged(source);
    /* Memory, or a read that was cut short: part by part, with all that goes with it. */
    failure = ozx_source_read(source, first, first_size_bytes, offset_bytes);
    if (failure)
        return failure;
    return ozx_source_read(source, second, second_size_bytes, offset_bytes + first_size_bytes);
}
