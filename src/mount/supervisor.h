/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The process that owns a mount.
 */
#ifndef OZX_MOUNT_SUPERVISOR_H
#define OZX_MOUNT_SUPERVISOR_H

#include "mount/mount.h"

/* Starts the worker and stays until it has ended. `contents` are handed to the worker and closed
 * here. `answer` is the channel to the caller, or -1 if this is the caller's process (foreground):
 * then the events are called instead. `signals` is a signalfd (mount/process.h). The return value
 * is as of ozx_mount_run in the foreground. With `private_place` the answer stays open, and its end
 * is the end of the lease (mount/mount_lease.h). */
int ozx_supervisor_run(const struct ozx_mount_options *options, struct ozx_mount_contents *contents,
                       const struct ozx_mount_events *events, int answer, int signals,
                       enum ozx_mount_stage *stage, struct ozx_error *error) OZX_CHECKED;

#endif
