/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From local header to local header. Knows where entries begin; the search for where one ends that
 * does not say so is zip/descriptor.c.
 */
#include "zip/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "zip/append_mark.h"
#include "zip/descriptor.h"
#include "zip/extra.h"
#include "zip/format.h"
#include "zip/name.h"
#include "zip/name_normalize.h"
#include "zip/window.h"

#define VERSION_NEEDED_MAX 63 /* APPNOTE 4.4.3.2 */

/* of the end: padding, and alignment */
#define APPENDED_WITHIN (UINT64_C(65536) + OZX_APPEND_ALIGN)

/* In a gap, headers may lie inside each other's extra fields: what is spent on them is bounded by
 * what was passed over, so that no file costs more than a few times its size. */
#define GAP_WORK_FREE (UINT64_C(1) << 20)
#define GAP_WORK_PER_BYTE 8

struct scan {
    const struct ozx_zip_scan *options;
    struct ozx_window window;
    char *decoded;     /* OZX_NAME_DECODED_MAX */
    uint64_t gap_work; /* bytes of headers that were looked at in this gap */
    struct ozx_error *error;
};

/* A local header, whole and with its sizes as far as it states them. */
struct local {
    struct ozx_zip_scanned entry;
    uint64_t data_offset;
    bool size_unknown; /* it stands behind the data, or (no_sizes) nowhere */
    bool no_sizes;
    const char *defect; /* why the entry cannot be taken, though it may be known where it ends */
};

static bool cancelled(const struct scan *s)
{
    return s->options->cancel && *s->options->cancel;
}

static int interrupted(struct scan *s)
{
    return ozx_error_interrupted(s->error);
}

static void report_lost(struct scan *s, uint64_t offset, const char *what)
{
    struct ozx_error lost = OZX_ERROR_INIT;

    ozx_error_set(&lost, -EBADMSG, OZX_RULE_NONE, offset, NULL, "%s", what);
    s->options->lost(s->options->context, &lost);
}

static void report_lost_entry(struct scan *s, const struct local *local, const char *what)
{
    struct ozx_error lost = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE];

    ozx_error_set(
        &lost, -EBADMSG, OZX_RULE_NONE, local->entry.local_offset_bytes, NULL, "entry '%s': %s",
        ozx_escape(name, sizeof name, local->entry.name, local->entry.name_size_bytes), what);
    s->options->lost(s->options->context, &lost);
}

/* --- one local header ------------------------------------------------------------------------- */

/* What is wrong with the name, NULL if it is a path that can be shown. */
static const char *judge_name(const struct scan *s, const struct local *local, bool *directory)
{
    const struct ozx_zip_scanned *e = &local->entry;
    const char *path = e->name;
    size_t size = e->name_size_bytes;

    if (!ozx_utf8_valid(path, size)) {
        if (e->flags & OZX_FLAG_UTF8)
            return "a name that is not UTF-8";
        size = ozx_zip_name_from_cp437(s->decoded, path, size);
        path = s->decoded;
    }
    *directory = size && path[size - 1] == '/';
    if (!ozx_zip_name_defect(path, size))
        return NULL;
    /* Whether the others let it have its normal form shows when all are known. */
    return ozx_zip_name_normalize(s->decoded, &size, path, size, path == e->name);
}

static void judge(const struct scan *s, struct local *local)
{
    const struct ozx_zip_scanned *e = &local->entry;
    bool directory = false;

    if (judge_name(s, local, &directory))
        local->defect = "its name is not a valid path";
    else if (local->size_unknown)
        return;
    else if (directory && e->uncompressed_size_bytes)
        local->defect = "it is a directory that has contents of its own";
    else if (e->uncompressed_size_bytes > INT64_MAX)
        local->defect = "its size is larger than any file";
    else if (e->method == OZX_METHOD_STORED && !(e->flags & OZX_FLAG_ENCRYPTED) &&
             e->compressed_size_bytes != e->uncompressed_size_bytes)
        local->defect = "it is stored but has two different sizes";
}

/* Sizes by the header and its ZIP64 field. */
static void parse_sizes(struct local *local, const struct ozx_zip_extra *extra)
{
    struct ozx_zip_scanned *e = &local->entry;
    const struct ozx_zip64_values values = {&e->uncompressed_size_bytes, &e->compressed_size_bytes,
                                            NULL, NULL};

    if (ozx_zip64_apply(extra, &values) > OZX_ZIP64_ODD) {
        local->size_unknown = local->no_sizes = true;
        return;
    }
    local->size_unknown =
        e->flags & OZX_FLAG_DESCRIPTOR && !e->compressed_size_bytes && !e->uncompressed_size_bytes;
}

