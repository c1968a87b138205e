/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the pipeline's bytes come from: files below a directory, or the entries of an archive.
 * Private to the pipeline. One for each thread.
 */
#ifndef OZX_PACK_PIPELINE_INPUT_H
#define OZX_PACK_PIPELINE_INPUT_H

#include "pack/plan.h"

struct ozx_pipeline_input {
    struct ozx_plan *plan; /* borrowed */
    int directory_fd;      /* owned; -1: none yet */
    uint32_t directory;    /* whose descriptor that is, OZX_PLAN_NO_OWNER */
};

void ozx_pipeline_release(struct ozx_pipeline_input *input);

/* The descriptor to read the entry from, to be closed; `*fd` stays as it is if it is in an archive.
 */
int ozx_pipeline_open(struct ozx_pipeline_input *input, uint64_t index, int *fd,
                      struct ozx_error *error) OZX_CHECKED;

/* Exactly these bytes. -ESTALE: the file has fewer, it changed. */
int ozx_pipeline_read(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                      int fd, uint8_t *buffer, size_t size_bytes, uint64_t offset_bytes,
                      struct ozx_error *error) OZX_CHECKED;

/* After the reading. -ESTALE: the file is not what the walk saw, so it changed; -EBADMSG:
 * entry->crc32 is not what the archive states. */
int ozx_pipeline_end(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                     int fd, struct ozx_error *error) OZX_CHECKED;

/* Says that the entry changed while it was read; -ESTALE. */
int ozx_pipeline_changed(const struct ozx_pipeline_input *input, const struct ozx_plan_entry *entry,
                         struct ozx_error *error);

#endif
