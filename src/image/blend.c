/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tests/image/rendering.py has the rules once more.
 */
#include "image/blend.h"

#include <math.h>
#include <string.h>

#include "image/view.h"

#define SHOWN_MAX 6    /* channels of an image that says nothing of them */
#define LOW_PERMILLE 1 /* percentiles of an image without windows */
#define HIGH_PERMILLE 999

/* --- styles ----------------------------------------------------------------------------------- */

bool ozx_image_is_rgb(const struct ozx_image *image)
{
    const struct ozx_pixel item = image->pixels.item;
    const struct ozx_ome *ome = image->metadata->ome;

    return ozx_image_size(image, image->c) == 3 && item.kind == OZX_PIXEL_UNSIGNED &&
           item.size_bytes == 1 && !(ome && ome->channel_count);
}

static uint32_t color_of(const struct ozx_image *image, uint64_t channel)
{
    static const uint32_t rgb[] = {0xFF0000, 0x00FF00, 0x0000FF};
    static const uint32_t several[] = {0x0000FF, 0x00FF00, 0xFF0000, 0xFF00FF, 0x00FFFF, 0xFFFF00};
    const struct ozx_ome *ome = image->metadata->ome;

    if (ome && channel < ome->channel_count && ome->channels[channel].color)
        return (uint32_t)strtoul(ome->channels[channel].color, NULL, 16);
    if (ozx_image_is_rgb(image))
        return rgb[channel];
    return ozx_image_size(image, image->c) == 1 ? 0xFFFFFF : several[channel % 6];
}

static struct ozx_style style_of(const struct ozx_image *image, uint64_t channel)
{
    const struct ozx_ome *ome = image->metadata->ome;
    struct ozx_style style = {.channel = channel, .color = color_of(image, channel), .end = 1};

    if (ome && image->windows && channel < ome->channel_count &&
        image->windows[channel].is_stated) {
        style.has_window = true;
        style.start = image->windows[channel].start;
        style.end = image->windows[channel].end;
    } else if (ozx_image_is_rgb(image)) {
        style.has_window = true;
        style.end = 255;
    } else if (image->pixels.item.kind == OZX_PIXEL_BOOL) {
        style.has_window = true;
    }
    return style;
}

int ozx_styles_of(const struct ozx_image *image, const uint64_t *channels, uint32_t count,
                  struct ozx_style styles[OZX_CHANNELS_MAX], struct ozx_error *error)
{
    const struct ozx_ome *ome = image->metadata->ome;
    const uint64_t all = ozx_image_size(image, image->c);
    int used = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (channels[i] >= all)
            return ozx_view_lacks("channel", channels[i], all, error);
        styles[used++] = style_of(image, channels[i]);
    }
    for (size_t i = 0; !count && ome && i < ome->channel_count && i < all; i++)
        if (ome->channels[i].is_active && used < OZX_CHANNELS_MAX)
            styles[used++] = style_of(image, i);
    if (!used)
        while ((uint64_t)used < all && used < SHOWN_MAX) {
            styles[used] = style_of(image, (uint64_t)used);
            used++;
        }
    return used;
}

/* --- windows ---------------------------------------------------------------------------------- */

/* Numbers in the order of the finite values that they stand for. */
static uint64_t key_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double value_of(uint64_t key)
{
    const uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The finite value that `rank` others come before: byte by byte of its key, so that the time it
 * takes follows the count alone, whatever the values. */
static double find_ranked(const double *values, size_t count, size_t rank)
{
    uint64_t found = 0, known = 0;

    for (int shift = 56; shift >= 0; shift -= 8) {
        uint64_t lowest = UINT64_MAX, highest = 0;
        size_t counts[256] = {0};
        unsigned byte = 0;

        for (size_t i = 0; i < count; i++) {
            const uint64_t key = key_of(values[i]);
            if ((key & known) != found || !isfinite(values[i]))
                continue;
            counts[key >> shift & 0xFF]++;
            lowest = key < lowest ? key : lowest;
            highest = key > highest ? key : highest;
        }
        if (lowest == highest) /* soon so, of integers */
            return value_of(lowest);
        while (byte < 255 && rank >= counts[byte])
            rank -= counts[byte++];
        found |= (uint64_t)byte << shift;
        known |= UINT64_C(0xFF) << shift;
    }
    return value_of(found);
}

void ozx_blend_window(const double *values, size_t count, double *start, double *end)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        kept += isfinite(values[i]) != 0;
    *start = 0;
    *end = 1;
    if (!kept)
        return;
    *start = find_ranked(values, count, (kept - 1) * LOW_PERMILLE / 1000);
    *end = find_ranked(values, count, (kept - 1) * HIGH_PERMILLE / 1000);
    if (*end <= *start)
        *end = *start + 1;
}

void ozx_blend(const struct ozx_style *style, const double *values, size_t count, float *light)
{
    double start = style->start, end = style->end;

    if (!style->has_window)
        ozx_blend_window(values, count, &start, &end);
    for (size_t i = 0; i < count; i++) {
        /* Halves, so that no difference overflows. Without a value it is dark. */
        double share = (values[i] / 2 - start / 2) / (end / 2 - start / 2);
        share = !(share > 0) ? 0 : share > 1 ? 1 : share;
        for (unsigned part = 0; part < 3; part++)
            light[3 * i + part] += (float)(share * (style->color >> (16 - 8 * part) & 0xFF));
    }
}
