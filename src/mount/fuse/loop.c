/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Three ways to listen, chosen by what comes:
 *   sleep      the leader sleeps in read(2); the others wait for the lead
 *   poll       requests follow answers closely: the leader polls for a while before it sleeps
 *   contended  large reads queue up: whoever is free sleeps in read(2), and the kernel wakes one
 *              for each
 * Threads are made when the lead is passed on and nobody waits for it, and stay until the end.
 */
#include "mount/fuse/loop.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/crew.h"
#include "base/wait.h"
#include "config.h"
#include "mount/fuse/server.h"

/* How long the leader polls before it sleeps. Less than what a client does between two requests
 * would be paid for nothing: 25 us made opens slower than no polling at all, 100 us 1.4 times
 * faster. */
#define POLL_NS 100000
#define POLL_REQUESTS 8  /* in a row within that time of the last answer: it polls */
#define BUSY_REQUESTS 64 /* in a row that were there already: another thread is called to help */
#define CONTENDED_NS 2000000 /* how long that is remembered */

/* A thread without memory for a request asks again so often; then the session ends. */
#define MEMORY_RETRY_MS 1
#define MEMORY_RETRIES_MAX 1000

struct loop {
    struct fuse_session *session;
    pthread_mutex_t lock;
    pthread_cond_t vacant; /* the lead is, or it is contended */
    bool led;
    bool ended;
    unsigned processors;
    unsigned waiting;
    pthread_t *helpers; /* all threads but the first */
    unsigned helper_count, helpers_max;
    int failure;
    _Atomic int64_t contended_until_ns;
    _Atomic uint64_t requests;

    /* The leader's alone; handed on with the lead. */
    int64_t answered_ns;
    unsigned quick;
    unsigned busy;
};

/* The loop that this thread works for; NULL: none. Those who answer requests do not know of it. */
static _Thread_local struct loop *loop;
static _Thread_local bool leads;

static void *work(void *context);

static bool is_contended(void)
{
    return atomic_load_explicit(&loop->contended_until_ns, memory_order_relaxed) > ozx_clock_ns();
}

/* True if a request is there to be read. */
static bool has_request(void)
{
    struct pollfd device = {.fd = fuse_session_fd(loop->session), .events = POLLIN};

    return poll(&device, 1, 0) > 0;
}

/* True: the thread listens next, as the leader or under contention. False: the end. */
static bool take_turn(void)
{
    bool stay;

    if (leads)
        return true;
    pthread_mutex_lock(&loop->lock);
    loop->waiting++;
    while (loop->led && !loop->ended && !is_contended())
        pthread_cond_wait(&loop->vacant, &loop->lock);
    loop->waiting--;
    stay = !loop->ended;
    leads = stay && !loop->led;
    if (leads)
        loop->led = true;
    pthread_mutex_unlock(&loop->lock);
    return stay;
}

/* The last thread is there: none can be made any more, nor a process. (Sanitizers, with which
 * nothing is caged, want a thread of their own at the end.) */
static void close_threads(void)
{
#ifdef OZX_SANDBOX
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_NPROC, &none);
#endif
}

/* With the lock. */
static bool add_thread(void)
{
    if (loop->ended || loop->helper_count == loop->helpers_max ||
        pthread_create(&loop->helpers[loop->helper_count], NULL, work, loop))
        return false;
    if (++loop->helper_count == loop->helpers_max)
        close_threads();
    return true;
}

void ozx_loop_pass(void)
{
    if (!leads || loop->helpers_max == 0)
        return;
    loop->busy = 0;
    leads = false;
    pthread_mutex_lock(&loop->lock);
    loop->led = false;
    /* Without another thread, whoever is done first leads. */
    if (loop->waiting || !add_thread())
        pthread_cond_signal(&loop->vacant);
    pthread_mutex_unlock(&loop->lock);
}

void ozx_loop_pass_if_asked(void)
{
    if (!loop || loop->helpers_max == 0 || !has_request())
        return;
    atomic_store_explicit(&loop->contended_until_ns, ozx_clock_ns() + CONTENDED_NS,
                          memory_order_relaxed);
    ozx_loop_pass();
}

uint64_t ozx_loop_requests(void)
{
    return loop ? atomic_load_explicit(&loop->requests, memory_order_relaxed) : 0;
}

