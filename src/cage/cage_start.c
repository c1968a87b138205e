/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A child that goes on beside its parent. That it has given up its rights is known when the pipe
 * that only it holds is closed.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/wait.h"
#include "cage/child.h"

/* Until the child has entered, or is gone. */
static void wait_until_entered(int pipe_end)
{
    char none;

    while (read(pipe_end, &none, 1) < 0 && errno == EINTR)
        ;
}

static int start(const struct ozx_cage *cage, struct ozx_cage_entry *entry, pid_t *out,
                 struct ozx_error *error)
{
    const pid_t parent = getpid();
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return ozx_cage_fail(-errno, "cannot start a process", error);
    child = fork();
    if (child == 0)
        ozx_cage_child(cage, parent, entry, ends[1]);
    if (child < 0) {
        int failure = ozx_cage_fail(-errno, "cannot start a process", error);
        close(ends[0]);
        close(ends[1]);
        return failure;
    }
    close(ends[1]);
    wait_until_entered(ends[0]);
    close(ends[0]);
    if (entry->in_force) {
        *out = child;
        return 0;
    }
    kill(child, SIGKILL);
    (void)ozx_wait_child(child);
    *error = entry->error;
    return error->code ? error->code : ozx_cage_fail(-EPERM, "cannot drop privileges", error);
}

int ozx_cage_start(const struct ozx_cage *cage, pid_t *child, struct ozx_error *error)
{
    struct ozx_cage_entry *entry = ozx_cage_entry_make();
    int failure;

    if (!entry)
        return ozx_cage_fail(-ENOMEM, "cannot start a process", error);
    failure = start(cage, entry, child, error);
    ozx_cage_entry_free(entry);
    return failure;
}
