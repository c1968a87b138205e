/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packing while it goes on: what its parts share. Private to
 *
 *     pack.c           the steps, in order
 *     pack_steps.c     those that a part of an archive takes, too
 *     part.c           a tree that becomes a part of an archive that is there
 *     pack_excludes.c  patterns that match nothing
 *     pack_version.c   what the metadata says
 *     pack_left_out.c  what it says of what is left out
 *     pack_notes.c     what is packed or left out without having been asked for
 *     pack_picture.c   a thumbnail that is packed, too
 *     pack_directory.c central directory and end records
 */
#ifndef OZX_PACK_PACK_STATE_H
#define OZX_PACK_PACK_STATE_H

#include <sys/stat.h>

#include "io/output_file.h"
#include "pack/pack.h"
#include "pack/pipeline.h"

struct ozx_pack_state {
    const struct ozx_pack_options *options;
    struct ozx_pack_result *result;
    struct ozx_plan *plan; /* owned */
    struct ozx_input *input; /* owned; NULL once all is written */
    struct ozx_output_file output_file;
    char *comment; /* owned */
    size_t comment_size;
    enum ozx_pack_phase phase;
    uint64_t entry_count; /* of the plan, which is gone when the archive is read back */
    const char *below;    /* of a part of an archive: where it goes (pack/plan.h) */
    uint64_t first_offset_bytes;
};

/* Each problem and warning goes to the caller at once. The error's code. */
static inline int ozx_pack_tell(const struct ozx_pack_state *pack, enum ozx_pack_about about,
                                const struct ozx_error *error)
{
    pack->options->problem(pack->options->context, about, error);
    return error->code;
}

/* pack_steps.c; what is wrong was told. */
int ozx_pack_open_input(struct ozx_pack_state *pack) OZX_CHECKED;
int ozx_pack_make_plan(struct ozx_pack_state *pack) OZX_CHECKED;
void ozx_pack_count_progress(void *context, uint64_t entries, uint64_t bytes);
int ozx_pack_run_pipeline(struct ozx_pack_state *pack, int fd,
                          enum ozx_pipeline_mode mode) OZX_CHECKED;
int ozx_pack_check_input_unchanged(struct ozx_pack_state *pack) OZX_CHECKED;
void ozx_pack_fill_result(struct ozx_pack_state *pack);

/* Makes the plan with the patterns to leave out, each of which must match something. What is wrong
 * was told. */
int ozx_pack_plan(struct ozx_pack_state *pack, struct ozx_plan_options *options) OZX_CHECKED;

/* Puts a picture on top of the input, where one is wanted. What is wrong was told. */
int ozx_pack_put_picture(struct ozx_pack_state *pack,
                         const struct ozx_plan_options *options) OZX_CHECKED;

/* There is a root, and what all zarr.json say is JSON; the OME-Zarr version that they state, "" if
 * none do. What is wrong was told. */
int ozx_pack_judge_metadata(struct ozx_pack_state *pack,
                            char version[OZX_VERSION_TEXT_MAX]) OZX_CHECKED;

/* Settles the version and makes the comment; hints at arrays that sharding would serve. What is
 * wrong was told. */
int ozx_pack_find_version(struct ozx_pack_state *pack) OZX_CHECKED;

/* Tells of junk that is left out, of files that are no chunk of any array, and of empty
 * directories: each in a line, with a count. What is wrong was told. */
int ozx_pack_tell_notes(struct ozx_pack_state *pack) OZX_CHECKED;

/* Writes directory and end records, at their place or (`stream`) where `fd` stands. What is wrong
 * was told. */
int ozx_pack_write_directory(struct ozx_pack_state *pack, int fd, bool stream) OZX_CHECKED;

#endif
