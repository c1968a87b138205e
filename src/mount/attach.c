/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mounting by descriptors:
 *
 *     fsopen, fsconfig ...   a file system of the type fuse, with our /dev/fuse
 *     fsmount                a mount of it that is nowhere yet, known by its id
 *     move_mount             onto the directory that is held
 *
 * and at last a look whether its name still leads to it. Before Linux 5.2, in containers that do
 * not know these calls, and for names that are too long for them, mount(2) on /proc/self/fd/N does
 * nearly the same.
 */
#include "mount/attach.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "mount/option_list.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* Linux 5.10; an older one takes no notice */
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define VALUE_MAX 255 /* of fsconfig(2) */

static int fail(struct ozx_error *error, int code, const char *what, const char *hint)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "cannot mount: %s: %s",
                         what, strerror(-code));
}

static int open_device(int *device, struct ozx_error *error)
{
    static const char no_module[] =
        "load the kernel module (modprobe fuse); a container needs --device /dev/fuse";
    static const char no_access[] =
        "you need read and write access to /dev/fuse; a container needs --device /dev/fuse";
    int code;

    *device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (*device >= 0)
        return 0;
    code = -errno;
    if (code == -ENOENT || code == -ENXIO || code == -ENODEV)
        return fail(error, -ENODEV, "FUSE device not found: /dev/fuse", no_module);
    if (code == -EACCES || code == -EPERM)
        return fail(error, -EACCES, "cannot open /dev/fuse", no_access);
    return fail(error, code, "cannot open /dev/fuse",
                code == -EMFILE ? "raise the limit of open files (ulimit -n)" : NULL);
}

bool ozx_attach_has_permissions(const struct ozx_mount_options *options)
{
    return options->own_modes || options->uid != geteuid() || options->gid != getegid() ||
           options->file_mode != 0444 || options->directory_mode != 0555 ||
           strstr(options->fuse_options, "allow_other");
}

/* --- options ---------------------------------------------------------------------------------- */

/* A flag of the mount, not of the file system, or one that changes nothing. */
static const struct {
    const char *name;
    unsigned long long attribute; /* of fsmount(2) */
    unsigned long flag;           /* of mount(2) */
} mount_flags[] = {
    {"noexec", MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, MS_NOATIME},
    {"exec", 0, 0},
    {"atime", 0, 0},
    {"async", 0, 0},
};

/* What -o gave, in the two forms that the kernel takes it in. */
struct parameters {
    int fs; /* of fsopen(2); -1: they are for mount(2), and go to: */
    char *data, *end;
    unsigned long long attributes;
    unsigned long flags;
};

static int add(struct parameters *p, const char *key, const char *value)
{
    if (p->fs >= 0)
        return fsconfig(p->fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0
                   ? -errno
                   : 0;
    p->end += sprintf(p->end, "%s%s%s%s", p->end == p->data ? "" : ",", key, value ? "=" : "",
                      value ? value : "");
    return 0;
}

static int add_number(struct parameters *p, const char *key, const char *format, unsigned value)
{
    char text[16];

    snprintf(text, sizeof text, format, value);
    return add(p, key, text);
}

static int add_option(struct parameters *p, char *option)
{
    char *value = strchr(option, '=');

    for (size_t i = 0; i < sizeof mount_flags / sizeof mount_flags[0]; i++)
        if (strcmp(option, mount_flags[i].name) == 0) {
            p->attributes |= mount_flags[i].attribute;
            p->flags |= mount_flags[i].flag;
            return 0;
        }
    if (p->fs < 0 && (strcmp(option, "sync") == 0 || strcmp(option, "dirsync") == 0)) {
        p->flags |= option[0] == 's' ? MS_SYNCHRONOUS : MS_DIRSYNC;
        return 0;
    }
    if (value)
        *value++ = '\0';
    return add(p, option, value);
}

static int add_list(struct parameters *p, const char *list)
{
    OZX_AUTO_FREE char *option = malloc(strlen(list) + 1);
    int failure = option ? 0 : -ENOMEM;

    while (!failure && ozx_option_next(&list, option))
        failure = add_option(p, option);
    return failure;
}

static int add_all(struct parameters *p, const struct ozx_mount_options *options, int device)
{
    int failure = add_number(p, "fd", "%u", (unsigned)device);

    if (!failure)
        failure = add_number(p, "rootmode", "%o", 040000);
    if (!failure)
        failure = add_number(p, "user_id", "%u", getuid());
    if (!failure)
        failure = add_number(p, "group_id", "%u", getgid());
    if (!failure)
        failure = add_number(p, "max_read", "%u", options->max_read_bytes);
    if (!failure && ozx_attach_has_permissions(options) &&
        !strstr(options->fuse_options, "default_permissions"))
        failure = add(p, "default_permissions", NULL);
    return failure ? failure : add_list(p, options->fuse_options);
}

/* --- the calls -------------------------------------------------------------------------------- */

/* The reason that the kernel gives with its error, if it does. */
static int explain(int fs, int code, struct ozx_error *error)
{
    char said[200] = "", escaped[OZX_ESCAPED_SIZE];
    ssize_t size = read(fs, said, sizeof said - 1);
    const char *text = said;

    if (code == -ENODEV)
        return fail(error, code, "this kernel has no FUSE", "modprobe fuse");
    if (size <= 0)
        return fail(error, code, "the kernel refused", NULL);
    said[size] = '\0';
    if (strncmp(said, "e ", 2) == 0)
        text += 2;
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot mount: %s: %s",
                         ozx_escape(escaped, sizeof escaped, text, strcspn(text, "\n")),
                         strerror(-code));
}

