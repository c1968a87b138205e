/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a parser that was taken over may ask of its fetcher, and what comes from the network
 * meanwhile, in any order: each read is answered once, by the right bytes or by a reason. And
 * the other messages of io/wire.h.
 */
#include "fetch/asks.h"
#include "fuzz.h"

#include <string.h>

#define STEPS_MAX 64
#define CACHE_BYTES (UINT64_C(256) << 10) /* so small that it drops */
#define STEP_SIZE 14                      /* bytes of input */

/* What is at an offset of the object. */
static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)((offset * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}

struct state {
    struct ozx_object object;
    struct ozx_asks asks;
    struct ozx_wire_ask waiting[OZX_WIRE_CHANNELS]; /* size 0: none */
};

static void take_answer(void *context, unsigned number, const struct ozx_error *error,
                        const struct ozx_given *given)
{
    struct state *s = context;
    struct ozx_wire_ask *ask = &s->waiting[number];

    FUZZ_CHECK(ask->size_bytes != 0);
    if (error) {
        FUZZ_CHECK(error->code < 0 && !given);
    } else {
        FUZZ_CHECK(given->size_bytes == ask->size_bytes);
        for (size_t i = 0; i < given->size_bytes; i += 97)
            FUZZ_CHECK(given->bytes[i] == byte_at(ask->offset_bytes + i));
        FUZZ_CHECK(given->bytes[given->size_bytes - 1] ==
                   byte_at(ask->offset_bytes + given->size_bytes - 1));
        free(given->buffer);
    }
    ask->size_bytes = 0;
}

/* The network brings one of what is wanted, or says no. */
static void end_fetch(struct state *s, unsigned which, bool good)
{
    struct ozx_fetch *fetch = s->object.fetches;
    size_t size;

    for (unsigned i = which % (s->object.fetch_count + 1); i && fetch && fetch->next; i--)
        fetch = fetch->next;
    if (!fetch)
        return;
    FUZZ_CHECK(fetch->first <= fetch->last && fetch->last < s->object.pin.size_bytes);
    size = (size_t)(fetch->last - fetch->first + 1);
    FUZZ_CHECK(size <= (UINT64_C(9) << 20));
    fetch->done = true;
    if (good) {
        fetch->transfer.buffer = malloc(size);
        FUZZ_CHECK(fetch->transfer.buffer);
        for (size_t i = 0; i < size; i++)
            fetch->transfer.buffer[i] = byte_at(fetch->first + i);
        fetch->transfer.got_bytes = size;
    } else {
        ozx_error_set(&fetch->error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "no");
    }
    ozx_asks_ended(&s->asks, fetch);
    ozx_fetch_forget(fetch);
}

static void step(struct state *s, const uint8_t *data)
{
    struct ozx_wire_ask ask = {.kind = data[0] % 5};
    unsigned number = data[1] % OZX_WIRE_CHANNELS;
    uint64_t total = s->object.pin.size_bytes;
    uint32_t size;

    memcpy(&ask.offset_bytes, data + 2, 8);
    memcpy(&size, data + 10, 4);
    ask.size_bytes = size % (OZX_WIRE_READ_MAX + 2);
    if (data[0] & 0x80)
        ask.offset_bytes %= total + OZX_PAGE;
    if (data[0] % 5 == 4) {
        end_fetch(s, data[1], data[2] & 3);
        return;
    }
    if (!ozx_wire_ask_check(&ask, total)) /* the channel is shut then */
        return;
    FUZZ_CHECK(ask.kind != 0);
    if (ask.kind == OZX_WIRE_READ && !s->waiting[number].size_bytes) {
        s->waiting[number] = ask;
        ozx_asks_read(&s->asks, number, &ask);
    } else if (ask.kind == OZX_WIRE_NEED) {
        ozx_asks_need(&s->asks, &ask);
    } else if (ask.kind == OZX_WIRE_CANCEL) {
        ozx_asks_cancel(&s->asks, number);
        FUZZ_CHECK(!s->waiting[number].size_bytes);
    }
}

static void try_session(const uint8_t *data, size_t size)
{
    struct state *s = calloc(1, sizeof *s);
    uint32_t total;

    FUZZ_CHECK(s);
    memcpy(&total, data, 4);
    s->object.pin.size_bytes = (uint64_t)(total >> (data[4] & 31)) + 1;
    s->object.is_pinned = true;
    s->object.deadline_ms = 60000;
    s->object.pace.least_bytes = data[4] & 0x80 ? UINT64_C(1) << 20 : 0;
    s->object.url_fd = -1;
    s->asks.object = &s->object;
    s->asks.answer = take_answer;
    s->asks.context = s;
    s->asks.cache_bytes = UINT64_C(64) << 20;
    FUZZ_CHECK(ozx_cache_open(CACHE_BYTES, -1, &s->asks.cache) == 0);
    for (size_t at = 5, i = 0; at + STEP_SIZE <= size && i < STEPS_MAX; at += STEP_SIZE, i++)
        step(s, data + at);
    while (s->object.fetches)
        end_fetch(s, 0, true);
    for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++)
        FUZZ_CHECK(!s->waiting[i].size_bytes);
    ozx_object_stop(&s->object);
    ozx_asks_release(&s->asks);
    free(s);
}

static void try_messages(const uint8_t *data, size_t size)
{
    struct ozx_wire_opened opened;
    struct ozx_wire_reply reply;
    const char *name, *value;
    size_t at = 0, last = 0;

    while (ozx_wire_next((const char *)data, size, &at, &name, &value)) {
        FUZZ_CHECK(at > last && at <= size);
        FUZZ_CHECK(name >= (const char *)data && value + strlen(value) < (const char *)data + size);
        last = at;
    }
    memset(&opened, 0, sizeof opened);
    memcpy(&opened, data, size < sizeof opened ? size : sizeof opened);
    if (ozx_wire_opened_check(&opened))
        FUZZ_CHECK(opened.error.code || opened.size_bytes <= INT64_MAX);
    FUZZ_CHECK(memchr(opened.warning, 0, sizeof opened.warning));
    for (const char *byte = opened.error.text; *byte; byte++)
        FUZZ_CHECK((unsigned char)*byte >= ' ' && *byte != 0x7f);
    if (size >= sizeof reply) {
        memcpy(&reply, data, sizeof reply);
        if (ozx_wire_reply_check(&reply, 4096))
            FUZZ_CHECK(reply.status ? reply.size_bytes <= OZX_WIRE_TEXT_MAX
                                    : reply.size_bytes == 4096);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    try_messages(data, size);
    if (size >= 5)
        try_session(data, size);
    return 0;
}
