/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A supervisor's own mount: whether it is still there, and its end. Known by its id, not by its
 * path: whatever is done to directories meanwhile, another mount is never taken for it.
 */
#ifndef OZX_MOUNT_OWN_MOUNT_H
#define OZX_MOUNT_OWN_MOUNT_H

#include <stdbool.h>

#include "base/error.h"
#include "mount/private_place.h"

struct ozx_own_mount {
    const struct ozx_place *place; /* borrowed; NULL: somebody else has mounted */
    const struct ozx_private_place *private_place; /* borrowed; where `place` is in; else NULL */
    const char *source;            /* borrowed */
    struct ozx_mount_id id;
    bool mounted; /* by us; it may be gone since */
};

/* True if it is to be seen at its place; also under another mount that was put on top of it. */
bool ozx_own_mount_is_there(const struct ozx_own_mount *own);

/* Unmounts it, wherever it is by now. -EBUSY: in use, and not `lazy`; -ESTALE: it is not to be
 * found, or covered by another. */
int ozx_own_mount_end(const struct ozx_own_mount *own, bool lazy,
                      struct ozx_error *error) OZX_CHECKED;

/* Removes the directory, if it was made for the mount and nothing is mounted there. */
void ozx_own_mount_clear(const struct ozx_own_mount *own);

#endif
