/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the first refusal on: fewer and larger requests.
 */
#include "fetch/pace.h"

#include <curl/curl.h>
#include <string.h>

#define LIMITED_ACTIVE 2
#define LIMITED_LEAST (UINT64_C(1) << 20)
#define LIMITED_MOST (UINT64_C(8) << 20)
#define DAY_S 86400
#define SINCE_1970_S 1000000000 /* so large is no number of seconds from now */
#define LAST_TRY_MS 5000

static int64_t until(int64_t at_s, const struct ozx_answer *answer, time_t now_s)
{
    time_t told = *answer->date ? curl_getdate(answer->date, NULL) : -1;
    int64_t wait_s = at_s - (told > 0 ? told : now_s);

    return wait_s < 0 ? 0 : wait_s;
}

static int64_t at_most_a_day_ms(int64_t wait_s)
{
    return (wait_s < DAY_S ? wait_s : DAY_S) * 1000;
}

int64_t ozx_pace_told_ms(const struct ozx_answer *answer, time_t now_s)
{
    time_t at_s;

    if (answer->retry_after_s >= 0)
        return at_most_a_day_ms(answer->retry_after_s);
    at_s = *answer->retry_at ? curl_getdate(answer->retry_at, NULL) : -1;
    return at_s > 0 ? at_most_a_day_ms(until(at_s, answer, now_s)) : 0;
}

/* Those that were under way together are refused together, and that is once. */
static void limit(struct ozx_pace *pace, int64_t now_ms)
{
    pace->active_max = LIMITED_ACTIVE;
    if (!pace->least_bytes)
        pace->least_bytes = LIMITED_LEAST;
    else if (pace->least_bytes < LIMITED_MOST && now_ms >= pace->paused_until_ms &&
             now_ms >= pace->spent_until_ms)
        pace->least_bytes *= 2;
}

static void put_off(int64_t *until_ms, int64_t to_ms)
{
    if (to_ms > *until_ms)
        *until_ms = to_ms;
}

void ozx_pace_take(struct ozx_pace *pace, const struct ozx_answer *answer, int64_t now_ms,
                   time_t now_s)
{
    int64_t told_ms = ozx_pace_told_ms(answer, now_s), reset_s = answer->reset_s;

    if (answer->status == 429 ||
        (answer->status == 503 && (told_ms || !strcmp(answer->code, "SlowDown")))) {
        limit(pace, now_ms);
        put_off(&pace->paused_until_ms, now_ms + told_ms);
    } else if (answer->status == 206 && answer->remaining == 0 && reset_s >= 0) {
        if (reset_s >= SINCE_1970_S)
            reset_s = until(reset_s, answer, now_s);
        limit(pace, now_ms);
        put_off(&pace->spent_until_ms, now_ms + at_most_a_day_ms(reset_s));
    }
}

void ozx_pace_served(struct ozx_pace *pace, bool is_http2)
{
    if (!pace->least_bytes)
        pace->active_max = is_http2 ? OZX_ACTIVE_HTTP2 : OZX_ACTIVE_MAX;
}

/* A quota is a forecast: rather than give up, the server is asked a last time. */
int64_t ozx_pace_begin_ms(const struct ozx_pace *pace, int64_t until_ms)
{
    int64_t last_ms = until_ms - LAST_TRY_MS;
    int64_t begin_ms = pace->spent_until_ms < last_ms ? pace->spent_until_ms : last_ms;

    return begin_ms > pace->paused_until_ms ? begin_ms : pace->paused_until_ms;
}
