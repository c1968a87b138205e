/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The caller's side of a mount: starts the supervisor and waits for a true answer.
 */
#include "mount/mount.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/wait.h"
#include "cage/sandbox.h"
#include "mount/channel.h"
#include "mount/mount_lease.h"
#include "mount/process.h"
#include "mount/start_guard.h"
#include "mount/supervisor.h"

static int fail(enum ozx_mount_stage *stage, struct ozx_error *error, int code, const char *what)
{
    *stage = OZX_MOUNT_STAGE_SYSTEM;
    return ozx_error_set(error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "%s: %s", what,
                         strerror(-code));
}

/* The supervisor's life in the background, in the child. Nothing of the caller's stays open or in
 * use: not its terminal, its pipes, its working directory. */
static int live_in_background(const struct ozx_mount_options *options,
                              struct ozx_mount_contents *contents,
                              const struct ozx_mount_events *events, int answer, int signals)
{
    const struct ozx_place *place = options->place;
    const int others[] = {answer,
                          signals,
                          options->handed_fd,
                          options->log_fd,
                          options->start_guard ? options->start_guard->end : -1,
                          place ? place->parent : -1,
                          place ? place->directory : -1,
                          options->private_place ? options->private_place->base : -1};
    struct ozx_error error = OZX_ERROR_INIT;
    enum ozx_mount_stage stage;
    int failure;

    /* It leaves the caller's process group as late as it can (answer_served): until then autofs
     * lets no other process than its automounter's group near the mount point. Leases are not
     * mounted on one. */
    if (options->private_place)
        setsid();
    else
        signal(SIGTSTP, SIG_IGN);
    /* A fusermount3 has it, too, so that a lease's caller sees when nobody mounts any more. */
    if (options->private_place)
        fcntl(answer, F_SETFD, 0);
    failure = ozx_mount_contents_close_others(contents, others, sizeof others / sizeof others[0]);
    if (!failure)
        failure = chdir("/") < 0 ? -errno : ozx_process_detach_standard();
    if (failure) {
        ozx_error_set(&error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "cannot leave the caller's files: %s", strerror(-failure));
        (void)!ozx_channel_send(answer, OZX_MESSAGE_FAILED, OZX_MOUNT_STAGE_SYSTEM, &error, false);
        return EXIT_FAILURE;
    }
    return ozx_supervisor_run(options, contents, events, answer, signals, &stage, &error)
               ? EXIT_FAILURE
               : EXIT_SUCCESS;
}

static int interrupted(enum ozx_mount_stage *stage, struct ozx_error *error)
{
    *stage = OZX_MOUNT_STAGE_INTERRUPTED;
    return ozx_error_set(error, -EINTR, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "interrupted: nothing is mounted");
}

static int vanished(enum ozx_mount_stage *stage, struct ozx_error *error)
{
    *stage = OZX_MOUNT_STAGE_CRASH;
    return ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "the supervisor ended without reporting a result");
}

/* One message of the supervisor. 1: there is more to come; 0: served; else the failure. */
static int receive_answer(const struct ozx_mount_options *options,
                          const struct ozx_mount_events *events, int answer,
                          enum ozx_mount_stage *stage, struct ozx_error *error)
{
    struct ozx_message message;

    if (ozx_channel_receive(answer, &message, NULL) != 1)
        return vanished(stage, error);
    switch (message.kind) {
    case OZX_MESSAGE_WARNING:
        events->warning(events->context, &message.error);
        return 1;
    case OZX_MESSAGE_INFO:
        if (options->verbose)
            events->info(events->context, message.error.text);
        return 1;
    case OZX_MESSAGE_SERVING:
        events->served(events->context);
        return 0;
    case OZX_MESSAGE_FAILED:
        *stage = (enum ozx_mount_stage)message.value;
        *error = message.error;
        return error->code ? error->code : -EIO;
    default:
        return 1;
    }
}

/* Waits for the answer, or for a signal: then the closed channel tells the supervisor to give up.
 */
