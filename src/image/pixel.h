/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pixel: what the types of Zarr are as a double. Integers beyond 2^53 lose their last bits.
 */
#ifndef OZX_IMAGE_PIXEL_H
#define OZX_IMAGE_PIXEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ozx_pixel {
    enum { OZX_PIXEL_BOOL, OZX_PIXEL_SIGNED, OZX_PIXEL_UNSIGNED, OZX_PIXEL_FLOAT } kind;
    uint8_t size_bytes; /* 1, 2, 4, 8 */
};

/* By the name of the data type ("uint16"); false: there is no picture of it. */
bool ozx_pixel_of(const char *data_type, struct ozx_pixel *out);

double ozx_pixel_read(struct ozx_pixel item, bool big_endian, const uint8_t *at);

/* The fill value as its JSON says it ("0", "\"NaN\"", "\"0x7fc00000\"", "true"); false: it says
 * none. */
bool ozx_pixel_fill(struct ozx_pixel item, const char *json, double *out);

#endif
