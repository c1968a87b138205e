/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signals, numbers, threads. Knows no verb.
 */
#include "cli/work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crew.h"
#include "cli/report.h"

#define JOBS_MAX 64
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

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

static void ignore_write_signals(void)
{
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

const volatile sig_atomic_t *ozx_work_catch_interrupts(void)
{
    handle_signals(on_signal);
    return &interrupted;
}

const volatile sig_atomic_t *ozx_work_catch_signals(void)
{
    ignore_write_signals();
    return ozx_work_catch_interrupts();
}

const volatile sig_atomic_t *ozx_work_die_of_signals(void)
{
    ignore_write_signals();
    handle_signals(on_signal_end);
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
    if ((*text != '-' && (*text < '0' || *text > '9')) || errno || end == text || *end ||
        value < low || value > high)
        return -EINVAL;
    *out = value;
    return 0;
}

int ozx_work_bad_value(const char *verb, const char *option, const char *value, const char *wanted)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_report_usage(verb, "%s '%s' is not %s", option,
                            ozx_escape(name, sizeof name, value, strlen(value)), wanted);
}

int ozx_work_take_rules(const char *verb, const char *value, enum ozx_rule_set *rules)
{
    if (strcmp(value, "r2") != 0 && strcmp(value, "draft") != 0)
        return ozx_work_bad_value(verb, "--rules", value, "'r2' or 'draft'");
    *rules = value[0] == 'r' ? OZX_RULES_R2 : OZX_RULES_DRAFT;
    return OZX_EXIT_OK;
}

int ozx_work_take_jobs(const char *verb, const char *value, unsigned *jobs)
{
    long long number;

    if (ozx_work_number(value, 1, JOBS_MAX, &number))
        return ozx_work_bad_value(verb, "--jobs", value, "a number from 1 to " TEXT(JOBS_MAX));
    *jobs = (unsigned)number;
    return OZX_EXIT_OK;
}
