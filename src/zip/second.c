/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking for a second archive where other readers would find it.
 */
#include "zip/second.h"

#include <string.h>

#include "base/bytes.h"
#include "zip/format.h"

#define SCAN_SIZE ((size_t)65536)
#define FRONT_MAX (UINT64_C(16) << 20) /* 7-Zip searches 8 MiB for an archive's beginning */
#define RECORD_MAX 16384               /* libarchive sees an empty archive behind a longer record */
/* where libarchive looks for the end record: the last bytes */
#define NEAR_END 16384
#define SIGNATURE_SIZE 4

#define HINT_REWRITE "recreate the archive with another tool"

static int refuse(struct ozx_error *error, enum ozx_rule rule, uint64_t offset, const char *text)
{
    return ozx_error_set(error, -EBADMSG, rule, offset, HINT_REWRITE, "%s", text);
}

static int fail_read(struct ozx_error *error, int code, uint64_t offset)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, offset, code == -ESTALE ? "try again" : NULL,
                         code == -ESTALE ? "changed while it was read" : "cannot read: %s",
                         ozx_source_reason(code));
}

static uint32_t signature_at(const uint8_t *p)
{
    struct ozx_bytes b = ozx_bytes_of(p, SIGNATURE_SIZE);
    return ozx_bytes_u32(&b);
}

static int is_signature(struct ozx_source *source, uint64_t offset, uint32_t signature, bool *yes,
                        struct ozx_error *error)
{
    uint8_t start[SIGNATURE_SIZE];
    uint64_t size = ozx_source_size(source);
    int failure;

    *yes = false;
    if (size < sizeof start || offset > size - sizeof start)
        return 0; /* an offset that the file does not have is no place */
    failure = ozx_source_read(source, start, sizeof start, offset);
    if (failure)
        return fail_read(error, failure, offset);
    *yes = signature_at(start) == signature;
    return 0;
}

/* What an end record says of its directory. */
struct claim {
    uint64_t offset_bytes; /* of the record */
    uint32_t directory_size_bytes, directory_offset_bytes;
};

/* The first signature of an end record that begins in [*at, stop): `*at` becomes its place. */
static bool find_signature(const struct ozx_zip_last *last, size_t *at, size_t stop)
{
    static const uint8_t signature[SIGNATURE_SIZE] = {'P', 'K', 5, 6};
    size_t reach = stop + sizeof signature - 1;
    const uint8_t *found;

    if (reach > last->size_bytes)
        reach = last->size_bytes;
    if (*at >= reach)
        return false;
    found = memmem(last->data + *at, reach - *at, signature, sizeof signature);
    if (found)
        *at = (size_t)(found - last->data);
    return found;
}

/* The same for a record that is whole, which is read. */
static bool find_claim(const struct ozx_zip_last *last, size_t *at, size_t stop, struct claim *out)
{
    struct ozx_bytes b;

    if (!find_signature(last, at, stop) || last->size_bytes - *at < OZX_END_SIZE)
        return false;
    b = ozx_bytes_of(last->data + *at + 12, 8);
    out->offset_bytes = last->offset_bytes + *at;
    out->directory_size_bytes = ozx_bytes_u32(&b);
    out->directory_offset_bytes = ozx_bytes_u32(&b);
    return true;
}

/* Whether a ZIP64 locator in front of the claim's record leads to a ZIP64 end record. */
static int leads_by_locator(struct ozx_source *source, const struct claim *c, bool *yes,
                            struct ozx_error *error)
{
    uint8_t locator[OZX_LOCATOR_SIZE];
    uint64_t offset = c->offset_bytes - sizeof locator;
    struct ozx_bytes b = ozx_bytes_of(locator, sizeof locator);
    int failure;

    if (c->offset_bytes < sizeof locator)
        return 0;
    failure = ozx_source_read(source, locator, sizeof locator, offset);
    if (failure)
        return fail_read(error, failure, offset);
    if (ozx_bytes_u32(&b) != OZX_LOCATOR_SIGNATURE)
        return 0;
    ozx_bytes_take(&b, 4); /* disk */
    return is_signature(source, ozx_bytes_u64(&b), OZX_END64_SIGNATURE, yes, error);
}

