/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A place to mount on.
 */
#include "mount/place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define LINKS_MAX 40
#define DEPTH_MAX (PATH_MAX / 2)

/* One directory, whatever its name is now. */
struct identity {
    uint64_t inode;
    struct ozx_mount_id mount;
};

struct walk {
    int fd;                           /* the directory so far; owned */
    char path[PATH_MAX];              /* its path */
    char rest[PATH_MAX];              /* what is still to be walked */
    unsigned links;                   /* followed so far */
    size_t depth;                     /* directories entered, and */
    struct identity above[DEPTH_MAX]; /* those that they were entered from */
};

/* Asks no file system anything, as mount/mount_id.h. */
static int identify(int fd, struct identity *out)
{
    struct statx st = {0};

    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0)
        return -errno;
    out->inode = st.stx_ino;
    return ozx_mount_id_of(fd, &out->mount);
}

static bool is_same(const struct identity *a, const struct identity *b)
{
    return a->inode == b->inode && ozx_mount_id_equal(&a->mount, &b->mount);
}

static int append(char path[PATH_MAX], const char *name)
{
    size_t size = strlen(path);
    int more = snprintf(path + size, PATH_MAX - size, "%s%s", size > 1 ? "/" : "", name);

    return more < 0 || (size_t)more >= PATH_MAX - size ? -ENAMETOOLONG : 0;
}

static int go_to_root(struct walk *w)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return -errno;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = root;
    w->depth = 0;
    strcpy(w->path, "/");
    return 0;
}

