/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the verbs that write have in common: signals that end the work in good order, numbers on the
 * command line, how many threads.
 */
#ifndef OZX_CLI_WORK_H
#define OZX_CLI_WORK_H

#include <signal.h>

#include "base/cleanup.h"

#define OZX_JOBS_MAX 64

/* From now on INT, TERM and HUP set the flag that is returned (those that are ignored, as under
 * nohup, stay so), and SIGXFSZ and SIGPIPE become errors of write. */
const volatile sig_atomic_t *ozx_work_catch_signals(void);

/* Threads by the number of processors. */
unsigned ozx_work_default_jobs(void);

/* A plain number from `low` to `high`: 0, or -EINVAL. */
int ozx_work_number(const char *text, long long low, long long high, long long *out) OZX_CHECKED;

double ozx_work_now_s(void); /* since some start */

#endif
