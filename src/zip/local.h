/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local file headers (APPNOTE 4.3.7): where an entry's data starts, and whether the local header
 * tells the same story as the central one (rule local). Asked at the first read of an entry.
 */
#ifndef OZX_ZIP_LOCAL_H
#define OZX_ZIP_LOCAL_H

#include <stdbool.h>

#include "io/source.h"
#include "zip/name_normalize.h"

/* What the central directory says of the entry. */
struct ozx_zip_expected {
    uint64_t local_offset_bytes;
    uint64_t compressed_size_bytes;
    uint64_t uncompressed_size_bytes;
    /* the data may not reach beyond: next local header or directory */
    uint64_t data_end_limit_bytes;
    const char *name;              /* decoded; with the final '/' of a directory */
    size_t name_size_bytes;
    bool name_cp437; /* the central raw name was decoded from CP437 */
    enum ozx_names names; /* how the local name is taken; 0: as it stands */
    uint16_t flags;
    uint16_t method;
    uint32_t crc32;
};

/* The offset of the entry's data in `data_offset_bytes`. -EIO with rule `local` or `overlap` if the
 * local header is not there or disagrees in name, method, flags, size or CRC (with flag bit 3 the
 * local sizes and CRC are not compared); a source error as it is. */
int ozx_zip_local_resolve(struct ozx_source *source, const struct ozx_zip_expected *expected,
                          uint64_t *data_offset_bytes, struct ozx_error *error) OZX_CHECKED;

/* What a local header has besides. */
struct ozx_zip_local {
    size_t size_bytes; /* of the header with name and extra field: the data follow */
    bool zip64;        /* it has a ZIP64 extra field */
    bool extra_odd;    /* rule extra-odd */
    bool extra_other;  /* zip/extra.h: other */
    uint16_t extra_other_id;
};

/* The same check over bytes that were read already: `data` is the archive from the local header on,
 * `size_bytes` of it (at least OZX_LOCAL_SIZE, unless the archive ends before). Positive: so many
 * bytes are needed, call again. Otherwise 0 or -EIO as above. */
int64_t ozx_zip_local_check(const uint8_t *data, size_t size_bytes,
                            const struct ozx_zip_expected *expected, struct ozx_zip_local *out,
                            struct ozx_error *error) OZX_CHECKED;

#endif
