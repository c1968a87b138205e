/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waiting: for some time, for a condition until a time by the clock that never jumps, for a child.
 */
#ifndef OZX_BASE_WAIT_H
#define OZX_BASE_WAIT_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

/* So long, or until a signal comes. */
static inline void ozx_wait_ms(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* A condition whose pthread_cond_timedwait(3) takes times of ozx_wait_end. */
static inline void ozx_wait_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The time in `ms` from now. */
static inline struct timespec ozx_wait_end(int64_t ms)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += ms % 1000 * 1000000;
    end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return end;
}

/* Until the child has ended: its status as of waitpid(2), or -errno. */
static inline int ozx_wait_child(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return status;
}

#endif
