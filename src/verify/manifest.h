/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of an archive are, in a text: as sha256sum writes and reads it, a line for each
 * file; or as DANDI identifies a Zarr store, one checksum for all of them, made of MD5 sums. Both
 * are those of the tree that a mount shows: of a name that is there twice, the last entry; files as
 * they are unpacked; no empty directories.
 */
#ifndef OZX_VERIFY_MANIFEST_H
#define OZX_VERIFY_MANIFEST_H

#include "archive/archive.h"
#include "base/digest.h"

enum ozx_manifest_format { OZX_MANIFEST_NONE, OZX_MANIFEST_SHA256, OZX_MANIFEST_ZARR_CHECKSUM };

/* Borrowed, while verify calls. */
struct ozx_manifest {
    struct ozx_archive *archive;
    enum ozx_manifest_format format;
    const uint8_t (*digests)[OZX_DIGEST_SIZE]; /* of each node, */
    const bool *digested;                      /* if it has one */
};

enum ozx_digest_kind ozx_manifest_digest(enum ozx_manifest_format format);

/* How many files have no digest: their data cannot be read, or are damaged. `*first` is one of
 * them. */
uint64_t ozx_manifest_gaps(const struct ozx_manifest *manifest, uint32_t *first);

/* Of SHA256: calls `tell` for each file, in the order of the tree, names as they are. */
void ozx_manifest_each(const struct ozx_manifest *manifest,
                       void (*tell)(void *context, const char *hex, const char *path),
                       void *context);

/* "MD5-FILES--BYTES" (https://github.com/dandi/zarr_checksum), each directory's MD5 being that of a
 * JSON text with the checksums of all that is in it. -ENOMEM. */
#define OZX_ZARR_CHECKSUM_SIZE 80
int ozx_manifest_zarr_checksum(const struct ozx_manifest *manifest,
                               char text[OZX_ZARR_CHECKSUM_SIZE]) OZX_CHECKED;

/* --- manifest_check.c ------------------------------------------------------------------------- */

/* A manifest that was written: any bytes. */
struct ozx_manifest_text {
    const char *text;
    size_t size_bytes;
};

/* Which one it is, judged by its first line that is not empty; -EINVAL if that is of neither
 * format. */
int ozx_manifest_format_of(const struct ozx_manifest_text *text, enum ozx_manifest_format *format,
                           struct ozx_error *error) OZX_CHECKED;

enum ozx_manifest_difference {
    OZX_MANIFEST_DIFFERS, /* a file; or the whole, of a checksum for all: no path */
    OZX_MANIFEST_MISSING, /* in the manifest only */
    OZX_MANIFEST_EXTRA,   /* in the archive only */
    OZX_MANIFEST_DIFFERENCES
};

struct ozx_manifest_check {
    struct ozx_manifest_text text;
    void *context;
    /* Any bytes; NULL: see above, then `have` and `stated` are the checksums, else NULL. */
    void (*tell)(void *context, enum ozx_manifest_difference difference, const char *path,
                 const char *have, const char *stated);
    uint64_t counts[OZX_MANIFEST_DIFFERENCES];
};

/* 0: compared, see the counts; -EINVAL: a line that is none of a manifest; -ENOMEM. */
int ozx_manifest_compare(const struct ozx_manifest *manifest, struct ozx_manifest_check *check,
                         struct ozx_error *error) OZX_CHECKED;

#endif
