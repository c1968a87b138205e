/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive without its central directory: the entries that the local headers tell of, from the
 * file's beginning to where it breaks off. For recovery only; an archive that is whole is never
 * read so.
 *
 * Every byte is looked at once, and entries cannot overlap, since each begins behind the one
 * before. An entry whose size stands behind its data (bit 3) counts only if its descriptor is met
 * where it says itself that it must stand, is followed by another record, and, for a stored entry,
 * has the CRC of what came before. Nothing behind an entry that cannot be told to end is believed:
 * what looks like an entry there may be part of its data.
 */
#ifndef OZX_ZIP_SCAN_H
#define OZX_ZIP_SCAN_H

#include <signal.h>
#include <stdbool.h>

#include "io/source.h"

/* An entry with all its bytes, which nobody has summed yet. */
struct ozx_zip_scanned {
    const char
        *name; /* raw bytes, borrowed until the call returns; decoded they make a valid path, */
                 /* or may be normalized to one (zip/name_normalize.h) */
    uint16_t name_size_bytes;
    uint16_t flags, method;
    uint32_t dos_time; /* date in the upper half */
    uint32_t crc32;
    uint64_t local_offset_bytes, compressed_size_bytes, uncompressed_size_bytes;
    int64_t mtime_s; /* of the extended timestamp, if mtime_known */
    bool mtime_known;
};

struct ozx_zip_scan {
    const volatile sig_atomic_t *cancel; /* non-zero: stop with -EINTR; may be NULL */
    void *context;
    /* Anything but 0 ends the scan with that value (-errno, with `error` filled in). */
    int (*found)(void *context, const struct ozx_zip_scanned *entry, struct ozx_error *error);
    void (*lost)(void *context, const struct ozx_error *what);
};

/* What an edit appended behind a directory (zip/append_mark.h) is scanned, too: its entries come
 * later than those whose places they take.
 *
 * `*complete`: the central directory begins behind the last entry, so that none is missing. 0 also
 * if nothing was found. */
int ozx_zip_scan(struct ozx_source *source, const struct ozx_zip_scan *scan, bool *complete,
                 struct ozx_error *error) OZX_CHECKED;

#endif
