/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waits for a word that it is not needed, or for the end without one.
 */
#include "mount/start_guard.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/descriptors.h"
#include "base/wait.h"
#include "mount/mount_point.h"
#include "mount/mountinfo.h"
#include "mount/process.h"
#include "mount/state.h"
#include "mount/unmount.h"

#define RETRY_MS 10
#define RETRIES_MAX 500 /* a fusermount3 may be on its way yet, and the worker to its end */

/* Unmounts it if it is dead. False: it is served, by another `mount` of the same archive or by a
 * worker that goes on alone, and stays. */
static bool unmount_dead(const struct ozx_place *place, const struct ozx_mount_id *mount)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    const struct ozx_mount_entry *entry;
    struct ozx_error ignored = OZX_ERROR_INIT;
    enum ozx_mount_condition condition;
    struct ozx_mount_state state;
    bool counted;

    if (ozx_mountinfo_read(&info))
        return true;
    entry = ozx_mountinfo_by_number(&info, mount->number);
    if (!entry)
        return true;
    if (!ozx_mount_entry_is_fuse(entry))
        return false;
    condition = ozx_mount_ask(entry, &state, &counted);
    if (condition == OZX_MOUNT_DEAD)
        (void)!ozx_unmount(place, mount, true, &ignored);
    return condition == OZX_MOUNT_DEAD || condition == OZX_MOUNT_SILENT;
}

static void clear_up(const struct ozx_place *place)
{
    struct ozx_mount_id mount;

    for (int i = 0; i < RETRIES_MAX && !ozx_mount_point_remove_made(place, geteuid()); i++) {
        if (ozx_place_mount(place, &mount) || !unmount_dead(place, &mount))
            return; /* the directory is gone, or has become somebody else's */
        ozx_wait_ms(RETRY_MS);
    }
}

/* In the child, whose signals are blocked. */
static void watch(int end)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_start_guard_word word = {.name = ""};
    int parent = -1;

    setsid(); /* what kills the process group does not kill it */
    ozx_descriptors_close_others(&end, 1);
    if (chdir("/") < 0 || ozx_process_detach_standard() ||
        ozx_descriptors_send(end, "", 1, -1, 0) < 0)
        return;
    while (ozx_descriptors_receive(end, &word, sizeof word, 0, &parent) == (ssize_t)sizeof word) {
        if (!word.name[0])
            return;
        ozx_place_close(&place);
        place.parent = parent;
        snprintf(place.name, sizeof place.name, "%s", word.name);
        snprintf(place.path, sizeof place.path, "%s", word.path);
    }
    if (place.parent >= 0)
        clear_up(&place);
}

void ozx_start_guard_begin(struct ozx_start_guard *guard)
{
    sigset_t all, old;
    int ends[2];
    char byte;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    guard->pid = fork();
    if (guard->pid == 0) {
        watch(ends[0]);
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ends[0]);
    guard->end = ends[1];
    (void)!ozx_descriptors_receive(guard->end, &byte, 1, 0, NULL);
}
