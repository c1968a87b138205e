/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What one directory of the file system holds, for the walk (pack/walk.c).
 */
#ifndef OZX_PACK_WALK_LISTING_H
#define OZX_PACK_WALK_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define OZX_WALK_BUFFER_SIZE (64 * 1024)

struct ozx_walk_item {
    uint32_t name_offset; /* into the listing's names */
    uint16_t name_size;
    bool is_directory;
};

/* What one directory holds, sorted by path bytes. */
struct ozx_walk_listing {
    struct ozx_walk_item *items;
    uint32_t count, room;
    char *names; /* each terminated; a directory's ends in '/' for sorting, */
    uint32_t names_used, names_room;
};

/* Lists the open directory; `buffer` is for the kernel's answers, aligned as those are. -ENOMEM, or
 * what getdents64(2) says; the listing, which was empty, is to be freed in any case. */
int ozx_walk_list(int fd, char buffer[OZX_WALK_BUFFER_SIZE],
                  struct ozx_walk_listing *listing) OZX_CHECKED;

/* A file `zarr.json` is in it. */
bool ozx_walk_has_metadata(const struct ozx_walk_listing *listing);

void ozx_walk_listing_free(struct ozx_walk_listing *listing);

#endif
