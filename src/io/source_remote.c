/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A read takes a free channel, asks, and waits for the answer; where all are taken it waits for
 * one. While it waits it looks every few milliseconds whether it is still wanted; if not, it says
 * so to the fetcher, which answers at once, so that the channel stays in step.
 */
#include "io/source_remote.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "io/source_kind.h"

#define LOOK_UP_MS 50
#define NEEDS_AT_ONCE 32

struct remote {
    struct ozx_source source;
    int channels[OZX_WIRE_CHANNELS];
    int free[OZX_WIRE_CHANNELS]; /* a stack of them */
    unsigned free_count, lost;   /* lost: out of step, or the fetcher is gone */
    pthread_mutex_t lock;
    pthread_cond_t given_back;
};

/* -1: no channel is left. */
static int take(struct remote *remote)
{
    int channel = -1;

    pthread_mutex_lock(&remote->lock);
    while (!remote->free_count && remote->lost < OZX_WIRE_CHANNELS)
        pthread_cond_wait(&remote->given_back, &remote->lock);
    if (remote->free_count)
        channel = remote->free[--remote->free_count];
    pthread_mutex_unlock(&remote->lock);
    return channel;
}

static void give_back(struct remote *remote, int channel, bool lost)
{
    pthread_mutex_lock(&remote->lock);
    if (lost)
        remote->lost++;
    else
        remote->free[remote->free_count++] = channel;
    if (lost)
        pthread_cond_broadcast(&remote->given_back);
    else
        pthread_cond_signal(&remote->given_back);
    pthread_mutex_unlock(&remote->lock);
}

/* Until the answer begins. A read that is no longer wanted is taken back, once; why is what comes
 * out, and the answer comes all the same. */
static int wait_for_answer(const struct ozx_source *source, int channel)
{
    const struct ozx_wire_ask cancel = {.kind = OZX_WIRE_CANCEL};
    struct pollfd readable = {.fd = channel, .events = POLLIN};
    int stopped = 0;

    while (poll(&readable, 1, stopped || !source->stopped ? -1 : LOOK_UP_MS) <= 0) {
        if (stopped)
            continue;
        stopped = ozx_source_stopped(source);
        if (stopped && ozx_wire_send(channel, &cancel, sizeof cancel))
            return stopped;
    }
    return stopped;
}

/* What is not wanted any more. */
static int drop(int channel, size_t size_bytes)
{
    uint8_t unwanted[4096];
    int failure = 0;

    while (size_bytes && !failure) {
        size_t part = size_bytes < sizeof unwanted ? size_bytes : sizeof unwanted;

        failure = ozx_wire_receive(channel, unwanted, part);
        size_bytes -= part;
    }
    return failure;
}

/* 0 or why; `*lost`: the channel is no good any more. */
static int receive_answer(int channel, int stopped, void *buffer, size_t size_bytes, bool *lost)
{
    struct ozx_wire_reply reply;
    char text[OZX_WIRE_TEXT_MAX + 1] = "";

    *lost = true;
    if (ozx_wire_receive(channel, &reply, sizeof reply) ||
        !ozx_wire_reply_check(&reply, size_bytes))
        return -EIO;
    if (reply.status == 0 && !stopped) {
        *lost = ozx_wire_receive(channel, buffer, size_bytes) != 0;
        return *lost ? -EIO : 0;
    }
    if (reply.status == 0) {
        *lost = drop(channel, size_bytes) != 0;
        return stopped;
    }
    if (ozx_wire_receive(channel, text, reply.size_bytes))
        return -EIO;
    *lost = false;
    if (stopped)
        return stopped;
    ozx_source_set_reason(reply.status, text);
    return reply.status;
}

static int ask(struct remote *remote, void *buffer, size_t size_bytes, uint64_t offset_bytes)
{
    const struct ozx_wire_ask wanted = {
        .kind = OZX_WIRE_READ, .offset_bytes = offset_bytes, .size_bytes = size_bytes};
    bool lost = true;
    int stopped, failure, channel = take(remote);

    failure = channel < 0 ? -EIO : ozx_wire_send(channel, &wanted, sizeof wanted);
    if (!failure) {
        stopped = wait_for_answer(&remote->source, channel);
        failure = receive_answer(channel, stopped, buffer, size_bytes, &lost);
    } else {
        failure = -EIO;
    }
    if (lost)
        ozx_source_set_reason(failure, "the process that fetches the archive has ended");
    if (channel >= 0)
        give_back(remote, channel, lost);
    return failure;
}

