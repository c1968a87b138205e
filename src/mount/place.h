/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A place to mount on, held so that it stays what it was when it was looked at: whoever may write
 * in one of the directories of its path can put another one there, or a symbolic link, at any
 * moment. So a path is walked once, component by component, and from then on
 *
 *     parent + name   is where the mount is looked for, unmounted, and a made directory removed
 *     directory       is what is mounted on
 *
 * Symbolic links are followed by the rule of fs.protected_symlinks, whatever that is set to: in a
 * sticky directory that everybody may write, only those of who follows or of the directory's owner.
 * Root follows links of others nowhere that others may write.
 */
#ifndef OZX_MOUNT_PLACE_H
#define OZX_MOUNT_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "mount/mount_id.h"

struct ozx_place {
    int parent;    /* O_PATH; -1: not held */
    int directory; /* O_PATH; -1: not held */
    bool made;     /* the directory was made for a mount: it is removed after it */
    char name[NAME_MAX + 1];
    char path[PATH_MAX]; /* for people, and for fusermount3, which takes nothing else */
};

#define OZX_PLACE_INIT                                                                             \
    {                                                                                              \
        .parent = -1, .directory = -1                                                              \
    }

/* Walks to `path` and holds its parent; whether there is anything under its name was not asked. If
 * the name is that of a symbolic link, the link is followed. -EPERM with `error` filled in: a link
 * that must not be followed; -EBUSY: the root directory, which has no parent; else what openat(2)
 * says, -ESTALE if the path changed on the way, and `error` is as it was. `place` is to be closed
 * when done, in any case. */
int ozx_place_find(const char *path, struct ozx_place *place, struct ozx_error *error) OZX_CHECKED;

/* The same for `name` in `directory`; a symbolic link of that name is not followed. */
int ozx_place_find_in(const char *directory, const char *name, struct ozx_place *place,
                      struct ozx_error *error) OZX_CHECKED;

/* Holds the directory, too. -ENOTDIR: it is none, or a symbolic link. */
int ozx_place_hold(struct ozx_place *place) OZX_CHECKED;

/* The topmost mount on the place. -EINVAL: nothing is mounted there. */
int ozx_place_mount(const struct ozx_place *place, struct ozx_mount_id *out) OZX_CHECKED;

void ozx_place_close(struct ozx_place *place);
#define OZX_AUTO_PLACE OZX_CLEANUP(ozx_place_close)

#endif
