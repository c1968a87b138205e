/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The plan's memory, and what is asked of it.
 */
#include "pack/plan.h"

#include <stdatomic.h>
#include <string.h>

#include "base/array.h"
#include "pack/plan_build.h"
#include "zarr/metadata_files.h"

#define TEXT_BLOCK_SIZE (64 * 1024)

struct ozx_plan_text {
    struct ozx_plan_text *previous;
    size_t used;
    char bytes[TEXT_BLOCK_SIZE];
};

/* A terminated copy that lives as long as the plan; NULL without memory. */
static const char *keep_text(struct ozx_plan *plan, const char *text, size_t size)
{
    struct ozx_plan_text *block = plan->text;
    char *copy;

    if (!block || TEXT_BLOCK_SIZE - block->used <= size) {
        block = malloc(sizeof *block);
        if (!block)
            return NULL;
        block->previous = plan->text;
        block->used = 0;
        plan->text = block;
    }
    copy = block->bytes + block->used;
    memcpy(copy, text, size);
    copy[size] = '\0';
    block->used += size + 1;
    return copy;
}

static uint16_t depth_of(const char *path, size_t size)
{
    uint16_t depth = size != 0;

    for (size_t i = 0; i < size; i++)
        depth = (uint16_t)(depth + (path[i] == '/'));
    return depth;
}

int ozx_plan_add_directory(struct ozx_plan *plan, const char *path, size_t path_size_bytes,
                           uint64_t fingerprint, uint32_t *index)
{
    const char *kept;

    if (ozx_array_grow(plan->directories, plan->directory_count, &plan->directory_room))
        return -ENOMEM;
    kept = keep_text(plan, path, path_size_bytes);
    if (!kept)
        return -ENOMEM;
    plan->directories[plan->directory_count] = (struct ozx_plan_directory){
        .path = kept,
        .fingerprint = fingerprint,
        .owner = OZX_PLAN_NO_OWNER,
        .path_size_bytes = (uint16_t)path_size_bytes,
        .depth = depth_of(path, path_size_bytes),
    };
    *index = plan->directory_count++;
    return 0;
}

int ozx_plan_add_entry(struct ozx_plan *plan, bool is_metadata, const struct ozx_plan_entry *entry)
{
    struct ozx_plan_list *list = &plan->metadata;

    if (!is_metadata)
        return ozx_plan_rows_add(&plan->rest, entry);
    if (ozx_array_grow(list->entries, list->count, &list->room))
        return -ENOMEM;
    list->entries[list->count] = *entry;
    list->entries[list->count++].name = OZX_NAME_ZARR_JSON;
    return 0;
}

int ozx_plan_add_omission(struct ozx_plan *plan, uint32_t directory, const char *name,
                          bool is_directory)
{
    bool is_metadata = !is_directory && strcmp(name, OZX_NAME_ZARR_JSON) == 0;
    struct ozx_plan_omission *last;

    if (!plan->omission_count || plan->omissions[plan->omission_count - 1].directory != directory) {
        if (ozx_array_grow(plan->omissions, plan->omission_count, &plan->omission_room))
            return -ENOMEM;
        plan->omissions[plan->omission_count++] =
            (struct ozx_plan_omission){.first = "", .directory = directory};
    }
    last = &plan->omissions[plan->omission_count - 1];
    last->has_metadata |= is_metadata;
    if (is_metadata)
        return 0;
    if (!last->count++) {
        last->first = keep_text(plan, name, strlen(name));
        last->is_directory = is_directory;
    }
    return last->first ? 0 : -ENOMEM;
}

void ozx_plan_close(struct ozx_plan *plan)
{
    if (!plan)
        return;
    while (plan->text) {
        struct ozx_plan_text *previous = plan->text->previous;
        free(plan->text);
        plan->text = previous;
    }
    for (uint32_t i = 0; i < plan->rewrite_count; i++)
        free(plan->rewrites[i].cuts);
    free(plan->rewrites);
    free(plan->omissions);
    free(plan->metadata.entries);
    ozx_plan_rows_free(&plan->rest);
    free(plan->directories);
    free(plan);
}

