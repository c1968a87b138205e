/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a file's bytes to a struct ozx_metadata: JSON first (zarr/json.h), then the parts. Knows
 * which files make a node; the fields are the business of metadata_array.c and metadata_ome.c.
 */
#include "zarr/metadata.h"

#include <string.h>

#include "zarr/json.h"
#include "zarr/metadata_memory.h"
#include "zarr/metadata_parse.h"

/* --- JSON ---------------------------------------------------------------------------------------
 */

static int explain(const struct ozx_json_problem *problem, const char *name,
                   struct ozx_error *error)
{
    const json_error_t *json = &problem->json;
    char escaped[160];

    if (problem->bound)
        return ozx_error_set(error, -EBADMSG, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                             "%s is not parsed: %s", name, problem->bound);
    return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL,
                         "%s is not JSON: %s (line %d, column %d)", name,
                         ozx_escape(escaped, sizeof escaped, json->text, strlen(json->text)),
                         json->line, json->column);
}

static bool is_spelling(enum ozx_json_kind kind)
{
    return kind == OZX_JSON_NUL || kind == OZX_JSON_SURROGATE || kind == OZX_JSON_NOT_FINITE ||
           kind == OZX_JSON_RANGE || kind == OZX_JSON_NESTING;
}

/* What some readers take for JSON and others do not; `beside` names the file if it is not the
 * node's own. */
static void note_defects(struct ozx_parse *p, const char *beside,
                         const struct ozx_json_problem *problem)
{
    char text[OZX_JSON_TEXT_SIZE], place[OZX_JSON_TEXT_SIZE];

    for (int kind = 0; kind < OZX_JSON_KINDS; kind++) {
        const struct ozx_json_defect *defect = &problem->defects[kind];
        size_t count = p->defect_count;
        if (defect->count)
            ozx_parse_defect(p, NULL, NULL, "%s (%s%s%s)",
                             ozx_json_defect_text((enum ozx_json_kind)kind, defect, text),
                             beside ? beside : "", beside ? ", " : "",
                             ozx_json_defect_place(defect, place));
        if (p->defect_count > count)
            p->defects[count].is_spelling = is_spelling((enum ozx_json_kind)kind);
    }
}

static int load_json(struct ozx_parse *p, const char *text, size_t size, const char *name,
                     bool is_beside, json_t **out, struct ozx_error *error)
{
    struct ozx_json_problem problem;
    OZX_AUTO_JSON json_t *json = NULL;
    int failure = ozx_json_parse(text, size, &json, &p->integers_are_real, &problem);

    if (failure == -ENOMEM)
        return ozx_error_memory(error);
    if (failure)
        return explain(&problem, name, error);
    if (!json_is_object(json))
        return ozx_error_set(error, -EBADMSG, OZX_RULE_ZARR_JSON, OZX_OFFSET_NONE, NULL,
                             "%s is not a JSON object", name);
    note_defects(p, is_beside ? name : NULL, &problem);
    *out = ozx_take(json);
    return 0;
}

/* --- a node of Zarr v3 ------------------------------------------------------------------------ */

/* Writers that only copied 0.4's attributes leave them where no reader of 0.5 looks. */
static void judge_attributes(struct ozx_parse *p, const json_t *attributes)
{
    static const char *const keys[] = {"multiscales", "plate", "well"};
    const struct ozx_json_path place = {.key = "attributes"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_object_get(attributes, keys[i]))
            ozx_parse_defect(p, &place, keys[i], "is outside attributes.ome");
}

static bool is_key_v3(const char *key, bool is_array)
{
    static const char *const any[] = {"zarr_format", "node_type", "attributes",
                                      "consolidated_metadata"};
    static const char *const arrays[] = {
        "shape",  "data_type",  "chunk_grid",      "chunk_key_encoding",
        "codecs", "fill_value", "dimension_names", "storage_transformers"};

    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
        if (strcmp(key, any[i]) == 0)
            return true;
    for (size_t i = 0; is_array && i < sizeof arrays / sizeof arrays[0]; i++)
        if (strcmp(key, arrays[i]) == 0)
            return true;
    return false;
}

/* A reader must refuse a node with a key that it does not know, unless that says otherwise. */
static void judge_extensions(struct ozx_parse *p, json_t *root, bool is_array)
{
    const char *key;
    json_t *value;

    json_object_foreach(root, key, value)
    {
        if (!is_key_v3(key, is_array) && !json_is_false(json_object_get(value, "must_understand")))
            ozx_parse_defect(
                p, NULL, NULL,
                "'%.40s' is not a key of Zarr v3 and lacks \"must_understand\": false: "
                "readers refuse it",
                key);
    }
}

