/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rules 6 and 7 of ozxfs-thumbnail(1).
 */
#include "image/labels.h"

#include <math.h>
#include <string.h>

#include "archive/node_metadata.h"

/* --- colours ---------------------------------------------------------------------------------- */

/* Red, green, blue, and how opaque it is, 0 ... 255. */
static void color_of(const struct ozx_image_label *label, double number, uint8_t rgba[4])
{
    const struct ozx_label_color *stated;
    uint32_t mixed;

    if (!isfinite(number))
        number = 0;
    stated = ozx_image_label_color(label, number);
    if (stated) {
        memcpy(rgba, stated->rgba, 4);
        return;
    }
    memset(rgba, 0, 4);
    if (!((mixed = (uint32_t)(int64_t)fmod(number, 4294967296.0))))
        return;
    mixed *= UINT32_C(2654435761);
    for (unsigned part = 0; part < 3; part++)
        rgba[part] = (uint8_t)(64 + (mixed >> (8 + 8 * part) & 0xFF) * 3 / 4);
    rgba[3] = 255;
}

void ozx_label_alone(const struct ozx_image_label *label, double number, float light[3])
{
    uint8_t rgba[4];

    color_of(label, number, rgba);
    for (unsigned part = 0; part < 3; part++)
        light[part] = (float)rgba[part] * (float)rgba[3] / 255;
}

void ozx_label_over(const struct ozx_image_label *label, double number, float light[3])
{
    uint8_t rgba[4];
    float opaque;

    color_of(label, number, rgba);
    opaque = (float)rgba[3] / 510;
    for (unsigned part = 0; part < 3; part++) {
        const float under = light[part] > 255 ? 255 : light[part];
        light[part] = under + ((float)rgba[part] - under) * opaque;
    }
}

int ozx_labels_color(struct ozx_view *view, float *light, struct ozx_error *error)
{
    int failure = ozx_view_sample(view, 0, error);

    for (size_t i = 0; !failure && i < view->pixel_count; i++)
        ozx_label_alone(&view->image.label, view->values[i], &light[3 * i]);
    return failure;
}

/* --- pairs ------------------------------------------------------------------------------------ */

static int nothing(const char *text, struct ozx_error *error)
{
    return ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s", text);
}

/* The first one of the group `labels` below the image. */
static int first_labels(const struct ozx_image *image, uint32_t *out, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    uint32_t directory, node;
    int failure;

    if (ozx_archive_lookup(image->archive, image->directory, "labels", 6, &directory) ||
        ozx_metadata_find(image->archive, directory, &node))
        return nothing("the image has no label images", error);
    failure = ozx_effort_metadata(image->effort, image->archive, node, error);
    if (!failure)
        failure = ozx_metadata_load(image->archive, node, &metadata, error);
    if (failure)
        return failure;
    if (!metadata->ome || !metadata->ome->label_count)
        return nothing("the image has no label images", error);
    if (ozx_metadata_resolve(image->archive, directory, metadata->ome->labels[0], out))
        return nothing("the image's first label image is missing", error);
    return 0;
}

int ozx_labels_pair(const struct ozx_image *image, uint32_t *base, uint32_t *labels,
                    struct ozx_error *error)
{
    const char *source = image->label.source ? image->label.source : "../../";

    if (!ozx_image_is_label(image)) {
        *base = image->directory;
        return first_labels(image, labels, error);
    }
    *labels = image->directory;
    if (ozx_metadata_resolve(image->archive, image->directory, source, base))
        return nothing("the image that the labels belong to is missing", error);
    return 0;
}

/* --- over an image ---------------------------------------------------------------------------- */

uint64_t ozx_labels_place(uint64_t place, uint64_t image_count, uint64_t count)
{
    return count == image_count ? place : (uint64_t)((__uint128_t)place * count / image_count);
}

static int place(struct ozx_view *over, const struct ozx_view *view, struct ozx_error *error)
{
    const struct ozx_image *image = &view->image, *labels = &over->image;
    const uint64_t z = ozx_labels_place(view->z, ozx_image_size(image, image->z),
                                        ozx_image_size(labels, labels->z));
    const uint64_t t = ozx_labels_place(view->t, ozx_image_size(image, image->t),
                                        ozx_image_size(labels, labels->t));

    over->plane.nearest = true;
    return ozx_view_place(over, z, view->z_maximum, t, error);
}

int ozx_labels_over(const struct ozx_view *view, uint32_t labels, uint32_t size, float *light,
                    struct ozx_error *error)
{
    const uint32_t width = view->plane.width, height = view->plane.height;
    struct ozx_view over;
    int failure =
        ozx_view_open(view->image.archive, labels, size, view->image.effort, &over, error);

    if (failure)
        return failure;
    failure = place(&over, view, error);
    if (!failure)
        failure = ozx_view_sample(&over, 0, error);
    for (size_t i = 0; !failure && i < view->pixel_count; i++) {
        const size_t y = i / width * over.plane.height / height;
        const size_t x = i % width * over.plane.width / width;
        ozx_label_over(&over.image.label, over.values[y * over.plane.width + x], &light[3 * i]);
    }
    ozx_view_close(&over);
    return failure;
}
