/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The supervisor: an event loop over the worker's messages, signals and the caller. It
 * never reads the archive and trusts nothing that the worker says: a lying worker can make it mount
 * and unmount its own mount point and log a few lines, no more.
 *
 *     PARSING --parsed, mounted--> STARTING --serving--> SERVING --worker gone--> end
 *
 * Of a leased mount (mount/mount_lease.h) the command ends first.
 */
#include "mount/supervisor.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/wait.h"
#include "mount/kernel_mount.h"
#include "mount/process.h"
#include "mount/start_guard.h"
#include "mount/supervisor_state.h"
#include "mount/worker.h"
#include "mount/worker_end.h"

#define MESSAGES_MAX 256      /* of each archive: more than an honest worker ever has to say */
#define MESSAGE_PAUSE_MS 5000 /* and one more after each such time */

#define KILL_MS 5000 /* how long a signal waits for the mount's last user */
#define REAP_MS 500  /* how long a killed worker may take: it can be stuck in the disk */

/* The worker ends with the mount's last user, but not later than this. */
static void kill_worker_at(struct ozx_supervisor *s, int64_t when_ms)
{
    if (!s->deadline_ms || when_ms < s->deadline_ms)
        s->deadline_ms = when_ms;
}

static bool is_leased(const struct ozx_supervisor *s)
{
    return s->options->private_place != NULL;
}

/* A signal wants an end: unmounts, and if the mount is in use detaches it. */
static void end_mount(struct ozx_supervisor *s)
{
    struct ozx_error error = OZX_ERROR_INIT;
    int failure = ozx_own_mount_end(&s->mount, false, &error);

    kill_worker_at(s, ozx_clock_ms() + KILL_MS);
    if (failure == -EBUSY) {
        failure = ozx_own_mount_end(&s->mount, true, &error);
        if (!failure)
            ozx_supervisor_note_text(s, "the mount was in use: it is detached and ends in %d s",
                                     KILL_MS / 1000);
    }
    if (failure)
        ozx_supervisor_note(s, &error);
}

/* Gives up before anything was served: no mount and no worker stay. */
static void abandon(struct ozx_supervisor *s)
{
    struct ozx_error error = OZX_ERROR_INIT;

    kill(s->worker_pid, SIGKILL);
    s->killed = true;
    s->deadline_ms = ozx_clock_ms() + REAP_MS;
    if (s->mount.mounted && ozx_own_mount_end(&s->mount, true, &error) && error.code != -ESTALE)
        ozx_supervisor_note(s, &error);
}

static void tell_info(const struct ozx_supervisor *s, const char *text)
{
    struct ozx_message info = {.kind = OZX_MESSAGE_INFO};

    snprintf(info.error.text, sizeof info.error.text, "%s", text);
    ozx_supervisor_tell(s, &info);
}

/* The kernel cannot serve it: FUSE does, unless nothing else was wanted. */
static void give_up_direct(struct ozx_supervisor *s, const struct ozx_error *why)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_direct_start_end(&s->direct);
    ozx_direct_start_explain(why, &error);
    if (!s->options->direct_only) {
        tell_info(s, error.text);
        return;
    }
    ozx_supervisor_fail(s, OZX_MOUNT_STAGE_MOUNT, &error);
    if (s->worker_pid > 0)
        abandon(s);
}

/* The caller went away before it got an answer. */
static bool is_abandoned(const struct ozx_supervisor *s)
{
    struct pollfd answer = {.fd = s->answer};

    return s->answer >= 0 && poll(&answer, 1, 0) > 0;
}

/* True: the kernel serves, and the worker is not needed any more. */
static bool serve_directly(struct ozx_supervisor *s)
{
    struct ozx_error why = OZX_ERROR_INIT;

    if (!s->direct.direct)
        return false;
    if (ozx_direct_start_attach(&s->direct, &s->mount.id, &why)) {
        give_up_direct(s, &why);
        return false;
    }
    s->mount.mounted = true;
    if (is_abandoned(s))
        return true; /* it is ended next */
    tell_info(s, why.text);
    ozx_process_take_name(s->mount.id.device_minor);
    kill(s->worker_pid, SIGKILL);
    s->killed = true;
    s->phase = OZX_SUPERVISOR_SERVING;
    return true;
}

