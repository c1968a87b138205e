/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A machine that slept: its connections are dead, and nobody says so. The clock that runs on while
 * it sleeps is put forward between two turns of the fetcher's loop.
 */
#include "check.h"
#include "fetch/channels.h"

#include <sys/socket.h>

#define FIRST_FD 200

static struct {
    int64_t asleep_s;
    unsigned turn, reconnects;
    int ends[OZX_WIRE_CHANNELS];
} here;

/* The linker's --wrap. */
int __real_clock_gettime(clockid_t clock, struct timespec *now); /* NOLINT */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now); /* NOLINT */
void __wrap_ozx_object_reconnect(struct ozx_object *object);     /* NOLINT */
int __wrap_ozx_object_run(struct ozx_object *object);            /* NOLINT */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now) /* NOLINT */
{
    int failure = __real_clock_gettime(clock, now);

    if (clock == CLOCK_BOOTTIME)
        now->tv_sec += here.asleep_s;
    return failure;
}

void __wrap_ozx_object_reconnect(struct ozx_object *object) /* NOLINT */
{
    (void)object;
    here.reconnects++;
}

/* A turn of the loop. */
int __wrap_ozx_object_run(struct ozx_object *object) /* NOLINT */
{
    static const struct {
        unsigned reconnects; /* so far */
        int64_t sleep_s;     /* from now on */
    } turns[] = {{0, 0}, {0, 1}, {0, 3}, {1, 0}, {1, 3600}, {2, 0}};

    (void)object;
    CHECK_UINT(here.reconnects, turns[here.turn].reconnects);
    here.asleep_s += turns[here.turn].sleep_s;
    if (++here.turn == sizeof turns / sizeof turns[0])
        for (unsigned i = 0; i < OZX_WIRE_CHANNELS; i++)
            close(here.ends[i]);
    return 1;
}

static void test_sleep(void)
{
    static struct ozx_asks asks;
    struct ozx_object object = {.line = {.multi = curl_multi_init()}};

    for (int i = 0; i < OZX_WIRE_CHANNELS; i++) {
        int pair[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        CHECK(dup2(pair[1], FIRST_FD + i) == FIRST_FD + i);
        close(pair[1]);
        here.ends[i] = pair[0];
    }
    asks.object = &object;
    ozx_channels_serve(&object, &asks, FIRST_FD);
    CHECK_UINT(here.turn, 6);
    curl_multi_cleanup(object.line.multi);
}

CHECK_MAIN({"sleep", test_sleep})
