/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages between a reader and its fetcher.
 */
#include "io/wire.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool ozx_wire_ask_check(const struct ozx_wire_ask *ask, uint64_t total_bytes)
{
    switch (ask->kind) {
    case OZX_WIRE_READ:
    case OZX_WIRE_NEED:
        return ask->size_bytes > 0 && ask->size_bytes <= OZX_WIRE_READ_MAX &&
               ask->offset_bytes < total_bytes &&
               ask->size_bytes <= total_bytes - ask->offset_bytes;
    case OZX_WIRE_CANCEL:
        return true;
    default:
        return false;
    }
}

bool ozx_wire_reply_check(const struct ozx_wire_reply *reply, size_t size_bytes)
{
    if (reply->status == 0)
        return reply->size_bytes == size_bytes;
    return reply->status < 0 && reply->status >= -4095 && reply->size_bytes <= OZX_WIRE_TEXT_MAX;
}

static void make_harmless(char *text, size_t size)
{
    char harmless[sizeof((struct ozx_error *)0)->text];

    text[size - 1] = '\0';
    snprintf(text, size, "%s", ozx_escape_message(harmless, size, text));
}

bool ozx_wire_opened_check(struct ozx_wire_opened *opened)
{
    struct ozx_error *error = &opened->error;

    make_harmless(error->text, sizeof error->text);
    make_harmless(error->hint, sizeof error->hint);
    make_harmless(opened->warning, sizeof opened->warning);
    error->offset_bytes = OZX_OFFSET_NONE;
    error->rule = OZX_RULE_NONE;
    if (error->code > 0 || error->code < -4095)
        error->code = -EIO;
    return error->code || opened->size_bytes <= INT64_MAX;
}

bool ozx_wire_next(const char *settings, size_t size_bytes, size_t *at, const char **name,
                   const char **value)
{
    const char *end, *first = settings + *at;

    if (*at >= size_bytes)
        return false;
    end = memchr(first, 0, size_bytes - *at);
    if (!end)
        return false;
    *name = first;
    *at = (size_t)(end + 1 - settings);
    *value = end + 1;
    end = *at < size_bytes ? memchr(*value, 0, size_bytes - *at) : NULL;
    if (!end)
        return false;
    *at = (size_t)(end + 1 - settings);
    return true;
}

int ozx_wire_put(char **settings, size_t *size_bytes, const char *name, const char *value)
{
    size_t name_size = strlen(name) + 1, value_size = strlen(value) + 1;
    char *more;

    if (value_size > OZX_WIRE_SETTINGS_MAX ||
        *size_bytes + name_size + value_size > OZX_WIRE_SETTINGS_MAX)
        return -E2BIG;
    more = malloc(*size_bytes + name_size + value_size);
    if (!more)
        return -ENOMEM;
    if (*settings)
        memcpy(more, *settings, *size_bytes);
    ozx_wire_forget(*settings, *size_bytes); /* realloc may leave a copy behind */
    memcpy(more + *size_bytes, name, name_size);
    memcpy(more + *size_bytes + name_size, value, value_size);
    *settings = more;
    *size_bytes += name_size + value_size;
    return 0;
}

void ozx_wire_forget(char *settings, size_t size_bytes)
{
    if (settings)
        explicit_bzero(settings, size_bytes);
    free(settings);
}

int ozx_wire_send(int socket, const void *data, size_t size_bytes)
{
    const uint8_t *from = data;

    while (size_bytes) {
        ssize_t sent = send(socket, from, size_bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        from += sent;
        size_bytes -= (size_t)sent;
    }
    return 0;
}

int ozx_wire_receive(int socket, void *data, size_t size_bytes)
{
    uint8_t *to = data;

    while (size_bytes) {
        ssize_t got = recv(socket, to, size_bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EPIPE;
        to += got;
        size_bytes -= (size_t)got;
    }
    return 0;
}
