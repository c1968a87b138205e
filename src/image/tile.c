/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A window of a level, pixel by pixel. tests/image/rendering.py has the same in numpy.
 */
#include "image/tile.h"

#include <math.h>
#include <string.h>

#include "image/boxes.h"
#include "image/labels.h"

#define SHRUNK_LEVELS_MAX 16
#define SMALL_ENOUGH 1024                    /* pixels of a level's longer side */
#define TILE_BYTES_MAX (UINT64_C(128) << 20) /* that are decoded for a tile of those */
#define TILE_CHUNKS_MAX 16384                /* likewise */

/* Values of a window. */
struct sheet {
    struct ozx_plane plane; /* owns its sums and counts */
    size_t count;
    double *values; /* owned; not finite: there is none */
};

static void free_sheet(struct sheet *sheet)
{
    free(sheet->plane.sums);
    free(sheet->plane.counts);
    free(sheet->values);
}

#define AUTO_SHEET OZX_CLEANUP(free_sheet)

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A window for a picture of that size. */
static int make_sheet(const struct ozx_image *image, struct ozx_plane_window window, uint64_t width,
                      uint64_t height, struct sheet *sheet, struct ozx_error *error)
{
    struct ozx_plane *plane = &sheet->plane;

    plane->window = window;
    plane->x_axis = image->x;
    plane->y_axis = image->y;
    plane->width = (uint32_t)width;
    plane->height = (uint32_t)height;
    plane->nearest = true;
    sheet->count = (size_t)plane->width * plane->height;
    plane->sums = calloc(sheet->count, sizeof *plane->sums);
    plane->counts = calloc(sheet->count, sizeof *plane->counts);
    sheet->values = calloc(sheet->count, sizeof *sheet->values);
    return plane->sums && plane->counts && sheet->values ? 0 : ozx_error_memory(error);
}

/* Fills the values, of a sheet that was not sampled yet or whose sums are zero again. */
static int sample(struct ozx_image *image, struct sheet *sheet, struct ozx_error *error)
{
    struct ozx_plane *plane = &sheet->plane;
    int failure = ozx_pixels_sample(&image->pixels, plane, error);

    for (size_t i = 0; i < sheet->count; i++) {
        sheet->values[i] = plane->counts[i] ? plane->sums[i] / plane->counts[i] : (double)NAN;
        plane->sums[i] = 0;
        plane->counts[i] = 0;
    }
    return failure;
}

static int place(const struct ozx_image *image, uint64_t z, uint64_t t, struct ozx_plane *plane,
                 struct ozx_error *error)
{
    const uint64_t depth = ozx_image_size(image, image->z), times = ozx_image_size(image, image->t);

    if (z >= depth)
        return ozx_view_lacks("z", z, depth, error);
    if (t >= times)
        return ozx_view_lacks("t", t, times, error);
    if (image->z >= 0)
        plane->at[image->z] = z;
    if (image->t >= 0)
        plane->at[image->t] = t;
    return 0;
}

/* --- a tile ----------------------------------------------------------------------------------- */

uint64_t ozx_tile_shrunk(uint64_t size, uint32_t shrink)
{
    return size / shrink + (size % shrink != 0);
}

/* The pixels of the tile, in the level as it is shown. */
static int find_shown(const struct ozx_image *image, const struct ozx_tile *tile,
                      struct ozx_plane_window *out, struct ozx_error *error)
{
    const uint64_t width = ozx_tile_shrunk(ozx_image_size(image, image->x), tile->shrink);
    const uint64_t height = ozx_tile_shrunk(ozx_image_size(image, image->y), tile->shrink);
    const uint64_t columns = width / OZX_TILE_SIZE + (width % OZX_TILE_SIZE != 0);
    const uint64_t rows = height / OZX_TILE_SIZE + (height % OZX_TILE_SIZE != 0);

    if (tile->x >= columns)
        return ozx_view_lacks("tile x", tile->x, columns, error);
    if (tile->y >= rows)
        return ozx_view_lacks("tile y", tile->y, rows, error);
    *out = (struct ozx_plane_window){.x = tile->x * OZX_TILE_SIZE, .y = tile->y * OZX_TILE_SIZE};
    out->width = smaller(OZX_TILE_SIZE, width - out->x);
    out->height = smaller(OZX_TILE_SIZE, height - out->y);
    return 0;
}

