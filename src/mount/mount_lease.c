/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The caller's side of a leased mount, after it was started.
 */
#include "mount/mount_lease.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/wait.h"
#include "mount/channel.h"
#include "mount/daemons.h"
#include "mount/process.h"
#include "mount/unmount.h"

#define SUPERVISOR_MS 15000 /* longer than it may take: 5 s for the command, 5 for the last user */
#define HELPER_MS 10000
#define WORKER_MS 5000
#define REAP_MS 500

int ozx_mount_lease_hand_command(const struct ozx_mount_lease *lease, int pidfd)
{
    return ozx_channel_send_descriptor(lease->channel, OZX_MESSAGE_COMMAND, pidfd);
}

int ozx_mount_lease_look(const struct ozx_mount_lease *lease, struct ozx_error *error)
{
    struct ozx_message message;

    if (ozx_channel_receive(lease->channel, &message, NULL) != 1) {
        ozx_error_set(error, -EIO, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "the supervisor ended before the command did");
        return 1;
    }
    if (message.kind != OZX_MESSAGE_FAILED)
        return 0;
    *error = message.error;
    return 1;
}

static bool wait_for(int fd, int events, int timeout_ms)
{
    struct pollfd end = {.fd = fd, .events = (short)events};
    int64_t end_ms = ozx_clock_ms() + timeout_ms;
    int ready;

    do {
        int64_t left_ms = end_ms - ozx_clock_ms();
        ready = poll(&end, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* The channel is open in the supervisor and in a fusermount3 that it has started, and in nothing
 * else: once its end is read, nobody mounts or unmounts any more. */
static void wait_for_helpers(int channel)
{
    struct ozx_message message;
    int64_t end_ms = ozx_clock_ms() + HELPER_MS;

    while (wait_for(channel, POLLIN, (int)(end_ms - ozx_clock_ms())) &&
           ozx_channel_receive(channel, &message, NULL) == 1)
        ;
}

static void wait_for_supervisor(const struct ozx_mount_lease *lease)
{
    OZX_AUTO_CLOSE int pidfd = pidfd_open(lease->supervisor, 0);

    if (pidfd >= 0 && !wait_for(pidfd, POLLIN, SUPERVISOR_MS))
        kill(lease->supervisor, SIGKILL); /* stopped, or stuck: the rest is done here */
    ozx_wait_child(lease->supervisor);
}

/* The mount is gone, or detached: its worker ends with its last user, but not later than this. */
static void end_worker(const struct ozx_mount_id *mount)
{
    struct ozx_daemons daemons;

    ozx_daemons_find(mount->device_minor, getuid(), &daemons);
    if (!ozx_daemons_wait(&daemons, WORKER_MS)) {
        for (size_t i = 0; i < daemons.count; i++)
            pidfd_send_signal(daemons.pidfds[i], SIGKILL, NULL, 0);
        (void)ozx_daemons_wait(&daemons, REAP_MS);
    }
    ozx_daemons_free(&daemons);
}

/* What a supervisor leaves that was killed. */
static void clear(struct ozx_mount_lease *lease)
{
    OZX_AUTO_PLACE struct ozx_place place = OZX_PLACE_INIT;
    struct ozx_error ignored = OZX_ERROR_INIT;
    struct ozx_mount_id there;

    if (ozx_private_place_find(lease->where, &place) == 0 && ozx_place_mount(&place, &there) == 0) {
        lease->id = there;
        (void)!ozx_unmount(&place, &there, true, &ignored);
    }
    if (lease->id.device_minor)
        end_worker(&lease->id);
}

void ozx_mount_lease_release(const struct ozx_mount_lease *lease)
{
    if (lease->channel >= 0)
        shutdown(lease->channel, SHUT_WR);
}

int ozx_mount_lease_end(struct ozx_mount_lease *lease, struct ozx_error *error)
{
    if (lease->channel < 0)
        return 0;
    ozx_mount_lease_release(lease);
    wait_for_supervisor(lease);
    wait_for_helpers(lease->channel);
    close(ozx_take_fd(&lease->channel));
    clear(lease);
    return ozx_private_place_remove(lease->where)
               ? 0
               : ozx_error_set(error, -EBUSY, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                               "the mount cannot be removed");
}
