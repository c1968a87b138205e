/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fill values. A number keeps its digits, so that all of an uint64 and of a double is there; what a
 * writer of v2 put down in another form (0.0 or "0" for an integer, 1 for true) is put right.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "zarr/fill_float.h"
#include "zarr/v2_parts.h"

#define NUMBER_MAX 400 /* bytes of a number that is looked at */

static int refuse(const struct ozx_v2_value *value, const struct ozx_v2_type *type,
                  struct ozx_error *error)
{
    struct ozx_text name = {.bytes = NULL};
    char shown[OZX_ESCAPED_SIZE];

    ozx_v2_put_type(type, &name);
    OZX_V2_REFUSE(error, "fill_value: %s is not a value of %s", ozx_v2_show(value, shown),
                  name.bytes ? name.bytes : "its type");
    ozx_text_free(&name);
    return error->code;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* The digits of a number, or of a string that is one. */
static bool take_number(const struct ozx_v2_value *value, char out[NUMBER_MAX])
{
    size_t size = ozx_v2_size(value);
    char *end;

    if (ozx_v2_first(value) == '"') {
        if (!ozx_v2_string(value, out, NUMBER_MAX))
            return false;
    } else if (ozx_v2_is_number(value) && size < NUMBER_MAX) {
        memcpy(out, value->text + value->range.from, size);
        out[size] = '\0';
    } else if (ozx_v2_is_word(value, "true") || ozx_v2_is_word(value, "false")) {
        strcpy(out, ozx_v2_first(value) == 't' ? "1" : "0");
    } else {
        return false;
    }
    /* As JSON writes them: no '+', no hexadecimal, digits on both sides of the point. */
    end = out + (*out == '-');
    if (!isdigit((unsigned char)*end) || (*end == '0' && isdigit((unsigned char)end[1])))
        return false;
    end += strspn(end, "0123456789");
    if (*end == '.') {
        size = strspn(++end, "0123456789");
        if (!size)
            return false;
        end += size;
    }
    if (*end == 'e' || *end == 'E') {
        end += 1 + (end[1] == '+' || end[1] == '-');
        size = strspn(end, "0123456789");
        if (!size)
            return false;
        end += size;
    }
    return !*end;
}

/* A decimal without sign and leading zeros. */
static bool is_at_most(const char *digits, uint64_t limit)
{
    char most[24];
    size_t size = strlen(digits), most_size;

    snprintf(most, sizeof most, "%llu", (unsigned long long)limit);
    most_size = strlen(most);
    return size < most_size || (size == most_size && strcmp(digits, most) <= 0);
}

static int put_integer(const struct ozx_v2_type *type, const struct ozx_v2_value *value,
                       struct ozx_text *out, struct ozx_error *error)
{
    char number[NUMBER_MAX];
    uint32_t bits = 8 * type->size_bytes;
    uint64_t limit = type->kind == OZX_V2_UINT ? UINT64_MAX >> (64 - bits)
                                               : (UINT64_C(1) << (bits - 1)) - 1;
    bool negative;

    if (!take_number(value, number))
        return refuse(value, type, error);
    if (strpbrk(number, ".eE")) {
        double whole = strtod(number, NULL);
        if (!isfinite(whole) || fabs(whole) >= 0x1p64 ||
            fabs(whole) != (double)(uint64_t)fabs(whole))
            return refuse(value, type, error);
        snprintf(number, sizeof number, "%.0f", whole);
    }
    negative = *number == '-' && strcmp(number, "-0") != 0;
    if ((negative && type->kind == OZX_V2_UINT) ||
        !is_at_most(number + (*number == '-'), limit + negative))
        return refuse(value, type, error);
    ozx_text_put(out, number + (*number == '-' && !negative));
    return 0;
}

/* One float of the type's width, or a component of a complex number. */
static bool put_float(const char *name, const struct ozx_v2_value *value, struct ozx_text *out)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    char number[NUMBER_MAX];
    double rounded = 0;

    for (size_t i = 0; i < 3; i++)
        if (ozx_v2_is_word(value, words[i]) ||
            (ozx_v2_string(value, number, sizeof number) && strcmp(number, words[i]) == 0)) {
            ozx_text_format(out, "\"%s\"", words[i]);
            return true;
        }
    if (!take_number(value, number) || !ozx_fill_float(name, number, false, &rounded))
        return false;
    if (isinf(rounded)) { /* more than the type holds, to every reader of v2 */
        ozx_text_put(out, rounded < 0 ? "\"-Infinity\"" : "\"Infinity\"");
        return true;
    }
    if (strcmp(number, "-0") == 0) /* an integer, whose zero has no sign */
        strcpy(number, "0");
    ozx_text_put(out, number);
    if (!strpbrk(number, ".eE"))
        ozx_text_put(out, ".0");
    return true;
}

/* A pair, each as a float of half the width. */
static bool put_complex(const struct ozx_v2_type *type, const struct ozx_v2_value *value,
                        struct ozx_text *out)
{
    struct ozx_json_cursor cursor = ozx_json_within(value->text, value->range);
    struct ozx_v2_value part = {.text = value->text};
    const char *name = type->size_bytes == 8 ? "float32" : "float64";

