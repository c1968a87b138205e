/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One axis of a plane in a picture: `size` source pixels from `origin` on in `count` <= `size`
 * boxes, box i from origin + i * size / count on. All of a box is taken, or its middle pixel.
 */
#ifndef OZX_IMAGE_BOXES_H
#define OZX_IMAGE_BOXES_H

#include <stdbool.h>
#include <stdint.h>

#define OZX_AXIS_MAX (UINT64_C(1) << 40) /* of `size`, so that nothing here overflows */

struct ozx_boxes {
    uint64_t size;
    uint32_t count; /* 1 ... 4096 */
    bool nearest;
    uint64_t origin; /* as far as OZX_AXIS_MAX with `size` */
};

static inline uint64_t ozx_boxes_end(const struct ozx_boxes *b)
{
    return b->origin + b->size;
}

static inline uint64_t ozx_boxes_from(const struct ozx_boxes *b, uint32_t box)
{
    return b->origin + (b->size == b->count ? box : box * b->size / b->count);
}

/* The box that `position`, which is in one, lies in. */
static inline uint32_t ozx_boxes_at(const struct ozx_boxes *b, uint64_t position)
{
    uint32_t box = (uint32_t)((position - b->origin) * b->count / b->size);

    while (box + 1 < b->count && ozx_boxes_from(b, box + 1) <= position)
        box++;
    return box;
}

/* The part of the box within from ... to-1 that is taken; false: none. */
static inline bool ozx_boxes_part(const struct ozx_boxes *b, uint32_t box, uint64_t from,
                                  uint64_t to, uint64_t *first, uint64_t *end)
{
    uint64_t low = ozx_boxes_from(b, box), high = ozx_boxes_from(b, box + 1);

    if (b->nearest) {
        low = (low + high) / 2;
        high = low + 1;
    }
    *first = low > from ? low : from;
    *end = high < to ? high : to;
    return *first < *end;
}

/* The first position at or behind this one that is taken; the end: none. */
static inline uint64_t ozx_boxes_next(const struct ozx_boxes *b, uint64_t position)
{
    const uint64_t all = ozx_boxes_end(b);
    uint64_t first, end;

    if (position < b->origin)
        position = b->origin;
    if (position >= all || !b->nearest)
        return position < all ? position : all;
    for (uint32_t box = ozx_boxes_at(b, position); box < b->count; box++)
        if (ozx_boxes_part(b, box, position, all, &first, &end))
            return first;
    return all;
}

#endif
