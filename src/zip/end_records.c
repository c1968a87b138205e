/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finding and judging the end records of a ZIP. Distrust in a straight line: find the one end
 * record that fits the file's end, then the ZIP64 record, then ask that all of them agree.
 */
#include "zip/end_records.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "zip/append_mark.h"
#include "zip/format.h"
#include "zip/kind.h"
#include "zip/second.h"

#define PADDING_MAX 65536 /* NULs that bsdtar and tape-minded tools may leave behind the end */
#define WINDOW_MAX (OZX_END_SIZE + OZX_COMMENT_MAX + PADDING_MAX)

#define HINT_AGAIN "get the file again, or ask its author"
#define HINT_REWRITE "recreate the archive with another tool"

/* An end record as it stands. */
struct end_record {
    uint64_t offset_bytes;
    uint16_t disk, directory_disk, entries_here, entries, comment_size_bytes;
    uint32_t directory_size_bytes, directory_offset_bytes;
};

struct zip64_record {
    uint64_t offset_bytes;
    uint32_t disk, directory_disk;
    uint64_t entries_here, entries, directory_size_bytes, directory_offset_bytes;
};

static int refuse(struct ozx_error *error, enum ozx_rule rule, uint64_t offset, const char *hint,
                  const char *text)
{
    return ozx_error_set(error, -EBADMSG, rule, offset, hint, "%s", text);
}

static int fail_read(struct ozx_error *error, int code, uint64_t offset)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, offset, code == -ESTALE ? "try again" : NULL,
                         code == -ESTALE ? "changed while it was read" : "cannot read: %s",
                         ozx_source_reason(code));
}

/* The window over the file's last bytes. */
struct window {
    uint8_t *data;
    size_t size_bytes;
    size_t nul_bytes;      /* NULs at its end */
    uint64_t offset_bytes; /* of the window in the file */
};

static void count_nuls(struct window *w)
{
    w->nul_bytes = 0;
    while (w->nul_bytes < w->size_bytes && !w->data[w->size_bytes - 1 - w->nul_bytes])
        w->nul_bytes++;
}

static bool has_end_signature(const struct window *w, size_t at)
{
    const uint8_t *p = w->data + at;
    return p[0] == 'P' && p[1] == 'K' && p[2] == 5 && p[3] == 6;
}

/* Bytes from the end of the record at `at` (comment included) to the file's end; negative if the
 * comment is said to reach beyond. */
static int64_t bytes_behind(const struct window *w, size_t at)
{
    struct ozx_bytes b = ozx_bytes_of(w->data + at + 20, 2);
    return (int64_t)(w->size_bytes - at - OZX_END_SIZE) - ozx_bytes_u16(&b);
}

static bool fits_end(const struct window *w, size_t at)
{
    int64_t behind = bytes_behind(w, at);

    return behind >= 0 && behind <= PADDING_MAX && (size_t)behind <= w->nul_bytes;
}

/* No record fits: say what the last one that looks like one has wrong. */
static int refuse_no_fit(const struct window *w, bool seen, size_t last, uint64_t file_size_bytes,
                         struct ozx_error *error)
{
    uint64_t where = w->offset_bytes + last;
    struct ozx_append_mark mark;
    int64_t behind;

