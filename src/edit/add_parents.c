/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the root down to the tree: what is there, and what it becomes.
 */
#include "edit/add_parents.h"

#include <stdio.h>
#include <string.h>

#include "archive/node_metadata.h"
#include "base/array.h"
#include "base/text.h"
#include "zarr/json_write.h"

#define VERSION_DEFAULT "0.5"

void ozx_add_parents_free(struct ozx_add_parents *parents)
{
    for (uint32_t i = 0; i < parents->count; i++) {
        ozx_metadata_free(parents->list[i].metadata);
        free(parents->list[i].text.text);
        free(parents->list[i].file);
    }
    free(parents->list);
}

/* --- what is there ---------------------------------------------------------------------------- */

static int refuse(const char *path, size_t size, const char *what, const char *hint,
                  struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "'/%s' %s",
                         ozx_escape(name, sizeof name, path, size), what);
}

/* The group at `directory`: its metadata, or none, where one is to be made. */
static int look(struct ozx_archive *archive, uint32_t directory, const char *path,
                struct ozx_add_parent *parent, struct ozx_error *error)
{
    const char *name;
    uint32_t file;
    size_t size;
    int failure = ozx_metadata_find(archive, directory, &file);

    if (failure == -ENOENT && directory != OZX_NODE_ROOT) {
        parent->is_new = true;
        return 0;
    }
    if (failure)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, NULL,
                             "no zarr.json in the root: not a zipped OME-Zarr");
    name = ozx_archive_name(archive, file, &size);
    if (ozx_metadata_file_of(name, size) != OZX_METADATA_ZARR_JSON)
        return refuse(path, parent->path_size_bytes, "is Zarr v2",
                      "'ozxfs repack --convert' makes it Zarr v3", error);
    failure = ozx_metadata_load(archive, file, &parent->metadata, error);
    if (failure)
        return failure;
    if (!parent->metadata->is_group || parent->metadata->zarr_format != 3)
        return refuse(path, parent->path_size_bytes,
                      "is not a Zarr v3 group: nothing can be added below it", NULL, error);
    parent->has_consolidated = parent->metadata->has_consolidated;
    return 0;
}

/* The group at the first `size` bytes of the path, found at `directory`; UINT32_MAX: it is missing.
 */
static int push(struct ozx_archive *archive, uint32_t directory, const char *path, size_t size,
                struct ozx_add_parents *parents, struct ozx_error *error)
{
    struct ozx_add_parent *parent;

    if (ozx_array_grow(parents->list, parents->count, &parents->room))
        return ozx_error_memory(error);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room */
    parent = &parents->list[parents->count];
    *parent = (struct ozx_add_parent){.path_size_bytes = size};
    parent->file = malloc(size + 1 + sizeof OZX_NAME_ZARR_JSON);
    if (!parent->file)
        return ozx_error_memory(error);
    parents->count++;
    memcpy(parent->file, path, size);
    if (size)
        parent->file[size++] = '/';
    memcpy(parent->file + size, OZX_NAME_ZARR_JSON, sizeof OZX_NAME_ZARR_JSON);
    if (directory != UINT32_MAX)
        return look(archive, directory, path, parent, error);
    parent->is_new = true;
    return 0;
}

/* The next component below `*directory`. */
static int go_down(const struct ozx_archive *archive, const char *path, size_t from, size_t to,
                   uint32_t *directory, struct ozx_error *error)
{
    struct ozx_node_stat st;

    if (*directory == UINT32_MAX ||
        ozx_archive_lookup(archive, *directory, path + from, to - from, directory)) {
        *directory = UINT32_MAX;
        return 0;
    }
    ozx_archive_stat(archive, *directory, &st);
    return st.is_directory
               ? 0
               : refuse(path, to, "is a file: nothing can be added below it", NULL, error);
}

int ozx_add_parents_find(struct ozx_archive *archive, const char *path,
                         struct ozx_add_parents *parents, struct ozx_error *error)
{
    uint32_t directory = OZX_NODE_ROOT;
    size_t from, to = 0;
    int failure = push(archive, directory, path, 0, parents, error);

    while (!failure) {
        from = to + (to != 0);
        to = from + strcspn(path + from, "/");
        if (!path[to])
            break;
        failure = go_down(archive, path, from, to, &directory, error);
        if (!failure)
            failure = push(archive, directory, path, to, parents, error);
    }
    if (failure || directory == UINT32_MAX ||
        ozx_archive_lookup(archive, directory, path + from, to - from, &directory))
        return failure;
    (void)refuse(path, to, "is in the archive already", "choose another path", error);
    return error->code = -EEXIST;
}

/* --- what it becomes -------------------------------------------------------------------------- */

/* The OME-Zarr version of the nearest group above that states one, else of the archive, else of the
 * tree. */
static const char *version_above(const struct ozx_archive *archive,
                                 const struct ozx_add_parents *parents, const char *version)
{
    const char *stated = ozx_archive_comment_version(archive);

    for (uint32_t i = parents->count; i-- > 0;) {
        const struct ozx_metadata *above = parents->list[i].metadata;
        if (above && above->ome && above->ome->version)
            return above->ome->version;
    }
    return stated ? stated : *version ? version : VERSION_DEFAULT;
}

