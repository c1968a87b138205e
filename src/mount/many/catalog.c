/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Items in two tables, by number and by name, and in the list of their directory.
 */
#include "mount/many/catalog.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "mount/many/hash.h"

_Static_assert(OZX_RULE_END <= 64, "rules fit the bits of `told`");

#define FIRST_CHILDREN 8
#define PATH_SIZE 4096

struct node {
    struct ozx_item item;
    struct ozx_link by_number, by_name;
    struct ozx_gate *gate;  /* owned; an archive's */
    uint64_t told;          /* a bit for each rule */
    struct node **children; /* a directory's, by number; the list is owned */
    uint32_t child_count, child_room;
    uint32_t name_size;
    bool listed;
    bool removed;      /* but held */
    struct node *next; /* to be freed, or held */
    char text[];       /* the name in the mount, and what messages call it; each with its NUL */
};

struct ozx_catalog {
    pthread_mutex_t lock; /* of all below */
    struct ozx_hash numbers, names;
    struct node *root;
    struct node *held; /* removed and held, by `next` */
    struct ozx_catalog_sum sum;
};

static struct node *of_number(struct ozx_link *link)
{
    return (struct node *)((char *)link - offsetof(struct node, by_number));
}

static struct node *of_name(struct ozx_link *link)
{
    return (struct node *)((char *)link - offsetof(struct node, by_name));
}

static struct node *make_node(const struct ozx_item *item, const char *name, const char *file)
{
    size_t name_size = strlen(name), file_size = strlen(file);
    struct node *node = calloc(1, sizeof *node + name_size + file_size + 2);

    if (!node)
        return NULL;
    node->item = *item;
    node->name_size = (uint32_t)name_size;
    memcpy(node->text, name, name_size + 1);
    memcpy(node->text + name_size + 1, file, file_size + 1);
    return node;
}

static void free_node(struct node *node)
{
    ozx_gate_close(node->gate);
    free(node->children);
    free(node);
}

static void insert(struct ozx_catalog *c, struct node *node)
{
    const struct ozx_item *item = &node->item;

    ozx_hash_add(&c->numbers, &node->by_number, ozx_hash_of(&c->numbers, item->number, NULL, 0));
    ozx_hash_add(&c->names, &node->by_name,
                 ozx_hash_of(&c->names, item->parent, node->text, node->name_size));
}

int ozx_catalog_open(const struct ozx_item *root, struct ozx_catalog **out)
{
    struct ozx_catalog *c = calloc(1, sizeof *c);

    if (!c)
        return -ENOMEM;
    pthread_mutex_init(&c->lock, NULL);
    c->root = make_node(root, "", "");
    if (!c->root || ozx_hash_open(&c->numbers) || ozx_hash_open(&c->names)) {
        ozx_catalog_close(c);
        return -ENOMEM;
    }
    c->root->item.number = c->root->item.parent = OZX_CATALOG_ROOT;
    c->root->item.kind = OZX_ITEM_DIRECTORY;
    insert(c, c->root);
    c->sum.item_count = 1;
    *out = c;
    return 0;
}

