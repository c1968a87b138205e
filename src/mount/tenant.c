/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command that a leased mount is there for.
 */
#include "mount/tenant.h"

#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "mount/channel.h"
#include "mount/process.h"

#define END_MS 5000 /* how long it may take after it was asked */
#define KILL_MS 500 /* and after it was killed: it can be stuck in the disk */

bool ozx_tenant_receive(struct ozx_tenant *tenant, int channel)
{
    struct ozx_message message;
    int pidfd, got = ozx_channel_receive(channel, &message, &pidfd);

    if (got == 1 && message.kind == OZX_MESSAGE_COMMAND && tenant->pidfd < 0) {
        tenant->pidfd = pidfd;
        return true;
    }
    if (pidfd >= 0)
        close(pidfd);
    return false;
}

static void ask(struct ozx_tenant *tenant)
{
    if (tenant->pidfd < 0 || tenant->deadline_ms)
        return;
    tenant->deadline_ms = ozx_clock_ms() + END_MS;
    pidfd_send_signal(tenant->pidfd, SIGTERM, NULL, 0);
    pidfd_send_signal(tenant->pidfd, SIGCONT, NULL, 0);
}

static bool is_gone(struct ozx_tenant *tenant)
{
    struct pollfd end = {.fd = tenant->pidfd, .events = POLLIN};

    if (tenant->pidfd < 0 || poll(&end, 1, 0) > 0)
        return true;
    if (!tenant->deadline_ms || ozx_clock_ms() < tenant->deadline_ms)
        return false;
    if (tenant->killed)
        return true;
    pidfd_send_signal(tenant->pidfd, SIGKILL, NULL, 0);
    tenant->killed = true;
    tenant->deadline_ms = ozx_clock_ms() + KILL_MS;
    return false;
}

bool ozx_tenant_end(struct ozx_tenant *tenant)
{
    ask(tenant);
    return is_gone(tenant);
}

void ozx_tenant_outlive(struct ozx_tenant *tenant, int *channel, int signals, bool over)
{
    while (!(over || *channel < 0) || !is_gone(tenant)) {
        int64_t left_ms = tenant->deadline_ms - ozx_clock_ms();
        struct pollfd sources[] = {{.fd = signals, .events = POLLIN},
                                   {.fd = *channel, .events = POLLIN},
                                   {.fd = over ? tenant->pidfd : -1, .events = POLLIN}};
        int number;

        if (poll(sources, 3, !tenant->deadline_ms ? -1 : left_ms > 0 ? (int)left_ms : 0) < 0 &&
            errno != EINTR)
            return;
        if (sources[1].revents && *channel >= 0 && !ozx_tenant_receive(tenant, *channel)) {
            close(ozx_take_fd(channel));
            over = true;
        }
        while ((number = ozx_process_next_signal(signals)))
            over |= number != SIGCHLD;
        if (over)
            ask(tenant);
    }
}

void ozx_tenant_close(struct ozx_tenant *tenant)
{
    if (tenant->pidfd >= 0)
        close(ozx_take_fd(&tenant->pidfd));
}
