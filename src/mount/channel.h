/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages between the processes of a mount: fixed-size datagrams over a SOCK_SEQPACKET pair.
 *
 * The worker parses bytes of strangers, so what it sends is not trusted: a message of the wrong
 * size or kind ends the channel, texts are terminated and made harmless on receipt, and a receiver
 * never takes a descriptor that it did not ask for.
 */
#ifndef OZX_MOUNT_CHANNEL_H
#define OZX_MOUNT_CHANNEL_H

#include <stdbool.h>

#include "base/error.h"

enum ozx_message_kind {
    OZX_MESSAGE_WARNING = 1, /* worker: the archive is served, but (error) */
    OZX_MESSAGE_PARSED,      /* worker: the archive is good */
    OZX_MESSAGE_FAILED,      /* worker, supervisor: error, and the stage in `value` */
    OZX_MESSAGE_DEVICE,      /* supervisor: carries the /dev/fuse descriptor */
    OZX_MESSAGE_START,       /* supervisor: serve; `value` is the device's minor number */
    OZX_MESSAGE_SERVING,     /* worker, supervisor: the kernel's INIT is being answered */
    OZX_MESSAGE_STARTED,     /* worker: it was answered */
    OZX_MESSAGE_ENDED,       /* worker: the file system was unmounted */
    OZX_MESSAGE_NOTE,        /* worker: an entry could not be read (error) */
    OZX_MESSAGE_INFO,        /* worker, supervisor: error.text is for -v */
    OZX_MESSAGE_NO_TABLE,    /* worker: the table of files is not sent, (error) says why */
    OZX_MESSAGE_COMMAND,     /* caller, to the supervisor: carries the pidfd of a command */
    OZX_MESSAGE_KIND_COUNT
};

struct ozx_message {
    uint32_t kind;
    uint32_t value;
    struct ozx_error error;
};

/* A connected pair, close-on-exec. */
int ozx_channel_pair(int sockets[2]) OZX_CHECKED;

/* Sends one message; `error` may be NULL. `drop` drops it instead of waiting when the queue is
 * full. -EPIPE: nobody is there any more; -EAGAIN: dropped. */
int ozx_channel_send(int socket, enum ozx_message_kind kind, uint32_t value,
                     const struct ozx_error *error, bool drop) OZX_CHECKED;
int ozx_channel_send_descriptor(int socket, enum ozx_message_kind kind, int fd) OZX_CHECKED;

/* Waits for one message. 1: got one; 0: the other side is gone; -EPROTO: not one of ours. With
 * `device` not NULL a descriptor that came along is put there (owned by the caller), else -1. */
int ozx_channel_receive(int socket, struct ozx_message *message, int *device) OZX_CHECKED;

#endif
