/* SPDX-License-Identifier: BSD-2-Clause
 *
 * File descriptors: what a new process does with those that it inherited, how one is passed on
 * (unix(7), SCM_RIGHTS), and how bytes are read and written whole.
 */
#ifndef OZX_BASE_DESCRIPTORS_H
#define OZX_BASE_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* Closes every descriptor from 3 on that is not among the `count` in `keep` (negative ones are
 * skipped). A descriptor inherited from a shell's `$(...)` or from sshd would keep them waiting. */
void ozx_descriptors_close_others(const int *keep, size_t count);

/* send(2) of one datagram, without SIGPIPE, and `fd` with it unless that is negative. Tried again
 * when a signal came between. -1: errno says why. */
ssize_t ozx_descriptors_send(int socket, const void *data, size_t size_bytes, int fd, int flags);

/* recv(2) of one datagram, tried again when a signal came between; the one descriptor that came
 * with it goes to `*fd`, close-on-exec and owned by the caller, else -1: the kernel installs no
 * second one, and none at all where `fd` is NULL. A datagram that had more bytes than there is room
 * for has its full size. 0: the end; -1: errno says why. */
ssize_t ozx_descriptors_receive(int socket, void *data, size_t size_bytes, int flags, int *fd);

/* pread(2) until all is there. 0, or -errno; -EIO: the file ends before. */
int ozx_descriptors_read_at(int fd, void *to, size_t size_bytes, uint64_t offset_bytes);

/* Writes all of it: at `offset_bytes`, or where the descriptor stands if that is negative. 0, or
 * -errno. */
int ozx_descriptors_write(int fd, const void *data, size_t size_bytes,
                          int64_t offset_bytes) OZX_CHECKED;

#endif
