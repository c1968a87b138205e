/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is fetched for whom: chunks that are announced come by one request each, whoever reads one
 * behind the other is read ahead of, in blocks, and whoever does not gets nothing more than asked.
 */
#include "check.h"
#include "fetch/asks.h"

#include <stdlib.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define PART (128 * KIB) /* of a read of the kernel's */
#define CHUNK (MIB + 60) /* with its local header */
#define CHUNKS 64

struct state {
    struct ozx_object object;
    struct ozx_asks asks;
    unsigned requests;
    uint64_t bytes, end, largest;
};

static void take_answer(void *context, unsigned number, const struct ozx_error *error,
                        const struct ozx_given *given)
{
    (void)context, (void)number;
    CHECK(!error && given->bytes && given->size_bytes);
    free(given->buffer);
}

static struct state *begin(void)
{
    struct state *s = calloc(1, sizeof *s);

    CHECK(s != NULL);
    s->object.pin.size_bytes = CHUNKS * CHUNK + MIB;
    s->object.is_pinned = true;
    s->object.deadline_ms = 60000;
    s->object.url_fd = -1;
    s->asks.object = &s->object;
    s->asks.answer = take_answer;
    s->asks.cache_bytes = 64 * MIB;
    CHECK(ozx_cache_open(s->asks.cache_bytes, -1, &s->asks.cache) == 0);
    return s;
}

static void end(struct state *s)
{
    ozx_object_stop(&s->object);
    ozx_asks_release(&s->asks);
    free(s);
}

/* All that is asked for comes. */
static void come(struct state *s)
{
    while (s->object.fetches) {
        struct ozx_fetch *fetch = s->object.fetches;
        size_t size = (size_t)(fetch->last - fetch->first + 1);

        fetch->done = true;
        fetch->transfer.buffer = calloc(1, size);
        fetch->transfer.got_bytes = size;
        s->requests++;
        s->bytes += size;
        s->largest = size > s->largest ? size : s->largest;
        s->end = fetch->last > s->end ? fetch->last : s->end;
        ozx_asks_ended(&s->asks, fetch);
        ozx_fetch_forget(fetch);
    }
}

static void announce(struct state *s, uint64_t offset, uint64_t size)
{
    for (; size; offset += MIB) { /* as source_remote.c cuts them */
        struct ozx_wire_ask ask = {OZX_WIRE_NEED, 0, offset, size < MIB ? size : MIB};

        ozx_asks_need(&s->asks, &ask);
        size -= ask.size_bytes;
    }
}

/* The kernel asks for two parts at a time, and they overtake each other. */
static void read_parts(struct state *s, unsigned number, unsigned part, unsigned end)
{
    for (; part < end; part++) {
        struct ozx_wire_ask ask = {OZX_WIRE_READ, 0, 1000 + number * CHUNK + (part ^ 1) * PART,
                                   PART};

        ozx_asks_read(&s->asks, part & 1, &ask);
        if (part & 1)
            come(s);
    }
}

static void read_chunk(struct state *s, unsigned number, bool announced)
{
    if (announced)
        announce(s, 1000 + number * CHUNK, CHUNK);
    read_parts(s, number, 0, 8);
}

static void forget_all(struct state *s)
{
    ozx_cache_close(s->asks.cache);
    CHECK(ozx_cache_open(s->asks.cache_bytes, -1, &s->asks.cache) == 0);
}

static void check_in_order(bool announced)
{
    struct state *s = begin();

    for (unsigned n = 0; n < CHUNKS; n++) {
        read_chunk(s, n, announced);
        if (n == 0 && announced)
            CHECK(s->requests == 1 && s->bytes < CHUNK + 3 * OZX_PAGE);
        if (n >= 8 && n + 9 < CHUNKS)
            CHECK(s->end >= 1000 + (n + 1) * CHUNK + 3 * MIB);
    }
    CHECK(s->bytes < s->object.pin.size_bytes + MIB);
    CHECK(s->largest <= CHUNK + 3 * OZX_PAGE); /* blocks come over several connections */
    CHECK(s->requests < 2 * CHUNKS);
    end(s);
}

static void test_in_order(void)
{
    check_in_order(true);
    check_in_order(false);
}

/* Whoever has to wait is read ahead of further; what all streams have ahead fits into the cache. */
static void test_windows(void)
{
    struct state *s = begin();
    uint64_t ahead = 0;

    for (unsigned n = 0; n < 24; n++)
        read_chunk(s, n, true);
    CHECK(s->asks.streams[0].window_bytes == 8 * MIB);
    s->asks.streams[0].window_bytes = MIB;
    for (unsigned n = 24; n < 40; n++) {
        forget_all(s); /* nothing is there in time */
        read_chunk(s, n, true);
    }
    CHECK(s->asks.streams[0].window_bytes == 16 * MIB);
    end(s);

    s = begin();
    for (unsigned n = 0; n < 12; n++)
        for (unsigned stream = 0; stream < 5; stream++)
            read_chunk(s, stream * 12 + n, true);
    for (unsigned i = 0; i < OZX_STREAMS; i++)
        ahead += s->asks.streams[i].window_bytes;
    CHECK(ahead >= 20 * MIB && ahead <= s->asks.cache_bytes / 2);
    end(s);
}

/* The end of a chunk lies in the block behind, and is what its reader waits for. */
static void test_waiting_for_the_end(void)
{
    struct state *s = begin();

    for (unsigned n = 0; n < 24; n++) {
        announce(s, 1000 + n * CHUNK, CHUNK);
        come(s);
        read_parts(s, n, 0, 6);
        forget_all(s);
        read_parts(s, n, 6, 8);
    }
    CHECK(s->asks.streams[0].window_bytes == 16 * MIB);
    end(s);
}

/* Of what lies near each other a reader leaves most out: that goes on nowhere. */
static void test_near(void)
{
    struct state *s = begin();

    for (unsigned n = 0; n < CHUNKS; n++) {
        struct ozx_wire_ask ask = {OZX_WIRE_READ, 0, n * (PART + 300 * KIB), PART};

        ozx_asks_read(&s->asks, 0, &ask);
        come(s);
    }
    CHECK_UINT(s->requests, CHUNKS);
    end(s);
}

/* Each by one request, and not a byte of its neighbours but for pages. */
static void test_here_and_there(void)
{
    struct state *s = begin();

    for (unsigned n = 0; n < 20; n++)
        read_chunk(s, n * 23 % CHUNKS, true);
    CHECK_UINT(s->requests, 20);
    CHECK(s->bytes < 20 * (CHUNK + 2 * OZX_PAGE));
    end(s);
}

/* Once next to each other is by chance. */
static void test_two_neighbours(void)
{
    struct state *s = begin();

    for (unsigned n = 0; n < CHUNKS; n += 4) {
        read_chunk(s, n, true);
        read_chunk(s, n + 1, true);
    }
    CHECK(s->bytes < CHUNKS / 2 * (CHUNK + 2 * OZX_PAGE));
    end(s);
}

/* A server that counts requests gets few, and large ones. */
static void test_few_requests(void)
{
    struct state *s = begin();

    s->object.pace.least_bytes = 4 * MIB;
    for (unsigned n = 0; n < CHUNKS; n++)
        read_chunk(s, n, true);
    CHECK(s->requests < CHUNKS / 2);
    end(s);
}

CHECK_MAIN({"in order", test_in_order}, {"windows", test_windows},
           {"waiting for the end", test_waiting_for_the_end}, {"near", test_near},
           {"here and there", test_here_and_there}, {"two neighbours", test_two_neighbours},
           {"few requests", test_few_requests})
