/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One channel after the other: sampled, brought to 0 ... 1 by its window, added to the picture in its colour.
 * The rules are those of ozxfs-thumbnail(1), and tests/image/rendering.py has them once more.
 */
#include "image/thumbnail.h"

#include <math.h>
#include <string.h>

#include "image/find.h"

#define SHOWN_MAX 6        /* channels of an image that says nothing of them */
#define Z_MAXIMUM_MAX 4096 /* planes of which a maximum is taken */
#define LOW_PERMILLE 1     /* percentiles of an image without windows */
#define HIGH_PERMILLE 999

struct making {
    const struct ozx_thumbnail_options *options;
    struct ozx_image image;
    struct ozx_plane plane;
    size_t pixel_count;
    double *values, *sorted; /* of a channel; owned; not finite: there is none */
    float *light;            /* red, green, blue of each pixel; owned */
    struct ozx_error *error;
};

static int no_plane(const struct making *m, const char *axis, uint64_t wanted, uint64_t count)
{
    return ozx_error_set(m->error, -ERANGE, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "there is no %s %llu: the image has %llu, from 0", axis,
                         (unsigned long long)wanted, (unsigned long long)count);
}

static uint64_t size_of(const struct making *m, int axis)
{
    return axis < 0 ? 1 : m->image.pixels.array->shape.sizes[axis];
}

/* --- channels --------------------------------------------------------------------------------- */

/* Those that are asked for, or active, or the first few. */
static int choose_channels(const struct making *m, uint64_t *channels, uint32_t *count)
{
    const struct ozx_ome *ome = m->image.metadata->ome;
    const uint64_t all = size_of(m, m->image.c);

    *count = m->options->channel_count;
    for (uint32_t i = 0; i < *count; i++) {
        channels[i] = m->options->channels[i];
        if (channels[i] >= all)
            return no_plane(m, "channel", channels[i], all);
    }
    for (size_t i = 0; !m->options->channel_count && ome && i < ome->channel_count && i < all; i++)
        if (ome->channels[i].is_active && *count < OZX_THUMBNAIL_CHANNELS_MAX)
            channels[(*count)++] = i;
    for (uint64_t i = 0; !*count && i < all && i < SHOWN_MAX; i++)
        channels[i] = i;
    if (!*count)
        *count = all < SHOWN_MAX ? (uint32_t)all : SHOWN_MAX;
    return 0;
}

/* True for three channels of 8 bits that nothing else is said about. */
static bool is_rgb(const struct making *m)
{
    const struct ozx_pixel item = m->image.pixels.item;
    const struct ozx_ome *ome = m->image.metadata->ome;

    return size_of(m, m->image.c) == 3 && item.kind == OZX_PIXEL_UNSIGNED && item.size_bytes == 1 &&
           !(ome && ome->channel_count);
}

