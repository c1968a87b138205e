/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is said to the guard.
 */
#include "mount/start_guard.h"

#include <stdio.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "mount/process.h"

void ozx_start_guard_tell(const struct ozx_start_guard *guard, const struct ozx_place *place)
{
    struct ozx_start_guard_word word = {.name = ""};

    if (guard->end < 0)
        return;
    snprintf(word.name, sizeof word.name, "%s", place->name);
    snprintf(word.path, sizeof word.path, "%s", place->path);
    (void)!ozx_descriptors_send(guard->end, &word, sizeof word, place->parent, 0);
}

void ozx_start_guard_end(struct ozx_start_guard *guard)
{
    const struct ozx_start_guard_word word = {.name = ""};

    if (guard->end < 0)
        return;
    (void)!ozx_descriptors_send(guard->end, &word, sizeof word, -1, 0);
    close(ozx_take_fd(&guard->end));
    if (guard->pid > 0)
        (void)!ozx_wait_child(guard->pid); /* the supervisor has no such child */
}
