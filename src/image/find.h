/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which image a node stands for, and which of its levels a picture is made of.
 */
#ifndef OZX_IMAGE_FIND_H
#define OZX_IMAGE_FIND_H

#include "image/array.h"
#include "zarr/image_label.h"
#include "zarr/omero_windows.h"

struct ozx_image {
    struct ozx_archive *archive; /* borrowed */
    uint32_t directory;
    struct ozx_metadata *metadata; /* owned; of the multiscale's group, or of an array alone */
    const struct ozx_multiscale *multiscale; /* NULL: an array alone */
    struct ozx_omero_window *windows;        /* owned; one for each channel of omero */
    struct ozx_image_label label;            /* owned */
    struct ozx_effort *effort;               /* borrowed */
    struct ozx_pixels pixels;                /* of the level; owned */
    int x, y, z, c, t;                       /* the axes of its array; -1: it has none */
};

/* The image at the node `directory`, its smallest level whose longer side is at least `size`, or
 * else the largest. A plate stands for its first well, that for its first field, a collection for
 * its first image. -ENOENT: there is none. The caller closes `*out`, of success only. */
int ozx_image_open(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                   struct ozx_effort *effort, struct ozx_image *out,
                   struct ozx_error *error) OZX_CHECKED;
void ozx_image_close(struct ozx_image *image);

/* How many levels there are, one of an array alone; at most 64 are counted. */
uint32_t ozx_image_level_count(const struct ozx_image *image);
/* Goes to the level of that number, in the order of the metadata. -ERANGE: there is none; -EBADMSG:
 * it has other dimensions than the one before. The image stays where it is then. */
int ozx_image_go_to_level(struct ozx_image *image, uint32_t level,
                          struct ozx_error *error) OZX_CHECKED;

bool ozx_image_is_label(const struct ozx_image *image);
uint64_t ozx_image_size(const struct ozx_image *image, int axis); /* of the level; no axis: 1 */

#endif
