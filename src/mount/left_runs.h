/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a `run` leaves if it and its supervisor are killed in the same moment: a mount that nobody
 * ends, in a directory of its own (mount/private_place.h). The next `run` takes it away.
 */
#ifndef OZX_MOUNT_LEFT_RUNS_H
#define OZX_MOUNT_LEFT_RUNS_H

#include "mount/private_place.h"

/* Takes away such mounts of the caller's beside `where`, and their directories. One stays if it
 * is in use, or if a process of the caller that we may look into has its path among its arguments
 * or in its environment, as its command has: to that one, files that are not there any more are
 * chunks of background. */
void ozx_left_runs_remove(const struct ozx_private_place *where);

#endif