void ozx_catalog_close(struct ozx_catalog *c)
{
    if (!c)
        return;
    for (size_t i = 0; c->numbers.buckets && i < c->numbers.bucket_count; i++) {
        for (struct ozx_link *next, *link = c->numbers.buckets[i]; link; link = next) {
            next = link->next;
            if (of_number(link) != c->root)
                free_node(of_number(link));
        }
    }
    if (c->root)
        free_node(c->root);
    ozx_hash_close(&c->numbers);
    ozx_hash_close(&c->names);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* --- with the lock ---------------------------------------------------------------------------- */

static struct node *find(const struct ozx_catalog *c, uint32_t number)
{
    struct ozx_link *link = ozx_hash_first(&c->numbers, ozx_hash_of(&c->numbers, number, NULL, 0));

    while (link && of_number(link)->item.number != number)
        link = ozx_hash_next(link);
    return link ? of_number(link) : NULL;
}

static struct node *find_name(const struct ozx_catalog *c, uint32_t directory, const char *name,
                              size_t size)
{
    struct ozx_link *link =
        ozx_hash_first(&c->names, ozx_hash_of(&c->names, directory, name, size));

    for (; link; link = ozx_hash_next(link)) {
        struct node *node = of_name(link);
        if (node->item.parent == directory && node->name_size == size && node != c->root &&
            memcmp(node->text, name, size) == 0)
            return node;
    }
    return NULL;
}

/* Where in the list the first one behind `after` is. */
static uint32_t place_behind(const struct node *directory, uint32_t after)
{
    uint32_t low = 0, high = directory->child_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (directory->children[middle]->item.number <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int make_room(struct node *directory)
{
    uint32_t room = directory->child_room ? 2 * directory->child_room : FIRST_CHILDREN;
    struct node **children;

    if (directory->child_count < directory->child_room)
        return 0;
    children = realloc(directory->children, room * sizeof(struct node *));
    if (!children)
        return -ENOMEM;
    directory->children = children;
    directory->child_room = room;
    return 0;
}

static void touch(struct node *directory)
{
    clock_gettime(CLOCK_REALTIME, &directory->item.mtime);
}

static int add(struct ozx_catalog *c, struct node *node)
{
    struct node *parent = find(c, node->item.parent);

    if (!parent || parent->item.kind != OZX_ITEM_DIRECTORY)
        return -ENOENT;
    if (find(c, node->item.number) ||
        find_name(c, parent->item.number, node->text, node->name_size) ||
        (parent->child_count &&
         parent->children[parent->child_count - 1]->item.number > node->item.number))
        return -EEXIST;
    if (make_room(parent))
        return -ENOMEM;
    parent->children[parent->child_count++] = node;
    insert(c, node);
    c->sum.item_count++;
    c->sum.size_bytes += node->item.size_bytes;
    if (parent->listed)
        touch(parent);
    return 0;
}

/* Takes it out of everything; puts it and what is below it on the list of what is to be freed, but
 * what is held. */
static void take_out(struct ozx_catalog *c, struct node *node, struct node **freed)
{
    for (uint32_t i = 0; i < node->child_count; i++)
        take_out(c, node->children[i], freed);
    node->child_count = 0;
    ozx_hash_remove(&c->names, &node->by_name);
    c->sum.item_count--;
    c->sum.size_bytes -= node->item.size_bytes;
    node->removed = true;
    if (node->gate && ozx_gate_hold(node->gate, 0)) {
        ozx_gate_keep(node->gate);
        node->next = c->held;
        c->held = node;
        return;
    }
    ozx_hash_remove(&c->numbers, &node->by_number);
    node->next = *freed;
    *freed = node;
}

static void take_from_parent(struct ozx_catalog *c, const struct node *node)
{
    struct node *parent = find(c, node->item.parent);
    uint32_t at;

    if (!parent)
        return;
    at = place_behind(parent, node->item.number) - 1;
    parent->child_count--;
    memmove(&parent->children[at], &parent->children[at + 1],
            (parent->child_count - at) * sizeof(struct node *));
    touch(parent);
}

/* False: there is none of this number. What is to be freed comes onto the list. */
static bool remove_number(struct ozx_catalog *c, uint32_t number, struct ozx_catalog_name *out,
                          struct node **freed)
{
    struct node *node = find(c, number);

    if (!node || node->removed || node == c->root)
        return false;
    out->directory = node->item.parent;
    memcpy(out->name, node->text, node->name_size + 1);
    take_from_parent(c, node);
    take_out(c, node, freed);
    return true;
}

/* Without the lock. */
static void free_list(struct node *freed)
{
    while (freed) {
        struct node *next = freed->next;
        free_node(freed);
        freed = next;
    }
}

/* --- the interface ---------------------------------------------------------------------------- */

int ozx_catalog_replace(struct ozx_catalog *c, uint32_t old, const struct ozx_item *item,
                        const char *name, const char *file, struct ozx_gate *gate, bool *removed,
                        struct ozx_catalog_name *out)
{
    struct node *node = make_node(item, name, file), *freed = NULL;
    int failure = node ? 0 : -ENOMEM;

    pthread_mutex_lock(&c->lock);
    *removed = remove_number(c, old, out, &freed); /* the root is never */
    if (!failure)
        failure = add(c, node);
    if (!failure)
        node->gate = gate;
    pthread_mutex_unlock(&c->lock);
    free_list(freed);
    if (failure && node)
        free_node(node); /* the gate is still the caller's */
    return failure;
}

int ozx_catalog_add(struct ozx_catalog *c, const struct ozx_item *item, const char *name,
                    const char *file, struct ozx_gate *gate)
{
    struct ozx_catalog_name unused;
    bool removed;

    return ozx_catalog_replace(c, OZX_CATALOG_ROOT, item, name, file, gate, &removed, &unused);
}

bool ozx_catalog_item(struct ozx_catalog *c, uint32_t number, struct ozx_item *out)
{
    const struct node *node;

    pthread_mutex_lock(&c->lock);
    node = find(c, number);
    if (node)
        *out = node->item;
    pthread_mutex_unlock(&c->lock);
    return node;
}

/* With the lock. The kernel is given the item: of what is no archive no count is kept. */
static void give(struct node *node)
{
    if (node->gate)
        ozx_gate_hold(node->gate, 1);
}

bool ozx_catalog_lookup(struct ozx_catalog *c, uint32_t directory, const char *name,
                        size_t name_size_bytes, struct ozx_item *out)
{
    struct node *node;

    pthread_mutex_lock(&c->lock);
    node = find_name(c, directory, name, name_size_bytes);
    if (node) {
        *out = node->item;
        give(node);
    }
    pthread_mutex_unlock(&c->lock);
    return node;
}

void ozx_catalog_list(struct ozx_catalog *c, uint32_t directory, uint32_t after, bool hold,
                      bool (*see)(void *context, const struct ozx_item *item, const char *name),
                      void *context)
{
    const struct node *node;

    pthread_mutex_lock(&c->lock);
    node = find(c, directory);
    for (uint32_t i = node ? place_behind(node, after) : 0; node && i < node->child_count; i++) {
        if (!see(context, &node->children[i]->item, node->children[i]->text))
            break;
        if (hold)
            give(node->children[i]);
    }
    pthread_mutex_unlock(&c->lock);
}

void ozx_catalog_hold(struct ozx_catalog *c, uint32_t number, uint64_t times)
{
    const struct node *node;

    pthread_mutex_lock(&c->lock);
    node = find(c, number);
    if (node && node->gate)
        ozx_gate_hold(node->gate, times);
    pthread_mutex_unlock(&c->lock);
}

size_t ozx_catalog_held(struct ozx_catalog *c, uint32_t *numbers, size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&c->lock);
    for (const struct node *node = c->held; node && count < max; node = node->next)
        numbers[count++] = node->item.number;
    pthread_mutex_unlock(&c->lock);
    return count;
}

/* With the lock. */
static void take_from_held(struct ozx_catalog *c, const struct node *node)
{
    struct node **at = &c->held;

    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
}

void ozx_catalog_forget(struct ozx_catalog *c, uint32_t number, uint64_t times)
{
    struct node *node;
    bool gone = false;

    pthread_mutex_lock(&c->lock);
    node = find(c, number);
    if (node && node->gate && ozx_gate_release(node->gate, times) == 0 && node->removed) {
        ozx_hash_remove(&c->numbers, &node->by_number);
        take_from_held(c, node);
        gone = true;
    }
    pthread_mutex_unlock(&c->lock);
    if (gone)
        free_node(node);
}

bool ozx_catalog_remove(struct ozx_catalog *c, uint32_t number, struct ozx_catalog_name *out)
{
    struct node *freed = NULL;
    bool removed;

    pthread_mutex_lock(&c->lock);
    removed = remove_number(c, number, out, &freed);
    pthread_mutex_unlock(&c->lock);
    free_list(freed);
    return removed;
}

bool ozx_catalog_is_listed(struct ozx_catalog *c, uint32_t directory)
{
    const struct node *node;
    bool listed;

    pthread_mutex_lock(&c->lock);
    node = find(c, directory);
    listed = node && node->listed;
    pthread_mutex_unlock(&c->lock);
    return listed;
}

void ozx_catalog_set_listed(struct ozx_catalog *c, uint32_t directory)
{
    struct node *node;

    pthread_mutex_lock(&c->lock);
    node = find(c, directory);
    if (node)
        node->listed = true;
    pthread_mutex_unlock(&c->lock);
}

struct ozx_gate *ozx_catalog_archive(struct ozx_catalog *c, uint32_t number, struct ozx_item *out)
{
    const struct node *node;
    struct ozx_gate *gate;

    pthread_mutex_lock(&c->lock);
    node = find(c, number);
    gate = node ? node->gate : NULL;
    if (gate)
        *out = node->item;
    pthread_mutex_unlock(&c->lock);
    return gate;
}

/* With the lock. The path of the file, from behind; where it begins. */
static size_t put_path(const struct ozx_catalog *c, const struct node *node, char *path,
                       size_t size)
{
    size_t at = size - 1;

    path[at] = '\0';
    while (node && node != c->root) {
        const char *file = node->text + node->name_size + 1;
        size_t length = strlen(file);
        if (length + 1 > at)
            break;
        if (path[at])
            path[--at] = '/';
        at -= length;
        memcpy(path + at, file, length);
        node = node->removed ? NULL : find(c, node->item.parent);
    }
    return at;
}

const char *ozx_catalog_describe(struct ozx_catalog *c, uint32_t number,
                                 char text[OZX_ESCAPED_SIZE])
{
    char path[PATH_SIZE];
    size_t at;

    pthread_mutex_lock(&c->lock);
    at = put_path(c, find(c, number), path, sizeof path);
    pthread_mutex_unlock(&c->lock);
    return ozx_escape(text, OZX_ESCAPED_SIZE, path + at, sizeof path - 1 - at);
}

bool ozx_catalog_is_news(struct ozx_catalog *c, uint32_t number, enum ozx_rule rule)
{
    struct node *node;
    bool news = false;

    pthread_mutex_lock(&c->lock);
    node = find(c, number);
    if (node) {
        news = !(node->told >> rule & 1);
        node->told |= UINT64_C(1) << rule;
    }
    pthread_mutex_unlock(&c->lock);
    return news;
}

void ozx_catalog_sum(struct ozx_catalog *c, struct ozx_catalog_sum *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->sum;
    pthread_mutex_unlock(&c->lock);
}
