/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a mount is.
 */
#include "mount/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mount/daemons.h"
#include "mount/process.h"

/* The root of the mount, not of what may stand in its place: a path of strangers. */
static int open_root(const struct ozx_mount_entry *entry, int *out)
{
    OZX_AUTO_CLOSE int held = open(entry->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct statx st;
    char path[48];

    if (held < 0)
        return errno;
    if (statx(held, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
        return errno;
    if (!(st.stx_mask & STATX_MNT_ID) || st.stx_mnt_id != (uint64_t)entry->id)
        return ESTALE;
    snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    *out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out < 0 ? errno : 0;
}

/* What the kernel serves answers no ioctl; after a change of the archive it lists nothing. */
static int list_first(int root)
{
    DIR *directory = fdopendir(dup(root));
    int failure;

    if (!directory)
        return errno;
    errno = 0;
    failure = readdir(directory) ? 0 : errno;
    closedir(directory);
    return failure;
}

/* In a child. */
static int ask(void *context, void *answer)
{
    OZX_AUTO_CLOSE int root = -1;
    int failure = open_root(context, &root);

    if (failure)
        return failure;
    if (ioctl(root, OZX_MOUNT_STATE_IOCTL, answer) == 0)
        return 0;
    memset(answer, 0, sizeof(struct ozx_mount_state));
    if (errno != ENOTTY && errno != ENOSYS)
        return errno;
    failure = list_first(root);
    return failure ? failure : ENOTTY;
}

static bool has_daemon(const struct ozx_mount_entry *entry)
{
    struct ozx_daemons daemons;
    bool has;

    ozx_daemons_find(entry->device_minor, ozx_mount_entry_user(entry), &daemons);
    has = daemons.count > 0;
    ozx_daemons_free(&daemons);
    return has;
}

static enum ozx_mount_condition judge(const struct ozx_mount_entry *entry, int answer)
{
    switch (-answer) {
    case 0:
    case ENOTTY:
        return OZX_MOUNT_SERVING;
    case ENOTCONN:
    case ECONNABORTED:
        return OZX_MOUNT_DEAD;
    case EACCES:
    case EPERM:
    case ESTALE: /* covered by another */
        return has_daemon(entry) ? OZX_MOUNT_HIDDEN : OZX_MOUNT_DEAD;
    case EIO:
        return OZX_MOUNT_CHANGED;
    default:
        return OZX_MOUNT_SILENT;
    }
}

enum ozx_mount_condition ozx_mount_ask(const struct ozx_mount_entry *entry,
                                       struct ozx_mount_state *state, bool *counted)
{
    int answer = ozx_process_ask(ask, (void *)(uintptr_t)entry, state, sizeof *state);

    *counted = answer == 0;
    if (!*counted) {
        memset(state, 0, sizeof *state);
        return judge(entry, answer);
    }
    state->text[sizeof state->text - 1] = '\0';
    state->subdir[sizeof state->subdir - 1] = '\0';
    return state->is_changed   ? OZX_MOUNT_CHANGED
           : state->has_failed ? OZX_MOUNT_FAILED
                               : OZX_MOUNT_SERVING;
}
