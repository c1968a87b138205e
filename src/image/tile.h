/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A part of a level at its full size: what a viewer puts side by side (ozxfs-view(1)).
 *
 * Channels are blended by rules 3 to 5 of ozxfs-thumbnail(1), in windows that the caller states,
 * since tiles of one image that had a window each would not fit together. One thread for each
 * image.
 */
#ifndef OZX_IMAGE_TILE_H
#define OZX_IMAGE_TILE_H

#include "image/blend.h"
#include "image/thumbnail.h"

#define OZX_TILE_SIZE 256 /* pixels, width and height; less at the right and lower edge */

struct ozx_tile {
    uint64_t z, t;   /* of the planes of that level */
    uint64_t x, y;   /* tiles from the left and the top */
    uint32_t shrink; /* pixels of the level, across and down, for one of the tile: 1, 2, 4 ... */
    const struct ozx_style
        *styles; /* each with a window; of a label image they are not asked for */
    uint32_t style_count;
};

/* The tile of the level that `image` is at. `labels` (may be NULL), at the level that is to be
 * drawn over it (see below), half as opaque. -ERANGE: there is no such tile, plane or channel. The
 * caller frees the picture's bytes. */
int ozx_tile_draw(struct ozx_image *image, struct ozx_image *labels, const struct ozx_tile *tile,
                  struct ozx_picture *out, struct ozx_error *error) OZX_CHECKED;

/* Smaller levels that the image lacks and are made of the level that it is at: `shrink` 2, 4 ...
 * for the first, second ... of them. How many, until one has 1,024 pixels or a tile would take too
 * much to be decoded. */
uint32_t ozx_tile_shrunk_levels(const struct ozx_image *image);
uint64_t ozx_tile_shrunk(uint64_t size, uint32_t shrink); /* of an axis */

/* Goes to the level of a label image to be drawn over `image`: that of the same width, else the
 * smallest that is wider, else the largest. */
int ozx_tile_match_level(const struct ozx_image *image, uint32_t shrink, struct ozx_image *labels,
                         struct ozx_error *error) OZX_CHECKED;

#define OZX_HISTOGRAM_SIZE 256
#define OZX_HISTOGRAM_SIDE_MAX                                                                     \
    1024 /* pixels that are looked at: those in the middle of the plane */

struct ozx_channel_values {
    struct ozx_style
        style; /* colour, and the window that is stated or, without one, that of the percentiles */
    double lowest, highest;              /* of the values; both 0 if there is none */
    uint32_t counts[OZX_HISTOGRAM_SIZE]; /* between the two; the last takes the highest */
};

/* Of a channel of the level that `image` is at: its middle plane, of the first point in time. */
int ozx_channel_measure(struct ozx_image *image, uint64_t channel, struct ozx_channel_values *out,
                        struct ozx_error *error) OZX_CHECKED;

#endif
