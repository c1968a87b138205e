/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of a JSON text.
 */
#include "zarr/v2_parts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "zarr/json.h"

static int explain(const struct ozx_json_problem *problem, struct ozx_error *error)
{
    char escaped[sizeof problem->json.text];
    const char *why = problem->json.text;

    if (problem->bound)
        return OZX_V2_REFUSE(error, "is not parsed: %s", problem->bound);
    return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, "fix the JSON",
                         "is not JSON: %s (line %d, column %d)",
                         ozx_escape(escaped, sizeof escaped, why, strlen(why)), problem->json.line,
                         problem->json.column);
}

int ozx_v2_load(const char *text, size_t size_bytes, struct ozx_v2_value *out,
                struct ozx_error *error)
{
    OZX_AUTO_JSON json_t *json = NULL;
    struct ozx_json_problem problem;
    struct ozx_json_cursor cursor = ozx_json_text(text, size_bytes);
    int failure = ozx_json_parse(text, size_bytes, &json, NULL, &problem);

    if (failure == -ENOMEM)
        return ozx_error_memory(error);
    if (failure)
        return explain(&problem, error);
    if (!json_is_object(json))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, "fix the JSON",
                             "is not a JSON object");
    while (cursor.at < cursor.end && text[cursor.at] != '{')
        cursor.at++;
    *out = (struct ozx_v2_value){text, {cursor.at, size_bytes}};
    return 0;
}

bool ozx_v2_find(const struct ozx_v2_value *object, const char *key, struct ozx_v2_value *out)
{
    out->text = object->text;
    return ozx_json_find(object->text, object->range, key, &out->range) &&
           !ozx_v2_is_word(out, "null");
}

bool ozx_v2_is_word(const struct ozx_v2_value *value, const char *word)
{
    size_t size = strlen(word);

    return ozx_v2_size(value) == size && memcmp(value->text + value->range.from, word, size) == 0;
}

bool ozx_v2_is_number(const struct ozx_v2_value *value)
{
    char first = ozx_v2_first(value);

    return isdigit((unsigned char)first) ||
           (first == '-' && !ozx_v2_is_word(value, "-Infinity"));
}

bool ozx_v2_integer(const struct ozx_v2_value *value, int64_t *out)
{
    size_t size = ozx_v2_size(value);
    char digits[24], *end;
    long long number;

    if (!ozx_v2_is_number(value) || size >= sizeof digits)
        return false;
    memcpy(digits, value->text + value->range.from, size);
    digits[size] = '\0';
    errno = 0;
    number = strtoll(digits, &end, 10);
    if (*end || errno)
        return false;
    *out = number;
    return true;
}

bool ozx_v2_string(const struct ozx_v2_value *value, char *out, size_t room_bytes)
{
    struct ozx_json_range string;
    size_t size;

    return ozx_json_string_of(value->text, value->range, &string) &&
           ozx_json_decode(value->text, string, out, room_bytes, &size);
}

const char *ozx_v2_show(const struct ozx_v2_value *value, char out[OZX_ESCAPED_SIZE])
{
    size_t size = ozx_v2_size(value);

    return ozx_escape(out, 64, value->text + value->range.from, size);
}