static void read_v3(struct ozx_parse *p, json_t *root, struct ozx_metadata *m)
{
    const struct ozx_json_path attributes_place = {.key = "attributes"};
    const struct ozx_json_path ome_place = {.up = &attributes_place, .key = "ome"};
    const json_t *attributes, *ome, *consolidated;
    const char *type;
    uint64_t format = 0;

    if (ozx_parse_uint(p, NULL, root, "zarr_format", INT32_MAX, OZX_REQUIRED, &format) &&
        format != 3)
        ozx_parse_defect(p, NULL, "zarr_format", "is %llu, not 3", (unsigned long long)format);
    m->zarr_format = format == 3 || format == 2 ? (int)format : 0;
    type = ozx_parse_text(p, NULL, root, "node_type", OZX_REQUIRED);
    m->is_array = type && strcmp(type, "array") == 0;
    m->is_group = type && strcmp(type, "group") == 0;
    if (type && !m->is_array && !m->is_group)
        ozx_parse_defect(p, NULL, "node_type", "is '%.40s', neither 'array' nor 'group'", type);
    if (m->is_array)
        m->array = ozx_parse_array_v3(p, root);
    if (m->is_array || m->is_group)
        judge_extensions(p, root, m->is_array);
    consolidated = json_object_get(root, "consolidated_metadata");
    m->has_consolidated = consolidated && !json_is_null(consolidated);
    attributes = ozx_parse_field(p, NULL, root, "attributes", JSON_OBJECT, OZX_OPTIONAL);
    p->part = OZX_PART_OME;
    ome = ozx_parse_field(p, &attributes_place, attributes, "ome", JSON_OBJECT, OZX_OPTIONAL);
    if (ome)
        m->ome = ozx_parse_ome(p, &ome_place, ome, false);
    else if (m->is_group)
        judge_attributes(p, attributes);
}

/* --- Zarr v2 ---------------------------------------------------------------------------------- */

static bool has_ome_v2(const json_t *attributes)
{
    static const char *const keys[] = {"multiscales", "plate",  "well",
                                       "labels",      "series", "bioformats2raw.layout"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_object_get(attributes, keys[i]))
            return true;
    return false;
}

static void read_v2(struct ozx_parse *p, enum ozx_metadata_file file, const json_t *root,
                    const json_t *attributes, struct ozx_metadata *m)
{
    m->zarr_format = 2;
    m->is_array = file == OZX_METADATA_ZARRAY;
    m->is_group = !m->is_array;
    if (m->is_array)
        m->array = ozx_parse_array_v2(p, root);
    p->part = OZX_PART_OME;
    if (has_ome_v2(attributes))
        m->ome = ozx_parse_ome(p, NULL, attributes, true);
}

/* --- the contract ----------------------------------------------------------------------------- */

static int build(struct ozx_parse *p, enum ozx_metadata_file file, json_t *root,
                 const json_t *attributes, struct ozx_metadata **out, struct ozx_error *error)
{
    struct ozx_metadata *m = ozx_parse_alloc(p, 1, sizeof *m);

    if (!m)
        return ozx_error_memory(error);
    if (file == OZX_METADATA_ZARR_JSON)
        read_v3(p, root, m);
    else
        read_v2(p, file, root, attributes, m);
    if (p->no_memory)
        return ozx_error_memory(error);
    m->defects = p->defects;
    m->defect_count = p->defect_count;
    m->defect_total = p->defect_total;
    m->memory = p->memory;
    *out = m;
    return 0;
}

int ozx_metadata_parse(enum ozx_metadata_file file, const char *text, size_t text_size_bytes,
                       const char *attributes, size_t attributes_size_bytes,
                       struct ozx_metadata **out, struct ozx_error *error)
{
    OZX_AUTO_JSON json_t *root = NULL, *attributes_json = NULL;
    struct ozx_parse p = {.part = OZX_PART_ZARR,
                          .text = text,
                          .text_size_bytes = text_size_bytes,
                          .memory = ozx_metadata_memory_new()};
    int failure;

    if (!p.memory)
        return ozx_error_memory(error);
    failure =
        load_json(&p, text, text_size_bytes, ozx_metadata_file_name(file), false, &root, error);
    if (!failure && attributes)
        failure = load_json(&p, attributes, attributes_size_bytes, OZX_NAME_ZATTRS, true,
                            &attributes_json, error);
    if (!failure)
        failure = build(&p, file, root, attributes_json, out, error);
    if (failure)
        ozx_metadata_memory_free(p.memory);
    return failure;
}

void ozx_metadata_free(struct ozx_metadata *metadata)
{
    if (metadata)
        ozx_metadata_memory_free(metadata->memory);
}
