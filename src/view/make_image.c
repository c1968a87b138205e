/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a page must know of an image before it asks for tiles.
 */
#include <math.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "image/tile.h"
#include "view/make.h"

#define LABELS_MAX 256 /* label images of one image that are listed */

static void put_number(struct ozx_json_stream *s, const char *key, double value)
{
    ozx_json_stream_put(s, key, isfinite(value) ? json_real(value) : json_null());
}

static void put_count(struct ozx_json_stream *s, const char *key, uint64_t value)
{
    ozx_json_stream_put(s, key, ozx_json_stream_number(value));
}

static void put_text(struct ozx_json_stream *s, const char *key, const char *value)
{
    ozx_json_stream_put(s, key, ozx_json_stream_text(value ? value : ""));
}

/* --- axes and sizes --------------------------------------------------------------------------- */

static void put_axes(struct ozx_json_stream *s, const struct ozx_image *image)
{
    const struct {
        int axis;
        const char *name;
    } known[] = {
        {image->t, "t"}, {image->c, "c"}, {image->z, "z"}, {image->y, "y"}, {image->x, "x"}};

    ozx_json_stream_open(s, "axes", '[');
    for (int i = 0; i < (int)image->pixels.array->shape.count; i++) {
        const char *name = "";
        for (size_t j = 0; j < sizeof known / sizeof known[0]; j++)
            if (known[j].axis == i)
                name = known[j].name;
        ozx_json_stream_put(s, NULL, json_string(name));
    }
    ozx_json_stream_close(s, ']');
}

/* Along an axis from one pixel of a level to the next; 0: not stated. */
static double scale_of(const struct ozx_image *image, uint32_t level, int axis)
{
    const struct ozx_multiscale *m = image->multiscale;
    const struct ozx_transforms *all, *own;
    double scale;

    if (!m || axis < 0 || (size_t)axis >= m->axis_count || level >= m->dataset_count ||
        m->axis_count != image->pixels.array->shape.count)
        return 0;
    own = &m->datasets[level].transforms;
    all = &m->transforms;
    if (!own->scale && !all->scale)
        return 0;
    scale = (own->scale ? own->scale[axis] : 1) * (all->scale ? all->scale[axis] : 1);
    return isfinite(scale) && scale > 0 ? scale : 0;
}

static void put_pixel_size(struct ozx_json_stream *s, const struct ozx_image *image)
{
    const struct ozx_multiscale *m = image->multiscale;
    const double x = scale_of(image, 0, image->x);
    const char *unit = m && x > 0 ? m->axes[image->x].unit : NULL;

    put_text(s, "unit", unit);
    if (!unit) {
        ozx_json_stream_put(s, "pixel_size", json_null());
        return;
    }
    ozx_json_stream_open(s, "pixel_size", '{');
    put_number(s, "x", x);
    put_number(s, "y", image->y >= 0 ? scale_of(image, 0, image->y) : x);
    put_number(s, "z", scale_of(image, 0, image->z));
    ozx_json_stream_close(s, '}');
}

/* --- levels ----------------------------------------------------------------------------------- */

struct sizes {
    uint64_t width, height, depth;
};

static struct sizes sizes_of(const struct ozx_image *image)
{
    return (struct sizes){ozx_image_size(image, image->x), ozx_image_size(image, image->y),
                          ozx_image_size(image, image->z)};
}

/* Pixels of level 0 for one of this level: as the metadata have it, else by the sizes. */
static double ratio(const struct ozx_image *image, uint32_t level, int axis, uint64_t first,
                    uint64_t now)
{
    const double base = scale_of(image, 0, axis), own = scale_of(image, level, axis);

    return base > 0 && own > 0 ? own / base : (double)first / (double)now;
}

static void put_level(struct ozx_json_stream *s, const struct ozx_image *image, uint32_t level,
                      uint32_t shrink, const struct sizes *first)
{
    const struct sizes now = sizes_of(image);

    ozx_json_stream_open(s, NULL, '{');
    put_count(s, "width", ozx_tile_shrunk(now.width, shrink));
    put_count(s, "height", ozx_tile_shrunk(now.height, shrink));
    put_count(s, "depth", now.depth);
    put_number(s, "scale_x", shrink * ratio(image, level, image->x, first->width, now.width));
    put_number(s, "scale_y", shrink * ratio(image, level, image->y, first->height, now.height));
    put_number(s, "scale_z", ratio(image, level, image->z, first->depth, now.depth));
    ozx_json_stream_close(s, '}');
}

