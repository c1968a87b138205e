/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An array whose chunks, a file each, are to become shards, a file for many:
 *
 *     chunks of the array        shards of 2 x 2 chunks       a shard, in C order
 *
 *     0,0  0,1 | 0,2             0,0  | 0,1                   [0,0|0,1|1,0|1,1|index|CRC-32C]
 *     1,0  1,1 | 1,2        ->   -----+----
 *     ---------+----             1,0  | 1,1
 *     2,0  2,1 | 2,2
 *
 * Only places, sizes and the input's keys of the chunks are kept, 16 bytes for each that is there;
 * or, where a key tells the size and most of the grid is there, a table of the keys by place, 3 or
 * 4 bytes for each place. All else follows from them: names of chunks and shards, offsets (a sum
 * for each 64 chunks is kept), and the index, which is made as it is read. So nothing depends on
 * how large a shard is.
 *
 * The array may be sharded already, and get shards of another shape: then its files are shards, and
 * a chunk's key is its offset in one of them (there is no table); where each chunk is was read from
 * their indices. Shards of the input are origins here.
 *
 * Chunks are numbered in the order of shards: those that are there, in a list; with a table all
 * places of all shards, also those beyond the array's edge.
 *
 * Source: Zarr core specification v3, codec sharding_indexed.
 */
#ifndef OZX_PACK_SHARD_ARRAY_H
#define OZX_PACK_SHARD_ARRAY_H

#include "base/error.h"
#include "pack/shard_list.h"
#include "zarr/chunk_keys.h"
#include "zarr/node_digest.h"

#define OZX_SHARD_CHUNKS_MAX (UINT64_C(1) << 24)        /* in a shard: an index of 256 MiB */

struct ozx_input;

enum ozx_shard_mode {
    OZX_SHARD_NONE,
    OZX_SHARD_AUTO,
    OZX_SHARD_BYTES, /* shards of about that size, as they are stored */
    OZX_SHARD_SHAPE, /* of arrays of that many dimensions; others as OZX_SHARD_AUTO */
};

/* What is wanted. */
struct ozx_shard_wish {
    enum ozx_shard_mode mode;
    uint64_t size_bytes;    /* BYTES */
    struct ozx_shape shape; /* SHAPE: in elements of the array */
};

/* A file of a sharded array: a shard of the shape that it has yet. */
struct ozx_shard_origin {
    uint64_t place;                  /* its number in the grid of files */
    uint64_t key;                    /* the input's own */
    uint64_t size_bytes, data_bytes; /* of the file; of its chunks that are taken */
    uint64_t done_bytes;             /* of these: summed in crc32, which begins with */
    uint32_t crc32, rest_crc32;      /* all of the file but these */
};

/* Where a chunk is in the input. */
struct ozx_shard_file {
    uint32_t number;                    /* of the chunk, or of an origin */
    uint64_t index[OZX_DIMENSIONS_MAX]; /* in the grid of files */
    uint64_t key, size_bytes;           /* of the file, as the walk saw it */
    uint64_t offset_bytes;              /* of the chunk in the file */
};

/* A directory of chunks. */
struct ozx_shard_directory {
    uint64_t fingerprint;
    uint64_t place; /* the numbers of its path, as a place in a grid of its own depth */
    uint8_t depth;  /* how many numbers that are */
    bool is_root;   /* the array's own: of chunks named c/... that is not depth 0 */
};

/* What is below the array's directory and no chunk, nor a directory of chunks. */
struct ozx_shard_other {
    char *path; /* owned; from the array's directory */
    uint32_t key;
    bool is_directory, is_lost;
};

struct ozx_shard_array {
    char *path; /* owned; from the input's root */
    size_t path_size_bytes;
    struct ozx_array chunks, shards; /* both: shape, grid and keys only, as */
    struct ozx_array files; /* the input's: the chunks, or (is_sharded) shards of another shape */
    bool is_sharded;
    uint64_t factors[OZX_DIMENSIONS_MAX]; /* chunks in a shard along each dimension */
    uint64_t chunks_per_shard;            /* 0: not settled */
    struct ozx_node_digest digest;        /* of the metadata that it has */
    int64_t mtime_s;                      /* the latest of its chunks */
    bool in_order;                        /* a chunk is to be read from front to back */

    struct ozx_shard_list list;
    uint32_t count; /* chunks that are there */
    /* owned; in place of the list: 1 + the key of the chunk at each place, 0: none; the low byte
     * first, in as many bytes as the largest needs */
    uint8_t *table;
    uint32_t table_width_bytes;
    uint64_t (*size_of)(const struct ozx_input *input, uint64_t key); /* of a chunk in the table */
    const struct ozx_input *input; /* for that; borrowed */
    uint64_t data_bytes;
    uint64_t *sums; /* owned; once settled: bytes of all chunks in front of each 64th, */
    /* owned; the first chunk of each shard that is there; of a list also the end */
    uint32_t *firsts;
    uint32_t shard_count, firsts_room;

    struct ozx_shard_origin *origins; /* owned; of a sharded array, by place once settled */
    uint32_t origin_count, origin_room;
    struct ozx_shard_directory *directories; /* owned */
    uint32_t directory_count, directory_room;
    struct ozx_shard_other *others; /* owned; sorted once settled */
    uint32_t other_count, other_room;
};

