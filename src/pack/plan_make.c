/* SPDX-License-Identifier: BSD-2-Clause
 *
 * RFC-9's order and the archive's layout of what the walk has found.
 */
#include <string.h>

#include "pack/plan_build.h"

/* Breadth-first. Directories are numbered by the bytes of their paths, so that is the rest of it.
 */
static int by_depth(const void *a, const void *b, void *context)
{
    const struct ozx_plan_entry *x = a, *y = b;
    const struct ozx_plan_directory *directories = context;
    int dx = directories[x->directory].depth, dy = directories[y->directory].depth;

    if (dx != dy)
        return dx < dy ? -1 : 1;
    return (x->directory > y->directory) - (x->directory < y->directory);
}

/* Its path is too long where the tree goes. */
static int check_path(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                      char path[OZX_NAME_PATH_MAX + 1], struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];
    size_t size = ozx_plan_path(plan, entry, path);

    if (plan->below_size_bytes + size <= OZX_NAME_PATH_MAX)
        return 0;
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NAME, OZX_OFFSET_NONE,
                         "add it at a shorter path", "'%s' would have a path that is too long",
                         ozx_escape(name, sizeof name, path, size));
}

/* The next entry begins at `offset`. */
static const struct ozx_plan_entry *place(struct ozx_plan *plan, struct ozx_plan_cursor *cursor,
                                          uint64_t index, uint64_t offset)
{
    if (index < plan->metadata.count)
        ozx_plan_place(plan, &plan->metadata.entries[index], offset);
    else if ((index - plan->metadata.count) % OZX_PLAN_STRIDE == 0)
        plan->rest.marks[(index - plan->metadata.count) / OZX_PLAN_STRIDE].local_offset_bytes =
            offset;
    return ozx_plan_entry(cursor, index);
}

int ozx_plan_lay_out(struct ozx_plan *plan, struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 1];
    uint64_t offset = plan->first_offset_bytes, count = ozx_plan_entry_count(plan);
    struct ozx_plan_cursor cursor = {.plan = plan};
    int failure;

    plan->data_bytes = plan->directory_bytes = 0;
    ozx_plan_sort_cuts(plan);
    for (uint64_t i = 0; i < count; i++) {
        const struct ozx_plan_entry *entry = place(plan, &cursor, i, offset);
        struct ozx_zip_file file;

        failure = check_path(plan, entry, path, error);
        if (failure)
            return failure;
        file = ozx_plan_file(plan, entry, path);
        plan->data_bytes += entry->size_bytes;
        plan->directory_bytes += ozx_zip_central_size(&file);
        offset = entry->end_offset_bytes;
        /* Sparse files can claim anything: the sum must stay an off_t, with room for the end. */
        if (entry->size_bytes > INT64_MAX / 2 || offset > INT64_MAX / 2)
            return ozx_error_set(error, -EFBIG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                 "too large for an archive");
    }
    plan->directory_offset_bytes = offset;
    return 0;
}

int ozx_plan_make(struct ozx_input *input, const struct ozx_plan_options *options,
                  struct ozx_plan **out)
{
    struct ozx_plan *plan = calloc(1, sizeof *plan);
    struct ozx_error error = OZX_ERROR_INIT;
    int failure;

    if (!plan) {
        failure = ozx_error_memory(&error);
        options->problem(options->context, &error);
        return failure;
    }
    plan->input = input;
    plan->align_bytes = options->align_bytes;
    plan->align_by_gaps = options->align_by_gaps;
    plan->below = options->below ? options->below : "";
    plan->below_size_bytes = strlen(plan->below);
    plan->first_offset_bytes = options->first_offset_bytes;
    failure = ozx_plan_walk(plan, options);
    if (!failure && ozx_plan_rows_sum(&plan->rest)) {
        failure = ozx_error_memory(&error);
        options->problem(options->context, &error);
    }
    if (!failure) {
        if (plan->metadata.count)
            qsort_r(plan->metadata.entries, plan->metadata.count, sizeof *plan->metadata.entries,
                    by_depth, plan->directories);
        failure = ozx_plan_lay_out(plan, &error);
        if (failure)
            options->problem(options->context, &error);
    }
    if (failure) {
        ozx_plan_close(plan);
        return failure;
    }
    *out = plan;
    return 0;
}
