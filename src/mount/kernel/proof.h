/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the kernel serves what stands in the archive.
 */
#ifndef OZX_MOUNT_KERNEL_PROOF_H
#define OZX_MOUNT_KERNEL_PROOF_H

#include "mount/table.h"

/* Compares the first and last bytes of some files below `mount` with those in the archive: of the
 * first, the last, the largest, and others spread over the table. -ENODEV with the reason if any
 * byte differs or cannot be read. */
int ozx_kernel_image_prove(const struct ozx_table *table, int mount, int archive,
                           struct ozx_error *why) OZX_CHECKED;

#endif
