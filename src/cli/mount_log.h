/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file of `mount -o log=`: what goes to syslog, where the user can read it. Opened with the
 * caller's rights before anything else is; only caller and supervisor have it, the worker, which
 * parses, has not.
 */
#ifndef OZX_CLI_MOUNT_LOG_H
#define OZX_CLI_MOUNT_LOG_H

#include "base/error.h"

/* Opens for appending, or makes it (0600). No symlink, nothing but a regular file of the caller's
 * with one name: else -EPERM. The descriptor is the caller's to close. */
int ozx_mount_log_open(const char *path, int *fd, struct ozx_error *error) OZX_CHECKED;

/* A line with the time, the process and the archive's path: for a note if `note` is not NULL, else
 * `text`. One write; what the file system does not take is lost. `fd` -1: nothing. */
void ozx_mount_log_write(int fd, const char *archive, const char *text,
                         const struct ozx_error *note);

#endif
