/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Errors as values, and names made harmless. Knows nothing of ZIP.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ozx_error_set(struct ozx_error *error, int code, enum ozx_rule rule, uint64_t offset_bytes,
                  const char *hint, const char *format, ...)
{
    va_list args;

    error->code = code;
    error->offset_bytes = offset_bytes;
    error->rule = rule;
    snprintf(error->hint, sizeof error->hint, "%s", hint ? hint : "");
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

int ozx_error_memory(struct ozx_error *error)
{
    return ozx_error_set(error, -ENOMEM, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "out of memory");
}

int ozx_error_interrupted(struct ozx_error *error)
{
    return ozx_error_set(error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "interrupted");
}

const char *ozx_hint_no_space(int code)
{
    return code == -ENOSPC || code == -EDQUOT ? "make room, or write elsewhere" : NULL;
}

/* Length of the well-formed UTF-8 sequence at `p`, 0 if there is none (Unicode, table 3-7). */
static size_t sequence_size(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t size;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        size = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        size = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        size = 4;
    else
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (left < size || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return size;
}

int ozx_utf8_valid(const void *text, size_t size)
{
    const unsigned char *p = text;

    for (size_t i = 0; i < size;) {
        size_t step = sequence_size(p + i, size - i);
        if (!step)
            return 0;
        i += step;
    }
    return 1;
}

/* One escaped character of `name` at `p` into `out` (room for 5); how many bytes it stands for. */
static size_t escape_one(char out[5], const unsigned char *p, size_t left)
{
    size_t size = sequence_size(p, left);
    int c1_control = size == 2 && p[0] == 0xC2 && p[1] < 0xA0;
    /* Line and paragraph separators and what turns the direction of writing (U+200E, U+2028 ...). */
    int turning = size == 3 && p[0] == 0xE2 &&
                  ((p[1] == 0x80 && ((p[2] >= 0xA8 && p[2] <= 0xAE) || p[2] == 0x8E || p[2] == 0x8F)) ||
                   (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9));

    if (*p == '\n' || *p == '\t' || *p == '\r' || *p == '\\') {
        snprintf(out, 5, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : *p == '\r' ? 'r' : '\\');
        return 1;
    }
    if (size == 0 || *p < 0x20 || *p == 0x7F || c1_control || turning) {
        snprintf(out, 5, "\\x%02X", *p);
        return 1;
    }
    memcpy(out, p, size);
    out[size] = '\0';
    return size;
}

const char *ozx_escape(char *buffer, size_t buffer_size, const void *name, size_t name_size)
{
    const unsigned char *p = name;
    size_t used = 0, cut = 0; /* where "..." would still fit */

    if (!buffer_size)
        return buffer;
    for (size_t i = 0; i < name_size;) {
        char one[5];
        size_t step = escape_one(one, p + i, name_size - i);
        size_t length = strlen(one); /* a NUL byte is \x00 by now */
        if (used + length + 1 > buffer_size) {
            used = cut + (size_t)snprintf(buffer + cut, buffer_size - cut, "%s",
                                          buffer_size >= 4 ? "..." : "");
            break;
        }
        memcpy(buffer + used, one, length);
        used += length;
        if (used + 4 <= buffer_size)
            cut = used;
        i += step;
    }
    buffer[used] = '\0';
    return buffer;
}
