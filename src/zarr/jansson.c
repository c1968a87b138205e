/* SPDX-License-Identifier: BSD-2-Clause
 *
 * jansson, and whether it got the memory that it asked for.
 */
#include "zarr/jansson.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The only way to learn it: jansson takes its memory through these. */
static pthread_once_t watched = PTHREAD_ONCE_INIT;
static json_malloc_t unwatched_malloc;
static json_free_t unwatched_free;
static _Thread_local bool lacked_memory;

static void *watched_malloc(size_t size)
{
    void *got = unwatched_malloc(size);

    lacked_memory |= !got;
    return got;
}

static void watch(void)
{
    json_get_alloc_funcs(&unwatched_malloc, &unwatched_free);
    json_set_alloc_funcs(watched_malloc, unwatched_free);
}

static void begin(void)
{
    pthread_once(&watched, watch);
    lacked_memory = false;
}

int ozx_jansson_load(const char *text, size_t size_bytes, size_t flags, json_t **out,
                   json_error_t *json_error)
{
    json_t *json;

    begin();
    json = json_loadb(text, size_bytes, flags, json_error);
    if (lacked_memory) {
        json_decref(json);
        return -ENOMEM;
    }
    if (!json)
        return -EBADMSG;
    *out = json;
    return 0;
}

/* The characters of a text that are not shown, as it has none outside of its strings but newlines.
 */
static size_t count_hidden(const char *text, size_t size)
{
    size_t count = 0;
    uint32_t c;

    for (size_t i = 0; i < size;) {
        size_t step;
        if ((unsigned char)text[i] < 0x7F) { /* nearly all there is */
            i++;
            continue;
        }
        step = ozx_utf8_step(text + i, size - i, &c);
        count += step && c >= 0x7F && !ozx_is_shown(c);
        i += step ? step : 1;
    }
    return count;
}

/* One as \uXXXX, or two such beyond U+FFFF (RFC 8259, section 7). */
static int put_escape(char *out, size_t room, uint32_t c)
{
    if (c < 0x10000)
        return snprintf(out, room, "\\u%04X", c);
    return snprintf(out, room, "\\u%04X\\u%04X", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
}

/* jansson leaves DEL and all beyond ASCII as it is. `text` is freed, or becomes `*out`. */
static int escape_hidden(char *text, char **out)
{
    size_t size = strlen(text), hidden = count_hidden(text, size), used = 0;
    size_t room = size + hidden * strlen("\\uXXXX\\uXXXX") + 1;
    char *escaped;
    uint32_t c;

    if (!hidden) {
        *out = text;
        return 0;
    }
    escaped = malloc(room);
    for (size_t i = 0; escaped && i < size;) {
        size_t step = ozx_utf8_step(text + i, size - i, &c);
        if (step && c >= 0x7F && !ozx_is_shown(c)) {
            used += (size_t)put_escape(escaped + used, room - used, c);
            i += step;
        } else {
            for (size_t end = i + (step ? step : 1); i < end; i++)
                escaped[used++] = text[i];
        }
    }
    free(text);
    if (!escaped)
        return -ENOMEM;
    escaped[used] = '\0';
    *out = escaped;
    return 0;
}

int ozx_jansson_format(const json_t *json, size_t flags, char **out)
{
    char *text;

    begin();
    text = json ? json_dumps(json, flags) : NULL;
    if (!text || lacked_memory) {
        unwatched_free(text);
        return -ENOMEM;
    }
    return escape_hidden(text, out);
}

json_t *ozx_jansson_file_name(const char *name)
{
    return name && ozx_utf8_valid(name, strlen(name)) ? json_string(name) : json_null();
}

int ozx_jansson_print(const json_t *json, size_t flags, char *buffer, size_t room_bytes,
                   size_t *size_bytes)
{
    size_t size;

    begin();
    size = json_dumpb(json, buffer, room_bytes, flags);
    if (lacked_memory)
        return -ENOMEM;
    *size_bytes = size;
    return 0;
}

void ozx_jansson_seed(void)
{
    json_object_seed(0);
}
