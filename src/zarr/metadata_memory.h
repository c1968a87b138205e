/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of one ozx_metadata: handed out piece by piece, freed in one go.
 */
#ifndef OZX_ZARR_METADATA_MEMORY_H
#define OZX_ZARR_METADATA_MEMORY_H

#include <stddef.h>

struct ozx_metadata_memory;

struct ozx_metadata_memory *ozx_metadata_memory_new(void);       /* NULL: none to be had */
void ozx_metadata_memory_free(struct ozx_metadata_memory *memory); /* NULL is fine */

size_t ozx_metadata_memory_size(const struct ozx_metadata_memory *memory); /* in bytes */

/* Zeroed and aligned for anything; NULL if there is none (or the size overflows). */
void *ozx_metadata_memory_get(struct ozx_metadata_memory *memory, size_t count, size_t size_bytes);

#endif
