/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The act of mounting. It is done in a child that lives for a moment: what libfuse and fusermount3
 * write to stderr becomes our error's text, and neither the /dev/fuse descriptor nor anything that
 * libfuse allocates is ever in the supervisor. (A supervisor that kept the descriptor would turn a
 * dead worker into readers that hang.)
 */
#include "mount/kernel_mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "mount/channel.h"
#include "mount/fuse/server.h"
#include "mount/mount_point.h"
#include "mount/mountinfo.h"
#include "mount/process.h"
#include "mount/unmount.h"

#define KERNEL_READAHEAD_BYTES (128u << 10)

struct job {
    const struct ozx_mount_options *options;
    int socket;
};

/* Whether the kernel has anything to check: a mount for its user alone, with everything readable
 * and nothing writable, is spared that at every step of a path. */
static bool has_permissions(const struct ozx_mount_options *options)
{
    return options->uid != geteuid() || options->gid != getegid() || options->file_mode != 0444 ||
           options->directory_mode != 0555 || strstr(options->fuse_options, "allow_other");
}

/* "-oro,nosuid,...": always read-only, without devices or set-uid programs. */
static char *format_options(const struct ozx_mount_options *options)
{
    size_t room = 2 * strlen(options->fsname) + 2 * strlen(options->subtype) +
                  strlen(options->fuse_options) + 128;
    char *text = malloc(room), *end = text;

    if (!text)
        return NULL;
    end += sprintf(end, "-oro,nosuid,nodev,%smax_read=%u,fsname=",
                   has_permissions(options) ? "default_permissions," : "", options->max_read_bytes);
    end = ozx_mount_escape(end, options->fsname);
    end = ozx_mount_escape(stpcpy(end, ",subtype="), options->subtype);
    if (options->fuse_options[0])
        stpcpy(stpcpy(end, ","), options->fuse_options);
    return text;
}

/* In the child. What goes wrong is written to stderr by libfuse. */
static int mount_and_send(void *context)
{
    const struct job *job = context;
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_lowlevel_ops ops = {0};
    struct fuse_session *session = NULL;
    OZX_AUTO_FREE char *option = format_options(job->options);

    if (option && fuse_opt_add_arg(&args, "ozxfs") == 0 && fuse_opt_add_arg(&args, option) == 0)
        session = fuse_session_new(&args, &ops, sizeof ops, NULL);
    fuse_opt_free_args(&args);
    if (!session || fuse_session_mount(session, job->options->mount_point) != 0)
        return EXIT_FAILURE;
    if (ozx_channel_send_device(job->socket, fuse_session_fd(session)) == 0)
        return EXIT_SUCCESS;
    fuse_session_unmount(session);
    fprintf(stderr, "the worker is gone\n");
    return EXIT_FAILURE;
}

struct advice {
    const char *said; /* a part of what libfuse or fusermount3 wrote */
    int code;
    const char *hint;
};

static const struct advice advices[] = {
    {"device not found", -ENODEV,
     "load the kernel module (modprobe fuse); a container needs --device /dev/fuse"},
    {"No such device", -ENODEV, "this kernel has no FUSE: modprobe fuse"},
    {"failed to open /dev/fuse", -EACCES,
     "you need read and write access to /dev/fuse; a container needs --device /dev/fuse"},
    {"exec fusermount3", -ENODEV, "install the package fuse3, or mount as root"},
    {"user_allow_other", -EPERM,
     "without allow_other, or root adds user_allow_other to /etc/fuse.conf"},
    {"too many FUSE", -EAGAIN, "unmount some, or root raises mount_max in /etc/fuse.conf"},
    {"not owned by user", -EPERM, "mount on a directory of your own"},
    {"no write access", -EPERM, "mount on a directory of your own"},
    {"is forbidden", -EPERM, "mount on a directory of a local disk"},
    {"Operation not permitted", -EPERM,
     "needs root or a set-uid fusermount3; a container needs --cap-add SYS_ADMIN --device "
     "/dev/fuse"},
    {"Permission denied", -EACCES, NULL},
};

static int explain(int status, const char *said, struct ozx_error *error)
{
    char escaped[OZX_ESCAPED_SIZE];

    if (status < 0)
        return ozx_error_set(error, status, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot start a process: %s", strerror(-status));
    ozx_escape(escaped, sizeof escaped, said, strlen(said));
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (strstr(said, advices[i].said))
            return ozx_error_set(error, advices[i].code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                 advices[i].hint, "cannot mount: %s", escaped);
    return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cannot mount: %s",
                         escaped[0] ? escaped : "no reason given");
}

/* The mount that was just made. */
static int identify(const struct ozx_mount_options *options, struct ozx_kernel_mount *out)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    const struct ozx_mount_entry *entry;
    int failure = ozx_mountinfo_read(&info);

    if (failure)
        return failure;
    entry = ozx_mountinfo_at(&info, options->mount_point);
    if (!entry || !ozx_mount_entry_is_fuse(entry) || strcmp(entry->source, options->fsname) != 0)
        return -ENOENT;
    *out = (struct ozx_kernel_mount){.id = entry->id, .device_minor = entry->device_minor};
    return 0;
}

/* Holds the mount point until it is closed, so that of two mounts at once the second sees the
 * first. Where it cannot be opened there is nothing to hold. */
static int hold_mount_point(const struct ozx_mount_options *options)
{
    int fd = open(options->mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        flock(fd, LOCK_EX);
    return fd;
}

int ozx_kernel_mount(const struct ozx_mount_options *options, int socket,
                     struct ozx_kernel_mount *out, struct ozx_error *error)
{
    struct job job = {.options = options, .socket = socket};
    struct ozx_error ignored = OZX_ERROR_INIT;
    char said[400];
    OZX_AUTO_CLOSE int held = hold_mount_point(options);
    int status, failure = ozx_mount_point_refuse_used(options->mount_point, error);

    if (failure)
        return failure;
    status = ozx_process_run(mount_and_send, &job, said, sizeof said);
    if (status != 0)
        return explain(status, said, error);
    failure = identify(options, out);
    if (!failure)
        return 0;
    if (failure != -ENOENT) /* then it is somebody else's that is there */
        (void)!ozx_unmount(options->mount_point, true, &ignored);
    return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, "is /proc mounted?",
                         "cannot find the new mount in /proc/self/mountinfo: %s",
                         strerror(-failure));
}

void ozx_kernel_mount_readahead(unsigned device_minor, unsigned max_read_bytes)
{
    char place[64];
    OZX_AUTO_CLOSE int fd = -1;

    if (max_read_bytes <= KERNEL_READAHEAD_BYTES)
        return;
    snprintf(place, sizeof place, "/sys/class/bdi/0:%u/read_ahead_kb", device_minor);
    fd = open(place, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        dprintf(fd, "%u", max_read_bytes / 1024);
}