/* Whether the directory that a claim has stands where it says, or right in front of it if `counted`
 * (for readers that correct offsets by what was put in front of an archive). */
static int leads_somewhere(struct ozx_source *source, const struct claim *c, bool counted,
                           bool *yes, struct ozx_error *error)
{
    uint64_t offset = c->directory_offset_bytes, size = c->directory_size_bytes;
    int failure = 0;

    *yes = false;
    if (size && offset + size <= c->offset_bytes)
        failure = is_signature(source, offset, OZX_CENTRAL_SIGNATURE, yes, error);
    if (!failure && !*yes && counted && size && size <= c->offset_bytes)
        failure = is_signature(source, c->offset_bytes - size, OZX_CENTRAL_SIGNATURE, yes, error);
    if (!failure && !*yes)
        failure = leads_by_locator(source, c, yes, error);
    return failure;
}

static int refuse_end(const struct claim *c, const char *text, struct ozx_error *error)
{
    return refuse(error, OZX_RULE_NO_END, c->offset_bytes, text);
}

/* In the found record's own fields: whoever searches from the end meets this one first. One that
 * claims no directory at all is an empty archive to some. */
static int check_inside(struct ozx_source *source, const struct ozx_zip_last *last, size_t found,
                        struct ozx_error *error)
{
    struct claim c;

    for (size_t at = found + 1; find_claim(last, &at, found + OZX_END_SIZE, &c); at++) {
        bool yes = !c.directory_size_bytes;
        int failure = yes ? 0 : leads_somewhere(source, &c, true, &yes, error);
        if (failure)
            return failure;
        if (yes)
            return refuse_end(
                &c,
                "the fields of the end record are a second end record, so the archive "
                "can be read in two ways",
                error);
    }
    return 0;
}

/* In front of it: libzip before 1.10 tries all and keeps the largest archive; Java goes on to look
 * for another where the found one does not reach the file's end, as padding follows. */
static int check_before(struct ozx_source *source, const struct ozx_zip_last *last, size_t found,
                        bool padded, struct ozx_error *error)
{
    struct claim c;

    for (size_t at = 0; find_claim(last, &at, found, &c); at++) {
        bool yes;
        int failure = leads_somewhere(source, &c, padded, &yes, error);
        if (failure)
            return failure;
        if (yes)
            return refuse_end(&c,
                              "a second end record, with a central directory of its own, is in "
                              "front of the last one, so the file can be read in two ways",
                              error);
    }
    return 0;
}

/* libarchive sees no locator that is cut by the beginning of the bytes in which it looks. If the
 * end record then has the directory's size, not a sentinel, it counts that back and finds it empty.
 */
static int check_locator(const struct ozx_zip_last *last, const struct ozx_zip_end_records *found,
                         size_t at, struct ozx_error *error)
{
    size_t behind = last->size_bytes - at;
    struct ozx_bytes size = ozx_bytes_of(last->data + at + 12, 4);

    if (!found->zip64 || behind >= NEAR_END || behind + OZX_LOCATOR_SIZE <= NEAR_END ||
        ozx_bytes_u32(&size) == OZX_SENTINEL32)
        return 0;
    return refuse(
        error, OZX_RULE_ZIP64_TAIL, found->end_offset_bytes,
        "the end record lies 16 KiB from the file's end, where libarchive does not see the "
        "ZIP64 locator, and holds numbers of its own");
}

int ozx_zip_second_end(struct ozx_source *source, const struct ozx_zip_last *last,
                       const struct ozx_zip_end_records *found, struct ozx_error *error)
{
    size_t at = (size_t)(found->end_offset_bytes - last->offset_bytes), behind = at + OZX_END_SIZE;
    int failure;

    if (find_signature(last, &behind, last->size_bytes))
        return refuse(error, OZX_RULE_NO_END, last->offset_bytes + behind,
                      "the archive comment holds the signature of a second end record, so the "
                      "archive can be read in two ways");
    failure = check_locator(last, found, at, error);
    if (!failure)
        failure = check_inside(source, last, at, error);
    if (!failure)
        failure = check_before(source, last, at, found->padding_bytes > 0, error);
    return failure;
}

