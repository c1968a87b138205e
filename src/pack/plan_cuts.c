/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files that are written without some of their bytes, so that consolidated metadata can lose a node
 * and nothing else. Only places are kept; the bytes come from the file, piece by piece, as those of
 * every other one do:
 *
 *     file      aaaaXXbbbYYYYcc      cuts: at 4, 2 skipped; at 7, 6 skipped
 *     written   aaaabbbcc
 */
#include <string.h>

#include "base/array.h"
#include "pack/plan_build.h"

int ozx_plan_cut(struct ozx_plan *plan, struct ozx_plan_entry *entry, struct ozx_plan_cut *cuts,
                 size_t count)
{
    void *array = plan->rewrites;
    int failure =
        ozx_array_reserve(&array, plan->rewrite_count, &plan->rewrite_room, sizeof *plan->rewrites);

    plan->rewrites = array;
    if (failure) {
        free(cuts);
        return failure;
    }
    plan->rewrites[plan->rewrite_count++] =
        (struct ozx_plan_rewrite){.directory = entry->directory,
                                  .source_bytes = entry->size_bytes,
                                  .cuts = cuts,
                                  .count = count};
    entry->is_cut = true;
    entry->size_bytes -= cuts[count - 1].skipped_bytes;
    return 0;
}

static int by_directory(const void *a, const void *b)
{
    const struct ozx_plan_rewrite *x = a, *y = b;

    return (x->directory > y->directory) - (x->directory < y->directory);
}

void ozx_plan_sort_cuts(struct ozx_plan *plan)
{
    if (plan->rewrite_count)
        qsort(plan->rewrites, plan->rewrite_count, sizeof *plan->rewrites, by_directory);
}

static const struct ozx_plan_rewrite *find(const struct ozx_plan *plan, uint32_t directory)
{
    const struct ozx_plan_rewrite key = {.directory = directory};

    return bsearch(&key, plan->rewrites, plan->rewrite_count, sizeof key, by_directory);
}

uint64_t ozx_plan_source_bytes(const struct ozx_plan *plan, const struct ozx_plan_entry *entry)
{
    return entry->is_cut ? find(plan, entry->directory)->source_bytes : entry->size_bytes;
}

uint64_t ozx_plan_source_offset(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                                uint64_t offset_bytes, uint64_t size_bytes, uint64_t *run_bytes)
{
    const struct ozx_plan_rewrite *rewrite = entry->is_cut ? find(plan, entry->directory) : NULL;
    size_t low = 0, high = rewrite ? rewrite->count : 0, count = high;

    while (low < high) { /* the first cut behind the byte */
        size_t middle = low + (high - low) / 2;
        if (rewrite->cuts[middle].at_bytes <= offset_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    *run_bytes = size_bytes;
    if (low < count && rewrite->cuts[low].at_bytes - offset_bytes < size_bytes)
        *run_bytes = rewrite->cuts[low].at_bytes - offset_bytes;
    return offset_bytes + (low ? rewrite->cuts[low - 1].skipped_bytes : 0);
}
