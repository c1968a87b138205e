/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages between the processes of a mount.
 */
#include "mount/channel.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/descriptors.h"

int ozx_channel_pair(int sockets[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0 ? -errno : 0;
}

static int send_message(int socket, enum ozx_message_kind kind, uint32_t value,
                        const struct ozx_error *error, int fd, int flags)
{
    struct ozx_message message;

    memset(&message, 0, sizeof message); /* padding too: it leaves the process */
    message.kind = kind;
    message.value = value;
    message.error.offset_bytes = OZX_OFFSET_NONE;
    if (error)
        message.error = *error;
    return ozx_descriptors_send(socket, &message, sizeof message, fd, flags) < 0 ? -errno : 0;
}

int ozx_channel_send(int socket, enum ozx_message_kind kind, uint32_t value,
                     const struct ozx_error *error, bool drop)
{
    return send_message(socket, kind, value, error, -1, drop ? MSG_DONTWAIT : 0);
}

int ozx_channel_send_descriptor(int socket, enum ozx_message_kind kind, int fd)
{
    return send_message(socket, kind, 0, NULL, fd, 0);
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

int ozx_channel_receive(int socket, struct ozx_message *message, int *device)
{
    ssize_t size = ozx_descriptors_receive(socket, message, sizeof *message, 0, device);

    if (size < 0)
        return errno == ECONNRESET ? 0 : -errno;
    if (size == 0)
        return 0;
    return check(message, size) ? 1 : -EPROTO;
}
