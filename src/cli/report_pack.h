/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What pack and repack say: of their problems, while they work, and of what they did, in words
 * (pack/pack.h has that as JSON).
 */
#ifndef OZX_CLI_REPORT_PACK_H
#define OZX_CLI_REPORT_PACK_H

#include "cli/problems.h"
#include "pack/pack.h"

/* One line to stderr. */
void ozx_report_pack_words(const char *output, const struct ozx_pack_result *result,
                           double elapsed_s, bool dry_run);

/* The same of a tree that was added to an archive. */
void ozx_report_pack_added(const char *archive, const char *path,
                           const struct ozx_pack_result *result, double elapsed_s);

/* Where a problem of a pack is. */
enum ozx_problem_place ozx_report_pack_place(enum ozx_pack_about about);

/* The progress line; `sum_label` names the phase that only sums. */
void ozx_report_pack_progress(struct ozx_progress *progress, const char *sum_label,
                              const struct ozx_pack_progress *now);

/* The result as one JSON object in one line, which the caller frees. Keys are only ever added.
 * -ENOMEM. */
int ozx_pack_json(const struct ozx_pack_options *options, const struct ozx_pack_result *result,
                  double elapsed_s, char **text) OZX_CHECKED;

#endif
