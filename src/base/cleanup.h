/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cleanup attributes: a local variable that owns something says so where it is declared, and every
 * way out of the function releases it. `ozx_take` hands the ownership on.
 */
#ifndef OZX_BASE_CLEANUP_H
#define OZX_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define OZX_CHECKED __attribute__((warn_unused_result))
#define OZX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* Unused, too: some variables are there for their cleanup only. */
#define OZX_CLEANUP(fn) __attribute__((cleanup(fn), unused))

/* Frees what a `char *`, `void *` or any object pointer variable holds. */
static inline void ozx_cleanup_free(void *variable)
{
    free(*(void **)variable);
}

/* Closes a descriptor variable unless it is negative; errno is kept. */
static inline void ozx_cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

#define OZX_AUTO_FREE OZX_CLEANUP(ozx_cleanup_free)
#define OZX_AUTO_CLOSE OZX_CLEANUP(ozx_cleanup_close)

/* The pointer's value; the variable becomes NULL, so that its cleanup does nothing. */
#define ozx_take(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* The same for a descriptor, which becomes -1. */
static inline int ozx_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#endif
