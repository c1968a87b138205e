/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a mount is, asked from outside: by an ioctl(2) on its root directory, which whoever may read
 * the tree may ask, and which asks nothing of the kernel for any file. What comes back is not
 * trusted: anybody's file system can be at a path.
 */
#ifndef OZX_MOUNT_STATE_H
#define OZX_MOUNT_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "mount/mountinfo.h"

#define OZX_MOUNT_STATE_TEXT_SIZE 1024

/* What the ioctl fills in; its size is a part of the number, so that of another version of ozxfs is
 * not answered. */
struct ozx_mount_state {
    uint64_t requests;      /* of the kernel, since it was mounted; the question is one of them */
    uint64_t read_bytes;    /* of files, given to the kernel */
    uint32_t is_changed;    /* the archive is not what it was: reads fail */
    uint32_t has_failed;    /* a read of an entry failed, and `text` says why */
    uint64_t device, inode; /* of the archive's file; 0: it shows several, or it is no file */
    char text[OZX_MOUNT_STATE_TEXT_SIZE];
    char subdir[PATH_MAX]; /* what of the archive is shown; "": all */
};

#define OZX_MOUNT_STATE_IOCTL _IOR('Z', 0x70, struct ozx_mount_state)

enum ozx_mount_condition {
    OZX_MOUNT_SERVING,
    OZX_MOUNT_FAILED,  /* serving, but a read of an entry failed */
    OZX_MOUNT_CHANGED, /* the archive was changed: all reads fail */
    OZX_MOUNT_DEAD,    /* nobody serves it any more */
    OZX_MOUNT_SILENT,  /* no answer within a second */
    OZX_MOUNT_HIDDEN,  /* its owner has not let the caller see it */
};

/* Asks the mount of this entry, for a second at most. Without numbers (the kernel serves it, or
 * what answers is another version) `*counted` is false and `state` is zeroed, as it is for all that
 * does not serve. */
enum ozx_mount_condition ozx_mount_ask(const struct ozx_mount_entry *entry,
                                       struct ozx_mount_state *state, bool *counted);

#endif
