/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names made harmless. Knows nothing of ZIP.
 */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* --- UTF-8 ------------------------------------------------------------------------------------ */

size_t ozx_utf8_step(const void *text, size_t left, uint32_t *code_point)
{
    const unsigned char *p = text;
    unsigned char low = 0x80, high = 0xBF;
    uint32_t value;
    size_t size;

    *code_point = p[0];
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
    value = p[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
        value = value << 6 | (p[i] & 0x3Fu);
    }
    *code_point = value;
    return size;
}

int ozx_utf8_valid(const void *text, size_t size)
{
    const unsigned char *p = text;
    uint32_t code_point;

    for (size_t i = 0; i < size;) {
        size_t step = ozx_utf8_step(p + i, size - i, &code_point);
        if (!step)
            return 0;
        i += step;
    }
    return 1;
}

/* --- what is shown ---------------------------------------------------------------------------- */

/* Unicode 16: general category Cc, Cf, Zl, Zp; property Default_Ignorable_Code_Point; noncharacters
 * (those that end a plane are asked for apart). In order. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x0000, 0x001F},   {0x007F, 0x009F},   {0x00AD, 0x00AD},   {0x034F, 0x034F},
    {0x0600, 0x0605},   {0x061C, 0x061C},   {0x06DD, 0x06DD},   {0x070F, 0x070F},
    {0x0890, 0x0891},   {0x08E2, 0x08E2},   {0x115F, 0x1160},   {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x206F},
    {0x3164, 0x3164},   {0xFDD0, 0xFDEF},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
    {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool ozx_is_shown(uint32_t code_point)
{
    if (code_point >= 0x20 && code_point < 0x7F) /* nearly all there is */
        return true;
    if ((code_point & 0xFFFE) == 0xFFFE)
        return false;
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (code_point <= hidden[i].last)
            return code_point < hidden[i].first;
    return true;
}

/* --- escapes ---------------------------------------------------------------------------------- */

/* Room for a character whose every byte is escaped. */
#define ESCAPED_ONE_SIZE 17

/* One escaped character of the text at `p` into `out`; how many bytes it stands for. */
static size_t escape_one(char out[ESCAPED_ONE_SIZE], const unsigned char *p, size_t left,
                         bool backslash)
{
    uint32_t code_point;
    size_t size = ozx_utf8_step(p, left, &code_point);

    if (*p == '\n' || *p == '\t' || *p == '\r' || (*p == '\\' && backslash)) {
        snprintf(out, ESCAPED_ONE_SIZE, "\\%c",
                 *p == '\n' ? 'n' : *p == '\t' ? 't' : *p == '\r' ? 'r' : '\\');
        return 1;
    }
    if (size && ozx_is_shown(code_point)) {
        memcpy(out, p, size);
        out[size] = '\0';
        return size;
    }
    if (!size)
        size = 1;
    for (size_t i = 0; i < size; i++)
        snprintf(out + 4 * i, ESCAPED_ONE_SIZE - 4 * i, "\\x%02X", p[i]);
    return size;
}

static const char *escape(char *buffer, size_t buffer_size, const unsigned char *p, size_t size,
                          bool backslash)
{
    size_t used = 0, cut = 0; /* where "..." would still fit */

    if (!buffer_size)
        return buffer;
    for (size_t i = 0; i < size;) {
        char one[ESCAPED_ONE_SIZE];
        size_t step = escape_one(one, p + i, size - i, backslash);
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

const char *ozx_escape(char *buffer, size_t buffer_size, const void *name, size_t name_size)
{
    return escape(buffer, buffer_size, name, name_size, true);
}

const char *ozx_escape_message(char *buffer, size_t buffer_size, const char *text)
{
    return escape(buffer, buffer_size, (const unsigned char *)text, strlen(text), false);
}
