/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parts of verify, one after the other. Finds nothing itself but what opening the archive
 * finds.
 */
#include "ozx/verify.h"

#include <string.h>

#include "ozx/verify_parts.h"

/* The archive is not let in: one finding, two if RFC-9 has a word for it too. */
static void judge_refusal(struct ozx_verify *v, const struct ozx_error *error)
{
    size_t count;
    const struct ozx_rule *rules = ozx_rules(&count);

    for (size_t i = 0; i < count; i++)
        ozx_verify_leave_out(v, rules[i].id);
    ozx_verify_find_path(v, error->rule, OZX_VERDICT_FAIL, NULL, 0, error->offset_bytes,
                         error->hint, "%s", error->text);
    if (strcmp(error->rule, "disks") == 0)
        ozx_verify_find_path(v, "single-part", OZX_VERDICT_FAIL, NULL, 0, error->offset_bytes,
                             error->hint, "the archive says that it is one part of several");
}

static int read_comment(struct ozx_verify *v, struct ozx_error *error)
{
    size_t size;
    const char *text = ozx_archive_comment(v->archive, &size);
    int failure = ozx_zip_tail_read(v->source, &v->tail, error);

    if (!failure)
        ozx_comment_parse(text ? text : "", size, &v->comment);
    return failure;
}

/* Everything about an archive that was let in. */
static int judge(struct ozx_verify *v, struct ozx_error *error)
{
    int failure = read_comment(v, error);

    if (!failure)
        failure = ozx_verify_structure(v, error);
    if (!failure)
        failure = ozx_verify_data(v, error);
    if (!failure)
        failure = ozx_verify_metadata(v, error);
    return failure;
}

int ozx_verify(struct ozx_source *source, const struct ozx_verify_options *options,
               struct ozx_verify_report **out, struct ozx_error *error)
{
    struct ozx_verify v = {.options = options, .source = source};
    struct ozx_verify_report *report = NULL;
    uint64_t size_bytes = ozx_source_size(source);
    struct ozx_error refusal = OZX_ERROR_INIT;
    int failure;

    if (ozx_verify_findings_init(&v)) {
        ozx_source_close(source);
        return ozx_error_memory(error);
    }
    failure = ozx_archive_open(source, NULL, &v.archive, &refusal);
    if (failure) {
        ozx_source_close(source);
        if (failure == -EBADMSG && ozx_rule_find(refusal.rule)) {
            judge_refusal(&v, &refusal);
            failure = 0;
        } else {
            *error = refusal;
        }
    } else {
        failure = judge(&v, error);
    }
    if (!failure && ozx_verify_findings_report(&v, &report))
        failure = ozx_error_memory(error);
    if (!failure) {
        report->quick = options->quick;
        report->refused = !v.archive;
        report->size_bytes = size_bytes;
        report->entry_count = v.entry_count;
        *out = report;
    }
    ozx_archive_close(v.archive);
    ozx_verify_findings_free(&v);
    free(v.entries);
    free(v.paths);
    free(v.slots);
    return failure;
}
