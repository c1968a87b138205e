/* SPDX-License-Identifier: BSD-2-Clause
 *
 * RFC-9's comment, through jansson.
 */
#include "ozx/comment.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "ozx/libraries.h"

static void read_version(json_t *root, struct ozx_comment *out)
{
    const json_t *version = json_object_get(json_object_get(root, "ome"), "version");
    const char *text = json_string_value(version);

    if (!version)
        snprintf(out->defect, sizeof out->defect, "it has no ome.version");
    else if (!text)
        snprintf(out->defect, sizeof out->defect, "its ome.version is no string");
    else if (!*text || strlen(text) >= sizeof out->version ||
             strlen(text) != json_string_length(version))
        snprintf(out->defect, sizeof out->defect, "its ome.version is no version");
    else
        memcpy(out->version, text, strlen(text) + 1);
}

static void read_json_first(json_t *root, struct ozx_comment *out)
{
    const json_t *zip_file = json_object_get(json_object_get(root, "ome"), "zipFile");
    const json_t *flag = json_object_get(json_object_get(zip_file, "centralDirectory"), "jsonFirst");

    out->json_first = json_is_true(flag);
    out->json_first_odd = flag && !json_is_boolean(flag);
    if (out->json_first_odd && !out->defect[0])
        snprintf(out->defect, sizeof out->defect, "its jsonFirst is no boolean");
}

void ozx_comment_parse(const char *text, size_t size_bytes, struct ozx_comment *out)
{
    json_error_t failure;
    json_t *root;

    *out = (struct ozx_comment){.present = size_bytes > 0};
    if (!out->present) {
        snprintf(out->defect, sizeof out->defect, "there is none");
        return;
    }
    root = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &failure);
    if (!root) {
        char escaped[96];
        snprintf(out->defect, sizeof out->defect, "it is not JSON: %s",
                 ozx_escape(escaped, sizeof escaped, failure.text, strlen(failure.text)));
        return;
    }
    read_version(root, out);
    read_json_first(root, out);
    json_decref(root);
}

int ozx_comment_format(const char *version, bool json_first, char **text, size_t *size_bytes)
{
    json_t *root = json_pack("{s:{s:s, s:{s:{s:b}}}}", "ome", "version", version, "zipFile",
                             "centralDirectory", "jsonFirst", (int)json_first);
    char *made = root ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    if (!made)
        return -ENOMEM;
    *text = made;
    *size_bytes = strlen(made);
    return 0;
}

const char *ozx_json_library_version(void)
{
    return jansson_version_str();
}