static uint32_t color_of(const struct making *m, uint64_t channel)
{
    static const uint32_t rgb[] = {0xFF0000, 0x00FF00, 0x0000FF};
    static const uint32_t several[] = {0x0000FF, 0x00FF00, 0xFF0000, 0xFF00FF, 0x00FFFF, 0xFFFF00};
    const struct ozx_ome *ome = m->image.metadata->ome;

    if (ome && channel < ome->channel_count && ome->channels[channel].color)
        return (uint32_t)strtoul(ome->channels[channel].color, NULL, 16);
    if (is_rgb(m))
        return rgb[channel];
    return size_of(m, m->image.c) == 1 ? 0xFFFFFF : several[channel % 6];
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void find_window(const struct making *m, uint64_t channel, double *start, double *end)
{
    const struct ozx_ome *ome = m->image.metadata->ome;
    size_t count = 0;

    *start = 0;
    *end = 1;
    if (ome && m->image.windows && channel < ome->channel_count &&
        m->image.windows[channel].is_stated) {
        *start = m->image.windows[channel].start;
        *end = m->image.windows[channel].end;
        return;
    }
    if (is_rgb(m))
        *end = 255;
    if (is_rgb(m) || m->image.pixels.item.kind == OZX_PIXEL_BOOL)
        return;
    for (size_t i = 0; i < m->pixel_count; i++)
        if (isfinite(m->values[i]))
            m->sorted[count++] = m->values[i];
    if (!count)
        return;
    qsort(m->sorted, count, sizeof *m->sorted, by_value);
    *start = m->sorted[(count - 1) * LOW_PERMILLE / 1000];
    *end = m->sorted[(count - 1) * HIGH_PERMILLE / 1000];
    if (*end <= *start)
        *end = *start + 1;
}

/* --- planes ----------------------------------------------------------------------------------- */

/* One plane into `values`; with `maximum`, where it is larger. */
static int sample(struct making *m, bool maximum)
{
    int failure;

    memset(m->plane.sums, 0, m->pixel_count * sizeof *m->plane.sums);
    memset(m->plane.counts, 0, m->pixel_count * sizeof *m->plane.counts);
    failure = ozx_pixels_sample(&m->image.pixels, &m->plane, m->error);
    for (size_t i = 0; !failure && i < m->pixel_count; i++) {
        double value = m->plane.counts[i] ? m->plane.sums[i] / m->plane.counts[i] : (double)NAN;
        if (!maximum || !isfinite(m->values[i]) || value > m->values[i])
            m->values[i] = value;
    }
    return failure;
}

static int sample_channel(struct making *m, uint64_t channel)
{
    const uint64_t depth = size_of(m, m->image.z);
    int failure = 0;

    if (m->image.c >= 0)
        m->plane.at[m->image.c] = channel;
    if (!m->options->z_maximum || m->image.z < 0)
        return sample(m, false);
    if (depth > Z_MAXIMUM_MAX)
        return ozx_error_set(m->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "choose one plane with --z",
                             "the maximum of more than 4096 planes is not taken");
    for (uint64_t z = 0; z < depth && !failure; z++) {
        m->plane.at[m->image.z] = z;
        failure = sample(m, z > 0);
    }
    return failure;
}

static void add_light(struct making *m, uint64_t channel)
{
    const uint32_t color = color_of(m, channel);
    double start, end;

    find_window(m, channel, &start, &end);
    for (size_t i = 0; i < m->pixel_count; i++) {
        double share = isfinite(m->values[i]) ? (m->values[i] - start) / (end - start) : 0;
        share = share < 0 ? 0 : share > 1 ? 1 : share;
        for (unsigned part = 0; part < 3; part++)
            m->light[3 * i + part] += (float)(share * (color >> (16 - 8 * part) & 0xFF));
    }
}

/* Labels have a colour each, and 0 has none. */
static void color_labels(struct making *m)
{
    for (size_t i = 0; i < m->pixel_count; i++) {
        uint32_t label =
            isfinite(m->values[i]) ? (uint32_t)(int64_t)fmod(m->values[i], 4294967296.0) : 0;
        uint32_t mixed = label * UINT32_C(2654435761);
        for (unsigned part = 0; part < 3 && label; part++) {
            uint32_t light = 64 + (mixed >> (8 + 8 * part) & 0xFF) * 3 / 4;
            m->light[3 * i + part] = (float)light;
        }
    }
}

/* --- the picture ------------------------------------------------------------------------------ */

static int place(struct making *m)
{
    const struct ozx_thumbnail_options *o = m->options;
    const uint64_t depth = size_of(m, m->image.z), times = size_of(m, m->image.t);
    const uint64_t z = o->z == OZX_Z_MIDDLE ? depth / 2 : o->z;
    uint64_t width = size_of(m, m->image.x), height = size_of(m, m->image.y);
    const uint64_t longer = width > height ? width : height;

    if (z >= depth)
        return no_plane(m, "z", z, depth);
    if (o->t >= times)
        return no_plane(m, "t", o->t, times);
    if (longer > UINT64_C(1) << 40)
        return ozx_error_set(m->error, -ENOTSUP, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the image is larger than any that can be shown");
    if (m->image.z >= 0)
        m->plane.at[m->image.z] = z;
    if (m->image.t >= 0)
        m->plane.at[m->image.t] = o->t;
    if (longer > o->size) {
        width = (width * o->size + longer / 2) / longer;
        height = (height * o->size + longer / 2) / longer;
    }
    m->plane.width = width ? (uint32_t)width : 1;
    m->plane.height = height ? (uint32_t)height : 1;
    m->plane.x_axis = m->image.x;
    m->plane.y_axis = m->image.y;
    m->pixel_count = (size_t)m->plane.width * m->plane.height;
    return 0;
}

static int allocate(struct making *m, uint8_t **rgb)
{
    m->plane.sums = calloc(m->pixel_count, sizeof *m->plane.sums);
    m->plane.counts = calloc(m->pixel_count, sizeof *m->plane.counts);
    m->values = calloc(m->pixel_count, sizeof *m->values);
    m->light = calloc(m->pixel_count, 3 * sizeof *m->light);
    *rgb = calloc(m->pixel_count, 3);
    m->sorted = m->plane.sums; /* which are done with when there are values */
    return m->plane.sums && m->plane.counts && m->values && m->light && *rgb
               ? 0
               : ozx_error_memory(m->error);
}

static int blend(struct making *m)
{
    const struct ozx_ome *ome = m->image.metadata->ome;
    uint64_t channels[OZX_THUMBNAIL_CHANNELS_MAX] = {0};
    uint32_t count = 0;
    int failure = choose_channels(m, channels, &count);

    m->plane.nearest = ome && ome->has_image_label;
    for (uint32_t i = 0; !failure && i < count; i++) {
        failure = sample_channel(m, channels[i]);
        if (failure)
            break;
        if (m->plane.nearest)
            color_labels(m);
        else
            add_light(m, channels[i]);
    }
    return failure;
}

int ozx_thumbnail(struct ozx_archive *archive, const struct ozx_thumbnail_options *options,
                  struct ozx_picture *out, struct ozx_error *error)
{
    struct making m = {.options = options, .error = error};
    OZX_AUTO_FREE uint8_t *rgb = NULL;
    int failure = ozx_image_open(archive, options->path, options->size, &m.image, error);

    if (failure)
        return failure;
    failure = place(&m);
    if (!failure)
        failure = allocate(&m, &rgb);
    if (!failure)
        failure = blend(&m);
    for (size_t i = 0; !failure && i < 3 * m.pixel_count; i++)
        rgb[i] = (uint8_t)(m.light[i] >= 255 ? 255 : m.light[i] + 0.5F);
    if (!failure)
        *out = (struct ozx_picture){m.plane.width, m.plane.height, ozx_take(rgb)};
    free(m.plane.sums);
    free(m.plane.counts);
    free(m.values);
    free(m.light);
    ozx_image_close(&m.image);
    return failure;
}