/* A mount that is nowhere yet. The descriptor, or -errno. */
static int make_mount(int fs, const struct ozx_mount_options *options, int device)
{
    struct parameters p = {.fs = fs,
                           .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    int mount, failure = add(&p, "source", options->fsname);

    if (!failure)
        failure = add(&p, "subtype", options->subtype);
    if (!failure)
        failure = add(&p, "ro", NULL);
    if (!failure)
        failure = add_all(&p, options, device);
    if (!failure && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        failure = -errno;
    if (failure)
        return failure;
    /* There are no symbolic links in an archive; a worker that was taken over may tell of some. */
    mount = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)(p.attributes | MOUNT_ATTR_NOSYMFOLLOW));
    if (mount < 0 && errno == EINVAL) /* before Linux 5.14 */
        mount = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)p.attributes);
    return mount < 0 ? -errno : mount;
}

static int fail_replaced(struct ozx_error *error)
{
    return ozx_error_set(error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the mount point was removed, replaced or mounted on meanwhile");
}

int ozx_attach_put(int mount, const struct ozx_place *place, struct ozx_mount_id *out,
                   struct ozx_error *error)
{
    struct ozx_mount_id own, there;
    char root[40];
    int failure = ozx_mount_id_of(mount, &own);

    if (failure)
        return fail(error, failure, "cannot determine the mount's id", NULL);
    if (move_mount(mount, "", place->directory, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return errno == ENOENT ? fail_replaced(error) : fail(error, -errno, "move_mount", NULL);
    if (ozx_place_mount(place, &there) == 0 && ozx_mount_id_equal(&own, &there)) {
        *out = own;
        return 0;
    }
    /* Not by its root as a working directory: that would ask the worker, which does not serve yet.
     */
    snprintf(root, sizeof root, "/proc/self/fd/%d", mount);
    umount2(root, MNT_DETACH);
    return fail_replaced(error);
}

static int attach(int fs, const struct ozx_mount_options *options, int *device,
                  struct ozx_mount_id *out, struct ozx_error *error)
{
    OZX_AUTO_CLOSE int mount = -1;
    int failure = open_device(device, error);

    if (failure)
        return failure;
    mount = make_mount(fs, options, *device);
    failure =
        mount < 0 ? explain(fs, mount, error) : ozx_attach_put(mount, options->place, out, error);
    if (failure)
        close(ozx_take_fd(device));
    return failure;
}

int ozx_attach_by_mount(const struct ozx_mount_options *options, int *device,
                        struct ozx_error *error)
{
    struct parameters p = {.fs = -1, .flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOSYMFOLLOW};
    OZX_AUTO_FREE char *type = malloc(sizeof "fuse." + strlen(options->subtype));
    OZX_AUTO_FREE char *data = malloc(strlen(options->fuse_options) + 200);
    char target[40];
    int failure;

    if (!type || !data)
        return ozx_error_memory(error);
    p.data = p.end = data;
    stpcpy(stpcpy(type, "fuse."), options->subtype);
    snprintf(target, sizeof target, "/proc/self/fd/%d", options->place->directory);
    failure = open_device(device, error);
    if (failure)
        return failure;
    failure = add_all(&p, options, *device);
    if (!failure && mount(options->fsname, target, type, p.flags, p.data) < 0)
        failure = -errno;
    if (failure)
        close(ozx_take_fd(device));
    if (failure && failure != -EPERM)
        (void)fail(error, failure, "mount", NULL);
    return failure;
}

int ozx_attach(const struct ozx_mount_options *options, int *device, struct ozx_mount_id *out,
               struct ozx_error *error)
{
    OZX_AUTO_CLOSE int fs = -1;

    if (strlen(options->fsname) > VALUE_MAX || strlen(options->fuse_options) > VALUE_MAX)
        return -ENOSYS;
    fs = fsopen("fuse", FSOPEN_CLOEXEC);
    if (fs >= 0)
        return attach(fs, options, device, out, error);
    if (errno == EPERM || errno == ENOSYS)
        return -errno;
    return errno == ENODEV ? fail(error, -ENODEV, "this kernel has no FUSE", "modprobe fuse")
                           : fail(error, -errno, "fsopen", NULL);
}
