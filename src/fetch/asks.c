/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asks, their pages, and the ranges that are fetched for them. An ask has a buffer of its own, so
 * that nothing it was given can be dropped from the cache before the last page is there.
 */
#include "fetch/asks.h"

#include <string.h>

#define LARGEST ((uint64_t)8 << 20) /* of a request */
#define GAP (UINT64_C(64) << 10)    /* fetched, too, between two that queue */
#define BLOCK (UINT64_C(1) << 20)   /* of readahead */
#define NEAR (UINT64_C(512) << 10)  /* still goes on */
#define BELIEVED 3                  /* reads */
#define BACK (UINT64_C(1) << 20)    /* readers of several threads overtake each other */
#define WINDOW_MIN (UINT64_C(1) << 20)
#define WINDOW_SURE (UINT64_C(8) << 20) /* larger ones only where their reader waits */
#define WINDOW_MAX (UINT64_C(16) << 20)
#define CACHE_SHARE 2 /* one in so many bytes of the cache is what was read ahead, by all streams */
#define STREAM_ASKS 512 /* a stream that had none of the last so many has ended */
/* Whoever asks for more ahead than that, be it a parser that was taken over, is not heard. */
#define QUEUE_MAX 256

static uint64_t total(const struct ozx_asks *asks)
{
    return asks->object->pin.size_bytes;
}

static uint64_t last_byte(const struct ozx_asks *asks, uint64_t page)
{
    uint64_t end = (page + 1) * OZX_PAGE;

    return (end < total(asks) ? end : total(asks)) - 1;
}

static size_t page_size(const struct ozx_asks *asks, uint64_t page)
{
    return (size_t)(last_byte(asks, page) - page * OZX_PAGE + 1);
}

/* --- ranges ----------------------------------------------------------------------------------- */

/* The one that will bring the page; NULL: none. */
static struct ozx_fetch *find_fetch(const struct ozx_asks *asks, uint64_t page)
{
    for (struct ozx_fetch *f = asks->object->fetches; f; f = f->next)
        if (!f->done && f->kind == OZX_FETCH_RANGE && page * OZX_PAGE >= f->first &&
            page * OZX_PAGE <= f->last)
            return f;
    return NULL;
}

/* One that waits for its turn, and is near enough to bring these pages, too. What is read ahead
 * comes in blocks, over several connections: at 50 ms one alone is a tenth of the line. */
static bool widen(const struct ozx_asks *asks, uint64_t first, uint64_t last, bool asked)
{
    uint64_t largest = asked || asks->object->pace.least_bytes ? LARGEST : BLOCK + GAP;

    for (struct ozx_fetch *f = asks->object->fetches; f; f = f->next) {
        uint64_t low = f->first < first ? f->first : first;
        uint64_t high = f->last > last ? f->last : last;

        if (f->done || f->under_way || f->tries || f->transfer.buffer ||
            f->kind != OZX_FETCH_RANGE || f->first > last + GAP || first > f->last + GAP ||
            high - low >= largest)
            continue;
        f->first = low;
        f->last = high;
        f->asked = f->asked || asked;
        return true;
    }
    return false;
}

/* -ENOMEM. */
static int fetch_pages(struct ozx_asks *asks, uint64_t first_page, uint64_t end_page, bool asked)
{
    uint64_t first = first_page * OZX_PAGE, last = last_byte(asks, end_page - 1);
    uint64_t least = asks->object->pace.least_bytes;
    struct ozx_fetch *fetch;

    if (last - first + 1 < least) { /* the server counts requests */
        first = first / least * least;
        last = last / least * least + least - 1;
        last = last < total(asks) ? last : total(asks) - 1;
    }
    if (widen(asks, first, last, asked))
        return 0;
    fetch = ozx_fetch_make(asks->object, OZX_FETCH_RANGE, first, last);
    if (!fetch)
        return -ENOMEM;
    fetch->asked = asked;
    return 0;
}

