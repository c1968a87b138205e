/* SPDX-License-Identifier: BSD-2-Clause
 *
 * RFC-9's comment, read as metadata are (zarr/json.h).
 */
#include "zarr/comment.h"

#include <stdio.h>
#include <string.h>

#include "zarr/jansson.h"
#include "zarr/json.h"
#include "zarr/libraries.h"

static void read_version(json_t *root, struct ozx_comment *out)
{
    const json_t *version = json_object_get(json_object_get(root, "ome"), "version");
    const char *text = json_string_value(version);

    if (!version)
        snprintf(out->defect, sizeof out->defect, "it has no ome.version");
    else if (!text)
        snprintf(out->defect, sizeof out->defect, "its ome.version is not a string");
    else if (!*text || strlen(text) >= sizeof out->version || strchr(text, '\\'))
        snprintf(out->defect, sizeof out->defect, "its ome.version is not a version");
    else
        memcpy(out->version, text, strlen(text) + 1);
}

static void read_json_first(json_t *root, struct ozx_comment *out)
{
    const json_t *zip_file = json_object_get(json_object_get(root, "ome"), "zipFile");
    const json_t *flag =
        json_object_get(json_object_get(zip_file, "centralDirectory"), "jsonFirst");

    out->json_first = json_is_true(flag);
    out->json_first_odd = flag && !json_is_boolean(flag);
    if (out->json_first_odd && !out->defect[0])
        snprintf(out->defect, sizeof out->defect, "its jsonFirst is not a boolean");
}

/* Under `ome`: version and zipFile; under that, centralDirectory; under that, jsonFirst. */
static void read_own_keys(json_t *root, struct ozx_comment *out)
{
    static const char *const known[][2] = {
        {"version", "zipFile"}, {"centralDirectory", NULL}, {"jsonFirst", NULL}};
    static const char *const below[] = {"zipFile", "centralDirectory", NULL};
    json_t *object = json_object_get(root, "ome");

    for (size_t level = 0; level < 3 && json_is_object(object); level++) {
        const char *key;
        json_t *value;

        json_object_foreach(object, key, value) {
            bool is_known = strcmp(key, known[level][0]) == 0 ||
                            (known[level][1] && strcmp(key, known[level][1]) == 0);
            if (!is_known && !out->own_key[0])
                ozx_escape(out->own_key, sizeof out->own_key, key, strlen(key));
        }
        object = below[level] ? json_object_get(object, below[level]) : NULL;
    }
}

/* Why it is no JSON object, or what is odd about it as JSON though it can be read. */
static void judge_json(const struct ozx_json_problem *problem, const json_t *root,
                       struct ozx_comment *out)
{
    char text[OZX_JSON_TEXT_SIZE];

    if (!root)
        snprintf(out->defect, sizeof out->defect, "it is not JSON: %.100s",
                 problem->bound ? problem->bound : problem->json.text);
    else if (!json_is_object(root))
        snprintf(out->defect, sizeof out->defect, "it is not an object");
    for (int kind = 0; root && kind < OZX_JSON_KINDS && !out->defect[0]; kind++)
        if (problem->defects[kind].count)
            snprintf(out->defect, sizeof out->defect, "%.*s", (int)sizeof out->defect - 1,
                     ozx_json_defect_text((enum ozx_json_kind)kind, &problem->defects[kind], text));
}

int ozx_comment_parse(const char *text, size_t size_bytes, struct ozx_comment *out)
{
    struct ozx_json_problem problem;
    OZX_AUTO_JSON json_t *root = NULL;
    int failure;

    *out = (struct ozx_comment){.present = size_bytes > 0};
    if (!out->present) {
        snprintf(out->defect, sizeof out->defect, "there is none");
        return 0;
    }
    failure = ozx_json_parse(text, size_bytes, &root, NULL, &problem);
    if (failure == -ENOMEM)
        return failure;
    if (json_is_object(root)) {
        read_version(root, out);
        read_json_first(root, out);
        read_own_keys(root, out);
    }
    if (!out->defect[0])
        judge_json(&problem, root, out);
    return 0;
}

int ozx_comment_format(const char *version, bool json_first, char **text, size_t *size_bytes)
{
    json_t *root = json_pack("{s:{s:s, s:{s:{s:b}}}}", "ome", "version", version, "zipFile",
                             "centralDirectory", "jsonFirst", (int)json_first);
    int failure = ozx_jansson_format(root, JSON_COMPACT, text);

    json_decref(root);
    if (!failure)
        *size_bytes = strlen(*text);
    return failure;
}

const char *ozx_json_library_version(void)
{
    return jansson_version_str();
}