    if (!file_size_bytes)
        return refuse(error, OZX_RULE_NO_END, 0, HINT_AGAIN, "the file is empty");
    if (w->size_bytes > OZX_APPEND_MARK_SIZE &&
        ozx_append_mark_parse(w->data + w->size_bytes - OZX_APPEND_MARK_SIZE,
                              file_size_bytes - OZX_APPEND_MARK_SIZE, &mark))
        return refuse(error, OZX_RULE_TAIL_FIT, mark.old_size_bytes,
                      "'ozxfs edit FILE' undoes or completes it",
                      "a change of the archive was cut short");
    if (file_size_bytes > w->size_bytes && w->nul_bytes == w->size_bytes)
        return refuse(error, OZX_RULE_NO_END, file_size_bytes - 1,
                      "if a change of it was cut short, 'ozxfs edit FILE' undoes it; else get the "
                      "file again, or use 'ozxfs repack --recover'",
                      "the archive's end is missing: the file ends in zeros");
    if (!seen)
        return refuse(
            error, OZX_RULE_NO_END, file_size_bytes,
            "check that it is a .ozx (ZIP) file and that it is complete",
            "no end of central directory record: not a ZIP archive, or its end is missing");
    behind = bytes_behind(w, last);
    if (behind < 0)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_TAIL_FIT, where, HINT_AGAIN,
                             "the archive comment is cut off: %" PRId64 " byte%s missing", -behind,
                             OZX_S(-behind));
    return ozx_error_set(error, -EBADMSG, OZX_RULE_TAIL_FIT, where, HINT_AGAIN,
                         "%" PRId64 " unexpected byte%s after the end record", behind,
                         OZX_S(behind));
}

static int find_end(const struct window *w, uint64_t file_size_bytes, size_t *found,
                    struct ozx_error *error)
{
    size_t last = 0, fitting = 0;
    bool seen = false;
    int fits = 0;

    for (size_t at = w->size_bytes >= OZX_END_SIZE ? w->size_bytes - OZX_END_SIZE + 1 : 0;
         at-- > 0;) {
        if (!has_end_signature(w, at))
            continue;
        if (!seen)
            last = at;
        seen = true;
        if (fits_end(w, at)) {
            fitting = at;
            fits++;
        }
    }
    if (fits > 1)
        return refuse(
            error, OZX_RULE_NO_END, w->offset_bytes + fitting, HINT_REWRITE,
            "two end records both fit the end of the file, so it can be read in two ways");
    if (!fits)
        return refuse_no_fit(w, seen, last, file_size_bytes, error);
    *found = fitting;
    return 0;
}

static struct end_record parse_end(const struct window *w, size_t at)
{
    struct ozx_bytes b = ozx_bytes_of(w->data + at + 4, OZX_END_SIZE - 4);
    struct end_record end = {.offset_bytes = w->offset_bytes + at};

    end.disk = ozx_bytes_u16(&b);
    end.directory_disk = ozx_bytes_u16(&b);
    end.entries_here = ozx_bytes_u16(&b);
    end.entries = ozx_bytes_u16(&b);
    end.directory_size_bytes = ozx_bytes_u32(&b);
    end.directory_offset_bytes = ozx_bytes_u32(&b);
    end.comment_size_bytes = ozx_bytes_u16(&b);
    return end;
}

/* The ZIP64 record that a locator in front of the end record points to. `*found` is false, and
 * nothing else happens, if there is no locator. */
static int read_zip64(struct ozx_source *source, const struct end_record *end,
                      struct zip64_record *out, bool *found, struct ozx_error *error)
{
    uint8_t locator[OZX_LOCATOR_SIZE], record[OZX_END64_SIZE];
    uint64_t locator_offset, rest;
    struct ozx_bytes b;
    uint32_t record_disk, disks;
    int failure;

