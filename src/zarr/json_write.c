/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Growing by half; JSON's way with strings and numbers.
 */
#include "zarr/json_write.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ozx_text_add(struct ozx_text *text, const char *bytes, size_t size_bytes)
{
    size_t wanted = text->size_bytes + size_bytes + 1;

    if (text->no_memory)
        return;
    if (wanted > text->room) {
        size_t larger = text->room + text->room / 2 + 256;
        char *moved;

        if (larger < wanted)
            larger = wanted;
        moved = realloc(text->bytes, larger);
        if (!moved) {
            text->no_memory = true;
            return;
        }
        text->bytes = moved;
        text->room = larger;
    }
    memcpy(text->bytes + text->size_bytes, bytes, size_bytes);
    text->size_bytes += size_bytes;
    text->bytes[text->size_bytes] = '\0';
}

void ozx_text_put(struct ozx_text *text, const char *terminated)
{
    ozx_text_add(text, terminated, strlen(terminated));
}

void ozx_text_format(struct ozx_text *text, const char *format, ...)
{
    char buffer[256];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    if (size > 0)
        ozx_text_add(text, buffer, (size_t)size < sizeof buffer ? (size_t)size : sizeof buffer - 1);
}

void ozx_text_string(struct ozx_text *text, const char *utf8)
{
    ozx_text_put(text, "\"");
    for (const char *at = utf8; *at; at++) {
        if (*at == '"' || *at == '\\') {
            char escaped[] = {'\\', *at};
            ozx_text_add(text, escaped, sizeof escaped);
        } else if ((unsigned char)*at < 0x20) {
            ozx_text_format(text, "\\u%04x", (unsigned char)*at);
        } else {
            ozx_text_add(text, at, 1);
        }
    }
    ozx_text_put(text, "\"");
}

void ozx_text_number(struct ozx_text *text, double number)
{
    char buffer[40];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, sizeof buffer, "%.*g", digits, number);
        if (strtod(buffer, NULL) == number)
            break;
    }
    ozx_text_put(text, buffer);
    if (!strpbrk(buffer, ".e"))
        ozx_text_put(text, ".0");
}
