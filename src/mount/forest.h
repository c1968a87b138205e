/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount shows: one archive, or a catalog of many, each behind its gate, in one space of
 * numbers. A backend speaks to the forest and never to "the" archive.
 *
 *     id of a node    archive << 32 | node
 *
 * So the numbers of one archive are its nodes' own, and never change with what is beside it. Where
 * there is a catalog, it has the number 0 and its items are nodes there (mount/many/catalog.h).
 */
#ifndef OZX_MOUNT_FOREST_H
#define OZX_MOUNT_FOREST_H

#include "mount/many/catalog.h"
#include "mount/many/requests.h"

struct ozx_forest {
    struct ozx_gates *gates;
    struct ozx_gate *only;          /* archive 0, where there is no catalog */
    struct ozx_catalog *catalog;    /* NULL: archive 0 is all there is, its root is the mount's */
    struct ozx_requests *requests;  /* what is in the catalog changes; NULL: it does not */
    uint64_t node_count;            /* of all archives that were read before they are served */
    /* those may have files of 0 bytes that cannot be read, which no read finds out */
    bool checks_opens;
    struct ozx_forest_notes *notes; /* owned, with requests only */
};

/* True if one more line may be logged now: of 100,000 broken archives the first are told, and then
 * one every few seconds. */
bool ozx_forest_may_note(const struct ozx_forest *forest);

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
