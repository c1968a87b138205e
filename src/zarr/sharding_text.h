/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Metadata of an array rewritten for shards of the chunks that it has, and back. Only the sizes in
 * chunk_grid and the codecs are replaced; every other byte stays, and what moves into the sharding
 * keeps its bytes, too, so that there and back gives the text that it was:
 *
 *     "chunk_shape": [64, 64]  ->  [512, 512]
 *     "codecs": [...]          ->  [{"name": "sharding_indexed", "configuration":
 *                                    {"chunk_shape": [64, 64], "codecs": [...], ...}}]
 *
 * Source: Zarr core specification v3, codec sharding_indexed.
 */
#ifndef OZX_ZARR_SHARDING_TEXT_H
#define OZX_ZARR_SHARDING_TEXT_H

#include <stdint.h>

#include "zarr/json_text.h"
#include "zarr/metadata.h"

/* Bytes of a text and what is to be in their place. */
struct ozx_text_edit {
    struct ozx_json_range bytes;
    char *text; /* owned */
    size_t size_bytes;
};

/* Of one text. Zeroed: none. */
struct ozx_text_edits {
    struct ozx_text_edit *list; /* owned */
    uint32_t count, room;
};

void ozx_text_edits_free(struct ozx_text_edits *edits);
#define OZX_AUTO_TEXT_EDITS OZX_CLEANUP(ozx_text_edits_free)

/* The text with the edits (which are put in order), from malloc and terminated. -EBADMSG: two of
 * them overlap; -ENOMEM. */
int ozx_text_edits_apply(struct ozx_text_edits *edits, const char *text, size_t size_bytes,
                         char **out, size_t *out_size_bytes) OZX_CHECKED;

/* `node` is the metadata of an array, somewhere in the text: adds what makes its chunks the inner
 * chunks of shards of that shape, with an index at the end, little-endian, and its CRC-32C. If
 * sharding is its only codec, the inner chunks stay what they are. -EBADMSG: it has not what that
 * needs. */
int ozx_sharding_put(const char *text, struct ozx_json_range node,
                     const struct ozx_shape *shard_shape, struct ozx_text_edits *edits) OZX_CHECKED;

/* The other way round, where sharding is the only codec. */
int ozx_sharding_remove(const char *text, struct ozx_json_range node,
                        struct ozx_text_edits *edits) OZX_CHECKED;

#endif