/* Takes what it needs of `array`, which has shape, grid, and a known key encoding; if it is
 * sharded, its chunks are the inner ones. -EFBIG: more chunks than can be numbered; -ENOMEM. */
int ozx_shard_array_init(struct ozx_shard_array *self, const char *path, size_t path_size_bytes,
                         const struct ozx_array *array) OZX_CHECKED;
void ozx_shard_array_free(struct ozx_shard_array *self);

/* --- before it is settled --------------------------------------------------------------------- */

/* Before the first chunk: keys fit 31 bits, and tell the size. `*budget`: places that tables may
 * have, less with each of them; an array that has more gets a list. -ENOMEM. */
int ozx_shard_array_use_table(struct ozx_shard_array *self, uint64_t *budget,
                              uint64_t (*size_of)(const struct ozx_input *input, uint64_t key),
                              const struct ozx_input *input) OZX_CHECKED;

/* The chunk at that place in the grid. -ENOMEM, as the next two. */
int ozx_shard_array_add(struct ozx_shard_array *self, const uint64_t index[OZX_DIMENSIONS_MAX],
                        uint64_t size_bytes, uint64_t key) OZX_CHECKED;
int ozx_shard_array_add_directory(struct ozx_shard_array *self, const uint64_t *index,
                                  uint32_t depth, bool is_root,
                                  uint64_t fingerprint) OZX_CHECKED;
int ozx_shard_array_add_other(struct ozx_shard_array *self, const char *path, uint32_t key,
                              bool is_directory, bool is_lost) OZX_CHECKED;

/* Chooses the shape of the shards. 0 with factors (of which one is more than 1, unless it is
 * sharded); 1: it stays as it is; -EINVAL with the error (the shape that is wished for does not
 * suit the array). */
int ozx_shard_choose(struct ozx_shard_array *self, const struct ozx_shard_wish *wish,
                     struct ozx_error *error) OZX_CHECKED;

/* Puts the chunks in order. -ENOMEM; -EEXIST: `*other` stands in a shard's way. */
int ozx_shard_array_settle(struct ozx_shard_array *self,
                           const struct ozx_shard_other **other) OZX_CHECKED;

/* --- once it is settled ----------------------------------------------------------------------- */

/* The shard of that key (relative to the array's directory), if it is there. */
bool ozx_shard_find(const struct ozx_shard_array *self, const char *key, size_t key_size_bytes,
                    uint32_t *shard);
/* The shards that are there below the numbers index[0 ... depth-1]: `*first` ... `*end`-1. */
void ozx_shard_below(const struct ozx_shard_array *self, const uint64_t *index, uint32_t depth,
                     uint32_t *first, uint32_t *end);
/* The number of the shard in the grid of shards; its chunks are firsts[shard] ... ozx_shard_end -
 * 1. */
uint64_t ozx_shard_number(const struct ozx_shard_array *self, uint32_t shard);
uint32_t ozx_shard_end(const struct ozx_shard_array *self, uint32_t shard);
/* False: there is no such chunk, and its size is 0. */
bool ozx_shard_chunk(const struct ozx_shard_array *self, uint32_t chunk,
                     struct ozx_shard_chunk *out);
void ozx_shard_index(const struct ozx_shard_array *self, uint32_t shard,
                     uint64_t index[OZX_DIMENSIONS_MAX]);
uint64_t ozx_shard_size(const struct ozx_shard_array *self, uint32_t shard);
uint64_t ozx_shard_index_size(const struct ozx_shard_array *self);
/* Bytes of the shard's chunks, in front of its index. */
uint64_t ozx_shard_data_size(const struct ozx_shard_array *self, uint32_t shard);
/* Bytes of all chunks in front of the chunk. */
uint64_t ozx_shard_bytes_before(const struct ozx_shard_array *self, uint32_t chunk);
/* The chunk that has the byte of the shard's data. */
uint32_t ozx_shard_chunk_at(const struct ozx_shard_array *self, uint32_t shard,
                            uint64_t offset_bytes);
void ozx_shard_chunk_index(const struct ozx_shard_array *self, uint32_t chunk,
                           uint64_t index[OZX_DIMENSIONS_MAX]);
/* Bytes of the shard's index (shard_index.c). */
void ozx_shard_read_index(const struct ozx_shard_array *self, uint32_t shard, uint8_t *buffer,
                          size_t size_bytes, uint64_t offset_bytes);

/* A place in a grid: of the numbers index[0 ... depth-1]. */
uint64_t ozx_shard_place(const struct ozx_array *grid, const uint64_t *index, uint32_t depth);

/* shard_origins.c */
void ozx_shard_file_of(const struct ozx_shard_array *self, uint32_t chunk,
                       struct ozx_shard_file *file);
/* Adds a part of a chunk, by what its CRC-32 contributes (ozx_crc32_shift) to that of the origin.
 * True: all of the origin is summed, and `*crc32` is its CRC-32. One thread at a time. */
bool ozx_shard_sum_origin(const struct ozx_shard_array *self, uint32_t number, uint32_t part_crc32,
                          uint64_t size_bytes, uint32_t *crc32);

/* The path of a directory of chunks, from the input's root. */
void ozx_shard_directory_path(const struct ozx_shard_array *self,
                              const struct ozx_shard_directory *directory, char *path,
                              size_t room_bytes);

#endif
