/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The central directory, header by header (APPNOTE 4.3.12). It is read in blocks; a header is
 * checked before anything is allocated for it, so memory follows what was read, never what was
 * claimed. Local headers are not touched.
 */
#ifndef OZX_ZIP_DIRECTORY_H
#define OZX_ZIP_DIRECTORY_H

#include "zip/end_records.h"
#include "zip/name_normalize.h"

/* One central directory header with its ZIP64 values put in place. Pointers are borrowed from the
 * walk and die with the visit. */
struct ozx_zip_entry {
    const char *name; /* raw bytes as they stand, not terminated */
    const char *path; /* the same decoded to UTF-8 and found valid (zip/name.h), not terminated, */
    uint16_t path_size_bytes; /* without the final '/' of a directory */
    uint16_t name_size_bytes;
    uint16_t extra_size_bytes;
    const uint8_t *extra;
    uint64_t header_offset_bytes; /* of this central header, for messages */
    uint64_t local_offset_bytes;  /* of the local header, which lies in front of the directory */
    uint64_t compressed_size_bytes;
    uint64_t uncompressed_size_bytes;
    int64_t mtime_s; /* seconds since 1970: extended timestamp, else DOS time as UTC */
    bool mtime_known;
    bool extra_odd; /* rule extra-odd: a warning */
    bool is_directory;
    bool is_special; /* rule special: symlink, device ... */
    bool name_cp437; /* rule name-charset: no UTF-8 flag and not valid UTF-8 */
    bool has_zip64, has_unicode_path; /* such extra fields */
    bool has_other_extra;             /* zip/extra.h: other */
    uint16_t other_extra_id;
    uint16_t made_by;
    uint16_t flags;
    uint16_t method;
    uint32_t crc32;
    uint32_t external_attributes;
};

/* Called for each header in the directory's order. Anything but 0 ends the walk with that value
 * (-errno, with `error` filled in). */
typedef int (*ozx_zip_visit)(void *context, const struct ozx_zip_entry *entry,
                             struct ozx_error *error);

/* Walks the whole directory. Refuses (rules bounds, count, disks, zip64-extra, name ...) at the
 * first header that is wrong by itself; what only shows between entries is the visitor's business.
 */
int ozx_zip_directory_walk(struct ozx_source *source, const struct ozx_zip_end_records *records,
                           ozx_zip_visit visit, void *context, struct ozx_error *error) OZX_CHECKED;

/* The same with names taken another way (zip/name_normalize.h); STRICT is what the above does. With
 * ANY a name may be no path at all, with the others a directory's may be empty: the root itself. */
int ozx_zip_directory_walk_names(struct ozx_source *source,
                                 const struct ozx_zip_end_records *records, enum ozx_names names,
                                 ozx_zip_visit visit, void *context,
                                 struct ozx_error *error) OZX_CHECKED;

/* The same step by step, for those who begin in the middle. Borrows `source` and `records`.
 * -ENOMEM. */
struct ozx_zip_directory;
int ozx_zip_directory_open(struct ozx_source *source, const struct ozx_zip_end_records *records,
                           struct ozx_zip_directory **out) OZX_CHECKED;
void ozx_zip_directory_close(struct ozx_zip_directory *directory); /* NULL is fine */

/* The next header is the one that begins there. Reads go `ahead_bytes` ahead. */
void ozx_zip_directory_seek(struct ozx_zip_directory *directory, uint64_t header_offset_bytes,
                            size_t ahead_bytes);

/* Checks the next header; whoever asks knows that there is one. The entry is borrowed until the
 * next call. */
int ozx_zip_directory_next(struct ozx_zip_directory *directory, const struct ozx_zip_entry **entry,
                           struct ozx_error *error) OZX_CHECKED;

#endif
