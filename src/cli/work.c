/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signals, numbers, threads. Knows no verb.
 */
#include "cli/work.h"

#include <stdlib.h>
#include <time.h>

#include "base/threads.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

const volatile sig_atomic_t *ozx_work_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = on_signal};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return &interrupted;
}

unsigned ozx_work_default_jobs(void)
{
    unsigned processors = ozx_processor_count();

    return processors < 4 ? 4 : processors > 16 ? 16 : processors;
}

int ozx_work_number(const char *text, long long low, long long high, long long *out)
{
    long long value;
    char *end;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < low || value > high)
        return -EINVAL;
    *out = value;
    return 0;
}

double ozx_work_now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
