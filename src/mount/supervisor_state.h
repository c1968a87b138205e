/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The supervisor's state, and how it tells what there is to say: seen by supervisor.c and
 * supervisor_tell.c only.
 */
#ifndef OZX_MOUNT_SUPERVISOR_STATE_H
#define OZX_MOUNT_SUPERVISOR_STATE_H

#include "mount/channel.h"
#include "mount/direct_start.h"
#include "mount/own_mount.h"
#include "mount/tenant.h"

enum ozx_supervisor_phase {
    OZX_SUPERVISOR_PARSING,
    OZX_SUPERVISOR_STARTING,
    OZX_SUPERVISOR_SERVING
};

struct ozx_supervisor {
    const struct ozx_mount_options *options;
    const struct ozx_mount_events *events;
    enum ozx_supervisor_phase phase;
    int answer; /* to the caller; -1: in the foreground, answered (and not leased), or it is gone */
    bool background;
    int signals;
    int worker; /* the channel; -1 once it is no use */
    pid_t worker_pid;
    struct ozx_direct_start direct;  /* what is tried before FUSE */
    uint64_t messages, messages_max; /* the latter grows with time */
    int64_t since_ms;
    struct ozx_own_mount mount;
    struct ozx_tenant tenant;
    bool over;           /* of a leased mount: the command is to end, then the mount */
    bool ended;          /* the worker said so, and then: */
    bool visible;        /* the mount was still there, so it was not unmounted but cut off */
    bool killed;         /* the worker, by us: a signal wanted an end */
    int64_t deadline_ms; /* to kill the worker, and then to go without it; 0: none */
    enum ozx_mount_stage stage;
    struct ozx_error error; /* the first failure; code 0 without one */
};

/* Keeps the first failure; the later ones follow from it. */
void ozx_supervisor_fail(struct ozx_supervisor *s, enum ozx_mount_stage stage,
                         const struct ozx_error *error);

/* To the log, or the terminal of a mount in the foreground. */
void ozx_supervisor_note(const struct ozx_supervisor *s, const struct ozx_error *error);
void ozx_supervisor_note_of(void *supervisor, const struct ozx_error *error);
OZX_PRINTF(2, 3)
void ozx_supervisor_note_text(const struct ozx_supervisor *s, const char *format, ...);

/* Passes on to the caller, or calls the event if that is this process. */
void ozx_supervisor_tell(const struct ozx_supervisor *s, const struct ozx_message *message);

#endif
