/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What may stand behind -o of a verb that mounts: our keys, a row each, and the words of mount(8),
 * libfuse and fstab.
 */
#ifndef OZX_CLI_MOUNT_OPTIONS_H
#define OZX_CLI_MOUNT_OPTIONS_H

#include "cli/mount_arguments.h"
#include "cli/options.h"

#define OZX_MOUNT_MAX_READ_BYTES (1U << 20) /* what the kernel asks for at once: 256 pages */
#define OZX_MOUNT_THREADS_MAX 1024

/* For a verb whose context begins with a struct ozx_mount_arguments. */
extern const struct ozx_keys ozx_mount_keys;

#endif
