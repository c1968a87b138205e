/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading what a plan names, through its input. Some files are written without some of their bytes,
 * so that consolidated metadata can lose a node and nothing else. Only places are kept; the bytes
 * come from the file, piece by piece, as those of every other one do:
 *
 *     file      aaaaXXbbbYYYYcc      cuts: at 4, 2 skipped; at 7, 6 skipped
 *     written   aaaabbbcc
 */
#include <string.h>

#include "base/array.h"
#include "pack/plan_build.h"

int ozx_plan_cut(struct ozx_plan *plan, struct ozx_plan_entry *entry, struct ozx_plan_cut *cuts,
                 size_t count)
{
    int failure = ozx_array_grow(plan->rewrites, plan->rewrite_count, &plan->rewrite_room);

    if (failure) {
        free(cuts);
        return failure;
    }
    plan->rewrites[plan->rewrite_count++] =
        (struct ozx_plan_rewrite){.directory = entry->directory,
                                  .source_bytes = entry->size_bytes,
                                  .cuts = cuts,
                                  .count = count};
    entry->is_cut = true;
    entry->size_bytes -= cuts[count - 1].skipped_bytes;
    return 0;
}

static int by_directory(const void *a, const void *b)
{
    const struct ozx_plan_rewrite *x = a, *y = b;

    return (x->directory > y->directory) - (x->directory < y->directory);
}

void ozx_plan_sort_cuts(struct ozx_plan *plan)
{
    if (plan->rewrite_count)
        qsort(plan->rewrites, plan->rewrite_count, sizeof *plan->rewrites, by_directory);
}

static const struct ozx_plan_rewrite *find(const struct ozx_plan *plan, uint32_t directory)
{
    const struct ozx_plan_rewrite key = {.directory = directory};

    return bsearch(&key, plan->rewrites, plan->rewrite_count, sizeof key, by_directory);
}

static uint64_t source_bytes(const struct ozx_plan *plan, const struct ozx_plan_entry *entry)
{
    const struct ozx_plan_rewrite *rewrite = entry->is_cut ? find(plan, entry->directory) : NULL;

    return rewrite ? rewrite->source_bytes : entry->size_bytes;
}

/* Where in the file a byte of what is written is; `*run_bytes`: so many follow each other there, at
 * most `size_bytes`. */
static uint64_t source_offset(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                              uint64_t offset_bytes, uint64_t size_bytes, uint64_t *run_bytes)
{
    const struct ozx_plan_rewrite *rewrite = entry->is_cut ? find(plan, entry->directory) : NULL;
    size_t low = 0, high = rewrite ? rewrite->count : 0, count = high;

    while (low < high) { /* the first cut behind the byte */
        size_t middle = low + (high - low) / 2;
        if (rewrite->cuts[middle].at_bytes <= offset_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    *run_bytes = size_bytes;
    if (low < count && rewrite->cuts[low].at_bytes - offset_bytes < size_bytes)
        *run_bytes = rewrite->cuts[low].at_bytes - offset_bytes;
    return offset_bytes + (low ? rewrite->cuts[low - 1].skipped_bytes : 0);
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct ozx_input_place place_of(const struct ozx_plan *plan,
                                       const struct ozx_plan_entry *entry,
                                       char path[OZX_NAME_PATH_MAX + 1])
{
    ozx_plan_path(plan, entry, path);
    return (struct ozx_input_place){.path = path,
                                    .directory_path = plan->directories[entry->directory].path,
                                    .name = entry->name,
                                    .directory = entry->directory,
                                    .size_bytes = source_bytes(plan, entry),
                                    .key = entry->key};
}

int ozx_plan_open(const struct ozx_plan *plan, struct ozx_input_reader *reader,
                  const struct ozx_plan_entry *entry, int *fd, struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 1];
    struct ozx_input_place place = place_of(plan, entry, path);

    place.more_here = entry->more_here;
    return plan->input->kind->open(plan->input, reader, &place, fd, error);
}

int ozx_plan_read(const struct ozx_plan *plan, struct ozx_input_reader *reader,
                  const struct ozx_plan_entry *entry, int fd, uint8_t *buffer, size_t size_bytes,
                  uint64_t offset_bytes, struct ozx_error *error)
{
    const struct ozx_input_kind *kind = plan->input->kind;
    char path[OZX_NAME_PATH_MAX + 1];
    struct ozx_input_place place = place_of(plan, entry, path);

    if (!entry->is_cut)
        return kind->read(plan->input, reader, &place, fd, buffer, size_bytes, offset_bytes, error);
    while (size_bytes) {
        uint64_t run, from = source_offset(plan, entry, offset_bytes, size_bytes, &run);
        int failure = kind->read(plan->input, reader, &place, fd, buffer, (size_t)run, from, error);

        if (failure)
            return failure;
        buffer += run;
        size_bytes -= (size_t)run;
        offset_bytes += run;
    }
    return 0;
}

int ozx_plan_check(const struct ozx_plan *plan, struct ozx_input_reader *reader,
                   const struct ozx_plan_entry *entry, int fd, struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 1];
    struct ozx_input_place place = place_of(plan, entry, path);

    return plan->input->kind->check(plan->input, reader, &place, fd, error);
}

int ozx_plan_check_crc(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                       uint32_t crc32, struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 1];
    struct ozx_input_place place = place_of(plan, entry, path);

    if (entry->is_directory || entry->is_cut) /* of what is cut all bytes were summed before */
        return 0;
    return plan->input->kind->check_crc(plan->input, &place, crc32, error);
}

int ozx_plan_changed(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                     struct ozx_error *error)
{
    char path[OZX_NAME_PATH_MAX + 1];

    ozx_plan_path(plan, entry, path);
    return ozx_input_changed(plan->input, path, error);
}

int ozx_plan_read_text(const struct ozx_plan *plan, const struct ozx_plan_entry *entry, char *text,
                       struct ozx_error *error)
{
    OZX_CLEANUP(ozx_input_reader_release) struct ozx_input_reader reader = OZX_INPUT_READER_INIT;
    OZX_AUTO_CLOSE int fd = -1;
    char path[OZX_NAME_PATH_MAX + 1];
    struct ozx_input_place place = place_of(plan, entry, path);
    int failure = plan->input->kind->open(plan->input, &reader, &place, &fd, error);

    return failure ? failure
                   : ozx_plan_read(plan, &reader, entry, fd, (uint8_t *)text, entry->size_bytes, 0,
                                   error);
}
