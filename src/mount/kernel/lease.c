/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lease on the archive (fcntl(2), F_SETLEASE): who opens it for writing, or cuts it, waits
 * until the lease is given up, and a signal says so.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "mount/kernel/state.h"

#define BREAK_SIGNAL (SIGRTMIN + 1)

static int fail(struct ozx_error *why, int code)
{
    if (code == -EAGAIN)
        return ozx_error_set(why, -ENODEV, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the archive is open for writing");
    return ozx_error_set(why, code == -EPERM || code == -EACCES ? -EPERM : -ENODEV, OZX_RULE_NONE,
                         OZX_OFFSET_NONE, NULL, "a change of the archive would not be noticed: %s",
                         strerror(-code));
}

int ozx_lease_take(struct ozx_direct *direct, struct ozx_error *why)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, BREAK_SIGNAL);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    direct->breaks = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (direct->breaks < 0 || fcntl(direct->archive, F_SETSIG, BREAK_SIGNAL) < 0 ||
        fcntl(direct->archive, F_SETLEASE, F_RDLCK) < 0)
        return fail(why, -errno);
    return 0;
}

bool ozx_lease_is_broken(const struct ozx_direct *direct)
{
    return fcntl(direct->archive, F_GETLEASE) != F_RDLCK;
}

void ozx_lease_end(const struct ozx_direct *direct)
{
    fcntl(direct->archive, F_SETLEASE, F_UNLCK);
}
