/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The start of a mount by a backend in the supervisor (mount/direct.h), step by step, beside the
 * worker's.
 */
#ifndef OZX_MOUNT_DIRECT_START_H
#define OZX_MOUNT_DIRECT_START_H

#include "mount/direct.h"

struct ozx_direct_start {
    const struct ozx_direct_backend *backend;
    struct ozx_direct *direct; /* owned; NULL: it is not tried, or not any more */
    int pipe;                  /* where the table comes from; -1: it is whole, or none comes */
    int worker_pipe;           /* the worker's end of it */
    int alarm;                 /* borrowed; -1 without */
    bool is_expected;          /* the backend knows how large the table is going to be */
    bool attached;
    struct ozx_table_reader reader;
};

/* Before the worker is forked, which is given `worker_pipe`. 0 also where nothing is to be tried.
 */
int ozx_direct_start_begin(const struct ozx_mount_options *options,
                           const struct ozx_mount_contents *contents,
                           struct ozx_direct_start *start, struct ozx_error *why) OZX_CHECKED;
/* After it was. */
void ozx_direct_start_begun(struct ozx_direct_start *start);

/* There is something to read from the pipe, or the archive is about to be changed. */
int ozx_direct_start_continue(struct ozx_direct_start *start, bool is_alarm,
                              struct ozx_error *why) OZX_CHECKED;

/* The worker has sent all. */
int ozx_direct_start_attach(struct ozx_direct_start *start, struct ozx_mount_id *out,
                            struct ozx_error *why) OZX_CHECKED;

/* Lets go of everything. */
void ozx_direct_start_end(struct ozx_direct_start *start);

/* `why` as a failure of the mount, or as what is told with -v. */
void ozx_direct_start_explain(const struct ozx_error *why, struct ozx_error *out);

#endif
