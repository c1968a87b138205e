/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pass over a JSON text: brackets are a stack of bits, the rest is a state. What is kept is
 * written as it goes, without blanks; what is left out is checked all the same, silently.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zarr/json_state.h"

static bool in_object(const struct ozx_json_scanner *s)
{
    return s->depth && (s->brackets[(s->depth - 1) / 8] >> ((s->depth - 1) % 8) & 1);
}

/* In front of a member or an element that is kept. */
static void put_comma(struct ozx_json_scanner *s)
{
    struct ozx_json_level *level;

    if (s->silent)
        return;
    level = &s->levels[s->depth];
    if (level->count++)
        ozx_json_put(s, ",", 1);
    if (level->count > OZX_JSON_ROOM)
        ozx_json_spend(s, in_object(s) ? OZX_JSON_COST_MEMBER_ROOM : OZX_JSON_COST_ELEMENT_ROOM, 0);
}

/* --- brackets and keys ------------------------------------------------------------------------ */

static bool push(struct ozx_json_scanner *s, bool is_object)
{
    uint8_t bit = (uint8_t)(1u << (s->depth % 8));

    if (s->depth / 8 == s->bracket_room) {
        size_t larger = s->bracket_room ? 2 * s->bracket_room : 32;
        uint8_t *moved = realloc(s->brackets, larger);
        if (!moved) {
            s->no_memory = true;
            return false;
        }
        memset(moved + s->bracket_room, 0, larger - s->bracket_room);
        s->brackets = moved;
        s->bracket_room = larger;
    }
    if (is_object)
        s->brackets[s->depth / 8] |= bit;
    else
        s->brackets[s->depth / 8] &= (uint8_t)~bit;
    if (++s->depth > s->deepest)
        s->deepest = s->depth;
    if (s->depth == OZX_JSON_NESTING_MAX + 1)
        ozx_json_note(s, OZX_JSON_NESTING, s->at, 0);
    return true;
}

/* Writes the bracket that opens a list or an object; all of it, and is silent from then on, if
 * nothing in it is kept. */
static enum ozx_json_place put_bracket(struct ozx_json_scanner *s, bool is_object,
                                       enum ozx_json_fate fate)
{
    enum ozx_json_place place = !s->depth      ? OZX_JSON_ROOT
                                : in_object(s) ? s->below
                                               : s->levels[s->depth].place;

    if (fate == OZX_JSON_EMPTY && place == OZX_JSON_EXTENSION && is_object)
        fate = OZX_JSON_KEEP; /* what is kept of it is little */
    if (s->depth == OZX_JSON_DEPTH_MAX && fate == OZX_JSON_KEEP)
        fate = OZX_JSON_EMPTY;
    if (fate != OZX_JSON_DROP) {
        ozx_json_put(s, is_object ? "{" : "[", 1);
        ozx_json_spend(s, is_object ? OZX_JSON_COST_OBJECT : OZX_JSON_COST_LIST, 0);
    }
    if (fate == OZX_JSON_EMPTY)
        ozx_json_put(s, is_object ? "}" : "]", 1);
    if (fate != OZX_JSON_KEEP) {
        s->silent = true;
        s->silent_depth = s->depth;
    }
    return place;
}

static bool open_bracket(struct ozx_json_scanner *s, enum ozx_json_fate fate)
{
    bool is_object = ozx_json_peek(s) == '{';
    enum ozx_json_place place = s->silent ? OZX_JSON_WHOLE : put_bracket(s, is_object, fate);

    if (!push(s, is_object))
        return false;
    s->at++;
    if (!s->silent)
        s->levels[s->depth] = (struct ozx_json_level){.place = place};
    return true;
}

static void close_bracket(struct ozx_json_scanner *s)
{
    ozx_json_put(s, in_object(s) ? "}" : "]", 1);
    s->at++;
    s->depth--;
    if (s->silent && s->depth == s->silent_depth)
        s->silent = false;
}

