/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An input of Zarr v2 shown as one of v3, while it is read. Private to
 *
 *     input_convert.c   the input: which path is what
 *     convert_list.c    what a directory of v3 holds
 *     convert_node.c    zarr.json files, made and kept in memory
 *     convert_chunks.c  the names of chunks
 *     convert_tables.c  nodes and texts
 *     convert_tell.c    what was done, in words
 *
 * Paths are those of v3. Those of the input below differ from them only inside of arrays:
 *
 *     shown         0/zarr.json     0/c/1/2      0/c/1/2
 *     below         0/.zarray       0/1/2        0/1.2
 *
 * Memory: of each node about 100 bytes, its path and its zarr.json (one for all that are equal); of
 * an array whose chunks lie in one directory its listing, as long as it is walked, unless the input
 * below can be asked for one name after the other (keys_of).
 */
#ifndef OZX_PACK_CONVERT_H
#define OZX_PACK_CONVERT_H

#include "pack/input.h"
#include "zarr/metadata_files.h"
#include "zarr/v2.h"
#include "zip/format.h"

/* A file of v2 that a zarr.json was made from. */
struct ozx_convert_source {
    uint64_t size_bytes, key;
    bool is_there;
};

enum ozx_convert_file { OZX_ZGROUP, OZX_ZARRAY, OZX_ZATTRS, OZX_CONVERT_FILES };

/* How the chunks of an array are named below. */
enum ozx_convert_names {
    OZX_CHUNK_NAMES_NONE,   /* there are none, or one without a name of numbers (0 dimensions) */
    OZX_CHUNK_NAMES_FLAT,   /* 0.1.2 */
    OZX_CHUNK_NAMES_NESTED, /* 0/1/2 */
};

struct ozx_convert_node {
    char *path; /* owned */
    uint32_t path_size_bytes;
    uint32_t text; /* of its zarr.json */
    struct ozx_convert_source sources[OZX_CONVERT_FILES];
    int64_t mtime_s;
    bool is_array;
    uint32_t dimensions;
    enum ozx_convert_names names;
};

struct ozx_convert_text {
    char *bytes; /* owned */
    size_t size_bytes;
    uint32_t hash;
};

/* A number for each of some things, found by a hash of them: open addressing. */
struct ozx_convert_index {
    uint32_t *slots; /* owned; 1 + the number, 0: free */
    uint32_t room;   /* a power of two, 0 at first */
};

/* A group with multiscales on the way down to where the walk is. */
struct ozx_convert_image {
    uint32_t node;
    struct ozx_metadata *metadata; /* owned */
};

/* Things of one kind that were done. */
struct ozx_convert_count {
    uint64_t count;
    uint32_t first; /* the node */
};

/* The chunks of an array that lie in one directory, by name. */
struct ozx_convert_flat {
    uint32_t node;  /* the array */
    uint32_t count; /* 0: of none */
    uint32_t first; /* the first one's key, if the input below has keys_of; some may be no chunks */
    struct ozx_input_listing listing; /* if it has not: all chunks */
};

struct ozx_convert {
    struct ozx_input input;
    struct ozx_input_kind kind;
    struct ozx_input *base; /* owned */
    bool is_v3;             /* it was v3 already: all is as it is, but for what v2 left beside it */

    struct ozx_convert_node *nodes; /* owned */
    uint32_t node_count, node_room;
    struct ozx_convert_index node_index;
    struct ozx_convert_text *texts; /* owned */
    uint32_t text_count, text_room;
    struct ozx_convert_index text_index;

    /* Of the walk. */
    struct ozx_convert_image *images; /* owned */
    uint32_t image_count, image_room;
    struct ozx_convert_flat flat;

    struct ozx_convert_count said[OZX_V2_SAID_BITS], codecs[OZX_V2_CODECS_MAX];
    struct ozx_convert_count separators, implicit;
    uint64_t zmetadata, beside_v3;
};

static inline struct ozx_convert *ozx_convert_of(const struct ozx_input *input)
{
    return (struct ozx_convert *)(uintptr_t)input;
}

#define OZX_CONVERT_NONE UINT32_MAX

/* --- convert_tables.c ------------------------------------------------------------------------- */

/* -EBADMSG about a path, escaped, between '. */
int ozx_convert_refuse(const struct ozx_convert *c, const char *path, size_t size_bytes,
                       const char *hint, const char *what, struct ozx_error *error);
