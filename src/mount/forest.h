/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount shows: one archive, or a catalog of many, each behind its gate, in one space of numbers. A
 * backend speaks to the forest and never to "the" archive.
 *
 *     id of a node    archive << 32 | node
 *
 * So the numbers of one archive are its nodes' own, and never change with what is beside it. Where there is
 * a catalog, it has the number 0 and its items are nodes there (mount/many/catalog.h).
 */
#ifndef OZX_MOUNT_FOREST_H
#define OZX_MOUNT_FOREST_H

#include "mount/many/catalog.h"

struct ozx_forest {
    struct ozx_gate *
        *gates;     /* borrowed; those of all archives that were opened before it is served */
    uint32_t count; /* of gates */
    struct ozx_catalog
        *catalog;        /* borrowed; NULL: archive 0 is all there is, its root is the mount's */
    uint64_t node_count; /* of all gates together */
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

/* True for what is above the archives. */
static inline bool ozx_forest_is_catalog(const struct ozx_forest *forest, uint64_t id)
{
    return forest->catalog && ozx_forest_archive(id) == 0;
}

/* The id of an item of the catalog. */
static inline uint64_t ozx_forest_item_id(const struct ozx_item *item)
{
    return item->kind == OZX_ITEM_ARCHIVE ? ozx_forest_id(item->number, OZX_NODE_ROOT)
                                          : ozx_forest_id(0, item->number);
}

#endif