static void start_serving(struct ozx_supervisor *s)
{
    struct ozx_error error = OZX_ERROR_INIT;
    unsigned minor = 0;

    if (serve_directly(s) || s->error.code)
        return;
    s->phase = OZX_SUPERVISOR_STARTING;
    if (s->options->handed_fd < 0) {
        if ((is_leased(s) &&
             ozx_private_place_make(s->options->private_place, s->options->place, &error)) ||
            ozx_kernel_mount(s->options, s->worker, &s->mount.id, &error)) {
            ozx_supervisor_fail(s, OZX_MOUNT_STAGE_MOUNT, &error);
            abandon(s);
            return;
        }
        s->mount.mounted = true;
        minor = s->mount.id.device_minor;
        ozx_process_take_name(minor);
    }
    /* If the worker is gone, its end is noticed next. */
    (void)!ozx_channel_send(s->worker, OZX_MESSAGE_START, minor, NULL, false);
}

static void answer_served(struct ozx_supervisor *s, const struct ozx_message *message)
{
    struct ozx_message info = {.kind = OZX_MESSAGE_INFO};

    s->phase = OZX_SUPERVISOR_SERVING;
    if (s->options->start_guard)
        ozx_start_guard_end(s->options->start_guard);
    if (s->background && !is_leased(s))
        setsid();
    snprintf(info.error.text, sizeof info.error.text,
             s->mount.mounted ? "supervisor %d, mounted as device 0:%u" : "supervisor %d",
             (int)getpid(), s->mount.id.device_minor);
    ozx_supervisor_tell(s, &info);
    ozx_supervisor_tell(s, message);
    if (s->answer >= 0 && !is_leased(s))
        close(ozx_take_fd(&s->answer));
}

static void fail_by_worker(struct ozx_supervisor *s, const struct ozx_message *message)
{
    enum ozx_mount_stage stage =
        s->phase == OZX_SUPERVISOR_PARSING && message->value == OZX_MOUNT_STAGE_ARCHIVE
            ? OZX_MOUNT_STAGE_ARCHIVE
            : OZX_MOUNT_STAGE_SYSTEM;

    ozx_supervisor_fail(s, stage, &message->error);
}

/* Looked at right away: a second later the same numbers may be those of a new mount. */
static void see_end(struct ozx_supervisor *s)
{
    s->ended = true;
    s->visible = ozx_own_mount_is_there(&s->mount);
}

static void receive_from_worker(struct ozx_supervisor *s)
{
    struct ozx_message message;
    int got = ozx_channel_receive(s->worker, &message, NULL);

    if (got != 1 || ++s->messages > s->messages_max + (uint64_t)(ozx_clock_ms() - s->since_ms) /
                                                          MESSAGE_PAUSE_MS) {
        /* It has ended, or talks nonsense. What serves may go on without a word to us; its end
         * comes as a signal. */
        close(ozx_take_fd(&s->worker));
        if (s->phase != OZX_SUPERVISOR_SERVING)
            kill(s->worker_pid, SIGKILL);
        return;
    }
    if (message.kind == OZX_MESSAGE_NO_TABLE && s->phase == OZX_SUPERVISOR_PARSING &&
        s->direct.direct)
        give_up_direct(s, &message.error);
    else if (message.kind == OZX_MESSAGE_FAILED)
        fail_by_worker(s, &message);
    else if (message.kind == OZX_MESSAGE_PARSED && s->phase == OZX_SUPERVISOR_PARSING &&
             !s->error.code)
        start_serving(s);
    else if (message.kind == OZX_MESSAGE_SERVING && s->phase == OZX_SUPERVISOR_STARTING)
        answer_served(s, &message);
    else if (message.kind == OZX_MESSAGE_STARTED && s->mount.mounted)
        ozx_kernel_mount_readahead(s->mount.id.device_minor, s->options->max_read_bytes);
    else if (message.kind == OZX_MESSAGE_ENDED && s->phase == OZX_SUPERVISOR_SERVING && !s->ended)
        see_end(s);
    else if (message.kind == OZX_MESSAGE_NOTE && s->phase == OZX_SUPERVISOR_SERVING)
        ozx_supervisor_note(s, &message.error);
    else if ((message.kind == OZX_MESSAGE_WARNING || message.kind == OZX_MESSAGE_INFO) &&
             s->phase != OZX_SUPERVISOR_SERVING)
        ozx_supervisor_tell(s, &message);
}

static void interrupt_start(struct ozx_supervisor *s)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                  "interrupted: nothing is mounted");
    ozx_supervisor_fail(s, OZX_MOUNT_STAGE_INTERRUPTED, &error);
    abandon(s);
}

