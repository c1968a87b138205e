/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The size of a picture and what its pixels are the mean of: rules 1 and 2 of ozxfs-thumbnail(1).
 */
#include "image/view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "image/boxes.h"

#define Z_MAXIMUM_MAX 4096 /* planes of which a maximum is taken */

int ozx_view_lacks(const char *axis, uint64_t wanted, uint64_t count, struct ozx_error *error)
{
    return ozx_error_set(error, -ERANGE, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "there is no %s %" PRIu64 ": the image has %" PRIu64 ", from 0", axis,
                         wanted, count);
}

static int measure(struct ozx_view *view, uint32_t size, struct ozx_error *error)
{
    struct ozx_plane *plane = &view->plane;
    uint64_t width = ozx_image_size(&view->image, view->image.x);
    uint64_t height = ozx_image_size(&view->image, view->image.y);
    const uint64_t longer = width > height ? width : height;

    if (longer > OZX_AXIS_MAX)
        return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the image is larger than any that can be shown");
    if (longer > size) {
        width = (width * size + longer / 2) / longer;
        height = (height * size + longer / 2) / longer;
    }
    plane->width = width ? (uint32_t)width : 1;
    plane->height = height ? (uint32_t)height : 1;
    plane->x_axis = view->image.x;
    plane->y_axis = view->image.y;
    plane->nearest = ozx_image_is_label(&view->image);
    view->pixel_count = (size_t)plane->width * plane->height;
    plane->sums = calloc(view->pixel_count, sizeof *plane->sums);
    plane->counts = calloc(view->pixel_count, sizeof *plane->counts);
    view->values = calloc(view->pixel_count, sizeof *view->values);
    return plane->sums && plane->counts && view->values ? 0 : ozx_error_memory(error);
}

int ozx_view_open(struct ozx_archive *archive, uint32_t directory, uint32_t size,
                  struct ozx_effort *effort, struct ozx_view *out, struct ozx_error *error)
{
    struct ozx_view view = {.pixel_count = 0};
    int failure = ozx_image_open(archive, directory, size, effort, &view.image, error);

    if (failure)
        return failure;
    failure = measure(&view, size, error);
    if (failure)
        ozx_view_close(&view);
    else
        *out = view;
    return failure;
}

void ozx_view_close(struct ozx_view *view)
{
    free(view->plane.sums);
    free(view->plane.counts);
    free(view->values);
    ozx_image_close(&view->image);
    *view = (struct ozx_view){.pixel_count = 0};
}

int ozx_view_place(struct ozx_view *view, uint64_t z, bool z_maximum, uint64_t t,
                   struct ozx_error *error)
{
    const struct ozx_image *image = &view->image;
    const uint64_t depth = ozx_image_size(image, image->z), times = ozx_image_size(image, image->t);

    if (z == OZX_Z_MIDDLE)
        z = depth / 2;
    if (z >= depth)
        return ozx_view_lacks("z", z, depth, error);
    if (t >= times)
        return ozx_view_lacks("t", t, times, error);
    if (z_maximum && depth > Z_MAXIMUM_MAX)
        return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "choose one plane with --z",
                             "the maximum can be taken of 4096 planes at most");
    view->z = z;
    view->t = t;
    view->z_maximum = z_maximum && image->z >= 0;
    if (image->z >= 0)
        view->plane.at[image->z] = z;
    if (image->t >= 0)
        view->plane.at[image->t] = t;
    return 0;
}

/* One plane into `values`; with `maximum`, where it is larger. */
static int sample(struct ozx_view *view, bool maximum, struct ozx_error *error)
{
    struct ozx_plane *plane = &view->plane;
    int failure;

    memset(plane->sums, 0, view->pixel_count * sizeof *plane->sums);
    memset(plane->counts, 0, view->pixel_count * sizeof *plane->counts);
    failure = ozx_pixels_sample(&view->image.pixels, plane, error);
    for (size_t i = 0; !failure && i < view->pixel_count; i++) {
        double value = plane->counts[i] ? plane->sums[i] / plane->counts[i] : (double)NAN;
        if (!maximum || !isfinite(view->values[i]) || value > view->values[i])
            view->values[i] = value;
    }
    return failure;
}

int ozx_view_sample(struct ozx_view *view, uint64_t channel, struct ozx_error *error)
{
    const uint64_t depth = ozx_image_size(&view->image, view->image.z);
    int failure = 0;

    if (view->image.c >= 0)
        view->plane.at[view->image.c] = channel;
    if (!view->z_maximum)
        return sample(view, false, error);
    for (uint64_t z = 0; z < depth && !failure; z++) {
        view->plane.at[view->image.z] = z;
        failure = sample(view, z > 0, error);
    }
    return failure;
}
