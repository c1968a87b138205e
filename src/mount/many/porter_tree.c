/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the porter has listed. Nothing is believed of an event but that something happened to a
 * name: what is there is looked at, and compared with what was.
 */
#include "mount/many/porter_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

#define PATH_SIZE 4096

/* A name as readdir gave it. */
struct found {
    char *name; /* owned */
    unsigned char type;
    bool archive; /* the names of others are taken as they are, so they come first */
};

struct found_list {
    struct found *list;
    uint32_t count, room;
};

static struct ozx_entry *of_number(struct ozx_link *link)
{
    return (struct ozx_entry *)((char *)link - offsetof(struct ozx_entry, by_number));
}

static struct ozx_entry *of_file(struct ozx_link *link)
{
    return (struct ozx_entry *)((char *)link - offsetof(struct ozx_entry, by_file));
}

static struct ozx_entry *of_name(struct ozx_link *link)
{
    return (struct ozx_entry *)((char *)link - offsetof(struct ozx_entry, by_name));
}

/* --- entries ---------------------------------------------------------------------------------- */

struct ozx_entry *ozx_porter_tree_find(const struct ozx_porter_tree *tree, uint32_t number)
{
    struct ozx_link *link =
        ozx_hash_first(&tree->numbers, ozx_hash_of(&tree->numbers, number, NULL, 0));

    while (link && of_number(link)->number != number)
        link = ozx_hash_next(link);
    return link ? of_number(link) : NULL;
}

static struct ozx_entry *find_file(const struct ozx_porter_tree *tree,
                                   const struct ozx_entry *directory, const char *file)
{
    struct ozx_link *link = ozx_hash_first(
        &tree->files, ozx_hash_of(&tree->files, directory->number, file, strlen(file)));

    for (; link; link = ozx_hash_next(link))
        if (of_file(link)->parent == directory && strcmp(ozx_entry_file(of_file(link)), file) == 0)
            return of_file(link);
    return NULL;
}

static bool has_name(const struct ozx_porter_tree *tree, const struct ozx_entry *directory,
                     const char *name)
{
    struct ozx_link *link = ozx_hash_first(
        &tree->names, ozx_hash_of(&tree->names, directory->number, name, strlen(name)));

    for (; link; link = ozx_hash_next(link))
        if (of_name(link)->parent == directory && strcmp(ozx_entry_name(of_name(link)), name) == 0)
            return true;
    return false;
}

/* What it is shown as: what is no archive under its own name, if no archive has it. */
static void choose_name(const struct ozx_porter_tree *tree, const struct ozx_entry *directory,
                        const char *file, enum ozx_item_kind kind, char name[NAME_MAX + 1])
{
    unsigned number = 1;

    if (kind != OZX_ITEM_ARCHIVE) {
        snprintf(name, NAME_MAX + 1, "%s", file);
        if (!has_name(tree, directory, name))
            return;
        number = 2;
    }
    do
        ozx_directory_name_of(file, number++, name);
    while (has_name(tree, directory, name));
}

static struct ozx_entry *make_entry(const char *file, const char *name, const struct ozx_seen *seen)
{
    size_t file_size = strlen(file), name_size = strlen(name);
    struct ozx_entry *entry = calloc(1, sizeof *entry + file_size + name_size + 2);

    if (!entry)
        return NULL;
    entry->seen = *seen;
    entry->watch = -1;
    entry->file_size = (uint32_t)file_size;
    memcpy(entry->text, file, file_size + 1);
    memcpy(entry->text + file_size + 1, name, name_size + 1);
    return entry;
}

static int add(struct ozx_porter_tree *tree, struct ozx_entry *directory, const char *file,
               const struct ozx_seen *seen, uint32_t replaces)
{
    char name[NAME_MAX + 1];
    struct ozx_entry *entry;

    if (tree->last_number == UINT32_MAX)
        return -EOVERFLOW; /* none is used twice */
    choose_name(tree, directory, file, seen->kind, name);
    entry = make_entry(file, name, seen);
    if (!entry)
        return -ENOMEM;
    entry->number = ++tree->last_number;
    entry->parent = directory;
    entry->round = tree->round;
    entry->next = directory->first;
    if (entry->next)
        entry->next->link = &entry->next;
    entry->link = &directory->first;
    directory->first = entry;
    ozx_hash_add(&tree->numbers, &entry->by_number,
                 ozx_hash_of(&tree->numbers, entry->number, NULL, 0));
    ozx_hash_add(&tree->files, &entry->by_file,
                 ozx_hash_of(&tree->files, directory->number, file, strlen(file)));
    ozx_hash_add(&tree->names, &entry->by_name,
                 ozx_hash_of(&tree->names, directory->number, name, strlen(name)));
    tree->events.added(tree->events.context, entry, replaces);
    return 0;
}

