/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The marks of an append.
 */
#include "zip/append_mark.h"

#include <string.h>

#include "base/bytes.h"
#include "io/source.h"
#include "zip/crc.h"
#include "zip/format.h"

#define MAGIC_SIZE 8
#define SUMMED_SIZE (OZX_APPEND_MARK_SIZE - 4)

static const uint8_t magic[MAGIC_SIZE] = {'o', 'z', 'x', 'f', 's', '+', '\r', '\n'};

void ozx_append_mark_put(const struct ozx_append_mark *mark, uint8_t out[OZX_APPEND_MARK_SIZE])
{
    uint8_t *p = out + MAGIC_SIZE;

    memcpy(out, magic, MAGIC_SIZE);
    p = ozx_put_u64(p, mark->old_size_bytes);
    p = ozx_put_u64(p, mark->new_size_bytes);
    p = ozx_put_u64(p, mark->old_end_offset_bytes);
    p = ozx_put_u64(p, mark->new_end_offset_bytes);
    for (int i = 0; i < OZX_APPEND_CLEAR_MAX; i++)
        p = ozx_put_u64(p, mark->clear_offsets_bytes[i]);
    ozx_put_u32(p, ozx_crc32(0, out, SUMMED_SIZE));
}

/* An end record at `offset_bytes` lies between the two. */
static bool end_fits(uint64_t offset_bytes, uint64_t from, uint64_t to)
{
    return offset_bytes >= from && to >= OZX_END_SIZE && offset_bytes <= to - OZX_END_SIZE;
}

static bool clears_fit(const struct ozx_append_mark *mark)
{
    for (int i = 0; i < OZX_APPEND_CLEAR_MAX; i++)
        if (mark->clear_offsets_bytes[i] != OZX_OFFSET_NONE &&
            !end_fits(mark->clear_offsets_bytes[i], 0, mark->old_end_offset_bytes))
            return false;
    return true;
}

bool ozx_append_mark_parse(const uint8_t bytes[OZX_APPEND_MARK_SIZE], uint64_t size_bytes,
                           struct ozx_append_mark *out)
{
    struct ozx_bytes b = ozx_bytes_of(bytes + MAGIC_SIZE, OZX_APPEND_MARK_SIZE - MAGIC_SIZE);
    struct ozx_append_mark mark;

    if (memcmp(bytes, magic, MAGIC_SIZE) != 0)
        return false;
    mark.old_size_bytes = ozx_bytes_u64(&b);
    mark.new_size_bytes = ozx_bytes_u64(&b);
    mark.old_end_offset_bytes = ozx_bytes_u64(&b);
    mark.new_end_offset_bytes = ozx_bytes_u64(&b);
    for (int i = 0; i < OZX_APPEND_CLEAR_MAX; i++)
        mark.clear_offsets_bytes[i] = ozx_bytes_u64(&b);
    if (ozx_bytes_u32(&b) != ozx_crc32(0, bytes, SUMMED_SIZE) ||
        mark.old_size_bytes >= mark.new_size_bytes || mark.new_size_bytes > size_bytes ||
        !end_fits(mark.old_end_offset_bytes, 0, mark.old_size_bytes) ||
        !end_fits(mark.new_end_offset_bytes, mark.old_size_bytes, mark.new_size_bytes) ||
        !clears_fit(&mark))
        return false;
    *out = mark;
    return true;
}

static bool read_mark(struct ozx_source *source, uint64_t behind, uint64_t size_bytes,
                      struct ozx_append_mark *out)
{
    uint8_t bytes[OZX_APPEND_MARK_SIZE];

    return behind >= sizeof bytes &&
           ozx_source_read(source, bytes, sizeof bytes, behind - sizeof bytes) == 0 &&
           ozx_append_mark_parse(bytes, size_bytes, out);
}

bool ozx_append_mark_find(struct ozx_source *source, struct ozx_append_mark *out)
{
    uint64_t size = ozx_source_size(source);

    return size > OZX_APPEND_MARK_SIZE && read_mark(source, size, size - OZX_APPEND_MARK_SIZE, out);
}

bool ozx_append_mark_of_directory(struct ozx_source *source,
                                  const struct ozx_zip_end_records *records,
                                  struct ozx_append_mark *out)
{
    uint64_t at = records->directory_offset_bytes;
    struct ozx_append_mark mark;

    if (!read_mark(source, at, ozx_source_size(source), &mark) ||
        mark.new_end_offset_bytes != records->end_offset_bytes ||
        mark.old_size_bytes > at - OZX_APPEND_MARK_SIZE)
        return false;
    *out = mark;
    return true;
}

/* An end record stands there, and with its comment (and NULs behind that) it goes up to
 * `size_bytes`. */
static bool ends_there(struct ozx_source *source, uint64_t offset_bytes, uint64_t size_bytes)
{
    uint8_t record[OZX_END_SIZE];
    struct ozx_bytes b = ozx_bytes_of(record, sizeof record);

    if (ozx_source_read(source, record, sizeof record, offset_bytes) ||
        ozx_bytes_u32(&b) != OZX_END_SIGNATURE)
        return false;
    (void)ozx_bytes_take(&b, 16);
    return offset_bytes + sizeof record + ozx_bytes_u16(&b) <= size_bytes;
}

uint64_t ozx_append_mark_settled_size(struct ozx_source *source, const struct ozx_append_mark *mark)
{
    if (ends_there(source, mark->new_end_offset_bytes, mark->new_size_bytes))
        return mark->new_size_bytes;
    if (ends_there(source, mark->old_end_offset_bytes, mark->old_size_bytes))
        return mark->old_size_bytes;
    return 0;
}
