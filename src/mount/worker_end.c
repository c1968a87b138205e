/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the end of a worker means to the mount.
 */
#include "mount/worker_end.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

int ozx_worker_end_judge(const struct ozx_worker_end *end, enum ozx_mount_stage *stage,
                         struct ozx_error *error)
{
    const char *hint = end->visible && end->stays
                           ? "the mount remains and answers ENOTCONN: 'ozxfs umount' removes it"
                           : NULL;
    int number;

    if (end->served && end->status == 0 && !end->visible)
        return 0;
    *stage = OZX_MOUNT_STAGE_CRASH;
    if (!WIFSIGNALED(end->status)) {
        if (!end->visible || end->status != 0)
            return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                                 "the worker ended with status %d", WEXITSTATUS(end->status));
        *stage = OZX_MOUNT_STAGE_SYSTEM;
        return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                             "the FUSE connection was aborted");
    }
    if (end->killed && !end->visible)
        return 0;
    number = WTERMSIG(end->status);
    if (number == SIGKILL)
        *stage = OZX_MOUNT_STAGE_SYSTEM; /* not by itself: somebody's kill, or out of memory */
    return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, hint,
                         "the worker was killed by signal %d (%s)%s", number, strsignal(number),
                         end->parsing ? " while it read the archive" : "");
}
