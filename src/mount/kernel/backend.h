/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's EROFS as a backend.
 */
#ifndef OZX_MOUNT_KERNEL_BACKEND_H
#define OZX_MOUNT_KERNEL_BACKEND_H

#include "mount/direct.h"

extern const struct ozx_direct_backend ozx_kernel_backend;

#endif