int ozx_zip_second_record(struct ozx_source *source, uint64_t record_offset,
                          uint64_t locator_offset, uint32_t plain_size, struct ozx_error *error)
{
    static const uint8_t signature[] = {'P', 'K', 6, 6};
    uint64_t size = locator_offset - record_offset, end = locator_offset + OZX_LOCATOR_SIZE;
    uint8_t data[RECORD_MAX];
    const uint8_t *second;
    bool yes = false;
    int failure;

    if (size > RECORD_MAX)
        return refuse(error, OZX_RULE_ZIP64_TAIL, record_offset,
                      "the ZIP64 end record is longer than 16 KiB, which not all readers can read");
    failure = ozx_source_read(source, data, (size_t)size, record_offset);
    if (failure)
        return fail_read(error, failure, record_offset);
    second = memmem(data + 1, (size_t)size - 1, signature, sizeof signature);
    if (second)
        return refuse(
            error, OZX_RULE_ZIP64_TAIL, record_offset + (uint64_t)(second - data),
            "the ZIP64 end record holds the signature of a second one, so the archive can "
            "be read in two ways");
    if (size > OZX_END64_SIZE && plain_size && plain_size <= end)
        failure =
            is_signature(source, end - plain_size, OZX_CENTRAL_SIGNATURE, &yes, error);
    if (!failure && yes)
        failure = refuse(error, OZX_RULE_ZIP64_TAIL, end - plain_size,
                         "a second central directory precedes the end record, after the "
                         "ZIP64 end record, so the archive can be read in two ways");
    return failure;
}

/* The ways in which an archive can begin: local header, end records, the marks of a split one. */
static bool begins_archive(const uint8_t *p, size_t size)
{
    static const uint8_t split[] = {'P', 'K', 7, 8, 'P', 'K'},
                         once[] = {'P', 'K', '0', '0', 'P', 'K'};
    uint32_t signature = signature_at(p);

    return signature == OZX_LOCAL_SIGNATURE || signature == OZX_END_SIGNATURE ||
           signature == OZX_END64_SIGNATURE ||
           (size >= sizeof split &&
            (!memcmp(p, split, sizeof split) || !memcmp(p, once, sizeof once)));
}

static int scan_front(struct ozx_source *source, uint8_t *data, uint64_t stop,
                      struct ozx_error *error)
{
    for (uint64_t at = 0; at < stop; at += SCAN_SIZE - SIGNATURE_SIZE - 1) {
        size_t size = stop - at < SCAN_SIZE ? (size_t)(stop - at) : SCAN_SIZE;
        int failure = ozx_source_read(source, data, size, at);
        if (failure)
            return fail_read(error, failure, at);
        for (size_t i = 0; i + SIGNATURE_SIZE <= size; i++) {
            const uint8_t *p = memchr(data + i, 'P', size - i - SIGNATURE_SIZE + 1);
            if (!p)
                break;
            i = (size_t)(p - data);
            if (begins_archive(p, size - i))
                return refuse(error, OZX_RULE_NO_END, at + i,
                              "another archive begins before the first entry, so the file can "
                              "be read in two ways");
        }
    }
    return 0;
}

int ozx_zip_second_front(struct ozx_source *source, uint64_t first_offset, struct ozx_error *error)
{
    uint64_t stop = first_offset < FRONT_MAX ? first_offset : FRONT_MAX;
    OZX_AUTO_FREE uint8_t *data = NULL;

    if (!stop)
        return 0;
    data = malloc(SCAN_SIZE);
    if (!data)
        return ozx_error_memory(error);
    return scan_front(source, data, stop, error);
}
