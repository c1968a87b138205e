/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Label images in colours: alone, or over the image that they belong to.
 */
#ifndef OZX_IMAGE_LABELS_H
#define OZX_IMAGE_LABELS_H

#include "image/view.h"

/* Samples a label image that was placed, and puts the colours into `light`, red, green and blue of
 * each pixel; label 0 leaves it black. */
int ozx_labels_color(struct ozx_view *view, float *light, struct ozx_error *error) OZX_CHECKED;

/* The light of one pixel of that number: alone, or over the light that is there, half as opaque. */
void ozx_label_alone(const struct ozx_image_label *label, double number, float light[3]);
void ozx_label_over(const struct ozx_image_label *label, double number, float light[3]);

/* The nodes of an image and of its label image, of which `image` is one. -ENOENT: the other one is
 * missing. */
int ozx_labels_pair(const struct ozx_image *image, uint32_t *base, uint32_t *labels,
                    struct ozx_error *error) OZX_CHECKED;

/* The place on an axis of the label image, of `count` planes, for one of the image's. */
uint64_t ozx_labels_place(uint64_t place, uint64_t image_count, uint64_t count);

/* Draws the label image at the node `labels` over the picture of `view`, half as opaque. */
int ozx_labels_over(const struct ozx_view *view, uint32_t labels, uint32_t size, float *light,
                    struct ozx_error *error) OZX_CHECKED;

#endif