static int make_group(struct ozx_add_parent *parent, const char *label, const char *field,
                      const char *version, struct ozx_error *error)
{
    OZX_AUTO_TEXT struct ozx_text text = {.bytes = NULL};

    ozx_text_put(&text,
                 "{\n  \"zarr_format\": 3,\n  \"node_type\": \"group\",\n  \"attributes\": {");
    if (label || field) {
        ozx_text_put(&text, "\n    \"ome\": {\n      \"version\": ");
        ozx_text_string(&text, version);
        ozx_text_put(&text, label ? ",\n      \"labels\": [\n        "
                                  : ",\n      \"well\": {\"images\": [{\"path\": ");
        ozx_text_string(&text, label ? label : field);
        ozx_text_put(&text, label ? "\n      ]\n    }\n  " : "}]}\n    }\n  ");
        parent->field_count = field ? 1 : 0;
    }
    ozx_text_put(&text, "}\n}\n");
    if (text.no_memory)
        return ozx_error_memory(error);
    parent->text =
        (struct ozx_change_text){.text = ozx_take(text.bytes), .size_bytes = text.size_bytes};
    return 0;
}

static int list_label(struct ozx_archive *archive, const struct ozx_add_options *options,
                      struct ozx_add_parent *parent, const char *label, const char *version,
                      struct ozx_error *error)
{
    static const char *const parts[] = {"attributes.ome.labels", NULL};
    const struct ozx_ome *ome = parent->metadata->ome;
    const bool is_first = !ome || !ome->has_labels;
    OZX_AUTO_TEXT struct ozx_text value = {.bytes = NULL};
    int failure;

    if (!is_first && ozx_has_text(ome->labels, ome->label_count, label))
        return 0;
    failure = ozx_add_judge(options, parent, parts, error);
    if (!failure)
        failure = ozx_add_parent_load(archive, parent, error);
    if (failure)
        return failure;
    ozx_text_put(&value, is_first ? "[" : "");
    ozx_text_string(&value, label);
    ozx_text_put(&value, is_first ? "]" : "");
    if (value.no_memory)
        return ozx_error_memory(error);
    failure = ozx_change_set(&parent->text,
                             is_first ? "attributes.ome.labels" : "attributes.ome.labels.-",
                             value.bytes, error);
    return failure || (ome && ome->version)
               ? failure
               : ozx_change_set_text(&parent->text, "attributes.ome.version", version, error);
}

/* The name of the tree, if the group `parent` right above it is named `labels`. */
static const char *label_in(const char *path, const struct ozx_add_parent *parent)
{
    size_t size = parent->path_size_bytes;

    if (size < 6 || memcmp(path + size - 6, "labels", 6) != 0 ||
        (size > 6 && path[size - 7] != '/'))
        return NULL;
    return path + size + 1;
}

static int change_one(struct ozx_archive *archive, const struct ozx_add_options *options,
                      const struct ozx_add_parents *parents, uint32_t number,
                      const struct ozx_add_kind *tree, const char *version, struct ozx_error *error)
{
    struct ozx_add_parent *parent = &parents->list[number];
    bool is_last = number + 1 == parents->count;
    const char *label = is_last ? label_in(options->path, parent) : NULL;
    const char *field = is_last && !label ? ozx_add_field_of(options, parents, tree) : NULL;
    static const char *const parts[] = {"attributes", "attributes.ome", "attributes.ome.version",
                                        NULL};
    const struct ozx_ome *ome;
    int failure;

    if (!parent->metadata)
        return make_group(parent, label, field, version, error);
    ome = parent->metadata->ome;
    failure = !ome || !ome->version ? ozx_add_judge(options, parent, parts, error) : 0;
    if (!failure && label)
        failure = list_label(archive, options, parent, label, version, error);
    if (!failure && field)
        failure = ozx_add_list_field(archive, options, parent, field, error);
    if (!failure && ome && ome->plate)
        failure = ozx_add_list_wells(archive, options, parents, number, tree, error);
    else if (!failure && ome && ome->has_bioformats2raw && is_last && tree->is_image)
        failure = ozx_add_judge_series(archive, options, parent, error);
    if (failure || !parent->has_consolidated)
        return failure;
    failure = ozx_add_parent_load(archive, parent, error);
    return failure ? failure : ozx_add_consolidated(options, parents, number, error);
}

int ozx_add_parents_change(struct ozx_archive *archive, const struct ozx_add_options *options,
                           const struct ozx_add_kind *tree, struct ozx_add_parents *parents,
                           struct ozx_error *error)
{
    const char *stated = version_above(archive, parents, tree->version);
    char ignored[OZX_VERSION_TEXT_MAX];
    int failure = 0;

    /* from below: what is above may have a copy of it */
    for (uint32_t i = parents->count; i-- > 0 && !failure;) {
        const struct ozx_add_parent *parent = &parents->list[i];
        failure = change_one(archive, options, parents, i, tree, stated, error);
        if (!failure && parent->metadata && parent->text.text)
            failure = ozx_change_judge(parent->metadata, parent->text.text, parent->text.size_bytes,
                                       ignored, error);
    }
    /* what cannot be changed is the archive's fault, not that of an assignment */
    return failure == -EINVAL || failure == -ENOTDIR || failure == -ENOENT
               ? (error->code = -EBADMSG)
               : failure;
}
