/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Channels in their windows and colours: rules 3 to 5 of ozxfs-thumbnail(1).
 */
#ifndef OZX_IMAGE_BLEND_H
#define OZX_IMAGE_BLEND_H

#include "image/find.h"

#define OZX_CHANNELS_MAX 32 /* blended into one picture */

struct ozx_style {
    uint64_t channel;
    uint32_t color; /* 0xRRGGBB */
    bool has_window;
    double start, end;
};

/* How the image's channels are shown: the `count` that are asked for, or (0) those that it shows.
 * Returns how many, or -ERANGE: there is no such channel. */
int ozx_styles_of(const struct ozx_image *image, const uint64_t *channels, uint32_t count,
                  struct ozx_style styles[OZX_CHANNELS_MAX], struct ozx_error *error) OZX_CHECKED;

/* Three channels of 8 bits that nothing else is said about: red, green, blue. */
bool ozx_image_is_rgb(const struct ozx_image *image);

/* The window of values that nothing is stated of: their percentiles. 0 ... 1 if none is finite. */
void ozx_blend_window(const double *values, size_t count, double *start, double *end);

/* Adds a channel to `light`, red, green and blue of each pixel. A window that the style does not
 * state is that of these values. */
void ozx_blend(const struct ozx_style *style, const double *values, size_t count, float *light);

#endif
