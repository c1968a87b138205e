/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Listing a directory: its names, which of them are directories, in the order of their paths'
 * bytes.
 */
#include "pack/walk_listing.h"

#include "base/array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int by_path_bytes(const void *a, const void *b, void *names)
{
    const struct ozx_walk_item *x = a, *y = b;
    /* A directory's children sort behind its name and a '/': that is what its name ends in here. */
    size_t x_size = x->name_size + (size_t)x->is_directory,
           y_size = y->name_size + (size_t)y->is_directory;
    int order = memcmp((const char *)names + x->name_offset, (const char *)names + y->name_offset,
                       x_size < y_size ? x_size : y_size);

    return order ? order : (x_size > y_size) - (x_size < y_size);
}

static int listing_add(struct ozx_walk_listing *listing, const char *name, bool is_directory)
{
    size_t size = strlen(name);

    if (ozx_array_reserve((void **)&listing->items, listing->count, &listing->room,
                          sizeof *listing->items))
        return -ENOMEM;
    if (listing->names_room - listing->names_used < size + 2) {
        uint32_t room = listing->names_room ? listing->names_room * 2 : 2048;
        char *grown;
        if (room < listing->names_room || !(grown = realloc(listing->names, room)))
            return -ENOMEM;
        listing->names = grown;
        listing->names_room = room;
    }
    listing->items[listing->count++] = (struct ozx_walk_item){
        .name_offset = listing->names_used,
        .name_size = (uint16_t)size,
        .is_directory = is_directory,
    };
    memcpy(listing->names + listing->names_used, name, size);
    listing->names[listing->names_used + size] = is_directory ? '/' : '\0';
    listing->names[listing->names_used + size + 1] = '\0';
    listing->names_used += (uint32_t)size + 2;
    return 0;
}

/* Not every file system says what a name is. */
static bool names_directory(int fd, const struct dirent64 *dirent)
{
    struct stat st;

    if (dirent->d_type != DT_UNKNOWN)
        return dirent->d_type == DT_DIR;
    return fstatat(fd, dirent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int ozx_walk_list(int fd, char buffer[OZX_WALK_BUFFER_SIZE], struct ozx_walk_listing *listing)
{
    ssize_t got;

    while ((got = getdents64(fd, buffer, OZX_WALK_BUFFER_SIZE)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *dirent = (const void *)(buffer + at);
            const char *name = dirent->d_name;
            int failure;

            at += dirent->d_reclen;
            if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                continue;
            failure = listing_add(listing, name, names_directory(fd, dirent));
            if (failure)
                return failure;
        }
    }
    if (got < 0)
        return -errno;
    if (listing->count)
        qsort_r(listing->items, listing->count, sizeof *listing->items, by_path_bytes,
                listing->names);
    return 0;
}

bool ozx_walk_has_metadata(const struct ozx_walk_listing *listing)
{
    for (uint32_t i = 0; i < listing->count; i++)
        if (!listing->items[i].is_directory &&
            strcmp(listing->names + listing->items[i].name_offset, "zarr.json") == 0)
            return true;
    return false;
}

void ozx_walk_listing_free(struct ozx_walk_listing *listing)
{
    free(listing->items);
    free(listing->names);
}
