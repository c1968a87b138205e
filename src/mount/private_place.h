/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory that nobody else can get into, with the place for one mount in it:
 *
 *     $XDG_RUNTIME_DIR or /tmp / ozxfs-run.XXXXXXXXXXXXXXXX / NAME.ome.zarr
 *
 * Its name is chosen before it is made, so that of the two processes that know it either can take
 * it away if the other one is gone, at whatever moment.
 */
#ifndef OZX_MOUNT_PRIVATE_PLACE_H
#define OZX_MOUNT_PRIVATE_PLACE_H

#include <sys/types.h>

#include "base/error.h"
#include "mount/place.h"

#define OZX_PRIVATE_PLACE_PREFIX "ozxfs-run."

struct ozx_private_place {
    int base;                             /* O_PATH, owned; -1: not held */
    char base_path[PATH_MAX];             /* absolute */
    char name[sizeof OZX_PRIVATE_PLACE_PREFIX + 16];
    char inner[NAME_MAX + 1];
};

#define OZX_PRIVATE_PLACE_INIT                                                                     \
    {                                                                                              \
        .base = -1                                                                                 \
    }

/* Finds where it will be, and chooses its name; `inner` is the name of the place. Makes nothing. */
int ozx_private_place_choose(const char *inner, struct ozx_private_place *out,
                             struct ozx_error *error) OZX_CHECKED;

/* Holds the same directory once more, as it is seen in the mount namespace that was entered since.
 * -ESTALE: another one is there. */
int ozx_private_place_reopen(struct ozx_private_place *where) OZX_CHECKED;

/* Makes both directories and holds the place. On failure there is nothing. */
int ozx_private_place_make(const struct ozx_private_place *where, struct ozx_place *place,
                           struct ozx_error *error) OZX_CHECKED;

/* Finds the place that another process has made. -ENOENT: it has not, or it is gone. */
int ozx_private_place_find(const struct ozx_private_place *where,
                           struct ozx_place *place) OZX_CHECKED;

/* Removes both directories, unless something is mounted there. True if they are gone. */
bool ozx_private_place_remove(const struct ozx_private_place *where);

/* Removes the directories of a place that was found by its path, if they are such, empty, and
 * belong to the caller or (who calls is root) to `user`: their run was killed. True if they are
 * gone. */
bool ozx_private_place_remove_left(const struct ozx_place *place, uid_t user);

void ozx_private_place_close(struct ozx_private_place *where);

#endif
