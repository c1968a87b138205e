/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The steps of adding a tree.
 */
#include "edit/add.h"

#include <string.h>

#include "base/text.h"
#include "edit/add_parents.h"
#include "edit/neighbours.h"
#include "zip/name.h"

static int refuse_path(const char *path, const char *why, struct ozx_error *error)
{
    char name[OZX_ESCAPED_SIZE];

    return ozx_error_set(error, -EINVAL, OZX_RULE_NAME, OZX_OFFSET_NONE, NULL,
                         "'%s' is not a path for a tree in an archive: %s",
                         ozx_escape(name, sizeof name, path, strlen(path)), why);
}

/* A component that would be no directory of a hierarchy. */
static const char *component_defect(const char *name, size_t size)
{
    if (ozx_metadata_file_of(name, size) != OZX_METADATA_FILES)
        return "it has the name of a metadata file";
    if (size >= 4 && strncasecmp(name + size - 4, ".ozx", 4) == 0)
        return "it is named like an archive";
    return NULL;
}

int ozx_add_path(const char *path, char out[OZX_PATH_SIZE], struct ozx_error *error)
{
    const char *from = path + strspn(path, "/"), *why = NULL;
    size_t size = strlen(from);

    while (size && from[size - 1] == '/')
        size--;
    if (!size)
        return refuse_path(path, "it is the root", error);
    why = ozx_utf8_valid(from, size) ? ozx_zip_name_defect(from, size) : "it is not UTF-8";
    for (size_t at = 0; at < size && !why;) {
        size_t end = at + strcspn(from + at, "/");
        why = component_defect(from + at, (end < size ? end : size) - at);
        at = end + 1;
    }
    if (why)
        return refuse_path(path, why, error);
    memcpy(out, from, size);
    out[size] = '\0';
    return 0;
}

/* --- the tree --------------------------------------------------------------------------------- */

static bool is_label(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash - path >= 6 && memcmp(slash - 6, "labels", 6) == 0 &&
           (slash - path == 6 || slash[-7] == '/');
}

static void compare_versions(const struct ozx_add_options *options,
                             const struct ozx_add_parents *parents, const char *version)
{
    for (uint32_t i = parents->count; i-- > 0 && *version;) {
        const struct ozx_metadata *above = parents->list[i].metadata;
        if (!above || !above->ome || !above->ome->version)
            continue;
        if (strcmp(above->ome->version, version) != 0)
            ozx_add_warn(options, options->path, NULL,
                         "states another OME-Zarr version than what is above it: ", version);
        return;
    }
}

/* --- appending -------------------------------------------------------------------------------- */

/* The new zarr.json in front, as edit/append.h wants them. */
static uint32_t list_entries(const struct ozx_add_options *options,
                             const struct ozx_add_parents *parents,
                             struct ozx_append_entry *entries)
{
    uint32_t count = 0;

    for (int is_new = 1; is_new >= 0; is_new--)
        for (uint32_t i = 0; i < parents->count; i++) {
            const struct ozx_add_parent *parent = &parents->list[i];
            if (parent->text.text && parent->is_new == (is_new == 1))
                entries[count++] = (struct ozx_append_entry){.path = parent->file,
                                                             .data = parent->text.text,
                                                             .size_bytes = parent->text.size_bytes,
                                                             .mtime_s = options->now_s,
                                                             .is_new = parent->is_new};
        }
    return count;
}

static int append(struct ozx_archive *archive, int fd, const struct ozx_add_options *options,
                  const struct ozx_add_parents *parents, bool complete, struct ozx_error *error)
{
    struct ozx_change_text comment = {.text = NULL};
    OZX_AUTO_FREE struct ozx_append_entry *entries = calloc(parents->count, sizeof *entries);
    int failure;

    if (!entries)
        return ozx_error_memory(error);
    failure = ozx_change_comment(archive, "", &comment, error);
    if (!failure) {
        const struct ozx_append all = {.source = ozx_archive_source(archive),
                                       .fd = fd,
                                       .entries = entries,
                                       .entry_count = list_entries(options, parents, entries),
                                       .tree = options->tree,
                                       .comment = comment.text,
                                       .comment_size_bytes = comment.size_bytes};
        failure = ozx_neighbours_check(archive, entries, all.entry_count, error);
        if (!failure)
            failure = complete ? ozx_append_complete(&all, error) : ozx_append_reserve(&all, error);
    }
    free(comment.text);
    return failure;
}

static int add(struct ozx_source **source, int fd, const struct ozx_add_options *given,
               bool complete, struct ozx_error *error)
{
    OZX_AUTO_ARCHIVE struct ozx_archive *archive = NULL;
    struct ozx_add_options options = *given;
    struct ozx_add_parents parents = {.count = 0};
    struct ozx_add_kind tree = {.is_image = false};
    int failure = ozx_archive_open(*source, NULL, &archive, error);

    if (failure)
        return failure;
    *source = NULL; /* the archive's */
    if (complete)
        options.warning = NULL;
    failure = ozx_add_parents_find(archive, options.path, &parents, error);
    if (!failure)
        failure = ozx_add_kind_of(&options.nodes[0], &tree, error);
    if (!failure) {
        if (is_label(options.path) && !tree.is_image)
            ozx_add_warn(&options, options.path, NULL,
                         "is listed as a label image, but its metadata have no multiscales", "");
        compare_versions(&options, &parents, tree.version);
        failure = ozx_add_parents_change(archive, &options, &tree, &parents, error);
    }
    if (!failure)
        failure = append(archive, fd, &options, &parents, complete, error);
    ozx_add_parents_free(&parents);
    return failure;
}

int ozx_add_reserve(struct ozx_source **source, int fd, const struct ozx_add_options *options,
                    struct ozx_error *error)
{
    return add(source, fd, options, false, error);
}

int ozx_add_complete(struct ozx_source **source, int fd, const struct ozx_add_options *options,
                     struct ozx_error *error)
{
    return add(source, fd, options, true, error);
}
