/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses. Sources: RFC 3986 section 2.1 (percent-encoding), RFC 9110 section 14 (ranges).
 */
#include "view/route.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define THUMBNAIL_SIDE 96 /* pixels, where nothing is said */
#define VALUE_MAX 4096    /* bytes of a value in an address */
#define NUMBER_MAX 40     /* digits and letters of a number */

bool ozx_route_token(const char *address, const char token[OZX_TOKEN_SIZE], const char **rest)
{
    const size_t size = strlen(address), all = OZX_TOKEN_SIZE + 1; /* with both slashes */
    unsigned char different = size < all || address[0] != '/' || address[all - 1] != '/';

    for (size_t i = 0; i < OZX_TOKEN_SIZE - 1; i++)
        different |= (unsigned char)((i + 1 < size ? address[i + 1] : 0) ^ token[i]);
    if (different)
        return false;
    *rest = address + all;
    return true;
}

/* --- pieces ----------------------------------------------------------------------------------- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The text without percent-encoding; false: it is none, or has NUL. */
static bool decode(const char *text, char *out, size_t room, size_t *size)
{
    size_t used = 0;

    for (; *text; text++) {
        int high, low;
        if (used + 1 >= room)
            return false;
        if (*text != '%') {
            out[used++] = *text;
            continue;
        }
        high = digit_of(text[1]);
        low = high < 0 ? -1 : digit_of(text[2]);
        if (low < 0 || (!high && !low))
            return false;
        out[used++] = (char)(high << 4 | low);
        text += 2;
    }
    out[used] = '\0';
    *size = used;
    return true;
}

/* A number in decimal, as it is written by who counts: no sign, no zero in front. */
static bool take_number(const char **at, uint64_t most, uint64_t *out)
{
    const char *p = *at;
    uint64_t number = 0;

    if (!isdigit((unsigned char)*p) || (p[0] == '0' && isdigit((unsigned char)p[1])))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *at = p;
    *out = number;
    return true;
}

static bool take_text(const char **at, const char *text)
{
    const size_t size = strlen(text);

    if (strncmp(*at, text, size) != 0)
        return false;
    *at += size;
    return true;
}

