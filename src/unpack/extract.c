/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the archive to a file. Knows the reader; not names, nor where the file stands.
 */
#include "unpack/extract.h"

#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/descriptors.h"
#include "zip/crc.h"
#include "zip/format.h"

#define HOLE_SIZE_MIN (32 * 1024) /* smaller holes cost more, in extents, than they save */
#define SHARE_SIZE_MIN (UINT64_C(1) << 20)

static int fail_write(int code, bool *output_failed, struct ozx_error *error)
{
    *output_failed = true;
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, ozx_hint_no_space(code),
                         "cannot write: %s", strerror(-code));
}

/* Bytes of zero at the front of `data`, in whole blocks but for the last. */
static size_t count_zeros(const uint8_t *data, size_t size)
{
    size_t zeros = 0;

    while (zeros < size) {
        const uint8_t *block = data + zeros;
        size_t left = size - zeros;
        size_t n = left < OZX_EXTRACT_BLOCK_SIZE ? left : OZX_EXTRACT_BLOCK_SIZE;

        /* A block that equals itself one byte on is one byte, repeated. */
        if (block[0] || memcmp(block, block + 1, n - 1) != 0)
            break;
        zeros += n;
    }
    return zeros;
}

/* Writes what is not a long run of zeros; the bytes passed over, and whether it ends in such a run.
 */
static int write_spans(int fd, const uint8_t *data, size_t size, uint64_t offset, uint64_t *holes,
                       bool *ends_in_hole)
{
    size_t start = 0, at = 0;

    *ends_in_hole = false;
    while (at < size) {
        size_t zeros = count_zeros(data + at, size - at);
        int failure;

        if (zeros < HOLE_SIZE_MIN) {
            at += zeros ? zeros : OZX_EXTRACT_BLOCK_SIZE;
            continue;
        }
        failure = ozx_descriptors_write(fd, data + start, at - start, (int64_t)(offset + start));
        if (failure)
            return failure;
        at += zeros;
        start = at;
        *holes += zeros;
        *ends_in_hole = at == size;
    }
    return start < size
               ? ozx_descriptors_write(fd, data + start, size - start, (int64_t)(offset + start))
               : 0;
}

/* How much of the front of the part the two files share from now on; 0 if they cannot. The bytes
 * are summed afterwards all the same, and the archive is asked then whether it changed. */
static uint64_t share_blocks(struct ozx_extract_shared *shared, const struct ozx_extract_part *part,
                             uint64_t data_offset)
{
    struct file_clone_range range = {
        .src_fd = ozx_source_fd(ozx_archive_source(shared->archive)),
        .src_offset = data_offset + part->offset_bytes,
        .src_length = part->size_bytes & ~(uint64_t)(OZX_EXTRACT_BLOCK_SIZE - 1),
        .dest_offset = part->offset_bytes,
    };

    if (part->size_bytes < SHARE_SIZE_MIN || range.src_fd < 0 ||
        range.src_offset % OZX_EXTRACT_BLOCK_SIZE ||
        atomic_load_explicit(&shared->cannot_share, memory_order_relaxed))
        return 0;
    if (ioctl(part->fd, FICLONERANGE, &range) == 0) {
        atomic_fetch_add_explicit(&shared->shared_bytes, range.src_length, memory_order_relaxed);
        return range.src_length;
    }
    if (errno != EINVAL) /* which may be a matter of this file only */
        atomic_store_explicit(&shared->cannot_share, true, memory_order_relaxed);
    return 0;
}

/* The data is where the directory says, and as many bytes as it says. Resolved here also for empty
 * files, whose local header nobody would look at otherwise. */
static int find_data(struct ozx_extract_shared *shared, const struct ozx_extract_part *part,
                     uint64_t *shareable, struct ozx_error *error)
{
    struct ozx_node_entry entry;
    uint64_t offset;
    size_t got;
    int failure = ozx_archive_data_offset(shared->archive, part->node, &offset, error);

    if (failure)
        return failure;
    ozx_archive_entry(shared->archive, part->node, &entry);
    if (!part->size_bytes && entry.method != OZX_METHOD_STORED)
        return ozx_archive_read(shared->archive, part->node, NULL, 0, 0, &got, error);
    *shareable = entry.method == OZX_METHOD_STORED ? share_blocks(shared, part, offset) : 0;
    return 0;
}

int ozx_extract(struct ozx_extract_shared *shared, const struct ozx_extract_part *part,
                uint8_t *buffer, uint32_t *crc32, bool *ends_in_hole, bool *output_failed,
                struct ozx_error *error)
{
    uint64_t written = 0, holes = 0;
    int failure = find_data(shared, part, &written, error);

    *output_failed = false;
    *ends_in_hole = false;
    for (uint64_t at = 0; !failure && at < part->size_bytes;) {
        uint64_t left = part->size_bytes - at;
        size_t got;

        if (atomic_load_explicit(shared->stop, memory_order_relaxed))
            return -ECANCELED;
        /* The shared front and the rest do not meet inside a buffer. */
        if (at < written && left > written - at)
            left = written - at;
        failure = ozx_archive_read(shared->archive, part->node, buffer,
                                   left < OZX_EXTRACT_BUFFER_SIZE ? (size_t)left
                                                                  : OZX_EXTRACT_BUFFER_SIZE,
                                   part->offset_bytes + at, &got, error);
        if (failure)
            return failure;
        *crc32 = ozx_crc32(*crc32, buffer, got);
        if (at >= written) {
            failure =
                write_spans(part->fd, buffer, got, part->offset_bytes + at, &holes, ends_in_hole);
            if (failure)
                return fail_write(failure, output_failed, error);
        }
        at += got;
        atomic_fetch_add_explicit(&shared->bytes_done, got, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&shared->hole_bytes, holes, memory_order_relaxed);
    return failure;
}
