/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs that write have in common: signals that end the work in good order, how many
 * threads, which rules.
 */
#ifndef OZX_CLI_WORK_H
#define OZX_CLI_WORK_H

#include <signal.h>

#include "base/cleanup.h"
#include "base/rule.h"

/* From now on INT, TERM, HUP, QUIT and XCPU set the flag that is returned (those that are ignored,
 * as under nohup, stay so). */
const volatile sig_atomic_t *ozx_work_catch_interrupts(void);

/* The same, and SIGPIPE becomes an error of write. */
const volatile sig_atomic_t *ozx_work_catch_signals(void);

/* The same, but a signal ends the process at once: for a verb that writes to a pipe, where a write
 * may never return and there is nothing to clean up. */
const volatile sig_atomic_t *ozx_work_die_of_signals(void);

/* Threads by the number of processors. */
unsigned ozx_work_default_jobs(void);

/* The value of --rules: 0, or -EINVAL. */
int ozx_work_take_rules(const char *value, enum ozx_rule_set *rules) OZX_CHECKED;

#define OZX_RULES_WANTED "'r2' or 'draft'"
#define OZX_JOBS_MAX 64 /* of --jobs */

#endif
