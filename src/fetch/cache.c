/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slots of one block each, found by a hash of the block's number, and in a list by their last use:
 * what was read ahead goes behind what was read before it. (A clock's hand does not know the two
 * apart.)
 */
#include "fetch/cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PAGES 16 /* of a block */
#define NONE UINT32_MAX
#define SLOTS_MIN 64
#define SLOTS_MAX ((uint64_t)1 << 24)

struct slot {
    uint64_t block;
    uint8_t *data;         /* PAGES pages; NULL with a file */
    uint32_t next;         /* of the same hash */
    uint32_t newer, older; /* by use; NONE at the ends */
    uint16_t pages;        /* a bit each */
};

struct ozx_cache {
    int fd;
    uint32_t slot_count, filled, mask;
    uint32_t newest, oldest; /* NONE: none is used */
    uint64_t kept_from;      /* block */
    struct slot *slots;
    uint32_t *heads;
};

/* Has a name for a moment, where the file system knows no files without (NFS, Lustre). */
static int make_named(const char *folder)
{
    OZX_AUTO_FREE char *path = NULL;
    int fd;

    if (asprintf(&path, "%s/.ozxfs-cache-XXXXXX", folder) < 0) {
        path = NULL;
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int ozx_cache_make_file(const char *folder, int *out, struct ozx_error *error)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = make_named(folder);
    if (fd < 0)
        return ozx_error_set(error, -errno, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give a writable directory",
                             "cannot create a file in the cache directory: %s", strerror(errno));
    *out = fd;
    return 0;
}

int ozx_cache_open(uint64_t size_bytes, int fd, struct ozx_cache **out)
{
    struct ozx_cache *cache = calloc(1, sizeof *cache);
    uint64_t count = size_bytes / (PAGES * OZX_PAGE);
    uint32_t heads = 1;

    if (!cache)
        return -ENOMEM;
    count = count < SLOTS_MIN ? SLOTS_MIN : count > SLOTS_MAX ? SLOTS_MAX : count;
    while (heads < count)
        heads *= 2;
    cache->slot_count = (uint32_t)count;
    cache->mask = heads - 1;
    cache->slots = calloc(count, sizeof *cache->slots);
    cache->heads = malloc(heads * sizeof *cache->heads);
    if (!cache->slots || !cache->heads) {
        cache->fd = -1;
        ozx_cache_close(cache);
        return -ENOMEM;
    }
    cache->newest = cache->oldest = NONE;
    cache->kept_from = UINT64_MAX;
    memset(cache->heads, 0xff, heads * sizeof *cache->heads);
    cache->fd = fd;
    *out = cache;
    return 0;
}

void ozx_cache_close(struct ozx_cache *cache)
{
    if (!cache)
        return;
    for (uint32_t i = 0; cache->slots && i < cache->slot_count; i++)
        free(cache->slots[i].data);
    if (cache->fd >= 0)
        close(cache->fd);
    free(cache->slots);
    free(cache->heads);
    free(cache);
}

static uint32_t *head_of(const struct ozx_cache *cache, uint64_t block)
{
    return &cache->heads[(block * UINT64_C(0x9e3779b97f4a7c15) >> 40) & cache->mask];
}

static uint32_t find(const struct ozx_cache *cache, uint64_t block)
{
    uint32_t at = *head_of(cache, block);

    while (at != NONE && cache->slots[at].block != block)
        at = cache->slots[at].next;
    return at;
}

bool ozx_cache_has(const struct ozx_cache *cache, uint64_t page)
{
    uint32_t at = find(cache, page / PAGES);

    return at != NONE && cache->slots[at].pages >> page % PAGES & 1;
}

static void leave_list(struct ozx_cache *cache, uint32_t at)
{
    const struct slot *slot = &cache->slots[at];

    *(slot->newer == NONE ? &cache->newest : &cache->slots[slot->newer].older) = slot->older;
    *(slot->older == NONE ? &cache->oldest : &cache->slots[slot->older].newer) = slot->newer;
}

static void enter_list(struct ozx_cache *cache, uint32_t at)
{
    struct slot *slot = &cache->slots[at];

    slot->newer = NONE;
    slot->older = cache->newest;
    *(slot->older == NONE ? &cache->oldest : &cache->slots[slot->older].newer) = at;
    cache->newest = at;
}

static off_t place(uint32_t slot, uint64_t page)
{
    return (off_t)((slot * UINT64_C(16) + page % PAGES) * OZX_PAGE);
}

bool ozx_cache_get(struct ozx_cache *cache, uint64_t page, void *to, size_t size_bytes)
{
    uint32_t at = find(cache, page / PAGES);
    struct slot *slot;

    if (at == NONE || !(cache->slots[at].pages >> page % PAGES & 1))
        return false;
    slot = &cache->slots[at];
    leave_list(cache, at);
    enter_list(cache, at);
    if (cache->fd < 0) {
        memcpy(to, slot->data + page % PAGES * OZX_PAGE, size_bytes);
        return true;
    }
    if (pread(cache->fd, to, size_bytes, place(at, page)) == (ssize_t)size_bytes)
        return true;
    slot->pages &= (uint16_t) ~(1u << page % PAGES); /* the disk lost it */
    return false;
}

static void unlink_slot(struct ozx_cache *cache, uint32_t at)
{
    uint32_t *link = head_of(cache, cache->slots[at].block);

    while (*link != at)
        link = &cache->slots[*link].next;
    *link = cache->slots[at].next;
    cache->slots[at].pages = 0;
    leave_list(cache, at);
}

void ozx_cache_keep_from(struct ozx_cache *cache, uint64_t page)
{
    cache->kept_from = page / PAGES;
}

/* A slot that is free now. What opening fetched stays: the first block has the metadata, which
 * whoever opens an image reads, and the last ones the end of a directory that may be larger than
 * all of the cache. */
static uint32_t make_room(struct ozx_cache *cache)
{
    uint32_t at = cache->oldest;

    if (cache->filled < cache->slot_count)
        return cache->filled++;
    while (cache->slots[at].block == 0 || cache->slots[at].block >= cache->kept_from)
        at = cache->slots[at].newer;
    unlink_slot(cache, at);
    return at;
}

void ozx_cache_put(struct ozx_cache *cache, uint64_t page, const void *from, size_t size_bytes)
{
    uint32_t at = find(cache, page / PAGES);
    struct slot *slot;

    if (at == NONE) {
        uint32_t *head = head_of(cache, page / PAGES);

        at = make_room(cache);
        slot = &cache->slots[at];
        slot->block = page / PAGES;
        slot->next = *head;
        *head = at;
    } else {
        leave_list(cache, at);
    }
    enter_list(cache, at);
    slot = &cache->slots[at];
    if (cache->fd < 0 && !slot->data && !(slot->data = malloc(PAGES * OZX_PAGE)))
        return;
    if (cache->fd < 0)
        memcpy(slot->data + page % PAGES * OZX_PAGE, from, size_bytes);
    else if (pwrite(cache->fd, from, size_bytes, place(at, page)) != (ssize_t)size_bytes)
        return;
    slot->pages |= (uint16_t)(1u << page % PAGES);
}
