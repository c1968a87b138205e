/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fill_value: its text, and whether it is a value of the array's data type. Readers refuse an array
 * whose fill value is not, most of them, or differ on what it means: zarr-python takes the width of
 * a float from the number of its hexadecimal digits.
 *
 * Known are the data types of the Zarr v3 core specification, those that its register of extensions
 * has, and those that zarr-python writes besides. Of others nothing is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zarr/jansson.h"
#include "zarr/json_text.h"
#include "zarr/metadata_parse.h"

#define TEXT_MAX 64
#define STRUCT_DEPTH_MAX 8

enum kind {
    KIND_UNKNOWN,
    KIND_BOOL,
    KIND_INT,
    KIND_UINT,
    KIND_FLOAT,
    KIND_COMPLEX, /* `bits` are of one component */
    KIND_RAW,
    KIND_TEXT,
    KIND_BYTES,
    KIND_TIME, /* numpy's: an int64, or not a time */
    KIND_STRUCT,
};

struct type {
    enum kind kind;
    unsigned bits; /* 0: not looked at */
};

static const struct {
    const char *name;
    struct type type;
} types[] = {
    {"bool", {KIND_BOOL, 8}},
    {"int2", {KIND_INT, 2}},
    {"int4", {KIND_INT, 4}},
    {"int8", {KIND_INT, 8}},
    {"int16", {KIND_INT, 16}},
    {"int32", {KIND_INT, 32}},
    {"int64", {KIND_INT, 64}},
    {"uint2", {KIND_UINT, 2}},
    {"uint4", {KIND_UINT, 4}},
    {"uint8", {KIND_UINT, 8}},
    {"uint16", {KIND_UINT, 16}},
    {"uint32", {KIND_UINT, 32}},
    {"uint64", {KIND_UINT, 64}},
    {"float16", {KIND_FLOAT, 16}},
    {"float32", {KIND_FLOAT, 32}},
    {"float64", {KIND_FLOAT, 64}},
    {"bfloat16", {KIND_FLOAT, 16}},
    {"complex64", {KIND_COMPLEX, 32}},
    {"complex128", {KIND_COMPLEX, 64}},
    {"complex_float16", {KIND_COMPLEX, 16}},
    {"complex_float32", {KIND_COMPLEX, 32}},
    {"complex_float64", {KIND_COMPLEX, 64}},
    {"complex_bfloat16", {KIND_COMPLEX, 16}},
    {"string", {KIND_TEXT, 0}},
    {"fixed_length_utf32", {KIND_TEXT, 0}},
    {"bytes", {KIND_BYTES, 0}},
    {"variable_length_bytes", {KIND_BYTES, 0}},
    {"null_terminated_bytes", {KIND_BYTES, 0}},
    {"raw_bytes", {KIND_BYTES, 0}},
    {"numpy.datetime64", {KIND_TIME, 64}},
    {"numpy.timedelta64", {KIND_TIME, 64}},
    {"struct", {KIND_STRUCT, 0}},
    {"structured", {KIND_STRUCT, 0}},
};

/* "r24": raw bits. */
static struct type raw_type(const char *name)
{
    char *end;
    unsigned long bits;

    if (name[0] != 'r' || name[1] < '1' || name[1] > '9')
        return (struct type){KIND_UNKNOWN, 0};
    bits = strtoul(name + 1, &end, 10);
    if (*end || bits % 8 || bits > 1u << 16)
        return (struct type){KIND_UNKNOWN, 0};
    return (struct type){KIND_RAW, (unsigned)bits};
}

/* `json`: a data type, its name or an object that has it. */
static const char *type_name(const json_t *json)
{
    return json_string_value(json_is_object(json) ? json_object_get(json, "name") : json);
}

static struct type type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, types[i].name) == 0)
            return types[i].type;
    if (strncmp(name, "float8_", 7) == 0)
        return (struct type){KIND_FLOAT, 8};
    if (strncmp(name, "complex_float8_", 15) == 0)
        return (struct type){KIND_COMPLEX, 8};
    return raw_type(name);
}

