/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The data of an archive, by several threads. The plan says where every entry lies, so the archive
 * is cut into jobs that do not depend on each other:
 *
 *     [h|data|h|data|h|data ...]   many small entries: read behind each other into one buffer,
 *                                  summed, their headers put between them, written at once
 *     [h|      data        ...     a part of a large entry: read, summed, written, buffer by
 *                                  buffer; the CRC of the whole is put together from its parts
 *                                  (zip/crc.h), and its header comes last
 *
 * Threads take jobs in the plan's order. Memory is one buffer a thread, whatever the sizes.
 *
 * A source that is not what the walk saw (inode, size, mtime, ctime, asked after the reading) fails
 * the whole with -ESTALE.
 */
#ifndef OZX_PACK_PIPELINE_H
#define OZX_PACK_PIPELINE_H

#include "pack/plan.h"

enum ozx_pipeline_mode {
    OZX_PIPELINE_PLACE,  /* write by position, in any order; fills in the plan's CRCs */
    OZX_PIPELINE_SUM,    /* write nothing; fills in the plan's CRCs */
    OZX_PIPELINE_STREAM, /* write in order, to what cannot seek; checks against the plan's CRCs */
};

struct ozx_pipeline {
    struct ozx_plan *plan;
    int out_fd; /* not used to SUM */
    enum ozx_pipeline_mode mode;
    unsigned jobs;                       /* threads, at least 1 */
    const volatile sig_atomic_t *cancel; /* non-zero: stop with -EINTR; may be NULL */
    void *context;
    /* Some times a second, on the calling thread: entries and data bytes so far. May be NULL. */
    void (*progress)(void *context, uint64_t entries, uint64_t data_bytes);
};

/* Runs until all entries are done or something failed. `*output_failed` tells on failure whether
 * the error is about the output; else it is about the input. */
int ozx_pipeline_run(const struct ozx_pipeline *pipeline, bool *output_failed,
                     struct ozx_error *error) OZX_CHECKED;

#endif