    *found = false;
    if (end->offset_bytes < OZX_LOCATOR_SIZE)
        return 0;
    locator_offset = end->offset_bytes - OZX_LOCATOR_SIZE;
    failure = ozx_source_read(source, locator, sizeof locator, locator_offset);
    if (failure)
        return fail_read(error, failure, locator_offset);
    b = ozx_bytes_of(locator, sizeof locator);
    if (ozx_bytes_u32(&b) != OZX_LOCATOR_SIGNATURE)
        return 0;
    *found = true;
    record_disk = ozx_bytes_u32(&b);
    out->offset_bytes = ozx_bytes_u64(&b);
    disks = ozx_bytes_u32(&b);
    if (record_disk != 0 || disks > 1)
        return refuse(error, OZX_RULE_DISKS, locator_offset,
                      "join the parts with the tool that split it",
                      "the ZIP64 locator states several disks");
    if (out->offset_bytes > locator_offset || locator_offset - out->offset_bytes < OZX_END64_SIZE)
        return refuse(error, OZX_RULE_ZIP64_TAIL, locator_offset, HINT_AGAIN,
                      "the ZIP64 locator points to where no record can be");
    failure = ozx_source_read(source, record, sizeof record, out->offset_bytes);
    if (failure)
        return fail_read(error, failure, out->offset_bytes);
    b = ozx_bytes_of(record, sizeof record);
    if (ozx_bytes_u32(&b) != OZX_END64_SIGNATURE)
        return refuse(error, OZX_RULE_ZIP64_TAIL, out->offset_bytes, HINT_AGAIN,
                      "no ZIP64 end record where the locator points");
    rest = ozx_bytes_u64(&b);
    ozx_bytes_take(&b, 4); /* versions */
    out->disk = ozx_bytes_u32(&b);
    out->directory_disk = ozx_bytes_u32(&b);
    out->entries_here = ozx_bytes_u64(&b);
    out->entries = ozx_bytes_u64(&b);
    out->directory_size_bytes = ozx_bytes_u64(&b);
    out->directory_offset_bytes = ozx_bytes_u64(&b);
    if (rest != locator_offset - out->offset_bytes - OZX_END64_SIZE_FIELD_EXCLUDES)
        return refuse(error, OZX_RULE_ZIP64_TAIL, out->offset_bytes, HINT_AGAIN,
                      "the ZIP64 end record does not end where its locator begins");
    if (disks == 0 && end->directory_size_bytes != OZX_SENTINEL32)
        return refuse(error, OZX_RULE_ZIP64_TAIL, locator_offset, HINT_REWRITE,
                      "the ZIP64 locator counts no disks, so other readers ignore it and use the "
                      "end record's own numbers");
    return ozx_zip_second_record(source, out->offset_bytes, locator_offset,
                                 end->directory_size_bytes, error);
}

static bool agrees16(uint16_t field, uint64_t value)
{
    return field == OZX_SENTINEL16 || field == value;
}

static bool agrees32(uint32_t field, uint64_t value)
{
    return field == OZX_SENTINEL32 || field == value;
}

static int check_disks(const struct end_record *end, const struct zip64_record *zip64,
                       struct ozx_error *error)
{
    static const char hint[] = "join the parts with the tool that split it";
    bool plain = end->disk == 0 && end->directory_disk == 0;
    bool sentinels = agrees16(end->disk, 0) && agrees16(end->directory_disk, 0);

    if (!plain && !(zip64 && sentinels))
        return refuse(error, OZX_RULE_DISKS, end->offset_bytes, hint,
                      "the end record states that the archive is one part of several");
    if (zip64 && (zip64->disk != 0 || zip64->directory_disk != 0))
        return refuse(error, OZX_RULE_DISKS, zip64->offset_bytes, hint,
                      "the ZIP64 end record states that the archive is one part of several");
    return 0;
}

static int check_zip64(const struct end_record *end, const struct zip64_record *zip64,
                       struct ozx_error *error)
{
    if (!agrees16(end->entries_here, zip64->entries_here) ||
        !agrees16(end->entries, zip64->entries) ||
        !agrees32(end->directory_size_bytes, zip64->directory_size_bytes) ||
        !agrees32(end->directory_offset_bytes, zip64->directory_offset_bytes))
        return refuse(error, OZX_RULE_ZIP64_TAIL, end->offset_bytes, HINT_REWRITE,
                      "the end record and the ZIP64 end record disagree");
    return 0;
}