/* Every page of the run that is neither here nor under way is fetched. */
static int want(struct ozx_asks *asks, uint64_t page, uint64_t end_page, bool asked)
{
    int failure = 0;

    while (page < end_page && !failure) {
        uint64_t first = page;
        struct ozx_fetch *fetch = NULL;

        while (page < end_page && !ozx_cache_has(asks->cache, page) &&
               !(fetch = find_fetch(asks, page)))
            page++;
        if (fetch && asked)
            fetch->asked = true;
        if (page > first)
            failure = fetch_pages(asks, first, page, asked);
        page++;
    }
    return failure;
}

/* --- streams ---------------------------------------------------------------------------------- */

/* What a read at this offset is a part of: the last that was announced. NULL: of nothing. */
static const struct ozx_unit *unit_of(const struct ozx_asks *asks, uint64_t offset)
{
    for (unsigned i = 1; i <= OZX_UNITS; i++) {
        const struct ozx_unit *unit = &asks->units[(asks->unit_count - i) % OZX_UNITS];

        if (offset >= unit->first_bytes && offset < unit->end_bytes)
            return unit;
    }
    return NULL;
}

/* `first`: where what is read at `offset` begins. */
static struct ozx_stream *find_stream(struct ozx_asks *asks, uint64_t first, uint64_t offset)
{
    struct ozx_stream *oldest = &asks->streams[0];

    for (unsigned i = 0; i < OZX_STREAMS; i++) {
        struct ozx_stream *s = &asks->streams[i];

        if (s->reads && first <= s->next_bytes + NEAR && offset + BACK >= s->next_bytes)
            return s;
        if (s->used < oldest->used)
            oldest = s;
    }
    *oldest =
        (struct ozx_stream){.begin_bytes = first, .next_bytes = offset, .unit_end_bytes = offset};
    return oldest;
}

/* An announcement that was too long for one message goes on in the next. */
static void add_unit(struct ozx_asks *asks, uint64_t first, uint64_t end)
{
    struct ozx_unit *last = &asks->units[(asks->unit_count - 1) % OZX_UNITS];

    if (asks->unit_count && last->end_bytes == first && last->is_cut)
        last->end_bytes = end;
    else
        asks->units[asks->unit_count++ % OZX_UNITS] = (struct ozx_unit){first, end, false};
    asks->units[(asks->unit_count - 1) % OZX_UNITS].is_cut = end - first == OZX_WIRE_READ_MAX;
}

/* True: something new is read, and not only the rest of what was begun, in whatever order its parts
 * are asked for. */
static bool reads_on(struct ozx_stream *s, const struct ozx_unit *unit, uint64_t offset,
                     uint64_t end)
{
    bool is_new = offset >= s->unit_end_bytes;

    s->read_bytes += end - offset;
    if (offset < s->begin_bytes)
        s->begin_bytes = offset;
    if (is_new) {
        s->reads++;
        s->unit_end_bytes = unit ? unit->end_bytes : end;
    }
    if (s->unit_end_bytes < end)
        s->unit_end_bytes = end;
    if (s->next_bytes < end)
        s->next_bytes = end;
    return is_new;
}

/* Of many readers that read here and there some come near each other by chance, and leave most of
 * it out. */
static bool is_believed(const struct ozx_stream *s)
{
    return s->reads >= BELIEVED && s->read_bytes >= (s->next_bytes - s->begin_bytes) / 2;
}

/* Of all that are read on: what was read ahead of others is still in the cache. */
static uint64_t windows_bytes(const struct ozx_asks *asks)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < OZX_STREAMS; i++)
        if (asks->streams[i].used + STREAM_ASKS > asks->count)
            sum += asks->streams[i].window_bytes;
    return sum;
}

/* Where its reader had to wait for what was under way, the line holds more. That is most often for
 * the end of what was read before: it lies in the next block. */
