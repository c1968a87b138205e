/* SPDX-License-Identifier: BSD-2-Clause
 *
 * --chunks: the inner chunks of shards as files again, where sharding is the only codec of an
 * array, so that an inner chunk is what a chunk without shards is:
 *
 *     s0/c/0/0  [0,0|0,1|1,0|1,1|index]  ->  s0/c/0/0  s0/c/0/1  s0/c/1/0  s0/c/1/1
 *
 * Nothing is decoded. Private to unpack.
 *
 * Source: Zarr core specification v3, codec sharding_indexed.
 */
#ifndef OZX_UNPACK_UNPACK_CHUNKS_H
#define OZX_UNPACK_UNPACK_CHUNKS_H

#include "unpack/unpack_files.h"
#include "zarr/chunk_keys.h"
#include "zarr/node_digest.h"

/* An array whose shards are split. */
struct ozx_unpack_array {
    uint32_t directory;             /* its node */
    struct ozx_array shards, chunks; /* both: shape, grid and keys only */
    uint64_t chunks_per_shard, index_size_bytes;
    bool index_at_start, index_big_endian, index_crc32c;
    struct ozx_node_digest digest; /* of its metadata */
};

struct ozx_unpack_chunks {
    struct ozx_unpack_array *list; /* owned; by directory */
    uint32_t count, room;
};

void ozx_unpack_chunks_free(struct ozx_unpack_chunks *chunks);

/* Finds the arrays, marks their shards OZX_UNPACK_SHARD, and OZX_UNPACK_NO_DIRECTORY directories
 * with nothing but shards in them. Arrays that cannot be split, and files in their way, go through
 * the options' `problem`; the first one's code. */
int ozx_unpack_chunks_find(struct ozx_archive *archive, const struct ozx_unpack_options *options,
                           uint8_t *marks, struct ozx_unpack_chunks *chunks) OZX_CHECKED;

/* The array of which the marked file is a shard. */
const struct ozx_unpack_array *ozx_unpack_chunks_of(const struct ozx_unpack_chunks *chunks,
                                                    const struct ozx_archive *archive,
                                                    uint32_t shard);

/* After all files are made: writes their metadata, and consolidated ones, again. -EBADMSG: these
 * cannot be rewritten; else it is about the output. Memory: the texts of two zarr.json. */
int ozx_unpack_chunks_rewrite(const struct ozx_unpack_files *files,
                              struct ozx_error *error) OZX_CHECKED;

#endif
