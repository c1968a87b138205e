/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a process of a mount does to itself, and children that run for a moment.
 */
#ifndef OZX_MOUNT_PROCESS_H
#define OZX_MOUNT_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define OZX_PROCESS_NAME_SIZE 16 /* of comm, with its NUL: see prctl(2), PR_SET_NAME */

/* Descriptors 0, 1 and 2 become /dev/null. */
int ozx_process_detach_standard(void) OZX_CHECKED;

/* The name by which `ozxfs umount` finds the processes of a mount: "ozxfs:MINOR". The kernel gives
 * every mounted FUSE file system of the machine another minor number. */
void ozx_process_name(char name[OZX_PROCESS_NAME_SIZE], unsigned device_minor);
void ozx_process_take_name(unsigned device_minor);

/* Blocks INT, QUIT, TERM, HUP and CHLD and gives a signalfd for them. `old` gets the mask that was.
 * With `respectful` INT, QUIT and HUP are left out if the parent ignored them: a shell's `&`,
 * nohup. */
int ozx_process_signals(bool respectful, sigset_t *old, int *signals) OZX_CHECKED;

/* The next signal of a signalfd, 0 if there is none. */
int ozx_process_next_signal(int signals);

/* Has `question` asked of a file system, in a child, since it may not be answered at all; one that
 * has taken the question and keeps it holds the child even when that is killed, and is left to it.
 * The child has no standard descriptors; it fills `answer`, which may be NULL, and returns an errno
 * or 0. Returns that, negative; -ETIMEDOUT after a second. */
int ozx_process_ask(int (*question)(void *context, void *answer), void *context, void *answer,
                    size_t answer_size) OZX_CHECKED;

/* Runs `work` in a child, with what it writes to stderr kept: its first line goes to `said`,
 * without a program's name in front. Returns the child's exit status, 128 if it was killed, or
 * -errno. */
int ozx_process_run(int (*work)(void *context), void *context, char *said,
                    size_t said_size) OZX_CHECKED;

#endif
