/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mount/fuse/loop.h by libfuse's own multithreaded loop, for a program that is measured beside
 * ozxfs (tests/bench/run, contender "libfuse's loop") and never installed: what our loop is good
 * for is what this one does not reach. One session a process.
 */
#include "mount/fuse/loop.h"

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdlib.h>

static struct fuse_session *served;

/* INIT is answered here, as what follows it wants to know. */
static int answer_init(int (*started)(void *context), void *context)
{
    struct fuse_buf request = {.mem = NULL};
    int got;

    do {
        got = fuse_session_receive_buf(served, &request);
    } while (got == -EINTR);
    if (got > 0) {
        fuse_session_process_buf(served, &request);
        got = started(context);
    }
    free(request.mem);
    return got;
}

int ozx_loop_run(struct fuse_session *session, unsigned threads_max, int (*started)(void *context),
                 void *context)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    int failure;

    if (!config)
        return -ENOMEM;
    served = session;
    fuse_loop_cfg_set_max_threads(config, threads_max);
    failure = answer_init(started, context);
    if (!failure && threads_max > 1)
        failure = fuse_session_loop_mt(session, config);
    else if (!failure)
        failure = fuse_session_loop(session);
    fuse_loop_cfg_destroy(config);
    return failure;
}

void ozx_loop_pass(void)
{
}

void ozx_loop_pass_if_asked(void)
{
}

uint64_t ozx_loop_requests(void)
{
    return 0;
}

bool ozx_loop_ended(void)
{
    struct pollfd device = {.fd = fuse_session_fd(served), .events = POLLIN};

    return fuse_session_exited(served) || poll(&device, 1, 0) > 0;
}
