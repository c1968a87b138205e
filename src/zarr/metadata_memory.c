/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks that grow; the newest is the one that pieces are cut from.
 */
#include "zarr/metadata_memory.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST_BLOCK 2048 /* most need no more */
#define BLOCK_MAX (1u << 20)
#define ALIGNMENT (_Alignof(max_align_t))

struct block {
    struct block *before;
    max_align_t data[];
};

struct ozx_metadata_memory {
    struct block *newest;
    size_t used_bytes, room_bytes, next_bytes;
    size_t total_bytes; /* of all blocks */
};

struct ozx_metadata_memory *ozx_metadata_memory_new(void)
{
    struct ozx_metadata_memory *memory = calloc(1, sizeof *memory);

    if (memory)
        memory->next_bytes = FIRST_BLOCK;
    return memory;
}

void ozx_metadata_memory_free(struct ozx_metadata_memory *memory)
{
    struct block *block = memory ? memory->newest : NULL;

    while (block) {
        struct block *before = block->before;
        free(block);
        block = before;
    }
    free(memory);
}

size_t ozx_metadata_memory_size(const struct ozx_metadata_memory *memory)
{
    return memory->total_bytes;
}

static int add_block(struct ozx_metadata_memory *memory, size_t at_least)
{
    size_t size = memory->next_bytes > at_least ? memory->next_bytes : at_least;
    struct block *block = calloc(1, sizeof *block + size);

    if (!block)
        return -1;
    block->before = memory->newest;
    memory->newest = block;
    memory->used_bytes = 0;
    memory->room_bytes = size;
    memory->total_bytes += sizeof *block + size;
    if (memory->next_bytes < BLOCK_MAX)
        memory->next_bytes *= 2;
    return 0;
}

void *ozx_metadata_memory_get(struct ozx_metadata_memory *memory, size_t count, size_t size_bytes)
{
    size_t total;
    void *piece;

    if (__builtin_mul_overflow(count, size_bytes, &total) || total > SIZE_MAX / 2)
        return NULL;
    total = (total + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (total > memory->room_bytes - memory->used_bytes && add_block(memory, total))
        return NULL;
    piece = (char *)memory->newest->data + memory->used_bytes;
    memory->used_bytes += total;
    return piece;
}
