/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Editing: the new zarr.json is made and judged before anything is written.
 */
#include "edit/edit.h"

#include <string.h>

#include "archive/node_metadata.h"
#include "edit/append.h"
#include "edit/change.h"
#include "edit/consolidated_copy.h"
#include "edit/neighbours.h"
#include "zarr/json_edit.h"
#include "zip/append_mark.h"

static int assign(const char *assignment, struct ozx_change_text *text, struct ozx_error *error)
{
    const char *equals = strchr(assignment, '=');
    char *changed = NULL;
    size_t changed_size = 0;
    int failure;

    if (!equals || equals == assignment)
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "an assignment is KEY=JSON, or KEY= to remove the key");
    failure = ozx_json_edit(text->text, text->size_bytes, assignment, (size_t)(equals - assignment),
                            equals[1] ? equals + 1 : NULL, &changed, &changed_size, error);
    if (failure)
        return failure;
    free(text->text);
    text->text = changed;
    text->size_bytes = changed_size;
    return 0;
}

static int find_node(struct ozx_archive *archive, const char *path, uint32_t *directory,
                     uint32_t *file, struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];
    const char *file_name;
    size_t size;

    if (ozx_archive_find(archive, path, directory) || ozx_metadata_find(archive, *directory, file))
        return ozx_error_set(error, -ENOENT, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "'ozxfs ls -R' lists what is there",
                             "'%s': there is no such node in the archive",
                             ozx_escape(name, sizeof name, path, strlen(path)));
    file_name = ozx_archive_name(archive, *file, &size);
    if (ozx_metadata_file_of(file_name, size) != OZX_METADATA_ZARR_JSON)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "'ozxfs repack --convert' makes it Zarr v3", "the node is Zarr v2");
    return 0;
}

/* --- the change, and what follows from it ----------------------------------------------------- */

/* A zarr.json that becomes another. */
struct changed_file {
    char path[OZX_PATH_SIZE];
    struct ozx_change_text text;
};

struct change {
    struct changed_file files[OZX_APPEND_CLEAR_MAX]; /* the node's; of groups with a copy of it */
    uint32_t count;
    char version[OZX_VERSION_TEXT_MAX]; /* the OME-Zarr version of the node, if it became another */
    bool is_root;
    struct ozx_change_text comment; /* the archive's new one */
};

static int change_node(struct ozx_archive *archive, const struct ozx_edit_options *options,
                       uint32_t directory, uint32_t file, struct change *change,
                       struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *old = NULL;
    struct ozx_change_text *text = &change->files[0].text;
    int failure = ozx_metadata_load(archive, file, &old, error);

    if (!failure)
        failure = ozx_metadata_text(archive, file, &text->text, &text->size_bytes, error);
    change->count = 1;
    for (int i = 0; i < options->count && !failure; i++)
        failure = assign(options->assignments[i], text, error);
    if (failure)
        return failure;
    ozx_archive_path(archive, file, change->files[0].path);
    change->is_root = directory == OZX_NODE_ROOT;
    return ozx_change_judge(old, text->text, text->size_bytes, change->version, error);
}

/* The group at `above`, which consolidates: its copy of the node at `path` becomes what the node
 * becomes. */
static int change_copy(struct ozx_archive *archive, uint32_t above, uint32_t file, const char *path,
                       struct change *change, struct ozx_error *error)
{
    char directory[OZX_PATH_SIZE], ignored[OZX_VERSION_TEXT_MAX];
    OZX_AUTO_METADATA struct ozx_metadata *old = NULL;
    struct changed_file *changed = &change->files[change->count];
    bool any = false;
    int failure;

    if (change->count == OZX_APPEND_CLEAR_MAX)
        return ozx_copy_refuse("is one copy of it too many", error);
    failure =
        ozx_metadata_text(archive, file, &changed->text.text, &changed->text.size_bytes, error);
    change->count++;
    ozx_archive_path(archive, above, directory);
    if (!failure)
        failure =
            ozx_copy_replace(&changed->text, directory, path, &change->files[0].text, &any, error);
    if (!failure && any)
        failure = ozx_metadata_load(archive, file, &old, error);
    if (failure || !any) {
        free(changed->text.text);
        changed->text.text = NULL;
        change->count--;
        return failure;
    }
    ozx_archive_path(archive, file, changed->path);
    return ozx_change_judge(old, changed->text.text, changed->text.size_bytes, ignored, error);
}

/* Readers prefer what a group above says of the node. */
static int change_copies(struct ozx_archive *archive, uint32_t directory, struct change *change,
                         struct ozx_error *error)
{
    char path[OZX_PATH_SIZE];
    int failure = 0;

    ozx_archive_path(archive, directory, path);
    while (directory != OZX_NODE_ROOT && !failure) {
        OZX_AUTO_METADATA struct ozx_metadata *above = NULL;
        uint32_t file;
        directory = ozx_archive_parent(archive, directory);
        if (ozx_metadata_find(archive, directory, &file))
            continue;
        failure = ozx_metadata_load(archive, file, &above, error);
        if (!failure && above->has_consolidated)
            failure = change_copy(archive, directory, file, path, change, error);
    }
    return failure;
}

static int append(struct ozx_archive *archive, int fd, const struct change *change, int64_t now_s,
                  struct ozx_error *error)
{
    struct ozx_append_entry entries[OZX_APPEND_CLEAR_MAX];
    int failure;

    for (uint32_t i = 0; i < change->count; i++)
        entries[i] = (struct ozx_append_entry){.path = change->files[i].path,
                                               .data = change->files[i].text.text,
                                               .size_bytes = change->files[i].text.size_bytes,
                                               .mtime_s = now_s};
    failure = ozx_neighbours_check(archive, entries, change->count, error);
    if (failure)
        return failure;
    return ozx_append(&(struct ozx_append){.source = ozx_archive_source(archive),
                                           .fd = fd,
                                           .entries = entries,
                                           .entry_count = change->count,
                                           .comment = change->comment.text,
                                           .comment_size_bytes = change->comment.size_bytes},
                      error);
}

static int make_change(struct ozx_archive *archive, const struct ozx_edit_options *options,
                       struct change *change, struct ozx_error *error)
{
    uint32_t directory = OZX_NODE_ROOT, file = OZX_NODE_ROOT;
    int failure = find_node(archive, options->node, &directory, &file, error);

    if (!failure)
        failure = change_node(archive, options, directory, file, change, error);
    if (!failure)
        failure = change_copies(archive, directory, change, error);
    return failure ? failure
                   : ozx_change_comment(archive, change->is_root ? change->version : "",
                                        &change->comment, error);
}

int ozx_edit(struct ozx_source **source, int fd, const struct ozx_edit_options *options,
             struct ozx_error *error)
{
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    struct change change = {.is_root = false};
    int failure = ozx_archive_open(*source, NULL, &archive, error);

    if (failure)
        return failure;
    *source = NULL; /* the archive's */
    if (!options->count)
        return 0;
    failure = make_change(archive, options, &change, error);
    if (!failure)
        failure = append(archive, fd, &change, options->now_s, error);
    for (uint32_t i = 0; i < change.count; i++)
        free(change.files[i].text.text);
    free(change.comment.text);
    return failure;
}
