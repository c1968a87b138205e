/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A picture of an image: one plane, its channels blended, as ozxfs-thumbnail(1) has the rules.
 */
#ifndef OZX_IMAGE_THUMBNAIL_H
#define OZX_IMAGE_THUMBNAIL_H

#include "archive/archive.h"
#include "image/blend.h"
#include "image/view.h"

#define OZX_THUMBNAIL_SIZE_MAX 1024 /* of the longer side */

struct ozx_thumbnail_options {
    const char *path; /* of the node; NULL: the root */
    uint32_t size;    /* of the longer side, 1 ... OZX_THUMBNAIL_SIZE_MAX */
    uint64_t z, t;    /* OZX_Z_MIDDLE */
    bool z_maximum;   /* of all planes, in place of `z` */
    bool drawn;       /* even if there is an embedded thumbnail of the node as a whole */
    bool labels;      /* label image and image, one over the other */
    uint64_t channels[OZX_CHANNELS_MAX];
    uint32_t channel_count; /* 0: those that the image shows */
};

struct ozx_picture {
    uint32_t width, height;
    uint8_t *rgb; /* owned */
};

/* -ENOENT: no such node, or it holds no image; -ERANGE: there is no such plane; -EBADMSG, -ENOTSUP,
 * and the errors of ozx_archive_read. The caller frees the picture's bytes. */
int ozx_thumbnail(struct ozx_archive *archive, const struct ozx_thumbnail_options *options,
                  struct ozx_picture *out, struct ozx_error *error) OZX_CHECKED;

#endif
