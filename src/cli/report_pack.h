/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What pack says about what it did, in words (ozx/pack.h has it as JSON).
 */
#ifndef OZX_CLI_REPORT_PACK_H
#define OZX_CLI_REPORT_PACK_H

#include "ozx/pack.h"

/* One line to stderr. */
void ozx_report_pack_words(const char *output, const struct ozx_pack_result *result,
                           double elapsed_s, bool dry_run);

#endif
