/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walking the central directory: a sliding block of bytes, one header after the other, each judged
 * before it is shown. What only shows between entries (overlap, duplicates, conflicts) is not here.
 */
#include "zip/directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "zip/extra.h"
#include "zip/format.h"
#include "zip/name.h"
#include "zip/second.h"

#define BLOCK_SIZE (1u << 20) /* holds the largest header there can be: 46 + 3 x 65535 bytes */

/* What is announced ahead of where it is read fits twice into the smallest cache. */
#define AHEAD ((uint64_t)8 * BLOCK_SIZE)

#define HINT_AGAIN "get the file again, or ask its author"
#define HINT_REWRITE "recreate the archive with another tool"

struct ozx_zip_directory {
    struct ozx_source *source;
    const struct ozx_zip_end_records *records;
    struct ozx_error *error; /* of the call that is under way */
    uint8_t *block;
    size_t used_bytes, filled_bytes; /* of the block */
    size_t ahead_bytes;              /* are read at once if it has to read, at most BLOCK_SIZE */
    uint64_t next_bytes;             /* file offset of the byte behind the block */
    uint64_t announced_bytes;        /* file offset of the byte behind what was announced */
    char *decoded;                   /* room for one name decoded from CP437 */
    uint32_t last_dos;               /* the last DOS date and time, and what it means: */
    int64_t last_dos_s;
    bool last_dos_valid;
    uint64_t index; /* of the current entry, for messages */
    uint64_t first_local_bytes; /* the lowest offset of the local headers seen */
    enum ozx_names names;
    struct ozx_zip_entry entry;
};

static uint64_t end_of_directory(const struct ozx_zip_directory *w)
{
    return w->records->directory_offset_bytes + w->records->directory_size_bytes;
}

static uint64_t position(const struct ozx_zip_directory *w)
{
    return w->next_bytes - (w->filled_bytes - w->used_bytes);
}

/* Whoever reads it from end to end says so: over a network the pieces come side by side. They end
 * where those end that the fetcher reads ahead by itself, else both would ask for parts of blocks.
 * A whole one is announced less one byte, that is by itself and not as a part of what one message
 * has no room for: with each that is read the fetcher may see that the line holds more. */
static void announce(struct ozx_zip_directory *w)
{
    uint64_t end = end_of_directory(w), until = w->next_bytes + AHEAD;

    if (w->ahead_bytes < BLOCK_SIZE || end - w->next_bytes <= BLOCK_SIZE)
        return;
    if (w->announced_bytes < w->next_bytes)
        w->announced_bytes = w->next_bytes;
    while (w->announced_bytes < end && w->announced_bytes < until) {
        uint64_t piece_end = (w->announced_bytes / BLOCK_SIZE + 1) * BLOCK_SIZE;
        struct ozx_range piece = {.offset_bytes = w->announced_bytes};

        piece_end = piece_end < end ? piece_end : end;
        piece.size_bytes = piece_end - w->announced_bytes;
        piece.size_bytes -= piece.size_bytes == BLOCK_SIZE;
        ozx_source_will_need(w->source, &piece, 1);
        w->announced_bytes = piece_end;
    }
}

/* Makes `size` bytes available in the block if the directory still has them; false if not. */
static int need(struct ozx_zip_directory *w, size_t size, bool *there)
{
    size_t left = w->filled_bytes - w->used_bytes;
    uint64_t more = end_of_directory(w) - w->next_bytes;
    int failure;

    *there = left >= size;
    if (*there || more == 0)
        return 0;
    announce(w);
    memmove(w->block, w->block + w->used_bytes, left);
    if (more > BLOCK_SIZE - left)
        more = BLOCK_SIZE - left;
    if (more > w->ahead_bytes && left + w->ahead_bytes >= size)
        more = w->ahead_bytes;
    failure = ozx_source_read(w->source, w->block + left, (size_t)more, w->next_bytes);
    if (failure)
        return ozx_error_set(w->error, failure, OZX_RULE_NONE, w->next_bytes, NULL,
                             "cannot read the central directory: %s",
                             failure == -ESTALE ? "the file changed" : ozx_source_reason(failure));
    w->used_bytes = 0;
    w->filled_bytes = left + (size_t)more;
    w->next_bytes += more;
    *there = w->filled_bytes >= size;
    return 0;
}

/* An entry that refuses the archive. */
static int refuse(struct ozx_zip_directory *w, enum ozx_rule rule, const char *hint,
                  const char *what)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(w->error, -EBADMSG, rule, w->entry.header_offset_bytes, hint,
                         "entry %" PRIu64 " '%s': %s", w->index + 1,
                         ozx_escape(name, sizeof name, w->entry.name, w->entry.name_size_bytes),
                         what);
}

