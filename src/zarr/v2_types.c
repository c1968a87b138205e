/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The types of Zarr v2, which are those of NumPy's array interface: "<f8", "|S3", ">M8[25s]".
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "zarr/v2_parts.h"

/* NumPy's times. */
static const char *const units[] = {"Y",  "M",  "W",  "D",  "h",  "m",  "s",
                                    "ms", "us", "ns", "ps", "fs", "as", "generic"};

static int refuse(const struct ozx_v2_value *value, const char *field, const char *why,
                  struct ozx_error *error)
{
    char shown[OZX_ESCAPED_SIZE];

    return OZX_V2_REFUSE(error, "%s: %s %s", field, ozx_v2_show(value, shown), why);
}

static bool read_number(const char **at, uint32_t *out)
{
    uint64_t number = 0;
    const char *start = *at;

    for (; isdigit((unsigned char)**at) && *at - start < 10; (*at)++)
        number = number * 10 + (uint64_t)(**at - '0');
    *out = (uint32_t)number;
    return *at > start && number <= INT32_MAX;
}

/* Behind "M8": "[25s]", or nothing. */
static bool read_unit(const char *at, struct ozx_v2_type *type)
{
    size_t size;

    type->factor = 1;
    strcpy(type->unit, "generic");
    if (!*at)
        return true;
    if (*at++ != '[')
        return false;
    if (isdigit((unsigned char)*at) && (!read_number(&at, &type->factor) || !type->factor))
        return false;
    size = strcspn(at, "]");
    if (strcmp(at + size, "]") != 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i]) == size && memcmp(units[i], at, size) == 0) {
            strcpy(type->unit, units[i]);
            return true;
        }
    return false;
}

/* Its kind and what is behind it; false: not a type that v3 has. */
static bool read_kind(const char *at, struct ozx_v2_type *type)
{
    static const struct {
        char letter;
        enum ozx_v2_kind kind;
        const char *sizes; /* as digits */
    } kinds[] = {
        {'b', OZX_V2_BOOL, "1"},       {'i', OZX_V2_INT, "1248"},   {'u', OZX_V2_UINT, "1248"},
        {'f', OZX_V2_FLOAT, "248"},    {'c', OZX_V2_COMPLEX, "8"},  {'U', OZX_V2_UTF32, NULL},
        {'S', OZX_V2_BYTES, NULL},     {'V', OZX_V2_RAW, NULL},     {'M', OZX_V2_DATETIME, "8"},
        {'m', OZX_V2_TIMEDELTA, "8"},  {'O', OZX_V2_OBJECT, ""},
    };
    size_t i = 0, count = sizeof kinds / sizeof kinds[0];
    const char *sizes;

    while (i < count && kinds[i].letter != *at)
        i++;
    if (i == count)
        return false;
    at++;
    type->kind = kinds[i].kind;
    sizes = kinds[i].sizes;
    if (type->kind == OZX_V2_OBJECT)
        return !*at;
    if (!read_number(&at, &type->size_bytes) || !type->size_bytes)
        return false;
    if (type->kind == OZX_V2_UTF32 && type->size_bytes <= OZX_V2_ITEM_MAX)
        type->size_bytes *= 4;
    if (type->kind == OZX_V2_DATETIME || type->kind == OZX_V2_TIMEDELTA)
        return type->size_bytes == 8 && read_unit(at, type);
    if (*at)
        return false;
    if (!sizes)
        return type->size_bytes <= OZX_V2_ITEM_MAX;
    return (type->size_bytes < 10 && strchr(sizes, (int)('0' + type->size_bytes))) ||
           (type->kind == OZX_V2_COMPLEX && type->size_bytes == 16);
}

int ozx_v2_type(const struct ozx_v2_value *value, const char *field, struct ozx_v2_type *out,
                struct ozx_error *error)
{
    struct ozx_v2_type type = {.order = '|'};
    char name[64];
    bool has_order;

    if (ozx_v2_first(value) == '[')
        return refuse(value, field, "is a structured type, which Zarr v3 cannot express", error);
    if (!ozx_v2_string(value, name, sizeof name) || !name[0] || !strchr("<>|", name[0]))
        return refuse(value, field, "is not a type of Zarr v2", error);
    if (!read_kind(name + 1, &type))
        return refuse(value, field, "is a type that Zarr v3 does not have", error);
    has_order = type.size_bytes > 1 && type.kind != OZX_V2_BYTES && type.kind != OZX_V2_RAW &&
                type.kind != OZX_V2_OBJECT;
    if (has_order && name[0] == '|')
        return refuse(value, field, "states no byte order", error);
    if (!has_order && name[0] != '|' && (type.kind == OZX_V2_OBJECT || type.size_bytes > 1))
        return refuse(value, field, "states a byte order, and has none", error);
    if (has_order)
        type.order = name[0];
    *out = type;
    return 0;
}

bool ozx_v2_same_type(const struct ozx_v2_type *a, const struct ozx_v2_type *b)
{
    return a->kind == b->kind && a->order == b->order && a->size_bytes == b->size_bytes &&
           a->factor == b->factor && strcmp(a->unit, b->unit) == 0;
}

bool ozx_v2_is_numeric(const struct ozx_v2_type *type)
{
    return type->kind == OZX_V2_INT || type->kind == OZX_V2_UINT || type->kind == OZX_V2_FLOAT;
}

const char *ozx_v2_type_name(const struct ozx_v2_type *type, char out[24])
{
    static const char *const names[] = {[OZX_V2_BOOL] = "bool",
                                        [OZX_V2_INT] = "int",
                                        [OZX_V2_UINT] = "uint",
                                        [OZX_V2_FLOAT] = "float",
                                        [OZX_V2_COMPLEX] = "complex"};

    if (type->kind == OZX_V2_BOOL)
        return names[OZX_V2_BOOL];
    snprintf(out, 24, "%s%u", names[type->kind], 8 * type->size_bytes);
    return out;
}

void ozx_v2_put_type(const struct ozx_v2_type *type, struct ozx_text *out)
{
    char name[24];

    switch (type->kind) {
    case OZX_V2_UTF32:
    case OZX_V2_BYTES:
    case OZX_V2_RAW:
        ozx_text_format(out, "{\"name\":\"%s\",\"configuration\":{\"length_bytes\":%u}}",
                        type->kind == OZX_V2_UTF32   ? "fixed_length_utf32"
                        : type->kind == OZX_V2_BYTES ? "null_terminated_bytes"
                                                     : "raw_bytes",
                        type->size_bytes);
        break;
    case OZX_V2_DATETIME:
    case OZX_V2_TIMEDELTA:
        ozx_text_format(
            out,
            "{\"name\":\"numpy.%s64\",\"configuration\":{\"unit\":\"%s\",\"scale_factor\":%u}}",
            type->kind == OZX_V2_DATETIME ? "datetime" : "timedelta", type->unit, type->factor);
        break;
    case OZX_V2_OBJECT:
        ozx_text_put(out, "\"string\"");
        break;
    default:
        ozx_text_format(out, "\"%s\"", ozx_v2_type_name(type, name));
    }
}
