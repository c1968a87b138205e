/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages between the processes of a mount.
 */
#include "mount/channel.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int ozx_channel_pair(int sockets[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0 ? -errno : 0;
}

static int send_message(int socket, const struct msghdr *header, int flags)
{
    ssize_t sent;

    do {
        sent = sendmsg(socket, header, MSG_NOSIGNAL | flags);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int ozx_channel_send(int socket, enum ozx_message_kind kind, uint32_t value,
                     const struct ozx_error *error, bool drop)
{
    struct ozx_message message;
    struct iovec part = {&message, sizeof message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    memset(&message, 0, sizeof message); /* padding too: it leaves the process */
    message.kind = kind;
    message.value = value;
    message.error.offset_bytes = OZX_OFFSET_NONE;
    if (error)
        message.error = *error;
    return send_message(socket, &header, drop ? MSG_DONTWAIT : 0);
}

int ozx_channel_send_descriptor(int socket, enum ozx_message_kind kind, int fd)
{
    struct ozx_message message;
    struct iovec part = {&message, sizeof message};
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights;

    memset(&message, 0, sizeof message);
    memset(&control, 0, sizeof control);
    message.kind = kind;
    message.error.offset_bytes = OZX_OFFSET_NONE;
    rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    return send_message(socket, &header, 0);
}

/* Terminates a text from another process and escapes what a terminal or a log might obey. */
static void make_harmless(char *text, size_t size)
{
    char harmless[sizeof((struct ozx_error *)0)->text];

    text[size - 1] = '\0';
    snprintf(text, size, "%s", ozx_escape_message(harmless, size, text));
}

static bool check(struct ozx_message *message, ssize_t size)
{
    if (size != (ssize_t)sizeof *message || message->kind == 0 ||
        message->kind >= OZX_MESSAGE_KIND_COUNT)
        return false;
    if (message->error.code > 0 || message->error.code < -4095)
        message->error.code = -EIO;
    if ((unsigned)message->error.rule >= OZX_RULE_END)
        message->error.rule = OZX_RULE_NONE;
    make_harmless(message->error.text, sizeof message->error.text);
    make_harmless(message->error.hint, sizeof message->error.hint);
    return true;
}

/* The descriptor that came with a message, -1 without one. There is room for one only, so the
 * kernel never installs more. */
int ozx_channel_descriptor(struct msghdr *header)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    int fd = -1;

    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

int ozx_channel_receive(int socket, struct ozx_message *message, int *device)
{
    struct iovec part = {message, sizeof *message};
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t size;

    if (device) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_LEN(sizeof *device);
        *device = -1;
    }
    do {
        size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == ECONNRESET ? 0 : -errno;
    if (device)
        *device = ozx_channel_descriptor(&header);
    if (size == 0)
        return 0;
    return check(message, header.msg_flags & MSG_TRUNC ? -1 : size) ? 1 : -EPROTO;
}
