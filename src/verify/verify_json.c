/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reports as JSON. The layout is a contract: ozxfs-verify(1), JSON OUTPUT.
 */
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"
#include "zarr/jansson.h"

#define INDENT 4 /* of the objects in their list */

static json_t *text_or_null(const char *text)
{
    char shown[4 * sizeof((struct ozx_error *)0)->text];

    if (!text || !*text)
        return json_null();
    /* A text that was cut may end in half a character. */
    return ozx_utf8_valid(text, strlen(text))
               ? json_string(text)
               : json_string(ozx_escape_message(shown, sizeof shown, text));
}

static json_t *finding_json(const struct ozx_finding *f)
{
    return json_pack("{s:s, s:o, s:o, s:s, s:o}", "verdict", ozx_verdict_name(f->verdict), "entry",
                     f->entry ? json_string(f->entry) : json_null(), "offset",
                     f->offset_bytes == OZX_OFFSET_NONE ? json_null()
                                                        : json_integer((json_int_t)f->offset_bytes),
                     "text", f->text, "hint", text_or_null(f->hint));
}

static json_t *rule_json(enum ozx_rule_set set, const struct ozx_rule_report *r)
{
    const struct ozx_rule_info *rule = ozx_rule_info_in(set, r->rule);
    json_t *findings = json_array();

    for (size_t i = 0; findings && i < r->kept; i++)
        if (json_array_append_new(findings, finding_json(&r->findings[i]))) {
            json_decref(findings);
            return NULL;
        }
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:o}", "id", rule->id, "level",
                     ozx_level_name(rule->level), "verdict",
                     r->checked ? ozx_verdict_name(r->verdict) : "unchecked", "count",
                     (json_int_t)r->count, "text", rule->text, "findings", findings, "note",
                     text_or_null(r->note));
}

static json_t *rules_json(const struct ozx_verify_report *report)
{
    json_t *rules = json_array();

    for (size_t i = 0; rules && report && i < report->rule_count; i++)
        if (json_array_append_new(rules, rule_json(report->rule_set, &report->rules[i]))) {
            json_decref(rules);
            return NULL;
        }
    return rules;
}

static json_t *file_json(const struct ozx_verify_result *result)
{
    const struct ozx_verify_report *report = result->report;

    return json_pack(
        "{s:o, s:s, s:i, s:o, s:b, s:b, s:I, s:I, s:o}", "file",
        ozx_jansson_file_name(result->file), "verdict",
        report ? ozx_verdict_name(report->verdict) : "error", "exit", result->exit_status, "error",
        text_or_null(report ? "" : result->error.text), "refused",
        report ? (int)report->refused : 0, "quick", report ? (int)report->quick : 0, "bytes",
        (json_int_t)(report ? report->size_bytes : 0), "entries",
        (json_int_t)(report ? report->entry_count : 0), "rules", rules_json(report));
}

/* A newline and INDENT columns before each line: JSON has no other newlines than those between
 * lines. */
static char *indented(const char *text)
{
    size_t lines = 1, size = strlen(text);
    char *out, *at;

    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    at = out = malloc(size + lines * INDENT + 2);
    if (!out)
        return NULL;
    *at++ = '\n';
    for (const char *line = text; line;) {
        const char *next = strchr(line, '\n');
        size_t length = next ? (size_t)(next - line) + 1 : strlen(line);
        memset(at, ' ', INDENT);
        memcpy(at + INDENT, line, length);
        at += INDENT + length;
        line = next ? next + 1 : NULL;
    }
    *at = '\0';
    return out;
}

int ozx_verify_json(const struct ozx_verify_result *result, char **text)
{
    json_t *json = file_json(result);
    OZX_AUTO_FREE char *made = NULL;
    int failure = ozx_jansson_format(json, JSON_INDENT(2), &made);
    char *whole;

    json_decref(json);
    whole = failure ? NULL : indented(made);
    if (!whole)
        return -ENOMEM;
    *text = whole;
    return 0;
}
