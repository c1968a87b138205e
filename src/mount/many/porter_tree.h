/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the porter has listed: entries, with the numbers that the worker knows them by. It asks the
 * file system what there is (mount/many/look.h) and tells of each difference to what was there.
 */
#ifndef OZX_MOUNT_MANY_PORTER_TREE_H
#define OZX_MOUNT_MANY_PORTER_TREE_H

#include "mount/many/hash.h"
#include "mount/many/look.h"

/* A thing that is shown. */
struct ozx_entry {
    struct ozx_seen seen;
    uint32_t number;
    struct ozx_entry *parent; /* NULL: the root */
    struct ozx_link by_number, by_file, by_name;
    struct ozx_link by_watch;     /* of a directory that is watched */
    int watch;                    /* -1: not */
    bool listed;                  /* a directory: its entries are known, and have to be right */
    struct timespec listed_mtime; /* what the directory's was then */
    struct ozx_entry *first, *next, **link; /* entries of a directory; the list that it is in */
    uint64_t round;                         /* of the listing that saw it last */
    uint32_t file_size;
    char text[]; /* the file's name, and the name that is shown; each with its NUL */
};

struct ozx_porter_events {
    void *context;
    /* `replaces`: the number of the one that is removed with it, 0: none. Of those nobody sees
     * neither. */
    void (*added)(void *context, const struct ozx_entry *entry, uint32_t replaces);
    void (*removed)(void *context, uint32_t number); /* below it none is told */
    /* A directory is about to be listed: before it is, so that nothing is missed. */
    void (*listing)(void *context, struct ozx_entry *directory, int fd);
    void (*unlisted)(void *context, struct ozx_entry *directory); /* it is going */
};

struct ozx_porter_tree {
    struct ozx_look look;
    struct ozx_porter_events events;
    struct ozx_hash numbers, files, names;
    struct ozx_entry *root;
    uint32_t last_number;
    uint64_t round;
};

int ozx_porter_tree_open(struct ozx_porter_tree *tree) OZX_CHECKED; /* look and events are set */
void ozx_porter_tree_close(struct ozx_porter_tree *tree);

static inline const char *ozx_entry_file(const struct ozx_entry *entry)
{
    return entry->text;
}

static inline const char *ozx_entry_name(const struct ozx_entry *entry)
{
    return entry->text + entry->file_size + 1;
}

/* NULL: no such number was listed, or not any more. */
struct ozx_entry *ozx_porter_tree_find(const struct ozx_porter_tree *tree, uint32_t number);

/* Lists a directory, or looks what is new there. -errno. */
int ozx_porter_tree_list(struct ozx_porter_tree *tree, struct ozx_entry *directory) OZX_CHECKED;

/* Something happened to the name in a listed directory. It may go by that, and the directory, too:
 * then false. */
bool ozx_porter_tree_look(struct ozx_porter_tree *tree, struct ozx_entry *directory,
                          const char *file);

/* Opens an archive or a file; -ESTALE if it is not what was listed (and then that is told, too). */
int ozx_porter_tree_descriptor(struct ozx_porter_tree *tree, struct ozx_entry *entry,
                               int *fd) OZX_CHECKED;

/* Lists each listed directory again for which `wanted` says so. */
void ozx_porter_tree_list_again(struct ozx_porter_tree *tree,
                                bool (*wanted)(void *context, const struct ozx_entry *directory),
                                void *context);

/* False: the directory's time is still that of its listing. */
bool ozx_porter_tree_is_touched(const struct ozx_porter_tree *tree,
                                const struct ozx_entry *directory);

#endif