/* DOS date and time, read as UTC; false for what is no date (APPNOTE 4.4.6). */
static bool dos_to_seconds(uint32_t dos, int64_t *seconds)
{
    struct tm tm = {
        .tm_sec = (int)(dos & 31) * 2,
        .tm_min = (int)(dos >> 5 & 63),
        .tm_hour = (int)(dos >> 11 & 31),
        .tm_mday = (int)(dos >> 16 & 31),
        .tm_mon = (int)(dos >> 21 & 15) - 1,
        .tm_year = (int)(dos >> 25) + 80,
    };

    if (tm.tm_mday < 1 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 59)
        return false;
    *seconds = timegm(&tm);
    return true;
}

static void set_mtime(struct ozx_zip_directory *w, uint32_t dos, const struct ozx_zip_extra *extra)
{
    /* The extended timestamp ends in 2038; where it says its last second, DOS time may know better.
     */
    bool saturated = extra->mtime_known && extra->mtime_s == INT32_MAX;

    if (extra->mtime_known && !saturated) {
        w->entry.mtime_s = extra->mtime_s;
        w->entry.mtime_known = true;
        return;
    }
    if (dos != w->last_dos) { /* neighbours often share it, and timegm is not free */
        w->last_dos = dos;
        w->last_dos_valid = dos_to_seconds(dos, &w->last_dos_s);
    }
    w->entry.mtime_known = w->last_dos_valid;
    w->entry.mtime_s = w->last_dos_valid ? w->last_dos_s : 0;
    if (saturated && w->entry.mtime_s < extra->mtime_s) {
        w->entry.mtime_s = extra->mtime_s;
        w->entry.mtime_known = true;
    }
}

/* What to do about a name that is not in its normal form: repack may know what it means. */
static const char *name_hint(struct ozx_zip_directory *w, size_t size)
{
    const struct ozx_zip_entry *e = &w->entry;

    if (!size || e->name_cp437 || w->names != OZX_NAMES_STRICT ||
        ozx_zip_name_normalize(w->decoded, &size, e->path, size, !memchr(e->path, '/', size)))
        return HINT_REWRITE;
    return "'ozxfs repack' writes the names in their normal form";
}

/* Decodes and judges the name; sets path, is_directory and name_cp437. */
static int set_path(struct ozx_zip_directory *w)
{
    struct ozx_zip_entry *e = &w->entry;
    const char *defect;
    size_t size = e->name_size_bytes;

    e->path = e->name;
    e->name_cp437 = false;
    if (!ozx_utf8_valid(e->name, size)) {
        if (e->flags & OZX_FLAG_UTF8)
            return refuse(w, OZX_RULE_NAME, HINT_REWRITE,
                          "the name is flagged as UTF-8 but is not");
        size = ozx_zip_name_from_cp437(w->decoded, e->name, size);
        e->path = w->decoded;
        e->name_cp437 = true;
    }
    if (w->names == OZX_NAMES_STRICT) {
        defect = ozx_zip_name_defect(e->path, size);
    } else if (w->names == OZX_NAMES_ANY) {
        defect = size > UINT16_MAX ? "a path longer than 4095 bytes" : size ? NULL : "no name";
    } else {
        /* In CP437 a '\' may be the second half of a character that is not CP437's at all. */
        defect = ozx_zip_name_normalize(w->decoded, &size, e->path, size,
                                   w->names == OZX_NAMES_BACKSLASHES && !e->name_cp437);
        e->path = w->decoded;
    }
    if (defect) {
        char text[80];
        snprintf(text, sizeof text, "the name has %s", defect);
        return refuse(w, OZX_RULE_NAME, name_hint(w, size), size ? text : "it has no name");
    }
    e->is_directory = !size || e->path[size - 1] == '/';
    e->path_size_bytes = (uint16_t)(size - (size && e->is_directory));
    if (w->names > OZX_NAMES_ANY) { /* from here on it is as if the archive had this name */
        e->name = e->path;
        e->name_size_bytes = (uint16_t)ozx_zip_name_raw_size(e->path, size, e->name_cp437);
    }
    return 0;
}

static int apply_zip64(struct ozx_zip_directory *w, const struct ozx_zip_extra *extra,
                       uint32_t *disk)
{
    struct ozx_zip_entry *e = &w->entry;
    const struct ozx_zip64_values values = {&e->uncompressed_size_bytes, &e->compressed_size_bytes,
                                            &e->local_offset_bytes, disk};

    switch (ozx_zip64_apply(extra, &values)) {
    case OZX_ZIP64_MISSING:
        return refuse(w, OZX_RULE_ZIP64_EXTRA, HINT_REWRITE,
                      "a size or offset of 0xFFFFFFFF without a ZIP64 extra field");
    case OZX_ZIP64_SHORT:
        return refuse(w, OZX_RULE_ZIP64_EXTRA, HINT_REWRITE, "the ZIP64 extra field is too short");
    case OZX_ZIP64_DOUBLE:
        return refuse(w, OZX_RULE_ZIP64_EXTRA, HINT_REWRITE,
                      "several ZIP64 extra fields: ambiguous");
    case OZX_ZIP64_ODD:
        e->extra_odd = true;
        break;
    case OZX_ZIP64_OK:
        break;
    }
    return 0;
}

