/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who may use what: the access that a new file or directory takes over from the one it replaces, so
 * that nobody gains any. Owner, group, mode and POSIX ACLs (acl(5)); nothing else is copied,
 * neither capabilities nor labels nor the set-id bits of a file.
 *
 *     owner and group kept      mode and ACLs exactly as they were
 *     one of them cannot be,    the ACLs are dropped, and the mode is the owner's bits alone
 *       and there is an ACL
 *     the group cannot be kept  group and others get what both had: of the two it is not known
 *                               any more who is which
 *     the owner cannot be kept  group and others get no more than the owner had
 *
 * What is filled meanwhile must be made with no rights for others (0600, 0700).
 */
#ifndef OZX_IO_ACCESS_H
#define OZX_IO_ACCESS_H

#include "base/cleanup.h"

/* `fd` gets the access of `old`, which may be an O_PATH descriptor; both are files or both
 * directories. A directory gets the default ACL and, with the group, the set-group-ID and sticky
 * bits, too. 0 or -errno: then nobody but the owner has access. */
int ozx_access_take_over(int fd, int old) OZX_CHECKED;

/* What a directory hands down to what is made in it: the group, the set-group-ID bit, the default
 * ACL. Its own mode becomes 0700. For a directory that is filled before it takes over the access of
 * `old`. */
int ozx_access_prepare_directory(int fd, int old) OZX_CHECKED;

#endif
