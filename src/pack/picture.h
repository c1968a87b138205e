/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A picture of what is packed, packed with it by the thumbnails convention of Zarr: the file
 * OZX_PICTURE_NAME in the root, and an object for it in the root's zarr.json.
 */
#ifndef OZX_PACK_PICTURE_H
#define OZX_PACK_PICTURE_H

#include "io/source.h"
#include "pack/input.h"
#include "pack/plan.h"

#define OZX_PICTURE_NAME "thumbnail.png"
#define OZX_PICTURE_SIZE 256 /* pixels of its longer side, at most */

struct ozx_pack_picture {
    uint8_t *data; /* a PNG file; owned */
    size_t size_bytes;
    uint32_t width, height;
};

/* Makes a picture of an archive, whose source (borrowed) is read while this is done. The caller
 * frees the data. */
typedef int ozx_picture_maker(void *context, struct ozx_source *source,
                              struct ozx_pack_picture *out, struct ozx_error *error);

/* The root's zarr.json: as it was found, and as it is packed. */
struct ozx_pack_root {
    struct ozx_input_file file;
    char *text; /* owned */
    size_t size_bytes;
};

/* `base` (closed with it) with the picture; takes what `picture` and `root` own, on
 * success. -ENOMEM. */
int ozx_input_of_pictured(struct ozx_input *base, struct ozx_pack_picture *picture,
                          struct ozx_pack_root *root, struct ozx_input **out,
                          struct ozx_error *error) OZX_CHECKED;

#endif
