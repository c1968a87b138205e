/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What verify finds, without the data of entries: those may be any number of bytes.
 */
#include <string.h>

#include "verify/verify.h"
#include "view/make.h"

#define FINDINGS_MAX 1000

static void put_finding(struct ozx_json_stream *s, const char *rule,
                        const struct ozx_finding *finding)
{
    char text[1024];

    snprintf(text, sizeof text, "%s%s%s", finding->entry ? finding->entry : "",
             finding->entry ? ": " : "", finding->text);
    ozx_json_stream_open(s, NULL, '{');
    ozx_json_stream_put(s, "level",
                        json_string(finding->verdict == OZX_VERDICT_FAIL ? "error" : "warning"));
    ozx_json_stream_put(s, "rule", ozx_json_stream_text(rule));
    ozx_json_stream_put(s, "text", ozx_json_stream_text(text));
    ozx_json_stream_put(s, "hint", ozx_json_stream_text(finding->hint));
    ozx_json_stream_close(s, '}');
}

static void put_findings(struct ozx_json_stream *s, const struct ozx_verify_report *report)
{
    size_t told = 0;
    bool truncated = false;

    ozx_json_stream_open(s, "findings", '[');
    for (size_t i = 0; i < report->rule_count; i++) {
        const struct ozx_rule_report *rule = &report->rules[i];
        truncated |= rule->count > rule->kept;
        for (size_t j = 0; j < rule->kept && told < FINDINGS_MAX; j++, told++)
            put_finding(s, ozx_rule_id(rule->rule), &rule->findings[j]);
        truncated |= rule->kept && told == FINDINGS_MAX;
    }
    ozx_json_stream_close(s, ']');
    ozx_json_stream_put(s, "truncated", json_boolean(truncated));
}

int ozx_make_findings(struct ozx_maker *maker, const struct ozx_ask *ask,
                      struct ozx_view_answer *out, struct ozx_error *error)
{
    const struct ozx_verify_options options = {.quick = true, .threads = 1, .name = maker->file};
    struct ozx_verify_report *report = NULL;
    struct ozx_json_answer json;
    struct ozx_source *again;
    int failure = ozx_source_open_behind(ozx_archive_source(maker->archive), 0, &again);

    (void)ask;
    if (failure)
        return ozx_error_memory(error);
    failure = ozx_verify(again, &options, &report, error);
    if (failure)
        return failure;
    failure = ozx_json_answer_begin(&json, error);
    if (!failure) {
        ozx_json_stream_open(&json.stream, NULL, '{');
        put_findings(&json.stream, report);
        ozx_json_stream_close(&json.stream, '}');
        failure = ozx_json_answer_end(&json, 0, out, error);
    }
    ozx_verify_report_free(report);
    return failure;
}
