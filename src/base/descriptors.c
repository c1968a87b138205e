/* SPDX-License-Identifier: BSD-2-Clause
 *
 * close_range where the kernel has it (5.9), else one close for each.
 */
#include "base/descriptors.h"

#include <sys/resource.h>
#include <unistd.h>

static void close_between(unsigned first, unsigned last)
{
    struct rlimit limit;

    if (first > last || close_range(first, last, 0) == 0)
        return;
    /* A kernel before 5.9. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= last)
        last = limit.rlim_cur ? (unsigned)limit.rlim_cur - 1 : 0;
    for (unsigned fd = first; fd <= last; fd++)
        close((int)fd);
}

void ozx_descriptors_close_others(const int *keep, size_t count)
{
    unsigned first = STDERR_FILENO + 1;

    for (;;) {
        unsigned next = ~0U;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= (int)first && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next == ~0U)
            break;
        close_between(first, next - 1);
        first = next + 1;
    }
    close_between(first, ~0U);
}
