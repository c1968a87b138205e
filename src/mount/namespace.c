/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mount namespace of this process's own. It is tried in a child first: a process that is in a
 * user namespace by half, without a map of its ids, would be nobody for the rest of its life.
 */
#include "mount/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "mount/process.h"

static int put(const char *path, const char *text)
{
    OZX_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t size = (ssize_t)strlen(text);

    if (fd < 0)
        return -errno;
    return write(fd, text, (size_t)size) == size ? 0 : -errno;
}

/* The same ids inside as outside; nobody else's, which takes rights that an ordinary user has not.
 */
static int keep_ids(uid_t uid, gid_t gid)
{
    char map[64];
    int failure = put("/proc/self/setgroups", "deny");

    if (failure && failure != -ENOENT)
        return failure;
    snprintf(map, sizeof map, "%u %u 1\n", (unsigned)uid, (unsigned)uid);
    failure = put("/proc/self/uid_map", map);
    if (failure)
        return failure;
    snprintf(map, sizeof map, "%u %u 1\n", (unsigned)gid, (unsigned)gid);
    return put("/proc/self/gid_map", map);
}

static int enter(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int failure;

    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return -errno;
        failure = keep_ids(uid, gid);
        if (failure)
            return failure;
    }
    /* What is unmounted outside goes here, too; nothing that is mounted here gets out. */
    return mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

static int try(void *context)
{
    (void)context;
    return -enter();
}

int ozx_namespace_enter(struct ozx_error *error)
{
    char ignored[1];
    int failure = ozx_process_run(try, NULL, ignored, sizeof ignored);

    failure = failure > 0 ? -failure : failure;
    if (!failure)
        failure = enter();
    return failure
               ? ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                               "install the package fuse3, or allow user namespaces",
                               "cannot enter a user and mount namespace: %s", strerror(-failure))
               : 0;
}
