/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all parts of adding a tree need of it, and of a group above it.
 */
#include <string.h>

#include "archive/node_metadata.h"
#include "base/text.h"
#include "edit/add_parents.h"

void ozx_add_warn(const struct ozx_add_options *options, const char *path, const char *hint,
                  const char *text, const char *detail)
{
    struct ozx_error warning = OZX_ERROR_INIT;
    char name[OZX_ESCAPED_SIZE], more[OZX_ESCAPED_SIZE];

    ozx_error_set(&warning, 0, OZX_RULE_NONE, OZX_OFFSET_NONE, hint, "'%s' %s%s",
                  ozx_escape(name, sizeof name, path, strlen(path)), text,
                  ozx_escape(more, sizeof more, detail, strlen(detail)));
    if (options->warning)
        options->warning(options->context, &warning);
}

int ozx_add_kind_of(const struct ozx_add_node *node, struct ozx_add_kind *out,
                    struct ozx_error *error)
{
    OZX_AUTO_METADATA struct ozx_metadata *metadata = NULL;
    int failure = ozx_metadata_parse(OZX_METADATA_ZARR_JSON, node->text, node->size_bytes, NULL, 0,
                                     &metadata, error);
    const struct ozx_ome *ome;

    if (failure)
        return failure;
    if (metadata->zarr_format != 3 || (!metadata->is_group && !metadata->is_array))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL,
                             "the zarr.json of what would be added is not that of a Zarr v3 node");
    ome = metadata->ome;
    *out = (struct ozx_add_kind){.is_image = ome && ome->multiscale_count,
                                 .is_well = ome && ome->well,
                                 .field_count = ome && ome->well ? ome->well->image_count : 0};
    if (ome && ome->version && strlen(ome->version) < OZX_VERSION_TEXT_MAX)
        memcpy(out->version, ome->version, strlen(ome->version) + 1);
    return 0;
}

int ozx_add_parent_load(struct ozx_archive *archive, struct ozx_add_parent *parent,
                        struct ozx_error *error)
{
    uint32_t file;

    if (parent->text.text)
        return 0;
    if (ozx_archive_find(archive, parent->file, &file))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "a group is not there any more");
    return ozx_metadata_text(archive, file, &parent->text.text, &parent->text.size_bytes, error);
}

/* Of the part itself, or of an element of it. */
static bool is_of(const struct ozx_defect *defect, const char *part)
{
    size_t size = strlen(part);

    return strncmp(defect->where, part, size) == 0 &&
           (!defect->where[size] || defect->where[size] == '[');
}

static bool is_harmless(const struct ozx_defect *defect)
{
    const char *where = defect->where, *end = strrchr(where, '.');

    if (!strchr(where, '['))
        return strcmp(defect->text, "is missing") == 0;
    return end && (strcmp(end, ".rowIndex") == 0 || strcmp(end, ".columnIndex") == 0);
}

int ozx_add_judge(const struct ozx_add_options *options, const struct ozx_add_parent *group,
                  const char *const *parts, struct ozx_error *error)
{
    const struct ozx_metadata *metadata = group->metadata;
    const char *where = "", *text = "its metadata have too many defects";
    bool found = metadata && metadata->defect_total > metadata->defect_count;
    char name[OZX_ESCAPED_SIZE];

    for (; metadata && *parts; parts++)
        for (size_t i = 0; i < metadata->defect_count; i++) {
            const struct ozx_defect *defect = &metadata->defects[i];
            if (!is_of(defect, *parts) || is_harmless(defect))
                continue;
            found = true;
            where = defect->where;
            text = defect->text;
        }
    if (!found)
        return 0;
    return ozx_error_set(error, -EBADMSG, OZX_RULE_OME_BLOCK, OZX_OFFSET_NONE,
                         "correct it by 'ozxfs edit'", "'/%s' %.190s%s%.200s",
                         ozx_escape(name, sizeof name, options->path, group->path_size_bytes),
                         where, *where ? " " : "", text);
}