/* 0 and the header at `offset`, -ENODATA if the file ends inside it, or an error of reading. The
 * name is borrowed from the window. */
static int parse_local(struct scan *s, uint64_t offset, struct local *local)
{
    struct ozx_zip_scanned *e = &local->entry;
    const uint8_t *at = ozx_window_view(&s->window, offset, OZX_LOCAL_SIZE);
    uint16_t extra_size;
    struct ozx_bytes b;
    struct ozx_zip_extra extra;

    *local = (struct local){.entry.local_offset_bytes = offset};
    if (!at)
        return s->window.failure ? s->window.failure : -ENODATA;
    b = ozx_bytes_of(at + 6, OZX_LOCAL_SIZE - 6);
    e->flags = ozx_bytes_u16(&b);
    e->method = ozx_bytes_u16(&b);
    e->dos_time = ozx_bytes_u32(&b);
    e->crc32 = ozx_bytes_u32(&b);
    e->compressed_size_bytes = ozx_bytes_u32(&b);
    e->uncompressed_size_bytes = ozx_bytes_u32(&b);
    e->name_size_bytes = ozx_bytes_u16(&b);
    extra_size = ozx_bytes_u16(&b);
    local->data_offset = offset + OZX_LOCAL_SIZE + e->name_size_bytes + extra_size;
    at = ozx_window_view(&s->window, offset, (size_t)(local->data_offset - offset));
    if (!at)
        return s->window.failure ? s->window.failure : -ENODATA;
    e->name = (const char *)at + OZX_LOCAL_SIZE;
    extra = ozx_zip_extra_parse(at + OZX_LOCAL_SIZE + e->name_size_bytes, extra_size);
    e->mtime_known = extra.mtime_known;
    e->mtime_s = extra.mtime_s;
    parse_sizes(local, &extra);
    judge(s, local);
    return 0;
}

/* --- one entry -------------------------------------------------------------------------------- */

/* The entry is whole and ends at its data's end: hand it on. The name must still be in the window.
 */
static int take(struct scan *s, struct local *local)
{
    judge(s, local);
    if (local->defect) {
        report_lost_entry(s, local, local->defect);
        return 0;
    }
    return s->options->found(s->options->context, &local->entry, s->error);
}

/* The name in memory of its own, for the window moves on while the entry's end is searched. */
static int keep_name(struct local *local, char **kept)
{
    *kept = malloc(local->entry.name_size_bytes + (size_t)1);
    if (!*kept)
        return -ENOMEM;
    memcpy(*kept, local->entry.name, local->entry.name_size_bytes);
    local->entry.name = *kept;
    return 0;
}

/* Size and CRC stand behind the data. `*next` stays 0 if nothing tells where. */
static int end_by_descriptor(struct scan *s, struct local *local, uint64_t *next)
{
    OZX_AUTO_FREE char *name = NULL;
    struct ozx_zip_scanned *e = &local->entry;
    struct ozx_zip_descriptor found = {.size_bytes = 0};
    int failure = keep_name(local, &name);

    if (!failure)
        failure = ozx_zip_descriptor_search(&s->window, local->data_offset,
                                            e->method == OZX_METHOD_STORED &&
                                                !(e->flags & OZX_FLAG_ENCRYPTED),
                                            s->options->cancel, &found);
    if (failure)
        return failure;
    if (!found.size_bytes) {
        report_lost_entry(s, local, "its end is unknown; what follows is not trusted");
        return 0;
    }
    e->crc32 = found.crc32;
    e->compressed_size_bytes = found.compressed_size_bytes;
    e->uncompressed_size_bytes = found.uncompressed_size_bytes;
    local->size_unknown = false;
    *next = local->data_offset + e->compressed_size_bytes + found.size_bytes;
    return take(s, local);
}

/* Moves `*next` behind the descriptor of the entry that ended there, if it has one. */
static int skip_descriptor(struct scan *s, const struct ozx_zip_scanned *e, uint64_t *next)
{
    size_t got;
    const uint8_t *at =
        ozx_window_get(&s->window, *next, OZX_DESCRIPTOR_MAX, OZX_WINDOW_SIZE, &got);

    if (!at)
        return s->window.failure;
    *next += ozx_zip_descriptor_size(at, got, e->crc32, e->compressed_size_bytes,
                                     e->uncompressed_size_bytes);
    return 0;
}

/* The entry at `offset`, where a local header is. `*next`: where it ends, 0 if there is no going
 * on. */
