/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The watch over a mount that the kernel serves: who wants to write to the archive waits (a lease
 * on it, fcntl(2)) until nothing of it is served any more that is not cached.
 *
 *     supervisor   has the lease's signal, catches signals, unmounts
 *     guard        does so when the supervisor was killed, with a guard of its own
 *
 * Both hold the archive's descriptor, so the lease does not end with one of them. They end with the
 * file system, not with its mount: there may be copies of it in other mount namespaces. That is
 * when nobody but them has the image open.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/wait.h"
#include "mount/kernel/image.h"
#include "mount/kernel/keeper.h"
#include "mount/kernel/quiesce.h"
#include "mount/kernel/state.h"
#include "mount/process.h"

/* how long reads that are under way are waited for, at most: leases are broken after 45 */
#define QUIESCE_S 36
#define END_MS 5000 /* how long a signal waits for the mount's last user */
/* Where nothing tells that the file system is gone, it is asked for so often; else the pauses grow
 * from 1 ms to a minute. */
#define ASK_MS 1000
#define ASK_MAX_MS 60000

struct watch {
    struct ozx_direct *direct;
    const struct ozx_own_mount *own;
    int signals;
    const struct ozx_direct_events *events;
    bool is_guard;
    pid_t peer;
    int peer_fd; /* pidfd; -1: there is none */
    int closed;  /* inotify: somebody closed the image; -1: there is none */
    int ask_ms;  /* until it is asked again, though nothing is told */
    bool poisoned;
    int64_t deadline_ms; /* when to poison and go; 0: never */
};

static void note(const struct watch *w, const char *text, const char *hint)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, -ESTALE, OZX_RULE_CHANGED, OZX_OFFSET_NONE, hint, "%s", text);
    w->events->note(w->events->context, &error);
}

/* The kernel takes a lease away after a time of its own. */
static int64_t quiesce_ms(void)
{
    FILE *file = fopen("/proc/sys/fs/lease-break-time", "re");
    int64_t most_ms = QUIESCE_S * INT64_C(1000), seconds = 0;
    bool known = file && fscanf(file, "%" SCNd64, &seconds) == 1 && seconds > 0;

    if (file)
        fclose(file);
    return known && seconds * 800 < most_ms ? seconds * 800 : most_ms;
}

static void poison(struct watch *w)
{
    if (w->poisoned)
        return;
    ozx_kernel_image_poison(w->direct->image.memory, w->direct->meta_end_bytes);
    w->poisoned = true;
    ozx_quiesce(quiesce_ms());
}

/* Lets who waits to write go on. */
static void let_change(struct watch *w)
{
    poison(w);
    ozx_lease_end(w->direct);
    note(w, "the archive was opened for writing: what is not cached answers with an error",
         "unmount it and mount it again");
}

/* A lease for writing is given to the only one who has the file open. */
static bool is_gone(const struct watch *w)
{
    if (fcntl(w->direct->image.fd, F_SETLEASE, F_WRLCK) < 0)
        return false;
    fcntl(w->direct->image.fd, F_SETLEASE, F_UNLCK);
    return true;
}

static int watch_image(const struct watch *w)
{
    char path[64];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    snprintf(path, sizeof path, "/proc/self/fd/%d", w->direct->image.fd);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_CLOSE) < 0)
        close(ozx_take_fd(&fd));
    return fd;
}

static void drain(int fd)
{
    char bytes[4096];

    while (fd >= 0 && read(fd, bytes, sizeof bytes) > 0)
        ;
}

/* --- the pair --------------------------------------------------------------------------------- */

static void run(struct watch *w);

static void live_as_guard(struct watch *w)
{
    const struct ozx_direct *d = w->direct;
    const struct ozx_place *place = w->own->place;
    const int keep[] = {d->archive,    d->breaks,  d->image.fd,       w->signals,
                        place->parent, w->peer_fd, d->options->log_fd};

    setsid();
    (void)!chdir("/");
    ozx_descriptors_close_others(keep, sizeof keep / sizeof keep[0]);
    (void)!ozx_process_detach_standard();
    w->is_guard = true;
    w->closed = watch_image(w);
    w->ask_ms = 1;
    run(w);
    ozx_own_mount_clear(w->own);
}

