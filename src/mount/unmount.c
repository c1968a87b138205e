/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking a mount away, and the verb that does so from outside.
 */
#include "mount/unmount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/descriptors.h"
#include "mount/daemons.h"
#include "mount/fusermount.h"
#include "mount/holders.h"
#include "mount/mount_point.h"
#include "mount/mountinfo.h"
#include "mount/private_place.h"
#include "mount/process.h"

#define WAIT_MS 30000
#define UNSEEN_WAIT_MS 1000 /* for holders that we may not see */

static int fail(struct ozx_error *error, int code, const char *hint, const char *text)
{
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "%s", text);
}

/* Nothing but the last name is looked up, in a directory that is held. */
static int unmount_there(const struct ozx_place *place, const struct ozx_mount_id *mount, bool lazy)
{
    struct ozx_mount_id there;

    if (fchdir(place->parent) < 0)
        return -errno;
    if (ozx_place_mount(place, &there) || !ozx_mount_id_equal(&there, mount))
        return -ESTALE;
    return umount2(place->name, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) < 0 ? -errno : 0;
}

int ozx_unmount(const struct ozx_place *place, const struct ozx_mount_id *mount, bool lazy,
                struct ozx_error *error)
{
    int code = unmount_there(place, mount, lazy);

    (void)!chdir("/");
    if (code == -EPERM)
        return ozx_fusermount_unmount(place->path, lazy, error);
    if (code == -ESTALE)
        return fail(error, code, NULL,
                    "cannot unmount: the mount is no longer there, or is covered by another");
    if (code == -EINVAL) /* it is there, and one of this namespace: locked */
        return fail(error, -EPERM, "unmount it there",
                    "cannot unmount: it was mounted outside of this user namespace");
    if (code)
        return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "cannot unmount: %s", strerror(-code));
    return 0;
}

/* --- the verb --------------------------------------------------------------------------------- */

struct umount {
    struct ozx_place place;
    struct ozx_mount_id id;
    struct ozx_daemons daemons;
    uid_t user; /* who mounted */
    bool direct; /* the kernel serves it: nothing in /sys tells of its end */
    bool lazy;
};

/* What this process inherited must not keep the mount busy. After the path was walked, which may
 * lead through one: /dev/fd/N. */
static void let_go(const struct ozx_place *place)
{
    const int keep[] = {place->parent};
    OZX_AUTO_CLOSE int null = -1;

    ozx_descriptors_close_others(keep, 1);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
            dup2(null, fd);
    }
}

static int refuse(int code, struct ozx_error *error)
{
    if (code == -EINVAL)
        return fail(error, code, "'ozxfs mounts' lists the mounts", "nothing is mounted here");
    if (code == -EBUSY)
        return fail(error, -EINVAL, NULL, "the root directory is not a mount of ozxfs");
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         code == -ENOENT ? "'ozxfs mounts' lists the mounts" : NULL,
                         "cannot find the mount: %s", strerror(-code));
}

static bool remove_made(const struct ozx_place *place, uid_t user)
{
    return ozx_mount_point_remove_made(place, user) || ozx_private_place_remove_left(place, user);
}

/* Nothing is mounted: a directory that a mount had made, and lost, is removed. */
static int clear_place(const struct ozx_place *place, struct ozx_error *note,
                       struct ozx_error *error)
{
    if (faccessat(place->parent, place->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return refuse(-errno, error);
    if (!remove_made(place, geteuid()))
        return refuse(-EINVAL, error);
    (void)fail(note, -EINVAL, NULL,
               "nothing was mounted here: the empty directory that a mount had made was removed");
    return 0;
}

/* Which mount it is, and who serves it. */
static int recognize(struct umount *u, struct ozx_error *error)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    const struct ozx_mount_entry *entry;
    char type[64];
    int failure = ozx_mountinfo_read(&info);

    if (failure)
        return ozx_error_set(error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "check that /proc is mounted", "cannot read /proc/self/mountinfo: %s",
                             strerror(-failure));
    entry = ozx_mountinfo_by_number(&info, u->id.number);
    if (!entry)
        return refuse(-ESTALE, error);
    u->user = ozx_mount_entry_user(entry);
    ozx_daemons_find(u->id.device_minor, u->user, &u->daemons);
    /* -o subtype= changes the type; then the daemon's name tells. */
    u->direct = strcmp(entry->type, "erofs") == 0 && u->daemons.count > 0;
    if (strcmp(entry->type, "fuse.ozxfs") == 0 || u->direct ||
        (ozx_mount_entry_is_fuse(entry) && u->daemons.count > 0))
        return 0;
    if (strcmp(entry->type, "autofs") == 0) /* mounts at the next access */
        return refuse(-EINVAL, error);
    return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, "use umount(8) instead",
                         "is a mount of type %s, not ozxfs",
                         ozx_escape(type, sizeof type, entry->type, strlen(entry->type)));
}

