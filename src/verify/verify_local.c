/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Around the data of entries: local headers in front, data descriptors and gaps behind. Read
 * through a window that slides along the file, so that a million headers are not a million reads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "verify/verify_parts.h"
#include "zip/descriptor.h"
#include "zip/format.h"
#include "zip/writer.h"

#define ZEROS_MAX (256u * 1024) /* between what an edit appends; less than a window */
#define QUICK_SCAN_MAX 65536    /* of one gap, looked through for local headers if `quick` */

const uint8_t *ozx_verify_window_get(struct ozx_window *window, uint64_t offset, size_t need,
                                     size_t want, size_t *got, struct ozx_error *error)
{
    const uint8_t *at = ozx_window_get(window, offset, need, want, got);

    if (!at && window->failure == -ESTALE)
        ozx_error_set(error, -ESTALE, OZX_RULE_CHANGED, OZX_OFFSET_NONE, "try again",
                      "changed while it was read");
    else if (!at)
        ozx_error_set(error, window->failure, OZX_RULE_NONE, offset, NULL, "cannot read: %s",
                      ozx_source_reason(window->failure));
    return at;
}

static struct ozx_zip_expected expected_of(const struct ozx_verify_entry *e, uint64_t limit)
{
    const struct ozx_zip_entry *h = &e->header;

    return (struct ozx_zip_expected){.local_offset_bytes = h->local_offset_bytes,
                                     .compressed_size_bytes = h->compressed_size_bytes,
                                     .uncompressed_size_bytes = h->uncompressed_size_bytes,
                                     .data_end_limit_bytes = limit,
                                     .name = e->path,
                                     .name_size_bytes = e->path_size_bytes,
                                     .name_cp437 = h->name_cp437,
                                     .flags = h->flags,
                                     .method = h->method,
                                     .crc32 = h->crc32};
}

/* What a good local header leaves to say. */
static void judge_local(struct ozx_verify *v, const struct ozx_verify_entry *e,
                        const struct ozx_zip_local *local)
{
    bool central = e->header.has_zip64;

    if (local->extra_odd)
        ozx_verify_find(v, OZX_RULE_EXTRA_ODD, OZX_VERDICT_WARN, e, OZX_OFFSET_NONE,
                        "an extra field of the local header that cannot be parsed");
    if (local->extra_other)
        ozx_verify_extra_fields(v, e, OZX_OFFSET_NONE, local->extra_other_id);
    if ((!central || !local->zip64) && v->options->rule_set == OZX_RULES_R2)
        ozx_verify_find(v, OZX_RULE_ZIP64, OZX_VERDICT_WARN, e, OZX_OFFSET_NONE,
                        "no ZIP64 extra field in the %s",
                        central        ? "local header"
                        : local->zip64 ? "central directory"
                                       : "local header, nor in the central directory");
}

int ozx_verify_local(struct ozx_verify *v, struct ozx_window *w, const struct ozx_verify_entry *e,
                     uint64_t limit, size_t want, bool quiet, uint64_t *data_offset,
                     struct ozx_error *error)
{
    const struct ozx_zip_expected expected = expected_of(e, limit);
    struct ozx_error wrong = OZX_ERROR_INIT;
    struct ozx_zip_local local;
    size_t need = OZX_LOCAL_SIZE + e->path_size_bytes, got;
    int64_t result;

    do {
        const uint8_t *at =
            ozx_verify_window_get(w, expected.local_offset_bytes, need, want, &got, error);
        if (!at)
            return error->code;
        result = ozx_zip_local_check(at, got, &expected, &local, &wrong);
        need = result > 0 ? (size_t)result : 0;
    } while (result > 0);
    if (result < 0) {
        if (!quiet)
            ozx_verify_find_path(v, wrong.rule, OZX_VERDICT_FAIL, e->path, e->path_size_bytes,
                                 expected.local_offset_bytes, wrong.hint, "%s", wrong.text);
        return 1;
    }
    if (!quiet)
        judge_local(v, e, &local);
    *data_offset = expected.local_offset_bytes + local.size_bytes;
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

static int scan_gap(const struct ozx_verify *v, struct ozx_window *w, uint64_t from, uint64_t to,
                    size_t want, struct unlisted *found, struct ozx_error *error)
{
    /* A header whose name ends behind the window is looked at again in the next. */
    const size_t margin = OZX_LOCAL_SIZE + OZX_NAME_PATH_MAX;

    while (to - from >= OZX_LOCAL_SIZE) {
        uint64_t left = to - from;
        size_t ahead = left < OZX_VERIFY_WINDOW ? (size_t)left : OZX_VERIFY_WINDOW, got = 0, step;
        const uint8_t *hit, *at = ozx_verify_window_get(w, from, ahead < margin ? ahead : margin,
                                                        ahead > want ? ahead : want, &got, error);
        if (!at)
            return error->code;
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
            return ozx_error_interrupted(error);
    }
    return 0;
}

static int skip_descriptor(struct ozx_window *w, const struct ozx_zip_entry *h, uint64_t *from,
                           uint64_t to, size_t want, struct ozx_error *error)
{
    uint64_t left = to - *from;
    size_t got;
    const uint8_t *at = ozx_verify_window_get(
        w, *from, left < OZX_DESCRIPTOR_MAX ? (size_t)left : OZX_DESCRIPTOR_MAX, want, &got, error);

    if (!at)
        return error->code;
    *from += ozx_zip_descriptor_size(at, got < left ? got : (size_t)left, h->crc32,
                                     h->compressed_size_bytes, h->uncompressed_size_bytes);
    return 0;
}

/* Padding that aligns the data of the entry behind it, as pack --rules draft writes it: zeros,
 * fewer than the largest alignment. */
static int is_padding(struct ozx_window *w, uint64_t from, uint64_t to, size_t want, bool *padding,
                      struct ozx_error *error)
{
    size_t size = (size_t)(to - from), got;
    const uint8_t *at;

