/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The prefix is the distance between where the records stand and where they say that they stand; it
 * counts only if the archive behind it is one that is read without any prefix.
 */
#include "zip/prefix.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "zip/directory.h"
#include "zip/end_records.h"
#include "zip/format.h"

#define TAIL_MAX (OZX_END_SIZE + OZX_COMMENT_MAX)

/* The file's end, and where in the file it begins. */
struct ending {
    uint8_t *bytes; /* owned */
    size_t size;
    uint64_t offset;
};

/* An end record whose comment ends with the file; the last one. NULL if there is none. */
static const uint8_t *find_end(const struct ending *ending)
{
    for (size_t at = ending->size >= OZX_END_SIZE ? ending->size - OZX_END_SIZE + 1 : 0;
         at-- > 0;) {
        struct ozx_bytes b = ozx_bytes_of(ending->bytes + at, ending->size - at);

        if (ozx_bytes_u32(&b) != OZX_END_SIGNATURE)
            continue;
        ozx_bytes_take(&b, 16);
        if (ozx_bytes_u16(&b) == b.left_bytes)
            return ending->bytes + at;
    }
    return NULL;
}

/* By the locator in front of the end record at `end_offset`, and the ZIP64 record in front of that.
 */
static bool by_locator(struct ozx_source *source, uint64_t end_offset, uint64_t *prefix)
{
    uint8_t records[OZX_END64_SIZE + OZX_LOCATOR_SIZE];
    struct ozx_bytes b = ozx_bytes_of(records, sizeof records);
    uint64_t start, stated;

    if (end_offset < sizeof records ||
        ozx_source_read(source, records, sizeof records, end_offset - sizeof records))
        return false;
    start = end_offset - sizeof records;
    if (ozx_bytes_u32(&b) != OZX_END64_SIGNATURE)
        return false;
    ozx_bytes_take(&b, OZX_END64_SIZE - 4);
    if (ozx_bytes_u32(&b) != OZX_LOCATOR_SIGNATURE)
        return false;
    ozx_bytes_take(&b, 4);
    stated = ozx_bytes_u64(&b);
    *prefix = start - stated;
    return stated < start;
}

/* By the end record itself, behind which the directory must end. */
static bool by_end(const uint8_t *end, uint64_t end_offset, uint64_t *prefix)
{
    struct ozx_bytes b = ozx_bytes_of(end, OZX_END_SIZE);
    uint64_t stated;

    ozx_bytes_take(&b, 12);
    stated = ozx_bytes_u32(&b);
    stated += ozx_bytes_u32(&b);
    *prefix = end_offset - stated;
    return stated < end_offset;
}

struct first {
    struct ozx_source *source;
    bool fits;
};

/* Of the first entry only: its local header is where it should be. */
static int look_at_first(void *context, const struct ozx_zip_entry *entry, struct ozx_error *error)
{
    struct first *first = context;
    uint8_t signature[4];
    struct ozx_bytes b = ozx_bytes_of(signature, sizeof signature);

    (void)error;
    first->fits =
        !ozx_source_read(first->source, signature, sizeof signature, entry->local_offset_bytes) &&
        ozx_bytes_u32(&b) == OZX_LOCAL_SIGNATURE;
    return -ECANCELED;
}

/* True if there is an archive behind so many bytes, whose first entry is there. */
static bool is_archive_behind(struct ozx_source *source, uint64_t prefix)
{
    OZX_AUTO_SOURCE struct ozx_source *behind = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_zip_end_records records;
    struct first first = {.fits = false};

    if (ozx_source_open_behind(source, prefix, &behind) ||
        ozx_zip_end_records_read(behind, &records, &error))
        return false;
    first.source = behind;
    return ozx_zip_directory_walk_names(behind, &records, OZX_NAMES_ANY, look_at_first, &first,
                                        &error) == -ECANCELED &&
           first.fits;
}

uint64_t ozx_zip_prefix_size(struct ozx_source *source)
{
    uint64_t file_size = ozx_source_size(source), prefix, end_offset;
    struct ending ending = {.size = file_size < TAIL_MAX ? (size_t)file_size : TAIL_MAX};
    OZX_AUTO_FREE uint8_t *bytes = malloc(ending.size + 1);
    const uint8_t *end;

    ending.bytes = bytes;
    ending.offset = file_size - ending.size;
    if (!bytes || ozx_source_read(source, bytes, ending.size, ending.offset))
        return 0;
    end = find_end(&ending);
    if (!end)
        return 0;
    end_offset = ending.offset + (size_t)(end - bytes);
    if ((by_locator(source, end_offset, &prefix) || by_end(end, end_offset, &prefix)) && prefix &&
        is_archive_behind(source, prefix))
        return prefix;
    return 0;
}

int ozx_zip_prefix_explain(struct ozx_source *source, int failure, struct ozx_error *error)
{
    uint64_t prefix = failure == -EBADMSG ? ozx_zip_prefix_size(source) : 0;

    if (!prefix)
        return failure;
    return ozx_error_set(error, failure, error->rule, prefix,
                         "'ozxfs repack' rewrites it without them",
                         "%" PRIu64 " byte%s before the archive, which its offsets do not "
                         "count, as in a self-extracting one",
                         prefix, OZX_S(prefix));
}
