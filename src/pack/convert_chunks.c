/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of chunks. Which of v2's two ways an array has is taken from the files: writers of
 * nested stores stated the other one, and to a reader that believes it all of the array is fill.
 *
 * A flat directory's names become paths by one byte, and sorted they are the tree that v3 has:
 *
 *     0.0  0.10  0.2  1.0     ->     0/0  0/10  0/2  1/0     ->     c: 0 1    c/0: 0 10 2    c/1: 0
 */
#include <string.h>

#include "base/array.h"
#include "pack/convert.h"

/* A number without leading zeros; its size, 0 if there is none. */
static size_t number_size(const char *text, size_t size)
{
    size_t digits = 0;

    while (digits < size && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    return digits > 1 && text[0] == '0' ? 0 : digits;
}

static bool has_numbers(const char *text, size_t size, uint32_t count, char separator)
{
    while (count--) {
        size_t digits = number_size(text, size);

        if (!digits || digits > 20)
            return false;
        text += digits;
        size -= digits;
        if (!count)
            return size == 0;
        if (!size || *text != separator)
            return false;
        text++;
        size--;
    }
    return false;
}

bool ozx_convert_is_key(const char *rest, size_t size_bytes, uint32_t count)
{
    return count ? has_numbers(rest, size_bytes, count, '/') : size_bytes == 0;
}

uint32_t ozx_convert_chunk(const struct ozx_convert *c, const char *path, size_t size_bytes,
                           const char **rest, size_t *rest_size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        uint32_t node;

        if (path[i] != 'c' || (i && path[i - 1] != '/') ||
            (i + 1 < size_bytes && path[i + 1] != '/'))
            continue;
        node = ozx_convert_find(c, path, i ? i - 1 : 0);
        if (node == OZX_CONVERT_NONE || !c->nodes[node].is_array)
            continue;
        i += 1 + (i + 1 < size_bytes);
        *rest = path + i;
        *rest_size_bytes = size_bytes - i;
        return node;
    }
    return OZX_CONVERT_NONE;
}

size_t ozx_convert_path_below(const struct ozx_convert_node *array, const char *rest,
                              size_t rest_size_bytes, char out[OZX_NAME_PATH_MAX + 1])
{
    size_t size = array->path_size_bytes;

    if (!array->dimensions) {
        rest = "0";
        rest_size_bytes = 1;
    }
    memcpy(out, array->path, size);
    if (rest_size_bytes && size + 1 + rest_size_bytes <= OZX_NAME_PATH_MAX) {
        if (size)
            out[size++] = '/';
        memcpy(out + size, rest, rest_size_bytes);
        for (size_t i = 0; array->names == OZX_CHUNK_NAMES_FLAT && i < rest_size_bytes; i++)
            if (out[size + i] == '/')
                out[size + i] = '.';
        size += rest_size_bytes;
    }
    out[size] = '\0';
    return size;
}

/* --- an array's directory --------------------------------------------------------------------- */

enum way { NO_CHUNK, FLAT, NESTED };

static enum way way_of(const struct ozx_convert_node *array,
                       const struct ozx_input_listing *listing, const struct ozx_input_item *item)
{
    const char *name = ozx_input_name(listing, item);
    uint32_t count = array->dimensions;

    if (item->is_directory)
        return count > 1 && has_numbers(name, item->name_size_bytes, 1, '.') ? NESTED : NO_CHUNK;
    if (!count)
        return item->name_size_bytes == 1 && *name == '0' ? FLAT : NO_CHUNK;
    return has_numbers(name, item->name_size_bytes, count, '.') ? FLAT : NO_CHUNK;
}

/* Keeps the items that are chunks, or those that are none. */
static void keep(const struct ozx_convert_node *array, struct ozx_input_listing *listing,
                 bool chunks)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < listing->count; i++) {
        const struct ozx_input_item item = listing->items[i];

        if ((way_of(array, listing, &item) != NO_CHUNK) == chunks)
            listing->items[kept++] = item;
    }
    listing->count = kept;
}

/* A copy of what is no chunk, with fingerprint and time, but without the descriptor. */
static int copy_rest(const struct ozx_convert_node *array, const struct ozx_input_listing *from,
                     struct ozx_input_listing *to)
{
    to->fingerprint = from->fingerprint;
    to->mtime_s = from->mtime_s;
    for (uint32_t i = 0; i < from->count; i++) {
        const struct ozx_input_item *item = &from->items[i];
        struct ozx_input_item *copy;

        if (way_of(array, from, item) != NO_CHUNK)
            continue;
        if (ozx_input_listing_add(to, ozx_input_name(from, item), item->name_size_bytes,
                                  item->is_directory, &copy))
            return -ENOMEM;
        copy->key = item->key;
        copy->is_lost = item->is_lost;
    }
    return 0;
}

/* Names become paths, in their order. */
static void sort_flat(struct ozx_input_listing *flat)
{
    for (uint32_t i = 0; i < flat->count; i++) {
        char *name = flat->names + flat->items[i].name_offset;
        for (uint16_t k = 0; k < flat->items[i].name_size_bytes; k++)
            if (name[k] == '.')
                name[k] = '/';
    }
    ozx_input_listing_sort(flat);
}

void ozx_convert_drop_flat(struct ozx_convert *c, const char *path, size_t size_bytes)
{
    const struct ozx_convert_node *array = c->flat.count ? &c->nodes[c->flat_node] : NULL;
    size_t size = array ? array->path_size_bytes : 0;

    if (array &&
        (size_bytes <= size || memcmp(array->path, path, size) != 0 || (size && path[size] != '/')))
        ozx_input_listing_free(&c->flat);
}

