/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a range that is wanted to its end.
 */
#include "fetch/object.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "fetch/place.h"
#include "fetch/secrets.h"

#define HOPS_MAX 5
#define BREAKS_MAX 2 /* of connections that had been used; then a new one */
#define HANDSHAKES_MAX 3
#define UNREACHED_MAX                                                                              \
    4 /* while opening: rather a URL that is wrong than a server that is gone for a moment */
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 5000
#define MISSED_MS 5000    /* while the last deadline was missed */
#define COOL_DOWN_MS 1000 /* and before anything is tried then */
#define SILENCE_S 20
#define SLOWEST 8  /* bytes a millisecond: what comes slower has no more time than the deadline */
#define RESERVED 4 /* one in so many requests is of what somebody waits for */
#define RESUMED ((size_t)64 << 10) /* from so many bytes on, which came before a connection broke */

struct ozx_fetch *ozx_fetch_make(struct ozx_object *object, enum ozx_fetch_kind kind,
                                 uint64_t first, uint64_t last)
{
    struct ozx_fetch *fetch = calloc(1, sizeof *fetch), **end = &object->fetches;
    int64_t now = ozx_clock_ms(), patience = object->deadline_ms;

    if (!fetch)
        return NULL;
    if (object->missed && patience > MISSED_MS)
        patience = MISSED_MS;
    fetch->object = object;
    fetch->kind = kind;
    fetch->first = first;
    fetch->last = last;
    fetch->until_ms = now + patience;
    fetch->error.offset_bytes = OZX_OFFSET_NONE;
    while (*end)
        end = &(*end)->next;
    *end = fetch;
    object->fetch_count++;
    return fetch;
}

void ozx_fetch_forget(struct ozx_fetch *fetch)
{
    struct ozx_fetch **link = &fetch->object->fetches;

    while (*link != fetch)
        link = &(*link)->next;
    *link = fetch->next;
    fetch->object->fetch_count--;
    ozx_transfer_stop(&fetch->transfer);
    free(fetch->transfer.buffer);
    free(fetch->hop);
    free(fetch);
}

const struct ozx_error *ozx_object_gone(const struct ozx_object *object)
{
    return object->missed && ozx_clock_ms() - object->missed_ms < COOL_DOWN_MS
               ? &object->missed_error
               : NULL;
}

/* The deadline. Nobody waits for the next one as long. */
static void miss(struct ozx_fetch *fetch)
{
    struct ozx_object *object = fetch->object;

    object->missed = object->is_pinned;
    object->missed_ms = ozx_clock_ms();
    object->missed_error = fetch->error;
}

static void end(struct ozx_fetch *fetch)
{
    fetch->done = true;
    fetch->object->ended(fetch->object->context, fetch);
    ozx_fetch_forget(fetch);
}

