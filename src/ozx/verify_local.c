/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Around the data of entries: local headers in front, data descriptors and gaps behind. Read
 * through a window that slides along the file, so that a million headers are not a million reads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "ozx/tree.h"
#include "ozx/verify_parts.h"
#include "zip/format.h"

#define DESCRIPTOR_MAX 24
#define QUICK_SCAN_MAX 65536 /* of one gap, looked through for local headers if `quick` */

int ozx_verify_window_get(struct ozx_verify *v, struct ozx_verify_window *w, uint64_t offset,
                          size_t need, size_t want, const uint8_t **at, size_t *got,
                          struct ozx_error *error)
{
    uint64_t left = ozx_source_size(v->source) - offset;
    int failure;

    if (need > left)
        need = (size_t)left;
    if (offset < w->offset_bytes || offset - w->offset_bytes > w->filled_bytes ||
        w->filled_bytes - (offset - w->offset_bytes) < need) {
        size_t size = need > want ? need : want;
        if (size > OZX_VERIFY_WINDOW)
            size = OZX_VERIFY_WINDOW;
        if (size > left)
            size = (size_t)left;
        w->filled_bytes = 0;
        failure = ozx_source_read(v->source, w->data, size, offset);
        if (failure == -ESTALE)
            return ozx_error_set(error, failure, "changed", OZX_OFFSET_NONE, "try again",
                                 "changed while it was read");
        if (failure)
            return ozx_error_set(error, failure, NULL, offset, NULL, "cannot read: %s",
                                 strerror(-failure));
        w->offset_bytes = offset;
        w->filled_bytes = size;
    }
    *at = w->data + (offset - w->offset_bytes);
    *got = w->filled_bytes - (size_t)(offset - w->offset_bytes);
    return 0;
}

uint64_t ozx_verify_limit(const struct ozx_verify *v, uint32_t index)
{
    return index + 1 < v->entry_count ? v->entries[index + 1].local_offset_bytes
                                      : v->tail.directory_offset_bytes;
}

static struct ozx_zip_expected expected_of(const struct ozx_verify *v, uint32_t index)
{
    const struct ozx_verify_entry *e = &v->entries[index];

    return (struct ozx_zip_expected){.local_offset_bytes = e->local_offset_bytes,
                                     .compressed_size_bytes = e->compressed_size_bytes,
                                     .uncompressed_size_bytes = e->uncompressed_size_bytes,
                                     .data_end_limit_bytes = ozx_verify_limit(v, index),
                                     .name = ozx_verify_path(v, e),
                                     .name_size_bytes = e->path_size_bytes,
                                     .name_cp437 = e->kind & OZX_ENTRY_CP437,
                                     .flags = e->flags,
                                     .method = e->method,
                                     .crc32 = e->crc32};
}

/* What a good local header leaves to say. */
static void judge_local(struct ozx_verify *v, const struct ozx_verify_entry *e,
                        const struct ozx_zip_local *local)
{
    bool central = e->kind & OZX_ENTRY_ZIP64;

    if (local->extra_odd)
        ozx_verify_find(v, "extra-odd", OZX_VERDICT_WARN, e, OZX_OFFSET_NONE,
                        "an extra field of the local header that cannot be parsed");
    if (!central || !local->zip64)
        ozx_verify_find(v, "zip64", OZX_VERDICT_WARN, e, OZX_OFFSET_NONE,
                        "no ZIP64 extra field in the %s",
                        central        ? "local header"
                        : local->zip64 ? "central directory"
                                       : "local header, nor in the central directory");
}

int ozx_verify_local(struct ozx_verify *v, struct ozx_verify_window *w, uint32_t index, size_t want,
                     bool quiet, uint64_t *data_offset, struct ozx_error *error)
{
    const struct ozx_verify_entry *e = &v->entries[index];
    const struct ozx_zip_expected expected = expected_of(v, index);
    struct ozx_error wrong = OZX_ERROR_INIT;
    struct ozx_zip_local local;
    const uint8_t *at;
    size_t need = OZX_LOCAL_SIZE + (size_t)e->path_size_bytes, got;
    int64_t result;

    do {
        int failure =
            ozx_verify_window_get(v, w, e->local_offset_bytes, need, want, &at, &got, error);
        if (failure)
            return failure;
        result = ozx_zip_local_check(at, got, &expected, &local, &wrong);
        need = result > 0 ? (size_t)result : 0;
    } while (result > 0);
    if (result < 0) {
        if (!quiet)
            ozx_verify_find_path(v, wrong.rule, OZX_VERDICT_FAIL, ozx_verify_path(v, e),
                                 e->path_size_bytes, e->local_offset_bytes, wrong.hint, "%s",
                                 wrong.text);
        return 1;
    }
    if (!quiet)
        judge_local(v, e, &local);
    *data_offset = e->local_offset_bytes + local.size_bytes;
    return 0;
}

