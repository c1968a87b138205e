/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way to the archive, for threads that answer requests. Where a time is set (-o timeout=) and
 * nobody came through for that long, the archive's tree is given back to the system, and who comes
 * next reads it again: from the same open file, in the same locked-in process, with the same
 * numbers of nodes. Mount, descriptors and threads stay, so no request ever sees less than all of
 * the archive: it waits for the tree, or is told of an error.
 *
 * Threads: any number may be inside. Going in and out takes no lock and writes to no memory that
 * another thread writes to.
 */
#ifndef OZX_MOUNT_GATE_H
#define OZX_MOUNT_GATE_H

#include <stdbool.h>

#include "archive/archive.h"

struct ozx_gate;

/* Takes over `archive`, from success on. `how`: as it was opened (subdir is borrowed). `idle_ms`: 0
 * for never. */
int ozx_gate_open(struct ozx_archive *archive, const struct ozx_archive_options *how,
                  uint64_t idle_ms, struct ozx_gate **out) OZX_CHECKED;
/* Nobody is inside any more. NULL is fine. */
void ozx_gate_close(struct ozx_gate *gate);

/* Starts to watch the time, in a thread of its own. Once, and after the last fork. */
int ozx_gate_watch(struct ozx_gate *gate) OZX_CHECKED;

/* The archive, until the thread leaves; it must not be inside already. NULL: `error` says why.
 * -ESTALE: the archive changed (for good); -ENOMEM and the disk's errors: the next one tries again.
 */
struct ozx_archive *ozx_gate_enter(struct ozx_gate *gate, struct ozx_error *error) OZX_CHECKED;
void ozx_gate_leave(struct ozx_gate *gate);

/* The archive's file, which is always there; borrowed. */
struct ozx_source *ozx_gate_source(const struct ozx_gate *gate);

/* Gives the tree back now, if nobody is inside. True: it is given back. For tests; `watch` does so.
 */
bool ozx_gate_drop(struct ozx_gate *gate);

#endif