static void widen_window(const struct ozx_asks *asks, struct ozx_stream *s)
{
    uint64_t more = s->window_bytes ? s->window_bytes : WINDOW_MIN;

    if (!s->window_bytes ||
        (s->window_bytes < WINDOW_MAX && (s->has_waited || s->window_bytes < WINDOW_SURE) &&
         windows_bytes(asks) + more <= asks->cache_bytes / CACHE_SHARE))
        s->window_bytes += more;
    s->has_waited = false;
}

/* At the second time that a read follows on, since once is by chance, and from then on; not while
 * all of it is there from opening. */
static void read_ahead(struct ozx_asks *asks, uint64_t offset, uint64_t size, bool missed)
{
    const struct ozx_unit *unit = unit_of(asks, offset);
    struct ozx_stream *s = find_stream(asks, unit ? unit->first_bytes : offset, offset);
    bool is_new = reads_on(s, unit, offset, offset + size);
    uint64_t until, step;

    s->used = ++asks->count;
    s->has_waited = s->has_waited || missed;
    if (!is_believed(s) || (!missed && !s->window_bytes) || asks->object->fetch_count >= QUEUE_MAX)
        return;
    if (s->ahead_bytes < s->next_bytes)
        s->ahead_bytes = s->next_bytes;
    if (is_new || !s->window_bytes)
        widen_window(asks, s);
    until = s->next_bytes + s->window_bytes;
    step = s->window_bytes / 2 < BLOCK ? s->window_bytes / 2 : BLOCK;
    while (s->ahead_bytes + step <= until && s->ahead_bytes < total(asks)) {
        uint64_t block_end = s->ahead_bytes / BLOCK * BLOCK + BLOCK;

        block_end = block_end < total(asks) ? block_end : total(asks);
        if (want(asks, s->ahead_bytes / OZX_PAGE, (block_end + OZX_PAGE - 1) / OZX_PAGE, false))
            return;
        s->ahead_bytes = block_end;
    }
}

/* --- asks ------------------------------------------------------------------------------------- */

static void answer(struct ozx_asks *asks, unsigned number, const struct ozx_error *error)
{
    struct ozx_read_ask *ask = &asks->asks[number];
    struct ozx_given given = {.size_bytes = (size_t)ask->size_bytes};

    ask->waits = false;
    if (error) {
        free(ozx_take(ask->pages));
        asks->answer(asks->context, number, error, NULL);
        return;
    }
    given.buffer = ozx_take(ask->pages);
    given.bytes = given.buffer + (ask->offset_bytes - ask->first_page * OZX_PAGE);
    asks->answer(asks->context, number, NULL, &given);
}

static void take_from_cache(struct ozx_asks *asks, struct ozx_read_ask *ask)
{
    for (uint32_t i = 0; i < ask->page_count; i++) {
        uint64_t page = ask->first_page + i;

        ask->have[i] =
            ozx_cache_get(asks->cache, page, ask->pages + i * OZX_PAGE, page_size(asks, page));
        ask->missing -= ask->have[i];
    }
}

void ozx_asks_read(struct ozx_asks *asks, unsigned number, const struct ozx_wire_ask *asked)
{
    struct ozx_read_ask *ask = &asks->asks[number];
    uint64_t end = asked->offset_bytes + asked->size_bytes;
    struct ozx_error error = OZX_ERROR_INIT;
    const struct ozx_error *gone = NULL;
    bool missed = false;
    int failure;

    if (asks->whole) {
        asks->answer(asks->context, number, NULL,
                     &(struct ozx_given){.bytes = asks->whole + asked->offset_bytes,
                                         .size_bytes = (size_t)asked->size_bytes});
        return;
    }
    if (asks->object->is_stale) {
        ozx_error_set(&error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "the archive changed on the server");
        asks->answer(asks->context, number, &error, NULL);
        return;
    }
    *ask = (struct ozx_read_ask){.waits = true,
                                 .offset_bytes = asked->offset_bytes,
                                 .size_bytes = asked->size_bytes,
                                 .first_page = asked->offset_bytes / OZX_PAGE};
    ask->page_count = (uint32_t)((end + OZX_PAGE - 1) / OZX_PAGE - ask->first_page);
    ask->missing = ask->page_count;
    ask->pages = malloc(ask->page_count * OZX_PAGE);
    failure = ask->pages ? 0 : -ENOMEM;
    if (!failure) {
        take_from_cache(asks, ask);
        missed = ask->missing != 0;
        gone = missed ? ozx_object_gone(asks->object) : NULL;
        if (missed && !gone)
            failure = want(asks, ask->first_page, ask->first_page + ask->page_count, true);
    }
    if (failure) {
        (void)ozx_error_memory(&error);
        answer(asks, number, &error);
    } else if (gone || !ask->missing) {
        answer(asks, number, gone);
    }
    if (!gone)
        read_ahead(asks, asked->offset_bytes, asked->size_bytes, missed);
}

