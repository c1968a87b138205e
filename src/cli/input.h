/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive that a verb was given: opened without blocking on what is no regular file.
 */
#ifndef OZX_CLI_INPUT_H
#define OZX_CLI_INPUT_H

#include "archive/archive.h"
#include "cli/remote_options.h"

/* A source over the file at `path`, relative paths from the working directory. */
int ozx_input_open_file(const char *path, struct ozx_source **out,
                        struct ozx_error *error) OZX_CHECKED;

/* The same, or over what is at the URL `path` (cli/remote.h). */
int ozx_input_open(const char *path, const struct ozx_remote_options *remote,
                   struct ozx_source **out, struct ozx_error *error) OZX_CHECKED;

/* The source as an archive, which owns it from success on (`*source` is NULL then). OZX_EXIT_OK, or
 * the exit status of what was told. */
int ozx_input_archive(const char *path, struct ozx_source **source, struct ozx_archive **out);

/* The whole of a verb that reads one archive: opens it, and does the work in a process that can
 * read it and print, and nothing else. `work` is given `context`, and the source through `*source`,
 * which is set before; what comes out is the exit status. */
int ozx_input_caged(const char *path, const struct ozx_remote_options *remote,
                    struct ozx_source **source, int (*work)(void *context), void *context);

/* Of operands, how many at the front are archives: the first, and those behind it whose names say
 * so (.ozx, .zip), but at most all. */
size_t ozx_input_count_archives(char *const *operands, size_t count);

/* What `pattern` matches in an archive (archive/glob.h): the exit status of what was told. */
int ozx_input_glob(const struct ozx_archive *archive, const char *file, const char *pattern,
                   uint32_t **nodes, uint32_t *count);

#endif
