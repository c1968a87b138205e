/* SPDX-License-Identifier: BSD-2-Clause
 *
 * FUSE as a backend, by libfuse.
 */
#ifndef OZX_MOUNT_FUSE_BACKEND_H
#define OZX_MOUNT_FUSE_BACKEND_H

#include "mount/backend.h"

extern const struct ozx_backend ozx_fuse_backend;

/* For --version. */
const char *ozx_fuse_library_version(void);

#endif
