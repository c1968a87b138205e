/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks over the list where it stands in the text. Source: the thumbnails convention, RFC 2397 and
 * 3986.
 */
#include "zarr/thumbnails.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "zarr/ome_text.h"

#define SIDE_MAX 1e9
#define URI_MAX (OZX_THUMBNAIL_DATA_MAX / 3 * 4 + 256)

/* --- bytes of text ---------------------------------------------------------------------------- */

/* A value of base64, -1: it is none. */
static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* In place. False: it is no base64. */
static bool decode_base64(char *text, size_t *size_bytes)
{
    uint8_t *out = (uint8_t *)text;
    uint32_t bits = 0;
    size_t count = strlen(text), used = 0;

    while (count && text[count - 1] == '=')
        count--;
    for (size_t i = 0; i < count; i++) {
        int value = sextet(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            out[used++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    *size_bytes = used;
    return true;
}

static int hexadecimal(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

/* %20 and the like, in place; false: half of one, or NUL. */
static bool decode_percent(char *text)
{
    char *out = text;

    for (; *text; text++) {
        int high = 0, low = 0;
        if (*text != '%') {
            *out++ = *text;
            continue;
        }
        high = hexadecimal(text[1]);
        low = high < 0 ? -1 : hexadecimal(text[2]);
        if (low < 0 || !(high | low))
            return false;
        *out++ = (char)(high << 4 | low);
        text += 2;
    }
    *out = '\0';
    return true;
}

/* --- the list --------------------------------------------------------------------------------- */

/* A string, to be freed by the caller; NULL: there is none, or no memory. */
static char *take_string(const char *text, struct ozx_json_range object, const char *key)
{
    struct ozx_json_range value, string;
    size_t size;
    char *out;

    if (!ozx_json_find(text, object, key, &value) || !ozx_json_string_of(text, value, &string) ||
        string.to - string.from > URI_MAX)
        return NULL;
    out = malloc(string.to - string.from + 1);
    if (out && !ozx_json_decode(text, string, out, string.to - string.from + 1, &size)) {
        free(out);
        return NULL;
    }
    return out;
}

/* "data:image/png;base64,..." */
static bool take_data(char *uri, struct ozx_embedded *out)
{
    static const char marker[] = ";base64,";
    char *found = strstr(uri, marker);

    if (!found)
        return false;
    found += sizeof marker - 1;
    if (!decode_percent(found) || !decode_base64(found, &out->data_size_bytes))
        return false;
    memmove(uri, found, out->data_size_bytes);
    out->data = (uint8_t *)uri;
    return true;
}

/* Takes ownership of `uri` if it is of use. */
static bool take_uri(char *uri, struct ozx_embedded *out)
{
    size_t scheme = strcspn(uri, ":/?#");

    if (strncmp(uri, "data:", 5) == 0)
        return take_data(uri, out);
    if (uri[scheme] == ':' || *uri == '/' || !decode_percent(uri))
        return false;
    out->path = uri;
    return true;
}

static bool take_place(const char *text, struct ozx_json_range object, struct ozx_embedded *out)
{
    char *found = take_string(text, object, "uri");

    if (!found)
        found = take_string(text, object, "url"); /* a data URI */
    if (found && take_uri(found, out))
        return true;
    free(found);
    out->path = take_string(text, object, "path");
    return out->path;
}

static bool has_type(const char *text, struct ozx_json_range object, const char *media_type)
{
    struct ozx_json_range value, string;

    return ozx_json_find(text, object, "media_type", &value) &&
           ozx_json_string_of(text, value, &string) && ozx_json_is(text, string, media_type);
}

static bool take_sides(const char *text, struct ozx_json_range object, struct ozx_embedded *out)
{
    double width, height;

    if (!ozx_json_number_of(text, object, "width", &width) ||
        !ozx_json_number_of(text, object, "height", &height) || width < 1 || height < 1 ||
        width > SIDE_MAX || height > SIDE_MAX)
        return false;
    out->width = (uint64_t)width;
    out->height = (uint64_t)height;
    return true;
}

static uint64_t longer(const struct ozx_embedded *one)
{
    return one->width > one->height ? one->width : one->height;
}

static bool is_better(uint64_t side, uint64_t best, uint64_t size)
{
    return best < size ? side > best : side >= size && side < best;
}

int ozx_thumbnails_find(const char *text, size_t size_bytes, const char *media_type, uint64_t size,
                        struct ozx_embedded *out)
{
    struct ozx_embedded best = {.path = NULL};
    struct ozx_json_range list, element, chosen = {0, 0};
    struct ozx_json_cursor cursor;

    if (!ozx_json_find(text, ozx_attributes_text(text, size_bytes), "thumbnails", &list))
        return -ENOENT;
    cursor = ozx_json_within(text, list);
    if (!ozx_json_enter(&cursor, '['))
        return -ENOENT;
    while (ozx_json_next_element(&cursor, &element) == OZX_JSON_ITEM) {
        struct ozx_embedded one = {.path = NULL};
        if (!has_type(text, element, media_type) || !take_sides(text, element, &one) ||
            4 * longer(&one) < 3 * size ||
            (chosen.to && !is_better(longer(&one), longer(&best), size)))
            continue;
        best = one;
        chosen = element;
    }
    if (!chosen.to || !take_place(text, chosen, &best))
        return -ENOENT;
    *out = best;
    return 0;
}

void ozx_embedded_clear(struct ozx_embedded *embedded)
{
    free(embedded->path);
    free(embedded->data);
    *embedded = (struct ozx_embedded){.path = NULL};
}
