/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one directory of an input holds, in the order of its paths' bytes. Filled by an input
 * (pack/input.h), read by the walk.
 */
#ifndef OZX_PACK_INPUT_LISTING_H
#define OZX_PACK_INPUT_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ozx_input_item {
    uint32_t name_offset; /* into the listing's names */
    uint32_t key;         /* the input's own */
    uint16_t name_size_bytes;
    bool is_directory;
    bool is_lost; /* it is there, but not to be had, and that was told */
};

struct ozx_input_listing {
    struct ozx_input_item *items;
    uint32_t count, room;
    char *names; /* each terminated; a directory's has a '/' before that, for sorting */
    uint32_t names_used, names_room;
    uint64_t fingerprint; /* of the directory: another one means a change; 0: it cannot change */
    int64_t mtime_s;
    int fd; /* the input's own; -1 */
    /* Files of which it is true are not wanted, by an input that has `keys_of`; may be NULL. */
    bool (*omits)(const char *name, size_t name_size_bytes);
};

#define OZX_INPUT_LISTING_INIT                                                                     \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* The name is copied; `*item` (borrowed until the next call) may be filled in further. -ENOMEM. */
int ozx_input_listing_add(struct ozx_input_listing *listing, const char *name,
                          size_t name_size_bytes, bool is_directory,
                          struct ozx_input_item **item) OZX_CHECKED;

/* The same of an item as it is but for its name_offset. */
int ozx_input_listing_add_item(struct ozx_input_listing *listing, const char *name,
                               const struct ozx_input_item *item) OZX_CHECKED;

void ozx_input_listing_sort(struct ozx_input_listing *listing);

/* The item's name, terminated by '/' or NUL. */
static inline const char *ozx_input_name(const struct ozx_input_listing *listing,
                                         const struct ozx_input_item *item)
{
    return listing->names + item->name_offset;
}

/* A file of that name is in it. */
bool ozx_input_listing_has(const struct ozx_input_listing *listing, const char *name);

void ozx_input_listing_free(struct ozx_input_listing *listing);

#endif