/* By /proc, since "." asks a file system that may be dead for leave to look into it. */
static int go_to_working_directory(struct walk *w)
{
    w->fd = open("/proc/self/cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (w->fd < 0)
        w->fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (w->fd < 0 || !getcwd(w->path, sizeof w->path))
        return -errno;
    return w->path[0] == '/' ? 0 : -ENOENT;
}

static int start(struct walk *w, const char *path)
{
    size_t size = strlen(path);

    if (size == 0 || size >= sizeof w->rest)
        return size ? -ENAMETOOLONG : -ENOENT;
    memcpy(w->rest, path, size + 1);
    return path[0] == '/' ? go_to_root(w) : go_to_working_directory(w);
}

/* Back to where the walk came from, not to where somebody has moved the directory meanwhile. */
static int go_up(struct walk *w)
{
    struct identity now = {0};
    int up;

    if (strcmp(w->path, "/") == 0)
        return 0;
    up = openat(w->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (up < 0)
        return -errno;
    close(w->fd);
    w->fd = up;
    *(strrchr(w->path, '/') == w->path ? w->path + 1 : strrchr(w->path, '/')) = '\0';
    if (w->depth == 0)
        return 0;
    w->depth--;
    if (identify(up, &now) || !is_same(&now, &w->above[w->depth]))
        return -ESTALE;
    return 0;
}

/* False where root is only called so: the ids of a user namespace are not the machine's. */
static bool is_root(void)
{
    unsigned long inside, outside, count;
    FILE *map;
    bool whole;

    if (geteuid() != 0)
        return false;
    map = fopen("/proc/self/uid_map", "re");
    if (!map)
        return true;
    whole = fscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
            (inside == 0 && outside == 0 && count == UINT_MAX);
    fclose(map);
    return whole;
}

/* The rule of this file's head. */
static bool may_follow(const struct stat *directory, const struct stat *link)
{
    bool everybody = directory->st_mode & S_IWOTH;
    bool others = directory->st_uid != 0 || directory->st_mode & (S_IWOTH | S_IWGRP);

    if (link->st_uid == geteuid())
        return true;
    if (everybody && directory->st_mode & S_ISVTX && link->st_uid != directory->st_uid)
        return false;
    return !others || !is_root();
}

static int refuse_link(const struct walk *w, const char *name, const struct stat *link,
                       struct ozx_error *error)
{
    char path[PATH_MAX], escaped[OZX_ESCAPED_SIZE];

    strcpy(path, w->path);
    (void)!append(path, name);
    return ozx_error_set(
        error, -EPERM, OZX_RULE_NONE, OZX_OFFSET_NONE, "give the directory itself, not the link",
        "%s is a symbolic link of user %u, who can change it at any time",
        ozx_escape(escaped, sizeof escaped, path, strlen(path)), (unsigned)link->st_uid);
}

/* Links in /proc lead to a directory, not to a path: what can be read in /proc/PID/root is "/",
 * which is another directory here if the process has another root or other mounts. */
static bool is_direct(int link, const char *target)
{
    struct statfs fs;

    return target[0] == '/' && fstatfs(link, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int fail_elsewhere(const struct walk *w, const char *name, struct ozx_error *error)
{
    char path[PATH_MAX], escaped[OZX_ESCAPED_SIZE];

    strcpy(path, w->path);
    (void)!append(path, name);
    return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "see nsenter(1)",
                         "%s leads to another root directory or mount namespace",
                         ozx_escape(escaped, sizeof escaped, path, strlen(path)));
}

static int follow_directly(struct walk *w, const char *name, const char *target,
                           struct ozx_error *error)
{
    int to = openat(w->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    OZX_AUTO_CLOSE int here = -1;
    struct identity wanted, found;
    int failure;

    if (to < 0)
        return -errno;
    here = open(target, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    failure = here < 0 ? -errno : identify(to, &wanted);
    if (!failure)
        failure = identify(here, &found);
    if (!failure && !is_same(&wanted, &found))
        failure = fail_elsewhere(w, name, error);
    if (failure) {
        close(to);
        return failure;
    }
    close(w->fd);
    w->fd = to;
    w->depth = 0;
    strcpy(w->path, target);
    return 0;
}

/* Puts the target of the symbolic link `name` in front of the rest. 1: it is no link. */
static int follow(struct walk *w, const char *name, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct statx kind = {0};
    struct stat directory, link;
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t size;

    if (fd < 0)
        return -errno;
    /* First without a question to the file system: it may be a mount that hangs. */
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &kind) < 0)
        return -errno;
    if (!S_ISLNK(kind.stx_mode))
        return 1;
    if (fstat(fd, &link) < 0 || fstat(w->fd, &directory) < 0)
        return -errno;
    if (!may_follow(&directory, &link))
        return refuse_link(w, name, &link, error);
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    size = readlinkat(fd, "", target, sizeof target);
    if (size <= 0 || size == sizeof target)
        return size < 0 ? -errno : -ENAMETOOLONG;
    target[size] = '\0';
    if (is_direct(fd, target))
        return follow_directly(w, name, target, error);
    if (snprintf(rest, sizeof rest, "%s/%s", target, w->rest) >= (int)sizeof rest)
        return -ENAMETOOLONG;
    strcpy(w->rest, rest);
    return target[0] == '/' ? go_to_root(w) : 0;
}

static int enter(struct walk *w, const char *name, struct ozx_error *error)
{
    int down = openat(w->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int failure;

    if (down < 0) {
        if (errno != ENOTDIR && errno != ELOOP)
            return -errno;
        failure = follow(w, name, error);
        return failure == 1 ? -ENOTDIR : failure;
    }
    failure = w->depth < DEPTH_MAX ? identify(w->fd, &w->above[w->depth]) : -ENAMETOOLONG;
    if (!failure)
        failure = append(w->path, name);
    if (failure) {
        close(down);
        return failure;
    }
    w->depth++;
    close(w->fd);
    w->fd = down;
    return 0;
}

/* Takes the next component off the rest; "" at the end. */
static int next_name(struct walk *w, char name[NAME_MAX + 1])
{
    size_t skip = strspn(w->rest, "/"), size = strcspn(w->rest + skip, "/");

    if (size > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, w->rest + skip, size);
    name[size] = '\0';
    skip += size;
    skip += strspn(w->rest + skip, "/");
    memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
    return 0;
}

/* Walks to the end, or with `last` to the directory of the last name, which goes there: "" if the
 * path ends in one that has no name of its own, as "..". */
static int walk_all(struct walk *w, char *last, struct ozx_error *error)
{
    char name[NAME_MAX + 1];
    int failure = 0;

    if (last)
        last[0] = '\0';
    while (!failure && w->rest[0]) {
        failure = next_name(w, name);
        if (failure || name[0] == '\0' || strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            failure = go_up(w);
        } else if (!last || w->rest[0]) {
            failure = enter(w, name, error);
        } else {
            failure = follow(w, name, error);
            if (failure == 1 || failure == -ENOENT) {
                strcpy(last, name);
                return 0;
            }
        }
    }
    return failure;
}

static int take(struct walk *w, const char *name, struct ozx_place *place)
{
    strcpy(place->path, w->path);
    if (append(place->path, name))
        return -ENAMETOOLONG;
    snprintf(place->name, sizeof place->name, "%s", name);
    place->parent = ozx_take_fd(&w->fd);
    return 0;
}

/* A walk that ended at a directory by another way than its name: found again by its path, which
 * must lead to the same one. */
static int find_again(const struct walk *w, struct ozx_place *place, struct ozx_error *error)
{
    struct identity wanted = {0}, found = {0};
    int failure = identify(w->fd, &wanted);

    if (failure)
        return failure;
    if (strcmp(w->path, "/") == 0)
        return -EBUSY;
    failure = ozx_place_find(w->path, place, error);
    if (!failure) {
        OZX_AUTO_CLOSE int fd = openat(place->parent, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || identify(fd, &found) || !is_same(&found, &wanted))
            failure = -ESTALE;
    }
    return failure;
}

int ozx_place_find(const char *path, struct ozx_place *place, struct ozx_error *error)
{
    struct walk w = {.fd = -1};
    char last[NAME_MAX + 1] = "";
    int failure = start(&w, path);

    if (!failure)
        failure = walk_all(&w, last, error);
    if (!failure)
        failure = last[0] ? take(&w, last, place) : find_again(&w, place, error);
    if (w.fd >= 0)
        close(w.fd);
    return failure;
}

int ozx_place_find_in(const char *directory, const char *name, struct ozx_place *place,
                      struct ozx_error *error)
{
    struct walk w = {.fd = -1};
    int failure = start(&w, directory);

    if (!failure)
        failure = walk_all(&w, NULL, error);
    if (!failure)
        failure = take(&w, name, place);
    if (w.fd >= 0)
        close(w.fd);
    return failure;
}

int ozx_place_hold(struct ozx_place *place)
{
    int fd = openat(place->parent, place->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (place->directory >= 0)
        close(place->directory);
    place->directory = fd;
    return 0;
}

int ozx_place_mount(const struct ozx_place *place, struct ozx_mount_id *out)
{
    struct ozx_mount_id around;
    int failure = ozx_mount_id_of(place->parent, &around);

    if (!failure)
        failure = ozx_mount_id_at(place->parent, place->name, out);
    return !failure && ozx_mount_id_equal(out, &around) ? -EINVAL : failure;
}

void ozx_place_close(struct ozx_place *place)
{
    if (place->parent >= 0)
        close(ozx_take_fd(&place->parent));
    if (place->directory >= 0)
        close(ozx_take_fd(&place->directory));
}
