/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What makes a kind of source: the functions behind io/source.h, for those who write one (a file
 * each, io/source_KIND.c) and nobody else. A kind's struct begins with `struct ozx_source`; its
 * maker fills that in, and the rest is its own.
 *
 * A range that a function is given lies in the source: ozx_source_read has looked.
 */
#ifndef OZX_IO_SOURCE_KIND_H
#define OZX_IO_SOURCE_KIND_H

#include <sys/types.h>
#include <time.h>

#include "io/source.h"

struct ozx_source_kind {
    /* Exactly so many bytes, or -errno. */
    int (*read)(struct ozx_source *source, void *buffer, size_t size_bytes, uint64_t offset_bytes);
    /* The same from memory, or -EAGAIN. NULL: it cannot say. */
    int (*read_now)(struct ozx_source *source, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes);
    /* Two buffers by one request: 0 if both were filled so, 1 if it did not come to that and they
     * can be read one after the other, or -errno. NULL: it has no such request. */
    int (*read_two)(struct ozx_source *source, void *first, size_t first_size_bytes, void *second,
                     size_t second_size_bytes, uint64_t offset_bytes);
    /* These ranges are read soon. NULL: knowing it is of no use. */
    void (*will_need)(struct ozx_source *source, const struct ozx_range *ranges, size_t count);
    /* Asked after every read: 0 if it is still what it was when it was opened, -ESTALE if not,
     * another
     * -errno if that cannot be found out. NULL: it cannot change, or `read` has looked. */
    int (*identity)(struct ozx_source *source);
    /* `on_wait` and `stopped` were set: what it is made of gets them, too. NULL: it is made of
     * nothing. */
    void (*wait)(struct ozx_source *source);
    /* Fills in what a process must keep open to read: at most OZX_SOURCE_DESCRIPTORS_MAX. NULL:
     * `fd`. */
    size_t (*descriptors)(const struct ozx_source *source, int *out);
    /* Lets go of all that is its own, and frees itself. */
    void (*close)(struct ozx_source *source);
};

struct ozx_source {
    const struct ozx_source_kind *kind;
    uint64_t size_bytes;
    struct timespec mtime;
    int fd; /* for advice and statistics; -1: none */
    void (*on_wait)(void);
    int (*stopped)(void);
};

/* For the thread's ozx_source_reason: why a read just failed, in words; cut, and made harmless. */
void ozx_source_set_reason(int failure, const char *text);

#endif
