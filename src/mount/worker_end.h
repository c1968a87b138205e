/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the end of a worker means to the mount.
 */
#ifndef OZX_MOUNT_WORKER_END_H
#define OZX_MOUNT_WORKER_END_H

#include "mount/mount.h"

struct ozx_worker_end {
    int status;   /* as waitpid(2) gave it */
    bool parsing; /* it had not said yet that it had read the archive */
    bool served;
    bool visible; /* it served, and its mount is still there, now without an answer */
    bool stays;   /* the mount does, until somebody unmounts it */
    bool killed;  /* by its supervisor */
};

/* 0: it ended as it was to. Else -EIO with the error, and `*stage` filled in. */
int ozx_worker_end_judge(const struct ozx_worker_end *end, enum ozx_mount_stage *stage,
                         struct ozx_error *error) OZX_CHECKED;

#endif
