/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of chunks. Which of v2's two ways an array has is taken from the files: writers of
 * nested stores stated the other one, and to a reader that believes it all of the array is fill.
 *
 * A flat directory's names become paths by one byte; sorted, as both bytes are less than a digit's,
 * they are the tree that v3 has already:
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

static enum way way_of(const struct ozx_convert_node *array, const char *name,
                       const struct ozx_input_item *item)
{
    uint32_t count = array->dimensions;

    if (item->is_directory)
        return count > 1 && has_numbers(name, item->name_size_bytes, 1, '.') ? NESTED : NO_CHUNK;
    if (!count)
        return item->name_size_bytes == 1 && *name == '0' ? FLAT : NO_CHUNK;
    return has_numbers(name, item->name_size_bytes, count, '.') ? FLAT : NO_CHUNK;
}

static enum way way_in(const struct ozx_convert_node *array,
                       const struct ozx_input_listing *listing, uint32_t index)
{
    const struct ozx_input_item *item = &listing->items[index];

    return way_of(array, ozx_input_name(listing, item), item);
}

/* Keeps the items that are chunks, or those that are none. */
static void keep(const struct ozx_convert_node *array, struct ozx_input_listing *listing,
                 bool chunks)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < listing->count; i++)
        if ((way_in(array, listing, i) != NO_CHUNK) == chunks)
            listing->items[kept++] = listing->items[i];
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

        if (way_in(array, from, i) == NO_CHUNK &&
            ozx_input_listing_add_item(to, ozx_input_name(from, item), item))
            return -ENOMEM;
    }
    return 0;
}

/* --- what listings omit ----------------------------------------------------------------------- */

bool ozx_convert_omits(const char *name, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        if ((name[i] < '0' || name[i] > '9') && name[i] != '.')
            return false;
    return true;
}

/* The next item that was omitted, from *key on; NULL: there is none in front of `end`. */
static const char *next_omitted(const struct ozx_convert *c, uint32_t *key, uint32_t end,
                                struct ozx_input_item *item)
{
    for (; *key < end; ++*key) {
        const char *name = c->base->kind->item_of(c->base, *key, item);

        if (!item->is_directory && ozx_convert_omits(name, item->name_size_bytes))
            return name;
    }
    return NULL;
}

int ozx_convert_add_omitted(const struct ozx_convert *c, uint32_t node, uint32_t key,
                            struct ozx_input_listing *listing, struct ozx_error *error)
{
    const struct ozx_convert_node *array =
        node != OZX_CONVERT_NONE && c->nodes[node].is_array ? &c->nodes[node] : NULL;
    struct ozx_input_item item;
    uint32_t at, count;
    const char *name;

    if (!c->base->kind->keys_of)
        return 0;
    c->base->kind->keys_of(c->base, key, &at, &count);
    for (const uint32_t end = at + count; (name = next_omitted(c, &at, end, &item)); at++)
        if ((!array || way_of(array, name, &item) != FLAT) &&
            ozx_input_listing_add_item(listing, name, &item))
            return ozx_error_memory(error);
    ozx_input_listing_sort(listing);
    return 0;
}

/* The chunks among them: how many, and the first one's key. */
static uint32_t count_omitted(const struct ozx_convert *c, const struct ozx_convert_node *array,
                              uint32_t key, uint32_t *first)
{
    struct ozx_input_item item;
    uint32_t at, count, found = 0;
    const char *name;

    c->base->kind->keys_of(c->base, key, &at, &count);
    for (const uint32_t end = at + count; (name = next_omitted(c, &at, end, &item)); at++)
        if (way_of(array, name, &item) == FLAT && !found++)
            *first = at;
    return found;
}

/* --- chunks in one directory ------------------------------------------------------------------ */

static void free_flat(struct ozx_convert_flat *flat)
{
    ozx_input_listing_free(&flat->listing);
    flat->count = 0;
}

void ozx_convert_drop_flat(struct ozx_convert *c, const char *path, size_t size_bytes)
{
    const struct ozx_convert_node *array = c->flat.count ? &c->nodes[c->flat.node] : NULL;
    size_t size = array ? array->path_size_bytes : 0;

    if (array &&
        (size_bytes <= size || memcmp(array->path, path, size) != 0 || (size && path[size] != '/')))
        free_flat(&c->flat);
}

/* All of the directory with `key`, which is an array's; a listing follows, if there is one. */
static void begin_flat(struct ozx_convert *c, uint32_t node, uint32_t key)
{
    free_flat(&c->flat);
    c->flat.node = node;
    if (c->base->kind->keys_of)
        c->base->kind->keys_of(c->base, key, &c->flat.first, &c->flat.count);
}

static void use_listing(struct ozx_convert_flat *flat, const struct ozx_input_listing *listing)
{
    flat->listing = *listing;
    flat->count = listing->count;
}

/* `first`: the key of the first chunk, where they are not in the listing. */
static int take_flat(struct ozx_convert *c, uint32_t node, uint32_t key, uint32_t first,
                     struct ozx_input_listing *listing)
{
    const struct ozx_convert_node *array = &c->nodes[node];
    OZX_CLEANUP(ozx_input_listing_free) struct ozx_input_listing rest = OZX_INPUT_LISTING_INIT;
    struct ozx_input_item *item;