static int take_entry(struct scan *s, uint64_t offset, uint64_t *next)
{
    uint64_t size = s->window.size_bytes, left;
    struct local local;
    char text[160];
    int failure = parse_local(s, offset, &local);

    *next = 0;
    if (failure == -ENODATA) {
        report_lost(s, offset, "the archive ends inside an entry's header");
        return 0;
    }
    if (failure)
        return failure;
    if (local.no_sizes) {
        report_lost_entry(s, &local,
                          "its local header lacks its ZIP64 sizes; what follows is not trusted");
        return 0;
    }
    if (local.size_unknown)
        return end_by_descriptor(s, &local, next);
    left = size - local.data_offset;
    if (local.entry.compressed_size_bytes > left) {
        snprintf(text, sizeof text,
                 "it is truncated, with %" PRIu64 " of its %" PRIu64
                 " bytes; what followed is unknown",
                 left, local.entry.compressed_size_bytes);
        report_lost_entry(s, &local, text);
        return 0;
    }
    *next = local.data_offset + local.entry.compressed_size_bytes;
    failure = take(s, &local);
    if (!failure && local.entry.flags & OZX_FLAG_DESCRIPTOR)
        failure = skip_descriptor(s, &local.entry, next);
    return failure;
}

/* --- between entries -------------------------------------------------------------------------- */

/* Could a local header be here, where none was expected? Better too few than too many. */
static int is_plausible_local(struct scan *s, uint64_t gap, uint64_t offset, bool *plausible)
{
    const uint8_t *at = ozx_window_view(&s->window, offset, OZX_LOCAL_SIZE);
    struct ozx_bytes lengths;
    struct local local;
    int failure;

    *plausible = false;
    if (!at || at[4] > VERSION_NEEDED_MAX || at[5])
        return s->window.failure;
    if (s->gap_work > GAP_WORK_FREE + GAP_WORK_PER_BYTE * (offset - gap))
        return 0;
    lengths = ozx_bytes_of(at + 26, 4);
    s->gap_work += ozx_bytes_u16(&lengths);
    s->gap_work += ozx_bytes_u16(&lengths);
    failure = parse_local(s, offset, &local);
    if (failure)
        return failure == -ENODATA ? 0 : failure;
    *plausible = !local.defect && !local.no_sizes &&
                 (local.size_unknown ||
                  local.entry.compressed_size_bytes <= s->window.size_bytes - local.data_offset);
    return 0;
}

/* The same of a central header: another record follows it, or the file ends in it. */
static int is_plausible_central(struct scan *s, uint64_t offset, bool *plausible)
{
    const uint8_t *at = ozx_window_view(&s->window, offset, OZX_CENTRAL_SIZE);
    uint64_t end;
    struct ozx_bytes b;

    *plausible = false;
    if (!at)
        return s->window.failure;
    b = ozx_bytes_of(at + 28, 6);
    end = offset + OZX_CENTRAL_SIZE;
    for (int i = 0; i < 3; i++)
        end += ozx_bytes_u16(&b);
    if (at[6] > VERSION_NEEDED_MAX)
        return 0;
    if (end + 4 > s->window.size_bytes) {
        *plausible = true;
        return 0;
    }
    at = ozx_window_view(&s->window, end, 4);
    if (!at)
        return s->window.failure;
    *plausible = ozx_zip_record_at(at) > OZX_RECORD_LOCAL;
    return 0;
}

/* An edit's mark, in front of its directory. */
static bool is_mark(struct scan *s, uint64_t from, uint64_t to)
{
    struct ozx_append_mark mark;
    const uint8_t *at = to - from < OZX_APPEND_MARK_SIZE
                            ? NULL
                            : ozx_window_view(&s->window, to - OZX_APPEND_MARK_SIZE,
                                              OZX_APPEND_MARK_SIZE);

    return at && ozx_append_mark_parse(at, UINT64_MAX, &mark) && mark.old_size_bytes <= from;
}

/* Bytes that belong to nothing, from `offset` on: `*next` is where something begins again, 0 if
 * nothing does. */
static int pass_gap(struct scan *s, uint64_t offset, uint64_t *next)
{
    uint64_t at = offset;
    char text[120];

    s->gap_work = 0;
    for (;;) {
        bool plausible = false;
        int failure;

        failure = ozx_window_find(&s->window, &at, s->options->cancel);
        if (failure == -ENODATA)
            break;
        if (failure)
            return failure;
        switch (ozx_zip_record_at(ozx_window_view(&s->window, at, 4))) {
        case OZX_RECORD_LOCAL:
            failure = is_plausible_local(s, offset, at, &plausible);
            break;
        case OZX_RECORD_CENTRAL:
            failure = is_plausible_central(s, at, &plausible);
            break;
        default:
            break;
        }
        if (failure)
            return failure;
        if (plausible)
            break;
        at++;
    }
    if (at < s->window.size_bytes && is_mark(s, offset, at)) {
        *next = at;
        return 0;
    }
    snprintf(text, sizeof text, "%" PRIu64 " byte%s there not part of any entry", at - offset,
             OZX_S(at - offset));
    report_lost(s, offset, text);
    *next = at < s->window.size_bytes ? at : 0;
    return 0;
}

