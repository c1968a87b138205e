/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening what lies below a directory, and nothing else: no component of the path may be a symbolic
 * link, so nobody who can write there can lead a walk out of the tree. Only one descriptor is
 * needed whatever the depth.
 */
#ifndef OZX_IO_BENEATH_H
#define OZX_IO_BENEATH_H

#include "base/cleanup.h"

/* Opens `path` (relative, no `.` or `..`; "" is the root itself) below `root_fd`, with O_CLOEXEC,
 * O_NOFOLLOW, O_NOCTTY and O_NONBLOCK (a FIFO put there meanwhile must not hang) added to `flags`.
 * Not for creating files. Returns the descriptor or -errno; -ELOOP or -ENOTDIR if a symbolic link
 * is in the way. */
int ozx_beneath_open(int root_fd, const char *path, int flags) OZX_CHECKED;

/* The same, and no mount point on the way or at the end is entered (-EXDEV): nothing is asked of
 * what is mounted there, which may never answer. -ENOSYS where the kernel has no openat2. */
int ozx_beneath_open_near(int root_fd, const char *path, int flags) OZX_CHECKED;

/* As the first, below a directory that only this process fills. Where a sandbox forbids openat2, it
 * is the sandbox that nothing outside can be opened, and the path is taken as it is, in one step.
 */
int ozx_beneath_open_own(int root_fd, const char *path, int flags) OZX_CHECKED;

#endif
