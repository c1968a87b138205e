/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pack's events in words. Knows the library's callbacks, not the verbs.
 */
#include "cli/report_pack.h"

#include <stdio.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/report.h"

void ozx_report_pack_words(const char *output, const struct ozx_pack_result *result,
                           double elapsed_s, bool dry_run)
{
    char files[OZX_COUNT_SIZE], directories[OZX_COUNT_SIZE], left_out[OZX_COUNT_SIZE],
        size[OZX_AMOUNT_SIZE], also[64] = "", without[64] = "",
        chunks[OZX_COUNT_SIZE], shards[OZX_COUNT_SIZE], sharded[2 * OZX_COUNT_SIZE + 32] = "";

    ozx_progress_count(files, result->files);
    ozx_progress_amount(size, (double)result->archive_bytes);
    if (result->directories)
        snprintf(also, sizeof also, " and %s empty director%s",
                 ozx_progress_count(directories, result->directories),
                 result->directories == 1 ? "y" : "ies");
    if (result->shards.arrays)
        snprintf(sharded, sizeof sharded, ", %s chunks in %s shard%s",
                 ozx_progress_count(chunks, result->shards.chunks),
                 ozx_progress_count(shards, result->shards.shards),
                 OZX_S(result->shards.shards));
    if (result->left_out)
        snprintf(without, sizeof without, ", %s left out",
                 ozx_progress_count(left_out, result->left_out));
    if (dry_run)
        (void)ozx_report(0, output, "would hold %s files%s, %s, OME-Zarr %s%s%s", files, also,
                         size, result->version, sharded, without);
    else
        (void)ozx_report(0, output, "%s files%s, %s, OME-Zarr %s%s%s, in %.1f s%s", files, also,
                         size, result->version, sharded, without, elapsed_s,
                         result->verified ? ", verified" : "");
}

void ozx_report_pack_added(const char *archive, const char *path,
                           const struct ozx_pack_result *result, double elapsed_s)
{
    char files[OZX_COUNT_SIZE], size[OZX_AMOUNT_SIZE], name[OZX_ESCAPED_SIZE];

    ozx_progress_count(files, result->files);
    ozx_progress_amount(size, (double)result->data_bytes);
    (void)ozx_report(0, archive, "added %s files, %s, at '%s', in %.1f s", files, size,
                     ozx_escape(name, sizeof name, path, strlen(path)), elapsed_s);
}

enum ozx_problem_place ozx_report_pack_place(enum ozx_pack_about about)
{
    return about == OZX_PACK_INPUT           ? OZX_PROBLEM_INPUT
           : about == OZX_PACK_ARGUMENTS     ? OZX_PROBLEM_USAGE
           : about == OZX_PACK_OUTPUT_CREATE ? OZX_PROBLEM_OUTPUT_CREATE
                                             : OZX_PROBLEM_OUTPUT;
}

void ozx_report_pack_progress(struct ozx_progress *progress, const char *sum_label,
                              const struct ozx_pack_progress *now)
{
    const char *const labels[] = {[OZX_PACK_SCAN] = "scanning",
                                  [OZX_PACK_SUM] = sum_label,
                                  [OZX_PACK_WRITE] = "writing",
                                  [OZX_PACK_VERIFY] = "reading back"};

    ozx_progress_show(progress, &(struct ozx_progress_state){
                                    .label = labels[now->phase],
                                    .items = now->entries,
                                    .items_total = now->entries_total,
                                    .bytes = now->bytes,
                                    .bytes_total = now->bytes_total,
                                });
}
