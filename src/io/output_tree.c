/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole directory trees or none. Knows nothing of ZIP.
 */
#include "io/output_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "io/access.h"
#include "io/output_file.h"
#include "io/removal.h"

#define TEMPORARY_TRIES 100

static int fail(int code, const char *what, struct ozx_error *error)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, ozx_hint_no_space(code),
                         "%s: %s", what, strerror(-code));
}

/* --- before anything is made ------------------------------------------------------------------ */

/* Splits `path` into the parent, which is opened, and the name. */
static int open_parent(struct ozx_output_tree *tree, const char *path, struct ozx_error *error)
{
    OZX_AUTO_FREE char *parent = strdup(path);
    struct stat st;
    size_t size;
    char *slash;

    if (!parent)
        return ozx_error_memory(error);
    for (size = strlen(parent); size > 1 && parent[size - 1] == '/'; size--)
        parent[size - 1] = '\0';
    slash = strrchr(parent, '/');
    tree->name = strdup(slash ? slash + 1 : parent);
    if (!tree->name)
        return ozx_error_memory(error);
    if (!tree->name[0] || strcmp(tree->name, ".") == 0 || strcmp(tree->name, "..") == 0)
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give the directory by its name, or a new one below it",
                             "cannot be created or replaced under this name");
    if (slash == parent)
        slash[1] = '\0';
    else if (slash)
        *slash = '\0';
    tree->parent_fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->parent_fd < 0 && errno == EACCES) /* not readable, but perhaps writable */
        tree->parent_fd = open(slash ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (tree->parent_fd < 0 || fstat(tree->parent_fd, &st) < 0)
        return fail(-errno, "cannot open its parent directory", error);
    return 0;
}

/* `*empty` for the directory `fd`. */
static int ask_empty(int fd, bool *empty)
{
    char listing[4096] __attribute__((aligned(8)));
    OZX_AUTO_CLOSE int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t got;

    if (own < 0)
        return -errno;
    *empty = true;
    while ((got = getdents64(own, listing, sizeof listing)) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(listing + at);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                *empty = false;
            at += entry->d_reclen;
        }
    return got < 0 ? -errno : 0;
}

static bool holds_file(int fd, const char *name)
{
    struct stat st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int judge_old(struct ozx_output_tree *tree, bool replace, struct ozx_error *error)
{
    bool empty = false;
    int failure;

    if (!S_ISDIR(tree->old.st_mode))
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE, "give another name",
                             "exists and is %s",
                             S_ISLNK(tree->old.st_mode) ? "a symbolic link" : "not a directory");
    tree->old_fd =
        openat(tree->parent_fd, tree->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (tree->old_fd < 0 || fstat(tree->old_fd, &tree->old) < 0)
        return fail(-errno, "exists and cannot be read", error);
    failure = ask_empty(tree->old_fd, &empty);
    if (failure)
        return fail(failure, "exists and cannot be read", error);
    tree->exchange = !empty;
    if (empty)
        return 0;
    if (!replace)
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give another name, or --force to replace it",
                             "exists already and is not empty");
    if (!holds_file(tree->old_fd, tree->proof))
        return ozx_error_set(
            error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE, "remove it, or give another name",
            "has no %s, so it is not an image, and --force does not remove it", tree->proof);
    return 0;
}

int ozx_output_tree_prepare(struct ozx_output_tree *tree, const char *path, bool replace,
                            const char *proof, struct ozx_error *error)
{
    int failure = open_parent(tree, path, error);

    if (failure)
        return failure;
    tree->proof = proof;
    if (fstatat(tree->parent_fd, tree->name, &tree->old, AT_SYMLINK_NOFOLLOW) == 0)
        return judge_old(tree, replace, error);
    memset(&tree->old, 0, sizeof tree->old);
    return errno == ENOENT ? 0 : fail(-errno, "cannot be created", error);
}

bool ozx_output_tree_would_remove(const struct ozx_output_tree *tree, const char *path)
{
    OZX_AUTO_CLOSE int at = -1;
    struct stat here, up;

    if (!tree->exchange)
        return false;
    at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0 || fstat(at, &here) < 0)
        return false;
    for (;;) {
        int parent;

        if (here.st_dev == tree->old.st_dev && here.st_ino == tree->old.st_ino)
            return true;
        parent = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = parent;
        if (at < 0 || fstat(at, &up) < 0 || (up.st_dev == here.st_dev && up.st_ino == here.st_ino))
            return false;
        here = up;
    }
}

/* --- the tree --------------------------------------------------------------------------------- */

int ozx_output_tree_create(struct ozx_output_tree *tree, struct ozx_error *error)
{
    /* Who could not look into the old tree must not look into the new one. */
    mode_t mode = tree->old.st_nlink ? 0700 : 0777;
    int failure;

    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        char name[32];

        ozx_temporary_name(name);
        if (mkdirat(tree->parent_fd, name, mode) < 0) {
            if (errno == EEXIST)
                continue;
            return fail(-errno, "cannot create a temporary directory beside it", error);
        }
        memcpy(tree->temporary, name, sizeof name);
        tree->fd = openat(tree->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (tree->fd < 0)
            return fail(-errno, "cannot open the temporary directory beside it", error);
        failure = tree->old_fd < 0 ? 0 : ozx_access_prepare_directory(tree->fd, tree->old_fd);
        return failure ? fail(failure, "cannot restrict access to the temporary directory", error)
                       : 0;
    }
    return fail(-EEXIST, "cannot create a temporary directory beside it", error);
}

