/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end records of a ZIP: end record, ZIP64 locator and record, and what they say of the central
 * directory (APPNOTE 4.3.14 - 4.3.16). One interpretation or none: every value that could be read
 * in two ways refuses the archive (rules no-end, tail-fit, count, disks, zip64-tail).
 */
#ifndef OZX_ZIP_END_RECORDS_H
#define OZX_ZIP_END_RECORDS_H

#include <stdbool.h>

#include "io/source.h"

struct ozx_zip_end_records {
    uint64_t directory_offset_bytes;
    uint64_t directory_size_bytes;
    uint64_t entry_count;
    uint64_t end_offset_bytes;     /* of the end record */
    uint64_t comment_offset_bytes; /* behind it */
    uint32_t comment_size_bytes;
    uint32_t padding_bytes; /* NULs after the end (rule tail-padding: a warning) */
    bool zip64;             /* a locator and a ZIP64 record are there */
    bool own;               /* by ozx_zip_end_records_read_own: other archives do not matter */
};

/* Reads at most 64 KiB + 64 KiB + the ZIP64 structures from the file's end. Fills `out` and returns
 * 0 only if the parts fit each other exactly and lie in the file; else the error names the rule. */
int ozx_zip_end_records_read(struct ozx_source *source, struct ozx_zip_end_records *out,
                             struct ozx_error *error) OZX_CHECKED;

/* The same for end records that the caller has joined on to the bytes of a damaged archive: what is
 * in these is no second archive (zip/second.h), but what is to be recovered. */
int ozx_zip_end_records_read_own(struct ozx_source *source, struct ozx_zip_end_records *out,
                                 struct ozx_error *error) OZX_CHECKED;

#endif
