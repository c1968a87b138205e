/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Editing: the new zarr.json is made and judged before anything is written.
 */
#include "edit/edit.h"

#include <stdio.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "edit/append.h"
#include "zarr/comment.h"
#include "zarr/json_edit.h"

static int assign(const char *assignment, char **text, size_t *size, struct ozx_error *error)
{
    const char *equals = strchr(assignment, '=');
    char *changed = NULL;
    size_t changed_size = 0;
    int failure;

    if (!equals || equals == assignment)
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "an assignment is KEY=JSON, or KEY= to remove the key");
    failure = ozx_json_edit(*text, *size, assignment, (size_t)(equals - assignment),
                            equals[1] ? equals + 1 : NULL, &changed, &changed_size, error);
    if (failure)
        return failure;
    free(*text);
    *text = changed;
    *size = changed_size;
    return 0;
}

/* The node's new OME-Zarr version, "" if it has none or the one that it had. */
static void take_version(const struct ozx_ome *old, const struct ozx_ome *new,
                         char version[OZX_VERSION_TEXT_MAX])
{
    const char *was = old && old->version ? old->version : "";

    *version = '\0';
    if (new &&new->version && strcmp(new->version, was) != 0 &&
        strlen(new->version) < OZX_VERSION_TEXT_MAX)
        memcpy(version, new->version, strlen(new->version) + 1);
}

/* What is there already may stay wrong; nothing may become wrong. */
static int judge(const struct ozx_metadata *old, const char *text, size_t size,
                 char version[OZX_VERSION_TEXT_MAX], struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *new = NULL;
    int failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, text, size, NULL, 0, &new, error);

    if (failure)
        return failure;
    if (old->is_array != new->is_array || old->is_group != new->is_group ||
        old->zarr_format != new->zarr_format)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "the node's zarr_format and node_type cannot be changed");
    for (size_t i = 0; i < new->defect_count; i++) {
        const struct ozx_defect *defect = &new->defects[i];
        bool known = false;
        for (size_t k = 0; k < old->defect_count; k++)
            known |= strcmp(defect->where, old->defects[k].where) == 0 &&
                     strcmp(defect->text, old->defects[k].text) == 0;
        if (!known)
            return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE,
                                 "nothing was changed",
                                 "the metadata would not be valid: %s%.100s%s%.200s",
                                 defect->part == OZX_PART_OME ? "ome: " : "", defect->where,
                                 *defect->where ? " " : "", defect->text);
    }
    take_version(old->ome, new->ome, version);
    if (new->defect_total > OZX_DEFECTS_MAX &&new->defect_total > old->defect_total)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE,
                             "nothing was changed",
                             "the metadata would have more defects than before");
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
    char *text;               /* its new text; owned */
    size_t size_bytes;
    char version[OZX_VERSION_TEXT_MAX]; /* the OME-Zarr version of the node, if it became another */
    bool is_root;
    char *comment; /* the archive's new one, or NULL; owned */
    size_t comment_size_bytes;
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
        failure = ozx_metadata_text(archive, file, &change->text, &change->size_bytes, error);
    for (int i = 0; i < options->count && !failure; i++)
        failure = assign(options->assignments[i], &change->text, &change->size_bytes, error);
    if (failure)
        return failure;
    ozx_archive_path(archive, file, change->path);
    change->is_root = directory == OZX_NODE_ROOT;
    return judge(old, change->text, change->size_bytes, change->version, error);
}

static int set_in_comment(struct change *change, const char *key, const char *value,
                          struct ozx_error *error)
{
    char *changed = NULL;
    size_t size = 0;
    int failure = ozx_json_edit(change->comment, change->comment_size_bytes, key, strlen(key),
                                value, &changed, &size, error);

    if (failure)
        return failure;
    free(change->comment);
    change->comment = changed;
    change->comment_size_bytes = size;
    return 0;
}

/* The comment says what is true of the new directory: its order, and the root's version. */
static int make_comment(const struct ozx_archive *archive, struct change *change,
                        struct ozx_error *error)
{
    struct ozx_archive_facts facts;
    const char *old = ozx_archive_comment(archive, &change->comment_size_bytes);
    char quoted[OZX_VERSION_TEXT_MAX + 2];
    bool lies, other;
    int failure = 0;

    ozx_archive_facts(archive, &facts);
    lies = facts.json_first_claimed && !facts.json_first_true;
    other = change->is_root && *change->version && ozx_archive_comment_version(archive) &&
            !strpbrk(change->version, "\"\\");
    if (!old || (!lies && !other))
        return 0;
    change->comment = malloc(change->comment_size_bytes);
    if (!change->comment)
        return ozx_error_memory(error);
    memcpy(change->comment, old, change->comment_size_bytes);
    if (lies)
        failure = set_in_comment(change, "ome.zipFile.centralDirectory.jsonFirst", "false", error);
    snprintf(quoted, sizeof quoted, "\"%s\"", change->version);
    if (other && !failure)
        failure = set_in_comment(change, "ome.version", quoted, error);
    return failure;
}

static int append(struct ozx_archive *archive, int fd, const struct change *change, int64_t now_s,
                  struct ozx_error *error)
{
    struct ozx_append_entry entry = {.path = change->path,
                                     .data = change->text,
                                     .size_bytes = change->size_bytes,
                                     .mtime_s = now_s};

    return ozx_append(&(struct ozx_append){.source = ozx_archive_source(archive),
                                           .fd = fd,
                                           .entries = &entry,
                                           .entry_count = 1,
                                           .comment = change->comment,
                                           .comment_size_bytes = change->comment_size_bytes},
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
        failure = make_comment(archive, &change, error);
    if (!failure)
        failure = append(archive, fd, &change, options->now_s, error);
    free(change.text);
    free(change.comment);
    return failure;
}
