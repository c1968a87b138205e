/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the moment between the mount and its watch (watch.c): a process that takes the mount away
 * again if the supervisor is killed meanwhile. Nobody would notice a change of the archive.
 */
#ifndef OZX_MOUNT_KERNEL_KEEPER_H
#define OZX_MOUNT_KERNEL_KEEPER_H

#include "mount/kernel/state.h"

/* Before `mount`, which is nowhere yet, is put on the options' place. -errno. */
int ozx_keeper_start(struct ozx_direct *direct, int mount) OZX_CHECKED;

/* It is watched over, or was never put there. Nothing happens without one. */
void ozx_keeper_stop(struct ozx_direct *direct);

#endif