/* Writes the list; `*smallest` is the level with the fewest pixels. */
static int put_levels(struct ozx_maker *maker, uint32_t node, struct ozx_json_stream *s,
                      uint32_t *smallest, struct ozx_error *error)
{
    struct sizes first = {0, 0, 0}, best = {0, 0, 0};
    struct ozx_image *image;
    uint32_t count = 1;
    int failure = 0;

    ozx_json_stream_open(s, "levels", '[');
    for (uint32_t i = 0; i < count && !failure; i++) {
        struct sizes now;
        failure = ozx_maker_image(maker, node, i, &image, error);
        if (failure)
            break;
        count = ozx_image_level_count(image);
        now = sizes_of(image);
        if (!i)
            first = best = now;
        if (now.width < best.width) {
            best = now;
            *smallest = i;
        }
        put_level(s, image, i, 1, &first);
    }
    /* Smaller ones, if the last is the smallest. */
    for (uint32_t i = 0; !failure && *smallest + 1 == count && i < ozx_tile_shrunk_levels(image);
         i++)
        put_level(s, image, count - 1, 2U << i, &first);
    ozx_json_stream_close(s, ']');
    return failure;
}

/* --- channels --------------------------------------------------------------------------------- */

/* Where the window of a channel ends that nothing is stated of and no value can be read of. */
static double highest_of(const char *data_type)
{
    return strcmp(data_type, "uint8") == 0 ? UINT8_MAX : strstr(data_type, "int") ? UINT16_MAX : 1;
}

/* At the smallest level that can be decoded, so that a damaged chunk of one does not hide the
 * others. Of a channel that can be decoded at none, only how it is shown: `*is_measured` is false.
 */
static int measure(struct ozx_maker *maker, uint32_t node, uint32_t smallest, uint64_t channel,
                   struct ozx_channel_values *out, bool *is_measured, struct ozx_error *error)
{
    struct ozx_style styles[OZX_CHANNELS_MAX];
    struct ozx_image *image = NULL;
    uint32_t level = smallest;
    int failure;

    do {
        failure = ozx_maker_image(maker, node, level, &image, error);
        if (!failure)
            failure = ozx_channel_measure(image, channel, out, error);
    } while ((failure == -EBADMSG || failure == -EIO) && level--);
    *is_measured = !failure;
    if (failure != -EBADMSG && failure != -EIO)
        return failure;
    failure = ozx_maker_image(maker, node, smallest, &image, error);
    if (failure)
        return failure;
    failure = ozx_styles_of(image, &channel, 1, styles, error);
    if (failure < 0)
        return failure;
    *out = (struct ozx_channel_values){.style = styles[0]};
    if (!styles[0].has_window)
        out->style.end = highest_of(image->pixels.array->data_type);
    return 0;
}

static void put_channel(struct ozx_json_stream *s, const struct ozx_image *image,
                        const struct ozx_channel_values *values, bool is_measured, bool is_active)
{
    const struct ozx_ome *ome = image->metadata->ome;
    const struct ozx_style *style = &values->style;
    char color[8];

    snprintf(color, sizeof color, "%06X", style->color & 0xFFFFFF);
    ozx_json_stream_open(s, NULL, '{');
    put_text(s, "label",
             ome && style->channel < ome->channel_count ? ome->channels[style->channel].label
                                                        : NULL);
    put_text(s, "color", color);
    ozx_json_stream_put(s, "active", json_boolean(is_active));
    put_number(s, "start", style->start);
    put_number(s, "end", style->end);
    put_number(s, "min", fmin(values->lowest, style->start));
    put_number(s, "max", fmax(values->highest, style->end));
    ozx_json_stream_open(s, "histogram", '[');
    for (size_t i = 0; is_measured && i < OZX_HISTOGRAM_SIZE; i++)
        put_count(s, NULL, values->counts[i]);
    ozx_json_stream_close(s, ']');
    ozx_json_stream_close(s, '}');
}

static int put_channels(struct ozx_maker *maker, uint32_t node, uint32_t smallest,
                        struct ozx_json_stream *s, struct ozx_error *error)
{
    struct ozx_style shown[OZX_CHANNELS_MAX];
    struct ozx_channel_values values;
    struct ozx_image *image;
    uint64_t all;
    int failure = ozx_maker_image(maker, node, smallest, &image, error), count;

