/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The memory of a listing, and its order.
 */
#include "pack/input_listing.h"

#include <string.h>

#include "base/array.h"

#define NAMES_MIN 2048

int ozx_input_listing_add(struct ozx_input_listing *listing, const char *name,
                          size_t name_size_bytes, bool is_directory, struct ozx_input_item **item)
{
    char *at;

    if (listing->names_room - listing->names_used < name_size_bytes + 2) {
        uint32_t room = listing->names_room + listing->names_room / 2 + NAMES_MIN;
        char *grown;
        if (room < listing->names_room || !(grown = realloc(listing->names, room)))
            return -ENOMEM;
        listing->names = grown;
        listing->names_room = room;
    }
    if (ozx_array_grow(listing->items, listing->count, &listing->room))
        return -ENOMEM;
    *item = &listing->items[listing->count++];
    **item = (struct ozx_input_item){.name_offset = listing->names_used,
                                     .name_size_bytes = (uint16_t)name_size_bytes,
                                     .is_directory = is_directory};
    at = listing->names + listing->names_used;
    memcpy(at, name, name_size_bytes);
    at[name_size_bytes] = is_directory ? '/' : '\0';
    at[name_size_bytes + 1] = '\0';
    listing->names_used += (uint32_t)name_size_bytes + 2;
    return 0;
}

int ozx_input_listing_add_item(struct ozx_input_listing *listing, const char *name,
                               const struct ozx_input_item *item)
{
    struct ozx_input_item *copy;

    if (ozx_input_listing_add(listing, name, item->name_size_bytes, item->is_directory, &copy))
        return -ENOMEM;
    copy->key = item->key;
    copy->is_lost = item->is_lost;
    return 0;
}

static int by_path_bytes(const void *a, const void *b, void *names)
{
    const struct ozx_input_item *x = a, *y = b;
    /* A directory's children sort behind its name and a '/': that is what its name ends in here. */
    size_t x_size = x->name_size_bytes + (size_t)x->is_directory,
           y_size = y->name_size_bytes + (size_t)y->is_directory;
    int order = memcmp((const char *)names + x->name_offset, (const char *)names + y->name_offset,
                       x_size < y_size ? x_size : y_size);

    return order ? order : (x_size > y_size) - (x_size < y_size);
}

static bool is_sorted(const struct ozx_input_listing *listing)
{
    for (uint32_t i = 1; i < listing->count; i++)
        if (by_path_bytes(&listing->items[i - 1], &listing->items[i], listing->names) > 0)
            return false;
    return true;
}

void ozx_input_listing_sort(struct ozx_input_listing *listing)
{
    if (!is_sorted(listing)) /* qsort of glibc would take the memory of the list once more */
        qsort_r(listing->items, listing->count, sizeof *listing->items, by_path_bytes,
                listing->names);
}

bool ozx_input_listing_has(const struct ozx_input_listing *listing, const char *name)
{
    size_t size = strlen(name);

    for (uint32_t i = 0; i < listing->count; i++) {
        const struct ozx_input_item *item = &listing->items[i];
        if (!item->is_directory && item->name_size_bytes == size &&
            memcmp(ozx_input_name(listing, item), name, size) == 0)
            return true;
    }
    return false;
}

void ozx_input_listing_free(struct ozx_input_listing *listing)
{
    if (listing->fd >= 0)
        close(listing->fd);
    free(listing->items);
    free(listing->names);
    *listing = (struct ozx_input_listing)OZX_INPUT_LISTING_INIT;
}