/* --- values ----------------------------------------------------------------------------------- */

/* Integers that do not fit 64 bits with a sign are read as real, with all others of the file. */
static bool fits_real(double value, struct type type)
{
    double low = 0, high = 0x1p64;

    for (unsigned bits = 64; bits > type.bits; bits--)
        high /= 2;
    if (type.kind != KIND_UINT) {
        high /= 2;
        low = -high;
    }
    /* The largest of 64 bits is the power of two itself, as a real. */
    if (value < low || value > high || (value == high && type.bits < 64))
        return false;
    /* From 2^53 on there are no fractions. */
    return value >= 0x1p53 || value <= -0x1p53 || (double)(int64_t)value == value;
}

static bool fits_integer(json_int_t value, struct type type)
{
    if (type.kind == KIND_UINT)
        return value >= 0 && (type.bits == 64 || (uint64_t)value >> type.bits == 0);
    return type.bits == 64 || (value >= -((json_int_t)1 << (type.bits - 1)) &&
                               value < (json_int_t)1 << (type.bits - 1));
}

static bool is_integer(const struct ozx_parse *p, const json_t *value, struct type type)
{
    if (json_is_integer(value))
        return fits_integer(json_integer_value(value), type);
    return p->integers_are_real && json_is_real(value) && fits_real(json_real_value(value), type);
}

/* "0x7fc00000": as many digits as the type has. */
static bool is_hexadecimal(const char *text, unsigned bits)
{
    size_t digits = strncmp(text, "0x", 2) == 0 ? strspn(text + 2, "0123456789abcdefABCDEF") : 0;

    return digits && text[2 + digits] == '\0' && digits * 4 == bits;
}

static bool is_float(const json_t *value, unsigned bits)
{
    const char *text = json_string_value(value);

    if (!text)
        return json_is_number(value);
    return strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
           strcmp(text, "-Infinity") == 0 || is_hexadecimal(text, bits);
}

static bool is_complex(const json_t *value, unsigned bits)
{
    return json_array_size(value) == 2 && is_float(json_array_get(value, 0), bits) &&
           is_float(json_array_get(value, 1), bits);
}

static bool is_byte_list(const struct ozx_parse *p, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_integer(p, json_array_get(value, i), (struct type){KIND_UINT, 8}))
            return false;
    return json_is_array(value);
}

/* The specification counts the numbers in bits where readers take bytes; base64 is taken, too. */
static bool is_raw(const struct ozx_parse *p, const json_t *value, unsigned bits)
{
    size_t count = json_array_size(value);

    return json_is_string(value) ||
           (is_byte_list(p, value) && (count == bits || count == bits / 8));
}

static bool is_value(const struct ozx_parse *p, const json_t *data_type, const json_t *value,
                     unsigned depth);

/* An object with a value for each field; base64 of the bytes is how zarr-python writes it. */
static bool is_struct(const struct ozx_parse *p, const json_t *data_type, const json_t *value,
                      unsigned depth)
{
    const json_t *fields = json_object_get(json_object_get(data_type, "configuration"), "fields");

    if (!json_is_object(value))
        return json_is_string(value);
    for (size_t i = 0; depth < STRUCT_DEPTH_MAX && i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        const json_t *one = name ? json_object_get(value, name) : NULL;
        if (name && (!one || !is_value(p, json_object_get(field, "data_type"), one, depth + 1)))
            return false;
    }
    return true;
}

/* True of types that are not known. */
static bool is_value(const struct ozx_parse *p, const json_t *data_type, const json_t *value,
                     unsigned depth)
{
    const char *name = type_name(data_type), *text = json_string_value(value);
    struct type type = name ? type_of(name) : (struct type){KIND_UNKNOWN, 0};

    switch (type.kind) {
    case KIND_BOOL:
        return json_is_boolean(value);
    case KIND_INT:
    case KIND_UINT:
        return is_integer(p, value, type);
    case KIND_FLOAT:
        return is_float(value, type.bits);
    case KIND_COMPLEX:
        return is_complex(value, type.bits);
    case KIND_RAW:
        return is_raw(p, value, type.bits);
    case KIND_TEXT:
        return text != NULL;
    case KIND_BYTES:
        return text || is_byte_list(p, value);
    case KIND_TIME:
        return (text && strcmp(text, "NaT") == 0) ||
               is_integer(p, value, (struct type){KIND_INT, 64});
    case KIND_STRUCT:
        return is_struct(p, data_type, value, depth);
    case KIND_UNKNOWN:
        break;
    }
    return true;
}

