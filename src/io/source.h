/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A source: the bytes of an archive, read by position. Every floor above reads through it, so an
 * archive in a file, in a test's memory and behind a URL are the same thing to them. What makes
 * a kind of source is in io/source_kind.h, each kind in a file of its own.
 *
 * Promise: a read is whole or it fails; it never gives short or made-up bytes. A file whose size or
 * mtime differs from what they were when the source was made fails every later read (sticky).
 *
 * Threads: `ozx_source_read` may be called by any number of threads at once.
 */
#ifndef OZX_IO_SOURCE_H
#define OZX_IO_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ozx_source;

/* A regular file. The descriptor is owned by the source from success on. */
int ozx_source_open_fd(int fd, struct ozx_source **out) OZX_CHECKED;

/* The bytes of `front` with `back` behind them, as if that stood in the file: for an archive
 * whose end is lost and made again. Both are owned from success on; `back` is freed with free(). A
 * concatenation has the descriptor and the mtime of its front. */
int ozx_source_open_concat(struct ozx_source *front, void *back, uint64_t back_size_bytes,
                           struct ozx_source **out) OZX_CHECKED;

/* What stands behind the first `skip_bytes` of `whole`, which is borrowed and outlives it, unless
 * ozx_source_own says otherwise. -EINVAL: `whole` has no more bytes than that. */
int ozx_source_open_behind(struct ozx_source *whole, uint64_t skip_bytes,
                           struct ozx_source **out) OZX_CHECKED;
/* The first `size_bytes` of `whole`, in the same way. -EINVAL: `whole` is shorter. */
int ozx_source_open_front(struct ozx_source *whole, uint64_t size_bytes,
                          struct ozx_source **out) OZX_CHECKED;
/* From now on closing such a part closes what it is a part of, too. */
void ozx_source_own(struct ozx_source *part);

void ozx_source_close(struct ozx_source *source); /* NULL is fine */

uint64_t ozx_source_size(const struct ozx_source *source); /* bytes */
int64_t ozx_source_mtime(const struct ozx_source *source); /* seconds since 1970 */

#define OZX_SOURCE_DESCRIPTORS_MAX 64

/* What a process that is left a few descriptors must keep to read, borrowed: how many are in `out`.
 */
size_t ozx_source_descriptors(const struct ozx_source *source, int out[OZX_SOURCE_DESCRIPTORS_MAX]);

/* The descriptor, borrowed; -1 for what is remote. For readahead advice and statistics, never to
 * read. */
int ozx_source_fd(const struct ozx_source *source);

/* Reads exactly `size_bytes` at `offset`. -ESTALE: the file changed since it was opened;
 * -EIO: the range is not in the file, or the disk failed (its own errno if it gave one). */
int ozx_source_read(struct ozx_source *source, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes) OZX_CHECKED;

/* The same, but -EAGAIN at once if not all of it is in memory, or nobody can say. */
int ozx_source_read_now(struct ozx_source *source, void *buffer, size_t size_bytes,
                        uint64_t offset_bytes) OZX_CHECKED;

/* What to say of a read that failed so, in this thread and just now: what the source knows of it,
 * or else strerror(3). Valid until the thread's next read. */
const char *ozx_source_reason(int failure);

/* From now on `on_wait` is called by the reading thread before a read of the file that may have to
 * wait for the disk: what is not in memory, or all where the file system cannot say. NULL: not. */
void ozx_source_on_wait(struct ozx_source *source, void (*on_wait)(void));

/* What else takes long and is done for a read, as to decompress: calls `on_wait` too. */
void ozx_source_will_wait(const struct ozx_source *source);

/* From now on what takes long asks `stopped`, in its thread and every few milliseconds, whether to
 * go on. -EINTR: nobody waits for it any more; -ETIMEDOUT: it took long enough. NULL: always goes
 * on. */
void ozx_source_on_work(struct ozx_source *source, int (*stopped)(void));
int ozx_source_stopped(const struct ozx_source *source) OZX_CHECKED;

/* Two buffers, one behind the other in the file, with one request to the disk where that is
 * possible. */
int ozx_source_read_two(struct ozx_source *source, void *first, size_t first_size_bytes,
                        void *second, size_t second_size_bytes, uint64_t offset_bytes) OZX_CHECKED;

struct ozx_range {
    uint64_t offset_bytes, size_bytes;
};

/* Advice: these ranges, in this order, are read soon. What does not lie in the source is left out.
 */
void ozx_source_will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count);

/* Whether such advice goes anywhere: not with a file. */
bool ozx_source_hears(const struct ozx_source *source);

static inline void ozx_cleanup_source(struct ozx_source **source)
{
    ozx_source_close(*source);
}
#define OZX_AUTO_SOURCE OZX_CLEANUP(ozx_cleanup_source)

#endif