/* Directory, (ZIP64 records) and end record must follow each other without a byte between them. */
static int check_fit(const struct ozx_zip_end_records *records, uint64_t entries_here,
                     uint64_t end_offset, struct ozx_error *error)
{
    uint64_t offset = records->directory_offset_bytes, size = records->directory_size_bytes;

    if (entries_here != records->entry_count)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_COUNT, records->end_offset_bytes, HINT_AGAIN,
                             "%" PRIu64 " entries here but %" PRIu64 " in all", entries_here,
                             records->entry_count);
    if (size > end_offset || offset > end_offset - size)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_TAIL_FIT, records->end_offset_bytes,
                             HINT_AGAIN,
                             "the central directory (%" PRIu64 " bytes at %" PRIu64
                             ") reaches beyond the end record",
                             size, offset);
    if (offset + size != end_offset)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_TAIL_FIT, records->end_offset_bytes,
                             "get the file again without what was put before it or into it",
                             "%" PRIu64
                             " unexpected byte%s between the central directory, as stated, "
                             "and the end record",
                             end_offset - (offset + size), OZX_S(end_offset - (offset + size)));
    if (records->entry_count > size / OZX_CENTRAL_SIZE)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_COUNT, records->end_offset_bytes, HINT_AGAIN,
                             "%" PRIu64
                             " entries are claimed, more than a central directory of %" PRIu64
                             " bytes can hold",
                             records->entry_count, size);
    return 0;
}

static int judge(struct ozx_source *source, const struct end_record *end, uint64_t padding,
                 struct ozx_zip_end_records *out, struct ozx_error *error)
{
    struct zip64_record zip64 = {0};
    struct ozx_zip_end_records records = {
        .directory_offset_bytes = end->directory_offset_bytes,
        .directory_size_bytes = end->directory_size_bytes,
        .entry_count = end->entries,
        .end_offset_bytes = end->offset_bytes,
        .comment_offset_bytes = end->offset_bytes + OZX_END_SIZE,
        .comment_size_bytes = end->comment_size_bytes,
        .padding_bytes = (uint32_t)padding,
    };
    uint64_t entries_here = end->entries_here, end_offset = end->offset_bytes;
    int failure = read_zip64(source, end, &zip64, &records.zip64, error);

    if (!failure)
        failure = check_disks(end, records.zip64 ? &zip64 : NULL, error);
    if (!failure && records.zip64) {
        failure = check_zip64(end, &zip64, error);
        records.directory_offset_bytes = zip64.directory_offset_bytes;
        records.directory_size_bytes = zip64.directory_size_bytes;
        records.entry_count = zip64.entries;
        entries_here = zip64.entries_here;
        end_offset = zip64.offset_bytes;
    }
    if (!failure)
        failure = check_fit(&records, entries_here, end_offset, error);
    if (!failure)
        *out = records;
    return failure;
}

static int read_end_records(struct ozx_source *source, bool own, struct ozx_zip_end_records *out,
                            struct ozx_error *error)
{
    OZX_AUTO_FREE uint8_t *data = NULL;
    uint64_t size = ozx_source_size(source);
    struct ozx_zip_end_records records = {0};
    struct window w;
    struct end_record end;
    size_t at = 0;
    int failure;

    w.size_bytes = size < WINDOW_MAX ? (size_t)size : WINDOW_MAX;
    w.offset_bytes = size - w.size_bytes;
    w.data = data = malloc(w.size_bytes ? w.size_bytes : 1);
    if (!data)
        return ozx_error_memory(error);
    failure = ozx_source_read(source, data, w.size_bytes, w.offset_bytes);
    if (failure)
        return fail_read(error, failure, w.offset_bytes);
    count_nuls(&w);
    failure = find_end(&w, size, &at, error);
    if (failure)
        return size && error->rule == OZX_RULE_NO_END && error->offset_bytes == size
                   ? ozx_zip_kind_explain(source, error)
                   : failure;
    end = parse_end(&w, at);
    failure = judge(source, &end, (uint64_t)bytes_behind(&w, at), &records, error);
    records.own = own;
    if (!failure && !own)
        failure = ozx_zip_second_end(
            source, &(struct ozx_zip_last){data, w.size_bytes, w.offset_bytes}, &records, error);
    if (!failure)
        *out = records;
    return failure;
}

int ozx_zip_end_records_read(struct ozx_source *source, struct ozx_zip_end_records *out,
                             struct ozx_error *error)
{
    return read_end_records(source, false, out, error);
}

int ozx_zip_end_records_read_own(struct ozx_source *source, struct ozx_zip_end_records *out,
                                 struct ozx_error *error)
{
    return read_end_records(source, true, out, error);
}
