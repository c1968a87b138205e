/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Chunks in order, by a heap: qsort of glibc would take the memory of the list once more. And the files
 * that they are in, which are few.
 */
#include "pack/shard_array.h"

#include <stdlib.h>

static bool is_before(const struct ozx_shard_chunk *a, const struct ozx_shard_chunk *b, bool by_key)
{
    if (!by_key)
        return a->place < b->place;
    return a->key != b->key ? a->key < b->key : a->size_bytes < b->size_bytes;
}

static void sift(struct ozx_shard_chunk *list, uint32_t at, uint32_t count, bool by_key)
{
    struct ozx_shard_chunk moved = list[at];
    uint64_t child;

    while ((child = 2 * (uint64_t)at + 1) < count) {
        child += child + 1 < count && is_before(&list[child], &list[child + 1], by_key);
        if (!is_before(&moved, &list[child], by_key))
            break;
        list[at] = list[child];
        at = (uint32_t)child;
    }
    list[at] = moved;
}

static bool is_sorted(const struct ozx_shard_chunk *list, uint32_t count, bool by_key)
{
    for (uint32_t i = 1; i < count; i++)
        if (is_before(&list[i], &list[i - 1], by_key))
            return false;
    return true;
}

void ozx_shard_sort(struct ozx_shard_chunk *list, uint32_t count, bool by_key)
{
    if (is_sorted(list, count, by_key))
        return;
    for (uint32_t i = count / 2; i-- > 0;)
        sift(list, i, count, by_key);
    for (uint32_t i = count; i-- > 1;) {
        struct ozx_shard_chunk last = list[i];
        list[i] = list[0];
        list[0] = last;
        sift(list, 0, i, by_key);
    }
}

static int by_place(const void *a, const void *b)
{
    const struct ozx_shard_origin *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

void ozx_shard_sort_origins(struct ozx_shard_array *self)
{
    if (self->origin_count)
        qsort(self->origins, self->origin_count, sizeof *self->origins, by_place);
}
