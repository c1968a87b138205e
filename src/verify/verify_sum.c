/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The data of entries: read once for the CRC-32, and for the digest where a manifest is wanted.
 */
#include "verify/verify_sum.h"

#include <inttypes.h>
#include <string.h>

#include "zip/crc.h"
#include "zip/decompress.h"

/* --- digests ---------------------------------------------------------------------------------- */

/* Of a file that is served: of several entries of one name, the last. */
static void digest_begin(struct ozx_verify_sum *s)
{
    const struct ozx_verify *v = s->v;

    s->digesting = false;
    if (!v->options->manifest || s->entry->header.is_directory || s->entry->eio ||
        ozx_archive_find(v->archive, s->entry->path, &s->node) ||
        v->local_offsets[s->node] != s->entry->header.local_offset_bytes)
        return;
    ozx_digest_begin(&s->digest, ozx_manifest_digest(v->options->manifest));
    s->digesting = true;
}

static void digest_add(struct ozx_verify_sum *s, const void *data, size_t size)
{
    if (s->digesting)
        ozx_digest_add(&s->digest, data, size);
}

/* `right`: the data are those that were packed. */
static void digest_end(struct ozx_verify_sum *s, bool right)
{
    if (!s->digesting || !right)
        return;
    ozx_digest_end(&s->digest, s->v->digests[s->node]);
    s->v->digested[s->node] = true;
}

/* --- sums ------------------------------------------------------------------------------------- */

bool ozx_verify_judge_crc(struct ozx_verify *v, const struct ozx_verify_entry *e, uint32_t crc)
{
    if (crc != e->header.crc32)
        ozx_verify_find_path(v, OZX_RULE_CRC, OZX_VERDICT_FAIL, e->path, e->path_size_bytes,
                             e->header.local_offset_bytes, "get the file again, or ask its author",
                             "the data have CRC-32 %08" PRIx32 ", the directory states %08" PRIx32,
                             crc, e->header.crc32);
    return crc == e->header.crc32;
}

int ozx_verify_sum_stored(struct ozx_verify_sum *s, uint64_t offset, uint64_t size,
                          uint64_t ahead_to, uint32_t *crc, struct ozx_error *error)
{
    while (size) {
        const uint8_t *at;
        size_t got, want = OZX_VERIFY_WINDOW;
        if (ahead_to - offset < want)
            want = (size_t)(ahead_to - offset);
        at = ozx_verify_window_get(s->window, offset, 1, want, &got, error);
        if (!at)
            return error->code;
        if (got > size)
            got = (size_t)size;
        *crc = ozx_crc32(*crc, at, got);
        digest_add(s, at, got);
        offset += got;
        size -= got;
        atomic_fetch_add_explicit(s->data_done, got, memory_order_relaxed);
        if (ozx_crew_stopped(s->crew))
            return -EINTR; /* whoever stopped us says why */
    }
    return 0;
}

static int sum_compressed(struct ozx_verify_sum *s, uint64_t data_offset, struct ozx_error *error)
{
    struct ozx_verify *v = s->v;
    const struct ozx_verify_entry *e = s->entry;
    const struct ozx_zip_entry *h = &e->header;
    const struct ozx_zip_compressed compressed = {.key = h->header_offset_bytes,
                                                  .data_offset_bytes = data_offset,
                                                  .compressed_size_bytes = h->compressed_size_bytes,
                                                  .uncompressed_size_bytes =
                                                      h->uncompressed_size_bytes,
                                                  .crc32 = h->crc32,
                                                  .method = h->method};
    uint64_t at = 0;
    uint32_t crc = 0;

    s->window->filled_bytes = 0; /* its memory serves another end */
    do {
        uint64_t left = h->uncompressed_size_bytes - at;
        size_t size = left < OZX_VERIFY_WINDOW ? (size_t)left : OZX_VERIFY_WINDOW;
        int failure =
            ozx_zip_streams_read(s->streams, &compressed, s->window->block, size, at, error);
        if (failure == -EIO && error->rule) {
            ozx_verify_find(v, error->rule, OZX_VERDICT_WARN, e, OZX_OFFSET_NONE, "%s",
                            error->text);
            ozx_verify_find(v, OZX_RULE_CRC, OZX_VERDICT_FAIL, e, OZX_OFFSET_NONE,
                            "the data cannot be read: %s", error->text);
            return 0;
        }
        if (failure)
            return failure;
        crc = ozx_crc32(crc, s->window->block, size);
        digest_add(s, s->window->block, size);
        at += size;
        if (ozx_crew_stopped(s->crew))
            return -EINTR;
    } while (at < h->uncompressed_size_bytes);
    atomic_fetch_add_explicit(s->data_done, h->compressed_size_bytes, memory_order_relaxed);
    digest_end(s, ozx_verify_judge_crc(v, e, crc));
    return 0;
}

int ozx_verify_sum_entry(struct ozx_verify_sum *s, uint64_t data_offset, uint64_t ahead_to,
                         struct ozx_error *error)
{
    struct ozx_verify *v = s->v;
    const struct ozx_verify_entry *e = s->entry;
    uint32_t crc = 0;
    int failure;

    if (e->eio == OZX_EIO_RATIO)
        ozx_verify_find(v, OZX_RULE_CRC, OZX_VERDICT_FAIL, e, OZX_OFFSET_NONE,
                        "the data cannot be read: it claims a size that deflate cannot reach");
    digest_begin(s);
    if (ozx_verify_is_compressed(e))
        return sum_compressed(s, data_offset, error);
    if (!ozx_verify_is_plain(e))
        return 0;
    failure = ozx_verify_sum_stored(s, data_offset, e->header.compressed_size_bytes, ahead_to, &crc,
                                    error);
    if (!failure)
        digest_end(s, ozx_verify_judge_crc(v, e, crc));
    return failure;
}
