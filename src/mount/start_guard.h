/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A process that outlives a mount's start, and knows of the directory that was made for it. If the
 * caller and its supervisor are killed in the same moment, as `timeout -s KILL` kills a process
 * group, nobody else would take the directory away, and a mount that nobody serves.
 */
#ifndef OZX_MOUNT_START_GUARD_H
#define OZX_MOUNT_START_GUARD_H

#include <sys/types.h>

#include "mount/place.h"

struct ozx_start_guard {
    int end; /* owned; closed by all who have it, without a word: it clears up. -1: there is none */
    pid_t pid;
};

#define OZX_START_GUARD_INIT                                                                       \
    {                                                                                              \
        .end = -1                                                                                  \
    }

/* What it is told, with the descriptor of the parent: a place that is about to be made. Without a
 * name: all is well. */
struct ozx_start_guard_word {
    char name[NAME_MAX + 1];
    char path[PATH_MAX];
};

/* Starts it, and returns once it has left the process group. There is none if there cannot be one:
 * the mount does not need it. */
void ozx_start_guard_begin(struct ozx_start_guard *guard);

/* Tells it, before a directory is made, which one: the last one of which it is told counts. */
void ozx_start_guard_tell(const struct ozx_start_guard *guard, const struct ozx_place *place);

/* The tree is served, or its directory is removed already: ends it, and waits for that in the
 * process that began it. Nothing to do without one, or a second time. */
void ozx_start_guard_end(struct ozx_start_guard *guard);

#endif
