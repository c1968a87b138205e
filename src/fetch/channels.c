/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One loop over all channels and libcurl's sockets. What comes out of a channel was written by a
 * process that parses what strangers wrote: what is no ask ends the channel.
 */
#include "fetch/channels.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"

#define JUMP_MS 2000 /* the machine slept */

struct channel {
    int fd;          /* -1: closed */
    uint32_t events; /* waited for; 0: it is not among those that are waited for */
    struct ozx_wire_ask ask;
    size_t ask_bytes;
    bool busy; /* an ask waits, or its answer is on the way out */
    struct ozx_wire_reply reply;
    uint8_t *bytes;    /* behind the reply, in `out` */
    uint8_t *out;      /* owned; NULL: nothing goes out */
    size_t sent_bytes; /* of both */
};

struct channels {
    struct ozx_object *object;
    struct ozx_asks *asks;
    struct channel all[OZX_WIRE_CHANNELS];
    unsigned open;
    int64_t apart_ms; /* the clock that runs on while the machine sleeps, and the other one */
    int epoll; /* of all of them, so that libcurl's poll() looks at one descriptor and not at 64 */
};

static void shut(struct channels *c, struct channel *channel)
{
    unsigned number = (unsigned)(channel - c->all);

    close(ozx_take_fd(&channel->fd));
    free(ozx_take(channel->out));
    c->open--;
    ozx_asks_cancel(c->asks, number); /* its answer goes nowhere */
}

static void wait_for(struct channels *c, struct channel *channel)
{
    struct epoll_event event = {.events = EPOLLIN | (channel->out ? EPOLLOUT : 0),
                                .data.u32 = (uint32_t)(channel - c->all)};

    if (channel->fd < 0 || event.events == channel->events)
        return;
    if (epoll_ctl(c->epoll, channel->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, channel->fd, &event))
        shut(c, channel); /* no memory: to the other side it is an end */
    channel->events = event.events;
}

/* The rest of the reply and of its bytes. */
static ssize_t send_rest(struct channel *channel)
{
    const size_t head = sizeof channel->reply, sent = channel->sent_bytes;
    const size_t head_sent = sent < head ? sent : head, bytes_sent = sent - head_sent;
    struct iovec parts[] = {
        {(uint8_t *)&channel->reply + head_sent, head - head_sent},
        {channel->bytes + bytes_sent, channel->reply.size_bytes - bytes_sent},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    return sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_out(struct channels *c, struct channel *channel)
{
    while (channel->out && channel->fd >= 0) {
        ssize_t sent = send_rest(channel);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0) {
            shut(c, channel);
            return;
        }
        channel->sent_bytes += (size_t)sent;
        if (channel->sent_bytes == sizeof channel->reply + channel->reply.size_bytes) {
            free(ozx_take(channel->out));
            channel->busy = false;
        }
    }
}

static void send_more(struct channels *c, struct channel *channel)
{
    send_out(c, channel);
    wait_for(c, channel);
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

static uint8_t *copy(const void *bytes, size_t size)
{
    uint8_t *made = malloc(size + 1); /* of nothing, too, there is one */

    if (made)
        memcpy(made, bytes, size);
    return made;
}

static void take_answer(void *context, unsigned number, const struct ozx_error *error,
                        const struct ozx_given *given)
{
    struct channels *c = context;
    struct channel *channel = &c->all[number];
    const void *bytes = error ? (const void *)error->text : given->bytes;
    size_t size = error ? strnlen(error->text, OZX_WIRE_TEXT_MAX) : given->size_bytes;
    uint8_t *buffer = error ? NULL : given->buffer;

    if (channel->fd < 0) {
        free(buffer);
        return;
    }
    channel->reply =
        (struct ozx_wire_reply){.status = code_of(error), .size_bytes = (uint32_t)size};
    channel->sent_bytes = 0;
    channel->out = buffer ? buffer : copy(bytes, size);
    channel->bytes = buffer ? buffer + (given->bytes - buffer) : channel->out;
    if (!channel->out) {
        shut(c, channel); /* the other side reads an end, which is a failure to it */
        return;
    }
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

/* `ms`: at most; < 0: as long as nothing happens. False: it cannot wait. */
static bool wait_for_any(struct channels *c, int ms)
{
    struct curl_waitfd channels = {.fd = c->epoll, .events = CURL_WAIT_POLLIN};
    struct epoll_event events[OZX_WIRE_CHANNELS];
    int count;

    if (curl_multi_poll(c->object->line.multi, &channels, 1, ms < 0 ? 60000 : ms, NULL))
        return false;
    notice_sleep(c->object, &c->apart_ms);
    count = channels.revents ? epoll_wait(c->epoll, events, OZX_WIRE_CHANNELS, 0) : 0;
    for (int i = 0; i < count; i++) {
        struct channel *channel = &c->all[events[i].data.u32];

        send_more(c, channel);
        receive(c, channel);
    }
    return true;
}

void ozx_channels_serve(struct ozx_object *object, struct ozx_asks *asks, int first_fd)
{
    OZX_AUTO_FREE struct channels *c = calloc(1, sizeof *c);
    OZX_AUTO_CLOSE int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (!c || epoll < 0)
        return;
    *c = (struct channels){.object = object,
                           .asks = asks,
                           .open = OZX_WIRE_CHANNELS,
                           .epoll = epoll,
                           .apart_ms = boot_ms() - ozx_clock_ms()};
    asks->answer = take_answer;
    asks->context = c;
    for (int i = 0; i < OZX_WIRE_CHANNELS; i++) {
        c->all[i].fd = first_fd + i;
        wait_for(c, &c->all[i]);
    }
    while (c->open && wait_for_any(c, ozx_object_run(object)))
        ;
}
