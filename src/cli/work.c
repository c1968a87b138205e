/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signals and threads. Knows no verb.
 */
#include "cli/work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crew.h"
#include "cli/report.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void on_signal_end(int number)
{
    (void)number;
    _exit(OZX_EXIT_INTERRUPTED);
}

static void handle_signals(void (*handler)(int number))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU};
    const struct sigaction action = {.sa_handler = handler};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

const volatile sig_atomic_t *ozx_work_catch_interrupts(void)
{
    handle_signals(on_signal);
    return &interrupted;
}

const volatile sig_atomic_t *ozx_work_catch_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    return ozx_work_catch_interrupts();
}

const volatile sig_atomic_t *ozx_work_die_of_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    handle_signals(on_signal_end);
    return &interrupted;
}

unsigned ozx_work_default_jobs(void)
{
    unsigned processors = ozx_processor_count();

    return processors < 4 ? 4 : processors > 16 ? 16 : processors;
}

int ozx_work_take_rules(const char *value, enum ozx_rule_set *rules)
{
    if (strcmp(value, "r2") != 0 && strcmp(value, "draft") != 0)
        return -EINVAL;
    *rules = value[0] == 'r' ? OZX_RULES_R2 : OZX_RULES_DRAFT;
    return 0;
}
