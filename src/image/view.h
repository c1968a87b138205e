/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A plane of an image as large as it is shown, one channel after the other.
 */
#ifndef OZX_IMAGE_VIEW_H
#define OZX_IMAGE_VIEW_H

#include "image/find.h"

#define OZX_Z_MIDDLE UINT64_MAX

struct ozx_view {
    struct ozx_image image; /* owned */
    struct ozx_plane plane; /* its sums and counts are owned */
    bool z_maximum;         /* of all planes */
    uint64_t z, t;
    size_t pixel_count; /* plane.width * plane.height */
    double *values;     /* of the channel sampled last; not finite: there is none. Owned */
};

/* The image at the node `directory`, its longer side `size` pixels at most. The errors of
 * ozx_image_open. The caller closes `*out`, of success only. */
int ozx_view_open(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                  struct ozx_effort *effort, struct ozx_view *out,
                  struct ozx_error *error) OZX_CHECKED;
void ozx_view_close(struct ozx_view *view);

/* Chooses the plane; with `z_maximum` the largest value of all. -ERANGE: there is no such one. */
int ozx_view_place(struct ozx_view *view, uint64_t z, bool z_maximum, uint64_t t,
                   struct ozx_error *error) OZX_CHECKED;

/* Fills `values`. */
int ozx_view_sample(struct ozx_view *view, uint64_t channel, struct ozx_error *error) OZX_CHECKED;

/* -ERANGE, with its text. */
int ozx_view_lacks(const char *axis, uint64_t wanted, uint64_t count,
                   struct ozx_error *error) OZX_CHECKED;

#endif
