/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive comment of RFC-9: UTF-8 JSON, `{"ome":{"version":"0.5","zipFile":{"centralDirectory":
 * {"jsonFirst":true}}}}`. Reading never fails an archive: what is absent or unreadable is so noted.
 */
#ifndef OZX_ZARR_COMMENT_H
#define OZX_ZARR_COMMENT_H

#include <stdbool.h>

#include "base/error.h"

/* longest OME-Zarr version string that is taken for one, with NUL */
#define OZX_VERSION_TEXT_MAX 32

struct ozx_comment {
    bool present;                       /* the archive has a comment at all */
    char version[OZX_VERSION_TEXT_MAX]; /* ome.version, "" if absent or no string */
    bool json_first;                    /* ome.zipFile.centralDirectory.jsonFirst is true */
    bool json_first_odd;                /* jsonFirst is there and no boolean */
    /* the first key under `ome` that RFC-9 does not have; escaped; "" */
    char own_key[64];
    char defect[160];                   /* why it does not follow RFC-9, "" if it does */
};

/* `text` need not be terminated. -ENOMEM. */
int ozx_comment_parse(const char *text, size_t size_bytes, struct ozx_comment *out) OZX_CHECKED;

/* The comment that RFC-9 wants; the caller frees `*text`. -ENOMEM. */
int ozx_comment_format(const char *version, bool json_first, char **text,
                       size_t *size_bytes) OZX_CHECKED;

#endif
