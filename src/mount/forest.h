/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount shows: archives, each behind its gate, in one space of numbers. A backend speaks to
 * the forest and never to "the" archive.
 *
 *     id of a node    archive << 32 | node
 *
 * So the numbers of one archive are its nodes' own, and never change with what is beside it.
 */
#ifndef OZX_MOUNT_FOREST_H
#define OZX_MOUNT_FOREST_H

#include "mount/gate.h"

struct ozx_forest {
    struct ozx_gate **gates; /* borrowed */
    uint32_t count;          /* at least 1; archive 0 is the one whose root the mount's root is */
    uint64_t node_count;     /* of all together */
};

static inline uint64_t ozx_forest_id(uint32_t archive, uint32_t node)
{
    return (uint64_t)archive << 32 | node;
}

static inline uint32_t ozx_forest_archive(uint64_t id)
{
    return (uint32_t)(id >> 32);
}

static inline uint32_t ozx_forest_node(uint64_t id)
{
    return (uint32_t)id;
}

/* The way to the archive of the node. `id` was made by ozx_forest_id for this forest. */
static inline struct ozx_gate *ozx_forest_gate(const struct ozx_forest *forest, uint64_t id)
{
    return forest->gates[ozx_forest_archive(id)];
}

#endif
