/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mark of an append (edit/append.h): what the archive's size was before it and will be after
 * it, and where the end records are. It is written twice:
 *
 *  - behind all else, at a multiple of OZX_APPEND_ALIGN, so that no other write touches its page:
 *    it is on the disk before the first byte of what is new, and is cut off when all that is there;
 *  - in front of the new central directory, where it stays: so verify knows what stands between the
 *    entries, and that the first `old size` bytes are an archive by themselves.
 *
 *     0 magic  8 old size (64)  16 new size (64)  24 old end record (64)  32 new end record (64)
 *    40 local headers to be cleared (4 x 64)   72 CRC-32 of these
 */
#ifndef OZX_ZIP_APPEND_MARK_H
#define OZX_ZIP_APPEND_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zip/end_records.h"

#define OZX_APPEND_MARK_SIZE 76
#define OZX_APPEND_CLEAR_MAX 4
#define OZX_APPEND_ALIGN UINT64_C(4096)
#define OZX_APPEND_MAGIC "ozxfs+\r\n" /* 8 bytes */

struct ozx_append_mark {
    uint64_t old_size_bytes, new_size_bytes;
    uint64_t old_end_offset_bytes, new_end_offset_bytes;
    uint64_t clear_offsets_bytes[OZX_APPEND_CLEAR_MAX]; /* OZX_OFFSET_NONE: none */
};

void ozx_append_mark_put(const struct ozx_append_mark *mark, uint8_t out[OZX_APPEND_MARK_SIZE]);

/* True if the bytes are a mark whose numbers fit each other and a file of `size_bytes` without it.
 */
bool ozx_append_mark_parse(const uint8_t bytes[OZX_APPEND_MARK_SIZE], uint64_t size_bytes,
                           struct ozx_append_mark *out);

/* The mark that the file ends with: an append was cut short. What cannot be read has none. */
bool ozx_append_mark_find(struct ozx_source *source, struct ozx_append_mark *out);

/* The one in front of the central directory: an append made that directory, and nothing has changed
 * the archive since. */
bool ozx_append_mark_of_directory(struct ozx_source *source,
                                  const struct ozx_zip_end_records *records,
                                  struct ozx_append_mark *out);

/* The size that the archive has when the append that was cut short is ended: the new one if its end
 * record is there, else the old one; 0: no such end record is where the mark says. */
uint64_t ozx_append_mark_settled_size(struct ozx_source *source,
                                      const struct ozx_append_mark *mark);

#endif
