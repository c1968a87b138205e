/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows of two widths, and their order by a heap: qsort of glibc would take the memory of the list
 * once more.
 */
#include "pack/shard_list.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

static bool fits(const struct ozx_shard_chunk *chunk)
{
    return (chunk->place < UINT32_MAX || chunk->place == OZX_SHARD_BEYOND) &&
           chunk->size_bytes <= UINT32_MAX;
}

void ozx_shard_list_put(struct ozx_shard_list *list, uint32_t at,
                        const struct ozx_shard_chunk *chunk)
{
    if (list->wide)
        list->wide[at] = *chunk;
    else
        list->rows[at] = (struct ozx_shard_row){.key = chunk->key,
                                                .place = (uint32_t)chunk->place, /* BEYOND, too */
                                                .size_bytes = (uint32_t)chunk->size_bytes};
}

int ozx_shard_list_add(struct ozx_shard_list *list, uint32_t count,
                       const struct ozx_shard_chunk *chunk)
{
    int failure = !list->wide && !fits(chunk) ? ozx_shard_list_widen(list, count) : 0;

    if (failure)
        return failure;
    failure = list->wide ? ozx_array_grow(list->wide, count, &list->room)
                         : ozx_array_grow(list->rows, count, &list->room);
    if (!failure)
        ozx_shard_list_put(list, count, chunk);
    return failure;
}

int ozx_shard_list_widen(struct ozx_shard_list *list, uint32_t count)
{
    struct ozx_shard_chunk *wide;

    if (list->wide)
        return 0;
    wide = malloc((count + (size_t)1) * sizeof *wide);
    if (!wide)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        wide[i] = ozx_shard_list_get(list, i);
    free(list->rows);
    *list = (struct ozx_shard_list){.wide = wide, .room = count + 1};
    return 0;
}

void ozx_shard_list_free(struct ozx_shard_list *list)
{
    free(list->rows);
    free(list->wide);
    *list = (struct ozx_shard_list){.room = 0};
}

/* --- the order -------------------------------------------------------------------------------- */

static bool is_before(const struct ozx_shard_chunk *a, const struct ozx_shard_chunk *b, bool by_key)
{
    if (!by_key)
        return a->place < b->place;
    return a->key != b->key ? a->key < b->key : a->size_bytes < b->size_bytes;
}

struct heap {
    struct ozx_shard_list *list;
    uint32_t first; /* of the list: the heap's 0 */
    bool by_key;
};

static struct ozx_shard_chunk get(const struct heap *heap, uint32_t at)
{
    return ozx_shard_list_get(heap->list, heap->first + at);
}

static void put(const struct heap *heap, uint32_t at, const struct ozx_shard_chunk *chunk)
{
    ozx_shard_list_put(heap->list, heap->first + at, chunk);
}

static void sift(const struct heap *heap, uint32_t at, uint32_t count)
{
    const struct ozx_shard_chunk moved = get(heap, at);
    uint64_t child;

    while ((child = 2 * (uint64_t)at + 1) < count) {
        struct ozx_shard_chunk larger = get(heap, (uint32_t)child);
        if (child + 1 < count) {
            const struct ozx_shard_chunk second = get(heap, (uint32_t)child + 1);
            if (is_before(&larger, &second, heap->by_key)) {
                larger = second;
                child++;
            }
        }
        if (!is_before(&moved, &larger, heap->by_key))
            break;
        put(heap, at, &larger);
        at = (uint32_t)child;
    }
    put(heap, at, &moved);
}

static bool is_sorted(const struct heap *heap, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct ozx_shard_chunk before = get(heap, i - 1), chunk = get(heap, i);
        if (is_before(&chunk, &before, heap->by_key))
            return false;
    }
    return true;
}

void ozx_shard_list_sort(struct ozx_shard_list *list, uint32_t first, uint32_t count, bool by_key)
{
    const struct heap heap = {.list = list, .first = first, .by_key = by_key};

    count -= first;
    if (is_sorted(&heap, count))
        return;
    for (uint32_t i = count / 2; i-- > 0;)
        sift(&heap, i, count);
    for (uint32_t i = count; i-- > 1;) {
        const struct ozx_shard_chunk last = get(&heap, i), top = get(&heap, 0);
        put(&heap, i, &top);
        put(&heap, 0, &last);
        sift(&heap, 0, i);
    }
}