/* Behind the records of a directory, up to its end record's comment; 0: that is not there. */
static uint64_t behind_directory(struct scan *s, uint64_t at)
{
    for (;;) {
        const uint8_t *p = ozx_window_view(&s->window, at, OZX_END_SIZE);
        struct ozx_bytes b;

        if (!p)
            return 0;
        b = ozx_bytes_of(p, OZX_END_SIZE);
        switch (ozx_bytes_u32(&b)) {
        case OZX_CENTRAL_SIGNATURE:
            p = ozx_window_view(&s->window, at, OZX_CENTRAL_SIZE);
            if (!p)
                return 0;
            b = ozx_bytes_of(p + 28, 6);
            at += OZX_CENTRAL_SIZE;
            for (int i = 0; i < 3; i++)
                at += ozx_bytes_u16(&b);
            break;
        case OZX_END64_SIGNATURE:
            at += OZX_END64_SIZE; /* as those write it who append */
            break;
        case OZX_LOCATOR_SIGNATURE:
            at += OZX_LOCATOR_SIZE;
            break;
        case OZX_END_SIGNATURE:
            (void)ozx_bytes_take(&b, 16);
            return at + OZX_END_SIZE + ozx_bytes_u16(&b);
        default:
            return 0;
        }
    }
}

/* An edit appends to an archive (zip/append_mark.h): behind the directory at `at` and zeros, a
 * local header at an aligned place, or one whose signature the next edit cleared. `*next`: there,
 * else 0. */
static int pass_directory(struct scan *s, uint64_t at, uint64_t *next)
{
    uint64_t end = behind_directory(s, at), place;
    size_t got, zeros = 0;
    const uint8_t *p;

    *next = 0;
    if (!end || end >= s->window.size_bytes)
        return s->window.failure;
    p = ozx_window_get(&s->window, end, APPENDED_WITHIN, OZX_WINDOW_SIZE, &got);
    if (!p)
        return s->window.failure;
    while (zeros < got && !p[zeros])
        zeros++;
    place = (end + zeros) / OZX_APPEND_ALIGN * OZX_APPEND_ALIGN;
    if (place < end || zeros >= APPENDED_WITHIN || got - zeros < 4 ||
        (end + zeros == place ? ozx_zip_record_at(p + zeros) != OZX_RECORD_LOCAL
                              : end + zeros != place + 4))
        return 0;
    *next = place;
    return 0;
}

static int walk(struct scan *s, bool *complete)
{
    uint64_t at = 0, size = s->window.size_bytes;

    while (at < size) {
        const uint8_t *record = ozx_window_view(&s->window, at, 4);
        int failure;

        if (cancelled(s))
            return interrupted(s);
        if (!record && s->window.failure)
            return s->window.failure;
        switch (record ? ozx_zip_record_at(record) : OZX_RECORD_NONE) {
        case OZX_RECORD_LOCAL:
            failure = take_entry(s, at, &at);
            break;
        case OZX_RECORD_NONE:
            failure = pass_gap(s, at, &at);
            break;
        default:
            *complete = true;
            failure = pass_directory(s, at, &at);
            *complete &= !at;
        }
        if (failure || !at)
            return failure;
    }
    return 0;
}

int ozx_zip_scan(struct ozx_source *source, const struct ozx_zip_scan *scan, bool *complete,
                 struct ozx_error *error)
{
    OZX_AUTO_FREE char *decoded = malloc(OZX_NAME_DECODED_MAX);
    struct scan s = {.options = scan, .decoded = decoded, .error = error};
    int failure;

    if (!decoded || ozx_window_open(&s.window, source, OZX_WINDOW_SIZE))
        return ozx_error_memory(error);
    *complete = false;
    failure = walk(&s, complete);
    ozx_window_close(&s.window);
    if (failure == -EINTR && !error->code)
        return interrupted(&s);
    if (failure == -ENOMEM && !error->code)
        return ozx_error_memory(error);
    if (failure && !error->code)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot be read: %s",
                             failure == -ESTALE ? "it changed meanwhile" : strerror(-failure));
    return failure;
}
