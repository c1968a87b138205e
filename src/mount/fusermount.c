/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fusermount3.
 */
#include "mount/fusermount.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/descriptors.h"
#include "config.h"
#include "mount/process.h"

struct job {
    char *const *argv;
    int socket; /* where it sends the device to; -1: it has nothing to send */
};

/* In the child. Returns only on failure. */
static int execute(void *context)
{
    const struct job *job = context;
    char socket[40] = "_FUSE_COMMFD=", path[] = "PATH=/usr/bin:/bin";
    char *environment[] = {path, job->socket >= 0 ? socket : NULL, NULL};
    OZX_AUTO_FREE char *places = strdup(OZX_FUSERMOUNT_PATH);
    char *rest = places, *directory, program[PATH_MAX];

    if (job->socket >= 0) {
        snprintf(socket + strlen(socket), 12, "%d", job->socket);
        fcntl(job->socket, F_SETFD, 0);
    }
    errno = places ? ENOENT : ENOMEM;
    while ((directory = strsep(&rest, ":"))) {
        if (directory[0] != '/')
            continue;
        snprintf(program, sizeof program, "%s/fusermount3", directory);
        execve(program, job->argv, environment);
        if (errno != ENOENT && errno != ENOTDIR)
            break;
    }
    fprintf(stderr, "cannot exec fusermount3: %s\n", strerror(errno));
    return 127;
}

struct advice {
    const char *said; /* a part of what fusermount3 wrote */
    int code;
    const char *hint;
};

static const struct advice advices[] = {
    {"Too many open files", -EMFILE, "raise the limit of open files (ulimit -n)"},
    {"Cannot allocate memory", -ENOMEM, NULL},
    {"exec fusermount3: No such file", -ENODEV, "install the package fuse3, or mount as root"},
    {"device not found", -ENODEV,
     "load the kernel module (modprobe fuse); a container needs --device /dev/fuse"},
    {"No such device", -ENODEV, "this kernel has no FUSE: modprobe fuse"},
    {"open /dev/fuse", -EACCES,
     "you need read and write access to /dev/fuse; a container needs --device /dev/fuse"},
    {"user_allow_other", -EPERM,
     "mount without allow_other, or have root add user_allow_other to /etc/fuse.conf"},
    {"too many FUSE", -EAGAIN, "unmount some, or have root raise mount_max in /etc/fuse.conf"},
    {"not owned by user", -EPERM, "mount on a directory that you own"},
    {"no write access", -EPERM, "mount on a directory that you own"},
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

/* The descriptor that fusermount3 has sent before it ended; -1 if it sent none. */
static int take_device(int socket)
{
    char byte;
    int device;

    return ozx_descriptors_receive(socket, &byte, sizeof byte, MSG_DONTWAIT, &device) > 0 ? device
                                                                                           : -1;
}

int ozx_fusermount(const char *path, const char *options, int *device, struct ozx_error *error)
{
    char program[] = "fusermount3", letter[] = "-o", end[] = "--", said[400];
    OZX_AUTO_FREE char *list = strdup(options);
    OZX_AUTO_FREE char *where = strdup(path);
    char *argv[] = {program, letter, list, end, where, NULL};
    int sockets[2], status;
    struct job job = {.argv = argv};

    if (!list || !where)
        return ozx_error_memory(error);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return explain(-errno, "", error);
    job.socket = sockets[1];
    status = ozx_process_run(execute, &job, said, sizeof said);
    close(sockets[1]);
    *device = status == 0 ? take_device(sockets[0]) : -1;
    close(sockets[0]);
    return *device >= 0 ? 0 : explain(status, said, error);
}

int ozx_fusermount_unmount(const char *path, bool lazy, struct ozx_error *error)
{
    char program[] = "fusermount3", how[] = "-uz", end[] = "--", said[256];
    OZX_AUTO_FREE char *where = strdup(path);
    char *argv[] = {program, how, end, where, NULL};
    struct job job = {.argv = argv, .socket = -1};
    char escaped[OZX_ESCAPED_SIZE];
    int status, code;

    if (!where)
        return ozx_error_memory(error);
    if (!lazy)
        how[2] = '\0';
    status = ozx_process_run(execute, &job, said, sizeof said);
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