static void judge_end(struct ozx_supervisor *s, int status)
{
    struct ozx_worker_end end = {.status = status,
                                 .parsing = s->phase == OZX_SUPERVISOR_PARSING,
                                 .served = s->phase == OZX_SUPERVISOR_SERVING,
                                 .killed = s->killed};
    struct ozx_error error = OZX_ERROR_INIT;
    enum ozx_mount_stage stage;

    end.visible = end.served && (s->ended ? s->visible : ozx_own_mount_is_there(&s->mount));
    end.stays = !is_leased(s);
    if (!s->error.code && ozx_worker_end_judge(&end, &stage, &error))
        ozx_supervisor_fail(s, stage, &error);
}

/* What an ended worker said before is still in the queue. */
static void drain_worker_messages(struct ozx_supervisor *s)
{
    struct pollfd queue = {.events = POLLIN};

    while ((queue.fd = s->worker) >= 0 && poll(&queue, 1, 0) > 0)
        receive_from_worker(s);
}

/* True if the worker has ended; then everything is judged. */
static bool reap(struct ozx_supervisor *s)
{
    int status;

    if (waitpid(s->worker_pid, &status, WNOHANG) != s->worker_pid)
        return false;
    drain_worker_messages(s);
    judge_end(s, status);
    if (s->phase != OZX_SUPERVISOR_SERVING && s->mount.mounted) {
        struct ozx_error ignored = OZX_ERROR_INIT;
        (void)!ozx_own_mount_end(&s->mount, true, &ignored);
    }
    return true;
}

/* A signal while it serves. A second one does not wait for the mount's last user. */
static void handle_signal(struct ozx_supervisor *s)
{
    if (s->killed)
        return;
    s->over = is_leased(s);
    if (s->over && !ozx_tenant_end(&s->tenant))
        return; /* the loop looks again */
    if (s->deadline_ms || s->options->handed_fd >= 0)
        kill_worker_at(s, ozx_clock_ms()); /* who mounted a handed device unmounts it */
    else
        end_mount(s);
}

/* True: leave, though the worker has not. */
static bool check_deadline(struct ozx_supervisor *s)
{
    if (!s->deadline_ms || ozx_clock_ms() < s->deadline_ms)
        return false;
    if (s->killed) {
        ozx_supervisor_note_text(
            s, "the worker (process %d) was killed and has not ended: it waits for the disk",
            (int)s->worker_pid);
        return true;
    }
    kill(s->worker_pid, SIGKILL);
    s->killed = true;
    s->deadline_ms = ozx_clock_ms() + REAP_MS;
    return false;
}

/* Milliseconds until then, or until the command's time is up. */
static int poll_ms(const struct ozx_supervisor *s)
{
    int64_t until_ms = s->deadline_ms ? s->deadline_ms : s->tenant.deadline_ms;
    int64_t left_ms = until_ms - ozx_clock_ms();

    return !until_ms ? -1 : left_ms > 0 ? (int)left_ms : 0;
}

/* The caller went away, or (leased) has something to say. */
static void hear_caller(struct ozx_supervisor *s)
{
    if (is_leased(s) && ozx_tenant_receive(&s->tenant, s->answer))
        return;
    close(ozx_take_fd(&s->answer));
    if (s->phase != OZX_SUPERVISOR_SERVING)
        interrupt_start(s); /* before it got an answer: nobody wants the mount */
    else
        handle_signal(s);
}

static void run(struct ozx_supervisor *s)
{
    for (;;) {
        const bool waits = s->over && !s->deadline_ms; /* for the command */
        struct pollfd sources[] = {{.fd = s->signals, .events = POLLIN},
                                   {.fd = s->worker, .events = POLLIN},
                                   {.fd = s->answer, .events = is_leased(s) ? POLLIN : 0},
                                   {.fd = s->direct.pipe, .events = POLLIN},
                                   {.fd = s->direct.alarm, .events = POLLIN},
                                   {.fd = waits ? s->tenant.pidfd : -1, .events = POLLIN}};
        struct ozx_error why = OZX_ERROR_INIT;
        int number;

        if (poll(sources, 6, poll_ms(s)) < 0 && errno != EINTR)
            return;
        if (s->direct.direct && (sources[3].revents || sources[4].revents) &&
            ozx_direct_start_continue(&s->direct, sources[4].revents, &why))
            give_up_direct(s, &why);
        if (sources[1].revents && s->worker >= 0)
            receive_from_worker(s);
        if (s->direct.attached && s->phase == OZX_SUPERVISOR_SERVING)
            return;
        if (sources[2].revents && s->answer >= 0)
            hear_caller(s);
        if (waits)
            handle_signal(s);
        while ((number = ozx_process_next_signal(s->signals))) {
            if (number == SIGCHLD) {
                if (reap(s))
                    return;
            } else if (s->phase != OZX_SUPERVISOR_SERVING) {
                interrupt_start(s);
            } else {
                handle_signal(s);
            }
        }
        if (check_deadline(s))
            return;
    }
}

