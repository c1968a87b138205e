/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The session loop: leader and followers. One thread, the leader, listens to the kernel; the others
 * wait inside the process. The leader answers what takes microseconds itself and goes on listening:
 * no other thread, and so no other processor, has to be woken for it. Before it does anything that
 * may take longer it passes the lead on, so that no request waits for a disk that it does not need.
 *
 * While requests come one right after the other, the leader asks the kernel again and again for a
 * moment before it sleeps: a sleeping thread is woken by an interrupt to its processor, which takes
 * longer than most answers. A mount where nothing happens sleeps.
 */
#ifndef OZX_MOUNT_FUSE_LOOP_H
#define OZX_MOUNT_FUSE_LOOP_H

#include <stdbool.h>

#include "base/error.h"

struct fuse_session;

/* Serves until the session ends, with at most `threads_max` threads, this one among them; calls
 * `started` when the first request, INIT, is answered; if that fails it ends. 0, or -errno if the
 * kernel's requests can no longer be read. Each session of a process has a loop of its own. */
int ozx_loop_run(struct fuse_session *session, unsigned threads_max, int (*started)(void *context),
                 void *context) OZX_CHECKED;

/* From a thread that answers a request: what follows may take long, let another one listen. Does
 * nothing where the thread does not lead. */
void ozx_loop_pass(void);

/* The same if another request is waiting already: for work of some ten microseconds. */
void ozx_loop_pass_if_asked(void);

/* How many requests were taken by now; 0 in a thread that is not of a loop (one of libfuse's
 * rings). */
uint64_t ozx_loop_requests(void);

/* From a thread that answers a request: true if the mount is gone, and nobody wants the answer. */
bool ozx_loop_ended(void);

#endif
