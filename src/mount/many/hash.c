/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Buckets of chains, twice as many when there is one link for each.
 */
#include "mount/many/hash.h"

#include <string.h>
#include <sys/random.h>

#define FIRST_BUCKETS 64

int ozx_hash_open(struct ozx_hash *table)
{
    *table = (struct ozx_hash){.bucket_count = FIRST_BUCKETS};
    /* A kernel that gives no randomness this early leaves the address space's. */
    if (getrandom(table->key, sizeof table->key, GRND_NONBLOCK) != sizeof table->key)
        table->key[0] = (uint64_t)(uintptr_t)&table, table->key[1] = (uint64_t)(uintptr_t)table;
    table->key[0] |= 1;
    table->key[1] |= 1;
    table->buckets = calloc(FIRST_BUCKETS, sizeof(struct ozx_link *));
    return table->buckets ? 0 : -ENOMEM;
}

void ozx_hash_close(struct ozx_hash *table)
{
    free(ozx_take(table->buckets));
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t ozx_hash_of(const struct ozx_hash *table, uint64_t number, const char *name, size_t size)
{
    uint64_t h = fold(table->key[0] ^ number, table->key[1] ^ size);

    while (size) {
        uint64_t word = 0;
        size_t step = size < sizeof word ? size : sizeof word;
        memcpy(&word, name, step);
        h = fold(h ^ word ^ table->key[1], table->key[0]);
        name += step;
        size -= step;
    }
    return fold(h ^ table->key[0], table->key[1]);
}

static struct ozx_link **bucket_of(const struct ozx_hash *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static void grow(struct ozx_hash *table)
{
    struct ozx_hash larger = *table;

    larger.bucket_count *= 2;
    larger.buckets = calloc(larger.bucket_count, sizeof(struct ozx_link *));
    if (!larger.buckets)
        return;
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct ozx_link *next, *link = table->buckets[i]; link; link = next) {
            struct ozx_link **to = bucket_of(&larger, link->hash);
            next = link->next;
            link->next = *to;
            *to = link;
        }
    }
    free(table->buckets);
    *table = larger;
}

void ozx_hash_add(struct ozx_hash *table, struct ozx_link *link, uint64_t hash)
{
    struct ozx_link **bucket;

    if (table->count == table->bucket_count)
        grow(table);
    bucket = bucket_of(table, hash);
    link->hash = hash;
    link->next = *bucket;
    *bucket = link;
    table->count++;
}

void ozx_hash_remove(struct ozx_hash *table, struct ozx_link *link)
{
    struct ozx_link **at = bucket_of(table, link->hash);

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    table->count--;
}

struct ozx_link *ozx_hash_first(const struct ozx_hash *table, uint64_t hash)
{
    struct ozx_link *link = *bucket_of(table, hash);

    while (link && link->hash != hash)
        link = link->next;
    return link;
}

struct ozx_link *ozx_hash_next(const struct ozx_link *link)
{
    const uint64_t hash = link->hash;
    struct ozx_link *next = link->next;

    while (next && next->hash != hash)
        next = next->next;
    return next;
}