static void free_entry(struct ozx_porter_tree *tree, struct ozx_entry *entry)
{
    while (entry->first)
        free_entry(tree, entry->first);
    if (entry->listed)
        tree->events.unlisted(tree->events.context, entry);
    ozx_hash_remove(&tree->numbers, &entry->by_number);
    if (entry->parent) {
        ozx_hash_remove(&tree->files, &entry->by_file);
        ozx_hash_remove(&tree->names, &entry->by_name);
        *entry->link = entry->next;
        if (entry->next)
            entry->next->link = entry->link;
    }
    free(entry);
}

static void remove_entry(struct ozx_porter_tree *tree, struct ozx_entry *entry)
{
    tree->events.removed(tree->events.context, entry->number);
    free_entry(tree, entry);
}

int ozx_porter_tree_open(struct ozx_porter_tree *tree)
{
    const struct ozx_seen seen = {.kind = OZX_ITEM_DIRECTORY};

    tree->root = make_entry("", "", &seen);
    if (!tree->root || ozx_hash_open(&tree->numbers) || ozx_hash_open(&tree->files) ||
        ozx_hash_open(&tree->names))
        return -ENOMEM;
    ozx_hash_add(&tree->numbers, &tree->root->by_number,
                 ozx_hash_of(&tree->numbers, OZX_CATALOG_ROOT, NULL, 0));
    return 0;
}

void ozx_porter_tree_close(struct ozx_porter_tree *tree)
{
    if (tree->root && tree->names.buckets)
        free_entry(tree, tree->root);
    ozx_hash_close(&tree->numbers);
    ozx_hash_close(&tree->files);
    ozx_hash_close(&tree->names);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* From the root; -ENAMETOOLONG. */
static int path_of(const struct ozx_entry *entry, char path[PATH_SIZE])
{
    size_t at = PATH_SIZE - 1;

    path[at] = '\0';
    for (; entry->parent; entry = entry->parent) {
        if (entry->file_size + 2 > at)
            return -ENAMETOOLONG;
        if (path[at])
            path[--at] = '/';
        at -= entry->file_size;
        memcpy(path + at, ozx_entry_file(entry), entry->file_size);
    }
    memmove(path, path + at, PATH_SIZE - at);
    return 0;
}

static int open_directory(const struct ozx_porter_tree *tree, const struct ozx_entry *directory,
                          int *fd, struct stat *st)
{
    char path[PATH_SIZE];
    int failure = path_of(directory, path);

    if (!failure)
        failure = ozx_look_directory(&tree->look, path, fd, st);
    if (failure)
        return failure == -ENOENT || failure == -ENOTDIR || failure == -ELOOP ? -ESTALE : failure;
    if (directory->parent &&
        (st->st_dev != directory->seen.device || st->st_ino != directory->seen.inode)) {
        close(ozx_take_fd(fd));
        return -ESTALE;
    }
    return 0;
}

/* What is there under the name, compared with what was. */
static int compare(struct ozx_porter_tree *tree, struct ozx_entry *directory, int fd,
                   const struct stat *st, const char *file, unsigned char type)
{
    struct ozx_entry *known = find_file(tree, directory, file);
    struct ozx_seen seen;
    bool there = ozx_look_at(&tree->look, fd, st, file, type, &seen);
    uint32_t replaces = 0;
    int failure;

    if (known && there && ozx_seen_is_same(&known->seen, &seen)) {
        known->round = tree->round;
        return 0;
    }
    if (known && !there)
        remove_entry(tree, known);
    if (!there)
        return 0;
    if (known) {
        replaces = known->number;
        free_entry(tree, known);
    }
    failure = add(tree, directory, file, &seen, replaces);
    if (failure && replaces)
        tree->events.removed(tree->events.context, replaces);
    return failure;
}

bool ozx_porter_tree_look(struct ozx_porter_tree *tree, struct ozx_entry *directory,
                          const char *file)
{
    OZX_AUTO_CLOSE int fd = -1;
    struct stat st;

    /* It has become a Zarr store, or is none any more. */
    if (ozx_look_is_zarr_name(file) && directory->parent && !tree->look.all_files) {
        const uint32_t number = directory->number;
        char own[NAME_MAX + 1];

        snprintf(own, sizeof own, "%s", ozx_entry_file(directory));
        ozx_porter_tree_look(tree, directory->parent, own);
        if (!ozx_porter_tree_find(tree, number))
            return false;
    }
    if (open_directory(tree, directory, &fd, &st) == 0)
        (void)!compare(tree, directory, fd, &st, file, DT_UNKNOWN);
    return true;
}

/* --- listing ---------------------------------------------------------------------------------- */

static void free_found(struct found_list *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->list[i].name);
    free(found->list);
}

