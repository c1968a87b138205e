/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which mounts are ours: by their type, or (served by the kernel, -o subtype=) by their daemon.
 */
#include "mount/mounts.h"

#include <stdlib.h>
#include <string.h>

#include "mount/daemons.h"

void ozx_mounts_owner(const struct ozx_mount_entry *entry, struct ozx_mount_owner *out)
{
    struct ozx_daemons daemons;

    *out = (struct ozx_mount_owner){.user = ozx_mount_entry_user(entry)};
    ozx_daemons_find(entry->device_minor, out->user, &daemons);
    /* The worker is younger. */
    for (size_t i = 0; i < daemons.count; i++) {
        int64_t since_s = ozx_daemons_since(daemons.pids[i]);
        if (!out->supervisor || since_s < out->since_s ||
            (since_s == out->since_s && daemons.pids[i] < out->supervisor)) {
            out->supervisor = daemons.pids[i];
            out->since_s = since_s;
        }
    }
    ozx_daemons_free(&daemons);
}

static bool is_ours(const struct ozx_mount_entry *entry)
{
    struct ozx_mount_owner owner;

    if (strcmp(entry->type, "fuse.ozxfs") == 0)
        return true;
    if (strcmp(entry->type, "erofs") != 0 && !ozx_mount_entry_is_fuse(entry))
        return false;
    ozx_mounts_owner(entry, &owner);
    return owner.supervisor != 0;
}

static bool is_wanted(const struct ozx_mount_entry *entry, uid_t user, const char *source)
{
    return (!source || strcmp(entry->source, source) == 0) &&
           (user == OZX_MOUNTS_OF_ALL || ozx_mount_entry_user(entry) == user) && is_ours(entry);
}

int ozx_mounts_find(uid_t user, const char *source, struct ozx_mountinfo *info,
                    const struct ozx_mount_entry ***entries, size_t *count)
{
    int failure = ozx_mountinfo_read(info);

    *count = 0;
    if (failure)
        return failure;
    *entries = calloc(info->count + 1, sizeof **entries);
    if (!*entries)
        return -ENOMEM;
    for (size_t i = info->count; i > 0; i--) {
        const struct ozx_mount_entry *entry = &info->entries[i - 1];
        if (is_wanted(entry, user, source))
            (*entries)[(*count)++] = entry;
    }
    return 0;
}
