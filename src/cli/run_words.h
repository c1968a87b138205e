/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line of `ozxfs run`'s command: {} and {N} become paths.
 *
 *     {}   alone: every path, an argument each; within an argument: the path, if there is one only
 *     {N}  the path of the Nth archive, anywhere in an argument; other numbers stay as they are
 */
#ifndef OZX_CLI_RUN_WORDS_H
#define OZX_CLI_RUN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* False for a {} within an argument that could mean several; `*bad` is that argument then. */
bool ozx_run_words_check(char *const *words, size_t path_count, const char **bad);

/* The words with paths in them, NULL at the end; the first, the command, as it is. To be freed by
 * ozx_run_words_free. NULL without memory. */
char **ozx_run_words_make(char *const *words, const char *const *paths, size_t path_count);
void ozx_run_words_free(char **words);

#endif
