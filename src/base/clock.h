/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time that never jumps, since some start.
 */
#ifndef OZX_BASE_CLOCK_H
#define OZX_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t ozx_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t ozx_clock_ms(void)
{
    return ozx_clock_ns() / 1000000;
}

static inline double ozx_clock_s(void)
{
    return (double)ozx_clock_ns() / 1e9;
}

#endif