/* The session is told by who reads the end of it; the device knows it before. */
bool ozx_loop_ended(void)
{
    struct pollfd device = {.fd = fuse_session_fd(loop->session)};

    return fuse_session_exited(loop->session) || poll(&device, 1, 0) > 0;
}

static void poll_for_request(void)
{
    bool waited = false;

    /* The only processor would be kept from the clients. */
    if (loop->quick < POLL_REQUESTS || loop->processors == 1 || is_contended())
        return;
    while (!has_request()) {
        waited = true;
        if (ozx_clock_ns() - loop->answered_ns > POLL_NS)
            return;
        sched_yield(); /* a client that waits for this processor goes first */
    }
    loop->busy = waited ? 0 : loop->busy + 1;
}

static int receive(struct fuse_buf *request)
{
    int got;

    if (!leads)
        return fuse_session_receive_buf(loop->session, request);
    poll_for_request();
    got = fuse_session_receive_buf(loop->session, request);
    if (ozx_clock_ns() - loop->answered_ns > POLL_NS)
        loop->quick = 0;
    else if (loop->quick < POLL_REQUESTS)
        loop->quick++;
    return got;
}

/* Requests queue up: another thread helps, if half of the processors are left to the clients.
 * Without that, 8 clients of 2 processors were served 1.4 times more slowly. */
static void wake_helper(void)
{
    unsigned awake;

    loop->busy = 0;
    pthread_mutex_lock(&loop->lock);
    awake = loop->helper_count + 1 - loop->waiting;
    pthread_mutex_unlock(&loop->lock);
    if (2 * (awake + 1) <= loop->processors)
        ozx_loop_pass();
}

static void answer(struct fuse_buf *request)
{
    if (leads && loop->busy >= BUSY_REQUESTS)
        wake_helper();
    atomic_fetch_add_explicit(&loop->requests, 1, memory_order_relaxed);
    fuse_session_process_buf(loop->session, request);
    if (leads)
        loop->answered_ns = ozx_clock_ns();
}

static void end(int failure)
{
    pthread_mutex_lock(&loop->lock);
    loop->ended = true;
    if (!loop->failure)
        loop->failure = failure;
    pthread_cond_broadcast(&loop->vacant);
    pthread_mutex_unlock(&loop->lock);
}

/* Without memory for a request others may have some: the lead is given to them, and this thread
 * asks again a little later. True: give up. */
static bool give_up_for_memory(unsigned *times)
{
    ozx_loop_pass();
    ozx_wait_ms(MEMORY_RETRY_MS);
    return ++*times > MEMORY_RETRIES_MAX;
}

/* At the end of the session every thread that listens reads that end; the others are told. */
static void serve(int (*started)(void *context), void *context)
{
    struct fuse_buf request = {.mem = NULL};
    unsigned retries = 0;

    while (!fuse_session_exited(loop->session) && take_turn()) {
        int got = receive(&request);
        if (got == -EINTR || (got == -ENOMEM && !give_up_for_memory(&retries)))
            continue;
        if (got <= 0) {
            end(got);
            break;
        }
        answer(&request);
        got = started ? started(context) : 0;
        if (got) {
            end(got);
            break;
        }
        /* Not before: libfuse's rings have threads, made when INIT is answered. */
        if (started && !loop->helpers_max)
            close_threads();
        started = NULL;
    }
    end(0);
    free(request.mem);
}

static void *work(void *context)
{
    loop = context;
    serve(NULL, NULL);
    return NULL;
}

int ozx_loop_run(struct fuse_session *session, unsigned threads_max, int (*started)(void *context),
                 void *context)
{
    struct loop mine = {.session = session,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .vacant = PTHREAD_COND_INITIALIZER,
                        .processors = ozx_processor_count(),
                        .helpers_max = threads_max - 1};

    mine.helpers = calloc(threads_max, sizeof *mine.helpers);
    if (!mine.helpers)
        return -ENOMEM;
    loop = &mine;
    serve(started, context);
    /* All is over: none is made any more. */
    for (unsigned i = 0; i < mine.helper_count; i++)
        pthread_join(mine.helpers[i], NULL);
    loop = NULL;
    leads = false;
    free(mine.helpers);
    return mine.failure;
}
