/* SPDX-License-Identifier: BSD-2-Clause */
#include "info/json_stream.h"

#include <string.h>

#include "base/text.h"
#include "zarr/jansson.h"

static void begin_line(struct ozx_json_stream *s)
{
    fprintf(s->out, "\n%*s", (int)s->depth * 2, "");
}

static void begin_item(struct ozx_json_stream *s, const char *key)
{
    if (!s->is_first)
        fputc(',', s->out);
    if (s->depth)
        begin_line(s);
    if (key)
        fprintf(s->out, "\"%s\": ", key);
    s->is_first = false;
}

void ozx_json_stream_open(struct ozx_json_stream *s, const char *key, char bracket)
{
    begin_item(s, key);
    fputc(bracket, s->out);
    s->depth++;
    s->is_first = true;
}

void ozx_json_stream_close(struct ozx_json_stream *s, char bracket)
{
    s->depth--;
    if (!s->is_first)
        begin_line(s);
    fputc(bracket, s->out);
    s->is_first = false;
}

void ozx_json_stream_put(struct ozx_json_stream *s, const char *key, json_t *value)
{
    OZX_AUTO_FREE char *lines = NULL;

    if (ozx_jansson_format(value, JSON_INDENT(2) | JSON_ENCODE_ANY, &lines)) {
        s->failed = true;
    } else {
        begin_item(s, key);
        for (char *line = lines, *end; line; line = end) {
            end = strchr(line, '\n');
            if (end)
                *end++ = '\0';
            fputs(line, s->out);
            if (end)
                begin_line(s);
        }
    }
    json_decref(value);
}

void ozx_json_stream_put_members(struct ozx_json_stream *s, json_t *object)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
        ozx_json_stream_put(s, json_object_iter_key(at), json_incref(json_object_iter_value(at)));
    json_decref(object);
}

json_t *ozx_json_stream_number(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_null();
}

json_t *ozx_json_stream_text(const char *value)
{
    char escaped[2048];

    if (!value)
        return json_null();
    if (ozx_utf8_valid(value, strlen(value)))
        return json_string(value);
    return json_string(ozx_escape_message(escaped, sizeof escaped, value));
}
