/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ending an append that was cut short (edit/append.h). Nothing is cut off but what the mark says
 * was appended, or zeros and a piece of a mark.
 */
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "edit/append.h"
#include "edit/append_parts.h"
#include "zip/format.h"

#define PIECE_SIZE ((size_t)1 << 20)
#define MAGIC_SIZE 8
#define ZEROS_MAX                                                                                  \
    (UINT64_C(256) << 20)           /* that are read: a blink, where no mark says what is behind */
#define PADDING_MAX UINT64_C(65536) /* NULs behind an archive that is whole: rule tail-padding */

static int read_all(struct ozx_source *source, void *buffer, size_t size_bytes,
                    uint64_t offset_bytes, struct ozx_error *error)
{
    int failure = ozx_source_read(source, buffer, size_bytes, offset_bytes);

    return failure ? ozx_error_set(error, failure, OZX_RULE_NONE, offset_bytes, NULL,
                                   "cannot read: %s", strerror(-failure))
                   : 0;
}

/* In front of which of the first `end` bytes there is something: what was never written to is a
 * hole, and not read. Where the file system has no holes, that is all of them. */
static uint64_t end_of_data(int fd, uint64_t end)
{
    uint64_t low = 0, high = end;

    while (low < high) { /* is there something at or behind the middle? */
        uint64_t middle = low + (high - low) / 2;
        off_t at = lseek(fd, (off_t)middle, SEEK_DATA);
        if (at < 0 && errno != ENXIO)
            return end;
        if (at >= 0 && (uint64_t)at < end)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Up to the last byte of the first `*end` that is not zero; 0: none is, or there are too many of
 * them to be looked at. */
static int skip_zeros(struct ozx_source *source, uint64_t *end, uint8_t *piece,
                      struct ozx_error *error)
{
    uint64_t stop = *end > ZEROS_MAX ? *end - ZEROS_MAX : 0;

    while (*end > stop) {
        size_t size = *end < PIECE_SIZE ? (size_t)*end : PIECE_SIZE;
        int failure = read_all(source, piece, size, *end - size, error);
        if (failure)
            return failure;
        if (piece[0] == 0 && memcmp(piece, piece + 1, size - 1) == 0) {
            *end -= size;
            continue;
        }
        for (; !piece[size - 1]; size--)
            --*end;
        return 0;
    }
    *end = 0;
    return 0;
}

/* Where an archive ends whose last byte that is not zero is the one in front of `last`; false: none
 * does. A comment may end in zeros. */
static bool find_end(const uint8_t *piece, size_t size, size_t last, size_t *end)
{
    for (size_t at = last; at-- > 0;) {
        struct ozx_bytes b = ozx_bytes_of(piece + at, size - at);
        if (ozx_bytes_u32(&b) != OZX_END_SIGNATURE)
            continue;
        (void)ozx_bytes_take(&b, 16);
        *end = at + OZX_END_SIZE + ozx_bytes_u16(&b);
        return !b.bad && *end >= last && *end <= size;
    }
    return false;
}

/* Whether the bytes can be what came to the disk of a mark: its magic, or zeros for what did not.
 * `*some`: one is none. */
static bool is_torn_mark(const uint8_t *bytes, size_t size, bool *some)
{
    for (size_t i = 0; i < size && i < MAGIC_SIZE; i++) {
        if (bytes[i] && bytes[i] != (uint8_t)OZX_APPEND_MAGIC[i])
            return false;
        *some |= bytes[i] != 0;
    }
    return true;
}

/* The mark itself was cut short: behind the archive are zeros, and perhaps a piece of the mark at a
 * place that is aligned. Nothing else was written before the mark was on the disk, nor is left when
 * it goes. */
static int settle_torn(struct ozx_source *source, int fd, enum ozx_append_settled *out,
                       struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *piece = malloc(PIECE_SIZE);
    uint64_t size = ozx_source_size(source), last = size, from;
    uint64_t place = size ? (size - 1) / OZX_APPEND_ALIGN * OZX_APPEND_ALIGN : 0, zeros_min;
    bool marked = false;
    size_t end;
    int failure = 0;

    if (!piece)
        return ozx_error_memory(error);
    if (size - place <= OZX_APPEND_MARK_SIZE && place) {
        failure = read_all(source, piece, (size_t)(size - place), place, error);
        if (!failure && is_torn_mark(piece, (size_t)(size - place), &marked))
            last = place;
    }
    zeros_min = marked ? 0 : PADDING_MAX + 1; /* fewer are padding, which is not ours */
    if (!failure) {
        last = end_of_data(fd, last);
        failure = skip_zeros(source, &last, piece, error);
    }
    if (failure || !last || size - last < zeros_min)
        return failure;
    from = last > OZX_COMMENT_MAX + OZX_END_SIZE ? last - OZX_COMMENT_MAX - OZX_END_SIZE : 0;
    end = (size_t)(size - from < PIECE_SIZE ? size - from : PIECE_SIZE);
    failure = read_all(source, piece, end, from, error);
    if (failure || !find_end(piece, end, (size_t)(last - from), &end) || from + end > place ||
        size - from - end < zeros_min)
        return failure;
    *out = OZX_APPEND_RESTORED;
    return ozx_append_cut(fd, from + end, error);
}

int ozx_append_settle(struct ozx_source *source, int fd, enum ozx_append_settled *out,
                      struct ozx_error *error)
{
    struct ozx_append_mark mark;
    uint64_t size;

    *out = OZX_APPEND_NOTHING;
    if (!ozx_append_mark_find(source, &mark))
        return settle_torn(source, fd, out, error);
    size = ozx_append_mark_settled_size(source, &mark);
    if (!size)
        return ozx_error_set(
            error, -EBADMSG, OZX_RULE_TAIL_FIT, mark.old_end_offset_bytes,
            "use 'ozxfs repack --recover'",
            "a change of the archive was cut short, and the archive that was there "
            "before it is damaged");
    if (size == mark.new_size_bytes) {
        *out = OZX_APPEND_FINISHED;
        return ozx_append_finish(fd, &mark, error);
    }
    *out = OZX_APPEND_RESTORED;
    return ozx_append_cut(fd, size, error);
}
