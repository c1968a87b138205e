/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One loop over all channels and libcurl's sockets. What comes out of a channel was written by a
 * process that parses what strangers wrote: what is no ask ends the channel.
 */
#include "fetch/channels.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

#define JUMP_MS 2000 /* the machine slept */

struct channel {
    int fd; /* -1: closed */
    struct ozx_wire_ask ask;
    size_t ask_bytes;
    bool busy;    /* an ask waits, or its answer is on the way out */
    uint8_t *out; /* owned; NULL: nothing goes out */
    size_t out_bytes, sent_bytes;
};

struct channels {
    struct ozx_object *object;
    struct ozx_asks *asks;
    struct channel all[OZX_WIRE_CHANNELS];
    unsigned open;
};

static void shut(struct channels *c, struct channel *channel)
{
    unsigned number = (unsigned)(channel - c->all);

    close(ozx_take_fd(&channel->fd));
    free(ozx_take(channel->out));
    channel->out_bytes = 0;
    c->open--;
    ozx_asks_cancel(c->asks, number); /* its answer goes nowhere */
}

static void send_more(struct channels *c, struct channel *channel)
{
    while (channel->out && channel->fd >= 0) {
        ssize_t sent = send(channel->fd, channel->out + channel->sent_bytes,
                            channel->out_bytes - channel->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0) {
            shut(c, channel);
            return;
        }
        channel->sent_bytes += (size_t)sent;
        if (channel->sent_bytes == channel->out_bytes) {
            free(ozx_take(channel->out));
            channel->busy = false;
        }
    }
}

/* To a reader of a file it is a fault of the disk, whatever the server said, but for these. */
static int code_of(const struct ozx_error *error)
{
    switch (error ? error->code : 0) {
    case 0:
    case -ESTALE:
    case -ECANCELED:
    case -ENOMEM:
        return error ? error->code : 0;
    default:
        return -EIO;
    }
}

static void take_answer(void *context, unsigned number, const struct ozx_error *error,
                        const uint8_t *bytes, size_t size)
{
    struct channels *c = context;
    struct channel *channel = &c->all[number];
    struct ozx_wire_reply reply = {.status = code_of(error)};

    if (channel->fd < 0)
        return;
    if (error) {
        bytes = (const uint8_t *)error->text;
        size = strnlen(error->text, OZX_WIRE_TEXT_MAX);
    }
    reply.size_bytes = (uint32_t)size;
    channel->out_bytes = sizeof reply + size;
    channel->sent_bytes = 0;
    channel->out = malloc(channel->out_bytes);
    if (!channel->out) {
        shut(c, channel); /* the other side reads an end, which is a failure to it */
        return;
    }
    memcpy(channel->out, &reply, sizeof reply);
    if (size)
        memcpy(channel->out + sizeof reply, bytes, size);
    send_more(c, channel);
}

static void take_ask(struct channels *c, struct channel *channel)
{
    const struct ozx_wire_ask *ask = &channel->ask;
    unsigned number = (unsigned)(channel - c->all);

    channel->ask_bytes = 0;
    if (!ozx_wire_ask_check(ask, c->object->pin.size_bytes) ||
        (ask->kind == OZX_WIRE_READ && channel->busy)) {
        shut(c, channel);
    } else if (ask->kind == OZX_WIRE_READ) {
        channel->busy = true;
        ozx_asks_read(c->asks, number, ask);
    } else if (ask->kind == OZX_WIRE_NEED) {
        ozx_asks_need(c->asks, ask);
    } else {
        ozx_asks_cancel(c->asks, number);
    }
}

static void receive(struct channels *c, struct channel *channel)
{
    while (channel->fd >= 0) {
        ssize_t got = recv(channel->fd, (uint8_t *)&channel->ask + channel->ask_bytes,
                           sizeof channel->ask - channel->ask_bytes, MSG_DONTWAIT);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            shut(c, channel);
            return;
        }
        channel->ask_bytes += (size_t)got;
        if (channel->ask_bytes == sizeof channel->ask)
            take_ask(c, channel);
    }
}

static int64_t boot_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Connections from before a sleep are dead, and nobody says so. */
static void notice_sleep(struct ozx_object *object, int64_t *apart_ms)
{
    int64_t apart = boot_ms() - ozx_clock_ms();

    if (apart - *apart_ms > JUMP_MS)
        ozx_object_reconnect(object);
    *apart_ms = apart;
}

void ozx_channels_serve(struct ozx_object *object, struct ozx_asks *asks, int first_fd)
{
    OZX_AUTO_FREE struct channels *c = calloc(1, sizeof *c);
    struct curl_waitfd waits[OZX_WIRE_CHANNELS];
    int64_t apart_ms = boot_ms() - ozx_clock_ms();

    if (!c)
        return;
    *c = (struct channels){.object = object, .asks = asks, .open = OZX_WIRE_CHANNELS};
    asks->answer = take_answer;
    asks->context = c;
    for (int i = 0; i < OZX_WIRE_CHANNELS; i++)
        c->all[i].fd = first_fd + i;
    while (c->open) {
        unsigned count = 0, numbers[OZX_WIRE_CHANNELS];
        int ms = ozx_object_run(object);

        for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++) {
            if (c->all[i].fd < 0)
                continue;
            numbers[count] = i;
            waits[count++] = (struct curl_waitfd){
                .fd = c->all[i].fd,
                .events = (short)(CURL_WAIT_POLLIN | (c->all[i].out ? CURL_WAIT_POLLOUT : 0))};
        }
        if (!count || curl_multi_poll(object->line.multi, waits, count, ms < 0 ? 60000 : ms, NULL))
            return;
        notice_sleep(object, &apart_ms);
        for (unsigned i = 0; i < count; i++) {
            if (waits[i].revents)
                send_more(c, &c->all[numbers[i]]);
            if (waits[i].revents)
                receive(c, &c->all[numbers[i]]);
        }
    }
}
