/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting threads, waiting for them. Knows nothing of what they do.
 */
#include "base/threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#define TICK_NS 100000000L
#define SECOND_NS 1000000000L

#define SHARE_MAX 64
#define TURNS 16 /* of each thread */

struct member {
    struct state *state;
    pthread_t thread;
    unsigned index;
};

struct state {
    const struct ozx_threads *threads;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running; /* guarded by lock */
};

static void *run_member(void *argument)
{
    const struct member *member = argument;
    struct state *state = member->state;

    state->threads->work(state->threads->context, member->index);
    pthread_mutex_lock(&state->lock);
    state->running--;
    pthread_cond_signal(&state->ended);
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

/* How many threads were started; `*failure` if that is fewer than wanted. Signals stay with the
 * calling thread: the new ones inherit a full mask. */
static unsigned start(struct state *state, struct member *members, int *failure)
{
    sigset_t all, before;
    unsigned started = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < state->threads->count) {
        members[started] = (struct member){.state = state, .index = started};
        *failure = -pthread_create(&members[started].thread, NULL, run_member, &members[started]);
        if (*failure)
            break;
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void wait_for_all(struct state *state)
{
    const struct ozx_threads *threads = state->threads;

    pthread_mutex_lock(&state->lock);
    while (state->running) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / SECOND_NS;
        until.tv_nsec %= SECOND_NS;
        pthread_cond_timedwait(&state->ended, &state->lock, &until);
        pthread_mutex_unlock(&state->lock);
        if (threads->tick)
            threads->tick(threads->context);
        pthread_mutex_lock(&state->lock);
    }
    pthread_mutex_unlock(&state->lock);
}

int ozx_threads_run(const struct ozx_threads *threads)
{
    OZX_AUTO_FREE struct member *members = calloc(threads->count, sizeof *members);
    struct state state = {.threads = threads};
    pthread_condattr_t attributes;
    unsigned started;
    int failure = 0;

    if (!members)
        return -ENOMEM;
    pthread_mutex_init(&state.lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&state.ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_lock(&state.lock); /* whoever ends early waits until all are counted */
    state.running = started = start(&state, members, &failure);
    pthread_mutex_unlock(&state.lock);
    wait_for_all(&state);
    for (unsigned i = 0; i < started; i++)
        pthread_join(members[i].thread, NULL);
    pthread_cond_destroy(&state.ended);
    pthread_mutex_destroy(&state.lock);
    return started ? 0 : failure;
}

unsigned ozx_processor_count(void)
{
    cpu_set_t mine;

    if (sched_getaffinity(0, sizeof mine, &mine) == 0)
        return (unsigned)CPU_COUNT(&mine);
    return errno == EINVAL ? CPU_SETSIZE : 1; /* EINVAL: there are more than fit */
}

uint32_t ozx_threads_share(uint32_t count, unsigned threads)
{
    uint32_t share = count / (TURNS * threads);

    return share < 1 ? 1 : share > SHARE_MAX ? SHARE_MAX : share;
}
