/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A walk over brackets, strings and commas. Brackets of one kind may close those of the other
 * within a value that is passed over: whoever needs to know that a text is JSON asks a parser.
 */
#include "zarr/json_text.h"

#include <stdint.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void pass_space(struct ozx_json_cursor *c)
{
    while (c->at < c->end && is_space(c->text[c->at]))
        c->at++;
}

/* From the opening quote to behind the closing one. */
static bool pass_string(struct ozx_json_cursor *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (c->text[c->at] == '"') {
            c->at++;
            return true;
        }
        c->at += c->text[c->at] == '\\';
    }
    c->at = c->end;
    return false;
}

static bool pass_brackets(struct ozx_json_cursor *c)
{
    size_t depth = 0;

    while (c->at < c->end) {
        char one = c->text[c->at];
        if (one == '"') {
            if (!pass_string(c))
                return false;
            continue;
        }
        c->at++;
        if (one == '{' || one == '[')
            depth++;
        else if ((one == '}' || one == ']') && --depth == 0)
            return true;
    }
    return false;
}

/* A number, or a word: true, NaN, -Infinity. */
static bool pass_word(struct ozx_json_cursor *c)
{
    size_t start = c->at;

    while (c->at < c->end && !is_space(c->text[c->at]) && !strchr(",:]}[{\"", c->text[c->at]))
        c->at++;
    return c->at > start;
}

static bool pass_value(struct ozx_json_cursor *c, struct ozx_json_range *value)
{
    bool right;

    pass_space(c);
    if (c->at == c->end)
        return false;
    value->from = c->at;
    right = c->text[c->at] == '"'                            ? pass_string(c)
            : c->text[c->at] == '{' || c->text[c->at] == '[' ? pass_brackets(c)
                                                             : pass_word(c);
    value->to = c->at;
    return right;
}

struct ozx_json_cursor ozx_json_text(const char *text, size_t size_bytes)
{
    bool marked = size_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;

    return (struct ozx_json_cursor){.text = text, .at = marked ? 3 : 0, .end = size_bytes};
}

struct ozx_json_cursor ozx_json_within(const char *text, struct ozx_json_range value)
{
    return (struct ozx_json_cursor){.text = text, .at = value.from, .end = value.to};
}

bool ozx_json_enter(struct ozx_json_cursor *cursor, char bracket)
{
    pass_space(cursor);
    if (cursor->at == cursor->end || cursor->text[cursor->at] != bracket)
        return false;
    cursor->at++;
    cursor->first = true;
    return true;
}

/* The comma in front of the next item, or the end. */
static enum ozx_json_step next(struct ozx_json_cursor *c, char closing)
{
    bool first = c->first;

    c->first = false;
    pass_space(c);
    if (c->at == c->end)
        return OZX_JSON_WRONG;
    if (c->text[c->at] == closing) {
        c->at++;
        return OZX_JSON_END;
    }
    if (first)
        return OZX_JSON_ITEM;
    if (c->text[c->at] != ',')
        return OZX_JSON_WRONG;
    c->at++;
    pass_space(c);
    return OZX_JSON_ITEM;
}

enum ozx_json_step ozx_json_next_member(struct ozx_json_cursor *cursor,
                                        struct ozx_json_member *member)
{
    enum ozx_json_step step = next(cursor, '}');

    if (step != OZX_JSON_ITEM)
        return step;
    if (cursor->at == cursor->end || cursor->text[cursor->at] != '"')
        return OZX_JSON_WRONG;
    member->start = cursor->at;
    if (!pass_string(cursor))
        return OZX_JSON_WRONG;
    member->key = (struct ozx_json_range){member->start + 1, cursor->at - 1};
    pass_space(cursor);
    if (cursor->at == cursor->end || cursor->text[cursor->at] != ':')
        return OZX_JSON_WRONG;
    cursor->at++;
    return pass_value(cursor, &member->value) ? OZX_JSON_ITEM : OZX_JSON_WRONG;
}

enum ozx_json_step ozx_json_next_element(struct ozx_json_cursor *cursor,
                                         struct ozx_json_range *value)
{
    enum ozx_json_step step = next(cursor, ']');

    if (step != OZX_JSON_ITEM)
        return step;
    return pass_value(cursor, value) ? OZX_JSON_ITEM : OZX_JSON_WRONG;
}

/* --- strings ---------------------------------------------------------------------------------- */

static bool take_hex(const char *text, size_t end, size_t *at, uint32_t *out)
{
    uint32_t value = 0;

    if (end - *at < 4)
        return false;
    for (size_t stop = *at + 4; *at < stop; ++*at) {
        char c = text[*at];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        value = value * 16 + digit;
    }
    *out = value;
    return true;
}

/* The escape behind the backslash. False: none, or half of a character beyond the first 65,536. */
static bool take_escape(const char *text, size_t end, size_t *at, uint32_t *point)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found;
    uint32_t low;

    if (*at == end)
        return false;
    found = memchr(letters, text[*at], sizeof letters - 1);
    if (found) {
        *point = (unsigned char)meant[found - letters];
        ++*at;
        return true;
    }
    if (text[(*at)++] != 'u' || !take_hex(text, end, at, point) || *point - 0xDC00 < 0x400)
        return false;
    if (*point - 0xD800 >= 0x400)
        return true;
    if (end - *at < 2 || text[*at] != '\\' || text[*at + 1] != 'u')
        return false;
    *at += 2;
    if (!take_hex(text, end, at, &low) || low - 0xDC00 >= 0x400)
        return false;
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

static size_t put_point(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

bool ozx_json_decode(const char *text, struct ozx_json_range string, char *out, size_t room_bytes,
                     size_t *size_bytes)
{
    size_t size = 0;

    for (size_t at = string.from; at < string.to;) {
        char bytes[4] = {text[at++]};
        size_t count = 1;
        uint32_t point;

        if (bytes[0] == '\\') {
            if (!take_escape(text, string.to, &at, &point))
                return false;
            count = put_point(point, bytes);
        }
        if (!bytes[0] || room_bytes - size <= count)
            return false;
        memcpy(out + size, bytes, count);
        size += count;
    }
    if (size >= room_bytes)
        return false;
    out[size] = '\0';
    *size_bytes = size;
    return true;
}

bool ozx_json_is(const char *text, struct ozx_json_range string, const char *wanted)
{
    size_t size = strlen(wanted), written = string.to - string.from, decoded_size;
    char decoded[64];

    if (!memchr(text + string.from, '\\', written))
        return written == size && memcmp(text + string.from, wanted, size) == 0;
    return ozx_json_decode(text, string, decoded, sizeof decoded, &decoded_size) &&
           strcmp(decoded, wanted) == 0;
}

bool ozx_json_string_of(const char *text, struct ozx_json_range value,
                        struct ozx_json_range *string)
{
    if (value.to - value.from < 2 || text[value.from] != '"')
        return false;
    *string = (struct ozx_json_range){value.from + 1, value.to - 1};
    return true;
}

bool ozx_json_find(const char *text, struct ozx_json_range value, const char *key,
                   struct ozx_json_range *found)
{
    struct ozx_json_cursor cursor = ozx_json_within(text, value);
    struct ozx_json_member member;
    bool any = false;

    if (!ozx_json_enter(&cursor, '{'))
        return false;
    while (ozx_json_next_member(&cursor, &member) == OZX_JSON_ITEM)
        if (ozx_json_is(text, member.key, key)) {
            *found = member.value;
            any = true;
        }
    return any;
}
