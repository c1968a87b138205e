/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The object behind the URL, and what of it is being fetched: each range is asked for until it is
 * there, its time is up, or it is clear that it will not come. Knows redirects, retries, rate
 * limits; not what ranges are for.
 */
#ifndef OZX_FETCH_OBJECT_H
#define OZX_FETCH_OBJECT_H

#include "fetch/pace.h"
#include "fetch/transfer.h"

enum ozx_fetch_kind {
    OZX_FETCH_RANGE, /* first to last */
    OZX_FETCH_TAIL,  /* the last `last` bytes, or all if there are fewer */
    OZX_FETCH_WHOLE, /* all of it, by a server that knows no ranges */
};

struct ozx_object;

struct ozx_fetch {
    struct ozx_object *object;
    struct ozx_fetch *next;
    enum ozx_fetch_kind kind;
    uint64_t first, last;
    bool asked;    /* someone waits for it: those go first */
    bool unpinned; /* judged without a pin: for opening */
    bool under_way, done;
    int64_t until_ms, not_before_ms;
    unsigned tries, hops, handshakes, unreached;
    unsigned breaks;        /* of connections */
    bool went_back;         /* to the first URL */
    unsigned renewals;      /* of the first URL, when it was asked */
    char *hop;              /* where a redirect leads; NULL: the object's URL */
    struct ozx_error error; /* the last */
    struct ozx_transfer transfer;
};

struct ozx_object {
    struct ozx_line line;
    char *first_url, *url; /* owned; url: where it led to, NULL: nowhere else */
    unsigned renewals;     /* of first_url */
    const char *shown_url; /* borrowed; first_url without secrets */
    int url_fd;    /* borrowed; first_url came out of this file, and is renewed there; -1: none */
    bool is_plain; /* the first URL is http */
    struct ozx_pin pin;
    bool is_pinned;
    bool is_stale; /* for good */
    int64_t deadline_ms;
    bool missed;       /* the last deadline was */
    int64_t missed_ms; /* when */
    struct ozx_error missed_error;
    unsigned active; /* under way */
    struct ozx_pace pace;
    struct ozx_fetch *fetches; /* in the order of their making */
    unsigned fetch_count;
    /* `fetch` has ended, is freed behind it; error.code 0: it is all in its transfer's buffer. */
    void (*ended)(void *context, struct ozx_fetch *fetch);
    void *context;
};

/* NULL: out of memory. */
struct ozx_fetch *ozx_fetch_make(struct ozx_object *object, enum ozx_fetch_kind kind,
                                 uint64_t first, uint64_t last);
/* A deadline was missed just now: why, and there is no use in another try yet. NULL: there is.
 * Whoever reads a file asks several times, as the kernel does page by page, and would wait as
 * often. */
const struct ozx_error *ozx_object_gone(const struct ozx_object *object);
/* The version of S3 that `answer` is of is asked for from now on. */
void ozx_object_pin_version(struct ozx_object *object, const struct ozx_answer *answer);
/* It has not begun: it is forgotten. */
void ozx_fetch_forget(struct ozx_fetch *fetch);

/* Begins what may begin, gives up what is out of time, takes in what libcurl has ended. Returns in
 * how many milliseconds there is more to do; -1: when something comes. */
int ozx_object_run(struct ozx_object *object);
/* What is under way begins anew, on new connections, with all of its time. */
void ozx_object_reconnect(struct ozx_object *object);
void ozx_object_stop(struct ozx_object *object);

#endif