static int explain_busy(const struct ozx_place *place, struct ozx_error *error)
{
    char who[200];

    ozx_daemons_users(place->path, who, sizeof who);
    return ozx_error_set(error, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE,
                         "close its files and leave its directories, or use 'ozxfs umount -z'",
                         "the mount is in use%s%s", who[0] ? " by " : "", who);
}

/* Whatever fusermount3 says: its books do not have the mounts of others. */
static int explain_foreign(const struct umount *u, struct ozx_error *error)
{
    return ozx_error_set(error, -EPERM, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "is a mount of user %u: only that user and root can unmount it",
                         (unsigned)u->user);
}

static void tell_held(const struct umount *u, const char *where, struct ozx_error *note)
{
    char daemon[64] = "its daemon";

    if (u->daemons.count)
        snprintf(daemon, sizeof daemon, "its daemon (process %d)", (int)u->daemons.pids[0]);
    ozx_error_set(note, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                  "unmounted here, but still mounted %s: %s ends with the last of them", where,
                  daemon);
}

/* After the unmount: until the daemons have ended, or who else keeps them is known. */
static int wait_for_end(const struct umount *u, struct ozx_error *note, struct ozx_error *error)
{
    struct ozx_holders holders = {0};
    bool kept = u->direct || ozx_holders_may_exist(&u->id);

    if (kept)
        ozx_holders_find(&u->id, &holders);
    if (holders.text[0])
        tell_held(u, holders.text, note);
    /* Removing the directory would take the mount away from the other namespaces. */
    if (holders.elsewhere)
        return 0;
    if (u->lazy || holders.text[0]) {
        (void)remove_made(&u->place, u->user);
        return 0;
    }
    if (kept && !ozx_daemons_wait(&u->daemons, UNSEEN_WAIT_MS) &&
        (u->direct || ozx_holders_may_exist(&u->id))) {
        tell_held(u, "in another mount namespace", note);
        return 0;
    }
    if (!ozx_daemons_wait(&u->daemons, WAIT_MS))
        return ozx_error_set(error, -ETIMEDOUT, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "unmounted, but its daemon (process %d) has not ended after %d s",
                             (int)u->daemons.pids[0], WAIT_MS / 1000);
    (void)remove_made(&u->place, u->user);
    return 0;
}

static int find_place(const char *path, struct ozx_place *place, struct ozx_error *error)
{
    int failure = ozx_place_find(path, place, error);

    return failure && !error->code ? refuse(failure, error) : failure;
}

int ozx_umount_run(const char *path, bool lazy, struct ozx_error *note, struct ozx_error *error)
{
    struct umount u = {.place = OZX_PLACE_INIT, .lazy = lazy};
    int failure;

    failure = find_place(path, &u.place, error);
    let_go(&u.place);
    if (!failure && ozx_place_mount(&u.place, &u.id)) {
        failure = clear_place(&u.place, note, error);
    } else if (!failure) {
        failure = recognize(&u, error);
        if (!failure) {
            failure = ozx_unmount(&u.place, &u.id, lazy, error);
            if (failure == -EBUSY)
                failure = explain_busy(&u.place, error);
            else if (failure == -EPERM && u.user != geteuid() && geteuid() != 0)
                failure = explain_foreign(&u, error);
            else if (!failure)
                failure = wait_for_end(&u, note, error);
        }
    }
    ozx_daemons_free(&u.daemons);
    ozx_place_close(&u.place);
    return failure;
}
