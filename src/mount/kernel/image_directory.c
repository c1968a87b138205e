/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The entries of a directory. "." and ".." are sorted in with the others: a name may begin with a
 * byte below the dot.
 */
#include "mount/kernel/image_directory.h"

#include <string.h>

#include "archive/tree.h"
#include "mount/kernel/erofs.h"

#define ENTRIES_MAX (OZX_EROFS_BLOCK / (sizeof(struct ozx_erofs_dirent) + 1)) /* in a block */

struct entry {
    const char *name;
    size_t size;
    uint32_t row;
};

/* Where a walk over the entries is. */
struct walk {
    const struct ozx_kernel_image_listing *listing;
    uint32_t next; /* row */
    uint32_t dots; /* of the two, so many are behind it */
};

static bool next_entry(struct walk *w, struct entry *out)
{
    const struct ozx_kernel_image_listing *listing = w->listing;
    const struct ozx_table *table = listing->table;
    const struct ozx_row *row = w->next < listing->end ? &table->rows[w->next] : NULL;

    if (w->dots < 2) {
        static const char dots[] = "..";
        size_t size = w->dots + 1;
        if (!row ||
            ozx_name_compare(dots, size, table->names + row->name_offset, row->name_size) < 0) {
            *out = (struct entry){dots, size,
                                  w->dots ? table->rows[listing->row].parent : listing->row};
            w->dots++;
            return true;
        }
    }
    if (!row)
        return false;
    *out = (struct entry){table->names + row->name_offset, row->name_size, w->next++};
    return true;
}

uint64_t ozx_kernel_image_directory_size(const struct ozx_kernel_image_listing *listing)
{
    struct walk walk = {.listing = listing, .next = listing->first};
    struct entry entry;
    uint64_t blocks = 0, used = 0;

    while (next_entry(&walk, &entry)) {
        uint64_t size = sizeof(struct ozx_erofs_dirent) + entry.size;
        if (used + size > OZX_EROFS_BLOCK) {
            blocks++;
            used = 0;
        }
        used += size;
    }
    return blocks * OZX_EROFS_BLOCK + used;
}

static void write_block(const struct ozx_kernel_image_listing *listing, const struct entry *entries,
                        size_t count, uint8_t *to)
{
    size_t offset = count * sizeof(struct ozx_erofs_dirent);

    for (size_t i = 0; i < count; i++) {
        bool is_directory = listing->table->rows[entries[i].row].kind == OZX_ROW_DIRECTORY;
        const struct ozx_erofs_dirent dirent = {
            .nid = htole64(listing->nids[entries[i].row]),
            .nameoff = htole16((uint16_t)offset),
            .file_type = is_directory ? OZX_EROFS_TYPE_DIR : OZX_EROFS_TYPE_FILE,
        };
        memcpy(to + i * sizeof dirent, &dirent, sizeof dirent);
        memcpy(to + offset, entries[i].name, entries[i].size);
        offset += entries[i].size;
    }
}

void ozx_kernel_image_directory_write(const struct ozx_kernel_image_listing *listing, uint8_t *to)
{
    struct walk walk = {.listing = listing, .next = listing->first};
    struct entry entries[ENTRIES_MAX], entry;
    size_t count = 0, used = 0;

    while (next_entry(&walk, &entry)) {
        size_t size = sizeof(struct ozx_erofs_dirent) + entry.size;
        if (used + size > OZX_EROFS_BLOCK) {
            write_block(listing, entries, count, to);
            to += OZX_EROFS_BLOCK;
            count = used = 0;
        }
        entries[count++] = entry;
        used += size;
    }
    write_block(listing, entries, count, to);
}