/* Sizes and place against the file (rules bounds, disks, conflict). */
static int check_place(struct ozx_zip_directory *w, uint32_t disk)
{
    const struct ozx_zip_entry *e = &w->entry;
    uint64_t limit = w->records->directory_offset_bytes;

    if (disk != 0)
        return refuse(w, OZX_RULE_DISKS, "join the parts with the tool that split it",
                      "it is stated to be on another disk");
    if (e->uncompressed_size_bytes > INT64_MAX)
        return refuse(w, OZX_RULE_BOUNDS, HINT_AGAIN, "its size is larger than any file");
    if (limit < OZX_LOCAL_SIZE || e->local_offset_bytes > limit - OZX_LOCAL_SIZE ||
        e->compressed_size_bytes > limit - OZX_LOCAL_SIZE - e->local_offset_bytes)
        return refuse(w, OZX_RULE_BOUNDS, HINT_AGAIN,
                      "it lies outside the file or reaches into the central directory");
    if (e->method == OZX_METHOD_STORED && !(e->flags & OZX_FLAG_ENCRYPTED) &&
        e->compressed_size_bytes != e->uncompressed_size_bytes)
        return refuse(w, OZX_RULE_BOUNDS, HINT_REWRITE, "it is stored but has two different sizes");
    if (e->is_directory && e->uncompressed_size_bytes)
        return refuse(w, OZX_RULE_CONFLICT, HINT_REWRITE,
                      "a directory that has contents of its own");
    return 0;
}

static bool is_special(const struct ozx_zip_entry *e)
{
    uint16_t host = e->made_by >> 8;
    uint32_t type = e->external_attributes >> OZX_MODE_SHIFT & OZX_MODE_TYPE_MASK;

    return !e->is_directory && (host == OZX_HOST_UNIX || host == OZX_HOST_MACOS) && type != 0 &&
           type != OZX_MODE_REGULAR;
}

/* The fixed part of the header at the block's position; then name and extra are borrowed from it.
 */
static int parse_header(struct ozx_zip_directory *w, const uint8_t *at, uint16_t sizes[3])
{
    struct ozx_bytes b = ozx_bytes_of(at + 4, OZX_CENTRAL_SIZE - 4);
    struct ozx_zip_entry *e = &w->entry;
    struct ozx_zip_extra extra;
    uint32_t dos, disk;
    int failure;

    e->made_by = ozx_bytes_u16(&b);
    ozx_bytes_take(&b, 2); /* version needed: the method tells more */
    e->flags = ozx_bytes_u16(&b);
    e->method = ozx_bytes_u16(&b);
    dos = ozx_bytes_u32(&b);
    e->crc32 = ozx_bytes_u32(&b);
    e->compressed_size_bytes = ozx_bytes_u32(&b);
    e->uncompressed_size_bytes = ozx_bytes_u32(&b);
    ozx_bytes_take(&b, 6); /* lengths, taken before */
    disk = ozx_bytes_u16(&b);
    ozx_bytes_take(&b, 2); /* internal attributes */
    e->external_attributes = ozx_bytes_u32(&b);
    e->local_offset_bytes = ozx_bytes_u32(&b);
    e->name = (const char *)at + OZX_CENTRAL_SIZE;
    e->name_size_bytes = sizes[0];
    e->extra = at + OZX_CENTRAL_SIZE + sizes[0];
    e->extra_size_bytes = sizes[1];
    extra = ozx_zip_extra_parse(e->extra, sizes[1]);
    e->extra_odd = extra.odd;
    e->has_zip64 = extra.zip64_count > 0;
    e->has_unicode_path = extra.unicode_path;
    e->has_other_extra = extra.other;
    e->other_extra_id = extra.other_id;
    set_mtime(w, dos, &extra);
    failure = set_path(w);
    if (!failure)
        failure = apply_zip64(w, &extra, &disk);
    if (!failure)
        failure = check_place(w, disk);
    if (!failure)
        e->is_special = is_special(e);
    if (!failure && e->local_offset_bytes < w->first_local_bytes)
        w->first_local_bytes = e->local_offset_bytes;
    return failure;
}

static int no_header(struct ozx_zip_directory *w, uint64_t offset)
{
    return ozx_error_set(w->error, -EBADMSG, OZX_RULE_COUNT, offset, HINT_AGAIN,
                         "%" PRIu64
                         " entries are claimed, but there is no complete header of entry "
                         "%" PRIu64,
                         w->records->entry_count, w->index + 1);
}

