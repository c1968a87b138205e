/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking into zarr.json files. Knows nothing of ZIP.
 */
#include "pack/zarr.h"

#include <string.h>

#include "zarr/json.h"

/* The JSON of an entry, or NULL with the reason in `*why`: -EBADMSG and `problem`, -errno. */
static json_t *load(const struct ozx_plan *plan, const struct ozx_plan_entry *entry, int *why,
                    struct ozx_json_problem *problem)
{
    OZX_AUTO_FREE char *text = NULL;
    struct ozx_error error = OZX_ERROR_INIT;
    json_t *json = NULL;

    if (entry->size_bytes > OZX_JSON_SIZE_MAX) {
        problem->bound = "it is larger than 64 MiB";
        *why = -EBADMSG;
        return NULL;
    }
    text = malloc(entry->size_bytes + 1);
    *why = text ? ozx_plan_read_text(plan, entry, text, &error) : -ENOMEM;
    if (!*why)
        *why = ozx_json_parse(text, entry->size_bytes, &json, NULL, problem);
    return json;
}

/* attributes.ome.version, borrowed; NULL if it is no usable string. */
static const char *version_of(const json_t *metadata)
{
    const char *version = json_string_value(json_object_get(
        json_object_get(json_object_get(metadata, "attributes"), "ome"), "version"));

    return version && version[0] && strlen(version) < OZX_VERSION_TEXT_MAX ? version : NULL;
}

/* --- the root --------------------------------------------------------------------------------- */

static bool root_has(const struct ozx_plan *plan, const char *name)
{
    const struct ozx_input *input = ozx_plan_input(plan);

    return input->kind->exists(input, name);
}

static bool root_was_excluded(const struct ozx_plan *plan)
{
    for (uint32_t i = 0; i < ozx_plan_omission_count(plan); i++)
        if (ozx_plan_omission(plan, i)->directory == 0 && ozx_plan_omission(plan, i)->has_metadata)
            return true;
    return false;
}

int ozx_zarr_check_root(const struct ozx_plan *plan, struct ozx_error *error)
{
    const struct ozx_input_kind *kind = ozx_plan_input(plan)->kind;
    const struct ozx_plan_entry *first =
        ozx_plan_metadata_count(plan) ? ozx_plan_entry(plan, 0) : NULL;
    const struct ozx_plan_directory *where =
        first ? ozx_plan_directory(plan, first->directory) : NULL;
    char name[OZX_ESCAPED_SIZE];

    if (where && where->depth == 0)
        return 0;
    if (root_was_excluded(plan))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE,
                             "without it there is nothing to pack",
                             "the root zarr.json was excluded");
    if (root_has(plan, "zarr.json"))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, NULL,
                             "the root zarr.json is not a regular file");
    if (root_has(plan, ".zgroup") || root_has(plan, ".zarray") || root_has(plan, ".zattrs"))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE,
                             "convert it to OME-Zarr 0.5 first: ngff-zarr -i IN -o OUT "
                             "--ome-zarr-version 0.5, or ome2024-ngff-challenge resave",
                             "is Zarr v2 (OME-Zarr 0.4 or older), and a .ozx holds Zarr v3");
    if (where)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, kind->hint_above,
                             "has no zarr.json at its root, but there is one in '%s/'",
                             ozx_escape(name, sizeof name, where->path, where->path_size_bytes));
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, kind->hint_no_zarr,
                         "has no zarr.json: not an OME-Zarr hierarchy");
}

/* --- the version ------------------------------------------------------------------------------ */

static int explain_root(int why, const struct ozx_json_problem *problem, struct ozx_error *error)
{
    if (why == -ENOMEM)
        return ozx_error_memory(error);
    if (why == -EBADMSG && problem->bound)
        return ozx_error_set(error, why, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, NULL,
                             "the root zarr.json is not parsed: %s", problem->bound);
    if (why == -EBADMSG)
        return ozx_error_set(error, why, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, "mend it",
                             "the root zarr.json is not JSON (line %d, column %d)",
                             problem->json.line, problem->json.column);
    return ozx_error_set(error, why, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "cannot read the root zarr.json: %s",
                         why == -ESTALE ? "it changed while it was being packed" : strerror(-why));
}

/* Looks at every other zarr.json in turn. What cannot be read there is no reason to stop: it will
 * be packed as it is, and the pipeline tells what it cannot read. -ENOMEM. */
static int version_below(const struct ozx_plan *plan, char version[OZX_VERSION_TEXT_MAX],
                          void (*disagree)(void *context, const char *path, const char *other),
                          void *context)
{
    for (uint64_t i = 1; i < ozx_plan_metadata_count(plan); i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(plan, i);
        char path[OZX_NAME_PATH_MAX + 1];
        struct ozx_json_problem problem = {0};
        int why = 0;
        OZX_AUTO_JSON json_t *metadata = load(plan, entry, &why, &problem);
        const char *found = version_of(metadata);

        if (why == -ENOMEM)
            return why;
        if (!found)
            continue;
        if (!version[0]) {
            memcpy(version, found, strlen(found) + 1);
        } else if (strcmp(found, version) != 0 && disagree) {
            ozx_plan_path(plan, entry, path);
            disagree(context, path, found);
        }
    }
    return 0;
}

int ozx_zarr_version(const struct ozx_plan *plan, char version[OZX_VERSION_TEXT_MAX],
                     void (*disagree)(void *context, const char *path, const char *other),
                     void *context, struct ozx_error *error)
{
    struct ozx_json_problem problem = {0};
    int why = 0;
    OZX_AUTO_JSON json_t *metadata = load(plan, ozx_plan_entry(plan, 0), &why, &problem);
    const char *found;

    if (!metadata)
        return explain_root(why, &problem, error);
    if (!json_is_object(metadata))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, "mend it",
                             "the root zarr.json is no JSON object");
    found = version_of(metadata);
    if (found) {
        memcpy(version, found, strlen(found) + 1);
        return 0;
    }
    version[0] = '\0';
    return version_below(plan, version, disagree, context) ? ozx_error_memory(error) : 0;
}

/* --- sharding --------------------------------------------------------------------------------- */

/* True if it is surely an array without a sharding codec. */
static bool is_unsharded_array(const json_t *metadata)
{
    const json_t *codecs = json_object_get(metadata, "codecs");
    const char *type = json_string_value(json_object_get(metadata, "node_type"));
    size_t count = json_array_size(codecs);

    if (!type || strcmp(type, "array") != 0 || !json_is_array(codecs))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *codec = json_array_get(codecs, i);
        const char *name =
            json_string_value(json_is_string(codec) ? codec : json_object_get(codec, "name"));
        if (name && strcmp(name, "sharding_indexed") == 0)
            return false;
    }
    return true;
}

void ozx_zarr_find_unsharded(const struct ozx_plan *plan,
                             void (*found)(void *context, const char *path, uint32_t chunk_count),
                             void *context)
{
    for (uint64_t i = 0; i < ozx_plan_metadata_count(plan); i++) {
        const struct ozx_plan_entry *entry = ozx_plan_entry(plan, i);
        const struct ozx_plan_directory *directory = ozx_plan_directory(plan, entry->directory);
        struct ozx_json_problem problem = {0};
        int why = 0;

        if (directory->chunk_count <= OZX_MANY_CHUNKS)
            continue;
        OZX_AUTO_JSON json_t *metadata = load(plan, entry, &why, &problem);
        if (metadata && is_unsharded_array(metadata))
            found(context, directory->path, directory->chunk_count);
    }
}
