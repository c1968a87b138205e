/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where things stand in a JSON text, as byte ranges: for those who must leave out a part of a text
 * and keep every other byte, or look at a text that no parser takes whole. Nothing is allocated and
 * nothing is judged beyond the brackets, quotes, colons and commas that are needed to find the way:
 * a byte order mark, NaN and Infinity, any escape, any depth are walked over.
 *
 * Borrowed texts; no state but the cursor's, so any number of threads.
 */
#ifndef OZX_ZARR_JSON_TEXT_H
#define OZX_ZARR_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Bytes from ... to-1 of the text. */
struct ozx_json_range {
    size_t from, to;
};

struct ozx_json_cursor {
    const char *text; /* need not be terminated */
    size_t at, end;
    bool first; /* nothing of the object or list was taken yet */
};

struct ozx_json_member {
    struct ozx_json_range key; /* between its quotes, as it is written */
    size_t start;              /* of its opening quote */
    struct ozx_json_range value;
};

enum ozx_json_step {
    OZX_JSON_ITEM,  /* another member or element */
    OZX_JSON_END,   /* the closing bracket is passed */
    OZX_JSON_WRONG, /* this is no JSON */
};

/* The value of a whole text: in front of it a byte order mark and white space are passed over. */
struct ozx_json_cursor ozx_json_text(const char *text, size_t size_bytes);

/* A value in the text. */
struct ozx_json_cursor ozx_json_within(const char *text, struct ozx_json_range value);

/* Passes the opening bracket ('{' or '['), if the value begins with it. */
bool ozx_json_enter(struct ozx_json_cursor *cursor, char bracket);

/* The next member of the object, or element of the list, that was entered. The cursor stands behind
 * its value then. */
enum ozx_json_step ozx_json_next_member(struct ozx_json_cursor *cursor,
                                        struct ozx_json_member *member);
enum ozx_json_step ozx_json_next_element(struct ozx_json_cursor *cursor,
                                         struct ozx_json_range *value);

/* Is a string (between its quotes) this text, however it is escaped? */
bool ozx_json_is(const char *text, struct ozx_json_range string, const char *wanted);

/* The string as UTF-8, terminated. False: it is longer than `room_bytes` - 1, has NUL, half a
 * surrogate pair or an escape that is none. */
bool ozx_json_decode(const char *text, struct ozx_json_range string, char *out, size_t room_bytes,
                     size_t *size_bytes);

/* The value (if it begins with a quote) without its quotes. */
bool ozx_json_string_of(const char *text, struct ozx_json_range value,
                        struct ozx_json_range *string);

/* The last member of that name of an object; false: there is none, or `value` is no object. */
bool ozx_json_find(const char *text, struct ozx_json_range value, const char *key,
                   struct ozx_json_range *found);

#endif
