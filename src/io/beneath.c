/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openat2 where the kernel has it (5.6) and lets us, else one openat per component. Knows nothing
 * of ZIP.
 */
#include "io/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

/* O_PATH opens nothing that could block, and openat2 takes no flag with it that has no meaning. */
static int complete_flags(int flags)
{
    return flags | O_CLOEXEC | O_NOFOLLOW | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
}

/* The component that starts at `*path`, copied to `name`; `*path` moves behind it and its '/'. */
static int next_component(const char **path, char name[256])
{
    size_t size = strcspn(*path, "/");

    if (size > 255)
        return -ENAMETOOLONG;
    memcpy(name, *path, size);
    name[size] = '\0';
    *path += size;
    while (**path == '/')
        (*path)++;
    return 0;
}

static int open_by_component(int root_fd, const char *path, int flags)
{
    int fd = -1;

    while (*path) {
        char name[256];
        int failure = next_component(&path, name), from = fd, next = -1;

        if (!failure) {
            next = openat(from < 0 ? root_fd : from, name,
                          *path ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
                                : complete_flags(flags));
            failure = next < 0 ? -errno : 0;
        }
        if (from >= 0)
            close(from);
        if (failure)
            return failure;
        fd = next;
    }
    return fd;
}

int ozx_beneath_open(int root_fd, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)complete_flags(flags),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    const char *named = *path ? path : ".";
    long fd;

    fd = syscall(SYS_openat2, root_fd, named, &how, sizeof how);
    if (fd >= 0)
        return (int)fd;
    /* EPERM: sandboxes answer so for system calls they do not know. */
    if (errno != ENOSYS && errno != EPERM)
        return -errno;
    if (*path)
        return open_by_component(root_fd, path, flags);
    fd = openat(root_fd, ".", complete_flags(flags));
    return fd < 0 ? -errno : (int)fd;
}

int ozx_beneath_open_near(int root_fd, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)complete_flags(flags),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    long fd = syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof how);

    return fd < 0 ? -errno : (int)fd;
}

int ozx_beneath_open_own(int root_fd, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)complete_flags(flags),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);

    if (fd >= 0)
        return (int)fd;
    if (errno != EPERM)
        return errno == ENOSYS ? ozx_beneath_open(root_fd, path, flags) : -errno;
    fd = openat(root_fd, path, complete_flags(flags));
    return fd < 0 ? -errno : (int)fd;
}