const char *ozx_convert_file_name(enum ozx_convert_file file);
/* Takes the text, unless there is one like it: then it is still the caller's. -ENOMEM. */
int ozx_convert_keep_text(struct ozx_convert *c, struct ozx_text *text,
                          uint32_t *number) OZX_CHECKED;
/* Takes the node's path. -ENOMEM. */
int ozx_convert_keep_node(struct ozx_convert *c, struct ozx_convert_node *node,
                          uint32_t *number) OZX_CHECKED;
void ozx_convert_free_nodes(struct ozx_convert *c);
/* Whose path is the first `size_bytes` of `path`. */
uint32_t ozx_convert_find(const struct ozx_convert *c, const char *path, size_t size_bytes);

/* --- convert_node.c --------------------------------------------------------------------------- */

/* The zarr.json of the node at `path`, which has the files of v2 that `has` says; `*node` is its
 * number. `mtime_s`: where it has none of them. */
int ozx_convert_make(struct ozx_convert *c, const char *path, size_t size_bytes,
                     const bool has[OZX_CONVERT_FILES], int64_t mtime_s, uint32_t *node,
                     struct ozx_error *error) OZX_CHECKED;
/* -ESTALE: what it was made of is not what it was. */
int ozx_convert_check(const struct ozx_convert *c, uint32_t node,
                      struct ozx_error *error) OZX_CHECKED;
void ozx_convert_pop_images(struct ozx_convert *c, const char *path, size_t size_bytes);

/* --- convert_chunks.c ------------------------------------------------------------------------- */

/* The array whose chunk, or directory of chunks, a path is (c, c/0, c/0/1 below it); NONE. `*rest`
 * is what is behind "c", without '/'. */
uint32_t ozx_convert_chunk(const struct ozx_convert *c, const char *path, size_t size_bytes,
                           const char **rest, size_t *rest_size_bytes);
/* The directory is listed: if it is not below the array whose chunks are kept, they are not needed
 * any more (the array's own is listed again, or the walk has left it). */
void ozx_convert_drop_flat(struct ozx_convert *c, const char *path, size_t size_bytes);
/* Takes the names of chunks out of an array's listing; what is left is none. `c` stands for them,
 * with `key`. */
int ozx_convert_take_chunks(struct ozx_convert *c, uint32_t node, uint32_t key,
                            struct ozx_input_listing *listing, struct ozx_error *error) OZX_CHECKED;
/* Files that may be chunks in one directory, and are no metadata: what listings may omit. */
bool ozx_convert_omits(const char *name, size_t size_bytes);
/* Adds what was omitted of the directory with `key`, but chunks of the array `node` (or NONE). */
int ozx_convert_add_omitted(const struct ozx_convert *c, uint32_t node, uint32_t key,
                            struct ozx_input_listing *listing, struct ozx_error *error) OZX_CHECKED;
/* The directory `rest` ("", "0", "0/1") of an array's chunks. */
int ozx_convert_list_chunks(struct ozx_convert *c, uint32_t node, const char *rest,
                            size_t rest_size_bytes, uint32_t key, struct ozx_input_listing *listing,
                            struct ozx_error *error) OZX_CHECKED;
/* True if `rest` has `count` numbers. */
bool ozx_convert_is_key(const char *rest, size_t size_bytes, uint32_t count);
/* The path below of the chunk, or directory of chunks, `rest`; returns its size. */
size_t ozx_convert_path_below(const struct ozx_convert_node *array, const char *rest,
                              size_t rest_size_bytes, char out[OZX_NAME_PATH_MAX + 1]);

/* --- the others ------------------------------------------------------------------------------- */

int ozx_convert_list(struct ozx_input *input, const char *path, size_t path_size_bytes,
                     uint32_t key, struct ozx_input_listing *listing,
                     struct ozx_error *error) OZX_CHECKED;
/* -EBADMSG: a path is inside of an array, but neither of its chunks nor junk. */
int ozx_convert_check_inside(const struct ozx_convert *c, const char *path, size_t size_bytes,
                             bool is_directory, struct ozx_error *error) OZX_CHECKED;
void ozx_convert_tell(struct ozx_input *input, const struct ozx_input_teller *teller);

#endif
