/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Some threads that do one piece of work together, while the calling thread looks after what only
 * it may do: signals, progress.
 */
#ifndef OZX_BASE_THREADS_H
#define OZX_BASE_THREADS_H

#include <stdint.h>

#include "base/cleanup.h"

struct ozx_threads {
    unsigned count; /* wanted, at least 1; fewer will do if the system gives no more */
    void *context;
    /* On each thread, `index` 0 ... count-1; all signals are blocked. All is done when all
     * have returned. */
    void (*work)(void *context, unsigned index);
    /* On the calling thread, about ten times a second. May be NULL. */
    void (*tick)(void *context);
};

/* The processors that this process may run on, at least 1. */
unsigned ozx_processor_count(void);

/* How many of `count` pieces of unknown sizes a thread takes at once: several turns for each, so
 * that a few large pieces are shared as well as many small ones. 1 to 64. */
uint32_t ozx_threads_share(uint32_t count, unsigned threads);

/* 0 when all threads have ended; -EAGAIN or -ENOMEM if not one could be started. */
int ozx_threads_run(const struct ozx_threads *threads) OZX_CHECKED;

#endif
