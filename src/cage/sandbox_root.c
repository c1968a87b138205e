/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Empty root directories. Nothing has to be made in a file system for them, so nothing can be left
 * behind, and nobody can ever put something there:
 *
 *   new     a tmpfs that is mounted nowhere, read-only (fsmount, Linux 5.2)
 *   empty   a directory in /proc of a process that is gone
 */
#include "cage/sandbox.h"

#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/wait.h"

#define STACK_SIZE 16384

/* In a process of its own that shares root and working directory with this one. */
static int change_root(void *unused)
{
    (void)unused;
    _exit(chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int ozx_sandbox_empty_root(void)
{
    _Alignas(16) char stack[STACK_SIZE];
    pid_t child =
        clone(change_root, stack + sizeof stack, CLONE_FS | CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    int status = child < 0 ? -errno : ozx_wait_child(child);

    if (status < 0)
        return status;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EPERM;
}

#define ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int ozx_sandbox_new_root(void)
{
#ifdef SYS_fsmount
    OZX_AUTO_CLOSE int context = (int)syscall(SYS_fsopen, "tmpfs", 0), mount = -1;

    if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    mount = (int)syscall(SYS_fsmount, context, 0, ATTRIBUTES);
    if (mount < 0 || fchdir(mount) < 0 || chroot(".") < 0)
        return -errno;
    return 0;
#else
    return -ENOSYS;
#endif
}
