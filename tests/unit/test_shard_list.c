/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Chunks in a list of two widths.
 */
#include "check.h"
#include "pack/shard_list.h"

static void check_chunk(const struct ozx_shard_list *list, uint32_t at, uint64_t place,
                        uint64_t key, uint64_t size_bytes)
{
    const struct ozx_shard_chunk chunk = ozx_shard_list_get(list, at);

    CHECK_UINT(chunk.place, place);
    CHECK_UINT(chunk.key, key);
    CHECK_UINT(chunk.size_bytes, size_bytes);
}

/* Rows become wider with the first place or size that needs it, and what was added before stays. */
static void test_wide_lists(void)
{
    const struct ozx_shard_chunk fit[] =
        {{.place = UINT32_MAX - 1, .key = UINT64_MAX, .size_bytes = 7},
         {.place = OZX_SHARD_BEYOND, .key = 1, .size_bytes = UINT32_MAX}},
                                 wide[] = {{.place = UINT32_MAX, .key = 2, .size_bytes = 3},
                                           {.place = 5, .key = 4, .size_bytes = UINT64_C(1) << 32}};

    for (uint32_t i = 0; i < 2; i++) {
        struct ozx_shard_list list = {.room = 0};

        CHECK_INT(ozx_shard_list_add(&list, 0, &fit[0]), 0);
        CHECK_INT(ozx_shard_list_add(&list, 1, &fit[1]), 0);
        CHECK(list.rows && !list.wide);
        CHECK_INT(ozx_shard_list_add(&list, 2, &wide[i]), 0);
        CHECK(!list.rows && list.wide);
        check_chunk(&list, 0, UINT32_MAX - 1, UINT64_MAX, 7);
        check_chunk(&list, 1, OZX_SHARD_BEYOND, 1, UINT32_MAX);
        check_chunk(&list, 2, wide[i].place, wide[i].key, wide[i].size_bytes);
        ozx_shard_list_sort(&list, 0, 3, false);
        check_chunk(&list, i ? 0 : 1, wide[i].place, wide[i].key, wide[i].size_bytes);
        ozx_shard_list_sort(&list, 1, 3, true);
        check_chunk(&list, 1, OZX_SHARD_BEYOND, 1, UINT32_MAX);
        ozx_shard_list_free(&list);
    }
}

CHECK_MAIN({"wide_lists", test_wide_lists})
