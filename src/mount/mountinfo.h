/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is mounted where, from /proc/self/mountinfo (proc(5)). Reading it asks no file system
 * anything, so it also works for mounts whose daemon is dead or hangs.
 */
#ifndef OZX_MOUNT_MOUNTINFO_H
#define OZX_MOUNT_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct ozx_mount_entry {
    int id; /* of the mount; a bind mount of the same file system has another */
    int parent_id;
    unsigned device_major;
    unsigned device_minor;
    const char *path; /* unescaped; borrowed from the mountinfo, as the next three */
    const char *type;
    const char *source;
    const char *options; /* of the file system, as they stand there */
};

struct ozx_mountinfo {
    char *text;                      /* owned */
    struct ozx_mount_entry *entries; /* owned */
    size_t count;
};

int ozx_mountinfo_read(struct ozx_mountinfo *out) OZX_CHECKED;

/* What the process `pid` sees mounted. -EACCES: that is not ours to know. */
int ozx_mountinfo_read_of(const char *pid, struct ozx_mountinfo *out) OZX_CHECKED;

void ozx_mountinfo_free(struct ozx_mountinfo *info);
#define OZX_AUTO_MOUNTINFO OZX_CLEANUP(ozx_mountinfo_free)

/* The mount of this number, NULL if there is none. */
const struct ozx_mount_entry *ozx_mountinfo_by_number(const struct ozx_mountinfo *info,
                                                      uint64_t number);

/* A mount of the file system on this device, NULL if there is none. */
const struct ozx_mount_entry *ozx_mountinfo_by_device(const struct ozx_mountinfo *info,
                                                      unsigned major, unsigned minor);

/* The topmost mount on exactly `path`, NULL if none. */
const struct ozx_mount_entry *ozx_mountinfo_at(const struct ozx_mountinfo *info, const char *path);

/* The mount with this id, device and source, NULL if it is gone. (Its path may have changed: a
 * parent was renamed. Numbers are given again soon after an unmount, so the source is compared,
 * too.) */
const struct ozx_mount_entry *ozx_mountinfo_find(const struct ozx_mountinfo *info, int id,
                                                 unsigned device_minor, const char *source);

/* The user who mounted a FUSE file system. */
uid_t ozx_mount_entry_user(const struct ozx_mount_entry *entry);

/* True for the type that FUSE file systems have: "fuse" or "fuse.SOMETHING". */
bool ozx_mount_entry_is_fuse(const struct ozx_mount_entry *entry);

#endif
