/* SPDX-License-Identifier: BSD-2-Clause
 *
 * No HEAD request: a URL that is signed for GET answers it with 403, and what it says of ranges is
 * believed by nobody. Servers that do not know a range from the end are asked by the size that the
 * other answer tells.
 */
#include "fetch/opening.h"

#include <string.h>

#include "base/clock.h"

#define TAIL_BYTES (UINT64_C(256) << 10)
#define HEAD_BYTES (UINT64_C(64) << 10)
#define HEAD_PATIENCE_MS 2000 /* once the tail is there */

struct part {
    struct ozx_fetch *fetch; /* NULL once it has ended */
    bool good;
    struct ozx_error error;
    struct ozx_answer answer;
    uint8_t *data; /* owned */
    size_t size_bytes;
};

struct opening {
    struct ozx_object *object;
    struct part tail, head, whole;
    int64_t tail_ms; /* when it came */
};

static struct part *part_of(struct opening *o, const struct ozx_fetch *fetch)
{
    return fetch == o->tail.fetch ? &o->tail : fetch == o->head.fetch ? &o->head : &o->whole;
}

static void ended(void *context, struct ozx_fetch *fetch)
{
    struct opening *o = context;
    struct part *part = part_of(o, fetch);

    part->fetch = NULL;
    part->error = fetch->error;
    part->answer = fetch->transfer.answer;
    part->good = fetch->error.code == 0;
    if (part->good) {
        part->data = ozx_take(fetch->transfer.buffer);
        part->size_bytes = fetch->transfer.got_bytes;
    }
    if (part == &o->tail)
        o->tail_ms = ozx_clock_ms();
}

static int begin(struct opening *o, struct part *part, enum ozx_fetch_kind kind, uint64_t last)
{
    part->fetch = ozx_fetch_make(o->object, kind, 0, last);
    if (!part->fetch)
        return -ENOMEM;
    part->fetch->asked = true;
    part->fetch->unpinned = kind != OZX_FETCH_WHOLE;
    return 0;
}

/* The server said no to a range from the end, in one of the ways that mean so. */
static bool knows_no_tail(const struct part *tail)
{
    int status = tail->answer.status;

    return !tail->fetch && !tail->good &&
           (status == 200 || status == 400 || status == 405 || status == 416 || status == 501);
}

static bool waits(const struct opening *o)
{
    if (o->whole.fetch || o->tail.fetch)
        return true;
    if (!o->head.fetch)
        return false;
    return knows_no_tail(&o->tail) ||
           (o->tail.good && ozx_clock_ms() - o->tail_ms < HEAD_PATIENCE_MS);
}

/* False: nobody wants it any more. */
static bool run(struct opening *o, int control)
{
    while (waits(o)) {
        struct curl_waitfd other = {.fd = control, .events = CURL_WAIT_POLLIN};
        int ms = ozx_object_run(o->object);

        if (!waits(o))
            break;
        ms = ms < 0 || ms > 200 ? 200 : ms;
        if (curl_multi_poll(o->object->line.multi, &other, 1, ms, NULL) || other.revents)
            return false;
    }
    return true;
}

static bool is_empty(const struct ozx_answer *answer)
{
    return (answer->status == 200 && answer->has_length && answer->length == 0) ||
           (answer->status == 416 && answer->has_range && !answer->has_bounds &&
            answer->total == 0);
}

static int pin(struct opening *o, const struct ozx_answer *answer, uint64_t size,
               struct ozx_wire_opened *opened)
{
    time_t modified = *answer->modified ? curl_getdate(answer->modified, NULL) : 0;

    if (ozx_pin_take(&o->object->pin, answer, size))
        return ozx_error_set(
            &opened->error, -EOPNOTSUPP, OZX_RULE_NONE, OZX_OFFSET_NONE, "download the file first",
            "the server sends neither an ETag nor Last-Modified, so a change could not be noticed");
    o->object->is_pinned = true;
    ozx_object_pin_version(o->object, answer);
    opened->size_bytes = size;
    opened->mtime_s = modified > 0 ? modified : 0;
    if (o->object->pin.weak)
        strcpy(opened->warning,
               "the server gives no strong ETag: a change is noticed by its size and "
               "Last-Modified only");
    return 0;
}

/* By a server without ranges, if it is small. */
static int take_whole(struct opening *o, struct ozx_asks *asks, uint64_t max, int control,
                      struct ozx_wire_opened *opened)
{
    const struct ozx_answer *answer = &o->head.answer;
    int failure;

    if (answer->status != 200 || !answer->has_length || answer->length > max || answer->encoded ||
        answer->malformed) {
        opened->error = o->head.error;
        return opened->error.code;
    }
    failure = pin(o, answer, answer->length, opened);
    if (!failure && begin(o, &o->whole, OZX_FETCH_WHOLE, answer->length - 1))
        failure = ozx_error_memory(&opened->error);
    if (failure)
        return failure;
    run(o, control);
    if (!o->whole.good) {
        opened->error = o->whole.error;
        return opened->error.code ? opened->error.code : -EIO;
    }
    asks->whole = ozx_take(o->whole.data);
    return 0;
}

static bool is_head_good(const struct opening *o)
{
    return o->head.good && o->head.answer.total == o->object->pin.size_bytes &&
           ozx_pin_holds(&o->object->pin, &o->head.answer);
}

static int settle(struct opening *o, struct ozx_asks *asks, uint64_t max, int control,
                  struct ozx_wire_opened *opened)
{
    int failure;

    if (is_empty(&o->tail.answer) || (knows_no_tail(&o->tail) && is_empty(&o->head.answer))) {
        opened->size_bytes = 0;
        return 0;
    }
    if (knows_no_tail(&o->tail) && !o->head.good)
        return take_whole(o, asks, max, control, opened);
    if (!o->tail.good && !knows_no_tail(&o->tail)) {
        opened->error = o->tail.error;
        return opened->error.code;
    }
    failure = o->tail.good ? pin(o, &o->tail.answer, o->tail.answer.total, opened)
                           : pin(o, &o->head.answer, o->head.answer.total, opened);
    if (failure)
        return failure;
    if (o->tail.good) {
        ozx_cache_keep_from(asks->cache, o->tail.answer.first / OZX_PAGE);
        ozx_asks_keep(asks, o->tail.answer.first, o->tail.data, o->tail.size_bytes);
    }
    if (is_head_good(o))
        ozx_asks_keep(asks, 0, o->head.data, o->head.size_bytes);
    return 0;
}

void ozx_opening_run(struct ozx_object *object, struct ozx_asks *asks, uint64_t whole_max_bytes,
                     int control, struct ozx_wire_opened *opened)
{
    struct opening o = {.object = object};
    int failure = 0;

    object->ended = ended;
    object->context = &o;
    if (begin(&o, &o.tail, OZX_FETCH_TAIL, TAIL_BYTES) ||
        begin(&o, &o.head, OZX_FETCH_RANGE, HEAD_BYTES - 1))
        failure = ozx_error_memory(&opened->error);
    if (!failure && !run(&o, control))
        failure = ozx_error_interrupted(&opened->error);
    if (!failure)
        failure = settle(&o, asks, whole_max_bytes, control, opened);
    if (failure && !opened->error.code)
        ozx_error_set(&opened->error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "cannot be opened");
    while (object->fetches)
        ozx_fetch_forget(object->fetches);
    object->active = 0;
    free(o.tail.data);
    free(o.head.data);
    free(o.whole.data);
}
