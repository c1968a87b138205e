/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory for one mount that nobody else can get into.
 */
#include "mount/private_place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define MODE 0700
#define INNER_MODE 0755 /* below that */

/* Who could rename what is made there must be us or root. */
static bool is_safe(int directory)
{
    struct stat st;

    if (fstat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
        return false;
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return false;
    return !(st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_mode & S_ISVTX;
}

/* Holds the directory in `out`. */
static int hold_base(const char *path, struct ozx_private_place *out)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    int failure = ozx_place_find(path, &place, &ignored);

    if (!failure)
        failure = ozx_place_hold(&place);
    if (!failure && !is_safe(place.directory))
        failure = -EPERM;
    if (!failure && faccessat(place.directory, ".", W_OK | X_OK, AT_EACCESS) < 0)
        failure = -errno;
    if (failure)
        return failure;
    snprintf(out->base_path, sizeof out->base_path, "%s", place.path);
    out->base = ozx_take_fd(&place.directory);
    return 0;
}

static int choose_base(struct ozx_private_place *out, struct ozx_error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int failure = runtime && runtime[0] == '/' ? hold_base(runtime, out) : -ENOENT;

    if (failure)
        failure = hold_base("/tmp", out);
    return failure ? ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                   "set XDG_RUNTIME_DIR to a directory of your own",
                                   "no directory for the mount: /tmp cannot be used: %s",
                                   failure == -EPERM ? "others may rename what is in it"
                                                     : strerror(-failure))
                   : 0;
}

int ozx_private_place_choose(const char *inner, struct ozx_private_place *out,
                             struct ozx_error *error)
{
    uint64_t number;
    int failure = choose_base(out, error);

    if (failure)
        return failure;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return ozx_error_set(error, -EAGAIN, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot choose a name for the mount's directory");
    snprintf(out->name, sizeof out->name, OZX_PRIVATE_PLACE_PREFIX "%016llx",
             (unsigned long long)number);
    snprintf(out->inner, sizeof out->inner, "%s", inner);
    return 0;
}

int ozx_private_place_reopen(struct ozx_private_place *where)
{
    OZX_AUTO_CLOSE int fd = open(where->base_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat before, now;

    if (fd < 0 || fstat(where->base, &before) < 0 || fstat(fd, &now) < 0)
        return -errno;
    if (before.st_dev != now.st_dev || before.st_ino != now.st_ino)
        return -ESTALE;
    close(where->base);
    where->base = ozx_take_fd(&fd);
    return 0;
}

int ozx_private_place_find(const struct ozx_private_place *where, struct ozx_place *place)
{
    struct stat st;
    int size;

    place->parent = openat(where->base, where->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place->parent < 0)
        return -errno;
    if (fstat(place->parent, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid())
        return -EPERM;
    strcpy(place->name, where->inner);
    size = snprintf(place->path, sizeof place->path, "%s/%s/%s", where->base_path, where->name,
                    where->inner);
    return size < (int)sizeof place->path ? 0 : -ENAMETOOLONG;
}

int ozx_private_place_make(const struct ozx_private_place *where, struct ozx_place *place,
                           struct ozx_error *error)
{
    char base[OZX_ESCAPED_SIZE];
    int failure = 0;

    if (mkdirat(where->base, where->name, MODE) < 0) {
        failure = -errno; /* -EEXIST too: somebody else's, and not to be removed */
    } else {
        failure = ozx_private_place_find(where, place);
        if (!failure && mkdirat(place->parent, place->name, INNER_MODE) < 0)
            failure = -errno;
        if (!failure)
            failure = ozx_place_hold(place);
        if (failure)
            ozx_private_place_remove(where);
    }
    return failure ? ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                   ozx_hint_no_space(failure),
                                   "cannot create a directory in %s for the mount: %s",
                                   ozx_escape(base, sizeof base, where->base_path,
                                              strlen(where->base_path)),
                                   strerror(-failure))
                   : 0;
}

bool ozx_private_place_remove(const struct ozx_private_place *where)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_mount_id mount;
    int failure = ozx_private_place_find(where, &place);

    if (failure)
        return failure == -ENOENT;
    if (ozx_place_mount(&place, &mount) == 0)
        return false;
    unlinkat(place.parent, place.name, AT_REMOVEDIR);
    return unlinkat(where->base, where->name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

/* True if the name of the directory that the place is in is one that was chosen here: then `out`
 * has it. */
static bool has_chosen_name(const struct ozx_place *place, struct ozx_private_place *out)
{
    const size_t size = sizeof out->name - 1;
    const char *end = strrchr(place->path, '/');

    if (!end || (size_t)(end - place->path) <= size || end[-(ptrdiff_t)size - 1] != '/')
        return false;
    snprintf(out->name, sizeof out->name, "%s", end - size);
    return strncmp(out->name, OZX_PRIVATE_PLACE_PREFIX, strlen(OZX_PRIVATE_PLACE_PREFIX)) == 0;
}

bool ozx_private_place_remove_left(const struct ozx_place *place, uid_t user)
{
    struct ozx_private_place where = OZX_PRIVATE_PLACE_INIT;
    OZX_AUTO_CLOSE int base = openat(place->parent, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct ozx_mount_id mount;
    struct stat held, named;

    if (!has_chosen_name(place, &where) || base < 0 || fstat(place->parent, &held) < 0 ||
        fstatat(base, where.name, &named, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (held.st_dev != named.st_dev || held.st_ino != named.st_ino ||
        (held.st_mode & 07777) != MODE)
        return false;
    if (held.st_uid != geteuid() && (geteuid() != 0 || held.st_uid != user))
        return false;
    if (ozx_place_mount(place, &mount) == 0)
        return false;
    unlinkat(place->parent, place->name, AT_REMOVEDIR);
    return unlinkat(base, where.name, AT_REMOVEDIR) == 0;
}

void ozx_private_place_close(struct ozx_private_place *where)
{
    if (where->base >= 0)
        close(ozx_take_fd(&where->base));
}
