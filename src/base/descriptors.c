/* SPDX-License-Identifier: BSD-2-Clause
 *
 * File descriptors, closed, passed on, read and written. close_range where the kernel has it (5.9),
 * else one close for each.
 */
#include "base/descriptors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_between(unsigned first, unsigned last)
{
    struct rlimit limit;

    if (first > last || close_range(first, last, 0) == 0)
        return;
    /* A kernel before 5.9. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= last)
        last = limit.rlim_cur ? (unsigned)limit.rlim_cur - 1 : 0;
    for (unsigned fd = first; fd <= last; fd++)
        close((int)fd);
}

void ozx_descriptors_close_others(const int *keep, size_t count)
{
    unsigned first = STDERR_FILENO + 1;

    for (;;) {
        unsigned next = ~0U;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= (int)first && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next == ~0U)
            break;
        close_between(first, next - 1);
        first = next + 1;
    }
    close_between(first, ~0U);
}

/* Room for one descriptor. */
union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

ssize_t ozx_descriptors_send(int socket, const void *data, size_t size_bytes, int fd, int flags)
{
    struct iovec part = {(void *)(uintptr_t)data, size_bytes};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    ssize_t sent;

    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
    }
    do
        sent = sendmsg(socket, &header, MSG_NOSIGNAL | flags);
    while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t ozx_descriptors_receive(int socket, void *data, size_t size_bytes, int flags, int *fd)
{
    struct iovec part = {data, size_bytes};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    const struct cmsghdr *rights;
    ssize_t size;

    if (fd) {
        *fd = -1;
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_LEN(sizeof *fd);
    }
    do
        size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_TRUNC | flags);
    while (size < 0 && errno == EINTR);
    rights = fd && size >= 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof *fd))
        memcpy(fd, CMSG_DATA(rights), sizeof *fd);
    return size;
}

int ozx_descriptors_read_at(int fd, void *to, size_t size_bytes, uint64_t offset_bytes)
{
    uint8_t *at = to;

    while (size_bytes) {
        ssize_t got = pread(fd, at, size_bytes, (off_t)offset_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        at += got;
        size_bytes -= (size_t)got;
        offset_bytes += (uint64_t)got;
    }
    return 0;
}

int ozx_descriptors_write(int fd, const void *data, size_t size_bytes, int64_t offset_bytes)
{
    const bool placed = offset_bytes >= 0;
    const uint8_t *from = data;

    while (size_bytes) {
        ssize_t put = placed ? pwrite(fd, from, size_bytes, (off_t)offset_bytes)
                             : write(fd, from, size_bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        from += put;
        size_bytes -= (size_t)put;
        offset_bytes += placed ? put : 0;
    }
    return 0;
}