/* A leased mount whose worker is gone stays, dead, until nobody can take it for an empty directory.
 */
static void wait_for_lease(struct ozx_supervisor *s)
{
    struct ozx_error error = OZX_ERROR_INIT;

    ozx_error_set(&error, -ENOENT, 0, OZX_OFFSET_NONE, NULL,
                  "it was unmounted before the command ended");
    if (s->answer >= 0 && !s->over)
        (void)!ozx_channel_send(s->answer, OZX_MESSAGE_FAILED, s->stage,
                                s->error.code ? &s->error : &error, false);
    ozx_tenant_outlive(&s->tenant, &s->answer, s->signals, s->over);
    if (ozx_own_mount_is_there(&s->mount) && ozx_own_mount_end(&s->mount, true, &error))
        ozx_supervisor_note(s, &error);
}

/* The worker was killed before; what it had takes the system a while to free. */
static void answer_watched(void *supervisor)
{
    const struct ozx_supervisor *s = supervisor;
    const struct ozx_message served = {.kind = OZX_MESSAGE_SERVING};

    answer_served(supervisor, &served);
    (void)!ozx_wait_child(s->worker_pid);
}

/* The mount is served by nobody of us; this process watches over it, and unmounts it. */
static void watch(struct ozx_supervisor *s)
{
    const struct ozx_direct_events events = {
        .context = s, .watched = answer_watched, .note = ozx_supervisor_note_of};

    if (s->worker >= 0)
        close(ozx_take_fd(&s->worker));
    s->direct.backend->watch(s->direct.direct, &s->mount, s->signals, &events);
    ozx_direct_start_end(&s->direct);
}

/* Tells who waits of a failure. */
static void tell_failure(struct ozx_supervisor *s)
{
    if (s->error.code && s->answer >= 0)
        (void)!ozx_channel_send(s->answer, OZX_MESSAGE_FAILED, s->stage, &s->error, false);
    else if (s->error.code && s->background && s->phase == OZX_SUPERVISOR_SERVING)
        ozx_supervisor_note(s, &s->error);
    if (s->worker >= 0)
        close(s->worker);
    if (s->answer >= 0)
        close(s->answer);
}

/* From the worker's start to its end, or to that of a mount without one. */
static void live(struct ozx_supervisor *s, struct ozx_mount_contents *contents)
{
    int failure =
        ozx_worker_start(s->options, contents, s->direct.worker_pipe, &s->worker_pid, &s->worker);

    ozx_direct_start_begun(&s->direct);
    if (s->options->handed_fd >= 0)
        close(s->options->handed_fd);
    if (failure) {
        ozx_error_set(&s->error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "cannot start the worker: %s", strerror(-failure));
        s->stage = OZX_MOUNT_STAGE_SYSTEM;
    } else {
        run(s);
    }
    if (s->direct.attached && s->phase == OZX_SUPERVISOR_SERVING)
        watch(s);
    ozx_direct_start_end(&s->direct);
    if (is_leased(s) && s->phase == OZX_SUPERVISOR_SERVING)
        wait_for_lease(s);
    ozx_own_mount_clear(&s->mount);
    ozx_tenant_close(&s->tenant);
}

int ozx_supervisor_run(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                       const struct ozx_mount_events *events, int answer, int signals,
                       enum ozx_mount_stage *stage, struct ozx_error *error)
{
    struct ozx_supervisor s = {.options = options,
                               .events = events,
                               .answer = answer,
                               .background = answer >= 0,
                               .signals = signals,
                               .worker = -1,
                               .since_ms = ozx_clock_ms(),
                               .messages_max = ((uint64_t)contents->count + 1) * MESSAGES_MAX,
                               .mount = {.place = options->place,
                                         .private_place = options->private_place,
                                         .source = options->fsname},
                               .tenant = OZX_TENANT_INIT,
                               .error = OZX_ERROR_INIT};
    struct ozx_error why = OZX_ERROR_INIT;

    if (ozx_direct_start_begin(options, contents, &s.direct, &why))
        give_up_direct(&s, &why);
    if (s.error.code)
        ozx_mount_contents_close(contents);
    else
        live(&s, contents);
    tell_failure(&s);
    if (s.error.code) {
        *stage = s.stage;
        *error = s.error;
    }
    return s.error.code;
}
