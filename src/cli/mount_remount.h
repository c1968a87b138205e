/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `mount -o remount`: the flags of a mount (exec, atime) can change while it is served, and nothing
 * else.
 */
#ifndef OZX_CLI_MOUNT_REMOUNT_H
#define OZX_CLI_MOUNT_REMOUNT_H

#include <stdbool.h>

/* True if a helper of mount(8) was called to remount. */
bool ozx_remount_is_wanted(int argc, char **argv);

/* Does it; the exit status. Options that cannot change are told, and stay as they are: mount(8)
 * adds those of fstab(5) by itself. */
int ozx_remount(int argc, char **argv);

#endif
