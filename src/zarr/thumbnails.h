/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pictures that a node has of itself, by the thumbnails convention of Zarr:
 * attributes.thumbnails, a list of objects with width, height, media_type and where the picture is:
 * `uri` (its second version), `path` or `url` (its first one).
 */
#ifndef OZX_ZARR_THUMBNAILS_H
#define OZX_ZARR_THUMBNAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define OZX_THUMBNAIL_DATA_MAX (8u << 20) /* bytes of a picture */

/* One that is inside the archive: in an entry or, as a data URI, in the metadata. */
struct ozx_embedded {
    uint64_t width, height; /* as stated */
    char *path;             /* from the node, may be hostile; NULL: `data`. Owned */
    uint8_t *data;          /* owned */
    size_t data_size_bytes;
};

/* Of those of this media type, the smallest whose longer side is stated to have at least `size`
 * pixels, or else the largest if that has at least three quarters as many. `text` is a zarr.json or
 * .zattrs. -ENOENT: there is none; -ENOMEM. The caller clears `*out`, of success only. */
int ozx_thumbnails_find(const char *text, size_t size_bytes, const char *media_type, uint64_t size,
                        struct ozx_embedded *out) OZX_CHECKED;

/* The zarr.json `text` with one more in front of its thumbnails, a PNG file of that size at the
 * path `uri` (of letters, digits, '.' and '/'); nothing else of it changes. -EINVAL: an object or
 * list that this goes into is something else; -ENOMEM. The caller frees `*out`, which is
 * terminated. */
int ozx_thumbnails_add(const char *text, size_t size_bytes, const char *uri, uint32_t width,
                       uint32_t height, char **out, size_t *out_size_bytes) OZX_CHECKED;

void ozx_embedded_clear(struct ozx_embedded *embedded);

#endif
