/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of chunks, made; and the directories on the way to them. Whether a name is a chunk's is
 * told by zarr/metadata.h (ozx_array_judge_key).
 *
 * For arrays with shape, grid and a known key encoding. Any number of threads.
 *
 * Source: Zarr core specification v3, chunk key encoding.
 */
#ifndef OZX_ZARR_CHUNK_KEYS_H
#define OZX_ZARR_CHUNK_KEYS_H

#include "zarr/metadata.h"

#define OZX_CHUNK_KEY_MAX (2 + OZX_DIMENSIONS_MAX * 21) /* bytes of a key, terminated */

/* Why the names of its chunks cannot be told, "it has storage transformers" ...; NULL if they can.
 */
const char *ozx_chunk_keys_defect(const struct ozx_array *array);

/* The key of those numbers, terminated; its length. */
size_t ozx_chunk_put_key(const struct ozx_array *array, const uint64_t *index,
                         char key[OZX_CHUNK_KEY_MAX]);

/* Is it a directory on the way to chunks ("" is, too)? Then its numbers, and how many they are:
 * below the grid's dimensions. `*inside` (may be NULL): within the grid. */
bool ozx_chunk_is_directory(const struct ozx_array *array, const char *path, size_t path_size_bytes,
                            uint64_t index[OZX_DIMENSIONS_MAX], uint32_t *depth, bool *inside);

/* As much of `array` as keys need, of chunks of that shape; the pointers of the metadata are not in
 * it. */
struct ozx_array ozx_chunk_keys_of(const struct ozx_array *array,
                                   const struct ozx_shape *chunk_shape);

#endif
