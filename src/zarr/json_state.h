/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What json_scan.c (brackets, keys, what is kept) and json_token.c (strings, numbers, words) share:
 * json_state.c. For these only.
 */
#ifndef OZX_ZARR_JSON_STATE_H
#define OZX_ZARR_JSON_STATE_H

#include "zarr/json_scan.h"

/* What jansson (2.12 ... 2.14, 64 bits) allocates, with malloc's share. Lists and objects double.
 */
#define OZX_JSON_COST_OBJECT 240 /* with room for eight, as a list */
#define OZX_JSON_COST_LIST 144
#define OZX_JSON_COST_MEMBER 88 /* besides its key's text */
#define OZX_JSON_COST_STRING 72 /* besides its text */
#define OZX_JSON_COST_NUMBER 32
#define OZX_JSON_ROOM 8
#define OZX_JSON_COST_MEMBER_ROOM 48 /* of each member or element behind those */
#define OZX_JSON_COST_ELEMENT_ROOM 24
#define OZX_JSON_COST_LONGEST 3 /* times the longest text: a buffer that doubles, and a copy */

#define OZX_JSON_KEY_SIZE 48 /* more than any key that is known */

struct ozx_json_level {
    enum ozx_json_place place; /* of what stands in it */
    uint32_t count;            /* of what was written of it */
};

struct ozx_json_scanner {
    const unsigned char *source;
    size_t size, at;
    struct ozx_json_scan *to;
    size_t room; /* of to->text */
    struct ozx_json_problem *problem;
    const char *wrong; /* why it is not JSON at `at` */
    bool no_memory;

    size_t cost, cost_max, longest;
    size_t unknown_left;

    size_t depth, deepest;
    uint8_t *brackets; /* a bit for each that is open: 1 is an object */
    size_t bracket_room;
    struct ozx_json_level levels[OZX_JSON_DEPTH_MAX + 1]; /* by depth, of what is kept */

    bool silent;         /* nothing is written, */
    size_t silent_depth; /* until no more than this is open */
    /* Of the member whose key was read last: */
    enum ozx_json_fate fate;
    enum ozx_json_place below;
    char key[OZX_JSON_KEY_SIZE]; /* its key without escapes, or the start of it */
    size_t key_size;
};

/* The byte at `at`, -1 at the end. */
static inline int ozx_json_peek(const struct ozx_json_scanner *s)
{
    return s->at < s->size ? s->source[s->at] : -1;
}

/* It is not JSON, for that reason: false. */
bool ozx_json_wrong(struct ozx_json_scanner *s, const char *text);
void ozx_json_note(struct ozx_json_scanner *s, enum ozx_json_kind kind, size_t at, size_t size);
/* Writes, unless it is silent. */
void ozx_json_put(struct ozx_json_scanner *s, const void *bytes, size_t size);
/* Counts what jansson will take for what is written. */
void ozx_json_spend(struct ozx_json_scanner *s, size_t cost, size_t longest);

/* From quote to quote. What it is without escapes, cut, is in `key`. */
bool ozx_json_take_string(struct ozx_json_scanner *s);
/* A number, true, false, null, NaN ... */
bool ozx_json_take_word(struct ozx_json_scanner *s);

#endif
