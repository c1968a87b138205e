/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rounding by hand, as there are no 16-bit floats in C11, and frexp and its kin would need libm.
 */
#include "zarr/fill_float.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE_BIAS 1023
#define DOUBLE_MANTISSA 52

static const struct format {
    const char *name;
    int exponent_bits, mantissa_bits; /* the mantissa without its leading 1 */
} formats[] = {
    {"float16", 5, 10},         {"float32", 8, 23},         {"float64", 11, 52},
    {"bfloat16", 8, 7},         {"complex64", 8, 23},       {"complex128", 11, 52},
    {"complex_float16", 5, 10}, {"complex_float32", 8, 23}, {"complex_float64", 11, 52},
    {"complex_bfloat16", 8, 7},
};

static const struct format *find_format(const char *data_type)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(data_type, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}

static double of_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* 2 to that power, -1022 ... 1023. */
static double power(int exponent)
{
    return of_bits((uint64_t)(exponent + DOUBLE_BIAS) << DOUBLE_MANTISSA);
}

/* The exponent of the smallest number that is not denormal. */
static int least_exponent(const struct format *f)
{
    return 2 - (1 << (f->exponent_bits - 1));
}

/* To the nearest value of the format, of two to the even one. */
static double rounded(double value, const struct format *f)
{
    int cut = DOUBLE_MANTISSA - f->mantissa_bits;
    double magic;
    uint64_t bits;

    if (cut == 0 || !isfinite(value))
        return value;
    if (fabs(value) < power(least_exponent(f))) {
        /* Of denormal numbers the last bit has one place: the sum has no room for what is below. */
        magic = 1.5 * power(least_exponent(f) + cut);
        return value + magic - magic;
    }
    bits = bits_of(value);
    bits += (UINT64_C(1) << (cut - 1)) - 1 + (bits >> cut & 1);
    bits &= ~((UINT64_C(1) << cut) - 1);
    value = of_bits(bits);
    if (fabs(value) >= 2 * power(1 - least_exponent(f)))
        return value < 0 ? -HUGE_VAL : HUGE_VAL;
    return value;
}

/* The bits of a value of the format; false: not as many digits as it has. */
static bool read_bits(const char *digits, const struct format *f, double *value)
{
    int size = 1 + f->exponent_bits + f->mantissa_bits;
    uint64_t bits, mantissa, exponent;
    double magnitude;
    char *end;

    if (strlen(digits) != (size_t)size / 4 ||
        strspn(digits, "0123456789abcdefABCDEF") != (size_t)size / 4)
        return false;
    bits = strtoull(digits, &end, 16);
    if (size == 64) {
        *value = of_bits(bits);
        return true;
    }
    mantissa = bits & ((UINT64_C(1) << f->mantissa_bits) - 1);
    exponent = bits >> f->mantissa_bits & ((UINT64_C(1) << f->exponent_bits) - 1);
    if (exponent == (UINT64_C(1) << f->exponent_bits) - 1)
        magnitude = mantissa ? (double)NAN : HUGE_VAL;
    else if (exponent == 0)
        magnitude = (double)mantissa * power(least_exponent(f) - f->mantissa_bits);
    else
        magnitude = (double)(mantissa | UINT64_C(1) << f->mantissa_bits) *
                    power((int)exponent - 1 + least_exponent(f) - f->mantissa_bits);
    *value = bits >> (size - 1) ? -magnitude : magnitude;
    return true;
}

bool ozx_fill_float(const char *data_type, const char *text, bool is_string, double *value)
{
    const struct format *f = find_format(data_type);
    bool negative = *text == '-';
    double number;
    char *end;

    if (!f)
        return false;
    if (is_string && strncmp(text, "0x", 2) == 0)
        return read_bits(text + 2, f, value);
    if (strcmp(text, "NaN") == 0 || strcmp(text + negative, "Infinity") == 0) {
        *value = *text == 'N' ? (double)NAN : negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (is_string || !*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    number = strtod(text, &end);
    if (*end)
        return false;
    *value = rounded(number, f);
    return true;
}
