/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What becomes of metadata and comment.
 */
#include "edit/change.h"

#include <string.h>

#include "zarr/json_edit.h"
#include "zarr/json_write.h"

int ozx_change_set(struct ozx_change_text *text, const char *key, const char *value,
                   struct ozx_error *error)
{
    char *changed = NULL;
    size_t size = 0;
    int failure = ozx_json_edit_known(text->text, text->size_bytes, key, strlen(key), value,
                                      &changed, &size, error);

    if (failure)
        return failure;
    free(text->text);
    text->text = changed;
    text->size_bytes = size;
    return 0;
}

int ozx_change_set_text(struct ozx_change_text *text, const char *key, const char *value,
                        struct ozx_error *error)
{
    OZX_AUTO_TEXT struct ozx_text quoted = {.bytes = NULL};

    ozx_text_string(&quoted, value);
    return quoted.no_memory ? ozx_error_memory(error)
                            : ozx_change_set(text, key, quoted.bytes, error);
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

/* The same of the same part. Of the text as JSON it tells a place as well, "(line 1, column 424)",
 * and that moves. */
static bool is_same_defect(const struct ozx_defect *a, const struct ozx_defect *b)
{
    const char *end = *a->where ? NULL : strrchr(a->text, '(');

    if (strcmp(a->where, b->where) != 0)
        return false;
    return end ? strncmp(a->text, b->text, (size_t)(end - a->text)) == 0
               : strcmp(a->text, b->text) == 0;
}

int ozx_change_judge(const struct ozx_metadata *old, const char *text, size_t size,
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
            known |= is_same_defect(defect, &old->defects[k]);
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

int ozx_change_comment(const struct ozx_archive *archive, const char *version,
                       struct ozx_change_text *comment, struct ozx_error *error)
{
    struct ozx_archive_facts facts;
    size_t size;
    const char *old = ozx_archive_comment(archive, &size);
    bool lies, other;
    int failure = 0;

    ozx_archive_facts(archive, &facts);
    lies = facts.json_first_claimed && !facts.json_first_true;
    other = *version && ozx_archive_comment_version(archive);
    if (!old || (!lies && !other))
        return 0;
    comment->text = malloc(size);
    if (!comment->text)
        return ozx_error_memory(error);
    memcpy(comment->text, old, size);
    comment->size_bytes = size;
    if (lies)
        failure = ozx_change_set(comment, "ome.zipFile.centralDirectory.jsonFirst", "false", error);
    if (other && !failure)
        failure = ozx_change_set_text(comment, "ome.version", version, error);
    return failure;
}