void ozx_asks_need(struct ozx_asks *asks, const struct ozx_wire_ask *ask)
{
    uint64_t end = ask->offset_bytes + ask->size_bytes;

    add_unit(asks, ask->offset_bytes, end);
    if (!asks->whole && !asks->object->is_stale && !ozx_object_gone(asks->object) &&
        asks->object->fetch_count < QUEUE_MAX)
        (void)!want(asks, ask->offset_bytes / OZX_PAGE, (end + OZX_PAGE - 1) / OZX_PAGE, false);
}

void ozx_asks_cancel(struct ozx_asks *asks, unsigned number)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!asks->asks[number].waits)
        return; /* it was answered meanwhile */
    ozx_error_set(&error, -ECANCELED, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "cancelled");
    answer(asks, number, &error);
}

/* What of the fetched bytes the ask still misses. */
static void give(struct ozx_asks *asks, struct ozx_read_ask *ask, const struct ozx_fetch *fetch)
{
    for (uint32_t i = 0; i < ask->page_count; i++) {
        uint64_t at = (ask->first_page + i) * OZX_PAGE;

        if (ask->have[i] || at < fetch->first || at > fetch->last)
            continue;
        memcpy(ask->pages + i * OZX_PAGE, fetch->transfer.buffer + (at - fetch->first),
               page_size(asks, ask->first_page + i));
        ask->have[i] = true;
        ask->missing--;
    }
}

static bool misses(const struct ozx_read_ask *ask, const struct ozx_fetch *fetch)
{
    for (uint32_t i = 0; i < ask->page_count; i++) {
        uint64_t at = (ask->first_page + i) * OZX_PAGE;

        if (!ask->have[i] && at >= fetch->first && at <= fetch->last)
            return true;
    }
    return false;
}

void ozx_asks_keep(struct ozx_asks *asks, uint64_t first_bytes, const uint8_t *data,
                   size_t size_bytes)
{
    uint64_t page = (first_bytes + OZX_PAGE - 1) / OZX_PAGE;

    for (; page * OZX_PAGE < total(asks); page++) {
        size_t size = page_size(asks, page);
        uint64_t at = page * OZX_PAGE - first_bytes;

        if (at + size > size_bytes)
            return;
        ozx_cache_put(asks->cache, page, data + at, size);
    }
}

void ozx_asks_ended(struct ozx_asks *asks, struct ozx_fetch *fetch)
{
    bool good = fetch->error.code == 0;

    if (good)
        ozx_asks_keep(asks, fetch->first, fetch->transfer.buffer, fetch->transfer.got_bytes);
    for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++) {
        struct ozx_read_ask *ask = &asks->asks[i];

        if (!ask->waits || !misses(ask, fetch))
            continue;
        if (good)
            give(asks, ask, fetch);
        if (!good || !ask->missing)
            answer(asks, i, good ? NULL : &fetch->error);
    }
}

void ozx_asks_release(struct ozx_asks *asks)
{
    for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++)
        free(asks->asks[i].pages);
    free(asks->whole);
    ozx_cache_close(asks->cache);
}
