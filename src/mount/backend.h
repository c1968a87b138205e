/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who serves a mounted tree. The processes of a mount (mount/mount.h) are the same for all of them;
 * a backend is what the worker does once the archive is parsed:
 *
 *     start   makes ready to serve, and gives back a handle
 *     serve   answers until the mount is gone
 *     stop    lets go of all that start made
 *
 * A new one is a folder beside mount/fuse/.
 */
#ifndef OZX_MOUNT_BACKEND_H
#define OZX_MOUNT_BACKEND_H

#include "mount/forest.h"
#include "mount/mount.h"

struct ozx_served; /* the backend's own */

struct ozx_backend {
    const char *name;
    bool has_io_uring; /* options.io_uring is of use to it, and its system calls must be allowed */

    /* `options` and `forest` are borrowed until stop; `socket` leads to the supervisor
     * (mount/channel.h). -errno. */
    int (*start)(const struct ozx_mount_options *options, const struct ozx_forest *forest,
                 int socket, struct ozx_served **out);
    /* Takes over `device`. -errno with the error, once there is nothing to serve through. */
    int (*serve)(struct ozx_served *served, int device, struct ozx_error *error);
    void (*stop)(struct ozx_served *served);
};

#endif