struct ozx_input *ozx_plan_input(const struct ozx_plan *plan)
{
    return plan->input;
}

uint64_t ozx_plan_entry_count(const struct ozx_plan *plan)
{
    return plan->metadata.count + plan->rest.count;
}

uint64_t ozx_plan_metadata_count(const struct ozx_plan *plan)
{
    return plan->metadata.count;
}

struct ozx_plan_entry *ozx_plan_metadata(const struct ozx_plan *plan, uint64_t index)
{
    return &plan->metadata.entries[index];
}

/* The one behind the cursor's, which becomes it. */
static void step(struct ozx_plan_cursor *cursor, uint64_t row)
{
    const struct ozx_plan *plan = cursor->plan;
    struct ozx_plan_entry *entry = &cursor->entry;
    const struct ozx_plan_mark *mark = &plan->rest.marks[row / OZX_PLAN_STRIDE];
    uint64_t offset = entry->end_offset_bytes;

    if (row % OZX_PLAN_STRIDE == 0) {
        cursor->at = mark->at;
        offset = mark->local_offset_bytes;
    }
    ozx_plan_rows_get(&plan->rest, row, &cursor->at, entry);
    ozx_plan_place(plan, entry, offset);
    cursor->index = plan->metadata.count + row + 1;
}

const struct ozx_plan_entry *ozx_plan_entry(struct ozx_plan_cursor *cursor, uint64_t index)
{
    const struct ozx_plan *plan = cursor->plan;
    uint64_t row, from;

    if (index < plan->metadata.count)
        return &plan->metadata.entries[index];
    row = index - plan->metadata.count;
    from = cursor->index == index + 1 ? row + 1 : row - row % OZX_PLAN_STRIDE;
    if (cursor->index > plan->metadata.count + from && cursor->index <= index)
        from = cursor->index - plan->metadata.count;
    for (; from <= row; from++)
        step(cursor, from);
    /* It may have been here before that was known, and others may be adding to it. */
    cursor->entry.crc32 = atomic_load_explicit(&plan->rest.crcs[row], memory_order_relaxed);
    return &cursor->entry;
}

