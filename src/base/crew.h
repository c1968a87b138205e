/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Some threads that take jobs from one list until it is empty, one of them fails, or somebody
 * cancels, while the calling thread looks after what only it may do: signals, progress.
 *
 *     ozx_crew_init -> ozx_crew_run -> ozx_crew_end
 *
 * The first error is the one that is told. It may come from before or after the threads, too: then
 * ozx_crew_run starts none.
 */
#ifndef OZX_BASE_CREW_H
#define OZX_BASE_CREW_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

#define OZX_CREW_JOB_MAX 64 /* bytes of a job */

/* Callbacks are called on the crew's threads, where all signals are blocked, unless it says
 * otherwise. Those that return an int return not 0 when the thread is to end: then the crew has
 * been stopped. */
struct ozx_crew_task {
    unsigned threads;   /* wanted, at least 1; fewer will do if the system gives no more */
    size_t member_size; /* bytes of each thread's own memory, not initialised */
    void *context;
    const volatile sig_atomic_t
        *cancel; /* not 0: stop with -EINTR, about the output; may be NULL */
    int (*begin)(void *context, void *member); /* may be NULL, as may `end` */
    /* The next job, at most OZX_CREW_JOB_MAX bytes, with the lock held; false: there is none. */
    bool (*next)(void *context, void *job);
    int (*work)(void *context, void *member, const void *job);
    void (*end)(void *context, void *member); /* also after a `begin` that failed */
    /* On the calling thread, about ten times a second and once at the end. May be NULL. */
    void (*progress)(void *context);
};

struct ozx_crew {
    const struct ozx_crew_task *task; /* borrowed */
    atomic_bool stopped;
    pthread_mutex_t lock;   /* of the two below, and of what the task's context shares */
    pthread_cond_t changed; /* for the task: something that is waited for, or `stopped` */
    bool output;            /* the error is about the output, not about the input */
    struct ozx_error error; /* code 0: none */
};

void ozx_crew_init(struct ozx_crew *crew, const struct ozx_crew_task *task);

/* Returns when all threads have ended. */
void ozx_crew_run(struct ozx_crew *crew);

/* 0, or the error's code; `*output` (may be NULL) says what the error is about. */
int ozx_crew_end(struct ozx_crew *crew, bool *output, struct ozx_error *error) OZX_CHECKED;

/* Any thread. Returns error->code. */
int ozx_crew_stop(struct ozx_crew *crew, const struct ozx_error *error, bool output);
/* Asks whether it is cancelled, and stops it if so. ozx_crew_run asks about ten times a second. */
bool ozx_crew_cancelled(struct ozx_crew *crew);
/* Out of memory. */
int ozx_crew_stop_memory(struct ozx_crew *crew);
/* This error takes the place of one that was told before. */
void ozx_crew_stop_instead(struct ozx_crew *crew, const struct ozx_error *error, bool output);

static inline bool ozx_crew_stopped(const struct ozx_crew *crew)
{
    return atomic_load_explicit(&crew->stopped, memory_order_relaxed);
}

/* A job of pieces first ... last-1 of a list. */
struct ozx_crew_range {
    uint32_t first, last;
};

/* Takes the next of `count` pieces of unknown sizes, from 1 to 64: several turns for each thread,
 * so that a few large pieces are shared as well as many small ones. False: there are none left. */
bool ozx_crew_next_range(uint32_t *cursor, uint32_t count, unsigned threads,
                         struct ozx_crew_range *range);

/* The processors that this process may run on, at least 1. */
unsigned ozx_processor_count(void);

#endif
