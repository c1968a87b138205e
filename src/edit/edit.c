/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Editing: the new zarr.json is made and judged before anything is written.
 */
#include "edit/edit.h"

#include <string.h>

#include "archive/node_metadata.h"
#include "edit/append.h"
#include "edit/change.h"
#include "zarr/json_edit.h"

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

/* A copy of the metadata in a group above would be out of date, and readers prefer it. */
static int refuse_consolidated(struct ozx_archive *archive, uint32_t directory,
                               struct ozx_error *error)
{
    while (directory != OZX_NODE_ROOT) {
        OZX_AUTO_METADATA struct ozx_metadata *above = NULL;
        uint32_t file;
        int failure;
        directory = ozx_archive_parent(archive, directory);
        if (ozx_metadata_find(archive, directory, &file))
            continue;
        failure = ozx_metadata_load(archive, file, &above, error);
        if (failure)
            return failure;
        if (above->has_consolidated)
            return ozx_error_set(
                error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE,
                "remove that key from the group first: consolidated_metadata=",
                "a group above has consolidated metadata, which would be out of date");
    }
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

/* The change, and what follows from it. */
struct change {
    char path[OZX_PATH_SIZE]; /* of the zarr.json */
    struct ozx_change_text text;
    char version[OZX_VERSION_TEXT_MAX]; /* the OME-Zarr version of the node, if it became another */
    bool is_root;
    struct ozx_change_text comment; /* the archive's new one */
};

static int make_text(struct ozx_archive *archive, const struct ozx_edit_options *options,
                     struct change *change, struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *old = NULL;
    uint32_t directory = OZX_NODE_ROOT, file = OZX_NODE_ROOT;
    int failure = find_node(archive, options->node, &directory, &file, error);

    if (!failure)
        failure = refuse_consolidated(archive, directory, error);
    if (!failure)
        failure = ozx_metadata_load(archive, file, &old, error);
    if (!failure)
        failure =
            ozx_metadata_text(archive, file, &change->text.text, &change->text.size_bytes, error);
    for (int i = 0; i < options->count && !failure; i++)
        failure = assign(options->assignments[i], &change->text, error);
    if (failure)
        return failure;
    ozx_archive_path(archive, file, change->path);
    change->is_root = directory == OZX_NODE_ROOT;
    return ozx_change_judge(old, change->text.text, change->text.size_bytes, change->version,
                            error);
}

static int append(struct ozx_archive *archive, int fd, const struct change *change, int64_t now_s,
                  struct ozx_error *error)
{
    struct ozx_append_entry entry = {.path = change->path,
                                     .data = change->text.text,
                                     .size_bytes = change->text.size_bytes,
                                     .mtime_s = now_s};

    return ozx_append(&(struct ozx_append){.source = ozx_archive_source(archive),
                                           .fd = fd,
                                           .entries = &entry,
                                           .entry_count = 1,
                                           .comment = change->comment.text,
                                           .comment_size_bytes = change->comment.size_bytes},
                      error);
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
    failure = make_text(archive, options, &change, error);
    if (!failure)
        failure = ozx_change_comment(archive, change.is_root ? change.version : "", &change.comment,
                                     error);
    if (!failure)
        failure = append(archive, fd, &change, options->now_s, error);
    free(change.text.text);
    free(change.comment.text);
    return failure;
}