static bool take_node(const char **at, uint32_t *out)
{
    uint64_t number;

    if (!take_number(at, UINT32_MAX - 1, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool take_color(const char **at, uint32_t *out)
{
    uint32_t color = 0;

    for (int i = 0; i < 6; i++) {
        int digit = digit_of((*at)[i]);
        if (digit < 0)
            return false;
        color = color << 4 | (uint32_t)digit;
    }
    *at += 6;
    *out = color;
    return true;
}

/* A finite number in decimal, with an exponent or without; nothing else that strtod(3) takes. */
static bool take_value(const char **at, double *out)
{
    const size_t size = strspn(*at, "0123456789+-.eE");
    char text[NUMBER_MAX + 1], *end;

    if (!size || size > NUMBER_MAX)
        return false;
    memcpy(text, *at, size);
    text[size] = '\0';
    *out = strtod(text, &end);
    if (*end || !isfinite(*out))
        return false;
    *at += size;
    return true;
}

/* --- routes ----------------------------------------------------------------------------------- */

static bool take_styles(const char *at, struct ozx_ask *ask)
{
    while (*at) {
        struct ozx_ask_style *style = &ask->styles[ask->style_count];
        if (ask->style_count == OZX_ASK_STYLES_MAX ||
            !take_number(&at, INT64_MAX, &style->channel) || !take_text(&at, ":") ||
            !take_color(&at, &style->color) || !take_text(&at, ":") ||
            !take_value(&at, &style->start) || !take_text(&at, ":") ||
            !take_value(&at, &style->end))
            return false;
        ask->style_count++;
        if (*at && (!take_text(&at, ",") || !*at))
            return false;
    }
    return true;
}

struct query {
    const char *(*get)(void *context, const char *name);
    void *context;
};

/* The value, decoded; "" without one. */
static bool value_of(const struct query *query, const char *name, char out[VALUE_MAX])
{
    const char *raw = query->get(query->context, name);
    size_t size;

    return decode(raw ? raw : "", out, VALUE_MAX, &size);
}

static bool find_tile(const char *at, const struct query *query, struct ozx_ask *ask)
{
    char value[VALUE_MAX];
    const char *label = value;
    uint64_t level;

    ask->kind = OZX_ASK_TILE;
    ask->labels = OZX_NO_NODE;
    if (!take_node(&at, &ask->node) || !take_text(&at, "/") ||
        !take_number(&at, UINT32_MAX - 1, &level) || !take_text(&at, "/") ||
        !take_number(&at, INT64_MAX, &ask->z) || !take_text(&at, "/") ||
        !take_number(&at, INT64_MAX, &ask->t) || !take_text(&at, "/") ||
        !take_number(&at, INT64_MAX, &ask->x) || !take_text(&at, "/") ||
        !take_number(&at, INT64_MAX, &ask->y) || strcmp(at, ".png") != 0)
        return false;
    ask->level = (uint32_t)level;
    if (!value_of(query, "c", value) || !take_styles(value, ask))
        return false;
    return value_of(query, "l", value) && (!*value || (take_node(&label, &ask->labels) && !*label));
}

static bool find_thumbnail(const char *at, const struct query *query, struct ozx_ask *ask)
{
    char value[VALUE_MAX];
    const char *side = value;
    uint64_t number = THUMBNAIL_SIDE;

    ask->kind = OZX_ASK_THUMBNAIL;
    if (!take_node(&at, &ask->node) || strcmp(at, ".png") != 0 || !value_of(query, "s", value) ||
        (*value && (!take_number(&side, UINT32_MAX, &number) || *side)))
        return false;
    ask->side = (uint32_t)number;
    return ozx_ask_check(ask);
}

/* Those of one node: "image/N.json". */
static bool find_json(const char *rest, struct ozx_ask *ask)
{
    static const struct {
        const char *text;
        enum ozx_ask_kind kind;
    } rows[] = {{"node/", OZX_ASK_NODE}, {"image/", OZX_ASK_IMAGE}, {"plate/", OZX_ASK_PLATE}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *at = rest;
        if (!take_text(&at, rows[i].text))
            continue;
        ask->kind = rows[i].kind;
        return take_node(&at, &ask->node) && strcmp(at, ".json") == 0;
    }
    return false;
}

static bool find_ask(const char *rest, const struct query *query, struct ozx_ask *ask)
{
    const char *at = rest;

    if (strcmp(rest, "tree.json") == 0)
        ask->kind = OZX_ASK_TREE;
    else if (strcmp(rest, "findings.json") == 0)
        ask->kind = OZX_ASK_FINDINGS;
    else if (take_text(&at, "tile/"))
        return find_tile(at, query, ask);
    else if (take_text(&at, "thumbnail/"))
        return find_thumbnail(at, query, ask);
    else
        return find_json(rest, ask);
    return true;
}

/* A file of the archive, or the archive itself. */
static bool find_raw(const char *rest, struct ozx_route *route)
{
    size_t size = 0;

    route->ask.kind = OZX_ASK_FIND;
    if (strcmp(rest, "archive.ozx") == 0)
        return true;
    if (!take_text(&rest, "zarr/") || !decode(rest, route->path, sizeof route->path, &size) ||
        !size)
        return false;
    route->ask.path_size_bytes = (uint32_t)size;
    return true;
}

void ozx_route_find(const char *rest, const char *(*query)(void *context, const char *name),
                    void *context, struct ozx_route *out)
{
    const struct query values = {query, context};

    *out = (struct ozx_route){.kind = OZX_ROUTE_NONE};
    if (strcmp(rest, "alive") == 0) {
        out->kind = OZX_ROUTE_ALIVE;
    } else if (find_raw(rest, out)) {
        out->kind = OZX_ROUTE_RAW;
    } else if (!strchr(rest, '/') && !strstr(rest, ".json")) {
        if (strlen(rest) > OZX_ROUTE_NAME_MAX)
            return;
        out->kind = OZX_ROUTE_PAGE;
        memcpy(out->name, *rest ? rest : "view.html", *rest ? strlen(rest) + 1 : 10);
    } else {
        out->ask = (struct ozx_ask){.kind = 0};
        if (find_ask(rest, &values, &out->ask))
            out->kind = OZX_ROUTE_ASK;
    }
}

/* --- ranges ----------------------------------------------------------------------------------- */

int ozx_route_range(const char *header, uint64_t total_bytes, uint64_t *first, uint64_t *count)
{
    uint64_t from, to = UINT64_MAX;

    *first = 0;
    *count = total_bytes;
    if (!header || !take_text(&header, "bytes="))
        return 0;
    if (*header == '-') {
        header++;
        if (!take_number(&header, UINT64_MAX - 1, &from) || *header)
            return 0;
        if (!from || !total_bytes)
            return -1;
        *count = from < total_bytes ? from : total_bytes;
        *first = total_bytes - *count;
        return 1;
    }
    if (!take_number(&header, UINT64_MAX - 1, &from) || !take_text(&header, "-") ||
        (*header && !take_number(&header, UINT64_MAX - 1, &to)) || *header || to < from)
        return 0;
    if (from >= total_bytes)
        return -1;
    *first = from;
    *count = (to < total_bytes ? to + 1 : total_bytes) - from;
    return 1;
}
