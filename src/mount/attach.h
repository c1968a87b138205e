/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mounting with the kernel's own calls, by descriptors: nobody who moves directories about can lead
 * it elsewhere. For root, or where a namespace lets one.
 */
#ifndef OZX_MOUNT_ATTACH_H
#define OZX_MOUNT_ATTACH_H

#include "base/error.h"
#include "mount/mount.h"
#include "mount/mount_id.h"

/* Mounts on `options->place` (held) and puts the open /dev/fuse in `*device`, which the caller
 * owns. -EPERM or -ENOSYS with `error` untouched: not allowed, or these calls are not known
 * here, or take no name of that length. On failure nothing is mounted. */
int ozx_attach(const struct ozx_mount_options *options, int *device, struct ozx_mount_id *out,
               struct ozx_error *error) OZX_CHECKED;

/* The same by mount(2), which does not tell what it has mounted. */
int ozx_attach_by_mount(const struct ozx_mount_options *options, int *device,
                        struct ozx_error *error) OZX_CHECKED;

/* Puts a mount that is nowhere yet on the place, and takes it away again if its name does not lead
 * to it. -ESTALE: it was removed, replaced or mounted on. */
int ozx_attach_put(int mount, const struct ozx_place *place, struct ozx_mount_id *out,
                   struct ozx_error *error) OZX_CHECKED;

/* True if the kernel has anything to check: a mount for its user alone, with everything readable
 * and nothing writable, is spared that at every step of a path. */
bool ozx_attach_has_permissions(const struct ozx_mount_options *options);

#endif
