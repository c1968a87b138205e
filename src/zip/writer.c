/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Laying out the structures of a ZIP. Knows nothing of Zarr, of files or of threads.
 */
#include "zip/writer.h"

#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "zip/format.h"

#define LOCAL_ZIP64_SIZE (2 * 8)
#define CENTRAL_ZIP64_SIZE (3 * 8)
#define TIMESTAMP_SIZE (1 + 4)
#define TIMESTAMP_HAS_MTIME 1
#define PADDING_MIN (OZX_EXTRA_HEADER_SIZE + 2)

#define LOCAL_EXTRA_SIZE                                                                           \
    (OZX_EXTRA_HEADER_SIZE + LOCAL_ZIP64_SIZE + OZX_EXTRA_HEADER_SIZE + TIMESTAMP_SIZE)
#define CENTRAL_EXTRA_SIZE_MIN (OZX_EXTRA_HEADER_SIZE + CENTRAL_ZIP64_SIZE)
#define CENTRAL_EXTRA_SIZE (CENTRAL_EXTRA_SIZE_MIN + OZX_EXTRA_HEADER_SIZE + TIMESTAMP_SIZE)

#define MADE_BY (OZX_HOST_UNIX << 8 | OZX_VERSION_ZIP64)
#define DOS_DIRECTORY UINT32_C(0x10)

/* 1980-01-01 00:00:00 and 2107-12-31 23:59:58 UTC: what a DOS date can say (APPNOTE 4.4.6). */
#define DOS_FIRST_S INT64_C(315532800)
#define DOS_LAST_S INT64_C(4354819198)

struct dos_time {
    uint16_t time;
    uint16_t date;
};

static struct dos_time dos_time_of(int64_t mtime_s)
{
    time_t clamped = mtime_s < DOS_FIRST_S  ? DOS_FIRST_S
                     : mtime_s > DOS_LAST_S ? DOS_LAST_S
                                            : mtime_s;
    struct tm tm;

    gmtime_r(&clamped, &tm); /* cannot fail within these years */
    return (struct dos_time){
        .time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2),
        .date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday),
    };
}

/* Zeros in front of the local header, so that the data start at a multiple of the alignment. */
static uint16_t gap_of(const struct ozx_zip_file *file)
{
    uint64_t data, align = file->align_bytes;

    if (!file->align_by_gaps || align <= 1 || file->is_directory || !file->local_offset_bytes)
        return 0;
    data = file->local_offset_bytes + OZX_LOCAL_SIZE + file->name_size_bytes + LOCAL_EXTRA_SIZE;
    return (uint16_t)((align - data % align) % align);
}

/* Bytes of the padding field: 0, or enough to hold its own header. */
static uint16_t padding_of(const struct ozx_zip_file *file)
{
    uint64_t data, align = file->align_bytes, missing;

    if (file->align_by_gaps || align <= 1 || file->is_directory)
        return 0;
    data = file->local_offset_bytes + OZX_LOCAL_SIZE + file->name_size_bytes + LOCAL_EXTRA_SIZE;
    missing = (align - data % align) % align;
    while (missing && missing < PADDING_MIN)
        missing += align;
    return (uint16_t)missing;
}

static uint8_t *put_timestamp(uint8_t *p, int64_t mtime_s)
{
    int64_t clamped = mtime_s < INT32_MIN ? INT32_MIN : mtime_s > INT32_MAX ? INT32_MAX : mtime_s;

    p = ozx_put_u16(p, OZX_EXTRA_TIMESTAMP);
    p = ozx_put_u16(p, TIMESTAMP_SIZE);
    *p++ = TIMESTAMP_HAS_MTIME;
    return ozx_put_u32(p, (uint32_t)clamped);
}

