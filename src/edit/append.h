/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Appending entries to an archive, so that whatever becomes of the machine, and at any byte,
 * readers see the old tree, the new one, or refuse.
 *
 *     [the old archive] 0 [new entries] 0 [mark][new directory][new end] 0 [mark]
 *                     ^ old size          |<-- >= 132,000 bytes ------>|^ new size
 *
 * The zarr.json of new nodes are listed in front of all that is none, breadth-first where the
 * others are, so that an order that was RFC-9's stays so; all other new entries are listed last.
 *
 *  1  the mark behind all else (zip/append_mark.h), which says the old size              fsync
 *  2  new entries, mark, directory, end records; the end record without its signature    fsync
 *     (what was written of a tree was read back before the directory was)
 *  3  the four bytes of that signature: from here on the new tree is the tree            fsync
 *  4  zeros over the signatures of the local headers of what was replaced               fsync
 *  5  the mark behind all else is cut off                                                fsync
 *
 * Until 3 no byte of what was there is changed, and there is no end record in the last 132,000
 * bytes, which is more than any reader looks back (zipfile, unzip and 7-Zip 64 KiB, ours 128 KiB):
 * they refuse the file, wherever it was cut; that goes for the size that 1 leaves, too. A torn
 * write of four bytes is no signature. From 3 on the new end record is the only one in these bytes.
 * 4 is for 7-Zip and for readers of streams: they take the first local header that they meet for
 * the beginning of the archive, and see the old tree if no entry of the new one begins there, as
 * where a root's zarr.json was replaced. What 1 to 4 leave is ended by ozx_append_settle: cut to
 * the old size, or 4 and 5 done again.
 */
#ifndef OZX_EDIT_APPEND_H
#define OZX_EDIT_APPEND_H

#include <stdbool.h>

#include "base/error.h"
#include "io/source.h"
#include "zip/format.h"
#include "zip/writer.h"

struct ozx_append_entry {
    const char *path; /* takes the place of the entry of that path, if there is one; borrowed */
    const void *data; /* borrowed */
    uint64_t size_bytes;
    int64_t mtime_s;
    bool is_new;      /* a zarr.json of which there is no entry */
    bool is_in_place; /* from here on comes out */
    uint32_t crc32;
    uint64_t local_offset_bytes;
};

/* Entries whose bytes the caller writes, between reserving and completing, and none of which is
 * there. */
struct ozx_append_tree {
    void *context;
    uint64_t count, metadata_count; /* the first of them are zarr.json, breadth-first */
    uint64_t end_bytes; /* the offset behind their bytes, which begin at ozx_append_place */
    /* Entry `index`; its CRC-32 is right when it is completed. */
    struct ozx_zip_file (*file)(void *context, uint64_t index, char path[OZX_NAME_PATH_MAX + 1]);
};

struct ozx_append {
    struct ozx_source *source; /* over `fd`; nothing is read from it after the first write */
    int fd;                    /* open for reading and writing */
    struct ozx_append_entry
        *entries; /* new ones first, breadth-first, and above what is in the tree */
    uint32_t entry_count;
    const struct ozx_append_tree *tree; /* NULL: none */
    const char *comment;                /* the archive's new one, borrowed; NULL: as it was */
    size_t comment_size_bytes;
};

/* The archive was opened and found good by the caller. On failure the file is as it was, unless the
 * error says otherwise. -EBADMSG: what ozx_zip_end_records_read says, or the new directory would
 * hold an end record's signature; the errno of a write that failed. */
int ozx_append(const struct ozx_append *append, struct ozx_error *error) OZX_CHECKED;

/* The same in two calls, for a tree: everything is checked, and step 1; the rest. In between
 * nothing but the tree is written, and what failed then is ended by ozx_append_settle. `source` is
 * over the old archive in both, and what `append` says is the same in both but for CRC-32s. */
int ozx_append_reserve(const struct ozx_append *append, struct ozx_error *error) OZX_CHECKED;
int ozx_append_complete(const struct ozx_append *append, struct ozx_error *error) OZX_CHECKED;

/* Where the bytes of a tree begin, behind an archive of that size. */
uint64_t ozx_append_place(uint64_t old_size_bytes);

enum ozx_append_settled {
    OZX_APPEND_NOTHING,  /* there was no append that was cut short */
    OZX_APPEND_RESTORED, /* the old tree is there */
    OZX_APPEND_FINISHED, /* the new one */
};

/* Ends an append that was cut short. `source` is over `fd`, and not to be read from any more where
 * `*out` says that something was done. */
int ozx_append_settle(struct ozx_source *source, int fd, enum ozx_append_settled *out,
                      struct ozx_error *error) OZX_CHECKED;

#endif
