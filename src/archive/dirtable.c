/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Open addressing with linear probing over a keyed multiply-and-fold hash.
 */
#include "archive/dirtable.h"

#include <string.h>
#include <sys/random.h>

#define FIRST_SLOTS 256

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const struct ozx_dirtable *table, uint32_t parent, const char *name,
                     size_t size)
{
    uint64_t h = fold(table->key[0] ^ parent, table->key[1] ^ size);

    for (; size > 8; name += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, name, 8);
        h = fold(h ^ word ^ table->key[1], table->key[0]);
    }
    if (size) {
        uint64_t word = 0;
        memcpy(&word, name, size);
        h = fold(h ^ word ^ table->key[1], table->key[0]);
    }
    return fold(h ^ table->key[0], table->key[1]);
}

static int resize(struct ozx_dirtable *table, uint32_t slot_count)
{
    table->slots = malloc(slot_count * sizeof *table->slots);
    if (!table->slots)
        return -ENOMEM;
    memset(table->slots, 0xFF, slot_count * sizeof *table->slots);
    table->slot_count = slot_count;
    table->used = 0;
    return 0;
}

int ozx_dirtable_init(struct ozx_dirtable *table)
{
    /* A kernel that gives no randomness this early leaves the address space's. */
    if (getrandom(table->key, sizeof table->key, GRND_NONBLOCK) != sizeof table->key)
        table->key[0] = (uint64_t)(uintptr_t)&table, table->key[1] = (uint64_t)(uintptr_t)table;
    table->key[0] |= 1;
    table->key[1] |= 1;
    return resize(table, FIRST_SLOTS);
}

void ozx_dirtable_free(struct ozx_dirtable *table)
{
    free(table->slots);
    table->slots = NULL;
}

uint32_t ozx_dirtable_find(const struct ozx_dirtable *table, const struct ozx_draft *draft,
                           uint32_t parent, const char *name, size_t name_size_bytes)
{
    uint32_t mask = table->slot_count - 1;

    for (uint32_t i = (uint32_t)hash(table, parent, name, name_size_bytes) & mask;;
         i = (i + 1) & mask) {
        const struct ozx_node *node;
        const char *known;
        size_t size;
        if (table->slots[i] == OZX_DIRTABLE_NONE)
            return OZX_DIRTABLE_NONE;
        node = &draft->nodes[table->slots[i]];
        if (node->parent != parent)
            continue;
        known = ozx_node_name(draft->names, node, &size);
        if (size == name_size_bytes && memcmp(known, name, size) == 0)
            return table->slots[i];
    }
}

static void insert(struct ozx_dirtable *table, const struct ozx_draft *draft, uint32_t directory)
{
    const struct ozx_node *node = &draft->nodes[directory];
    uint32_t mask = table->slot_count - 1;
    size_t size;
    const char *name = ozx_node_name(draft->names, node, &size);
    uint32_t i = (uint32_t)hash(table, node->parent, name, size) & mask;

    while (table->slots[i] != OZX_DIRTABLE_NONE)
        i = (i + 1) & mask;
    table->slots[i] = directory;
    table->used++;
}

int ozx_dirtable_add(struct ozx_dirtable *table, const struct ozx_draft *draft, uint32_t directory)
{
    if (table->used >= table->slot_count / 2) {
        uint32_t *old = table->slots, old_count = table->slot_count;
        if (old_count > UINT32_MAX / 2 || resize(table, old_count * 2)) {
            table->slots = old;
            return -ENOMEM;
        }
        for (uint32_t i = 0; i < old_count; i++)
            if (old[i] != OZX_DIRTABLE_NONE)
                insert(table, draft, old[i]);
        free(old);
    }
    insert(table, draft, directory);
    return 0;
}
