/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What servers say of how often they want to be asked.
 */
#include "fetch/pace.h"

#include "check.h"

#define NOW_S 1800000000
#define NOW_MS INT64_C(5000000)
#define MIB (UINT64_C(1) << 20)

static struct ozx_answer answer_of(const char *const *lines)
{
    struct ozx_answer answer;

    ozx_answer_init(&answer);
    for (; *lines; lines++)
        CHECK(ozx_answer_line(&answer, *lines, strlen(*lines)));
    return answer;
}

static void test_told(void)
{
    static const struct {
        const char *lines[4];
        int64_t ms;
    } rows[] = {
        {{"HTTP/1.1 429 x"}, 0},
        {{"HTTP/1.1 429 x", "Retry-After: 2"}, 2000},
        {{"HTTP/1.1 429 x", "Retry-After: 0"}, 0},
        {{"HTTP/1.1 429 x", "Retry-After: 99999999999"}, 86400000},
        {{"HTTP/1.1 429 x", "Retry-After: 99999999999999999999"}, 0},
        {{"HTTP/1.1 429 x", "Retry-After: -5"}, 0},
        {{"HTTP/1.1 429 x", "Retry-After: soon"}, 0},
        /* NOW_S is 2027-01-15 08:00:00; the server's own clock counts where it tells it. */
        {{"HTTP/1.1 429 x", "Retry-After: Fri, 15 Jan 2027 08:00:03 GMT"}, 3000},
        {{"HTTP/1.1 429 x", "Retry-After: Fri, 15 Jan 2027 07:59:00 GMT"}, 0},
        {{"HTTP/1.1 429 x", "Retry-After: Sat, 15 Jan 2028 08:00:00 GMT"}, 86400000},
        {{"HTTP/1.1 429 x", "Retry-After: Fri, 15 Jan 2027 09:00:03 GMT",
          "Date: Fri, 15 Jan 2027 09:00:00 GMT"},
         3000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ozx_answer answer = answer_of(rows[i].lines);

        if (!CHECK(ozx_pace_told_ms(&answer, NOW_S) == rows[i].ms))
            fprintf(stderr, "    %s\n", rows[i].lines[1]);
    }
}

/* Until when a server that said this is left alone. */
static void test_left_alone(void)
{
    static const struct {
        const char *lines[5];
        int64_t paused_ms, spent_ms;
        uint64_t least_bytes;
    } rows[] = {
        {{"HTTP/1.1 206 x"}, 0, 0, 0},
        {{"HTTP/1.1 500 x", "Retry-After: 2"}, 0, 0, 0},
        {{"HTTP/1.1 503 x"}, 0, 0, 0},
        {{"HTTP/1.1 503 x", "Retry-After: 2"}, NOW_MS + 2000, 0, MIB},
        {{"HTTP/1.1 429 x"}, NOW_MS, 0, MIB},
        {{"HTTP/1.1 206 x", "X-RateLimit-Remaining: 1", "X-RateLimit-Reset: 9"}, 0, 0, 0},
        {{"HTTP/1.1 206 x", "X-RateLimit-Remaining: 0"}, 0, 0, 0},
        {{"HTTP/1.1 206 x", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 9"},
         0,
         NOW_MS + 9000,
         MIB},
        {{"HTTP/1.1 206 x", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1800000009"},
         0,
         NOW_MS + 9000,
         MIB},
        {{"HTTP/1.1 206 x", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1800003609",
          "Date: Fri, 15 Jan 2027 09:00:00 GMT"},
         0,
         NOW_MS + 9000,
         MIB},
        {{"HTTP/1.1 206 x", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1700000000"},
         0,
         NOW_MS,
         MIB},
        {{"HTTP/1.1 404 x", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 9"}, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ozx_answer answer = answer_of(rows[i].lines);
        struct ozx_pace pace = {.active_max = OZX_ACTIVE_MAX};

        ozx_pace_take(&pace, &answer, NOW_MS, NOW_S);
        if (!(CHECK(pace.paused_until_ms == rows[i].paused_ms) &
              CHECK(pace.spent_until_ms == rows[i].spent_ms) &
              CHECK(pace.least_bytes == rows[i].least_bytes) &
              CHECK(pace.active_max == (rows[i].least_bytes ? 2 : OZX_ACTIVE_MAX))))
            fprintf(stderr, "    %s, %s\n", rows[i].lines[0],
                    rows[i].lines[1] ? rows[i].lines[1] : "");
    }
}

static void test_begin(void)
{
    const struct ozx_pace spent = {.spent_until_ms = NOW_MS + 20000};
    const struct ozx_pace paused = {.paused_until_ms = NOW_MS + 20000};

    CHECK(ozx_pace_begin_ms(&spent, NOW_MS + 60000) == NOW_MS + 20000);
    CHECK(ozx_pace_begin_ms(&spent, NOW_MS + 21000) == NOW_MS + 16000); /* a last try */
    CHECK(ozx_pace_begin_ms(&paused, NOW_MS + 60000) == NOW_MS + 20000);
    CHECK(ozx_pace_begin_ms(&paused, NOW_MS + 10000) == NOW_MS + 20000); /* of no use */
}

/* Those that were under way are refused with the first; who is refused again asks for more. */
static void test_limit(void)
{
    static const char *const lines[] = {"HTTP/1.1 429 x", "Retry-After: 1", NULL};
    const struct ozx_answer refused = answer_of(lines);
    struct ozx_pace pace = {.active_max = OZX_ACTIVE_MAX};

    ozx_pace_served(&pace, true);
    CHECK(pace.active_max == OZX_ACTIVE_HTTP2);
    ozx_pace_served(&pace, false);
    CHECK(pace.active_max == OZX_ACTIVE_MAX);
    for (int64_t i = 0; i < 3; i++)
        ozx_pace_take(&pace, &refused, NOW_MS + i, NOW_S);
    CHECK(pace.least_bytes == MIB);
    for (int64_t i = 1; i < 6; i++)
        ozx_pace_take(&pace, &refused, NOW_MS + i * 2000, NOW_S);
    CHECK(pace.least_bytes == 8 * MIB);
    ozx_pace_served(&pace, true);
    CHECK(pace.active_max == 2);
}

CHECK_MAIN({"told", test_told}, {"left alone", test_left_alone}, {"begin", test_begin},
           {"limit", test_limit})