void ozx_output_tree_close(struct ozx_output_tree *tree)
{
    /* First: the removal needs descriptors, and there may be no more of them. */
    ozx_cleanup_close(&tree->fd);
    ozx_cleanup_close(&tree->old_fd);
    if (tree->temporary[0]) /* what cannot be removed stays, and nobody is left to be told */
        (void)!ozx_remove_tree(tree->parent_fd, tree->temporary);
    tree->temporary[0] = '\0';
    ozx_cleanup_close(&tree->parent_fd);
    tree->fd = tree->old_fd = tree->parent_fd = -1;
    free(ozx_take(tree->name));
}

/* --- its name --------------------------------------------------------------------------------- */

static int rename_with(const struct ozx_output_tree *tree, unsigned flags)
{
    return renameat2(tree->parent_fd, tree->temporary, tree->parent_fd, tree->name, flags) < 0
               ? -errno
               : 0;
}

static int taken(struct ozx_error *error)
{
    return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE, "give another name",
                         "was created or filled by another process meanwhile");
}

static int settle(struct ozx_output_tree *tree, int failure, struct ozx_error *error)
{
    if (failure == -EEXIST || failure == -ENOTEMPTY || failure == -ENOTDIR)
        return taken(error);
    if (failure == -EBUSY)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "give a new name, for example of a directory below it",
                             "is in use as a mount point, so it cannot be replaced");
    if (failure)
        return fail(failure, "cannot be renamed into place", error);
    tree->temporary[0] = '\0';
    return 0;
}

static int move_to_free_name(struct ozx_output_tree *tree, struct ozx_error *error)
{
    int failure = tree->old.st_nlink ? rename_with(tree, 0) : rename_with(tree, RENAME_NOREPLACE);

    if (tree->old.st_nlink || (failure != -EINVAL && failure != -ENOSYS))
        return settle(tree, failure, error);
    /* The file system has no such rename. Making the name takes it, too; and a plain rename
     * replaces nothing but an empty directory. */
    if (mkdirat(tree->parent_fd, tree->name, 0700) < 0)
        return settle(tree, -errno, error);
    failure = rename_with(tree, 0);
    if (failure)
        (void)!unlinkat(tree->parent_fd, tree->name, AT_REMOVEDIR);
    return settle(tree, failure, error);
}

/* After this the old tree has the temporary name. */
static int exchange(struct ozx_output_tree *tree, struct ozx_error *error)
{
    struct stat st;
    int failure = rename_with(tree, RENAME_EXCHANGE);

    if (failure == -EINVAL || failure == -ENOSYS)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "remove the old one first, or give another name",
                             "cannot be replaced atomically on this file system");
    if (failure == -ENOENT)
        return ozx_error_set(error, -EEXIST, OZX_RULE_NONE, OZX_OFFSET_NONE, "try again",
                             "was moved away by another process meanwhile");
    if (failure)
        return settle(tree, failure, error);
    /* Only what was looked at before is removed. */
    if (fstatat(tree->parent_fd, tree->temporary, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_dev == tree->old.st_dev && st.st_ino == tree->old.st_ino &&
        holds_file(tree->old_fd, tree->proof))
        return 0;
    failure = rename_with(tree, RENAME_EXCHANGE);
    if (failure) /* then the temporary name holds what is not ours to remove */
        tree->temporary[0] = '\0';
    return taken(error);
}

/* The new tree has its name; the old one goes. */
static bool remove_old(struct ozx_output_tree *tree, struct ozx_error *error)
{
    int failure = ozx_remove_tree(tree->parent_fd, tree->temporary);

    if (failure)
        ozx_error_set(
            error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, "remove the rest manually",
            "is unpacked, but the old tree could not be removed completely; it is now in %s: %s",
            tree->temporary, strerror(-failure));
    tree->temporary[0] = '\0';
    return failure != 0;
}

int ozx_output_tree_commit(struct ozx_output_tree *tree, bool sync, bool *leftover,
                           struct ozx_error *error)
{
    int failure = tree->old_fd < 0 ? 0 : ozx_access_take_over(tree->fd, tree->old_fd);

    if (failure)
        return fail(failure, "cannot copy the access rights of the old directory", error);
    if (sync && syncfs(tree->fd) < 0)
        return fail(-errno, "cannot be synced to disk", error);
    failure = tree->exchange ? exchange(tree, error) : move_to_free_name(tree, error);
    if (failure)
        return failure;
    if (sync && fsync(tree->parent_fd) < 0 && errno != EINVAL && errno != EBADF)
        return fail(-errno, "is complete, but its directory cannot be synced", error);
    *leftover = tree->exchange && remove_old(tree, error);
    return 0;
}
