/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mounting an image. EROFS takes its files by path, and shows that of the image as the source of
 * the mount; so a child does it, in mounts of its own where nobody can put another file there, and
 * where the image has the name that is to be shown:
 *
 *     /DIRECTORIES/NAME   a symbolic link to PROC/self/fd/IMAGE
 *     PROC                the proc file system
 *
 * All of that goes with the child; the mount comes back as a descriptor.
 */
#include "mount/kernel/attach.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/wait.h"
#include "mount/channel.h"
#include "mount/option_list.h"
#include "mount/process.h"

#define PROC ".ozxfs-proc"
#define VALUE_MAX 255 /* of fsconfig(2) */

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

static int fail(struct ozx_error *why, int code, const char *what)
{
    return ozx_error_set(why, code == -EPERM ? -EPERM : -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         NULL, "%s: %s", what, strerror(-code));
}

/* --- the child's mounts ----------------------------------------------------------------------- */

/* An empty root directory, with proc in it. */
static int enter_empty_root(void)
{
    OZX_AUTO_CLOSE int fs = fsopen("ramfs", FSOPEN_CLOEXEC);
    OZX_AUTO_CLOSE int proc = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    OZX_AUTO_CLOSE int root = -1;

    if (fs < 0 || proc < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -errno;
    root = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    if (root < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(root) < 0 ||
        chroot(".") < 0 || mkdir(PROC, 0700) < 0 ||
        move_mount(proc, "", AT_FDCWD, PROC, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return -errno;
    return 0;
}

/* Makes `source` a way to the image. */
static int make_source(const char *source, int image)
{
    OZX_AUTO_FREE char *path = strdup(source);
    char target[64];

    if (!path)
        return -ENOMEM;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    snprintf(target, sizeof target, "/" PROC "/self/fd/%d", image);
    return symlink(target, path) < 0 ? -errno : 0;
}

/* --- its options ------------------------------------------------------------------------------ */

/* What mount(8) and FUSE have options for, and how EROFS takes it. */
static int add_option(int fs, char *option, unsigned *attributes)
{
    char *value = strchr(option, '=');

    if (strcmp(option, "noexec") == 0)
        *attributes |= MOUNT_ATTR_NOEXEC;
    if (!value)
        return 0;
    *value++ = '\0';
    if (!strstr(option, "context"))
        return 0; /* means nothing here, or is in the inodes */
    return fsconfig(fs, FSCONFIG_SET_STRING, option, value, 0) < 0 ? -errno : 0;
}

static int add_options(int fs, const char *list, unsigned *attributes)
{
    OZX_AUTO_FREE char *option = malloc(strlen(list) + 1);
    int failure = option ? 0 : -ENOMEM;

    while (!failure && ozx_option_next(&list, option))
        failure = add_option(fs, option, attributes);
    return failure;
}

/* --- the mount -------------------------------------------------------------------------------- */

/* What errno says of this kernel. */
static int explain(int code, const char *what, struct ozx_error *why)
{
    if (code == -ENOTBLK)
        return fail(why, code, "this kernel cannot mount an EROFS image that is a file");
    if (code == -EINVAL)
        return fail(why, code, "this kernel does not support such EROFS images (Linux 6.15 does)");
    return fail(why, code, what);
}

/* The mount, or -errno. */
static int mount_image(const struct ozx_mount_options *options, const char *source, int archive,
                       struct ozx_error *why)
{
    unsigned attributes =
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME;
    OZX_AUTO_CLOSE int fs = fsopen("erofs", FSOPEN_CLOEXEC);
    char device[64];
    int failure, mount;

    if (fs < 0)
        return fail(why, -errno, "this kernel has no EROFS");
    snprintf(device, sizeof device, "/" PROC "/self/fd/%d", archive);
    if (fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_STRING, "device", device, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_STRING, "device", device, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
        return explain(-errno, "EROFS rejects the image's options", why);
    failure = add_options(fs, options->fuse_options, &attributes);
    if (failure)
        return explain(failure, "EROFS rejects the options of -o", why);
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return explain(-errno, "EROFS rejects the image", why);
    mount = fsmount(fs, FSMOUNT_CLOEXEC, attributes | MOUNT_ATTR_NOSYMFOLLOW);
    return mount < 0 ? fail(why, -errno, "fsmount") : mount;
}

/* The child. */
static void run(const struct ozx_mount_options *options, int image, int archive, int socket)
{
    const char *source = options->fsname;
    struct ozx_error why = OZX_ERROR_INIT;
    int mount, failure = strlen(source) > VALUE_MAX ? -ENAMETOOLONG : enter_empty_root();

    if (!failure)
        failure = make_source(source, image);
    if (failure) {
        (void)fail(&why, failure, "cannot give the image its name");
        (void)!ozx_channel_send(socket, OZX_MESSAGE_FAILED, 0, &why, false);
        return;
    }
    mount = mount_image(options, source, archive, &why);
    if (mount >= 0)
        (void)!ozx_channel_send_descriptor(socket, OZX_MESSAGE_DEVICE, mount);
    else
        (void)!ozx_channel_send(socket, OZX_MESSAGE_FAILED, 0, &why, false);
}

int ozx_kernel_image_attach(const struct ozx_mount_options *options, int image, int archive,
                            int *mount, struct ozx_error *why)
{
    struct ozx_message message = {.kind = 0};
    int sockets[2], failure = ozx_channel_pair(sockets), got, sent = -1;
    pid_t child;

    if (failure)
        return fail(why, failure, "cannot create a socket");
    child = fork();
    if (child == 0) {
        run(options, image, archive, sockets[1]);
        _exit(0);
    }
    failure = child < 0 ? -errno : 0;
    close(sockets[1]);
    got = failure ? 0 : ozx_channel_receive(sockets[0], &message, &sent);
    close(sockets[0]);
    if (child > 0)
        (void)!ozx_wait_child(child);
    if (failure)
        return fail(why, failure, "cannot start a process");
    if (got == 1 && message.kind == OZX_MESSAGE_DEVICE && sent >= 0) {
        *mount = sent;
        return 0;
    }
    if (sent >= 0)
        close(sent);
    if (got != 1 || !message.error.code)
        return fail(why, -EIO, "the process that mounts its image ended");
    *why = message.error;
    return why->code;
}
