/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A plan while it is being made: what the walk puts into it. Private to walk.c, plan.c and
 * plan_read.c.
 */
#ifndef OZX_PACK_PLAN_BUILD_H
#define OZX_PACK_PLAN_BUILD_H

#include "pack/plan_rows.h"

struct ozx_plan_list {
    struct ozx_plan_entry *entries; /* owned */
    uint32_t count, room;
};

/* The cuts of a zarr.json. */
struct ozx_plan_rewrite {
    uint32_t directory;
    uint64_t source_bytes;
    struct ozx_plan_cut *cuts; /* owned */
    size_t count;
};

struct ozx_plan_text; /* blocks of names, chained */

struct ozx_plan {
    struct ozx_plan_list metadata;          /* zarr.json */
    struct ozx_plan_rows rest;              /* all else */
    struct ozx_plan_directory *directories; /* owned */
    uint32_t directory_count, directory_room;
    struct ozx_plan_rewrite *rewrites; /* owned; by directory, once the plan is laid out */
    uint32_t rewrite_count, rewrite_room;
    struct ozx_plan_omission *omissions; /* owned */
    uint32_t omission_count, omission_room;
    struct ozx_plan_text *text;
    struct ozx_input *input; /* borrowed */
    uint32_t align_bytes;
    bool align_by_gaps;
    const char *below; /* borrowed; never NULL */
    size_t below_size_bytes;
    uint64_t first_offset_bytes;
    uint64_t data_bytes, left_out_count;
    struct ozx_junk_counts junk;
    uint64_t directory_offset_bytes, directory_bytes;
};

/* Both return -ENOMEM or 0; the text is copied. */
int ozx_plan_add_directory(struct ozx_plan *plan, const char *path, size_t path_size_bytes,
                           uint64_t fingerprint, uint32_t *index) OZX_CHECKED;
/* `entry` is copied, its name too. */
int ozx_plan_add_entry(struct ozx_plan *plan, bool is_metadata,
                       const struct ozx_plan_entry *entry) OZX_CHECKED;

/* By directory, for those who ask. */
void ozx_plan_sort_cuts(struct ozx_plan *plan);

/* The entry begins there: both of its offsets. */
void ozx_plan_place(const struct ozx_plan *plan, struct ozx_plan_entry *entry,
                    uint64_t local_offset_bytes);

/* Notes what --exclude leaves out of a directory. -ENOMEM. */
int ozx_plan_add_omission(struct ozx_plan *plan, uint32_t directory, const char *name,
                          bool is_directory) OZX_CHECKED;

/* True if one of the globs matches: `path` ends in `name`. */
bool ozx_plan_excludes(const struct ozx_plan_options *options, const char *path, const char *name,
                       bool is_directory);

/* Fills the plan from its input, in the order of the paths' bytes. The first problem's code or 0.
 */
int ozx_plan_walk(struct ozx_plan *plan, const struct ozx_plan_options *options) OZX_CHECKED;

#endif
