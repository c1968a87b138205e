/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Searching data descriptors. The CRC of stored data is carried forward as the search goes on, so
 * that many descriptors that lie about it cost no more than one.
 */
#include "zip/descriptor.h"

#include "base/bytes.h"
#include "zip/crc.h"
#include "zip/format.h"

#define SUM_SIZE (64 * 1024)
#define FORMS 4

/* The four forms; the wide ones first: a narrow one that fits is often the front of a wide one. */
static const struct form {
    bool has_signature, wide;
    uint32_t size_bytes;
} forms[FORMS] = {{true, true, 24}, {true, false, 16}, {false, true, 20}, {false, false, 12}};

struct search {
    struct ozx_window *window;
    uint64_t data_offset;
    bool stored;
    struct ozx_window reader; /* for the CRC, which stays behind */
    uint64_t summed_to;       /* `crc32` is of the data up to here */
    uint32_t crc32;
    struct ozx_zip_descriptor *found;
};

static bool parse(const uint8_t *at, const struct form *form, struct ozx_zip_descriptor *out)
{
    struct ozx_bytes b = ozx_bytes_of(at, form->size_bytes);

    if (form->has_signature && ozx_bytes_u32(&b) != OZX_DESCRIPTOR_SIGNATURE)
        return false;
    out->size_bytes = form->size_bytes;
    out->crc32 = ozx_bytes_u32(&b);
    out->compressed_size_bytes = form->wide ? ozx_bytes_u64(&b) : ozx_bytes_u32(&b);
    out->uncompressed_size_bytes = form->wide ? ozx_bytes_u64(&b) : ozx_bytes_u32(&b);
    return true;
}

/* Goes on with the sum over [from, to). */
static int sum(struct search *s, uint64_t from, uint64_t to, uint32_t *crc)
{
    while (from < to) {
        size_t size = to - from < SUM_SIZE ? (size_t)(to - from) : SUM_SIZE;
        const uint8_t *at = ozx_window_view(&s->reader, from, size);

        if (!at)
            return s->reader.failure ? s->reader.failure : -EIO;
        *crc = ozx_crc32(*crc, at, size);
        from += size;
    }
    return 0;
}

/* The CRC of the data up to `end`. Ends are asked for in almost rising order: none lies further
 * back than a descriptor's size from the one before. */
static int sum_to(struct search *s, uint64_t end, uint32_t *crc)
{
    uint64_t behind =
        end - s->data_offset > OZX_DESCRIPTOR_MAX ? end - OZX_DESCRIPTOR_MAX : s->data_offset;
    int failure = 0;

    if (behind > s->summed_to) {
        failure = sum(s, s->summed_to, behind, &s->crc32);
        s->summed_to = behind;
    }
    *crc = s->crc32;
    return failure ? failure : sum(s, s->summed_to, end, crc);
}

/* Is there a record, or the end of the file, at `offset`? */
static int asks_record(struct search *s, uint64_t offset, bool *there)
{
    const uint8_t *at;

    *there = offset == s->window->size_bytes;
    if (*there)
        return 0;
    at = ozx_window_view(s->window, offset, 4);
    if (at)
        *there = ozx_zip_record_at(at) != OZX_RECORD_NONE;
    return s->window->failure;
}

/* Tries one form at `end`, where the data would end. */
static int try_form(struct search *s, uint64_t end, const struct form *form)
{
    const uint8_t *at = ozx_window_view(s->window, end, form->size_bytes);
    struct ozx_zip_descriptor d;
    bool followed;
    uint32_t crc;
    int failure;

    if (!at)
        return s->window->failure;
    if (!parse(at, form, &d) || d.compressed_size_bytes != end - s->data_offset ||
        d.uncompressed_size_bytes > INT64_MAX ||
        (s->stored && d.uncompressed_size_bytes != d.compressed_size_bytes))
        return 0;
    failure = asks_record(s, end + form->size_bytes, &followed);
    if (failure || !followed)
        return failure;
    if (s->stored) {
        failure = sum_to(s, end, &crc);
        if (failure || crc != d.crc32)
            return failure;
    }
    *s->found = d;
    return 0;
}

/* Every form for which the record at `offset` is its signature, or follows it. */
static int try_around(struct search *s, uint64_t offset)
{
    /* By where the data would end, from the front: 20, 12 and 0 bytes back. */
    static const int order[FORMS] = {2, 3, 0, 1};

    for (int i = 0; i < FORMS && !s->found->size_bytes; i++) {
        const struct form *form = &forms[order[i]];
        uint64_t back = form->has_signature ? 0 : form->size_bytes;
        int failure;

        if (offset - s->data_offset < back)
            continue;
        failure = try_form(s, offset - back, form);
        if (failure)
            return failure;
    }
    return 0;
}

static int search(struct search *s, const volatile sig_atomic_t *cancel)
{
    uint64_t at = s->data_offset;
    int failure = 0;

    while (!s->found->size_bytes) {
        failure = ozx_window_find(s->window, &at, cancel);
        if (failure)
            break;
        failure = try_around(s, at);
        if (failure)
            return failure;
        at++;
    }
    if (failure != -ENODATA)
        return failure;
    return try_around(s, s->window->size_bytes); /* the file may end in a descriptor */
}

int ozx_zip_descriptor_search(struct ozx_window *window, uint64_t data_offset_bytes, bool stored,
                              const volatile sig_atomic_t *cancel, struct ozx_zip_descriptor *found)
{
    struct search s = {.window = window,
                       .data_offset = data_offset_bytes,
                       .stored = stored,
                       .summed_to = data_offset_bytes,
                       .found = found};
    int failure;

    found->size_bytes = 0;
    if (ozx_window_open(&s.reader, window->source, OZX_WINDOW_SIZE))
        return -ENOMEM;
    failure = search(&s, cancel);
    ozx_window_close(&s.reader);
    return failure;
}

size_t ozx_zip_descriptor_size(const uint8_t *data, size_t size_bytes, uint32_t crc32,
                               uint64_t compressed_size_bytes, uint64_t uncompressed_size_bytes)
{
    for (int i = 0; i < FORMS; i++) {
        struct ozx_zip_descriptor d;

        if (size_bytes >= forms[i].size_bytes && parse(data, &forms[i], &d) && d.crc32 == crc32 &&
            d.compressed_size_bytes == compressed_size_bytes &&
            d.uncompressed_size_bytes == uncompressed_size_bytes)
            return d.size_bytes;
    }
    return 0;
}
