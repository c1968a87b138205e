/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking into zarr.json files. Knows nothing of ZIP.
 */
#include "pack/zarr.h"

#include <stdio.h>
#include <string.h>

#include "zarr/json.h"
#include "zarr/metadata_files.h"

/* The JSON of an entry, or NULL with the reason in `*why`: -EBADMSG and `problem` (which is empty
 * if the archive that it is in is to blame), -errno. */
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

    /* A backslash: of an escape that stands for no character, see zarr/json.h. */
    return version && version[0] && strlen(version) < OZX_VERSION_TEXT_MAX && !strchr(version, '\\')
               ? version
               : NULL;
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
        ozx_plan_metadata_count(plan) ? ozx_plan_metadata(plan, 0) : NULL;
    const struct ozx_plan_directory *where =
        first ? ozx_plan_directory(plan, first->directory) : NULL;
    char name[OZX_ESCAPED_SIZE];

    if (where && where->depth == 0)
        return 0;
    if (root_was_excluded(plan))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE,
                             "there is nothing to pack without it",
                             "the root zarr.json was excluded");
    if (root_has(plan, OZX_NAME_ZARR_JSON))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, NULL,
                             "the root zarr.json is not a regular file");
    if (root_has(plan, OZX_NAME_ZGROUP) || root_has(plan, OZX_NAME_ZARRAY) ||
        root_has(plan, OZX_NAME_ZATTRS))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE,
                             kind->hint_v2,
                             "is Zarr v2 (OME-Zarr 0.4 or older), and a .ozx holds Zarr v3");
    if (where)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, kind->hint_above,
                             "has no zarr.json at its root, but there is one in '%s/'",
                             ozx_escape(name, sizeof name, where->path, where->path_size_bytes));
    return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, kind->hint_no_zarr,
                         "has no zarr.json: not an OME-Zarr hierarchy");
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Why an entry cannot be used, without its name; -EBADMSG or -ENOMEM. */
static int explain(const struct ozx_json_problem *problem, enum ozx_rule rule, const char *name,
                   struct ozx_error *error)
{
    char escaped[sizeof problem->json.text];
    const char *why = problem->json.text;

    return ozx_error_set(error, -EBADMSG, rule, OZX_OFFSET_NONE, "fix the JSON",
                         "%s is not JSON: %s (line %d, column %d)", name,
                         ozx_escape(escaped, sizeof escaped, why, strlen(why)), problem->json.line,
                         problem->json.column);
}

/* Adds what is odd about the JSON of one file to what is odd about those before it. */
static void add_defects(struct ozx_zarr_json *all, uint64_t entry,
                        const struct ozx_json_problem *problem)
{
    for (int kind = 0; kind < OZX_JSON_KINDS; kind++) {
        if (!problem->defects[kind].count)
            continue;
        if (!all->kinds[kind].files++) {
            all->kinds[kind].entry = entry;
            all->kinds[kind].defect = problem->defects[kind];
        }
    }
}

int ozx_zarr_judge_json(const struct ozx_plan *plan, struct ozx_zarr_json *all,
                        struct ozx_error *error)
{
    *all = (struct ozx_zarr_json){.broken = 0};
    for (uint64_t i = 0; i < ozx_plan_metadata_count(plan); i++) {
        const struct ozx_plan_entry *entry = ozx_plan_metadata(plan, i);
        struct ozx_json_problem problem = {0};
        char path[OZX_NAME_PATH_MAX + 1], name[OZX_ESCAPED_SIZE], quoted[OZX_ESCAPED_SIZE + 2];
        int why = 0;
        OZX_AUTO_JSON json_t *metadata = load(plan, entry, &why, &problem);

        if (why == -ENOMEM)
            return ozx_error_memory(error);
        if (metadata)
            add_defects(all, i, &problem);
        if (why == -EBADMSG && problem.bound && !all->unread++) {
            all->unread_entry = i;
            all->unread_why = problem.bound;
        }
        if (metadata ? json_is_object(metadata) : !problem.json.text[0])
            continue;
        if (all->broken++)
            continue;
        ozx_plan_path(plan, entry, path);
        snprintf(quoted, sizeof quoted, "'%s'", ozx_escape(name, sizeof name, path, strlen(path)));
        if (metadata)
            ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, "fix the JSON",
                          "%s is not a JSON object", quoted);
        else
            explain(&problem, OZX_RULE_ZARR_JSON, quoted, error);
    }
    if (all->broken > 1) {
        size_t size = strlen(error->text);
        snprintf(error->text + size, sizeof error->text - size,
                 "; and %llu more file%s not JSON", (unsigned long long)all->broken - 1,
                 all->broken == 2 ? " is" : "s are");
    }
    return all->broken ? -EBADMSG : 0;
}

/* --- the version ------------------------------------------------------------------------------ */

static int explain_root(int why, const struct ozx_json_problem *problem, struct ozx_error *error)
{
    if (why == -ENOMEM)
        return ozx_error_memory(error);
    if (why == -EBADMSG && problem->bound)
        return ozx_error_set(error, -EFBIG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE,
                             "state its version: --ome-version 0.5, for example",
                             "the root zarr.json is not parsed: %s", problem->bound);
    if (why == -EBADMSG && problem->json.text[0])
        return explain(problem, OZX_RULE_NO_ROOT, "the root zarr.json", error);
    return ozx_error_set(error, why, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                         "cannot read the root zarr.json: %s",
                         why == -ESTALE    ? "it changed while it was being packed"
                         : why == -EBADMSG ? "the archive is damaged there"
                                           : strerror(-why));
}

/* Looks at every other zarr.json in turn. What cannot be read there is no reason to stop: it will
 * be packed as it is, and the pipeline tells what it cannot read. -ENOMEM. */
static int version_below(const struct ozx_plan *plan, char version[OZX_VERSION_TEXT_MAX],
                         void (*disagree)(void *context, const char *path, const char *other),
                         void *context)
{
    for (uint64_t i = 1; i < ozx_plan_metadata_count(plan); i++) {
        const struct ozx_plan_entry *entry = ozx_plan_metadata(plan, i);
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
    OZX_AUTO_JSON json_t *metadata = load(plan, ozx_plan_metadata(plan, 0), &why, &problem);
    const char *found;

    if (!metadata)
        return explain_root(why, &problem, error);
    if (!json_is_object(metadata))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NO_ROOT, OZX_OFFSET_NONE, "fix the JSON",
                             "the root zarr.json is not a JSON object");
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
        const struct ozx_plan_entry *entry = ozx_plan_metadata(plan, i);
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
