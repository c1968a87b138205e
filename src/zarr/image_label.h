/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a label image says of itself: the image that it belongs to, and colours of its labels.
 * Source: OME-Zarr 0.2 to 0.5, image-label.
 */
#ifndef OZX_ZARR_IMAGE_LABEL_H
#define OZX_ZARR_IMAGE_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define OZX_LABEL_COLORS_MAX 65536 /* kept of one image; the rest are not stated */

struct ozx_label_color {
    double label;
    uint8_t rgba[4];
};

struct ozx_image_label {
    char *source; /* path of the image from this group, may be hostile; NULL: not stated. Owned */
    struct ozx_label_color *colors; /* by their labels, ascending; of two of one label one. Owned */
    uint32_t color_count;
};

/* `text` is a zarr.json or .zattrs; what is not valid in it is not there. -ENOMEM. The caller
 * clears `*out`, of success only. */
int ozx_image_label_read(const char *text, size_t size_bytes,
                         struct ozx_image_label *out) OZX_CHECKED;

void ozx_image_label_clear(struct ozx_image_label *label);

/* The stated colour of a label; NULL: none. */
const struct ozx_label_color *ozx_image_label_color(const struct ozx_image_label *label,
                                                    double number);

#endif
