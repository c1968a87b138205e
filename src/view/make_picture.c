/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tiles and thumbnails, as PNG.
 */
#include <string.h>

#include "image/png.h"
#include "image/tile.h"
#include "view/make.h"

/* What is decoded for one tile; a picture as a whole may take more. */
#define TILE_DECODED_MAX (UINT64_C(1) << 30)

static int encode(struct ozx_picture *picture, struct ozx_view_answer *out, struct ozx_error *error)
{
    uint8_t *file = NULL;
    size_t size = 0;
    int failure =
        ozx_png_encode_quickly(picture->rgb, picture->width, picture->height, &file, &size, error);

    free(picture->rgb);
    if (failure)
        return failure;
    out->bytes = (char *)file;
    out->reply =
        (struct ozx_reply){.status = 200, .type = OZX_REPLY_PNG, .size_bytes = (uint32_t)size};
    return 0;
}

/* The label image, where it is at the level that belongs to this one of the image. */
static int find_labels(struct ozx_maker *maker, const struct ozx_ask *ask,
                       const struct ozx_image *image, uint32_t shrink, struct ozx_image *out,
                       struct ozx_error *error)
{
    int failure = ozx_make_check_directory(maker, ask->labels, error);

    if (!failure)
        failure =
            ozx_image_open(maker->archive, ask->labels, UINT32_MAX, &maker->effort, out, error);
    if (failure)
        return failure;
    failure = ozx_tile_match_level(image, shrink, out, error);
    if (failure)
        ozx_image_close(out);
    return failure;
}

/* The level, or that which it is made of. */
static int find_level(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_image **out,
                      uint32_t *shrink, struct ozx_error *error)
{
    uint32_t stored;
    int failure = ozx_maker_image(maker, ask->node, 0, out, error);

    *shrink = 1;
    if (failure)
        return failure;
    stored = ozx_image_level_count(*out);
    if (ask->level < stored)
        return ozx_maker_image(maker, ask->node, ask->level, out, error);
    failure = ozx_maker_image(maker, ask->node, stored - 1, out, error);
    if (failure)
        return failure;
    if (ask->level - stored >= ozx_tile_shrunk_levels(*out))
        return ozx_view_lacks("level", ask->level, stored, error);
    *shrink = 2U << (ask->level - stored);
    return 0;
}

int ozx_make_tile(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                  struct ozx_error *error)
{
    struct ozx_style styles[OZX_CHANNELS_MAX];
    struct ozx_tile tile = {.z = ask->z,
                            .t = ask->t,
                            .x = ask->x,
                            .y = ask->y,
                            .styles = styles,
                            .style_count = ask->style_count};
    struct ozx_picture picture = {.rgb = NULL};
    struct ozx_image *image, labels;
    int failure = find_level(maker, ask, &image, &tile.shrink, error);

    for (uint32_t i = 0; i < ask->style_count; i++)
        styles[i] = (struct ozx_style){.channel = ask->styles[i].channel,
                                       .color = ask->styles[i].color,
                                       .has_window = true,
                                       .start = ask->styles[i].start,
                                       .end = ask->styles[i].end};
    if (failure)
        return failure;
    maker->effort.decoded_bytes = OZX_DECODED_MAX - TILE_DECODED_MAX;
    if (ask->labels == OZX_NO_NODE) {
        failure = ozx_tile_draw(image, NULL, &tile, &picture, error);
        return failure ? failure : encode(&picture, out, error);
    }
    failure = find_labels(maker, ask, image, tile.shrink, &labels, error);
    if (failure)
        return failure;
    failure = ozx_tile_draw(image, &labels, &tile, &picture, error);
    ozx_image_close(&labels);
    return failure ? failure : encode(&picture, out, error);
}

int ozx_make_thumbnail(struct ozx_maker *maker, const struct ozx_ask *ask,
                       struct ozx_view_answer *out, struct ozx_error *error)
{
    struct ozx_thumbnail_options options = {.size = ask->side, .z = OZX_Z_MIDDLE};
    struct ozx_picture picture = {.rgb = NULL};
    char path[OZX_PATH_SIZE];
    int failure = ozx_make_check_directory(maker, ask->node, error);

    if (failure)
        return failure;
    if (ozx_archive_path(maker->archive, ask->node, path))
        options.path = path;
    failure = ozx_thumbnail(maker->archive, &options, &picture, error);
    return failure ? failure : encode(&picture, out, error);
}