/* --- gaps ------------------------------------------------------------------------------------- */

/* Local headers in a gap that the directory does not list. */
struct unlisted {
    uint64_t count;
    char first[OZX_ESCAPED_SIZE];
};

/* `at`: the signature, with `got` bytes from there on that are still in the gap. */
static void note_unlisted(struct unlisted *found, const uint8_t *at, size_t got)
{
    struct ozx_bytes b = ozx_bytes_of(at, got);
    uint16_t size;
    const uint8_t *name;

    ozx_bytes_take(&b, 26);
    size = ozx_bytes_u16(&b);
    ozx_bytes_take(&b, 2);
    name = ozx_bytes_take(&b, size);
    if (!name || !size)
        return; /* four bytes that happen to look so */
    if (found->count++ == 0)
        ozx_escape(found->first, sizeof found->first, name, size);
}

static int scan_gap(struct ozx_verify *v, struct ozx_verify_window *w, uint64_t from, uint64_t to,
                    size_t want, struct unlisted *found, struct ozx_error *error)
{
    /* A header whose name ends behind the window is looked at again in the next. */
    const size_t margin = OZX_LOCAL_SIZE + OZX_NAME_PATH_MAX;

    while (to - from >= OZX_LOCAL_SIZE) {
        uint64_t left = to - from;
        size_t ahead = left < OZX_VERIFY_WINDOW ? (size_t)left : OZX_VERIFY_WINDOW, got, step;
        const uint8_t *at, *hit;
        int failure = ozx_verify_window_get(v, w, from, ahead < margin ? ahead : margin,
                                            ahead > want ? ahead : want, &at, &got, error);
        if (failure)
            return failure;
        if (got > left)
            got = (size_t)left;
        if (!got)
            break;
        hit = memmem(at, got, "PK\3\4", 4);
        if (!hit) {
            step = got == left || got < 4 ? got : got - 3;
        } else if ((size_t)(hit - at) + margin > got && got < left && hit != at) {
            step = (size_t)(hit - at);
        } else {
            note_unlisted(found, hit, got - (size_t)(hit - at));
            step = (size_t)(hit - at) + 4;
        }
        from += step;
        if (v->options->cancel && *v->options->cancel)
            return ozx_error_set(error, -EINTR, NULL, OZX_OFFSET_NONE, NULL, "interrupted");
    }
    return 0;
}

static int skip_descriptor(struct ozx_verify *v, struct ozx_verify_window *w, uint32_t index,
                           uint64_t *from, uint64_t to, size_t want, struct ozx_error *error)
{
    const struct ozx_zip_expected expected = expected_of(v, index);
    const uint8_t *at;
    size_t got;
    uint64_t left = to - *from;
    int failure = ozx_verify_window_get(
        v, w, *from, left < DESCRIPTOR_MAX ? (size_t)left : DESCRIPTOR_MAX, want, &at, &got, error);

    if (failure)
        return failure;
    *from += ozx_zip_descriptor_size(at, got < left ? got : (size_t)left, &expected);
    return 0;
}

int ozx_verify_gap(struct ozx_verify *v, struct ozx_verify_window *w, uint32_t index, uint64_t from,
                   size_t want, struct ozx_error *error)
{
    const struct ozx_verify_entry *e = index == UINT32_MAX ? NULL : &v->entries[index];
    uint64_t to = e                ? ozx_verify_limit(v, index)
                  : v->entry_count ? v->entries[0].local_offset_bytes
                                   : v->tail.directory_offset_bytes;
    struct unlisted found = {0};
    char hidden[OZX_ESCAPED_SIZE + 128] = "";
    uint64_t scan_to;
    int failure = 0;

    if (e && (e->flags & OZX_FLAG_DESCRIPTOR) && from < to)
        failure = skip_descriptor(v, w, index, &from, to, want, error);
    if (failure || from >= to)
        return failure;
    scan_to = v->options->quick && to - from > QUICK_SCAN_MAX ? from + QUICK_SCAN_MAX : to;
    failure = scan_gap(v, w, from, scan_to, want, &found, error);
    if (failure)
        return failure;
    if (found.count)
        snprintf(hidden, sizeof hidden,
                 "; %" PRIu64 " local header(s) in them that the directory does not list, '%s'",
                 found.count, found.first);
    ozx_verify_find(v, e ? "gap" : "leading", OZX_VERDICT_WARN, e, from,
                    e ? "is followed by %" PRIu64 " bytes that belong to no entry%s"
                      : "%" PRIu64 " bytes stand in front of the first entry%s",
                    to - from, hidden);
    return 0;
}
