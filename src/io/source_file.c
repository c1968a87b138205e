/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A regular file: exact positional reads, and the watch over its size and mtime.
 */
#include <stdatomic.h>
#include <sys/uio.h>

#include "base/stat.h"
#include "io/source_kind.h"

struct file {
    struct ozx_source source; /* `fd` is owned */
    atomic_bool changed;      /* sticky */
    atomic_bool never_asks;   /* the file system cannot read without waiting */
};

/* preadv(2), but with `on_wait` called before it waits. */
static ssize_t read_parts(struct file *file, const struct iovec *parts, int count,
                          uint64_t offset_bytes)
{
    const int fd = file->source.fd;

    if (file->source.on_wait) {
#ifdef RWF_NOWAIT
        if (!atomic_load_explicit(&file->never_asks, memory_order_relaxed)) {
            ssize_t got = preadv2(fd, parts, count, (off_t)offset_bytes, RWF_NOWAIT);
            if (got > 0)
                return got;
            if (got < 0 && errno != EAGAIN && errno != EINTR)
                atomic_store_explicit(&file->never_asks, true, memory_order_relaxed);
        }
#endif
        file->source.on_wait();
    }
    return preadv(fd, parts, count, (off_t)offset_bytes);
}

static int read_file(struct ozx_source *source, void *buffer, size_t size_bytes,
                     uint64_t offset_bytes)
{
    struct file *file = (struct file *)source;
    uint8_t *to = buffer;

    if (atomic_load_explicit(&file->changed, memory_order_relaxed))
        return -ESTALE;
    while (size_bytes) {
        const struct iovec part = {to, size_bytes};
        ssize_t got = read_parts(file, &part, 1, offset_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        to += got;
        size_bytes -= (size_t)got;
        offset_bytes += (uint64_t)got;
    }
    return 0;
}

static int read_now(struct ozx_source *source, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes)
{
    struct file *file = (struct file *)source;

    if (atomic_load_explicit(&file->changed, memory_order_relaxed))
        return -ESTALE;
#ifdef RWF_NOWAIT
    {
        const struct iovec part = {buffer, size_bytes};
        ssize_t got = preadv2(source->fd, &part, 1, (off_t)offset_bytes, RWF_NOWAIT);
        return got == (ssize_t)size_bytes ? 0 : -EAGAIN;
    }
#else
    (void)buffer, (void)size_bytes, (void)offset_bytes;
    return -EAGAIN;
#endif
}

static int read_two(struct ozx_source *source, void *first, size_t first_size_bytes, void *second,
                    size_t second_size_bytes, uint64_t offset_bytes)
{
    struct file *file = (struct file *)source;
    const struct iovec parts[] = {{first, first_size_bytes}, {second, second_size_bytes}};

    if (atomic_load_explicit(&file->changed, memory_order_relaxed))
        return -ESTALE;
    return read_parts(file, parts, 2, offset_bytes) !=
           (ssize_t)(first_size_bytes + second_size_bytes);
}

/* The open file is the one that was measured at the start, or it is -ESTALE, from now on; an fstat
 * that fails says nothing about the file, and fails this one read. */
static int identity(struct ozx_source *source)
{
    struct file *file = (struct file *)source;
    struct stat st;

    if (atomic_load_explicit(&file->changed, memory_order_relaxed))
        return -ESTALE;
    if (ozx_fstat(source->fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size == source->size_bytes && st.st_mtim.tv_sec == source->mtime.tv_sec &&
        st.st_mtim.tv_nsec == source->mtime.tv_nsec)
        return 0;
    atomic_store_explicit(&file->changed, true, memory_order_relaxed);
    return -ESTALE;
}

static void close_file(struct ozx_source *source)
{
    close(source->fd);
    free(source);
}

static const struct ozx_source_kind file_kind = {.read = read_file,
                                                 .read_now = read_now,
                                                 .read_two = read_two,
                                                 .identity = identity,
                                                 .close = close_file};

int ozx_source_open_fd(int fd, struct ozx_source **out)
{
    struct stat st;
    struct file *file;

    if (ozx_fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    file = calloc(1, sizeof *file);
    if (!file)
        return -ENOMEM;
    file->source = (struct ozx_source){
        .kind = &file_kind, .size_bytes = (uint64_t)st.st_size, .mtime = st.st_mtim, .fd = fd};
    *out = &file->source;
    return 0;
}
