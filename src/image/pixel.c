/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: Zarr core specification v3, data types and fill values.
 */
#include "image/pixel.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ozx_pixel_of(const char *data_type, struct ozx_pixel *out)
{
    static const struct {
        const char *name;
        struct ozx_pixel item;
    } types[] = {
        {"bool", {OZX_PIXEL_BOOL, 1}},       {"int8", {OZX_PIXEL_SIGNED, 1}},
        {"int16", {OZX_PIXEL_SIGNED, 2}},    {"int32", {OZX_PIXEL_SIGNED, 4}},
        {"int64", {OZX_PIXEL_SIGNED, 8}},    {"uint8", {OZX_PIXEL_UNSIGNED, 1}},
        {"uint16", {OZX_PIXEL_UNSIGNED, 2}}, {"uint32", {OZX_PIXEL_UNSIGNED, 4}},
        {"uint64", {OZX_PIXEL_UNSIGNED, 8}}, {"float16", {OZX_PIXEL_FLOAT, 2}},
        {"float32", {OZX_PIXEL_FLOAT, 4}},   {"float64", {OZX_PIXEL_FLOAT, 8}},
    };

    for (size_t i = 0; data_type && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, data_type) == 0) {
            *out = types[i].item;
            return true;
        }
    }
    return false;
}

/* IEEE 754 binary16. */
static double half_of(uint16_t bits)
{
    const int exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    double value;

    if (exponent == 0x1F)
        value = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(fraction + 0x400, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static double of_bits(struct ozx_pixel item, uint64_t bits)
{
    const unsigned unused = 64 - 8u * item.size_bytes;
    uint32_t half = (uint32_t)bits;
    float single;
    double value;

    switch (item.kind) {
    case OZX_PIXEL_BOOL:
        return bits != 0;
    case OZX_PIXEL_SIGNED:
        return (double)((int64_t)(bits << unused) >> unused);
    case OZX_PIXEL_UNSIGNED:
        return (double)bits;
    case OZX_PIXEL_FLOAT:
        break;
    }
    if (item.size_bytes == 2)
        return half_of((uint16_t)bits);
    if (item.size_bytes == 4) {
        memcpy(&single, &half, sizeof single);
        return single;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

double ozx_pixel_read(struct ozx_pixel item, bool big_endian, const uint8_t *at)
{
    uint64_t bits = 0;

    switch (item.size_bytes) {
    case 1:
        bits = *at;
        break;
    case 2:
        bits = big_endian ? (uint64_t)at[0] << 8 | at[1] : (uint64_t)at[1] << 8 | at[0];
        break;
    default:
        for (unsigned i = 0; i < item.size_bytes; i++)
            bits |= (uint64_t)at[i] << 8 * (big_endian ? item.size_bytes - 1u - i : i);
    }
    return of_bits(item, bits);
}

static bool fill_of_text(struct ozx_pixel item, const char *text, double *out)
{
    char *end;

    if (strcmp(text, "\"NaN\"") == 0)
        *out = (double)NAN;
    else if (strcmp(text, "\"Infinity\"") == 0)
        *out = (double)INFINITY;
    else if (strcmp(text, "\"-Infinity\"") == 0)
        *out = -(double)INFINITY;
    else if (strncmp(text, "\"0x", 3) == 0)
        *out = of_bits(item, strtoull(text + 1, &end, 16));
    else
        return false;
    return true;
}

bool ozx_pixel_fill(struct ozx_pixel item, const char *json, double *out)
{
    char *end;
    double value;

    if (!json)
        return false;
    if (strcmp(json, "true") == 0 || strcmp(json, "false") == 0) {
        *out = json[0] == 't';
        return true;
    }
    if (json[0] == '"')
        return fill_of_text(item, json, out);
    value = strtod(json, &end);
    if (end == json || *end)
        return false;
    if (item.kind == OZX_PIXEL_FLOAT && item.size_bytes == 4)
        value = (double)(float)value;
    *out = value;
    return true;
}