/* The same in the level as it is stored. */
static struct ozx_plane_window find_window(const struct ozx_image *image,
                                           const struct ozx_tile *tile,
                                           const struct ozx_plane_window *shown)
{
    struct ozx_plane_window window = {.x = shown->x * tile->shrink, .y = shown->y * tile->shrink};

    window.width = smaller(shown->width * tile->shrink, ozx_image_size(image, image->x) - window.x);
    window.height =
        smaller(shown->height * tile->shrink, ozx_image_size(image, image->y) - window.y);
    return window;
}

static int draw_channels(struct ozx_image *image, const struct ozx_tile *tile, struct sheet *sheet,
                         float *light, struct ozx_error *error)
{
    const uint64_t all = ozx_image_size(image, image->c);
    int failure = 0;

    for (uint32_t i = 0; !failure && i < tile->style_count; i++) {
        const struct ozx_style *style = &tile->styles[i];
        if (style->channel >= all)
            return ozx_view_lacks("channel", style->channel, all, error);
        if (image->c >= 0)
            sheet->plane.at[image->c] = style->channel;
        failure = sample(image, sheet, error);
        if (!failure)
            ozx_blend(style, sheet->values, sheet->count, light);
    }
    return failure;
}

static int draw_label_image(struct ozx_image *image, struct sheet *sheet, float *light,
                            struct ozx_error *error)
{
    int failure = sample(image, sheet, error);

    for (size_t i = 0; !failure && i < sheet->count; i++)
        ozx_label_alone(&image->label, sheet->values[i], &light[3 * i]);
    return failure;
}

/* --- levels that are not stored --------------------------------------------------------------- */

/* The chunks that are decoded one by one, those within shards: their sizes by the array's axes. */
static void find_chunks(const struct ozx_pixels *pixels, uint64_t sizes[OZX_DIMENSIONS_MAX])
{
    uint8_t axes[OZX_DIMENSIONS_MAX], stored[OZX_DIMENSIONS_MAX];
    const struct ozx_chain *chain = pixels->chain;

    for (uint32_t i = 0; i < chain->dimensions; i++) {
        sizes[i] = pixels->array->chunk_shape.sizes[i];
        axes[i] = (uint8_t)i;
    }
    for (; chain->sharding; chain = &chain->sharding->inner) {
        memcpy(stored, axes, sizeof stored);
        for (uint32_t i = 0; i < chain->dimensions; i++) {
            axes[i] = stored[chain->axes[i]];
            sizes[axes[i]] = chain->sharding->chunk_shape.sizes[i];
        }
    }
}

/* Whether what is decoded for a tile is little enough. */
static bool is_cheap(const struct ozx_image *image, uint32_t shrink)
{
    const struct ozx_pixels *pixels = &image->pixels;
    uint64_t sizes[OZX_DIMENSIONS_MAX] = {0}, bytes = pixels->item.size_bytes, chunks = 1;

    find_chunks(pixels, sizes);
    for (int i = 0; i < (int)pixels->array->shape.count; i++) {
        const uint64_t shown =
            i == image->x || i == image->y
                ? smaller(ozx_image_size(image, i), (uint64_t)OZX_TILE_SIZE * shrink)
                : 1;
        uint64_t along = sizes[i] ? (shown / sizes[i] + 1) : 1;
        if (!ozx_multiply(chunks, along, &chunks) || !ozx_multiply(along, sizes[i], &along) ||
            !ozx_multiply(bytes, along, &bytes))
            return false;
    }
    return chunks <= TILE_CHUNKS_MAX && bytes <= TILE_BYTES_MAX;
}

uint32_t ozx_tile_shrunk_levels(const struct ozx_image *image)
{
    const uint64_t width = ozx_image_size(image, image->x);
    const uint64_t height = ozx_image_size(image, image->y);
    const uint64_t longer = width > height ? width : height;
    uint32_t count = 0;

    while (count < SHRUNK_LEVELS_MAX && longer >> count > SMALL_ENOUGH &&
           is_cheap(image, 2u << count))
        count++;
    return count;
}

