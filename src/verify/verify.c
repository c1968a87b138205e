/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which parts of verify there are, and what it comes to. Finds nothing itself but that the archive
 * is refused.
 */
#include "verify/verify.h"

#include <string.h>

#include "verify/verify_parts.h"
#include "zip/prefix.h"

/* The archive is not let in: one finding, two if RFC-9 has a word for it too. */
static void judge_refusal(struct ozx_verify *v, const struct ozx_error *error)
{
    for (enum ozx_rule rule = 1; rule < OZX_RULE_END; rule++)
        ozx_verify_leave_out(v, rule);
    ozx_verify_find_path(v, error->rule, OZX_VERDICT_FAIL, NULL, 0, error->offset_bytes,
                         error->hint, "%s", error->text);
    if (error->rule == OZX_RULE_DISKS)
        ozx_verify_find_path(v, OZX_RULE_SINGLE_PART, OZX_VERDICT_FAIL, NULL, 0,
                             error->offset_bytes, error->hint,
                             "the archive states that it is one part of several");
    if (v->options->rule_set == OZX_RULES_DRAFT && ozx_zip_prefix_size(v->source))
        ozx_verify_find_path(v, OZX_RULE_LEADING, OZX_VERDICT_FAIL, NULL, 0, 0, error->hint,
                             "the first local header is not at offset 0");
}

/* What was found up to the refusal is not told. */
static int start_again(struct ozx_verify *v, struct ozx_error *error)
{
    ozx_verify_findings_free(v);
    return ozx_verify_findings_init(v) ? ozx_error_memory(error) : 0;
}

static int judge(struct ozx_verify *v, struct ozx_error *error)
{
    struct ozx_error wrong = OZX_ERROR_INIT;
    int failure = ozx_zip_end_records_read(v->source, &v->records, &wrong);

    if (failure)
        failure = ozx_zip_prefix_explain(v->source, failure, &wrong);
    if (!failure)
        failure = ozx_verify_superseded(v, &wrong);
    if (!failure)
        failure = ozx_verify_run(v, &wrong);
    if (!failure)
        failure = ozx_verify_file_order(v, &wrong);
    if (!failure) {
        ozx_verify_whole(v);
        return 0;
    }
    if (failure != -EBADMSG || v->archive || !wrong.rule) {
        *error = wrong;
        return failure;
    }
    failure = start_again(v, error);
    if (!failure)
        judge_refusal(v, &wrong);
    return failure;
}

int ozx_verify(struct ozx_source *source, const struct ozx_verify_options *options,
               struct ozx_verify_report **out, struct ozx_error *error)
{
    struct ozx_verify v = {.options = options, .source = source};
    struct ozx_verify_report *report = NULL;
    uint64_t size_bytes = ozx_source_size(source);
    int failure;

    if (ozx_verify_findings_init(&v)) {
        ozx_source_close(source);
        return ozx_error_memory(error);
    }
    for (enum ozx_rule rule = 1; rule < OZX_RULE_END; rule++)
        if (!ozx_rule_is_in(options->rule_set, rule))
            ozx_verify_leave_out(&v, rule);
    failure = judge(&v, error);
    if (!failure && v.archive && options->manifest) {
        const struct ozx_manifest manifest = {.archive = v.archive,
                                              .format = options->manifest,
                                              .digests = v.digests,
                                              .digested = v.digested};
        failure = options->manifest_made(options->context, &manifest, error);
    }
    if (!failure && ozx_verify_findings_report(&v, &report))
        failure = ozx_error_memory(error);
    if (!failure) {
        report->rule_set = options->rule_set;
        report->quick = options->quick;
        report->refused = !v.archive;
        report->size_bytes = size_bytes;
        report->entry_count = v.archive ? v.records.entry_count : 0;
        *out = report;
    }
    if (!v.archive)
        ozx_source_close(source);
    ozx_archive_close(v.archive);
    ozx_verify_findings_free(&v);
    free(v.runs);
    free(v.larges);
    free(v.superseded);
    free(v.local_offsets);
    free(v.digests);
    free(v.digested);
    return failure;
}
