/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Strings, numbers and words of a JSON text, checked and written as jansson takes them.
 */
#include <stdio.h>
#include <string.h>

#include "zarr/json_state.h"

/* --- strings ---------------------------------------------------------------------------------- */

/* `raw` is written, `plain` is what it means. */
static void take_part(struct ozx_json_scanner *s, const void *raw, size_t raw_size,
                      const void *plain, size_t plain_size)
{
    size_t fits =
        plain_size < OZX_JSON_KEY_SIZE - s->key_size ? plain_size : OZX_JSON_KEY_SIZE - s->key_size;

    ozx_json_put(s, raw, raw_size);
    memcpy(s->key + s->key_size, plain, fits);
    s->key_size += fits;
}

/* What no text in C can hold is written as six characters. */
static void take_impossible(struct ozx_json_scanner *s, unsigned code)
{
    char raw[16];

    snprintf(raw, sizeof raw, "\\\\u%04x", code & 0xFFFF);
    take_part(s, raw, 7, raw + 1, 6);
}

static size_t encode(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* The \uXXXX at `at`; false if it is none. */
static bool read_hex(const struct ozx_json_scanner *s, size_t at, unsigned *out)
{
    unsigned code = 0;

    if (s->size < 6 || at > s->size - 6 || s->source[at] != '\\' || s->source[at + 1] != 'u')
        return false;
    for (size_t i = at + 2; i < at + 6; i++) {
        unsigned char c = s->source[i];
        unsigned digit = c >= '0' && c <= '9'   ? c - '0' + 0u
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10u
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10u
                                                : 16;
        if (digit == 16)
            return false;
        code = code << 4 | digit;
    }
    *out = code;
    return true;
}

static bool take_unicode_escape(struct ozx_json_scanner *s)
{
    size_t at = s->at, size = 6;
    unsigned code, low;
    char plain[4];

    if (!read_hex(s, at, &code))
        return ozx_json_wrong(s, "\\u must be followed by four hexadecimal digits");
    if (code >= 0xD800 && code < 0xDC00 && read_hex(s, at + 6, &low) && low >= 0xDC00 &&
        low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        size = 12;
    }
    if (code && (code < 0xD800 || code >= 0xE000)) {
        take_part(s, s->source + at, size, plain, encode(code, plain));
    } else {
        ozx_json_note(s, code ? OZX_JSON_SURROGATE : OZX_JSON_NUL, at, size);
        take_impossible(s, code);
    }
    s->at += size;
    return true;
}

static bool take_escape(struct ozx_json_scanner *s)
{
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    int c = s->at + 1 < s->size ? s->source[s->at + 1] : 0;
    const char *letter = c ? strchr(letters, c) : NULL;

    if (c == 'u')
        return take_unicode_escape(s);
    if (!letter)
        return ozx_json_wrong(s, "an escape sequence is invalid");
    take_part(s, s->source + s->at, 2, &means[letter - letters], 1);
    s->at += 2;
    return true;
}

/* A character of several bytes. Three bytes of half a surrogate pair are Java's and Python's. */
static bool take_utf8(struct ozx_json_scanner *s)
{
    const unsigned char *b = s->source + s->at;
    size_t size = *b >= 0xF0 ? 4 : *b >= 0xE0 ? 3 : 2;
    unsigned code = *b & (0x7Fu >> size);
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (*b < 0xC2 || *b > 0xF4 || s->size - s->at < size)
        return ozx_json_wrong(s, "it is not UTF-8");
    for (size_t i = 1; i < size; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return ozx_json_wrong(s, "it is not UTF-8");
        code = code << 6 | (b[i] & 0x3Fu);
    }
    if (code < least[size] || code > 0x10FFFF)
        return ozx_json_wrong(s, "it is not UTF-8");
    if (code >= 0xD800 && code < 0xE000) {
        ozx_json_note(s, OZX_JSON_SURROGATE, s->at, size);
        take_impossible(s, code);
    } else {
        take_part(s, b, size, b, size);
    }
    s->at += size;
    return true;
}

/* Characters that mean themselves. */
static void take_plain(struct ozx_json_scanner *s)
{
    const unsigned char *from = s->source + s->at;
    size_t size = 0;

    for (; s->at + size < s->size; size++) {
        unsigned char c = from[size];
        if (c < ' ' || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    take_part(s, from, size, from, size);
    s->at += size;
}

bool ozx_json_take_string(struct ozx_json_scanner *s)
{
    size_t start = s->at;

    s->key_size = 0;
    ozx_json_put(s, "\"", 1);
    s->at++;
    for (int c; (c = ozx_json_peek(s)) != '"';) {
        if (c < 0)
            return ozx_json_wrong(s, "a string is not terminated");
        if (c < ' ')
            return ozx_json_wrong(s, "a control character in a string");
        if (c == '\\' ? !take_escape(s) : c >= 0x80 && !take_utf8(s))
            return false;
        if (c != '\\' && c < 0x80)
            take_plain(s);
    }
    ozx_json_put(s, "\"", 1);
    s->at++;
    ozx_json_spend(s, OZX_JSON_COST_STRING + s->at - start, s->at - start);
    return true;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static size_t take_digits(struct ozx_json_scanner *s)
{
    size_t from = s->at;

    for (int c; (c = ozx_json_peek(s)) >= '0' && c <= '9';)
        s->at++;
    return s->at - from;
}

/* The exponent behind e or E; what is beyond all doubles is cut. */
static bool take_exponent(struct ozx_json_scanner *s, int64_t *out)
{
    bool negative = false;
    int64_t exponent = 0;
    size_t from;

    s->at++;
    if (ozx_json_peek(s) == '+' || ozx_json_peek(s) == '-')
        negative = s->source[s->at++] == '-';
    from = s->at;
    if (!take_digits(s))
        return ozx_json_wrong(s, "a number has no digit after its 'e'");
    for (size_t i = from; i < s->at && exponent < INT64_C(1000000000000); i++)
        exponent = 10 * exponent + (s->source[i] - '0');
    *out = negative ? -exponent : exponent;
    return true;
}

/* Does 0.DIGITS x 10^power round to no double? The digits end in front of `end` and may have a
 * point among them. The limit is halfway between the largest double and the next that there would
 * be. */
static bool is_beyond(const unsigned char *digit, const unsigned char *end, int64_t power)
{
    static const char limit[] = "17976931348623158079"; /* and more digits */
    size_t same = 0;

    for (; digit < end && (*digit == '0' || *digit == '.'); digit++)
        power -= *digit == '0';
    if (digit == end || power != 309)
        return digit < end && power > 309;
    for (; same < sizeof limit - 1; digit++) {
        char c = digit < end ? (char)*digit : '0';
        if (c == '.')
            continue;
        if (c != limit[same])
            return c > limit[same];
        same++;
    }
    return true;
}

/* Of 64 bits with a sign, as jansson's integers. */
static bool fits_integer(const unsigned char *digits, size_t size, bool negative)
{
    int64_t value = 0;

    for (size_t i = 0; i < size; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            (negative ? __builtin_sub_overflow(value, digits[i] - '0', &value)
                      : __builtin_add_overflow(value, digits[i] - '0', &value)))
            return false;
    return true;
}

/* A value that JSON has no number for. */
static void put_text(struct ozx_json_scanner *s, const char *text)
{
    ozx_json_put(s, "\"", 1);
    ozx_json_put(s, text, strlen(text));
    ozx_json_put(s, "\"", 1);
    ozx_json_spend(s, OZX_JSON_COST_STRING + strlen(text), 0);
}

static void put_number(struct ozx_json_scanner *s, size_t from, bool integer)
{
    const unsigned char *number = s->source + from;
    size_t size = s->at - from;
    bool negative = *number == '-';

    ozx_json_put(s, number, size);
    if (!s->silent && integer && !fits_integer(number + negative, size - negative, negative)) {
        ozx_json_put(s, ".0", 2);
        s->to->big_integers = true;
    }
    ozx_json_spend(s, OZX_JSON_COST_NUMBER, size);
}

static bool take_number(struct ozx_json_scanner *s)
{
    bool negative = ozx_json_peek(s) == '-', integer = true;
    size_t from = s->at, first, point, end;
    int64_t exponent = 0;

    s->at += negative;
    first = s->at;
    if (ozx_json_peek(s) == '0')
        s->at++;
    else if (!take_digits(s))
        return ozx_json_wrong(s, "no value");
    point = s->at - first;
    if (ozx_json_peek(s) == '.') {
        integer = false;
        s->at++;
        if (!take_digits(s))
            return ozx_json_wrong(s, "a number has no digit after its decimal point");
    }
    end = s->at;
    if (ozx_json_peek(s) == 'e' || ozx_json_peek(s) == 'E') {
        integer = false;
        if (!take_exponent(s, &exponent))
            return false;
    }
    if (is_beyond(s->source + first, s->source + end, (int64_t)point + exponent)) {
        ozx_json_note(s, OZX_JSON_RANGE, from, s->at - from);
        put_text(s, negative ? "-Infinity" : "Infinity");
    } else {
        put_number(s, from, integer);
    }
    return true;
}

/* --- words ------------------------------------------------------------------------------------ */

bool ozx_json_take_word(struct ozx_json_scanner *s)
{
    static const char *const words[] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};
    int c = ozx_json_peek(s);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i]);
        if (s->size - s->at < size || memcmp(s->source + s->at, words[i], size) != 0)
            continue;
        if (i < 3) {
            ozx_json_put(s, words[i], size);
        } else {
            ozx_json_note(s, OZX_JSON_NOT_FINITE, s->at, size);
            put_text(s, words[i]);
        }
        s->at += size;
        return true;
    }
    return c == '-' || (c >= '0' && c <= '9') ? take_number(s) : ozx_json_wrong(s, "no value");
}