/* A second process that goes on if this one is killed. Without one it works, too. */
static void start_guard(struct watch *w)
{
    pid_t self = getpid();
    int own_fd = pidfd_open(self, 0);

    w->peer = own_fd < 0 ? -1 : fork();
    if (w->peer == 0) {
        w->peer_fd = own_fd;
        w->peer = self;
        live_as_guard(w);
        _exit(0);
    }
    w->peer_fd = w->peer > 0 ? pidfd_open(w->peer, 0) : -1;
    if (own_fd >= 0)
        close(own_fd);
}

static void stop_guard(struct watch *w)
{
    if (w->is_guard || w->peer <= 0)
        return;
    kill(w->peer, SIGKILL);
    (void)!ozx_wait_child(w->peer);
    if (w->peer_fd >= 0)
        close(ozx_take_fd(&w->peer_fd));
}

/* The other one is gone. */
static void replace_peer(struct watch *w)
{
    close(ozx_take_fd(&w->peer_fd));
    if (!w->is_guard)
        (void)!ozx_wait_child(w->peer);
    w->is_guard = false;
    fcntl(w->direct->archive, F_SETOWN, getpid());
    start_guard(w);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void end_mount(struct watch *w)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (w->deadline_ms) {
        w->deadline_ms = ozx_clock_ms();
        return;
    }
    w->deadline_ms = ozx_clock_ms() + END_MS;
    failure = ozx_own_mount_end(w->own, false, &error);
    if (failure == -EBUSY) {
        failure = ozx_own_mount_end(w->own, true, &error);
        if (!failure)
            note(w, "the mount was in use: it is detached and ends in 5 s", NULL);
    }
    if (failure)
        w->events->note(w->events->context, &error);
}

static void handle_signals(struct watch *w)
{
    int number;

    while ((number = ozx_process_next_signal(w->signals)))
        if (number != SIGCHLD && !w->is_guard)
            end_mount(w);
}

static int poll_ms(struct watch *w)
{
    int64_t left_ms = w->deadline_ms - ozx_clock_ms();
    int ask_ms = w->closed >= 0 ? w->ask_ms : ASK_MS;

    if (w->deadline_ms)
        return left_ms > 0 ? (int)left_ms : 0;
    w->ask_ms = ask_ms < ASK_MAX_MS / 2 ? 2 * ask_ms : ASK_MAX_MS;
    return ask_ms;
}

/* The kernel tells of a close while it is under way: the image still counts as open then, and
 * nothing is told when it no longer does. */
static void hear_close(struct watch *w)
{
    drain(w->closed);
    w->ask_ms = 1;
}

static void run(struct watch *w)
{
    while (!is_gone(w)) {
        struct pollfd sources[] = {{.fd = w->signals, .events = POLLIN},
                                   {.fd = w->is_guard ? -1 : w->direct->breaks, .events = POLLIN},
                                   {.fd = w->peer_fd, .events = POLLIN},
                                   {.fd = w->closed, .events = POLLIN}};

        /* Asked for, too: its signal may have gone to one who was killed. */
        if (!w->is_guard && !w->poisoned && ozx_lease_is_broken(w->direct))
            let_change(w);
        if (poll(sources, 4, poll_ms(w)) < 0 && errno != EINTR)
            ozx_wait_ms(ASK_MS);
        drain(w->is_guard ? -1 : w->direct->breaks);
        if (sources[3].revents)
            hear_close(w);
        if (sources[2].revents)
            replace_peer(w);
        handle_signals(w);
        if (w->deadline_ms && ozx_clock_ms() >= w->deadline_ms) {
            poison(w);
            return;
        }
    }
}

void ozx_kernel_watch(struct ozx_direct *direct, const struct ozx_own_mount *own, int signals,
                      const struct ozx_direct_events *events)
{
    struct watch w = {.direct = direct,
                      .own = own,
                      .signals = signals,
                      .events = events,
                      .peer_fd = -1,
                      .closed = -1,
                      .ask_ms = 1};

    w.closed = watch_image(&w);
    start_guard(&w);
    ozx_keeper_stop(direct);
    events->watched(events->context);
    run(&w);
    stop_guard(&w);
    if (w.closed >= 0)
        close(w.closed);
}
