/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking a mount away, and the verb that does so from outside.
 */
#include "mount/unmount.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "mount/daemons.h"
#include "mount/mountinfo.h"
#include "mount/process.h"

#define SYMLINKS_MAX 40
#define WAIT_MS 30000

static int unmount_by_fusermount(const char *path, bool lazy, struct ozx_error *error)
{
    char program[] = "fusermount3", end[] = "--", said[256];
    char how[] = "-uz";
    OZX_AUTO_FREE char *copy = strdup(path);
    char *argv[] = {program, how, end, copy, NULL};
    char escaped[OZX_ESCAPED_SIZE];
    int status, code;

    if (!copy)
        return ozx_error_memory(error);
    if (!lazy)
        how[2] = '\0';
    status = ozx_process_run(ozx_process_exec_fusermount, argv, said, sizeof said);
    if (status == 0)
        return 0;
    if (status < 0)
        return ozx_error_set(error, status, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot start a process: %s", strerror(-status));
    code = strstr(said, strerror(EBUSY)) ? -EBUSY : -EPERM;
    if (said[0] == '\0')
        snprintf(said, sizeof said, "fusermount3 failed with status %d", status);
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot unmount: %s",
                         ozx_escape(escaped, sizeof escaped, said, strlen(said)));
}

int ozx_unmount(const char *path, bool lazy, struct ozx_error *error)
{
    int code;

    if (umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
        return 0;
    code = -errno;
    if (code == -EPERM)
        return unmount_by_fusermount(path, lazy, error);
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot unmount: %s",
                         strerror(-code));
}

/* `path` into a directory that is resolved with all its symlinks, and a last component that is not
 * looked at. Slashes at the end do not count. "." and ".." have no name of their own: they are
 * resolved. */
static int resolve_parent(const char *path, char resolved[PATH_MAX])
{
    char parent[PATH_MAX];
    const char *last;
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size == 0 || size >= sizeof parent)
        return size ? -ENAMETOOLONG : -ENOENT;
    memcpy(parent, path, size);
    parent[size] = '\0';
    last = strrchr(parent, '/');
    last = last ? last + 1 : parent;
    if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return realpath(parent, resolved) ? 0 : -errno;
    last = path + (last - parent);
    size -= (size_t)(last - path);
    parent[last - path] = '\0';
    if (!realpath(parent[0] ? parent : ".", resolved))
        return -errno;
    if (strlen(resolved) + 1 + size >= PATH_MAX)
        return -ENAMETOOLONG;
    if (strcmp(resolved, "/") != 0)
        strcat(resolved, "/");
    strncat(resolved, last, size);
    return 0;
}

/* Where the symlink at `path` leads, joined to the directory it is in; false if it is none.
 * readlink does not ask the file system mounted there: a mount's root is known to be no symlink. */
static bool follow(char path[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof target - 1);
    char *slash = strrchr(path, '/');
    size_t prefix;

    if (size <= 0)
        return false;
    target[size] = '\0';
    prefix = target[0] == '/' || !slash ? 0 : (size_t)(slash - path) + 1;
    if (prefix + (size_t)size >= PATH_MAX)
        return false;
    memcpy(path + prefix, target, (size_t)size + 1);
    return true;
}

/* The topmost mount at what `path` leads to, and that path. */
static int find_mount(const struct ozx_mountinfo *info, const char *path, char resolved[PATH_MAX],
                      const struct ozx_mount_entry **entry)
{
    char next[PATH_MAX];

    if (strlen(path) >= sizeof next)
        return -ENAMETOOLONG;
    strcpy(next, path);
    for (int links = 0; links < SYMLINKS_MAX; links++) {
        int failure = resolve_parent(next, resolved);
        if (failure)
            return failure;
        *entry = ozx_mountinfo_at(info, resolved);
        strcpy(next, resolved);
        if (*entry)
            return 0;
        if (!follow(next))
            return access(resolved, F_OK) < 0 ? -errno : -EINVAL;
    }
    return -ELOOP;
}

static int refuse(int code, struct ozx_error *error)
{
    if (code == -EINVAL)
        return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "'findmnt -t fuse.ozxfs' lists them", "nothing is mounted here");
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "cannot find the mount: %s", strerror(-code));
}

static int explain_busy(const char *path, struct ozx_error *error)
{
    char who[200];

    ozx_daemons_users(path, who, sizeof who);
    return ozx_error_set(error, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "close its files and leave its directories, or use 'ozxfs umount -z'",
                         "the mount is in use%s%s", who[0] ? " by " : "", who);
}

int ozx_umount_run(const char *path, bool lazy, struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    struct ozx_daemons daemons = {0};
    const struct ozx_mount_entry *entry;
    char resolved[PATH_MAX];
    int failure = ozx_mountinfo_read(&info);

    if (failure)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, "is /proc mounted?",
                             "cannot read /proc/self/mountinfo: %s", strerror(-failure));
    failure = find_mount(&info, path, resolved, &entry);
    if (failure)
        return refuse(failure, error);
    ozx_daemons_find(entry->device_minor, &daemons);
    /* -o subtype= changes the type; then the daemon's name tells. */
    if (strcmp(entry->type, "fuse.ozxfs") != 0 &&
        !(ozx_mount_entry_is_fuse(entry) && daemons.count > 0)) {
        char type[64];
        ozx_daemons_free(&daemons);
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "use umount(8) for it",
                             "is a mount of type %s, not ozxfs",
                             ozx_escape(type, sizeof type, entry->type, strlen(entry->type)));
    }
    failure = ozx_unmount(resolved, lazy, error);
    if (failure == -EBUSY)
        explain_busy(resolved, error);
    if (!failure && !lazy && !ozx_daemons_wait(&daemons, WAIT_MS))
        failure = ozx_error_set(error, -ETIMEDOUT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                "unmounted, but its daemon (process %d) has not ended after %d s",
                                (int)daemons.pids[0], WAIT_MS / 1000);
    ozx_daemons_free(&daemons);
    return failure;
}
