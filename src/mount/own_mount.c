/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A supervisor's own mount.
 */
#include "mount/own_mount.h"

#include <string.h>

#include "base/wait.h"
#include "mount/mount_point.h"
#include "mount/mountinfo.h"
#include "mount/unmount.h"

#define RETRY_MS 10
#define RETRIES_MAX 100

/* What is mounted where. Memory that is short for a moment must not keep a mount that should go. */
static int read_mounts(struct ozx_mountinfo *info)
{
    int failure = ozx_mountinfo_read(info);

    for (int i = 0; failure == -ENOMEM && i < RETRIES_MAX; i++) {
        ozx_wait_ms(RETRY_MS);
        failure = ozx_mountinfo_read(info);
    }
    return failure;
}

bool ozx_own_mount_is_there(const struct ozx_own_mount *own)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    const struct ozx_mount_entry *entry;
    struct ozx_mount_id there;

    if (!own->mounted || ozx_place_mount(own->place, &there))
        return false;
    if (there.number == own->id.number)
        return ozx_mount_id_equal(&there, &own->id);
    if (read_mounts(&info))
        return false;
    /* Under another one. At its recorded path only: its numbers may be another's already. */
    entry = ozx_mountinfo_find(&info, (int)own->id.number, own->id.device_minor, own->source);
    return entry && strcmp(entry->path, own->place->path) == 0;
}

/* Where it is now, after its parents were renamed or it was moved. */
static int end_elsewhere(const struct ozx_own_mount *own, bool lazy, struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    const struct ozx_mount_entry *entry;

    if (read_mounts(&info))
        return -ESTALE;
    entry = ozx_mountinfo_find(&info, (int)own->id.number, own->id.device_minor, own->source);
    if (!entry)
        return -ESTALE;
    if (ozx_place_find(entry->path, &place, &ignored))
        return -EAGAIN; /* renamed again meanwhile */
    return ozx_unmount(&place, &own->id, lazy, error);
}

int ozx_own_mount_end(const struct ozx_own_mount *own, bool lazy, struct ozx_error *error)
{
    struct ozx_error elsewhere = OZX_ERROR_INIT;
    int failure = ozx_unmount(own->place, &own->id, lazy, error);

    if (failure != -ESTALE)
        return failure;
    for (int i = 0; i < RETRIES_MAX; i++) {
        failure = end_elsewhere(own, lazy, &elsewhere);
        if (failure != -EAGAIN)
            break;
        ozx_wait_ms(RETRY_MS);
    }
    if (failure == -EAGAIN || failure == -ESTALE)
        return error->code; /* in the first one's words */
    *error = elsewhere;
    return failure;
}

void ozx_own_mount_clear(const struct ozx_own_mount *own)
{
    if (own->private_place)
        (void)ozx_private_place_remove(own->private_place);
    if (own->place && own->place->made && !ozx_own_mount_is_there(own))
        ozx_mount_point_remove_made(own->place, geteuid());
}