uint64_t ozx_plan_entry_at(const struct ozx_plan *plan, uint64_t offset_bytes)
{
    struct ozx_plan_cursor cursor = {.plan = plan};
    uint64_t low = 0, high = ozx_plan_entry_count(plan);

    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (ozx_plan_entry(&cursor, middle)->local_offset_bytes <= offset_bytes)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void ozx_plan_add_crc(struct ozx_plan_cursor *cursor, uint64_t index, uint32_t crc32)
{
    const struct ozx_plan *plan = cursor->plan;
    uint32_t before;

    if (index < plan->metadata.count) {
        plan->metadata.entries[index].crc32 ^= crc32;
        return;
    }
    before = atomic_fetch_xor_explicit(&plan->rest.crcs[index - plan->metadata.count], crc32,
                                       memory_order_relaxed);
    if (cursor->index == index + 1)
        cursor->entry.crc32 = before ^ crc32;
}

uint32_t ozx_plan_directory_count(const struct ozx_plan *plan)
{
    return plan->directory_count;
}

const struct ozx_plan_directory *ozx_plan_directory(const struct ozx_plan *plan, uint32_t index)
{
    return &plan->directories[index];
}

uint32_t ozx_plan_omission_count(const struct ozx_plan *plan)
{
    return plan->omission_count;
}

const struct ozx_plan_omission *ozx_plan_omission(const struct ozx_plan *plan, uint32_t index)
{
    return &plan->omissions[index];
}

/* The order of the walk: by the bytes of the paths with '/' behind. */
static int compare_paths(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = memcmp(a, b, shorter);

    if (order || a_size == b_size)
        return order;
    if (!shorter) /* the root, which has no '/' */
        return a_size ? 1 : -1;
    if (a_size == shorter) {
        order = '/' - (unsigned char)b[shorter];
        return order ? order : -1; /* all below a directory comes right behind it */
    }
    order = (unsigned char)a[shorter] - '/';
    return order ? order : 1;
}

uint32_t ozx_plan_find_directory(const struct ozx_plan *plan, const char *path)
{
    uint32_t low = 0, high = plan->directory_count;
    size_t size = strlen(path);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct ozx_plan_directory *directory = &plan->directories[middle];
        int order = compare_paths(path, size, directory->path, directory->path_size_bytes);

        if (!order)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return OZX_PLAN_NO_OWNER;
}

uint64_t ozx_plan_data_bytes(const struct ozx_plan *plan)
{
    return plan->data_bytes;
}

uint64_t ozx_plan_left_out_count(const struct ozx_plan *plan)
{
    return plan->left_out_count;
}

const struct ozx_junk_counts *ozx_plan_junk(const struct ozx_plan *plan)
{
    return &plan->junk;
}

uint64_t ozx_plan_directory_offset(const struct ozx_plan *plan)
{
    return plan->directory_offset_bytes;
}

uint64_t ozx_plan_directory_bytes(const struct ozx_plan *plan)
{
    return plan->directory_bytes;
}

void ozx_plan_place(const struct ozx_plan *plan, struct ozx_plan_entry *entry,
                    uint64_t local_offset_bytes)
{
    size_t path = plan->directories[entry->directory].path_size_bytes;
    const struct ozx_zip_file file = {
        .name_size_bytes =
            (uint16_t)(plan->below_size_bytes + path + (path != 0) + entry->name_size_bytes),
        .is_directory = entry->is_directory,
        .local_offset_bytes = local_offset_bytes,
        .align_bytes = plan->align_bytes,
        .align_by_gaps = plan->align_by_gaps,
    };

    entry->local_offset_bytes = local_offset_bytes;
    entry->end_offset_bytes = local_offset_bytes + ozx_zip_local_size(&file) + entry->size_bytes;
}

uint16_t ozx_plan_path(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                       char path[OZX_NAME_PATH_MAX + 1])
{
    const struct ozx_plan_directory *directory = &plan->directories[entry->directory];
    size_t size = directory->path_size_bytes;

    memcpy(path, directory->path, size);
    if (size)
        path[size++] = '/';
    memcpy(path + size, entry->name, entry->name_size_bytes);
    size += entry->name_size_bytes;
    path[size] = '\0';
    return (uint16_t)size;
}

struct ozx_zip_file ozx_plan_file(const struct ozx_plan *plan, const struct ozx_plan_entry *entry,
                                  char path[OZX_NAME_PATH_MAX + 1])
{
    size_t below = plan->below_size_bytes;

    /* who laid out the plan knows that it fits */
    memmove(path + below, path, ozx_plan_path(plan, entry, path) + (size_t)1);
    memcpy(path, plan->below, below);
    return (struct ozx_zip_file){
        .name = path,
        .name_size_bytes = (uint16_t)strlen(path),
        .is_directory = entry->is_directory,
        .crc32 = entry->crc32,
        .size_bytes = entry->size_bytes,
        .local_offset_bytes = entry->local_offset_bytes,
        .mtime_s = entry->mtime_s,
        .align_bytes = plan->align_bytes,
        .align_by_gaps = plan->align_by_gaps,
    };
}

int ozx_plan_check_unchanged(const struct ozx_plan *plan, struct ozx_error *error)
{
    for (uint32_t i = 0; i < plan->directory_count; i++) {
        const struct ozx_plan_directory *directory = &plan->directories[i];
        char name[OZX_ESCAPED_SIZE];

        if (plan->input->kind->is_unchanged(plan->input, directory->path, directory->fingerprint))
            continue;
        return ozx_error_set(
            error, -ESTALE, OZX_RULE_NONE, OZX_OFFSET_NONE,
            "pack again once nothing is writing there", "'%s/' changed while it was being packed",
            ozx_escape(name, sizeof name, directory->path, directory->path_size_bytes));
    }
    return 0;
}