    begin_flat(c, node, key);
    if (c->base->kind->keys_of) {
        if (ozx_input_listing_add(listing, "c", 1, array->dimensions != 0, &item))
            return -ENOMEM;
    } else {
        if (copy_rest(array, listing, &rest) ||
            ozx_input_listing_add(&rest, "c", 1, array->dimensions != 0, &item))
            return -ENOMEM;
        keep(array, listing, true);
        first = listing->items[0].key;
        use_listing(&c->flat, listing);
        *listing = rest;
        rest = (struct ozx_input_listing)OZX_INPUT_LISTING_INIT;
    }
    item->key = array->dimensions ? key : first; /* the chunk itself */
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
    uint32_t counts[3] = {0}, first = 0;
    enum ozx_convert_names names;
    int failure;

    for (uint32_t i = 0; i < listing->count; i++)
        counts[way_in(array, listing, i)]++;
    if (c->base->kind->keys_of)
        counts[FLAT] += count_omitted(c, array, key, &first);
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
    failure =
        counts[NESTED] ? take_nested(array, key, listing) : take_flat(c, node, key, first, listing);
    return failure ? ozx_error_memory(error) : 0;
}

/* --- directories of chunks -------------------------------------------------------------------- */

static const char *flat_item(const struct ozx_convert *c, uint32_t index,
                             struct ozx_input_item *item)
{
    if (c->base->kind->keys_of)
        return c->base->kind->item_of(c->base, c->flat.first + index, item);
    *item = c->flat.listing.items[index];
    return ozx_input_name(&c->flat.listing, item);
}

/* The name begins with the prefix, and then with '.', unless there is no prefix. */
static bool is_below(const char *name, size_t name_size, const char *prefix, size_t size)
{
    return !size || (name_size > size && memcmp(name, prefix, size) == 0 && name[size] == '.');
}

/* The first name that is not in front of `prefix` and a '.'. */
static uint32_t lower_bound(const struct ozx_convert *c, const char *prefix, size_t size)
{
    uint32_t low = 0, high = c->flat.count;

    while (low < high && size) {
        uint32_t middle = low + (high - low) / 2;
        struct ozx_input_item item;
        const char *name = flat_item(c, middle, &item);
        size_t name_size = item.name_size_bytes;
        int order = memcmp(name, prefix, name_size < size ? name_size : size);

        if (order < 0 || (order == 0 && (name_size <= size || (unsigned char)name[size] < '.')))
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
    struct ozx_input_listing listing = OZX_INPUT_LISTING_INIT;
    int failure;

    if (c->flat.count && c->flat.node == node)
        return 0;
    begin_flat(c, node, key);
    if (c->base->kind->keys_of)
        return 0;
    failure =
        c->base->kind->list(c->base, array->path, array->path_size_bytes, key, &listing, error);
    if (failure) {
        ozx_input_listing_free(&listing);
        return failure;
    }
    keep(array, &listing, true);
    use_listing(&c->flat, &listing);
    return 0;
}

/* `key`: of the array's directory. */
static int list_flat(const struct ozx_convert *c, const char *prefix, size_t size, uint32_t key,
                     struct ozx_input_listing *out)
{
    const struct ozx_convert_node *array = &c->nodes[c->flat.node];
    const char *last = NULL;
    size_t last_size = 0, start = size + (size != 0);

    out->fingerprint = c->flat.listing.fingerprint;
    out->mtime_s = c->flat.listing.mtime_s;
    for (uint32_t i = lower_bound(c, prefix, size); i < c->flat.count; i++) {
        struct ozx_input_item item;
        const char *name = flat_item(c, i, &item), *dot;

        if (!is_below(name, item.name_size_bytes, prefix, size))
            break;
        if (way_of(array, name, &item) != FLAT)
            continue;
        name += start;
        item.name_size_bytes = (uint16_t)(item.name_size_bytes - start);
        dot = memchr(name, '.', item.name_size_bytes);
        if (dot) {
            item.is_directory = true;
            item.is_lost = false;
            item.key = key;
            item.name_size_bytes = (uint16_t)(dot - name);
        }
        if (last && last_size == item.name_size_bytes && memcmp(last, name, last_size) == 0)
            continue;
        last = name;
        last_size = item.name_size_bytes;
        if (ozx_input_listing_add_item(out, name, &item))
            return -ENOMEM;
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
        for (size_t i = 0; i < rest_size_bytes; i++)
            prefix[i] = rest[i] == '/' ? '.' : rest[i];
        failure = need_flat(c, node, key, error);
        return failure ? failure : list_flat(c, prefix, rest_size_bytes, key, listing);
    }
    size = ozx_convert_path_below(array, rest, rest_size_bytes, below);
    failure = c->base->kind->list(c->base, below, size, key, listing, error);
    if (failure || rest_size_bytes)
        return failure;
    for (uint32_t i = 0; i < listing->count; i++)
        if (way_in(array, listing, i) == NESTED)
            listing->items[kept++] = listing->items[i];
    listing->count = kept;
    return 0;
}
