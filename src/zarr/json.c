/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A scan that knows strings, depth and commas, and nothing else of JSON: what is none may pass it,
 * but what passes cannot cost jansson more than the bounds. Brackets of one kind may close those of
 * the other here; jansson sees every piece and the rest, so a text that is wrong is wrong in one of
 * them.
 */
#include "zarr/json.h"

#include <string.h>

#include "zarr/jansson.h"

/* What jansson (2.12 ... 2.14, 64 bits) allocates, with malloc's share. Lists and objects double.
 */
#define COST_OBJECT 240 /* with room for eight, as a list */
#define COST_LIST 144
#define COST_MEMBER 88 /* besides its key's text */
#define COST_STRING 72 /* besides its text */
#define COST_NUMBER 32
#define ROOM 8
#define COST_MEMBER_ROOM 48 /* of each member or element behind those */
#define COST_ELEMENT_ROOM 24
#define COST_LONGEST 3 /* times the longest text: a buffer that doubles, and a copy */

struct level {
    bool is_object;
    uint32_t count; /* of its elements, but the last */
};

struct scan {
    char *text;
    size_t size_bytes;
    size_t at;
    unsigned depth;
    size_t cost;       /* of what was seen so far, without the pieces */
    size_t piece_cost; /* of the dearest piece */
    /* The string that was seen last, without its quotes: the key, when its ':' comes. */
    size_t string_start, string_size, longest_size;
    bool in_number;
    bool consolidated; /* between the brackets of consolidated_metadata, */
    bool pieces;       /* and of metadata in it: every object in here is one */
    struct level levels[OZX_JSON_DEPTH_MAX + 1]; /* by depth */
};

static bool key_is(const struct scan *s, const char *key)
{
    return s->string_size == strlen(key) &&
           memcmp(s->text + s->string_start, key, s->string_size) == 0;
}

/* From behind the opening quote to behind the closing one. */
static void pass_string(struct scan *s)
{
    s->string_start = s->at;
    while (s->at < s->size_bytes && s->text[s->at] != '"')
        s->at += s->text[s->at] == '\\' ? 2 : 1;
    if (s->at > s->size_bytes)
        s->at = s->size_bytes;
    s->string_size = s->at - s->string_start;
    s->cost += COST_STRING + s->string_size;
    if (s->string_size > s->longest_size)
        s->longest_size = s->string_size;
    s->at++;
}

static const char *open_bracket(struct scan *s, char c)
{
    s->cost += c == '{' ? COST_OBJECT : COST_LIST;
    if (s->depth == OZX_JSON_DEPTH_MAX)
        return "its lists and objects are nested too deeply";
    s->levels[++s->depth] = (struct level){.is_object = c == '{'};
    return NULL;
}

static void close_bracket(struct scan *s)
{
    s->depth -= s->depth > 0;
    if (s->depth < 3)
        s->pieces = false;
    if (s->depth < 2)
        s->consolidated = false;
}

static void pass_colon(struct scan *s)
{
    s->cost += COST_MEMBER - COST_STRING; /* the string before it was a key */
    if (s->depth == 1)
        s->consolidated = key_is(s, "consolidated_metadata");
    else if (s->depth == 2)
        s->pieces = s->consolidated && key_is(s, "metadata");
}

static void pass_comma(struct scan *s)
{
    struct level *level = &s->levels[s->depth];

    if (++level->count >= ROOM)
        s->cost += level->is_object ? COST_MEMBER_ROOM : COST_ELEMENT_ROOM;
}

/* One step; NULL or the bound that is reached. */
static const char *step(struct scan *s)
{
    char c = s->text[s->at++];
    bool in_number = s->in_number;

    s->in_number = false;
    switch (c) {
    case '"':
        pass_string(s);
        break;
    case '{':
    case '[':
        return open_bracket(s, c);
    case '}':
    case ']':
        close_bracket(s);
        break;
    case ':':
        pass_colon(s);
        break;
    case ',':
        pass_comma(s);
        break;
    default:
        s->in_number = c == '-' || (c >= '0' && c <= '9') || (in_number && c != ' ' && c != '\n');
        s->cost += s->in_number && !in_number ? COST_NUMBER : 0;
    }
    return NULL;
}

static int load(const char *text, size_t size, json_t **json, bool *as_real,
                struct ozx_json_problem *problem)
{
    int failure = ozx_jansson_load(text, size, 0, json, &problem->json);

    if (failure == -EBADMSG && json_error_code(&problem->json) == json_error_numeric_overflow) {
        failure = ozx_jansson_load(text, size, JSON_DECODE_INT_AS_REAL, json, &problem->json);
        *as_real = true;
    }
    if (failure)
        problem->bound = NULL;
    return failure;
}

/* Parses the piece; then [] stands in its place, on as many lines. */
static int judge_piece(struct scan *s, size_t from, struct ozx_json_problem *problem)
{
    bool as_real;
    json_t *json;
    int failure = load(s->text + from, s->at - from, &json, &as_real, problem);

    if (failure) {
        for (size_t i = 0; i < from; i++)
            problem->json.line += s->text[i] == '\n';
        return failure;
    }
    json_decref(json);
    for (size_t i = from; i < s->at; i++)
        if (s->text[i] != '\n')
            s->text[i] = ' ';
    s->text[from] = '[';
    s->text[s->at - 1] = ']';
    return 0;
}

static const char *judge_cost(const struct scan *s, size_t more)
{
    return s->cost + more > OZX_JSON_MEMORY_MAX + s->size_bytes / 2
               ? "it has too many values, or too long ones"
               : NULL;
}

/* A piece is at hand: from its bracket to the one that closes it. */
static int take_piece(struct scan *s, struct ozx_json_problem *problem)
{
    struct scan piece = *s;
    size_t from = s->at;

    piece.cost = 0;
    piece.pieces = piece.consolidated = false;
    do {
        problem->bound = step(&piece);
        if (!problem->bound)
            problem->bound = judge_cost(s, piece.cost + COST_LONGEST * piece.longest_size);
        if (problem->bound)
            return -EBADMSG;
    } while (piece.depth > s->depth && piece.at < s->size_bytes);
    s->at = piece.at < s->size_bytes ? piece.at : s->size_bytes;
    s->cost += COST_LIST;
    s->longest_size = piece.longest_size;
    if (piece.cost > s->piece_cost)
        s->piece_cost = piece.cost;
    return judge_piece(s, from, problem);
}

int ozx_json_parse(char *text, size_t size_bytes, json_t **out, bool *as_real,
                   struct ozx_json_problem *problem)
{
    struct scan s = {.text = text, .size_bytes = size_bytes};
    bool unasked;

    problem->bound = size_bytes > OZX_JSON_SIZE_MAX ? "it is larger than 64 MiB" : NULL;
    while (!problem->bound && s.at < size_bytes) {
        if (s.pieces && s.depth == 3 && text[s.at] == '{') {
            int failure = take_piece(&s, problem);
            if (failure)
                return failure;
        } else {
            problem->bound = step(&s);
        }
        if (!problem->bound)
            problem->bound = judge_cost(&s, s.piece_cost + COST_LONGEST * s.longest_size);
    }
    if (problem->bound)
        return -EBADMSG;
    return load(text, size_bytes, out, as_real ? as_real : &unasked, problem);
}