    if (failure)
        return failure;
    all = ozx_image_size(image, image->c);
    count = ozx_styles_of(image, NULL, 0, shown, error);
    if (count < 0)
        return count;
    ozx_json_stream_open(s, "channels", '[');
    for (uint64_t i = 0; !failure && i < all && i < OZX_CHANNELS_MAX; i++) {
        bool is_active = false, is_measured;
        for (int j = 0; j < count; j++)
            is_active |= shown[j].channel == i;
        failure = measure(maker, node, smallest, i, &values, &is_measured, error);
        if (!failure)
            failure = ozx_maker_image(maker, node, smallest, &image, error);
        if (!failure)
            put_channel(s, image, &values, is_measured, is_active);
    }
    ozx_json_stream_close(s, ']');
    return failure;
}

/* --- label images ----------------------------------------------------------------------------- */

static int put_labels(struct ozx_maker *maker, struct ozx_json_stream *s,
                      const struct ozx_image *image, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    uint32_t directory, node;
    int failure = 0;

    ozx_json_stream_open(s, "labels", '[');
    if (ozx_archive_lookup(maker->archive, image->directory, "labels", 6, &directory) == 0 &&
        ozx_metadata_find(maker->archive, directory, &node) == 0) {
        failure = ozx_effort_metadata(&maker->effort, maker->archive, node, error);
        if (!failure)
            failure = ozx_metadata_load(maker->archive, node, &metadata, error);
    }
    for (size_t i = 0;
         metadata && metadata->ome && i < metadata->ome->label_count && i < LABELS_MAX; i++) {
        const char *path = metadata->ome->labels[i];
        if (ozx_metadata_resolve(maker->archive, directory, path, &node))
            continue;
        ozx_json_stream_open(s, NULL, '{');
        put_count(s, "id", node);
        put_text(s, "name", path);
        ozx_json_stream_close(s, '}');
    }
    ozx_json_stream_close(s, ']');
    return failure == -ENOMEM ? failure : 0; /* an image without labels is one all the same */
}

/* --- all of it -------------------------------------------------------------------------------- */

static int put_image(struct ozx_maker *maker, uint32_t node, struct ozx_json_stream *s,
                     struct ozx_error *error)
{
    struct ozx_image *image;
    uint32_t smallest = 0;
    char name[256] = "";
    size_t size;
    const char *text;
    int failure = ozx_maker_image(maker, node, 0, &image, error);

    if (failure)
        return failure;
    text = ozx_archive_name(maker->archive, image->directory, &size);
    memcpy(name, text, size < sizeof name ? size : 0);
    put_text(s, "name",
             image->multiscale && image->multiscale->name ? image->multiscale->name : name);
    put_text(s, "data_type", image->pixels.array->data_type);
    put_axes(s, image);
    put_count(s, "t", ozx_image_size(image, image->t));
    put_count(s, "c", ozx_image_size(image, image->c));
    put_count(s, "z", ozx_image_size(image, image->z));
    put_pixel_size(s, image);
    ozx_json_stream_put(s, "rgb", json_boolean(ozx_image_is_rgb(image)));
    ozx_json_stream_put(s, "label", json_boolean(ozx_image_is_label(image)));
    failure = put_labels(maker, s, image, error);
    if (!failure)
        failure = put_levels(maker, node, s, &smallest, error);
    return failure ? failure : put_channels(maker, node, smallest, s, error);
}

static int say_why_not(const struct ozx_error *why, struct ozx_view_answer *out,
                       struct ozx_error *error)
{
    struct ozx_json_answer json;
    int failure = ozx_json_answer_begin(&json, error);

    if (failure)
        return failure;
    ozx_json_stream_open(&json.stream, NULL, '{');
    put_text(&json.stream, "message", why->text);
    ozx_json_stream_close(&json.stream, '}');
    return ozx_json_answer_end(&json, 0, out, error);
}

int ozx_make_image(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                   struct ozx_error *error)
{
    struct ozx_error why;
    struct ozx_json_answer json;
    int failure = ozx_json_answer_begin_node(&json, maker, ask->node, error);

    if (failure)
        return failure;
    failure = put_image(maker, ask->node, &json.stream, error);
    ozx_json_stream_close(&json.stream, '}');
    failure = ozx_json_answer_end(&json, failure, out, error);
    if (!failure || failure == -ENOMEM)
        return failure;
    why = *error;
    return say_why_not(&why, out, error);
}