    if (!ozx_json_enter(&cursor, '['))
        return false;
    for (int i = 0; i < 2; i++) {
        ozx_text_put(out, i ? "," : "[");
        if (ozx_json_next_element(&cursor, &part.range) != OZX_JSON_ITEM ||
            !put_float(name, &part, out))
            return false;
    }
    ozx_text_put(out, "]");
    return ozx_json_next_element(&cursor, &part.range) == OZX_JSON_END;
}

/* --- texts and bytes -------------------------------------------------------------------------- */

/* How many bytes a text of base64 (RFC 4648, padded) stands for; false: it is none. */
static bool base64_size(const char *text, size_t size, size_t *bytes)
{
    size_t padding = 0;

    if (size % 4)
        return false;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < size - padding; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    *bytes = size / 4 * 3 - padding;
    return true;
}

/* v3 has the same base64 for both kinds of bytes as v2. */
static bool put_bytes(const struct ozx_v2_type *type, const struct ozx_v2_value *value,
                      struct ozx_text *out)
{
    size_t room = ozx_v2_size(value) + 1, bytes;
    OZX_AUTO_FREE char *text = malloc(room);

    if (!text) {
        out->no_memory = true;
        return true;
    }
    if (!ozx_v2_string(value, text, room) || !base64_size(text, strlen(text), &bytes) ||
        bytes > type->size_bytes || (type->kind == OZX_V2_RAW && bytes != type->size_bytes))
        return false;
    ozx_text_string(out, text);
    return true;
}

static void put_zero_bytes(uint32_t size, struct ozx_text *out)
{
    ozx_text_put(out, "\"");
    for (; size >= 3; size -= 3)
        ozx_text_put(out, "AAAA");
    ozx_text_put(out, size == 2 ? "AAA=\"" : size == 1 ? "AA==\"" : "\"");
}

/* Writers of v2 put down 0 for objects, whatever they are; zarr-python reads the text of the
 * number. */
static bool put_string(const struct ozx_v2_type *type, const struct ozx_v2_value *value,
                       struct ozx_text *out)
{
    int64_t number;

    if (ozx_v2_first(value) == '"')
        ozx_v2_copy(out, value);
    else if (type->kind == OZX_V2_OBJECT && ozx_v2_integer(value, &number))
        ozx_text_format(out, "\"%lld\"", (long long)number);
    else
        return false;
    return true;
}

static bool put_time(const struct ozx_v2_value *value, struct ozx_text *out)
{
    char word[8];
    int64_t number;

    if (ozx_v2_integer(value, &number)) {
        if (number == INT64_MIN)
            ozx_text_put(out, "\"NaT\"");
        else
            ozx_text_format(out, "%lld", (long long)number);
        return true;
    }
    if (!ozx_v2_string(value, word, sizeof word) || strcmp(word, "NaT") != 0)
        return false;
    ozx_text_put(out, "\"NaT\"");
    return true;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool put_bool(const struct ozx_v2_value *value, struct ozx_text *out)
{
    bool is_true = ozx_v2_is_word(value, "true");
    char number[NUMBER_MAX];

    if (!is_true && !ozx_v2_is_word(value, "false")) {
        if (!ozx_v2_is_number(value) || !take_number(value, number))
            return false;
        is_true = strtod(number, NULL) != 0;
    }
    ozx_text_put(out, is_true ? "true" : "false");
    return true;
}

static void put_zero(const struct ozx_v2_type *type, struct ozx_text *out)
{
    static const char *const zeros[] = {[OZX_V2_BOOL] = "false",
                                        [OZX_V2_INT] = "0",
                                        [OZX_V2_UINT] = "0",
                                        [OZX_V2_FLOAT] = "0.0",
                                        [OZX_V2_COMPLEX] = "[0.0,0.0]",
                                        [OZX_V2_UTF32] = "\"\"",
                                        [OZX_V2_BYTES] = "\"\"",
                                        [OZX_V2_RAW] = NULL,
                                        [OZX_V2_DATETIME] = "\"NaT\"",
                                        [OZX_V2_TIMEDELTA] = "\"NaT\"",
                                        [OZX_V2_OBJECT] = "\"\""};

    if (zeros[type->kind])
        ozx_text_put(out, zeros[type->kind]);
    else
        put_zero_bytes(type->size_bytes, out);
}

int ozx_v2_put_fill(const struct ozx_v2_type *type, const struct ozx_v2_value *value,
                    struct ozx_text *out, struct ozx_v2_report *report, struct ozx_error *error)
{
    char name[24];
    bool right = false;

    if (!value) {
        report->said |= OZX_V2_FILL_NULL;
        put_zero(type, out);
        return 0;
    }
    switch (type->kind) {
    case OZX_V2_BOOL:
        right = put_bool(value, out);
        break;
    case OZX_V2_INT:
    case OZX_V2_UINT:
        return put_integer(type, value, out, error);
    case OZX_V2_FLOAT:
        right = put_float(ozx_v2_type_name(type, name), value, out);
        break;
    case OZX_V2_COMPLEX:
        right = put_complex(type, value, out);
        break;
    case OZX_V2_BYTES:
    case OZX_V2_RAW:
        right = put_bytes(type, value, out);
        break;
    case OZX_V2_DATETIME:
    case OZX_V2_TIMEDELTA:
        right = put_time(value, out);
        break;
    case OZX_V2_UTF32:
    case OZX_V2_OBJECT:
        right = put_string(type, value, out);
        break;
    }
    return right ? 0 : refuse(value, type, error);
}
