/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The summary of an archive for people: one screen, a tree.
 */
#ifndef OZX_CLI_INFO_TEXT_H
#define OZX_CLI_INFO_TEXT_H

#include "cli/terminal.h"
#include "info/summary.h"

/* Prints to stdout. `file` is its name as given. */
void ozx_info_text(const struct ozx_archive *archive, const struct ozx_summary *summary,
                   const char *file, const struct ozx_terminal *terminal);

#endif
