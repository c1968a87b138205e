/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A plate as a contact sheet: the first field of each well in a cell of its row and column.
 */
#ifndef OZX_IMAGE_SHEET_H
#define OZX_IMAGE_SHEET_H

#include "image/thumbnail.h"

struct ozx_sheet {
    uint32_t width, height;
    float *light; /* red, green, blue of each pixel; owned by the caller of ozx_sheet_draw */
};

/* Draws the plate, whose group is at `directory`. -ENOENT: there is no image of any well; -ENOTSUP:
 * it has too many rows or columns for a picture of that size. */
int ozx_sheet_draw(struct ozx_archive *archive, uint32_t directory, const struct ozx_plate *plate,
                   const struct ozx_thumbnail_options *options, struct ozx_effort *effort,
                   struct ozx_sheet *out, struct ozx_error *error) OZX_CHECKED;

#endif
