/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs that write have in common: signals that end the work in good order, numbers on the
 * command line, how many threads.
 */
#ifndef OZX_CLI_WORK_H
#define OZX_CLI_WORK_H

#include <signal.h>

#include "base/cleanup.h"
#include "base/rule.h"

/* From now on INT, TERM, HUP, QUIT and XCPU set the flag that is returned (those that are ignored,
 * as under nohup, stay so). */
const volatile sig_atomic_t *ozx_work_catch_interrupts(void);

/* The same, and SIGXFSZ and SIGPIPE become errors of write. */
const volatile sig_atomic_t *ozx_work_catch_signals(void);

/* The same, but a signal ends the process at once: for a verb that writes to a pipe, where a write
 * may never return and there is nothing to clean up. */
const volatile sig_atomic_t *ozx_work_die_of_signals(void);

/* Threads by the number of processors. */
unsigned ozx_work_default_jobs(void);

/* A plain number from `low` to `high`: 0, or -EINVAL. */
int ozx_work_number(const char *text, long long low, long long high, long long *out) OZX_CHECKED;

/* A usage error of `verb`: "OPTION 'VALUE' is not WANTED". Its exit status. */
int ozx_work_bad_value(const char *verb, const char *option, const char *value, const char *wanted);

/* The value of --jobs: OZX_EXIT_OK, or a usage error. */
int ozx_work_take_rules(const char *verb, const char *value, enum ozx_rule_set *rules);
int ozx_work_take_jobs(const char *verb, const char *value, unsigned *jobs);

#endif