static int take_flat(struct ozx_convert *c, uint32_t node, uint32_t key,
                     struct ozx_input_listing *listing)
{
    const struct ozx_convert_node *array = &c->nodes[node];
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing rest = OZX_INPUT_LISTING_INIT;
    struct ozx_input_item *item;

    if (copy_rest(array, listing, &rest) ||
        ozx_input_listing_add(&rest, "c", 1, array->dimensions != 0, &item))
        return -ENOMEM;
    keep(array, listing, true);
    item->key = array->dimensions ? key : listing->items[0].key; /* the chunk itself */
    sort_flat(listing);
    ozx_input_listing_free(&c->flat);
    c->flat = *listing;
    c->flat_node = node;
    *listing = rest;
    rest = (struct ozx_input_listing)OZX_INPUT_LISTING_INIT;
    return 0;
}

static int take_nested(const struct ozx_convert_node *array, uint32_t key,
                       struct ozx_input_listing *listing)
{
    struct ozx_input_item *item;

    keep(array, listing, false);
    if (ozx_input_listing_add(listing, "c", 1, true, &item))
        return -ENOMEM;
    item->key = key;
    return 0;
}

int ozx_convert_take_chunks(struct ozx_convert *c, uint32_t node, uint32_t key,
                            struct ozx_input_listing *listing, struct ozx_error *error)
{
    struct ozx_convert_node *array = &c->nodes[node];
    uint32_t counts[3] = {0};
    enum ozx_convert_names names;
    int failure;

    for (uint32_t i = 0; i < listing->count; i++)
        counts[way_of(array, listing, &listing->items[i])]++;
    if (counts[FLAT] && counts[NESTED])
        return ozx_convert_refuse(c, array->path, array->path_size_bytes,
                                  "remove the chunks that are not the array's",
                                  "has chunks named like 0.0 and chunks named like 0/0", error);
    if (!counts[FLAT] && !counts[NESTED])
        return 0;
    names = counts[NESTED] ? OZX_CHUNK_NAMES_NESTED : OZX_CHUNK_NAMES_FLAT;
    if (array->dimensions > 1 && names != array->names && !c->separators.count++)
        c->separators.first = node;
    array->names = names;
    failure = counts[NESTED] ? take_nested(array, key, listing) : take_flat(c, node, key, listing);
    return failure ? ozx_error_memory(error) : 0;
}

/* --- directories of chunks -------------------------------------------------------------------- */

/* The first path that is not in front of `prefix` and a '/'. */
static uint32_t lower_bound(const struct ozx_input_listing *flat, const char *prefix, size_t size)
{
    uint32_t low = 0, high = flat->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *path = ozx_input_name(flat, &flat->items[middle]);
        int order = strncmp(path, prefix, size);

        if (order < 0 || (order == 0 && size && (unsigned char)path[size] < '/'))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The array's names again, where the walk has been elsewhere since: what is no chunk is asked for
 * later. */
static int need_flat(struct ozx_convert *c, uint32_t node, uint32_t key, struct ozx_error *error)
{
    const struct ozx_convert_node *array = &c->nodes[node];
    int failure;

    if (c->flat.count && c->flat_node == node)
        return 0;
    ozx_input_listing_free(&c->flat);
    failure =
        c->base->kind->list(c->base, array->path, array->path_size_bytes, key, &c->flat, error);
    if (failure)
        return failure;
    keep(array, &c->flat, true);
    sort_flat(&c->flat);
    c->flat_node = node;
    return 0;
}

/* `key`: of the array's directory. */
static int list_flat(const struct ozx_input_listing *flat, const char *prefix, size_t size,
                     uint32_t key, struct ozx_input_listing *out)
{
    const char *last = NULL;
    size_t last_size = 0, start = size + (size != 0);

    out->fingerprint = flat->fingerprint;
    out->mtime_s = flat->mtime_s;
    for (uint32_t i = lower_bound(flat, prefix, size); i < flat->count; i++) {
        const char *path = ozx_input_name(flat, &flat->items[i]), *name = path + start;
        struct ozx_input_item *item;
        size_t name_size;

        if (size && (strncmp(path, prefix, size) != 0 || path[size] != '/'))
            break;
        name_size = strcspn(name, "/");
        if (last && last_size == name_size && memcmp(last, name, name_size) == 0)
            continue;
        last = name;
        last_size = name_size;
        if (ozx_input_listing_add(out, name, name_size, name[name_size] == '/', &item))
            return -ENOMEM;
        item->key = item->is_directory ? key : flat->items[i].key;
        item->is_lost = !item->is_directory && flat->items[i].is_lost;
    }
    ozx_input_listing_sort(out);
    return 0;
}

int ozx_convert_list_chunks(struct ozx_convert *c, uint32_t node, const char *rest,
                            size_t rest_size_bytes, uint32_t key, struct ozx_input_listing *listing,
                            struct ozx_error *error)
{
    const struct ozx_convert_node *array = &c->nodes[node];
    char below[OZX_NAME_PATH_MAX + 1];
    uint32_t kept = 0;
    size_t size;
    int failure;

    if (array->names == OZX_CHUNK_NAMES_FLAT) {
        char prefix[OZX_NAME_PATH_MAX + 1];
        memcpy(prefix, rest, rest_size_bytes);
        prefix[rest_size_bytes] = '\0';
        failure = need_flat(c, node, key, error);
        return failure ? failure : list_flat(&c->flat, prefix, rest_size_bytes, key, listing);
    }
    size = ozx_convert_path_below(array, rest, rest_size_bytes, below);
    failure = c->base->kind->list(c->base, below, size, key, listing, error);
    if (failure || rest_size_bytes)
        return failure;
    for (uint32_t i = 0; i < listing->count; i++)
        if (way_of(array, listing, &listing->items[i]) == NESTED)
            listing->items[kept++] = listing->items[i];
    listing->count = kept;
    return 0;
}