/* --- labels over it --------------------------------------------------------------------------- */

int ozx_tile_match_level(const struct ozx_image *image, uint32_t shrink, struct ozx_image *labels,
                         struct ozx_error *error)
{
    const uint64_t wanted = ozx_tile_shrunk(ozx_image_size(image, image->x), shrink);
    uint64_t best_width = 0;
    uint32_t best = 0;

    for (uint32_t i = 0; i < ozx_image_level_count(labels); i++) {
        int failure = ozx_image_go_to_level(labels, i, error);
        uint64_t width;
        if (failure)
            return failure;
        width = ozx_image_size(labels, labels->x);
        if (best_width < wanted ? width > best_width : width >= wanted && width < best_width) {
            best = i;
            best_width = width;
        }
    }
    return ozx_image_go_to_level(labels, best, error);
}

/* Pixels of the label image that are drawn over from ... from+count-1 of `size`. */
static void match_axis(uint64_t from, uint64_t count, uint64_t size, uint64_t label_size,
                       uint64_t *label_from, uint64_t *label_count)
{
    *label_from = ozx_labels_place(from, size, label_size);
    *label_count = ozx_labels_place(from + count - 1, size, label_size) + 1 - *label_from;
    if (label_size > size && label_size % size == 0)
        *label_count = count * (label_size / size);
}

/* Which of the `count` label pixels that were sampled is over pixel `i` of the tile. */
static size_t over(uint64_t i, uint64_t from, uint64_t size, uint64_t label_size,
                   uint64_t label_from, uint64_t label_count, uint32_t count)
{
    const uint64_t at = ozx_labels_place(from + i, size, label_size) - label_from;

    return (size_t)(count == label_count ? at : at * count / label_count);
}

