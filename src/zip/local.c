/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The local header of one entry, read once, at the entry's first read; and what may follow its
 * data.
 */
#include "zip/local.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "zip/extra.h"
#include "zip/format.h"
#include "zip/name.h"

/* Most headers, with name and extra field, come with one read of this size. */
#define FIRST_READ_SIZE 512

struct local_header {
    uint16_t flags, method, name_size_bytes, extra_size_bytes;
    uint32_t crc32;
    uint64_t compressed_size_bytes, uncompressed_size_bytes;
};

static int fail(struct ozx_error *error, const struct ozx_zip_expected *expected,
                enum ozx_rule rule, const char *what)
{
    return ozx_error_set(error, -EIO, rule, expected->local_offset_bytes,
                         "get the file again, or ask its author", "%s", what);
}

static int fail_read(struct ozx_error *error, const struct ozx_zip_expected *expected, int code)
{
    return ozx_error_set(error, code, code == -ESTALE ? OZX_RULE_CHANGED : OZX_RULE_NONE,
                         expected->local_offset_bytes, NULL, "%s",
                         code == -ESTALE ? "the archive changed while it was open"
                                         : ozx_source_reason(code));
}

static void parse(const uint8_t *data, struct local_header *out)
{
    struct ozx_bytes b = ozx_bytes_of(data, OZX_LOCAL_SIZE);

    ozx_bytes_take(&b, 6); /* signature, version needed */
    out->flags = ozx_bytes_u16(&b);
    out->method = ozx_bytes_u16(&b);
    ozx_bytes_take(&b, 4); /* time, date */
    out->crc32 = ozx_bytes_u32(&b);
    out->compressed_size_bytes = ozx_bytes_u32(&b);
    out->uncompressed_size_bytes = ozx_bytes_u32(&b);
    out->name_size_bytes = ozx_bytes_u16(&b);
    out->extra_size_bytes = ozx_bytes_u16(&b);
}

/* The local name must be the central one, decoded the same way. */
static bool same_name(const struct ozx_zip_expected *expected, const char *raw, size_t size)
{
    OZX_AUTO_FREE char *decoded = NULL;

    bool normalize = expected->names != OZX_NAMES_STRICT;

    if (!expected->name_cp437 && !normalize)
        return size == expected->name_size_bytes && memcmp(raw, expected->name, size) == 0;
    if (ozx_utf8_valid(raw, size) == expected->name_cp437)
        return false;
    decoded = malloc(3 * size + 1);
    if (!decoded)
        return false;
    if (expected->name_cp437) {
        size = ozx_zip_name_from_cp437(decoded, raw, size);
        raw = decoded;
    }
    if (normalize &&
        ozx_zip_name_normalize(decoded, &size, raw, size,
                               expected->names == OZX_NAMES_BACKSLASHES && !expected->name_cp437))
        return false;
    return size == expected->name_size_bytes && memcmp(decoded, expected->name, size) == 0;
}

/* What differs, NULL if nothing does. `data` is the whole header with name and extra field. */
static const char *difference(const struct ozx_zip_expected *expected, struct local_header *local,
                              const struct ozx_zip_extra *extra, const uint8_t *data)
{
    const char *name = (const char *)data + OZX_LOCAL_SIZE;
    const struct ozx_zip64_values values = {&local->uncompressed_size_bytes,
                                            &local->compressed_size_bytes, NULL, NULL};

    if (!same_name(expected, name, local->name_size_bytes))
        return "the local header has another name";
    if (local->method != expected->method)
        return "the local header has another compression method";
    if (local->flags != expected->flags)
        return "the local header has other flags";
    if (expected->flags & OZX_FLAG_DESCRIPTOR)
        return NULL; /* CRC and sizes stand behind the data */
    if (ozx_zip64_apply(extra, &values) > OZX_ZIP64_ODD)
        return "the local header lacks its ZIP64 sizes";
    if (local->compressed_size_bytes != expected->compressed_size_bytes ||
        local->uncompressed_size_bytes != expected->uncompressed_size_bytes)
        return "the local header has another size";
    if (local->crc32 != expected->crc32)
        return "the local header has another CRC";
    return NULL;
}

int64_t ozx_zip_local_check(const uint8_t *data, size_t size_bytes,
                            const struct ozx_zip_expected *expected, struct ozx_zip_local *out,
                            struct ozx_error *error)
{
    struct local_header local;
    struct ozx_zip_extra extra;
    uint64_t room;
    size_t whole;
    const char *what;

    if (size_bytes < OZX_LOCAL_SIZE || memcmp(data, "PK\3\4", 4) != 0)
        return fail(error, expected, OZX_RULE_LOCAL, "there is no local header where it should be");
    parse(data, &local);
    whole = (size_t)OZX_LOCAL_SIZE + local.name_size_bytes + local.extra_size_bytes;
    room = expected->data_end_limit_bytes - expected->local_offset_bytes -
           expected->compressed_size_bytes;
    /* Asked before the rest, so that a wrong length is not told as a lack of room. */
    if (!expected->name_cp437 && expected->names == OZX_NAMES_STRICT &&
        local.name_size_bytes != expected->name_size_bytes)
        return fail(error, expected, OZX_RULE_LOCAL, "the local header has another name");
    if (whole > room)
        return fail(error, expected, OZX_RULE_OVERLAP,
                    "by its local header, the data reach into what follows");
    if (whole > size_bytes)
        return (int64_t)whole;
    extra = ozx_zip_extra_parse(data + OZX_LOCAL_SIZE + local.name_size_bytes,
                                local.extra_size_bytes);
    what = difference(expected, &local, &extra, data);
    if (what)
        return fail(error, expected, OZX_RULE_LOCAL, what);
    *out = (struct ozx_zip_local){
        .size_bytes = whole, .zip64 = extra.zip64_count > 0, .extra_odd = extra.odd,
        .extra_other = extra.other, .extra_other_id = extra.other_id};
    return 0;
}

int ozx_zip_local_resolve(struct ozx_source *source, const struct ozx_zip_expected *expected,
                          uint64_t *data_offset_bytes, struct ozx_error *error)
{
    uint8_t first[FIRST_READ_SIZE];
    OZX_AUTO_FREE uint8_t *larger = NULL;
    uint64_t offset = expected->local_offset_bytes;
    /* an entry that was let in lies in the file */
    uint64_t left = ozx_source_size(source) - offset;
    size_t size = left < sizeof first ? (size_t)left : sizeof first;
    struct ozx_zip_local local = {0};
    int64_t result;
    int failure = ozx_source_read(source, first, size, offset);

    if (failure)
        return fail_read(error, expected, failure);
    result = ozx_zip_local_check(first, size, expected, &local, error);
    if (result > 0) {
        size = (size_t)result;
        larger = malloc(size);
        if (!larger)
            return ozx_error_memory(error);
        failure = ozx_source_read(source, larger, size, offset);
        if (failure)
            return fail_read(error, expected, failure);
        result = ozx_zip_local_check(larger, size, expected, &local, error);
    }
    if (result)
        return (int)result;
    *data_offset_bytes = offset + local.size_bytes;
    return 0;
}
