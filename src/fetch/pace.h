/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many requests are under way at a time, how large each is at least, and when the next may be
 * sent: what a server that counts requests says of that. Knows answers, no transfers.
 */
#ifndef OZX_FETCH_PACE_H
#define OZX_FETCH_PACE_H

#include <time.h>

#include "fetch/answer.h"

#define OZX_ACTIVE_MAX 16   /* each on a connection of its own */
#define OZX_ACTIVE_HTTP2 64 /* on four of them, by 16 streams each */

struct ozx_pace {
    unsigned active_max;
    uint64_t least_bytes;    /* of a request: more than 0 where the server counts them */
    int64_t paused_until_ms; /* it refused one (429, 503) until then */
    int64_t spent_until_ms;  /* it answered the last one that it grants before that time */
};

/* How long the server wants to be left alone (Retry-After), at most a day; 0: it does not say.
 * `now_s` is the calendar's, for a server that tells no Date. */
int64_t ozx_pace_told_ms(const struct ozx_answer *answer, time_t now_s);
/* What an answer says, be it a refusal or not. `now_ms` by ozx_clock_ms. */
void ozx_pace_take(struct ozx_pace *pace, const struct ozx_answer *answer, int64_t now_ms,
                   time_t now_s);
/* An answer with the whole range came by HTTP/2, or by an older one. */
void ozx_pace_served(struct ozx_pace *pace, bool is_http2);
/* When a request may be sent whose time is up at `until_ms`. That late or later: there is no use in
 * waiting. */
int64_t ozx_pace_begin_ms(const struct ozx_pace *pace, int64_t until_ms);

#endif
