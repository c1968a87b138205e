/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Paths with wildcards, as shells have them, in an archive: `*`, `?` and `[a-z]` stand for
 * characters of one component, `**` as a component for any number of components, also none. A
 * backslash makes the next character plain.
 */
#ifndef OZX_ARCHIVE_GLOB_H
#define OZX_ARCHIVE_GLOB_H

#include "archive/archive.h"

#define OZX_GLOB_STARS_MAX 7 /* components `**` of a pattern */

/* True if there is a wildcard in it, and no entry of the archive is called just that. */
bool ozx_archive_is_pattern(const struct ozx_archive *archive, const char *path);

/* The nodes that match, each once, in the order of a recursive listing; the caller frees `*nodes`.
 * A pattern that ends in '/' matches directories only. -ENOENT: none; -EINVAL: too many `**`;
 * -ENOMEM. */
int ozx_archive_glob(const struct ozx_archive *archive, const char *pattern, uint32_t **nodes,
                     uint32_t *count) OZX_CHECKED;

#endif