static int wait_for_answer(const struct ozx_mount_options *options,
                           const struct ozx_mount_events *events, int answer, int signals,
                           enum ozx_mount_stage *stage, struct ozx_error *error)
{
    struct pollfd sources[] = {{.fd = answer, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    int number, more = 1;

    while (more == 1) {
        if (poll(sources, 2, -1) < 0 && errno != EINTR)
            return fail(stage, error, -errno, "cannot wait for the mount");
        while ((number = ozx_process_next_signal(signals)))
            if (number != SIGCHLD) /* the channel says it better */
                return interrupted(stage, error);
        if (sources[0].revents)
            more = receive_answer(options, events, answer, stage, error);
    }
    return more;
}

/* Starts the supervisor and waits for its answer. Then `lease` has the channel to it; NULL: it is
 * closed. */
static int run_in_background(const struct ozx_mount_options *options,
                             struct ozx_mount_contents *contents,
                             const struct ozx_mount_events *events, int signals,
                             struct ozx_mount_lease *lease, enum ozx_mount_stage *stage,
                             struct ozx_error *error)
{
    int sockets[2], failure = ozx_channel_pair(sockets);
    pid_t supervisor;

    if (failure) {
        ozx_mount_contents_close(contents);
        return fail(stage, error, failure, "cannot create a socket");
    }
    supervisor = fork();
    if (supervisor == 0) {
        close(sockets[0]);
        ozx_sandbox_forget_environment(); /* it lives on, and was told all by options */
        _exit(live_in_background(options, contents, events, sockets[1], signals));
    }
    failure = supervisor < 0 ? -errno : 0;
    close(sockets[1]);
    ozx_mount_contents_close(contents);
    if (failure) {
        close(sockets[0]);
        return fail(stage, error, failure, "cannot start the supervisor");
    }
    failure = wait_for_answer(options, events, sockets[0], signals, stage, error);
    if (lease) {
        *lease = (struct ozx_mount_lease){options->private_place, supervisor, sockets[0], {0}};
        return failure;
    }
    close(sockets[0]);
    if (failure) {
        kill(supervisor, SIGTERM);  /* it may have begun to serve meanwhile */
        ozx_wait_child(supervisor); /* when it is gone, so are worker and mount */
    }
    return failure;
}

int ozx_mount_run(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                  const struct ozx_mount_events *events, enum ozx_mount_stage *stage,
                  struct ozx_error *error)
{
    OZX_AUTO_CLOSE int signals = -1;
    sigset_t old;
    int failure = ozx_process_signals(options->foreground, &old, &signals);

    if (failure) {
        ozx_mount_contents_close(contents);
        return fail(stage, error, failure, "cannot handle signals");
    }
    signal(SIGPIPE, SIG_IGN); /* a reader of our messages that leaves does not end the mount */
    fflush(NULL);             /* or the children would write it again */
    failure = options->foreground
                  ? ozx_supervisor_run(options, contents, events, -1, signals, stage, error)
                  : run_in_background(options, contents, events, signals, NULL, stage, error);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return failure;
}

int ozx_mount_start(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                    const struct ozx_mount_events *events, struct ozx_mount_lease *lease,
                    enum ozx_mount_stage *stage, struct ozx_error *error)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    OZX_AUTO_CLOSE int signals = -1;
    struct ozx_error ignored = OZX_ERROR_INIT;
    sigset_t old;
    int failure = ozx_process_signals(true, &old, &signals);

    if (failure) {
        ozx_mount_contents_close(contents);
        return fail(stage, error, failure, "cannot handle signals");
    }
    fflush(NULL);
    failure = run_in_background(options, contents, events, signals, lease, stage, error);
    if (failure) {
        (void)!ozx_mount_lease_end(lease, &ignored);
    } else if (ozx_private_place_find(options->private_place, &place) ||
               ozx_place_mount(&place, &lease->id)) {
        lease->id = (struct ozx_mount_id){0}; /* gone again */
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    return failure;
}
