/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which mount is it?
 */
#include "mount/mount_id.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif

/* Where statx(2) does not tell it (before Linux 5.8): a line of /proc/self/fdinfo/N. */
static int number_by_proc(int fd, uint64_t *number)
{
    char path[64], text[512];
    const char *line;
    OZX_AUTO_CLOSE int info = -1;
    ssize_t size;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return -errno;
    size = read(info, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    line = strstr(text, "mnt_id:");
    return line && sscanf(line + strlen("mnt_id:"), "%" SCNu64, number) == 1 ? 0 : -ENOSYS;
}

int ozx_mount_id_of(int fd, struct ozx_mount_id *out)
{
    /* An empty mask is answered even on a FUSE mount that is not ours to look into. */
    const int how = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    struct ozx_mount_id id = {0};
    struct statx st = {0};

    if (statx(fd, "", how, 0, &st) < 0)
        return -errno;
    id.device_major = st.stx_dev_major;
    id.device_minor = st.stx_dev_minor;
    id.number = st.stx_mnt_id;
    if (!(st.stx_mask & STATX_MNT_ID)) {
        int failure = number_by_proc(fd, &id.number);
        if (failure)
            return failure;
    }
    if (statx(fd, "", how, STATX_MNT_ID_UNIQUE, &st) == 0 && st.stx_mask & STATX_MNT_ID_UNIQUE)
        id.unique = st.stx_mnt_id;
    *out = id;
    return 0;
}

int ozx_mount_id_at(int directory, const char *name, struct ozx_mount_id *out)
{
    OZX_AUTO_CLOSE int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : ozx_mount_id_of(fd, out);
}

bool ozx_mount_id_equal(const struct ozx_mount_id *a, const struct ozx_mount_id *b)
{
    return a->number == b->number && a->device_major == b->device_major &&
           a->device_minor == b->device_minor &&
           (a->unique == b->unique || !a->unique || !b->unique);
}
