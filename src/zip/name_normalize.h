/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names that are no path as they stand, but mean exactly one: their normal form. Only for writing
 * an archive anew; whatever is served or judged has its names as zip/name.h wants them, or is
 * refused.
 *
 *     ./a   /a   //a   a//b   a/./b      a, a, a, a/b, a/b
 *     ./   /                             the root itself: a directory that is there anyway
 *     a\b   a\                           a/b, a/, where no name of the archive has a '/'
 *     a/../b   C:\a   \\host\a   a/.     no: they lead out, or nobody can tell where they lead
 */
#ifndef OZX_ZIP_NAME_NORMALIZE_H
#define OZX_ZIP_NAME_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>

/* How names are taken. */
enum ozx_names {
    OZX_NAMES_STRICT,      /* refused unless they are paths in their shortest form */
    OZX_NAMES_ANY,         /* as they stand, decoded and not judged: to look at them only */
    OZX_NAMES_NORMAL,      /* in their normal form */
    OZX_NAMES_BACKSLASHES, /* the same; a '\' is a '/' */
};

/* Writes the normal form of `path` (UTF-8, a directory's final '/' included) to `out`, which has as
 * much room and may be `path`. NULL, and its size (0: the root); or what is wrong with it (static).
 */
const char *ozx_zip_name_normalize(char *out, size_t *out_size_bytes, const char *path,
                              size_t size_bytes, bool backslashes);

#endif
