/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command of `ozxfs run`: started, watched, and its end passed on. It stays in the process
 * group of who called us, so what the terminal sends to that group it has got already; what was
 * sent to us alone is passed on. A command that the terminal stops stops us, too.
 */
#ifndef OZX_CLI_RUN_COMMAND_H
#define OZX_CLI_RUN_COMMAND_H

#include <signal.h>

#include "mount/mount_lease.h"

#define OZX_RUN_NOT_EXECUTABLE 126 /* as env(1) and shells */
#define OZX_RUN_NOT_FOUND 127
#define OZX_RUN_SIGNALED 128 /* and the signal's number */

/* What the command gets back as it was. */
struct ozx_run_signals {
    sigset_t mask;
    struct sigaction child, pipe;
    int fd; /* a signalfd; -1: none */
};

/* From now on signals wait until ozx_run_command looks at them. -errno. */
int ozx_run_hold_signals(struct ozx_run_signals *signals) OZX_CHECKED;

struct ozx_run {
    const struct ozx_run_signals *signals;
    const struct ozx_mount_lease *leases;
    const char *const *archives; /* as given, for messages */
    const char *const *paths;    /* for OZXFS_1 ... */
    size_t count;
};

/* Runs it to its end. The exit status: its own, or one of the above. */
int ozx_run_command(const struct ozx_run *run, char *const *words);

#endif
