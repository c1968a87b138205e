/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command that a leased mount is there for. It must not see the mount go, since what is not
 * there is background to Zarr: where the lease ends before the command does, the command is ended
 * first.
 */
#ifndef OZX_MOUNT_TENANT_H
#define OZX_MOUNT_TENANT_H

#include <stdbool.h>
#include <stdint.h>

struct ozx_tenant {
    int pidfd;           /* owned; -1: there is none */
    int64_t deadline_ms; /* when it is killed, or given up; 0: nobody has asked it to end */
    bool killed;
};

#define OZX_TENANT_INIT                                                                            \
    {                                                                                              \
        .pidfd = -1                                                                                \
    }

/* Takes the command from the caller's channel. False: the channel has ended, or something else
 * came. */
bool ozx_tenant_receive(struct ozx_tenant *tenant, int channel);

/* Asks it to end (TERM, and CONT where it is stopped), and kills it when its time is up. To be
 * called again at `deadline_ms` and when the pidfd is readable, until it is true: it has ended, was
 * killed in vain, or never was. */
bool ozx_tenant_end(struct ozx_tenant *tenant);

/* Waits until both the caller (`*channel` ends; -1: it has) and the command are gone. If the caller
 * goes first, at a signal, or at once with `over`, the command is ended. */
void ozx_tenant_outlive(struct ozx_tenant *tenant, int *channel, int signals, bool over);

void ozx_tenant_close(struct ozx_tenant *tenant);

#endif