static int put_found(struct found_list *found, const struct dirent *entry)
{
    struct found *list;

    if (ozx_array_grow(found->list, found->count, &found->room))
        return -ENOMEM;
    list = found->list;
    list[found->count] = (struct found){.name = strdup(entry->d_name), .type = entry->d_type};
    if (!list[found->count].name)
        return -ENOMEM;
    list[found->count].archive = ozx_look_is_archive_name(entry->d_name);
    found->count++;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct found *first = a, *second = b;

    if (first->archive != second->archive)
        return first->archive ? 1 : -1;
    return strcmp(first->name, second->name);
}

static int read_names(int fd, struct found_list *found)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failure = 0;
    DIR *listing = own < 0 ? NULL : fdopendir(own);
    const struct dirent *entry;

    if (!listing) {
        failure = -errno;
        if (own >= 0)
            close(own);
        return failure;
    }
    errno = 0;
    while (!failure && (entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            failure = put_found(found, entry);
        errno = 0;
    }
    if (!failure)
        failure = -errno;
    closedir(listing);
    if (found->count)
        qsort(found->list, found->count, sizeof *found->list, by_name);
    return failure;
}

int ozx_porter_tree_list(struct ozx_porter_tree *tree, struct ozx_entry *directory)
{
    OZX_AUTO_CLOSE int fd = -1;
    OZX_CLEANUP(free_found) struct found_list found = {.list = NULL};
    struct stat st;
    int failure = open_directory(tree, directory, &fd, &st);

    if (failure)
        return failure;
    tree->events.listing(tree->events.context, directory, fd);
    directory->listed = true;
    directory->listed_mtime = st.st_mtim;
    failure = read_names(fd, &found);
    if (failure)
        return failure;
    tree->round++;
    for (size_t i = 0; i < found.count && !failure; i++)
        failure = compare(tree, directory, fd, &st, found.list[i].name, found.list[i].type);
    for (struct ozx_entry *next, *entry = directory->first; entry && !failure; entry = next) {
        next = entry->next;
        if (entry->round != tree->round)
            remove_entry(tree, entry);
    }
    return failure;
}

bool ozx_porter_tree_is_touched(const struct ozx_porter_tree *tree,
                                const struct ozx_entry *directory)
{
    OZX_AUTO_CLOSE int fd = -1;
    struct stat st;

    return open_directory(tree, directory, &fd, &st) == 0 &&
           (st.st_mtim.tv_sec != directory->listed_mtime.tv_sec ||
            st.st_mtim.tv_nsec != directory->listed_mtime.tv_nsec);
}

void ozx_porter_tree_list_again(struct ozx_porter_tree *tree,
                                bool (*wanted)(void *context, const struct ozx_entry *directory),
                                void *context)
{
    uint32_t *numbers = NULL;
    size_t count = 0;

    /* By number: what is listed may take others away. */
    numbers = malloc(tree->numbers.count * sizeof *numbers);
    if (!numbers)
        return;
    for (size_t i = 0; i < tree->numbers.bucket_count; i++)
        for (struct ozx_link *link = tree->numbers.buckets[i]; link; link = link->next)
            if (of_number(link)->listed)
                numbers[count++] = of_number(link)->number;
    for (size_t i = 0; i < count; i++) {
        struct ozx_entry *directory = ozx_porter_tree_find(tree, numbers[i]);
        if (directory && wanted(context, directory))
            (void)!ozx_porter_tree_list(tree, directory);
    }
    free(numbers);
}

int ozx_porter_tree_descriptor(struct ozx_porter_tree *tree, struct ozx_entry *entry, int *fd)
{
    char path[PATH_SIZE], file[NAME_MAX + 1];
    int failure = path_of(entry, path);

    if (!failure)
        failure = ozx_look_open(&tree->look, path, &entry->seen, fd);
    if (failure == -ESTALE && entry->parent) {
        snprintf(file, sizeof file, "%s", ozx_entry_file(entry));
        ozx_porter_tree_look(tree, entry->parent, file);
    }
    return failure;
}
