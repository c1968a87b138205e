/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A second archive in the same file. Readers look for the end record, the ZIP64 record and the
 * directory in their own ways; where one of these ways leads to another archive than the one that
 * end_records.c found, the file can be read in two ways and is refused. What is looked for here are
 * the places where some reader in wide use was seen to look (tests/differential has them).
 */
#ifndef OZX_ZIP_SECOND_H
#define OZX_ZIP_SECOND_H

#include "zip/end_records.h"

/* The file's last bytes, from `offset_bytes` on; borrowed. */
struct ozx_zip_last {
    const uint8_t *data;
    size_t size_bytes;
    uint64_t offset_bytes;
};

/* Rules no-end, zip64-tail: a second end record, or a ZIP64 locator that is not seen. Behind the
 * one that was found (in its comment) its signature is enough, as most readers search from the end
 * and take the first that they meet; in the found record's own fields or in front of it, it has to
 * lead to a central directory (APPNOTE 4.3.16). */
int ozx_zip_second_end(struct ozx_source *source, const struct ozx_zip_last *last,
                       const struct ozx_zip_end_records *found,
                       struct ozx_error *error) OZX_CHECKED;

/* Rule zip64-tail: a second ZIP64 end record between the first byte of the one at `record_offset`
 * and its locator, whatever it says of its size; extensible data (APPNOTE 4.3.14.2) that are too
 * long for other readers, or behind which a directory of `plain_size` bytes, the size in the end
 * record, begins for those that count it back from there. */
int ozx_zip_second_record(struct ozx_source *source, uint64_t record_offset,
                          uint64_t locator_offset, uint32_t plain_size,
                          struct ozx_error *error) OZX_CHECKED;

/* Rule no-end: an archive's signature in front of the first entry, which begins at `first_offset`.
 */
int ozx_zip_second_front(struct ozx_source *source, uint64_t first_offset,
                         struct ozx_error *error) OZX_CHECKED;

#endif
