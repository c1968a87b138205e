/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Extra fields (APPNOTE 4.5): the ZIP64 field, which supplies what a sentinel left out, and
 * Info-ZIP's extended timestamp. Others are passed over.
 */
#ifndef OZX_ZIP_EXTRA_H
#define OZX_ZIP_EXTRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ozx_zip_extra {
    const uint8_t *zip64; /* data of the first ZIP64 field, borrowed; NULL without one */
    uint16_t zip64_size_bytes;
    uint32_t zip64_count; /* how many there are */
    int64_t mtime_s;      /* extended timestamp, if mtime_known */
    bool mtime_known;
    bool unicode_path; /* there is a Unicode path field, which is ignored (rule name-charset) */
    bool other; /* a field that is not one of ZIP64, extended timestamp, Unix ids; or no field */
    uint16_t other_id; /* of the first of them; 0: bytes that are no field */
    bool odd; /* bytes that are no field, or a field that does not hold what it says */
};

/* Never fails: what cannot be parsed is `odd`, and what it might have held is absent. */
struct ozx_zip_extra ozx_zip_extra_parse(const uint8_t *extra, size_t size_bytes);

/* Puts the ZIP64 values in place of sentinels, in the order of APPNOTE 4.5.3: uncompressed size,
 * compressed size, local header offset, disk. A NULL pointer stands for a value that the header
 * does not have (a local header has no offset and no disk). */
struct ozx_zip64_values {
    uint64_t *uncompressed_size_bytes;
    uint64_t *compressed_size_bytes;
    uint64_t *local_offset_bytes;
    uint32_t *disk;
};

enum ozx_zip64_result {
    OZX_ZIP64_OK,
    /* longer than needed, not needed, or more than one of which none is needed */
    OZX_ZIP64_ODD,
    OZX_ZIP64_MISSING, /* a sentinel, and no field */
    OZX_ZIP64_SHORT,   /* a sentinel, and the field ends before its value */
    OZX_ZIP64_DOUBLE,  /* a sentinel, and two fields that could be meant */
};

/* The pointed-to values are changed only on OZX_ZIP64_OK and OZX_ZIP64_ODD. */
enum ozx_zip64_result ozx_zip64_apply(const struct ozx_zip_extra *extra,
                                      const struct ozx_zip64_values *values);

#endif