    *padding = false;
    if (to - from >= OZX_ALIGN_MAX)
        return 0;
    at = ozx_verify_window_get(w, from, size, want > size ? want : size, &got, error);
    if (!at)
        return error->code;
    *padding = got >= size && at[0] == 0 && memcmp(at, at + 1, size - 1) == 0;
    return 0;
}

/* Zeros up to `to_bytes`: what an edit leaves between its parts. */
static int are_zeros(struct ozx_window *w, uint64_t from, uint64_t to, size_t want, bool *yes,
                     struct ozx_error *error)
{
    size_t size, got;
    const uint8_t *at;

    *yes = false;
    if (to - from > ZEROS_MAX)
        return 0;
    size = (size_t)(to - from);
    at = ozx_verify_window_get(w, from, size, want > size ? want : size, &got, error);
    if (!at)
        return error->code;
    *yes = got >= size;
    for (size_t i = 0; i < size && *yes; i++)
        *yes = at[i] == 0;
    return 0;
}

/* The first of them that ends behind `at`. */
static uint32_t first_behind(const struct ozx_verify *v, uint64_t at)
{
    uint32_t low = 0, high = v->superseded_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct ozx_range *r = &v->superseded[middle];
        if (r->offset_bytes + r->size_bytes > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* What earlier edits left behind, all of it: verify_superseded.c. */
static int is_superseded(const struct ozx_verify *v, struct ozx_window *w, uint64_t from,
                         uint64_t to, size_t want, bool *yes, struct ozx_error *error)
{
    uint64_t at = from;
    int failure = 0;

    *yes = false;
    if (!v->superseded_count)
        return 0;
    for (uint32_t i = first_behind(v, at); i < v->superseded_count && at < to; i++) {
        const struct ozx_range *r = &v->superseded[i];
        uint64_t end = r->offset_bytes + r->size_bytes;
        bool zeros = true;
        if (r->offset_bytes > to)
            break;
        if (r->offset_bytes > at)
            failure = are_zeros(w, at, r->offset_bytes, want, &zeros, error);
        if (failure || !zeros)
            return failure;
        at = end;
    }
    if (at < to && at > from)
        return are_zeros(w, at, to, want, yes, error);
    *yes = at == to;
    return 0;
}

int ozx_verify_gap(struct ozx_verify *v, struct ozx_window *w, const struct ozx_verify_entry *e,
                   uint64_t from, uint64_t to, size_t want, struct ozx_error *error)
{
    struct unlisted found = {0};
    char hidden[OZX_ESCAPED_SIZE + 128] = "";
    uint64_t scan_to;
    bool padding = false, superseded = false;
    int failure = 0;

    if (e && (e->header.flags & OZX_FLAG_DESCRIPTOR) && from < to)
        failure = skip_descriptor(w, &e->header, &from, to, want, error);
    if (!failure && from < to && e && to != v->records.directory_offset_bytes)
        failure = is_padding(w, from, to, want, &padding, error);
    if (!failure && from < to && !padding)
        failure = is_superseded(v, w, from, to, want, &superseded, error);
    if (failure || from >= to || padding || superseded)
        return failure;
    scan_to = v->options->quick && to - from > QUICK_SCAN_MAX ? from + QUICK_SCAN_MAX : to;
    failure = scan_gap(v, w, from, scan_to, want, &found, error);
    if (failure)
        return failure;
    if (e && !found.count && v->options->rule_set == OZX_RULES_DRAFT)
        return 0; /* unused space is allowed there */
    if (found.count)
        snprintf(hidden, sizeof hidden,
                 "; %" PRIu64 " local header%s there that the directory does not list, '%s'",
                 found.count, OZX_S(found.count), found.first);
    ozx_verify_find(v, e ? OZX_RULE_GAP : OZX_RULE_LEADING, OZX_VERDICT_WARN, e, from,
                    e ? "is followed by %" PRIu64 " byte%s outside any entry%s"
                      : "%" PRIu64
                        " byte%s before the first entry, as in a self-extracting archive%s",
                    to - from, OZX_S(to - from), hidden);
    return 0;
}
