/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Removing trees. Knows nothing of ZIP.
 */
#include "io/removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define LISTING_SIZE (32 * 1024)

/* A directory on the way down. Its subdirectories are listed once, when it is entered: listing it
 * again after each would be quadratic. */
struct level {
    struct level *up;
    dev_t dev;
    ino_t ino;
    char *names; /* owned; of the subdirectories, each terminated */
    size_t used, room, next;
};

struct removal {
    struct level *level;
    int fd; /* of the level's directory; owned */
    int failure;
    char listing[LISTING_SIZE] __attribute__((aligned(8)));
};

static void note(struct removal *r, int failure)
{
    if (!r->failure)
        r->failure = failure;
}

static int keep_name(struct level *level, const char *name)
{
    size_t size = strlen(name) + 1;

    if (level->room - level->used < size) {
        size_t room = level->room ? 2 * level->room : 1024;
        char *grown = realloc(level->names, room);
        if (!grown)
            return -ENOMEM;
        level->names = grown;
        level->room = room;
    }
    memcpy(level->names + level->used, name, size);
    level->used += size;
    return 0;
}

static int remove_entry(struct removal *r, const struct dirent64 *entry)
{
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return 0;
    if (entry->d_type != DT_DIR) {
        if (unlinkat(r->fd, entry->d_name, 0) == 0)
            return 0;
        /* POSIX says EPERM for a directory, Linux EISDIR. */
        if (errno != EISDIR && !(errno == EPERM && entry->d_type == DT_UNKNOWN))
            return -errno;
    }
    return keep_name(r->level, entry->d_name);
}

/* Removes the files of the level's directory and notes its subdirectories. */
static void empty_level(struct removal *r)
{
    ssize_t got;

    while ((got = getdents64(r->fd, r->listing, sizeof r->listing)) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(r->listing + at);
            int failure = remove_entry(r, entry);
            if (failure)
                note(r, failure);
            at += entry->d_reclen;
        }
    if (got < 0)
        note(r, -errno);
}

static int enter(struct removal *r, int parent_fd, const char *name)
{
    OZX_AUTO_CLOSE int fd =
        openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct level *level;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    level = calloc(1, sizeof *level);
    if (!level)
        return -ENOMEM;
    level->up = r->level;
    level->dev = st.st_dev;
    level->ino = st.st_ino;
    r->level = level;
    ozx_cleanup_close(&r->fd);
    r->fd = ozx_take_fd(&fd);
    empty_level(r);
    return 0;
}

static void drop_level(struct removal *r)
{
    struct level *level = r->level;

    r->level = level->up;
    free(level->names);
    free(level);
}

/* Back to the directory above, which must be the one that was left. */
static int leave(struct removal *r)
{
    OZX_AUTO_CLOSE int fd = -1;
    struct stat st;

    drop_level(r);
    if (!r->level)
        return 0;
    fd = openat(r->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (st.st_dev != r->level->dev || st.st_ino != r->level->ino)
        return -ESTALE;
    close(r->fd);
    r->fd = ozx_take_fd(&fd);
    return 0;
}

/* The next subdirectory of the level, or upwards. Anything but 0: there is no going on. */
static int step(struct removal *r)
{
    struct level *level = r->level;
    const char *name = level->names + level->next;
    int failure;

    if (level->next < level->used) {
        failure = enter(r, r->fd, name);
        if (!failure)
            return 0;
        note(r, failure);
        level->next += strlen(name) + 1;
        return 0;
    }
    failure = leave(r);
    if (failure || !r->level)
        return failure;
    name = r->level->names + r->level->next;
    if (unlinkat(r->fd, name, AT_REMOVEDIR) < 0)
        note(r, -errno);
    r->level->next += strlen(name) + 1;
    return 0;
}

int ozx_remove_tree(int parent_fd, const char *name)
{
    OZX_AUTO_FREE struct removal *r = calloc(1, sizeof *r);
    int failure;

    if (!r)
        return -ENOMEM;
    r->fd = -1;
    failure = enter(r, parent_fd, name);
    while (!failure && r->level)
        failure = step(r);
    if (failure)
        note(r, failure);
    while (r->level)
        drop_level(r);
    ozx_cleanup_close(&r->fd);
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
        note(r, -errno);
    failure = r->failure;
    return failure;
}