static int draw_over(const struct ozx_image *image, struct ozx_image *labels,
                     const struct ozx_tile *tile, const struct ozx_plane_window *window,
                     float *light, struct ozx_error *error)
{
    const uint64_t width = ozx_tile_shrunk(ozx_image_size(image, image->x), tile->shrink);
    const uint64_t height = ozx_tile_shrunk(ozx_image_size(image, image->y), tile->shrink);
    const uint64_t label_width = ozx_image_size(labels, labels->x);
    const uint64_t label_height = ozx_image_size(labels, labels->y);
    AUTO_SHEET struct sheet sheet = {.count = 0};
    struct ozx_plane_window part;
    int failure;

    if (label_width > OZX_AXIS_MAX || label_height > OZX_AXIS_MAX)
        return ozx_error_set(error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the label image is larger than any that can be shown");
    match_axis(window->x, window->width, width, label_width, &part.x, &part.width);
    match_axis(window->y, window->height, height, label_height, &part.y, &part.height);
    failure = make_sheet(labels, part, smaller(part.width, OZX_TILE_SIZE),
                         smaller(part.height, OZX_TILE_SIZE), &sheet, error);
    if (!failure)
        failure = place(labels,
                        ozx_labels_place(tile->z, ozx_image_size(image, image->z),
                                         ozx_image_size(labels, labels->z)),
                        ozx_labels_place(tile->t, ozx_image_size(image, image->t),
                                         ozx_image_size(labels, labels->t)),
                        &sheet.plane, error);
    if (!failure)
        failure = sample(labels, &sheet, error);
    for (uint64_t j = 0; !failure && j < window->height; j++) {
        const size_t row =
            over(j, window->y, height, label_height, part.y, part.height, sheet.plane.height);
        for (uint64_t i = 0; i < window->width; i++) {
            const size_t column =
                over(i, window->x, width, label_width, part.x, part.width, sheet.plane.width);
            ozx_label_over(&labels->label, sheet.values[row * sheet.plane.width + column],
                           &light[3 * (j * window->width + i)]);
        }
    }
    return failure;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int round_off(const float *light, const struct sheet *sheet, struct ozx_picture *out,
                     struct ozx_error *error)
{
    uint8_t *rgb = malloc(3 * sheet->count);

    if (!rgb)
        return ozx_error_memory(error);
    for (size_t i = 0; i < 3 * sheet->count; i++)
        rgb[i] = (uint8_t)(light[i] >= 255 ? 255 : light[i] + 0.5F);
    *out = (struct ozx_picture){sheet->plane.width, sheet->plane.height, rgb};
    return 0;
}

int ozx_tile_draw(struct ozx_image *image, struct ozx_image *labels, const struct ozx_tile *tile,
                  struct ozx_picture *out, struct ozx_error *error)
{
    AUTO_SHEET struct sheet sheet = {.count = 0};
    OZX_AUTO_FREE float *light = NULL;
    struct ozx_plane_window shown = {.width = 1, .height = 1};
    int failure = find_shown(image, tile, &shown, error);

    if (!failure)
        failure = make_sheet(image, find_window(image, tile, &shown), shown.width, shown.height,
                             &sheet, error);
    if (!failure)
        failure = place(image, tile->z, tile->t, &sheet.plane, error);
    if (failure)
        return failure;
    light = calloc(sheet.count, 3 * sizeof *light);
    if (!light)
        return ozx_error_memory(error);
    sheet.plane.nearest = ozx_image_is_label(image);
    failure = ozx_image_is_label(image) ? draw_label_image(image, &sheet, light, error)
                                        : draw_channels(image, tile, &sheet, light, error);
    if (!failure && labels)
        failure = draw_over(image, labels, tile, &shown, light, error);
    return failure ? failure : round_off(light, &sheet, out, error);
}

/* --- histograms ------------------------------------------------------------------------------- */

static void count_values(const struct sheet *sheet, struct ozx_channel_values *out)
{
    bool any = false;

    for (size_t i = 0; i < sheet->count; i++) {
        const double value = sheet->values[i];
        if (!isfinite(value))
            continue;
        if (!any || value < out->lowest)
            out->lowest = value;
        if (!any || value > out->highest)
            out->highest = value;
        any = true;
    }
    for (size_t i = 0; any && i < sheet->count; i++) {
        /* Halves, so that no difference overflows. */
        const double span = out->highest / 2 - out->lowest / 2;
        double share = span > 0 ? (sheet->values[i] / 2 - out->lowest / 2) / span : 0;
        if (isfinite(sheet->values[i]))
            out->counts[share < 1 ? (size_t)(share * OZX_HISTOGRAM_SIZE)
                                  : OZX_HISTOGRAM_SIZE - 1]++;
    }
}

static void middle(uint64_t size, uint64_t *from, uint64_t *count)
{
    *count = smaller(size, OZX_HISTOGRAM_SIDE_MAX);
    *from = (size - *count) / 2;
}

int ozx_channel_measure(struct ozx_image *image, uint64_t channel, struct ozx_channel_values *out,
                        struct ozx_error *error)
{
    AUTO_SHEET struct sheet sheet = {.count = 0};
    struct ozx_channel_values values = {.lowest = 0};
    struct ozx_style styles[OZX_CHANNELS_MAX];
    struct ozx_plane_window window;
    int failure = ozx_styles_of(image, &channel, 1, styles, error);

    if (failure < 0)
        return failure;
    middle(ozx_image_size(image, image->x), &window.x, &window.width);
    middle(ozx_image_size(image, image->y), &window.y, &window.height);
    failure = make_sheet(image, window, window.width, window.height, &sheet, error);
    if (!failure)
        failure = place(image, ozx_image_size(image, image->z) / 2, 0, &sheet.plane, error);
    if (failure)
        return failure;
    if (image->c >= 0)
        sheet.plane.at[image->c] = channel;
    failure = sample(image, &sheet, error);
    if (failure)
        return failure;
    values.style = styles[0];
    count_values(&sheet, &values);
    if (!values.style.has_window)
        ozx_blend_window(sheet.values, sheet.count, &values.style.start, &values.style.end);
    values.style.has_window = true;
    *out = values;
    return 0;
}
