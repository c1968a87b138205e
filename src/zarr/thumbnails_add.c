/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts put into a text, each behind an opening bracket:
 *
 *     {"attributes": {"zarr_conventions": [HERE ...], "thumbnails": [HERE ...], ...}, ...}
 *
 * What is not there yet is put into what is around it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zarr/ome_text.h"
#include "zarr/thumbnails.h"

#define CONVENTION_ID "38a1d2ca-5f40-4ee2-b4d5-5e87bfeb7549"
#define CONVENTION                                                                                 \
    "{\"schema_url\": \"https://raw.githubusercontent.com/zarr-conventions/thumbnails/refs/tags/"  \
    "v2/schema.json\", \"spec_url\": \"https://github.com/zarr-conventions/thumbnails/blob/v2/"    \
    "README.md\", \"uuid\": \"" CONVENTION_ID "\", \"name\": \"thumbnails\", "                     \
    "\"description\": \"Metadata for thumbnails representing Zarr data\"}"
#define NEW_SIZE 1024 /* of what is put in at once */

struct growing {
    char *bytes; /* owned; terminated */
    size_t size;
};

/* Puts it behind the opening bracket at `place.from`, and a comma if something stands there. */
static int put(struct growing *g, struct ozx_json_range place, char bracket, const char *what)
{
    const size_t at = place.from + 1;
    size_t next = at, size;
    char made[NEW_SIZE + 2], *grown;
    int made_size;

    if (g->bytes[place.from] != bracket)
        return -EINVAL;
    while (g->bytes[next] && strchr(" \t\r\n", g->bytes[next]))
        next++;
    made_size = snprintf(made, sizeof made, "%s%s", what,
                         g->bytes[next] == (bracket == '{' ? '}' : ']') ? "" : ", ");
    if (made_size < 0 || (size_t)made_size >= sizeof made)
        return -EINVAL;
    size = (size_t)made_size;
    grown = realloc(g->bytes, g->size + size + 1);
    if (!grown)
        return -ENOMEM;
    memmove(grown + at + size, grown + at, g->size - at + 1);
    memcpy(grown + at, made, size);
    g->bytes = grown;
    g->size += size;
    return 0;
}

static struct ozx_json_range whole(const struct growing *g)
{
    const struct ozx_json_cursor cursor = ozx_json_text(g->bytes, g->size);

    return (struct ozx_json_range){cursor.at, cursor.end};
}

/* The element `what` in front of the list `key` of the attributes, which becomes one if there is
 * none. */
static int put_element(struct growing *g, const char *key, const char *what)
{
    struct ozx_json_range attributes, list;
    char member[NEW_SIZE];

    if (!ozx_json_find(g->bytes, whole(g), "attributes", &attributes))
        return -EINVAL;
    if (ozx_json_find(g->bytes, attributes, key, &list))
        return put(g, list, '[', what);
    snprintf(member, sizeof member, "\"%s\": [%s]", key, what);
    return put(g, attributes, '{', member);
}

static bool has_convention(const struct growing *g)
{
    struct ozx_json_range attributes, list, element, id, string;
    struct ozx_json_cursor cursor;

    if (!ozx_json_find(g->bytes, whole(g), "attributes", &attributes) ||
        !ozx_json_find(g->bytes, attributes, "zarr_conventions", &list))
        return false;
    cursor = ozx_json_within(g->bytes, list);
    if (!ozx_json_enter(&cursor, '['))
        return false;
    while (ozx_json_next_element(&cursor, &element) == OZX_JSON_ITEM)
        if (ozx_json_find(g->bytes, element, "uuid", &id) &&
            ozx_json_string_of(g->bytes, id, &string) &&
            ozx_json_is(g->bytes, string, CONVENTION_ID))
            return true;
    return false;
}

static int add(struct growing *g, const char *thumbnail)
{
    struct ozx_json_range attributes;
    int failure = 0;

    if (!ozx_json_find(g->bytes, whole(g), "attributes", &attributes))
        failure = put(g, whole(g), '{', "\"attributes\": {}");
    if (!failure)
        failure = put_element(g, "thumbnails", thumbnail);
    if (!failure && !has_convention(g))
        failure = put_element(g, "zarr_conventions", CONVENTION);
    return failure;
}

int ozx_thumbnails_add(const char *text, size_t size_bytes, const char *uri, uint32_t width,
                       uint32_t height, char **out, size_t *out_size_bytes)
{
    struct growing g = {.bytes = malloc(size_bytes + 1), .size = size_bytes};
    char thumbnail[NEW_SIZE / 4];
    int failure;

    if (!g.bytes)
        return -ENOMEM;
    memcpy(g.bytes, text, size_bytes);
    g.bytes[size_bytes] = '\0';
    snprintf(thumbnail, sizeof thumbnail,
             "{\"width\": %" PRIu32 ", \"height\": %" PRIu32
             ", \"media_type\": \"image/png\", \"uri\": \"%s\"}",
             width, height, uri);
    failure = add(&g, thumbnail);
    if (failure) {
        free(g.bytes);
        return failure;
    }
    *out = g.bytes;
    *out_size_bytes = g.size;
    return 0;
}