static void fail(struct ozx_fetch *fetch, int code, const char *hint, const char *text)
{
    ozx_error_set(&fetch->error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
    end(fetch);
}

static size_t size_of(const struct ozx_fetch *fetch)
{
    return (size_t)(fetch->kind == OZX_FETCH_TAIL ? fetch->last : fetch->last - fetch->first + 1);
}

static const char *url_of(const struct ozx_fetch *fetch)
{
    const struct ozx_object *object = fetch->object;

    return fetch->hop        ? fetch->hop
           : object->url     ? object->url
           : object->line.s3 ? object->line.s3->url
                             : object->first_url;
}

static void start(struct ozx_fetch *fetch, int64_t now)
{
    struct ozx_object *object = fetch->object;
    struct ozx_transfer *t = &fetch->transfer;
    long limit_s = (fetch->until_ms - now) / 1000;
    const char *url = url_of(fetch);

    if (!t->buffer) {
        t->size_bytes = size_of(fetch);
        t->buffer = malloc(t->size_bytes);
        if (!t->buffer) {
            fail(fetch, -ENOMEM, NULL, "out of memory");
            return;
        }
    }
    t->line = &object->line;
    t->pin = object->is_pinned && !fetch->unpinned ? &object->pin : NULL;
    t->is_suffix = fetch->kind == OZX_FETCH_TAIL;
    t->is_whole = fetch->kind == OZX_FETCH_WHOLE;
    t->first = fetch->first;
    t->last = fetch->last;
    t->owner = fetch;
    t->resolve_anew = fetch->tries != 0;
    t->connect_anew = fetch->breaks >= BREAKS_MAX;
    fetch->renewals = object->renewals;
    fetch->under_way = true;
    object->active++;
    if (ozx_transfer_start(t, url, ozx_place_same(url, object->first_url),
                           limit_s < 1           ? 1
                           : limit_s > SILENCE_S ? SILENCE_S
                                                 : limit_s)) {
        object->active--;
        fail(fetch, -ENOMEM, NULL, "out of memory");
    }
}

/* Full jitter: any time up to what doubles with each try. */
static int64_t backoff_ms(unsigned tries)
{
    uint64_t most = BACKOFF_MS, random = 0;

    while (--tries && most < BACKOFF_MAX_MS)
        most *= 2;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = (uint64_t)ozx_clock_ns();
    return (int64_t)(random % (most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS)) + 1;
}

static void try_again(struct ozx_fetch *fetch, int64_t now)
{
    struct ozx_object *object = fetch->object;
    struct ozx_transfer *t = &fetch->transfer;
    bool advanced = t->got_bytes - t->start_bytes >= RESUMED;
    unsigned tries = advanced ? fetch->tries = 1 : ++fetch->tries;
    int64_t wait = backoff_ms(tries), told = ozx_pace_told_ms(&t->answer, time(NULL));

    if (t->got_bytes < RESUMED || t->is_suffix || t->is_whole || !t->pin)
        t->got_bytes = 0; /* else on from where it stopped */
    wait = told > wait ? told : wait;
    if (fetch->error.code == -EPROTO && ++fetch->handshakes >= HANDSHAKES_MAX) {
        fetch->error.code = -EIO;
        end(fetch);
        return;
    }
    if (now + wait >= fetch->until_ms ||
        (!object->is_pinned && fetch->unreached >= UNREACHED_MAX) ||
        (object->missed && fetch->tries > 1)) {
        if (fetch->error.code != -ENOENT || object->is_pinned)
            fetch->error.code = -EIO;
        miss(fetch);
        end(fetch);
        return;
    }
    fetch->not_before_ms = now + wait;
}

static void redirect(struct ozx_fetch *fetch)
{
    const char *why = NULL;
    char *to = NULL;

    if (++fetch->hops > HOPS_MAX) {
        fail(fetch, -EIO, "check the URL", "the server redirects too often");
        return;
    }
    if (ozx_place_resolve(url_of(fetch), fetch->transfer.answer.location, &to, &why)) {
        fail(fetch, -EIO, NULL, why);
        return;
    }
    free(fetch->hop);
    fetch->hop = to;
    fetch->transfer.got_bytes = 0;
}

/* A remembered end that expired: the first URL may know a new one. True: it is asked. */
static bool go_back(struct ozx_fetch *fetch)
{
    struct ozx_object *object = fetch->object;
    int status = fetch->transfer.answer.status;

    if ((!object->url && !fetch->hop) || fetch->went_back ||
        (status != 401 && status != 403 && status != 404 && status != 410))
        return false;
    fetch->went_back = true;
    fetch->transfer.got_bytes = 0;
    free(ozx_take(fetch->hop));
    free(ozx_take(object->url));
    return true;
}

/* The file of url_file may have a new one. Another object is told by its size and ETag, as ever. */
static bool renew(struct ozx_object *object)
{
    struct ozx_error ignored = OZX_ERROR_INIT;
    char *url = NULL;

    if (object->url_fd < 0 || ozx_secret_url(object->url_fd, object->shown_url, &url, &ignored))
        return false;
    if (strcmp(url, object->first_url) == 0) {
        free(url);
        return false;
    }
    free(object->first_url);
    object->first_url = url;
    object->renewals++;
    return true;
}

/* Whose origin gets what headers are for it. */
static bool take_s3_url(struct ozx_object *object)
{
    char *url = strdup(object->line.s3->url);

    if (!url)
        return false;
    free(object->first_url);
    object->first_url = url;
    return true;
}

void ozx_object_pin_version(struct ozx_object *object, const struct ozx_answer *answer)
{
    if (!object->line.s3)
        return;
    ozx_s3_pin(object->line.s3, answer);
    (void)!take_s3_url(object);
}

/* The answer says how to ask, or what is asked with has expired and there is a new one. True: it is
 * asked again. */
static bool ask_otherwise(struct ozx_fetch *fetch)
{
    struct ozx_object *object = fetch->object;
    struct ozx_s3 *s3 = object->line.s3;
    int status = fetch->transfer.answer.status;

    if (s3) {
        /* A stranger that it redirects to has nothing to say about regions, clocks and tokens. */
        if (!fetch->transfer.is_s3 ||
            !ozx_s3_learn(s3, &fetch->transfer.answer, fetch->transfer.generation, time(NULL)) ||
            !take_s3_url(object))
            return false;
    } else if (status != 401 && status != 403) {
        return false;
    } else if (fetch->renewals == object->renewals && !renew(object)) {
        if (object->url_fd >= 0)
            ozx_error_set(&fetch->error, -EACCES, OZX_RULE_NONE, OZX_OFFSET_NONE,
                          "write a new one into that file",
                          "the URL in url_file has expired, or is wrong (HTTP %d)", status);
        return false;
    }
    fetch->transfer.got_bytes = 0;
    free(ozx_take(fetch->hop));
    free(ozx_take(object->url));
    return true;
}

static void finish(struct ozx_fetch *fetch)
{
    struct ozx_object *object = fetch->object;

    if (fetch->hop) {
        free(object->url);
        object->url = ozx_take(fetch->hop);
    }
    object->missed = false;
    ozx_pace_served(&object->pace, fetch->transfer.is_http2);
    fetch->error.code = 0;
    end(fetch);
}

/* Some servers say it to their own ETag: once more without, and the ETag that comes decides. */
static bool is_condition(struct ozx_fetch *fetch)
{
    if (fetch->transfer.answer.status != 412 || fetch->transfer.no_if_match || !fetch->transfer.pin)
        return false;
    fetch->transfer.no_if_match = true;
    fetch->transfer.got_bytes = 0;
    return true;
}

static void take_in(struct ozx_fetch *fetch, CURLcode code, int64_t now)
{
    struct ozx_object *object = fetch->object;
    enum ozx_outcome outcome = ozx_transfer_finish(&fetch->transfer, code, &fetch->error);

    /* Who names an address of the network here may be led about in it. */
    if (fetch->transfer.was_private)
        object->line.guarded = false;
    ozx_pace_take(&object->pace, &fetch->transfer.answer, now, time(NULL));
    fetch->under_way = false;
    object->active--;
    if ((outcome == OZX_OUTCOME_FAILED || outcome == OZX_OUTCOME_REDIRECT) && ask_otherwise(fetch))
        return;
    fetch->unreached += code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
    /* Who says nothing for so long is not asked twice by the same way. */
    fetch->breaks += code == CURLE_OPERATION_TIMEDOUT ? BREAKS_MAX : code != CURLE_OK;
    switch (outcome) {
    case OZX_OUTCOME_DONE:
        finish(fetch);
        break;
    case OZX_OUTCOME_REDIRECT:
        redirect(fetch);
        break;
    case OZX_OUTCOME_AT_ONCE: /* ends with the new connection at the latest */
        break;
    case OZX_OUTCOME_AGAIN:
        try_again(fetch, now);
        break;
    case OZX_OUTCOME_WHOLE:
        if (object->is_pinned)
            fail(fetch, -EIO, NULL, "the server answered with something other than the range");
        else
            fail(fetch, -EOPNOTSUPP, "download the file first",
                 "the server does not support range requests");
        break;
    case OZX_OUTCOME_CHANGED:
        object->is_stale = true;
        fail(fetch, -ESTALE, NULL, "the archive changed on the server");
        break;
    case OZX_OUTCOME_FAILED:
        if (!go_back(fetch) && !is_condition(fetch))
            end(fetch);
        break;
    }
}

/* When it is given up. What came of it has bought time, else large ranges were of no use on a slow
 * line; and no more than it is worth, else whoever sends a byte now and then holds it for hours. */
static int64_t end_ms(const struct ozx_fetch *fetch)
{
    const struct ozx_transfer *t = &fetch->transfer;
    const int64_t bought = fetch->until_ms + (int64_t)(t->got_bytes / SLOWEST);
    const int64_t silent = t->heard_ms + 1000;

    if (bought < silent)
        return bought;
    return silent > fetch->until_ms ? silent : fetch->until_ms;
}

/* False: it waits for credentials, or has ended without. */
static bool may_sign(struct ozx_fetch *fetch, int64_t now)
{
    struct ozx_object *object = fetch->object;
    struct ozx_s3 *s3 = object->line.s3;
    enum ozx_role_state state = OZX_ROLE_READY;

    if (s3)
        state = ozx_s3_want(s3, object->line.multi, time(NULL));
    if (state == OZX_ROLE_FAILED) {
        fetch->error = s3->role.error;
        end(fetch);
    } else if (state == OZX_ROLE_WAITS && now >= fetch->until_ms) {
        fail(fetch, -EIO, NULL, "no credentials arrived in time");
    }
    return state == OZX_ROLE_READY;
}

/* Out of time, or too many under way. Returns when to look again. */
static int64_t look_at(struct ozx_fetch *fetch, int64_t now)
{
    struct ozx_object *object = fetch->object;
    unsigned most = object->pace.active_max;
    const int64_t until = fetch->until_ms, paced = ozx_pace_begin_ms(&object->pace, until);
    const int64_t begin = fetch->not_before_ms > paced ? fetch->not_before_ms : paced;

    if (fetch->under_way) {
        if (now < end_ms(fetch))
            return end_ms(fetch);
        object->active--;
        fetch->under_way = false;
        ozx_transfer_stop(&fetch->transfer);
        ozx_error_set(&fetch->error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "the server does not answer in time");
        miss(fetch);
        end(fetch);
        return INT64_MAX;
    }
    if (object->is_stale && !fetch->unpinned) {
        fail(fetch, -ESTALE, NULL, "the archive changed on the server");
        return INT64_MAX;
    }
    if (begin > now && begin >= until) { /* as long as that nobody waits */
        fail(fetch, -EIO, NULL, "the server limits requests, and accepts none for now");
        return INT64_MAX;
    }
    if (begin > now)
        return begin;
    /* Else a reader of something else waits for a block that is read ahead. */
    most -= fetch->asked ? 0 : most / RESERVED;
    if (object->active < most && may_sign(fetch, now))
        start(fetch, now); /* may have freed it */
    return until;
}

static void look_at_all(struct ozx_object *object, bool asked, int64_t now, int64_t *wake)
{
    for (struct ozx_fetch *next, *fetch = object->fetches; fetch; fetch = next) {
        int64_t when;

        next = fetch->next;
        if (fetch->asked != asked)
            continue;
        when = look_at(fetch, now);
        *wake = when < *wake ? when : *wake;
    }
}

int ozx_object_run(struct ozx_object *object)
{
    int running, left;
    int64_t now, wake = INT64_MAX;
    CURLMsg *message;

    curl_multi_perform(object->line.multi, &running);
    now = ozx_clock_ms();
    while ((message = curl_multi_info_read(object->line.multi, &left))) {
        struct ozx_transfer *t = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE ||
            (object->line.s3 && ozx_s3_take(object->line.s3, object->line.multi, message)))
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        take_in(t->owner, code, now);
    }
    look_at_all(object, true, now, &wake);
    look_at_all(object, false, now, &wake);
    return wake == INT64_MAX    ? -1
           : wake <= now        ? 1
           : wake - now > 60000 ? 60000
                                : (int)(wake - now);
}

void ozx_object_reconnect(struct ozx_object *object)
{
    int64_t now = ozx_clock_ms();
    CURLM *multi = ozx_transfer_multi();

    for (struct ozx_fetch *fetch = object->fetches; fetch; fetch = fetch->next) {
        ozx_transfer_stop(&fetch->transfer);
        if (!fetch->transfer.pin || fetch->transfer.is_whole)
            fetch->transfer.got_bytes = 0;
        fetch->under_way = false;
        fetch->until_ms = now + object->deadline_ms;
        fetch->not_before_ms = 0;
    }
    object->active = 0;
    object->missed = false;
    if (multi) { /* libcurl has no other way to forget connections and addresses */
        if (object->line.s3)
            ozx_role_stop(&object->line.s3->role, object->line.multi);
        curl_multi_cleanup(object->line.multi);
        object->line.multi = multi;
    }
}

void ozx_object_stop(struct ozx_object *object)
{
    while (object->fetches)
        ozx_fetch_forget(object->fetches);
    if (object->line.s3)
        ozx_role_stop(&object->line.s3->role, object->line.multi);
    free(object->url);
    free(object->first_url);
}