/* --- the field -------------------------------------------------------------------------------- */

/* Integers beyond 64 bits with a sign are kept with 53 bits only: then the number as it stands in
 * the file. False: it is none of those. */
static bool find_literal(const struct ozx_parse *p, const json_t *value, char out[TEXT_MAX + 1])
{
    const struct ozx_json_cursor start = ozx_json_text(p->text, p->text_size_bytes);
    const struct ozx_json_range whole = {start.at, p->text_size_bytes};
    struct ozx_json_range found;

    if (!p->integers_are_real || !json_is_real(value) ||
        !ozx_json_find(p->text, whole, "fill_value", &found) || found.to - found.from > TEXT_MAX)
        return false;
    memcpy(out, p->text + found.from, found.to - found.from);
    out[found.to - found.from] = '\0';
    return true;
}

/* A decimal number without leading zeros; `limit` has 19 or 20 digits. */
static bool is_at_most(const char *digits, const char *limit)
{
    size_t size = strlen(digits), most = strlen(limit);

    return size < most || (size == most && strcmp(digits, limit) <= 0);
}

static bool literal_fits(const char *literal, struct type type)
{
    bool negative = literal[0] == '-';
    const char *digits = literal + negative;

    if (digits[strspn(digits, "0123456789")])
        return false;
    if (type.bits < 64)
        return fits_real(strtod(literal, NULL), type);
    if (type.kind == KIND_UINT)
        return negative ? strcmp(digits, "0") == 0 : is_at_most(digits, "18446744073709551615");
    return is_at_most(digits, negative ? "9223372036854775808" : "9223372036854775807");
}

/* `text`: the value as it is told; `is_literal`: as it stands in the file. */
static void judge(struct ozx_parse *p, const json_t *data_type, const json_t *value,
                  const char *text, bool is_literal)
{
    const char *name = type_name(data_type);
    struct type type = name ? type_of(name) : (struct type){KIND_UNKNOWN, 0};
    bool is_number = type.kind == KIND_INT || type.kind == KIND_UINT;
    bool is_whole = !strpbrk(text, ".eE");

    if (is_literal && is_number ? literal_fits(text, type) : is_value(p, data_type, value, 0))
        return;
    if (is_number && json_is_real(value) && !is_whole)
        ozx_parse_defect(p, NULL, "fill_value",
                         "is %s: a '%s' value must not have a fraction or an exponent", text, name);
    else
        ozx_parse_defect(p, NULL, "fill_value", "is %s, which is not a valid '%s' value", text,
                         name);
}

/* As JSON in a line, cut. */
static bool print_value(struct ozx_parse *p, const json_t *value, char out[TEXT_MAX + 1])
{
    size_t size;

    if (ozx_jansson_print(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII, out, TEXT_MAX,
                          &size)) {
        p->no_memory = true;
        return false;
    }
    if (size == 0 || size > TEXT_MAX)
        snprintf(out, TEXT_MAX + 1, "...");
    else
        out[size] = '\0';
    return true;
}

void ozx_parse_fill_value(struct ozx_parse *p, const json_t *root, const json_t *data_type,
                          struct ozx_array *a)
{
    const json_t *value = json_object_get(root, "fill_value");
    char text[TEXT_MAX + 1];
    bool is_literal;

    if (!value) {
        ozx_parse_defect(p, NULL, "fill_value", "is missing");
        return;
    }
    a->has_fill_value = true;
    is_literal = find_literal(p, value, text);
    if (!is_literal && !print_value(p, value, text))
        return;
    a->fill_value = ozx_parse_copy(p, text);
    if (data_type)
        judge(p, data_type, value, text, is_literal);
}
