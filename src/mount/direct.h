/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A backend that lives in the supervisor: the kernel itself serves the tree, and no request ever
 * comes to a process. The worker parses, as ever, and sends what the tree is (mount/table.h); then
 * it is not needed any more. Whatever is in the way, before anything is mounted, is no failure of
 * the mount: FUSE serves it.
 *
 *     hold     before the archive is read: from now on a change of it is noticed
 *     expect   how large the tree is going to be, by the worker's word: there is time to make room
 *              for it
 *     attach   mounts the tree; nothing is seen of it before it was compared with the archive
 *     watch    until the mount is gone
 *     release  lets go of all that hold and attach made
 *
 * Of success, attach's `why` has what there is to say about it with -v. Why it cannot be is told in
 * words of its own, to be set behind "the kernel cannot serve this mount: "; -EPERM: not allowed;
 * -ENODEV: everything else.
 */
#ifndef OZX_MOUNT_DIRECT_H
#define OZX_MOUNT_DIRECT_H

#include "mount/mount.h"
#include "mount/own_mount.h"
#include "mount/table.h"

struct ozx_direct; /* the backend's own */

struct ozx_direct_events {
    void *context;
    void (*watched)(void *context); /* from now on nothing is missed */
    void (*note)(void *context, const struct ozx_error *text); /* for the log */
};

struct ozx_direct_backend {
    const char *name;
    /* `options` and the descriptor `archive` are borrowed until release. */
    int (*hold)(const struct ozx_mount_options *options, int archive, struct ozx_direct **out,
                struct ozx_error *why);
    /* Readable once the archive is about to change; borrowed. */
    int (*alarm)(const struct ozx_direct *direct);
    void (*expect)(struct ozx_direct *direct, uint32_t count, uint32_t names_size_bytes);
    int (*attach)(struct ozx_direct *direct, struct ozx_table *table, struct ozx_mount_id *out,
                  struct ozx_error *why);
    /* `signals` is a signalfd. */
    void (*watch)(struct ozx_direct *direct, const struct ozx_own_mount *own, int signals,
                  const struct ozx_direct_events *events);
    void (*release)(struct ozx_direct *direct);
};

#endif
