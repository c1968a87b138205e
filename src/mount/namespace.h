/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mount namespace of this process's own, where it may mount whoever it is: who has no right to
 * one gets it inside a user namespace, with the same user and group. What is mounted there nobody
 * else sees, and it is gone with the last process of the namespace.
 */
#ifndef OZX_MOUNT_NAMESPACE_H
#define OZX_MOUNT_NAMESPACE_H

#include "base/error.h"

/* Enters one, for good. For a process with one thread. -EPERM, -ENOSPC, -EINVAL ...: this system
 * does not allow it, and nothing has changed. */
int ozx_namespace_enter(struct ozx_error *error) OZX_CHECKED;

#endif