static uint8_t *put_padding(uint8_t *p, uint16_t padding, uint32_t align_bytes)
{
    if (!padding)
        return p;
    p = ozx_put_u16(p, OZX_EXTRA_PADDING);
    p = ozx_put_u16(p, (uint16_t)(padding - OZX_EXTRA_HEADER_SIZE));
    p = ozx_put_u16(p, (uint16_t)align_bytes);
    memset(p, 0, padding - PADDING_MIN);
    return p + (padding - PADDING_MIN);
}

/* The fields that local and central headers share, from version needed to the name's length. */
static uint8_t *put_common(uint8_t *p, const struct ozx_zip_scanned *e)
{
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u16(p, e->flags);
    p = ozx_put_u16(p, e->method);
    p = ozx_put_u32(p, e->dos_time);
    p = ozx_put_u32(p, e->crc32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    return ozx_put_u16(p, e->name_size_bytes);
}

static uint8_t *put_name(uint8_t *p, const struct ozx_zip_scanned *e)
{
    memcpy(p, e->name, e->name_size_bytes);
    return p + e->name_size_bytes;
}

static struct ozx_zip_scanned entry_of(const struct ozx_zip_file *file)
{
    struct dos_time dos = dos_time_of(file->mtime_s);

    return (struct ozx_zip_scanned){.name = file->name,
                                    .name_size_bytes = file->name_size_bytes,
                                    .flags = OZX_FLAG_UTF8,
                                    .method = OZX_METHOD_STORED,
                                    .dos_time = (uint32_t)dos.date << 16 | dos.time,
                                    .crc32 = file->crc32,
                                    .local_offset_bytes = file->local_offset_bytes + gap_of(file),
                                    .compressed_size_bytes = file->size_bytes,
                                    .uncompressed_size_bytes = file->size_bytes,
                                    .mtime_s = file->mtime_s,
                                    .mtime_known = true};
}

size_t ozx_zip_local_size(const struct ozx_zip_file *file)
{
    return gap_of(file) + OZX_LOCAL_SIZE + (size_t)file->name_size_bytes + LOCAL_EXTRA_SIZE +
           padding_of(file);
}

uint8_t *ozx_zip_put_local(uint8_t *p, const struct ozx_zip_file *file)
{
    const struct ozx_zip_scanned e = entry_of(file);
    uint16_t padding = padding_of(file), gap = gap_of(file);

    memset(p, 0, gap);
    p += gap;
    p = ozx_put_u32(p, OZX_LOCAL_SIGNATURE);
    p = put_common(p, &e);
    p = ozx_put_u16(p, (uint16_t)(LOCAL_EXTRA_SIZE + padding));
    p = put_name(p, &e);
    p = ozx_put_u16(p, OZX_EXTRA_ZIP64);
    p = ozx_put_u16(p, LOCAL_ZIP64_SIZE);
    p = ozx_put_u64(p, file->size_bytes);
    p = ozx_put_u64(p, file->size_bytes);
    p = put_timestamp(p, file->mtime_s);
    return put_padding(p, padding, file->align_bytes);
}

size_t ozx_zip_central_size(const struct ozx_zip_file *file)
{
    return OZX_CENTRAL_SIZE + (size_t)file->name_size_bytes + CENTRAL_EXTRA_SIZE;
}

static uint8_t *put_central(uint8_t *p, const struct ozx_zip_scanned *e, uint16_t made_by,
                            uint32_t attributes)
{
    p = ozx_put_u32(p, OZX_CENTRAL_SIGNATURE);
    p = ozx_put_u16(p, made_by);
    p = put_common(p, e);
    p = ozx_put_u16(p, e->mtime_known ? CENTRAL_EXTRA_SIZE : CENTRAL_EXTRA_SIZE_MIN);
    p = ozx_put_u16(p, 0); /* comment */
    p = ozx_put_u16(p, 0); /* disk */
    p = ozx_put_u16(p, 0); /* internal attributes: binary */
    p = ozx_put_u32(p, attributes);
    p = ozx_put_u32(p, OZX_SENTINEL32);
    p = put_name(p, e);
    p = ozx_put_u16(p, OZX_EXTRA_ZIP64);
    p = ozx_put_u16(p, CENTRAL_ZIP64_SIZE);
    p = ozx_put_u64(p, e->uncompressed_size_bytes);
    p = ozx_put_u64(p, e->compressed_size_bytes);
    p = ozx_put_u64(p, e->local_offset_bytes);
    return e->mtime_known ? put_timestamp(p, e->mtime_s) : p;
}

uint8_t *ozx_zip_put_central(uint8_t *p, const struct ozx_zip_file *file)
{
    const struct ozx_zip_scanned e = entry_of(file);
    uint32_t attributes =
        file->is_directory ? (uint32_t)(OZX_MODE_DIRECTORY | 0755) << OZX_MODE_SHIFT | DOS_DIRECTORY
                           : (uint32_t)(OZX_MODE_REGULAR | 0644) << OZX_MODE_SHIFT;

    return put_central(p, &e, MADE_BY, attributes);
}

size_t ozx_zip_central_size_max(const struct ozx_zip_scanned *entry)
{
    return OZX_CENTRAL_SIZE + (size_t)entry->name_size_bytes + CENTRAL_EXTRA_SIZE;
}

uint8_t *ozx_zip_put_central_of(uint8_t *p, const struct ozx_zip_scanned *entry)
{
    return put_central(p, entry, OZX_VERSION_ZIP64, 0);
}

size_t ozx_zip_end_records_size(uint16_t comment_size_bytes)
{
    return OZX_END64_SIZE + OZX_LOCATOR_SIZE + OZX_END_SIZE + (size_t)comment_size_bytes;
}

/* A number of the end record, or the sentinel in place of one that it cannot hold or that is the
 * sentinel itself (APPNOTE 4.4.1.4). */
static uint16_t fit16(uint64_t value)
{
    return value < OZX_SENTINEL16 ? (uint16_t)value : OZX_SENTINEL16;
}

static uint32_t fit32(uint64_t value)
{
    return value < OZX_SENTINEL32 ? (uint32_t)value : OZX_SENTINEL32;
}

uint8_t *ozx_zip_put_end_records(uint8_t *p, uint64_t directory_offset_bytes,
                                 uint64_t directory_size_bytes, uint64_t entry_count,
                                 const char *comment, uint16_t comment_size_bytes)
{
    p = ozx_put_u32(p, OZX_END64_SIGNATURE);
    p = ozx_put_u64(p, OZX_END64_SIZE - OZX_END64_SIZE_FIELD_EXCLUDES);
    p = ozx_put_u16(p, MADE_BY);
    p = ozx_put_u16(p, OZX_VERSION_ZIP64);
    p = ozx_put_u32(p, 0); /* this disk */
    p = ozx_put_u32(p, 0); /* the directory's disk */
    p = ozx_put_u64(p, entry_count);
    p = ozx_put_u64(p, entry_count);
    p = ozx_put_u64(p, directory_size_bytes);
    p = ozx_put_u64(p, directory_offset_bytes);

    p = ozx_put_u32(p, OZX_LOCATOR_SIGNATURE);
    p = ozx_put_u32(p, 0); /* disk of the ZIP64 record */
    p = ozx_put_u64(p, directory_offset_bytes + directory_size_bytes);
    p = ozx_put_u32(p, 1); /* number of disks */

    p = ozx_put_u32(p, OZX_END_SIGNATURE);
    p = ozx_put_u16(p, 0);
    p = ozx_put_u16(p, 0);
    p = ozx_put_u16(p, fit16(entry_count));
    p = ozx_put_u16(p, fit16(entry_count));
    p = ozx_put_u32(p, fit32(directory_size_bytes));
    p = ozx_put_u32(p, fit32(directory_offset_bytes));
    p = ozx_put_u16(p, comment_size_bytes);
    memcpy(p, comment, comment_size_bytes);
    return p + comment_size_bytes;
}
