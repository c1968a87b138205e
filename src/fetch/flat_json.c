/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts are found by their quotes; braces and brackets between them say how deep one is.
 */
#include "fetch/flat_json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* Behind the text that begins at `*from`, a quote; NULL: it has no end. */
static const char *end_of_text(const char *from)
{
    for (from++; *from && *from != '"'; from++)
        if (*from == '\\' && *++from == '\0')
            return NULL;
    return *from ? from + 1 : NULL;
}

static bool is_name(const char *from, const char *end, const char *name)
{
    size_t size = (size_t)(end - from) - 2;

    return strlen(name) == size && memcmp(from + 1, name, size) == 0;
}

/* Of one that stands between these. */
static char *unescape(const char *from, const char *end)
{
    static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *text = malloc((size_t)(end - from) + 1), *to = text;

    if (!text)
        return NULL;
    while (from < end) {
        const char *found = *from == '\\' ? strchr(escaped, from[1]) : NULL;

        if (*from == '\\' && !found) {
            free(text);
            return NULL;
        }
        *to++ = found ? meant[found - escaped] : *from;
        from += found ? 2 : 1;
    }
    *to = '\0';
    return text;
}

char *ozx_flat_json_text(const char *json, const char *name)
{
    unsigned depth = 0;

    while (*json) {
        const char *end, *value;

        if (*json != '"') {
            depth += *json == '{' || *json == '[';
            depth -= depth && (*json == '}' || *json == ']');
            json++;
            continue;
        }
        end = end_of_text(json);
        if (!end)
            return NULL;
        value = end + strspn(end, BLANKS);
        if (*value != ':') {
            json = end;
            continue;
        }
        value += 1 + strspn(value + 1, BLANKS);
        if (depth == 1 && is_name(json, end, name)) {
            end = *value == '"' ? end_of_text(value) : NULL;
            return end ? unescape(value + 1, end - 1) : NULL;
        }
        json = value;
        if (*value == '"' && !(json = end_of_text(value)))
            return NULL;
    }
    return NULL;
}