static int next_header(struct ozx_zip_directory *w)
{
    uint64_t offset = position(w);
    uint16_t sizes[3]; /* name, extra, comment */
    struct ozx_bytes b;
    size_t whole;
    bool there;
    int failure = need(w, OZX_CENTRAL_SIZE, &there);

    if (failure)
        return failure;
    if (!there)
        return no_header(w, offset);
    b = ozx_bytes_of(w->block + w->used_bytes, OZX_CENTRAL_SIZE);
    if (ozx_bytes_u32(&b) != OZX_CENTRAL_SIGNATURE)
        return no_header(w, offset);
    ozx_bytes_take(&b, 24);
    for (int i = 0; i < 3; i++)
        sizes[i] = ozx_bytes_u16(&b);
    whole = (size_t)OZX_CENTRAL_SIZE + sizes[0] + sizes[1] + sizes[2];
    failure = need(w, whole, &there);
    if (failure)
        return failure;
    if (!there)
        return no_header(w, offset);
    w->entry.header_offset_bytes = offset;
    failure = parse_header(w, w->block + w->used_bytes, sizes);
    w->used_bytes += whole;
    return failure;
}

int ozx_zip_directory_open(struct ozx_source *source, const struct ozx_zip_end_records *records,
                           struct ozx_zip_directory **out)
{
    struct ozx_zip_directory *w = calloc(1, sizeof *w);

    if (!w)
        return -ENOMEM;
    w->source = source;
    w->records = records;
    w->first_local_bytes = records->directory_offset_bytes;
    w->block = malloc(BLOCK_SIZE);
    w->decoded = malloc(OZX_NAME_DECODED_MAX);
    if (!w->block || !w->decoded) {
        ozx_zip_directory_close(w);
        return -ENOMEM;
    }
    ozx_zip_directory_seek(w, records->directory_offset_bytes, BLOCK_SIZE);
    *out = w;
    return 0;
}

void ozx_zip_directory_close(struct ozx_zip_directory *directory)
{
    if (!directory)
        return;
    free(directory->block);
    free(directory->decoded);
    free(directory);
}

void ozx_zip_directory_seek(struct ozx_zip_directory *directory, uint64_t header_offset_bytes,
                            size_t ahead_bytes)
{
    uint64_t first = directory->next_bytes - directory->filled_bytes;

    directory->ahead_bytes = ahead_bytes < BLOCK_SIZE ? ahead_bytes : BLOCK_SIZE;
    if (header_offset_bytes >= first && header_offset_bytes <= directory->next_bytes) {
        directory->used_bytes = (size_t)(header_offset_bytes - first);
        return;
    }
    directory->used_bytes = directory->filled_bytes = 0;
    directory->next_bytes = directory->announced_bytes = header_offset_bytes;
}

int ozx_zip_directory_next(struct ozx_zip_directory *directory, const struct ozx_zip_entry **entry,
                           struct ozx_error *error)
{
    int failure;

    directory->error = error;
    failure = next_header(directory);
    directory->index++;
    if (!failure)
        *entry = &directory->entry;
    return failure;
}

static int walk(struct ozx_zip_directory *w, ozx_zip_visit visit, void *context,
                struct ozx_error *error)
{
    for (uint64_t i = 0; i < w->records->entry_count; i++) {
        const struct ozx_zip_entry *entry;
        int failure = ozx_zip_directory_next(w, &entry, error);
        if (!failure)
            failure = visit(context, entry, error);
        if (failure)
            return failure;
    }
    if (position(w) != end_of_directory(w))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_COUNT, position(w), HINT_AGAIN,
                             "the central directory continues after its %" PRIu64 " entries",
                             w->records->entry_count);
    return w->records->own ? 0 : ozx_zip_second_front(w->source, w->first_local_bytes, error);
}

int ozx_zip_directory_walk(struct ozx_source *source, const struct ozx_zip_end_records *records,
                           ozx_zip_visit visit, void *context, struct ozx_error *error)
{
    return ozx_zip_directory_walk_names(source, records, OZX_NAMES_STRICT, visit, context, error);
}

int ozx_zip_directory_walk_names(struct ozx_source *source,
                                 const struct ozx_zip_end_records *records, enum ozx_names names,
                                 ozx_zip_visit visit, void *context, struct ozx_error *error)
{
    struct ozx_zip_directory *directory;
    int failure = ozx_zip_directory_open(source, records, &directory);

    if (failure)
        return ozx_error_memory(error);
    directory->names = names;
    failure = walk(directory, visit, context, error);
    ozx_zip_directory_close(directory);
    return failure;
}
