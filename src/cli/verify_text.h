/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What verify found in a file, for people.
 */
#ifndef OZX_CLI_VERIFY_TEXT_H
#define OZX_CLI_VERIFY_TEXT_H

#include "cli/terminal.h"
#include "verify/verify.h"

struct ozx_verify_text {
    bool quiet, verbose;
    struct ozx_terminal terminal;
};

/* Before the cage: what standard output is. */
void ozx_verify_text_begin(struct ozx_verify_text *text);

/* A heading with the findings below it, if there are any to tell, and a line that sums up.
 * -ENOMEM: not all of it was put. */
int ozx_verify_text(const struct ozx_verify_text *text, const char *file,
                    const struct ozx_verify_report *report) OZX_CHECKED;

#endif