static void pass_blanks(struct ozx_json_scanner *s)
{
    for (int c; (c = ozx_json_peek(s)) == ' ' || c == '\n' || c == '\t' || c == '\r';)
        s->at++;
}

/* What becomes of the value behind the key. */
static void judge_key(struct ozx_json_scanner *s)
{
    s->fate = ozx_json_judge_key(s->levels[s->depth].place, s->key, s->key_size, &s->below);
    if (s->fate != OZX_JSON_UNKNOWN)
        return;
    s->fate = s->unknown_left ? OZX_JSON_EMPTY : OZX_JSON_DROP;
    s->unknown_left -= s->unknown_left > 0;
}

/* A key and its colon. One that is not kept is taken back. */
static bool take_key(struct ozx_json_scanner *s)
{
    size_t size = s->to->size_bytes, cost = s->cost, longest = s->longest;
    uint32_t count = s->silent ? 0 : s->levels[s->depth].count;

    if (ozx_json_peek(s) != '"')
        return ozx_json_wrong(s, "a key must be in double quotes");
    put_comma(s);
    if (!s->silent && s->to->size_bytes <= s->to->watched)
        s->to->watched_origin = s->at;
    if (!ozx_json_take_string(s))
        return false;
    pass_blanks(s);
    if (ozx_json_peek(s) != ':')
        return ozx_json_wrong(s, "a ':' is missing after a key");
    ozx_json_put(s, ":", 1);
    s->at++;
    if (s->silent)
        return true;
    ozx_json_spend(s, OZX_JSON_COST_MEMBER - OZX_JSON_COST_STRING, 0);
    judge_key(s);
    if (s->fate == OZX_JSON_DROP) {
        s->to->size_bytes = size;
        s->cost = cost;
        s->longest = longest;
        s->levels[s->depth].count = count;
        s->problem->bound = NULL;
    }
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool take_scalar(struct ozx_json_scanner *s, enum ozx_json_fate fate)
{
    bool was_silent = s->silent, is_string = ozx_json_peek(s) == '"', fine;

    if (fate == OZX_JSON_EMPTY && is_string) {
        ozx_json_put(s, "\"\"", 2);
        ozx_json_spend(s, OZX_JSON_COST_STRING, 0);
    }
    s->silent |= fate == OZX_JSON_DROP || (fate == OZX_JSON_EMPTY && is_string);
    fine = is_string ? ozx_json_take_string(s) : ozx_json_take_word(s);
    s->silent = was_silent;
    return fine;
}

enum expected { A_VALUE, A_KEY, FIRST_OR_END, MORE_OR_END };

static bool take_value(struct ozx_json_scanner *s, enum expected *next)
{
    enum ozx_json_fate fate = in_object(s) && !s->silent ? s->fate : OZX_JSON_KEEP;
    bool is_list = s->depth && !in_object(s);

    if (is_list)
        put_comma(s);
    *next = MORE_OR_END;
    if (ozx_json_peek(s) != '{' && ozx_json_peek(s) != '[')
        return take_scalar(s, fate);
    *next = FIRST_OR_END;
    return open_bracket(s, fate);
}

static bool step(struct ozx_json_scanner *s, enum expected *next)
{
    bool object = in_object(s);

    pass_blanks(s);
    if (s->at == s->size)
        return ozx_json_wrong(s, "it is cut off");
    if (*next == MORE_OR_END && ozx_json_peek(s) == ',') {
        s->at++;
        *next = object ? A_KEY : A_VALUE;
        return true;
    }
    if ((*next == MORE_OR_END || *next == FIRST_OR_END) &&
        ozx_json_peek(s) == (object ? '}' : ']')) {
        close_bracket(s);
        *next = MORE_OR_END;
        return true;
    }
    if (*next == MORE_OR_END)
        return ozx_json_wrong(s, object ? "neither ',' nor '}'" : "neither ',' nor ']'");
    if (*next == A_KEY || (*next == FIRST_OR_END && object)) {
        *next = A_VALUE;
        return take_key(s);
    }
    return take_value(s, next);
}

/* --- the text --------------------------------------------------------------------------------- */

static bool is_utf16(const unsigned char *b, size_t size)
{
    return (size >= 2 && ((b[0] == 0xFF && b[1] == 0xFE) || (b[0] == 0xFE && b[1] == 0xFF))) ||
           (size >= 4 && ((b[0] && !b[1] && !b[3]) || (!b[0] && b[1] && !b[2])));
}

static bool begin(struct ozx_json_scanner *s)
{
    if (is_utf16(s->source, s->size))
        return ozx_json_wrong(s, "it is UTF-16 or UTF-32, not UTF-8");
    if (s->size >= 3 && memcmp(s->source, "\xEF\xBB\xBF", 3) == 0) {
        ozx_json_note(s, OZX_JSON_BOM, 0, 0);
        s->at = 3;
    }
    pass_blanks(s);
    if (s->at == s->size)
        return ozx_json_wrong(s, "it is empty");
    if (ozx_json_peek(s) != '{' && ozx_json_peek(s) != '[')
        return ozx_json_wrong(s, "neither an object nor a list");
    return true;
}

static bool finish(struct ozx_json_scanner *s)
{
    size_t from;

    pass_blanks(s);
    from = s->at;
    while (ozx_json_peek(s) == '\0')
        s->at++;
    if (s->at < s->size) {
        s->at = from;
        return ozx_json_wrong(s, "something follows its end");
    }
    if (s->at > from)
        ozx_json_note(s, OZX_JSON_PADDING, from, 0);
    return true;
}

static bool scan_all(struct ozx_json_scanner *s)
{
    enum expected next = A_VALUE;

    if (!begin(s))
        return false;
    do {
        if (!step(s, &next) || s->problem->bound || s->no_memory)
            return false;
    } while (s->depth);
    ozx_json_put(s, "", 1); /* terminated, */
    s->to->size_bytes--;    /* which is no part of it */
    return finish(s) && !s->no_memory;
}

static int tell(const struct ozx_json_scanner *s)
{
    json_error_t *json = &s->problem->json;

    if (s->no_memory)
        return -ENOMEM;
    if (s->wrong) {
        s->problem->bound = NULL;
        snprintf(json->text, sizeof json->text, "%s", s->wrong);
        ozx_json_locate((const char *)s->source, s->at, &json->line, &json->column);
        json->position = s->at > INT32_MAX ? INT32_MAX : (int)s->at;
    }
    return -EBADMSG;
}

int ozx_json_scan(const char *source, size_t size_bytes, size_t cost_max_bytes,
                  struct ozx_json_scan *scan, struct ozx_json_problem *problem)
{
    struct ozx_json_scanner s = {.source = (const unsigned char *)source,
                                 .size = size_bytes,
                                 .to = scan,
                                 .problem = problem,
                                 .cost_max = cost_max_bytes,
                                 .unknown_left = OZX_JSON_UNKNOWN_MAX};
    bool fine = scan_all(&s);

    free(s.brackets);
    if (!fine)
        return tell(&s);
    for (int kind = 0; kind < OZX_JSON_KINDS; kind++) {
        struct ozx_json_defect *defect = &problem->defects[kind];
        if (defect->count)
            ozx_json_locate(source, defect->offset, &defect->line, &defect->column);
    }
    if (problem->defects[OZX_JSON_NESTING].count)
        snprintf(problem->defects[OZX_JSON_NESTING].what,
                 sizeof problem->defects[OZX_JSON_NESTING].what, "%zu", s.deepest);
    return 0;
}

void ozx_json_locate(const char *source, size_t offset, int *line, int *column)
{
    size_t start = 0;

    *line = 1;
    for (size_t i = 0; i < offset; i++)
        if (source[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    *column = offset - start < INT32_MAX ? (int)(offset - start) + 1 : INT32_MAX;
}