static int read_remote(struct ozx_source *source, void *buffer, size_t size_bytes,
                       uint64_t offset_bytes)
{
    struct remote *remote = (struct remote *)source;
    uint8_t *to = buffer;

    ozx_source_will_wait(source);
    while (size_bytes) {
        size_t part = size_bytes < OZX_WIRE_READ_MAX ? size_bytes : OZX_WIRE_READ_MAX;
        int failure = ask(remote, to, part, offset_bytes);

        if (failure)
            return failure;
        to += part;
        offset_bytes += part;
        size_bytes -= part;
    }
    return 0;
}

static void will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count);

/* By one ask: its two parts come out of one answer. */
static int read_two(struct ozx_source *source, void *first, size_t first_size_bytes, void *second,
                    size_t second_size_bytes, uint64_t offset_bytes)
{
    size_t size = first_size_bytes + second_size_bytes;
    OZX_AUTO_FREE uint8_t *both = NULL;
    int failure;

    if (!size || size > OZX_WIRE_READ_MAX) {
        will_need(source, &(struct ozx_range){offset_bytes, size}, 1);
        return 1;
    }
    both = malloc(size);
    if (!both)
        return 1;
    failure = read_remote(source, both, size, offset_bytes);
    if (failure)
        return failure;
    memcpy(first, both, first_size_bytes);
    if (second_size_bytes)
        memcpy(second, both + first_size_bytes, second_size_bytes);
    return 0;
}

/* In pieces that may be asked; what is not in the object is left out. Returns how many. */
static size_t cut_needs(uint64_t total, struct ozx_range *range, struct ozx_wire_ask *needs)
{
    size_t count = 0;

    if (range->offset_bytes >= total)
        range->size_bytes = 0;
    else if (range->size_bytes > total - range->offset_bytes)
        range->size_bytes = total - range->offset_bytes;
    for (; range->size_bytes && count < NEEDS_AT_ONCE; count++) {
        uint64_t part =
            range->size_bytes < OZX_WIRE_READ_MAX ? range->size_bytes : OZX_WIRE_READ_MAX;

        needs[count] = (struct ozx_wire_ask){
            .kind = OZX_WIRE_NEED, .offset_bytes = range->offset_bytes, .size_bytes = part};
        range->offset_bytes += part;
        range->size_bytes -= part;
    }
    return count;
}

static void will_need(struct ozx_source *source, const struct ozx_range *ranges, size_t count)
{
    struct remote *remote = (struct remote *)source;
    struct ozx_wire_ask needs[NEEDS_AT_ONCE];
    int channel, failure = 0;

    ozx_source_will_wait(source);
    channel = take(remote);
    if (channel < 0)
        return;
    for (size_t i = 0; i < count && !failure; i++) {
        struct ozx_range left = ranges[i];
        size_t parts;

        while (!failure && (parts = cut_needs(source->size_bytes, &left, needs)))
            failure = ozx_wire_send(channel, needs, parts * sizeof needs[0]);
    }
    give_back(remote, channel, failure != 0);
}

static size_t descriptors(const struct ozx_source *source, int *out)
{
    const struct remote *remote = (const struct remote *)source;

    memcpy(out, remote->channels, sizeof remote->channels);
    return OZX_WIRE_CHANNELS;
}

static void close_remote(struct ozx_source *source)
{
    struct remote *remote = (struct remote *)source;

    for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++)
        close(remote->channels[i]);
    pthread_cond_destroy(&remote->given_back);
    pthread_mutex_destroy(&remote->lock);
    free(remote);
}

static const struct ozx_source_kind remote_kind = {.read = read_remote,
                                                   .read_two = read_two,
                                                   .will_need = will_need,
                                                   .descriptors = descriptors,
                                                   .close = close_remote};

int ozx_source_open_remote(const int *channels, uint64_t size_bytes, int64_t mtime_s,
                           struct ozx_source **out)
{
    struct remote *remote = calloc(1, sizeof *remote);

    if (!remote)
        return -ENOMEM;
    remote->source = (struct ozx_source){
        .kind = &remote_kind, .size_bytes = size_bytes, .mtime = {.tv_sec = mtime_s}, .fd = -1};
    memcpy(remote->channels, channels, sizeof remote->channels);
    memcpy(remote->free, channels, sizeof remote->free);
    remote->free_count = OZX_WIRE_CHANNELS;
    pthread_mutex_init(&remote->lock, NULL);
    pthread_cond_init(&remote->given_back, NULL);
    *out = &remote->source;
    return 0;
}
