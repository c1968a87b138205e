/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What append.c, append_directory.c and settle.c share.
 */
#ifndef OZX_EDIT_APPEND_PARTS_H
#define OZX_EDIT_APPEND_PARTS_H

#include "base/error.h"
#include "edit/append.h"
#include "zip/append_mark.h"

/* Of the new directory. */
enum ozx_append_where {
    OZX_APPEND_OLD,   /* bytes of the old archive */
    OZX_APPEND_FRESH, /* of `fresh` */
    OZX_APPEND_TREE,  /* the headers of entries of the tree, which are made when they are read */
};

struct ozx_append_piece {
    enum ozx_append_where where;
    uint64_t from, to; /* there: offsets, or numbers of entries */
    uint64_t size_bytes;
};

struct ozx_append_state {
    const struct ozx_append *append;
    struct ozx_zip_end_records old;
    struct ozx_append_piece *pieces; /* owned: the new directory */
    uint32_t piece_count, piece_room;
    bool no_memory; /* a piece is missing */
    uint8_t *fresh; /* owned: central headers of new entries that are not the tree's */
    size_t fresh_size_bytes;
    uint64_t size_bytes; /* of the new directory */
    uint64_t kept_bytes; /* up to this offset the old one is in it, or left out */
    uint64_t at_bytes;   /* of the old header at hand */
    bool leaves_out;     /* that one */
    uint64_t entry_count;
    uint32_t new_count; /* of the new entries and the tree's that are in it */
    uint64_t tree_count;
    uint64_t entries_end_bytes;  /* where the bytes of what is appended end */
    uint64_t first_offset_bytes; /* of the first local header that stays */
    uint64_t
        replaced_offsets_bytes[OZX_APPEND_CLEAR_MAX]; /* of those that do not, in order at last */
    uint32_t replaced_count;
    char *comment; /* owned */
    uint16_t comment_size_bytes;
    uint64_t directory_offset_bytes, mark_offset_bytes;
    struct ozx_append_mark mark;
};

/* --- append_pieces.c --- */

/* The old directory goes on to that offset; nothing if it has. */
void ozx_append_keep(struct ozx_append_state *s, uint64_t to_bytes);
/* A new header; `fresh` has room. */
void ozx_append_put_new(struct ozx_append_state *s, const struct ozx_zip_file *file);
/* That of the tree's next entry. */
void ozx_append_put_tree(struct ozx_append_state *s, const struct ozx_zip_file *file);

/* In front of the data of a block are the last bytes of the one before it; of the first one, zeros.
 */
#define OZX_APPEND_CARRY 3
typedef int (*ozx_append_block)(void *context, const uint8_t *data, size_t size_bytes,
                                struct ozx_error *error);

/* The bytes of the new directory. The errors of reading the old one, and what `block` returns. */
int ozx_append_each_block(const struct ozx_append_state *s, ozx_append_block block, void *context,
                          struct ozx_error *error) OZX_CHECKED;

/* append_directory.c: the new directory (and `entries_end_bytes`), from the old one, which `old`
 * names. */
int ozx_append_make_directory(struct ozx_append_state *s, struct ozx_error *error) OZX_CHECKED;
/* In front of what is the first entry now, other readers must not find the beginning of another
 * archive, such as an entry that another program left behind. */
int ozx_append_check_front(struct ozx_append_state *s, struct ozx_error *error) OZX_CHECKED;
struct ozx_zip_file ozx_append_file(const struct ozx_append_entry *entry);

/* --- append_disk.c --- */

/* All of it, at that offset. */
int ozx_append_put(int fd, const void *data, size_t size_bytes, uint64_t offset_bytes,
                   struct ozx_error *error) OZX_CHECKED;
int ozx_append_sync(int fd, struct ozx_error *error) OZX_CHECKED;
/* The file has that size, and that is on the disk. */
int ozx_append_cut(int fd, uint64_t size_bytes, struct ozx_error *error) OZX_CHECKED;
/* Steps 4 and 5 of append.h; may be done again. */
int ozx_append_finish(int fd, const struct ozx_append_mark *mark,
                      struct ozx_error *error) OZX_CHECKED;

#endif
