/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive that a verb was given: opened without blocking on what is no regular file.
 */
#ifndef OZX_CLI_INPUT_H
#define OZX_CLI_INPUT_H

#include "archive/archive.h"

/* A source over the file at `path`, relative paths from the working directory. */
int ozx_input_open(const char *path, struct ozx_source **out, struct ozx_error *error) OZX_CHECKED;

/* The same, opened as an archive. The caller closes it. */
int ozx_input_archive(const char *path, struct ozx_archive **out,
                      struct ozx_error *error) OZX_CHECKED;

#endif
