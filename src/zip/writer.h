/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bytes of a ZIP around its data: local headers, directory, end records, as RFC-9 wants them.
 * Everything is laid out in memory that the caller provides; nothing is written to a file here, so
 * the order of writing, threads and buffers are the caller's.
 *
 *     local file header  30 bytes  sizes are sentinels
 *     name
 *     ZIP64 field        4 + 16    uncompressed and compressed size (APPNOTE 4.5.3 wants both here)
 *     UT field           4 + 5     mtime
 *     padding field      4 + 2 + n only with an alignment: the data starts at a multiple of it
 *     data               STORED, no data descriptor
 *
 *     central header     46 bytes  sizes and offset are sentinels
 *     name
 *     ZIP64 field        4 + 24    uncompressed size, compressed size, offset of the local header
 *     UT field           4 + 5
 *
 * Version needed 4.5, UTF-8 flag, made by Unix with mode 0644 (directories 0755): a host of 0 (DOS)
 * would leave the mode to the reader, which some take for none at all. No owner, no inode, no zone:
 * the same entries give the same bytes everywhere.
 */
#ifndef OZX_ZIP_WRITER_H
#define OZX_ZIP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zip/scan.h"

#define OZX_ALIGN_MAX 32768 /* bytes; the padding field states it in 16 bits */

/* One entry to be written; the name is UTF-8 and borrowed. */
struct ozx_zip_file {
    const char *name;
    uint16_t name_size_bytes; /* at most OZX_NAME_PATH_MAX */
    bool is_directory;        /* the name ends in '/', the size is 0 */
    uint32_t crc32;
    uint64_t size_bytes;
    uint64_t local_offset_bytes; /* where its bytes begin: a gap, if it needs one, and the header */
    int64_t mtime_s;      /* any value: clamped to what the fields can hold */
    uint32_t align_bytes; /* power of two up to OZX_ALIGN_MAX; 0 or 1: no padding */
    /* zeros in front of the header in place of a padding field; none at offset 0 */
    bool align_by_gaps;
};

/* Bytes of the gap and the local header with name and extra fields. The entry's CRC and size do not
 * matter. */
size_t ozx_zip_local_size(const struct ozx_zip_file *file);
/* Writes exactly that many; returns the byte behind. */
uint8_t *ozx_zip_put_local(uint8_t *p, const struct ozx_zip_file *file);

size_t ozx_zip_central_size(const struct ozx_zip_file *file);
uint8_t *ozx_zip_put_central(uint8_t *p, const struct ozx_zip_file *file);

/* The central header that goes with a local one which was found: the same flags and method, so that
 * the reader finds them to agree; no host, so that nothing is said of modes. */
size_t ozx_zip_central_size_max(const struct ozx_zip_scanned *entry);
uint8_t *ozx_zip_put_central_of(uint8_t *p, const struct ozx_zip_scanned *entry);

/* ZIP64 end record, locator, end record, comment (at most OZX_COMMENT_MAX bytes). The directory
 * ends where this starts. The ZIP64 record and its locator are always there, as RFC-9 advises; the
 * end record holds each number that fits as well, as readers in use (neuroglancer 2.41.2) do not
 * follow the locator of an archive beyond 64 KiB. Only what does not fit is a sentinel. */
size_t ozx_zip_end_records_size(uint16_t comment_size_bytes);
uint8_t *ozx_zip_put_end_records(uint8_t *p, uint64_t directory_offset_bytes,
                                 uint64_t directory_size_bytes, uint64_t entry_count,
                                 const char *comment, uint16_t comment_size_bytes);

#endif
