/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waiting for reads that are under way.
 */
#ifndef OZX_MOUNT_KERNEL_QUIESCE_H
#define OZX_MOUNT_KERNEL_QUIESCE_H

#include <stdint.h>

/* Returns once every thread that was in the kernel when this was called has left it, as far as can
 * be seen from outside, or after `limit_ms`. */
void ozx_quiesce(int64_t limit_ms);

#endif
