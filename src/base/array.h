/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Arrays that grow as their elements come: by half, so that what is allocated follows what was
 * read.
 */
#ifndef OZX_BASE_ARRAY_H
#define OZX_BASE_ARRAY_H

#include <stdint.h>

#include "base/cleanup.h"

#define OZX_ARRAY_MAX UINT32_C(0x7FFFFFFF) /* elements */

/* Room for one element more than `count`, of `element_bytes` each; `*array` may move. -ENOMEM. */
static inline OZX_CHECKED int ozx_array_reserve(void **array, uint32_t count, uint32_t *room,
                                                size_t element_bytes)
{
    uint64_t larger = (uint64_t)*room + *room / 2 + 64;
    void *moved;

    if (count < *room)
        return 0;
    if (larger > OZX_ARRAY_MAX)
        larger = OZX_ARRAY_MAX;
    if (larger <= *room)
        return -ENOMEM;
    moved = realloc(*array, (size_t)larger * element_bytes);
    if (!moved)
        return -ENOMEM;
    *array = moved;
    *room = (uint32_t)larger;
    return 0;
}

/* The same of an array by its name, whose elements have their size from its type. */
#define ozx_array_grow(array, count, room)                                                         \
    ({                                                                                             \
        void *grown_ = (array);                                                                    \
        int failure_ = ozx_array_reserve(&grown_, (count), (room), sizeof *(array));               \
        (array) = grown_;                                                                          \
        failure_;                                                                                  \
    })

#endif
